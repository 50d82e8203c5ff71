"""A dask scheduler and workers, each a process of its own on a random port, ended for certain."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from pathlib import Path

from trees.holding import held_environment

ROOT = Path(__file__).resolve().parents[1]
#: What workers must be able to import of the tests.
_PATH = os.pathsep.join(
    map(str, (ROOT, ROOT / "tests", ROOT / "tests" / "trees", ROOT / "integration"))
)
_SECONDS = 60


class Cluster:
    """A scheduler, and the workers that were started for it.

    Parameters
    ----------
    folder : Path
        For the scheduler file and the workers' own files.
    allowed_failures : int
        Deaths that a task survives.

    Attributes
    ----------
    hold : Path
        For `trees.holding.held`.
    """

    def __init__(self, folder: Path, allowed_failures: int = 3) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / "scheduler.json"
        self.hold = folder / "hold"
        environment = held_environment(self.hold)
        self._environment = {
            **environment,
            "PYTHONPATH": os.pathsep.join((environment["PYTHONPATH"], _PATH)),
            "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": str(allowed_failures),
        }
        self.processes: list[subprocess.Popen] = []
        self.scheduler = self._start(
            "scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard",
            "--dashboard-address", "127.0.0.1:0",
            "--idle-timeout", "180",  # should this process be killed
            "--scheduler-file", str(self.file),
        )  # fmt: skip
        wait_until(lambda: self.file.exists() and self.file.read_text().endswith("}"))
        self.address = json.loads(self.file.read_text())["address"]

    def _start(self, *arguments: str, cwd: Path | None = None) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *arguments],
            env=self._environment,
            cwd=cwd or self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.processes.append(process)
        return process

    def add_worker(self, *options: str, cwd: Path | None = None) -> subprocess.Popen:
        """Start a worker of one thread; it ends with the scheduler."""
        return self._start(
            "worker", self.address, "--nthreads", "1", "--no-dashboard", "--host", "127.0.0.1",
            "--memory-limit", "0", "--death-timeout", "60", "--local-directory", str(self.folder),
            *options, cwd=cwd,
        )  # fmt: skip

    def close(self) -> None:
        """End everything at once, the workers of nannies with them."""
        for process in self.processes:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
        for process in self.processes:
            process.wait(timeout=60)


@contextmanager
def cluster(folder: Path, workers: int = 0, *options: str, allowed_failures: int = 3):
    """Give a cluster with so many workers, which it has when the block begins."""
    from distributed import Client

    made = Cluster(folder, allowed_failures)
    try:
        for _ in range(workers):
            made.add_worker(*options)
        with Client(made.address, timeout=_SECONDS, set_as_default=False) as client:
            if workers:
                client.wait_for_workers(workers, timeout=_SECONDS)
        yield made
    finally:
        made.close()


def wait_until(condition, seconds: float = _SECONDS) -> None:
    """Wait for something to be so, and fail where it is not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("what was waited for did not happen")
        time.sleep(0.002)
