"""Values at any depth of a header, and what became of them between two headers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from dicube_core.dataset._text import CharacterSet, decode
from dicube_core.dataset._values import MULTIPLE_TEXT_VRS
from dicube_core.dataset.elements import EXPLICIT_LITTLE, Encoding
from dicube_core.dataset.json_model import Level
from dicube_core.editing.paths import readable
from dicube_core.exceptions import MetaDataError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dicube_core.dicom.headers import SliceHeader

__all__ = ["FILE_NAME", "PREAMBLE", "Change", "Leaf", "Place", "changes", "leaves", "place_text"]

#: Tags of the sequences down to an element, each with the number of its item, and the element's
#: tag. What is not an element of a data set has a text instead.
Place = tuple[tuple[int, int], ...] | str

FILE_NAME = "file name"
PREAMBLE = "preamble"
_TEXT_VRS = MULTIPLE_TEXT_VRS | {"LT", "ST", "UR", "UT"}


class Leaf(NamedTuple):
    """One value that is no sequence."""

    place: Place
    vr: str
    value: bytes
    charset: CharacterSet

    @property
    def tag(self) -> int:
        """Tag of the element, 0 for what is none."""
        return 0 if isinstance(self.place, str) else self.place[-1][0]

    @property
    def is_text(self) -> bool:
        """Whether the VR is one of text."""
        return self.vr in _TEXT_VRS

    def texts(self) -> list[str]:
        """Return the values of a text, without padding; empty ones left out."""
        text = decode(self.value, self.charset).rstrip("\0 ")
        parts = text.split("\\") if self.vr in MULTIPLE_TEXT_VRS else [text]
        return [part for part in (p.strip(" \0\r\n\t") for p in parts) if part]


@dataclass(frozen=True, slots=True)
class Change:
    """What became of one value of one header.

    Parameters
    ----------
    old, new : Leaf or None
        None where there was, or is, no such element.
    """

    old: Leaf | None
    new: Leaf | None

    @property
    def place(self) -> Place:
        """Where it is."""
        leaf = self.old or self.new
        return "" if leaf is None else leaf.place

    @property
    def action(self) -> str:
        """``removed``, ``emptied``, ``replaced`` or ``added``."""
        if self.new is None:
            return "removed"
        if self.old is None:
            return "added"
        return "replaced" if self.new.value else "emptied"


def place_text(place: Place) -> str:
    """Return a place as people read it; the numbers of items are left out."""
    if isinstance(place, str):
        return place
    *around, (tag, _) = place
    return " > ".join([readable(outer) for outer, _ in around] + [readable(tag)])


def leaves(data: bytes, encoding: Encoding) -> Iterator[Leaf]:
    """Yield every value of a data set; group lengths are none."""
    yield from _of_level(Level(data, encoding), ())


def _of_level(level: Level, around: tuple[tuple[int, int], ...]) -> Iterator[Leaf]:
    for element in level.walked:
        if not element.tag & 0xFFFF:
            continue
        vr = level.vr(element)
        items = None
        if vr == "SQ":
            try:
                items = level.items(element)
            except MetaDataError:
                vr = "UN"
        if items is None:
            value = level.data[element.value : element.value_stop]
            yield Leaf((*around, (element.tag, 0)), vr, value, level.charset)
            continue
        for number, item in enumerate(items):
            yield from _of_level(item, (*around, (element.tag, number)))


def changes(old: SliceHeader, new: SliceHeader) -> list[Change]:
    """Return how the values of a header differ from what they were, whatever changed them."""
    result = []
    for before, after, encoding in (
        (old.file_meta, new.file_meta, EXPLICIT_LITTLE),
        (old.head, new.head, old.encoding),
        (old.tail, new.tail, old.encoding),
    ):
        if before != after:
            result += _of_data(before, after, encoding)
    for name, before, after in (
        (PREAMBLE, old.preamble[:128], new.preamble[:128]),
        ("padding of Pixel Data", old.padding, new.padding),
        (FILE_NAME, _name(old), _name(new)),
    ):
        if before != after:
            vr = "UT" if name == FILE_NAME else "OB"
            utf8 = CharacterSet(("UTF8",))
            result.append(Change(Leaf(name, vr, before, utf8), Leaf(name, vr, after, utf8)))
    return result


def _name(header: SliceHeader) -> bytes:
    return header.name.encode("utf-8", "surrogateescape")


def _of_data(before: bytes, after: bytes, encoding: Encoding) -> list[Change]:
    old, new = Level(before, encoding), Level(after, encoding)
    same = old.charset == new.charset
    # Most elements are the same bytes, and need no look at what is in them.
    olds, news = _differing(old, new, same=same), _differing(new, old, same=same)
    found = []
    for place, leaf in olds.items():
        other = news.get(place)
        if other is None or other.value != leaf.value or other.charset != leaf.charset:
            found.append(Change(leaf, other))
    found += [Change(None, leaf) for place, leaf in news.items() if place not in olds]
    return found


def _differing(level: Level, other: Level, *, same: bool) -> dict[Place, Leaf]:
    found: dict[Place, Leaf] = {}
    for element in level.walked:
        if not element.tag & 0xFFFF:
            continue
        twin = other.elements.get(element.tag)
        raw = level.data[element.start : element.stop]
        if same and twin is not None and raw == other.data[twin.start : twin.stop]:
            continue
        vr = level.vr(element)
        if vr != "SQ":
            value = level.data[element.value : element.value_stop]
            place: Place = ((element.tag, 0),)
            found[place] = Leaf(place, vr, value, level.charset)
            continue
        try:
            items = level.items(element)
        except MetaDataError:
            place = ((element.tag, 0),)
            found[place] = Leaf(place, "UN", raw, level.charset)
            continue
        for number, item in enumerate(items):
            found |= {leaf.place: leaf for leaf in _of_level(item, ((element.tag, number),))}
    return found
