"""Decoding that ends: in worker processes, which are ended when a frame takes too long or too much.

Native code cannot be interrupted in a thread, and a crash in it takes the process with it. So
where ``Limits.decode_seconds`` is set, `get_codec` gives codecs that decode in processes of their
own: each runs a fresh interpreter (no fork, no import of the caller's main module), does one frame
at a time over two pipes, and is replaced when it was ended. Nothing that it answers is unpickled.
"""

from __future__ import annotations

import atexit
import json
import math
import threading
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dicube_core import exceptions
from dicube_core.codec._arrays import check_out
from dicube_core.codec._decode_process import DecodeProcess
from dicube_core.exceptions import CodecUnavailableError, DecodeError, DicomCubeError
from dicube_core.forks import renew_after_fork
from dicube_core.settings import get_limits, get_num_threads, how_to_raise, limits_as_dict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dicube_core.codec.base import Codestream, FrameCodec, FrameInfo, StoredValues
    from dicube_core.pixels import PixelFormat

__all__ = ["BoundedCodec", "close_processes", "run_bounded"]

#: What prepares a codec in a worker process.
_FRAME_TASK = "dicube_core.codec._decode_worker:frame_task"


class _Pool:
    """Worker processes that have nothing to do, and how many do."""

    def __init__(self) -> None:
        self._idle: list[DecodeProcess] = []
        self.renew()
        renew_after_fork(self)

    def renew(self) -> None:
        """Leave the processes to the parent: in a child made by fork their pipes are shared."""
        for process in self._idle:
            process.abandon()
        self._idle = []
        self._working = 0
        self._changed = threading.Condition()

    @contextmanager
    def process(self) -> Iterator[DecodeProcess]:
        """Give a process to one thread; as many at a time as there are threads to decode on."""
        with self._changed:
            while self._working >= get_num_threads():
                self._changed.wait()
            self._working += 1
            process = self._idle.pop() if self._idle else None
        try:
            if process is not None and not process.alive:
                process.end()
                process = None
            process = process or DecodeProcess()
            yield process
        finally:
            alive = process is not None and process.alive
            if process is not None and not alive:
                process.end()
            with self._changed:
                self._working -= 1
                if process is not None and alive:
                    self._idle.append(process)
                self._changed.notify()

    def close(self) -> None:
        """End those that have nothing to do."""
        with self._changed:
            idle, self._idle = self._idle, []
        for process in idle:
            process.end()


_pool = _Pool()


@atexit.register
def close_processes() -> None:
    """End the worker processes that are idle. The next frame starts new ones."""
    _pool.close()


def run_bounded(
    task: str,
    arguments: dict[str, Any],
    payload: Codestream,
    pixel_format: PixelFormat,
    out: StoredValues | None = None,
) -> StoredValues:
    """Decode one frame in a worker process, within the limits.

    Parameters
    ----------
    task : str
        ``module:function``; called there with `arguments`, it loads what is needed and returns a
        function of the payload that returns an array.
    arguments : dict
        JSON values.
    payload : bytes-like
        What is decoded.
    pixel_format : PixelFormat
        Of the frame: no other type, and no larger array, is taken.
    out : ndarray, optional
        Filled and returned.

    Raises
    ------
    DecodeError
        It took too long or too much memory, or the process crashed.
    CodecUnavailableError
        No process can be started.
    DicomCubeError
        As raised by the task.
    """
    limits = get_limits()
    seconds = limits.decode_seconds or math.inf
    head = {"task": task, "arguments": arguments, "limits": limits_as_dict()}
    payload = memoryview(payload).cast("B")
    with _pool.process() as process:
        process.prepare(json.dumps(head).encode(), len(payload))
        with process.within(seconds):
            answer = process.ask(payload)
            found = {} if answer is None else json.loads(answer)
            if "error" in found:
                raise _error(found)
            values = _receive(process, found, pixel_format, out) if found else None
        if values is None:
            raise _ended(process, seconds)
    return values


def _receive(
    process: DecodeProcess, found: dict[str, Any], pixel_format: PixelFormat, out: Any
) -> StoredValues | None:
    import numpy as np

    shape, dtype = tuple(found["shape"]), pixel_format.dtype
    size = math.prod(shape) * dtype.itemsize
    if found["dtype"] != dtype.str or size > pixel_format.n_bytes:
        process.end()
        raise DecodeError(f"expected {dtype} values, found {found['dtype']} of shape {shape}")
    try:
        if out is not None:
            check_out(out, shape, dtype)
    except DicomCubeError:
        process.end()  # its answer is not read
        raise
    values: StoredValues = np.empty(shape, dtype) if out is None else out
    return values if process.read_into(memoryview(values.reshape(-1).data).cast("B")) else None


def _ended(process: DecodeProcess, seconds: float) -> DecodeError:
    """Say why there is no answer."""
    if process.timed_out:
        return DecodeError(
            f"decoding took longer than the limit decode_seconds, {seconds:g} s; its process was "
            "ended",
            suggestion=how_to_raise("decode_seconds"),
            details={"limit": "decode_seconds"},
        )
    return DecodeError(
        f"the process that decoded it ended by {process.cause()}",
        suggestion="the frame is damaged or hostile; get it from an intact copy",
    )


def _error(found: dict[str, Any]) -> DicomCubeError:
    if found["error"] == "MemoryError":
        limit = get_limits().decode_memory_bytes
        return DecodeError(
            f"decoding needs more memory than the limit decode_memory_bytes, {limit}",
            suggestion=how_to_raise("decode_memory_bytes"),
            details={"limit": "decode_memory_bytes"},
        )
    kind = getattr(exceptions, found["error"], None)
    if not (isinstance(kind, type) and issubclass(kind, DicomCubeError)):
        return DecodeError(f"the decoder failed: {found['error']}: {found['message']}")
    return kind(found["message"], found["context"], found["suggestion"], found["details"])


@dataclass(frozen=True, slots=True)
class BoundedCodec:
    """A codec whose frames are decoded in worker processes; see `FrameCodec`.

    Parameters
    ----------
    codec : FrameCodec
        Encodes and inspects, in this process.
    registered : str
        Name in the registry.
    factory : callable or None
        What makes it there; None where the registry of a new process knows the name anyway.

    Notes
    -----
    Safe to use from several threads, and after fork.
    """

    codec: FrameCodec
    registered: str
    factory: Callable[[], FrameCodec] | None = None

    @property
    def name(self) -> str:
        """Name of the codec."""
        return self.codec.name

    @property
    def transfer_syntax_uid(self) -> str:
        """Transfer syntax of its codestreams."""
        return self.codec.transfer_syntax_uid

    def encode(self, frame: StoredValues, pixel_format: PixelFormat) -> bytes:
        """Encode one frame in this process; see `FrameCodec.encode`."""
        return self.codec.encode(frame, pixel_format)

    def inspect(self, codestream: Codestream, pixel_format: PixelFormat) -> FrameInfo:
        """Check the structure of a codestream in this process; see `FrameCodec.inspect`."""
        return self.codec.inspect(codestream, pixel_format)

    def decode(
        self,
        codestream: Codestream,
        pixel_format: PixelFormat,
        out: StoredValues | None = None,
        level: int = 0,
    ) -> StoredValues:
        """Inspect, then decode one frame in a worker process; see `FrameCodec.decode`.

        Raises
        ------
        DecodeError
            Also where it takes longer, or more memory, than the limits allow, or where the
            decoder crashes.
        """
        if get_limits().decode_seconds is None:
            return self.codec.decode(codestream, pixel_format, out=out, level=level)
        arguments = {
            "codec": self.registered,
            "factory": _reference(self.factory),
            "pixel_format": asdict(pixel_format),
            "level": level.__index__(),
        }
        return run_bounded(_FRAME_TASK, arguments, codestream, pixel_format, out)


def _reference(factory: Callable[[], FrameCodec] | None) -> str:
    """Return where another process finds a factory."""
    if factory is None:
        return ""
    module, name = getattr(factory, "__module__", ""), getattr(factory, "__qualname__", "")
    if not module or not name or "<" in name or module == "__main__":
        raise CodecUnavailableError(
            f"{factory!r} cannot be found by another process, so its frames cannot be decoded "
            "within decode_seconds",
            suggestion="register a function or class of an importable module",
        )
    return f"{module}:{name}"
