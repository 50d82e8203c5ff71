"""Decoding that ends: in worker processes, which are ended when a frame takes too long or too much.

Native code cannot be interrupted in a thread, and a crash in it takes the process with it. So
where ``Limits.decode_seconds`` is set, `get_codec` gives codecs that decode in processes of their
own: each runs a fresh interpreter (no fork, no import of the caller's main module), does one frame
at a time over two pipes, and is replaced when it was ended. Nothing that it answers is unpickled.
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dicube_core import exceptions
from dicube_core.codec._decode_pool import POOL, close_processes
from dicube_core.codec.arrays import check_out
from dicube_core.exceptions import CodecUnavailableError, DecodeError, DicomCubeError
from dicube_core.settings import get_limits, how_to_raise, limits_as_dict

if TYPE_CHECKING:
    from collections.abc import Callable

    from dicube_core.codec._decode_process import DecodeProcess
    from dicube_core.codec.base import Codestream, FrameCodec, FrameInfo, StoredValues
    from dicube_core.pixels import PixelFormat

__all__ = ["BoundedCodec", "close_processes", "run_bounded"]

#: What prepares a codec in a worker process.
_FRAME_TASK = "dicube_core.codec._decode_worker:frame_task"


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
    with POOL.process() as process:
        process.prepare(json.dumps(head).encode(), len(payload))
        with process.within(seconds):
            answer = process.ask(payload)
            values = None if answer is None else _receive(process, *answer, pixel_format, out)
        if values is None:
            raise _ended(process, seconds)
    return values


def _receive(
    process: DecodeProcess, head: bytes, following: int, pixel_format: PixelFormat, out: Any
) -> StoredValues | None:
    """Read an answer to its end; a process whose answer was not read to its end is not kept."""
    import numpy as np

    try:
        found = json.loads(head)
        error = _error(found) if "error" in found else None
        shape, said = tuple(map(int, found.get("shape", ()))), str(found.get("dtype"))
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise DecodeError("the process that decoded it gave an answer that cannot be") from exc
    if error is not None:
        process.settle()
        raise error
    dtype = pixel_format.dtype
    size = math.prod(shape) * dtype.itemsize
    if said != dtype.str or min(shape, default=0) < 0 or size > pixel_format.n_bytes:
        raise DecodeError(f"expected {dtype} values, found {said} of shape {shape}")
    if size != following:
        raise DecodeError(f"values of shape {shape} are {size} bytes, not {following}")
    if out is not None:
        check_out(out, shape, dtype)
    values: StoredValues = np.empty(shape, dtype) if out is None else out
    if not process.read_into(memoryview(values.reshape(-1).data).cast("B")):
        return None
    process.settle()
    return values


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
