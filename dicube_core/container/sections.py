"""Metadata sections: JSON, plain or in a Zstandard frame, with bounds on what they may become."""

from __future__ import annotations

import json
import sys
import threading
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import InvalidCubeFileError, MetaDataError
from dicube_core.json_numbers import finite_float, no_constant
from dicube_core.settings import get_limits, how_to_raise

if TYPE_CHECKING:
    from collections.abc import Iterator

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

    allowed = get_limits().metadata_bytes
    limit = min(allowed, _ALWAYS_ALLOWED + _MAX_RATIO * len(data))
    try:
        declared = zstandard.get_frame_parameters(data).content_size
        known = declared != zstandard.CONTENTSIZE_UNKNOWN
        bound = declared if known else limit
        if bound > limit:
            raise _too_large(what, len(data), limit, allowed)
        if not known and sum(map(len, _pieces(data, bound, 1024))) > limit:
            # Counted before anything is kept; our own writer always declares the size.
            raise _too_large(what, len(data), limit, allowed)
        content = b"".join(_pieces(data, bound))
    except zstandard.ZstdError as exc:
        raise InvalidCubeFileError(f"{what}: not a valid Zstandard frame: {exc}") from exc
    if known and len(content) != declared:
        ends = f"after {len(content)} of" if len(content) < declared else "later than after the"
        raise InvalidCubeFileError(f"{what}: the Zstandard frame ends {ends} {declared} bytes")
    return content


def _pieces(data: bytes, bound: int, most: int = sys.maxsize) -> Iterator[bytes]:
    """Yield the content until there is more than `bound` of it, which is one piece more at most.

    No piece is made of more than `most` bytes of `data`.

    Raises ``ZstdError`` where `data` is not one whole frame.
    """
    import zstandard

    # In steps, as the size that the frame declares may be wrong. Four bytes may become 128 KiB
    # (RFC 8878, 3.1.1.2.2), so no piece is much larger than what is left of the bound.
    stream = _decompressor().decompressobj()
    position = total = 0
    while total <= bound and position < len(data) and not stream.eof:
        step = min(max(1024, (bound - total) >> 15), most)
        piece = stream.decompress(data[position : position + step])
        position += step
        total += len(piece)
        yield piece
    if total <= bound and not stream.eof:
        raise zstandard.ZstdError(f"it is cut, and ends after {total} bytes of content")
    if stream.eof and (stream.unused_data or position < len(data)):
        raise zstandard.ZstdError("other bytes follow it")


def _too_large(what: str, size: int, limit: int, allowed: int) -> InvalidCubeFileError:
    if limit < allowed:
        return InvalidCubeFileError(
            f"{what}: {size} bytes decompress to more than {limit}; refused",
            suggestion="no real series does that; the file is damaged or hostile",
        )
    return InvalidCubeFileError(
        f"{what}: {size} bytes decompress to more than the limit metadata_bytes, {limit}",
        suggestion=how_to_raise("metadata_bytes"),
    )


_finite_json = json.JSONDecoder(parse_float=finite_float, parse_constant=no_constant)


def parse_json(data: bytes, what: str, *, finite: bool = True) -> dict[str, Any]:
    """Parse a JSON object.

    Parameters
    ----------
    data : bytes
        UTF-8 text.
    what : str
        Put in front of the error: file, section, offset.
    finite : bool
        Refuse NaN and Infinity, which Python's parser would let pass. A number that no float
        holds, of which it would make infinity, is refused in any case.
    """
    try:
        if finite:
            value = _finite_json.decode(data.decode())
        else:
            value = json.loads(data, parse_float=finite_float)
    except RecursionError:
        raise MetaDataError(f"{what}: JSON nested too deeply") from None
    except UnicodeDecodeError as exc:
        raise MetaDataError(f"{what}: not UTF-8 text at its byte {exc.start}") from exc
    except ValueError as exc:
        # Python's limit of digits comes with advice that is for programs.
        why = "a number of too many digits" if "digits" in str(exc) else exc
        raise MetaDataError(f"{what}: not valid JSON: {why}") from exc
    if not isinstance(value, dict):
        found = "null" if value is None else type(value).__name__
        raise MetaDataError(f"{what}: a JSON object is expected, not {found}")
    return value


def dump_json(value: dict[str, Any]) -> bytes:
    """Return compact, deterministic JSON in ASCII.

    Raises
    ------
    MetaDataError
        It holds a number that is not finite. Others write such, so one may come with a file.
    """
    try:
        return json.dumps(value, separators=(",", ":"), allow_nan=False).encode("ascii")
    except ValueError as exc:
        raise MetaDataError(
            f"a section with {', '.join(map(repr, value))} cannot be written as JSON, which has "
            "no NaN and no Infinity",
            suggestion="replace the value",
        ) from exc
