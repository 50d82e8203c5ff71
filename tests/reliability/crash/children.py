"""Run a writer in a process of its own, forked from one that has everything imported."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import sys
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from reliability.crash.writers import Writer

DONE, REFUSED, UNCLEAN = 0, 3, 4
_MESSAGE = 4000


@dataclass(frozen=True)
class Ended:
    """How a child ended: exit code (negative: by that signal), and what it said."""

    code: int
    message: str

    @property
    def killed(self) -> bool:
        return self.code == -signal.SIGKILL


class Child:
    """A process that calls one function; errors of the documented kinds end it with `REFUSED`."""

    def __init__(self, work: Callable[[], object], *, gated: bool = False) -> None:
        self._gate, gate = os.pipe()[::-1] if gated else (-1, -1)
        self._read, write = os.pipe()
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._read)
            if gated:
                os.close(self._gate)
                os.read(gate, 1)
            _work(work, write)
        os.close(write)
        if gated:
            os.close(gate)

    def open_gate(self) -> None:
        """Let it begin."""
        os.close(self._gate)

    def kill(self) -> None:
        """Send the signal that cannot be caught; it may have ended, but is not yet forgotten."""
        os.kill(self.pid, signal.SIGKILL)

    def wait(self) -> Ended:
        """Wait for the end."""
        parts = []
        while part := os.read(self._read, 65536):
            parts.append(part)
        os.close(self._read)
        _, status = os.waitpid(self.pid, 0)
        return Ended(os.waitstatus_to_exitcode(status), b"".join(parts).decode(errors="replace"))


def _work(work: Callable[[], object], descriptor: int) -> None:
    from dicube_core.exceptions import DicomCubeError

    code, said = UNCLEAN, ""
    try:
        found = work()
        code, said = DONE, "" if found is None else str(found)
    except (OSError, DicomCubeError) as exc:
        code, said = REFUSED, f"{type(exc).__name__}: {exc}"[:_MESSAGE]
    except BaseException:  # noqa: BLE001 - told to the parent
        said = traceback.format_exc()[-_MESSAGE:]
    finally:
        with contextlib.suppress(OSError):
            os.write(descriptor, said.encode(errors="replace"))
        os._exit(code)


def run(work: Callable[[], object]) -> Ended:
    """Run a function in a child, to its end."""
    return Child(work).wait()


def import_what_is_needed(writers: list[Writer], inputs: Path, area: Path) -> None:
    """Import here, without running anything here, what the writers import."""
    for writer in writers:
        writer.prepare(inputs, area)

        def names(writer: Writer = writer) -> str:
            writer.write(inputs, area)
            return json.dumps(list(sys.modules))

        ended = run(names)
        if ended.code != DONE:
            raise SystemExit(f"{writer.name} does not even run undisturbed: {ended.message}")
        for name in json.loads(ended.message):
            with contextlib.suppress(ImportError):
                importlib.import_module(name)
