"""Change elements at any depth of a data set; every element that is not changed keeps its bytes.

Sequences around a change get new lengths of the kind they had: undefined lengths keep their
delimiters, defined ones and group lengths (PS3.5 7.2) are counted anew.
"""

from __future__ import annotations

from struct import pack
from typing import TYPE_CHECKING, Protocol

from dicube_core.dataset.elements import Element, Encoding, element_header
from dicube_core.dataset.json_model import Level
from dicube_core.exceptions import MetaDataError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["KEEP", "REMOVE", "Context", "Decider", "Verdict", "rewrite"]

_ITEM = (0xFFFE, 0xE000)


class Verdict:
    """What becomes of an element.

    Parameters
    ----------
    data : bytes or None
        The whole element anew, in the encoding of its level.
    remove : bool
        Leave it out.
    descend : bool
        Go on with the items, if it is a sequence.
    """

    __slots__ = ("data", "descend", "remove")

    def __init__(
        self, data: bytes | None = None, *, remove: bool = False, descend: bool = True
    ) -> None:
        self.data, self.remove, self.descend = data, remove, descend


#: As it is; a sequence's items are still looked at.
KEEP = Verdict()
REMOVE = Verdict(remove=True)

#: The sequences around a level: tag, private creator if it has one, and number of the item.
Context = tuple[tuple[int, str, int], ...]


class Decider(Protocol):
    """Says what becomes of elements. Called level by level, in the order of the data set."""

    def decide(self, level: Level, element: Element, vr: str, context: Context) -> Verdict:
        """Return what becomes of one element."""

    def added(self, level: Level, context: Context) -> Mapping[int, bytes]:
        """Return new elements of a level, by tag; they are put in their places."""


def rewrite(data: bytes, encoding: Encoding, decider: Decider) -> bytes:
    """Return a data set with what `decider` changes.

    Raises
    ------
    MetaDataError
        The bytes are not a data set.
    """
    level = Level(data, encoding)
    new = _level(level, decider, ())
    return data if new is None else new


def _level(level: Level, decider: Decider, context: Context) -> bytes | None:
    """Return the new bytes of a level, None where nothing changed."""
    parts: list[tuple[int, bytes]] = []
    touched: set[int] = set()
    for element in level.walked:
        old = level.data[element.start : element.stop]
        # Group lengths follow from what they count.
        new = old if element.tag & 0xFFFF == 0 else _element(level, element, decider, context)
        if new is None:
            touched.add(element.tag >> 16)
            continue
        if new is not old and new != old:
            touched.add(element.tag >> 16)
        parts.append((element.tag, new))
    added = decider.added(level, context)
    for tag, data in sorted(added.items()):
        touched.add(tag >> 16)
        place = next((i for i, (t, _) in enumerate(parts) if t > tag), len(parts))
        parts.insert(place, (tag, data))
    return b"".join(_counted(parts, touched, level.encoding)) if touched else None


def _element(level: Level, element: Element, decider: Decider, context: Context) -> bytes | None:
    """Return the new bytes of an element, None where it is removed."""
    vr = level.vr(element)
    verdict = decider.decide(level, element, vr, context)
    if verdict.remove:
        return None
    if verdict.data is not None:
        return verdict.data
    old = level.data[element.start : element.stop]
    if vr != "SQ" or not verdict.descend or element.value == element.value_stop:
        return old
    try:
        items = level.items(element)
    except MetaDataError:
        return old  # not a sequence after all; kept as it is, as the JSON model has it
    return _sequence(level, element, items, decider, context) or old


def _sequence(
    level: Level, element: Element, items: list[Level], decider: Decider, context: Context
) -> bytes | None:
    changed = False
    parts: list[bytes] = []
    creator = level.creator(element.tag) if element.tag & 0x10000 else ""
    for number, item in enumerate(items):
        start, stop = item.span.start, item.span.stop
        new = _level(item, decider, (*context, (element.tag, creator, number)))
        content = level.data[start:stop] if new is None else new
        changed |= new is not None
        if item.undefined:
            ends = level.data[start - 8 : start], pack("<HHI", 0xFFFE, 0xE00D, 0)
        else:
            ends = pack("<HHI", *_ITEM, len(content)), b""
        parts += [ends[0], content, ends[1]]
    if not changed:
        return None
    value = b"".join(parts)
    if element.undefined:
        head = level.data[element.start : element.value]
        return head + value + level.data[element.value_stop : element.stop]
    vr = element.vr or b"SQ"
    return element_header(element.tag, vr, len(value), level.encoding) + value


def _counted(parts: list[tuple[int, bytes]], groups: set[int], encoding: Encoding) -> list[bytes]:
    """Count the group lengths of changed groups anew; drop those of groups that are gone."""
    result = []
    for position, (tag, part) in enumerate(parts):
        if tag & 0xFFFF == 0 and tag >> 16 in groups:
            length = sum(len(d) for t, d in parts[position + 1 :] if t >> 16 == tag >> 16)
            if length:
                result.append(element_header(tag, b"UL", 4, encoding) + pack("<I", length))
            continue
        result.append(part)
    return result
