"""Run probes in processes of their own, forked from one that has imported everything.

Several probes of one variant share a process. If it dies, the probe that was running is told, and
another process goes on with the next one.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import shutil
import signal
import sys
import tempfile
import threading
import time
import warnings
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reliability.malformed import limits
from reliability.malformed.outcomes import GOOD, Outcome, Result, judge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from reliability.malformed.outcomes import Expected
    from reliability.malformed.variant import Probe, Variant

__all__ = ["FILE_NAME", "Task", "in_child", "read_variant", "run_tasks", "scratch_folder"]

#: Unlike anything that an error would say by chance.
FILE_NAME = "malformed-file.dcbs"
_KILLED_FOR_TIME = (signal.SIGXCPU,)


@dataclass(slots=True)
class Task:
    """Probes of one variant that are still to be run."""

    variant: Variant
    probes: Sequence[Probe]
    expected: Mapping[tuple[str, str], Expected] | None = None


@dataclass(slots=True)
class _Child:
    task: Task
    pid: int
    folder: Path
    started: float
    running: str = ""
    done: int = 0
    buffer: bytes = b""
    killed: bool = False
    results: list[Result] = field(default_factory=list)


def scratch_folder() -> str:
    """Return where files are written: in memory where that is possible."""
    shm = Path("/dev/shm")
    return str(shm) if os.access(shm, os.W_OK | os.X_OK) else tempfile.gettempdir()


def run_tasks(tasks: Iterable[Task], workers: int) -> Iterator[Result]:
    """Run tasks, several at a time; yield what came of each probe.

    Parameters
    ----------
    tasks : iterable of Task
        What to run.
    workers : int
        Processes at a time.
    """
    if threading.active_count() > 1:
        raise RuntimeError(f"threads do not survive a fork: {threading.enumerate()}")
    gc.collect()
    gc.freeze()
    waiting = iter(tasks)
    selector = selectors.DefaultSelector()
    root = Path(tempfile.mkdtemp(prefix="malformed-", dir=scratch_folder()))
    again: list[Task] = []
    try:
        while True:
            while len(selector.get_map()) < workers:
                task = again.pop() if again else next(waiting, None)
                if task is None:
                    break
                _start(task, root, selector)
            if not selector.get_map():
                return
            for key, _ in selector.select(timeout=1):
                yield from _listen(key.fd, key.data, selector, again)
            _kill_the_late(selector)
    finally:
        for key in list(selector.get_map().values()):
            _kill(key.data)
            os.waitpid(key.data.pid, 0)
        selector.close()
        shutil.rmtree(root, ignore_errors=True)


def _start(task: Task, root: Path, selector: selectors.BaseSelector) -> None:
    folder = Path(tempfile.mkdtemp(dir=root))
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            os.setpgid(0, 0)
            os.close(reading)
            for other in list(selector.get_map().values()):
                os.close(other.fd)
            _child(task, folder, writing)
            code = 0
        finally:
            os._exit(code)
    os.close(writing)
    child = _Child(task, pid, folder, time.monotonic())
    selector.register(reading, selectors.EVENT_READ, child)


def _child(task: Task, folder: Path, pipe: int) -> None:
    """Run the probes of a task; tell before each which it is, and what came of it."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in range(3):
        os.dup2(null, number)

    def tell(message: dict[str, Any]) -> None:
        left = json.dumps(message).encode() + b"\n"
        while left:
            left = left[os.write(pipe, left) :]

    # Whatever rule makes the variant may need more than the program under test.
    data = task.variant.make()
    limits.set_limits()
    for probe in task.probes:
        tell({"running": probe.name})
        tell(asdict(read_variant(probe, task.variant, data, folder, task.expected)))


def read_variant(
    probe: Probe,
    variant: Variant,
    data: bytes,
    folder: Path,
    expected: Mapping[tuple[str, str], Expected] | None,
) -> Result:
    """Run one probe in this process, with fresh folders."""
    places = [Path(tempfile.mkdtemp(dir=folder)) for _ in range(2)]
    path = places[0] / FILE_NAME
    path.write_bytes(data)
    swallowed: list[str] = []
    sys.unraisablehook = lambda told: swallowed.append(f"ignored: {told.exc_value!r}")
    threading.excepthook = lambda told: swallowed.append(f"in a thread: {told.exc_value!r}")
    warnings.simplefilter("ignore")
    limits.allow_more_time()
    before = limits.start_measuring()
    good = None if expected is None else expected[variant.base, probe.name]
    result = judge(probe, variant, data, path, places[1], good)
    growth = limits.peak_growth(before)
    for place in places:
        shutil.rmtree(place, ignore_errors=True)
    where = (result.base, result.family, result.name, result.probe)
    if growth > limits.GROWTH_BYTES:
        text = f"{growth >> 20} MiB of memory, {result.outcome}: {result.text}"
        return Result(*where, Outcome.MEMORY, text)
    if swallowed and result.outcome in GOOD:
        return Result(*where, Outcome.UNCLEAN, f"{swallowed[0]}; {result.text}")
    return result


def _listen(
    fd: int, child: _Child, selector: selectors.BaseSelector, again: list[Task]
) -> Iterator[Result]:
    """Take what a child says; when it is gone, tell how, and see to what it has not done."""
    data = os.read(fd, 1 << 16)
    *lines, child.buffer = (child.buffer + data).split(b"\n")
    for line in lines:
        message = json.loads(line)
        child.started = time.monotonic()
        if "running" in message:
            child.running = message["running"]
        else:
            child.running = ""
            child.done += 1
            message["outcome"] = Outcome(message["outcome"])
            yield Result(**message)
    if data:
        return
    selector.unregister(fd)
    os.close(fd)
    _, status = os.waitpid(child.pid, 0)
    shutil.rmtree(child.folder, ignore_errors=True)
    task = child.task
    if child.done == len(task.probes):
        return
    outcome, text = _death(status, child)
    variant = task.variant
    probe = task.probes[child.done].name
    if not child.running and outcome is Outcome.CRASH:
        text += ", between two probes"
    yield Result(variant.base, variant.family, variant.name, probe, outcome, text)
    rest = task.probes[child.done + 1 :]
    if rest:
        again.append(Task(variant, rest, task.expected))


def _death(status: int, child: _Child) -> tuple[Outcome, str]:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        if child.killed or number in _KILLED_FOR_TIME:
            return Outcome.HANG, "it did not end in the time that it has"
        return Outcome.CRASH, f"ended by {signal.Signals(number).name}"
    return Outcome.CRASH, f"the process ended by itself with code {os.WEXITSTATUS(status)}"


def _kill_the_late(selector: selectors.BaseSelector) -> None:
    now = time.monotonic()
    for key in list(selector.get_map().values()):
        if now - key.data.started > limits.WALL_SECONDS:
            _kill(key.data)


def _kill(child: _Child) -> None:
    child.killed = True
    for kill in (os.killpg, os.kill):
        try:
            kill(child.pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def in_child(work: Callable[[], Any]) -> Any:
    """Return what a function returns in a child process, as JSON; nothing else of it is kept."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reading)
            null = os.open(os.devnull, os.O_RDWR)
            for number in range(3):
                os.dup2(null, number)
            with os.fdopen(writing, "w") as file:
                json.dump(work(), file)
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        text = file.read()
    os.waitpid(pid, 0)
    return json.loads(text) if text else None
