"""A worker process that decodes, as its parent sees it: start, ask, read, end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from struct import Struct
from typing import TYPE_CHECKING, BinaryIO, cast

from dicube_core.exceptions import CodecUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["HEAD", "READY", "DecodeProcess", "widen"]

#: Length of the JSON text that follows, and of the bytes after it.
HEAD = Struct("<IQ")
#: One byte that says: all is loaded, the clock may start.
READY = b"R"
#: Seconds that a process may take to start, and to load a codec.
_START_SECONDS = 120.0
#: Interrupts are for the parent, also while this process starts.
_COMMAND = (
    "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); "
    "from dicube_core.codec._decode_worker import main; main()"
)
#: Longest text of an answer.
_LONGEST_ANSWER = 1 << 20
#: Seconds that a process may take to end once its pipe is closed.
_END_SECONDS = 5.0
#: Linux: whole frames fit in a pipe, so that the two sides wait for each other less.
_SET_PIPE_SIZE, _PIPE_SIZE = 1031, 1 << 20


def widen(descriptor: int) -> None:
    """Make a pipe hold more, where that can be."""
    if sys.platform == "linux":
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, _SET_PIPE_SIZE, _PIPE_SIZE)


def _interpreter() -> str:
    """Return the interpreter, also where this is a program that only embeds it."""
    from multiprocessing.spawn import get_executable

    found = os.fsdecode(get_executable() or sys.executable or "")
    # A program that holds its own interpreter would start itself, not Python.
    if not found or (getattr(sys, "frozen", False) and found == sys.executable):
        raise CodecUnavailableError(
            "no process to decode in can be started: this program is no Python interpreter",
            suggestion="multiprocessing.set_executable names one; or set no decode_seconds",
        )
    return found


def _module_path() -> str:
    """Return where this process finds modules; '' is the folder that it works in."""
    found = []
    for entry in sys.path:
        if isinstance(entry, str):  # others are passed over by imports, too
            with contextlib.suppress(OSError):  # that folder may be gone
                found.append(os.path.abspath(entry))  # noqa: PTH100 - links stay as they are
    return os.pathsep.join(found)


class DecodeProcess:
    """One process; used by one thread at a time.

    Raises
    ------
    CodecUnavailableError
        It cannot be started.
    """

    def __init__(self) -> None:
        self.timed_out = False
        self._owner = os.getpid()
        #: Whether something of a request or an answer is on its way, or may be.
        self._busy = False
        # Threads of numerical libraries would take address space that counts against the limit.
        threads = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter
                # -P: nothing is imported from the folder it happens to be in.
                [_interpreter(), "-P", "-c", _COMMAND],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                bufsize=0,
                env={**os.environ, **threads, "PYTHONPATH": _module_path()},
            )
        except OSError as exc:
            raise CodecUnavailableError(
                f"no process to decode in can be started: {exc}",
                suggestion="multiprocessing.set_executable names the interpreter; or set no "
                "decode_seconds",
            ) from exc
        self._to = cast("BinaryIO", self._process.stdin)
        self._from = cast("BinaryIO", self._process.stdout)
        widen(self._to.fileno())
        widen(self._from.fileno())
        self._deadline: threading.Timer | None = None

    @property
    def alive(self) -> bool:
        """Whether it can be asked (again).

        Not after an interrupt or error in the middle of an answer: what is left of it would be
        taken for the answer to the next question.
        """
        return not (self._busy or self.timed_out) and self._process.poll() is None

    def prepare(self, head: bytes, payload_size: int) -> None:
        """Send a task, and wait until all that it needs is loaded.

        Raises
        ------
        CodecUnavailableError
            The process ended instead.
        """
        self._busy = True
        with self.within(_START_SECONDS):
            ready = bytearray(1)
            sent = self._write(HEAD.pack(len(head), payload_size) + head)
            if not sent or not self.read_into(memoryview(ready)):
                self.end()
                raise CodecUnavailableError(
                    f"the process to decode in did not start: it ended by {self.cause()}",
                    suggestion=f"try: python -P -c '{_COMMAND}'",
                )
            if ready != READY:
                self.end()
                raise CodecUnavailableError(
                    "the process to decode in did not start: it printed something instead",
                    suggestion="something that Python loads at its start (sitecustomize, .pth "
                    "files) must not print, or is no Python at all",
                )

    def ask(self, payload: memoryview) -> tuple[bytes, int] | None:
        """Send what the task is about.

        Returns
        -------
        (bytes, int) or None
            Head of the answer, and how many bytes follow; None if there is no answer.
        """
        lengths = bytearray(HEAD.size)
        if not self._write(payload) or not self.read_into(memoryview(lengths)):
            return None
        size, following = HEAD.unpack(lengths)
        answer = bytearray(min(size, _LONGEST_ANSWER))
        return (bytes(answer), following) if self.read_into(memoryview(answer)) else None

    def settle(self) -> None:
        """Say that the whole answer was read, so that the process can be asked again."""
        self._busy = False

    @contextlib.contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """End the process when the time is over; reads and writes then end at once, too."""
        if seconds > threading.TIMEOUT_MAX:
            yield
            return
        timer = threading.Timer(seconds, self._time_over)
        timer.daemon = True
        try:
            timer.start()
        except RuntimeError as exc:
            raise CodecUnavailableError(f"nothing can watch the time: {exc}") from exc
        try:
            yield
        finally:
            timer.cancel()
            # It may be about to end the process: afterwards it is known whether it did.
            timer.join()

    def _time_over(self) -> None:
        self.timed_out = True
        self._process.kill()

    def _write(self, data: bytes | memoryview) -> bool:
        view = memoryview(data)
        try:
            while view:
                view = view[self._to.write(view) or 0 :]
        except OSError:  # it is gone
            return False
        return True

    def read_into(self, view: memoryview) -> bool:
        """Fill a buffer with what the process sends; False if it ended before."""
        while view:
            count = self._from.readinto(view)  # type: ignore[attr-defined]
            if not count:
                return False
            view = view[count:]
        return True

    def cause(self) -> str:
        """Wait for the end, and say what it was."""
        try:
            code = self._process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:  # it closed its pipe, and goes on
            self._process.kill()
            code = self._process.wait()
        self._close()
        if code >= 0:
            return f"exit status {code}"
        with contextlib.suppress(ValueError):
            return f"signal {signal.Signals(-code).name}"
        return f"signal {-code}"

    def end(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait()
        self._close()

    def abandon(self) -> None:
        """Forget a process of the parent, in a process made by fork."""
        self._process.returncode = 0  # nobody here waits for it
        self._close()

    def __del__(self) -> None:
        # An interrupt came between its start and the line that would have kept it.
        with contextlib.suppress(AttributeError, OSError):
            if self._owner == os.getpid():
                self.end()

    def _close(self) -> None:
        for pipe in (self._to, self._from):
            with contextlib.suppress(OSError):
                pipe.close()
