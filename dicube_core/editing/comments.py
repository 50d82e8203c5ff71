"""Comments inside codestreams: text that came with a source's frames and is kept with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["comments_of"]

_J2K, _JPEG = b"\xff\x4f", b"\xff\xd8"
#: COM of JPEG 2000 (T.800 A.9.2); COM and the application segments of JPEG and JPEG-LS (T.81 B.2).
_COMMENTS = {_J2K: frozenset((0x64,)), _JPEG: frozenset((0xFE, *range(0xE0, 0xF0)))}
#: Where entropy-coded data begins: SOT, SOD; SOS.
_ENDS = {_J2K: frozenset((0x90, 0x93)), _JPEG: frozenset((0xDA, 0xD9))}


def comments_of(codestream: bytes) -> Iterator[str]:
    """Yield the comments in the main header of a JPEG 2000, HTJ2K or JPEG codestream, as Latin-1.

    Other codestreams have none that are known. A header that is not well formed ends the search
    for comments; its bytes are searched all the same, as those of the file.
    """
    kind = codestream[:2]
    position = 2
    while kind in _COMMENTS and position + 4 <= len(codestream):
        mark, code = codestream[position], codestream[position + 1]
        length = int.from_bytes(codestream[position + 2 : position + 4], "big")
        if mark != 0xFF or code in _ENDS[kind] or length < 2:
            return
        if code in _COMMENTS[kind]:
            yield codestream[position + 4 : position + 2 + length].decode("latin-1")
        position += 2 + length
