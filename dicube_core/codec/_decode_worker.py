"""What runs in a worker process: one frame at a time, within bounds that the system enforces."""

from __future__ import annotations

import json
import os
import signal
import sys
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, BinaryIO, NoReturn

from dicube_core.codec._decode_process import HEAD, READY
from dicube_core.exceptions import DicomCubeError
from dicube_core.settings import set_limits

try:
    import resource
except ImportError:  # pragma: no cover - platforms without such limits
    resource = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Callable

    from dicube_core.codec.base import FrameCodec, StoredValues

    Decode = Callable[[bytes], StoredValues]

__all__ = ["frame_task", "main"]


def main() -> None:
    """Answer requests until there are no more: the parent closed the pipe, or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    # What a library prints must not get between the answers.
    with os.fdopen(os.dup(0), "rb") as requests, os.fdopen(os.dup(1), "wb", 0) as answers:
        os.dup2(2, 1)
        while head := requests.read(HEAD.size):
            _serve(head, requests, answers)


def _serve(head: bytes, requests: BinaryIO, answers: BinaryIO) -> None:
    head_size, payload_size = HEAD.unpack(head)
    request = json.loads(requests.read(head_size))
    limits = request["limits"]
    seconds = limits["decode_seconds"]
    # Here frames are decoded as they come.
    set_limits(**{**limits, "decode_seconds": None})
    decode = _prepared(request)
    _bound_memory(limits["decode_memory_bytes"])
    _send(answers, READY)
    _set_alarm(0 if seconds is None else 1 + 2 * seconds)
    payload = requests.read(payload_size)
    try:
        values = decode(payload)
        answer = {"shape": values.shape, "dtype": values.dtype.str}
        data = memoryview(values.reshape(-1).data).cast("B")
    except Exception as exc:  # noqa: BLE001 - the parent raises it
        answer, data = _problem(exc), memoryview(b"")
    _set_alarm(0)
    text = json.dumps(answer).encode()
    _send(answers, HEAD.pack(len(text), len(data)) + text)
    _send(answers, data)


def _prepared(request: dict[str, Any]) -> Decode:
    """Load what a task needs; where that fails, it fails again when it is to decode."""
    try:
        decode: Decode = _named(request["task"])(request["arguments"])
    except Exception as exc:  # noqa: BLE001 - the parent raises it
        return partial(_fail, exc)
    return decode


def _fail(error: Exception, _: bytes) -> NoReturn:
    raise error


def _send(answers: BinaryIO, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        view = view[answers.write(view) :]


def _problem(error: Exception) -> dict[str, Any]:
    """Return an error as JSON values."""
    # Libraries raise their own errors where memory is short; ours carry them as their cause.
    cause = error.__cause__ or error.__context__
    if isinstance(error, MemoryError) or isinstance(cause, MemoryError):
        return {"error": "MemoryError", "message": str(error)}
    found: dict[str, Any] = {"error": type(error).__name__, "message": str(error)}
    if isinstance(error, DicomCubeError):
        details = {k: v for k, v in error.details.items() if isinstance(v, str | int | float)}
        found |= {
            "message": error.message,
            "context": error.context,
            "suggestion": error.suggestion,
            "details": details,
        }
    return found


def _named(reference: str) -> Any:
    module, _, name = reference.partition(":")
    found: Any = import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _bound_memory(allowed: int) -> None:
    """Let this process take so much more address space than it has now."""
    if resource is None or sys.platform != "linux":
        return
    with open("/proc/self/statm", encoding="ascii") as file:  # noqa: PTH123
        used = int(file.read().split()[0]) * resource.getpagesize()
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = used + allowed
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))


def _set_alarm(seconds: float) -> None:
    """Have the system end this process if nobody else does: its parent may be gone by then."""
    if hasattr(signal, "setitimer"):
        signal.setitimer(signal.ITIMER_REAL, seconds)


def frame_task(arguments: dict[str, Any]) -> Decode:
    """Load a codec; return the function that decodes with it."""
    from dicube_core.codec.registry import get_codec, register_codec
    from dicube_core.pixels import PixelFormat

    name, factory = arguments["codec"], arguments["factory"]
    if factory and factory not in _registered:
        register_codec(name, _named(factory), replace=True)
        _registered.add(factory)
    codec: FrameCodec = get_codec(name)
    pixel_format = PixelFormat(**arguments["pixel_format"])
    return lambda payload: codec.decode(payload, pixel_format, level=arguments["level"])


_registered: set[str] = set()
