"""Metadata sections: JSON, plain or in a Zstandard frame, with bounds on what they may become."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import InvalidCubeFileError, MetaDataError
from dicube_core.settings import LIMITS

if TYPE_CHECKING:
    from zstandard import ZstdDecompressor

__all__ = ["compress", "decompress", "dump_json", "parse_json"]

# Real series reach ratios of a few hundred (thousands of nearly equal slices).
_MAX_RATIO = 2000
_ALWAYS_ALLOWED = 32 << 20


# On the headers and metadata of real series level 19 saves 5 to 10 % of a few kilobytes, and takes
# 25 times as long: a tenth of the time in which the frames of a small series are encoded.
_LEVEL = 9
_of_thread = threading.local()


def compress(data: bytes, level: int = _LEVEL) -> bytes:
    """Compress with Zstandard, single-threaded, so that equal input gives equal bytes."""
    import zstandard

    return zstandard.ZstdCompressor(level=level, write_content_size=True).compress(data)


def _decompressor() -> ZstdDecompressor:
    """Return this thread's own: making one takes as long as a small section."""
    made: ZstdDecompressor | None = getattr(_of_thread, "decompressor", None)
    if made is None:
        import zstandard

        made = _of_thread.decompressor = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    return made


def decompress(data: bytes, what: str) -> bytes:
    """Decompress one Zstandard frame, never to more than the input justifies.

    Raises
    ------
    InvalidCubeFileError
        Damaged, or larger than the limit.
    """
    import zstandard

    limit = min(LIMITS.metadata_bytes, _ALWAYS_ALLOWED + _MAX_RATIO * len(data))
    parts: list[bytes] = []
    total = 0
    try:
        declared = zstandard.get_frame_parameters(data).content_size
        # Streaming, as the size that the frame declares may be wrong: no more than a megabyte is
        # allocated on its word.
        size = min(max(declared, 1 << 14), 1 << 20)
        reader = _decompressor().stream_reader(data)
        while chunk := reader.read(size):
            total += len(chunk)
            if total > limit:
                raise InvalidCubeFileError(
                    f"{what}: {len(data)} bytes decompress to more than {limit}; refused",
                    suggestion="no real series does that; the file is damaged or hostile",
                )
            parts.append(chunk)
    except zstandard.ZstdError as exc:
        raise InvalidCubeFileError(f"{what}: not a valid Zstandard frame: {exc}") from exc
    if declared not in (total, zstandard.CONTENTSIZE_UNKNOWN):
        raise InvalidCubeFileError(
            f"{what}: the Zstandard frame ends after {total} of {declared} bytes"
        )
    return b"".join(parts)


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is not a number that JSON knows")


_finite_json = json.JSONDecoder(parse_constant=_refuse_constant)


def parse_json(data: bytes, what: str, *, finite: bool = True) -> dict[str, Any]:
    """Parse a JSON object.

    Parameters
    ----------
    data : bytes
        UTF-8 text.
    what : str
        Put in front of the error: file, section, offset.
    finite : bool
        Refuse NaN and Infinity, which Python's parser would let pass.
    """
    try:
        value = _finite_json.decode(data.decode()) if finite else json.loads(data)
    except RecursionError:
        raise MetaDataError(f"{what}: JSON nested too deeply") from None
    except ValueError as exc:
        raise MetaDataError(f"{what}: not valid JSON: {exc}") from exc
    if not isinstance(value, dict):
        raise MetaDataError(f"{what}: a JSON object is expected, not {type(value).__name__}")
    return value


def dump_json(value: dict[str, Any]) -> bytes:
    """Return compact, deterministic JSON in ASCII."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")
