"""Functional groups of an instance, brought to the level where single-frame images have them.

PS3.3 C.7.6.16: what all frames share stands in one item, what differs in one item per frame, each
attribute in the sequence of its macro. A single-frame image has the same attributes at its top
level.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.dataset.elements import Element, Encoding, walk
from dicube_core.dicom.multiframe.kinds import PER_FRAME_GROUPS, SHARED_GROUPS
from dicube_core.dicom.multiframe.pieces import items_of
from dicube_core.dicom.multiframe.private import PrivateBlocks
from dicube_core.exceptions import MetaDataError, UnsupportedKindError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FunctionalGroups", "lifted"]

#: Macros whose items say of what they are by standing in their sequence: these stay sequences.
_KEPT = frozenset(
    (
        *(0x00081140, 0x00189341, 0x00189360, 0x00189737),  # references, contrast, sources, tracers
        *(0x00209172, 0x00409096, 0x0062000A),  # conversion source, real world values, segments
    )
)
#: Never taken from a functional group: identity, and the description of the pixels.
_OWN = frozenset(
    (
        *(0x00080016, 0x00080018, 0x0020000D, 0x0020000E, 0x00280002, 0x00280004, 0x00280006),
        *(0x00280008, 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102, 0x00280103),
        *(SHARED_GROUPS, PER_FRAME_GROUPS, 0x7FE00010, 0x7FE00008, 0x7FE00009),
    )
)
_CHARACTER_SET = 0x00080005
_Macro = list[tuple[int, bytes]]
#: Macros that are kept resolved.
_MAX_KNOWN = 512


class FunctionalGroups:
    """The functional groups of one instance. Safe for threads.

    Parameters
    ----------
    top : mapping of tag to bytes
        The elements of the instance's top level.
    encoding : Encoding
        Of these.
    frame_count : int
        Frames of the instance.

    Raises
    ------
    MetaDataError
        There is not one item per frame.
    """

    def __init__(self, top: Mapping[int, bytes], encoding: Encoding, frame_count: int) -> None:
        self._encoding = encoding
        self._charset = top.get(_CHARACTER_SET)
        self._known: dict[bytes, _Macro] = {}
        shared = _sequence_items(top.get(SHARED_GROUPS), encoding)
        self._blocks = PrivateBlocks.of(top.items(), encoding)
        self.shared = self._lift(shared[0], self._blocks) if shared else {}
        self.frames = _sequence_items(top.get(PER_FRAME_GROUPS), encoding)
        if self.frames and len(self.frames) != frame_count:
            raise MetaDataError(
                f"{len(self.frames)} items in Per-Frame Functional Groups for {frame_count} frames"
            )

    def of_frame(self, number: int) -> dict[int, bytes]:
        """Return what one frame alone has, without what all share."""
        return self._lift(self.frames[number], self._blocks.copy()) if self.frames else {}

    def _lift(self, item: bytes, blocks: PrivateBlocks) -> dict[int, bytes]:
        found = lifted(item, self._encoding, blocks, self._known)
        charset = found.pop(_CHARACTER_SET, None)
        if charset is not None and charset != self._charset:
            raise UnsupportedKindError(
                "a functional group in another character set than its instance cannot be resolved",
                suggestion="keep such files as DICOM",
            )
        return found


def _sequence_items(piece: bytes | None, encoding: Encoding) -> list[bytes]:
    if not piece:
        return []
    return items_of(piece, next(walk(piece, encoding)), encoding)


def lifted(
    item: bytes,
    encoding: Encoding,
    blocks: PrivateBlocks,
    known: dict[bytes, _Macro] | None = None,
) -> dict[int, bytes]:
    """Return the attributes of a functional group item as a top level has them.

    A macro with one item gives that item's attributes. Macros with several or none stay
    sequences, and so do private ones and those that refer to something.

    Parameters
    ----------
    blocks : PrivateBlocks
        Those of the level that the attributes come to; those of the item are added.
    known : dict, optional
        Macros that were resolved before, which is added to: frames have many in common.
    """
    result: dict[int, bytes] = {}
    private: _Macro = []
    for found in walk(item, encoding):
        if found.tag & 0xFFFF == 0 or found.tag >> 16 == 0xFFFE:
            continue
        data = item[found.start : found.stop]
        if found.tag >> 16 & 1:
            private.append((found.tag, data))
            continue
        macro = None if known is None else known.get(data)
        if macro is None:
            pieces = _of_macro(item, found, encoding)
            macro = [(tag, piece) for tag, piece in pieces if tag not in _OWN]
            if known is not None and len(known) < _MAX_KNOWN:
                known[data] = macro
        if any(tag & 0x10000 for tag, _ in macro):
            result.update((tag, piece) for tag, piece in macro if not tag & 0x10000)
            own = [(tag, piece) for tag, piece in macro if tag & 0x10000]
            result.update(blocks.place(own, encoding))
        else:
            result.update(macro)
    if private:
        result.update(blocks.place(private, encoding))
    return result


def _of_macro(item: bytes, found: Element, encoding: Encoding) -> _Macro:
    whole = [(found.tag, item[found.start : found.stop])]
    if found.tag in _KEPT:
        return whole
    try:
        items = items_of(item, found, encoding)
        if len(items) != 1:
            return whole
        inner = items[0]
        return [
            (e.tag, inner[e.start : e.stop])
            for e in walk(inner, encoding)
            if e.tag & 0xFFFF and e.tag >> 16 != 0xFFFE
        ]
    except MetaDataError:
        return whole
