"""DICOM JSON model (PS3.18 annex F) of data sets that are kept as bytes.

The result equals `pydicom.Dataset.to_json_dict` wherever that gives one, with these differences,
all for the sake of never failing and never losing a value unnoticed: text of DS and IS that is
not a (whole, finite) number stays text; non-finite FL and FD become the texts ``NaN``,
``Infinity`` and ``-Infinity``; numeric values of impossible length become UN with their bytes;
missing components of a multiple value are null; the count of a lookup table descriptor is unsigned
in implicit data sets, too; a person name keeps what follows its third group; group lengths are
left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicube_core.dataset import _vr
from dicube_core.dataset._text import (
    CHARACTER_SET,
    DEFAULT,
    CharacterSet,
    decode,
    stated_character_set,
)
from dicube_core.dataset._values import VRS, binary_element, plain_element
from dicube_core.dataset.elements import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    PIXEL_DATA,
    Element,
    Encoding,
    iter_items,
    walk,
)
from dicube_core.exceptions import MetaDataError

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "JsonConverter",
    "JsonDict",
    "JsonElement",
    "Level",
    "dataset_to_json",
]

JsonElement = dict[str, Any]
JsonDict = dict[str, JsonElement]

_PIXEL_REPRESENTATION = 0x00280103
_VR_MARKS = frozenset(vr.encode() for vr in VRS)


class Level:
    """The elements of one nesting level, with what their values are read by.

    Parameters
    ----------
    data : bytes
        Buffer that holds the level.
    encoding : Encoding
        Of this level.
    start, stop : int
        Its place in `data`.
    parent : Level, optional
        The level around; gives character set and pixel representation where this one does not.
    undefined : bool, optional
        Whether the level is an item of undefined length.

    Raises
    ------
    MetaDataError
        The bytes are not a data set, or do not say in which character set it is.
    """

    __slots__ = (
        "charset",
        "data",
        "depth",
        "elements",
        "encoding",
        "pixel_representation",
        "span",
        "undefined",
        "walked",
    )

    def __init__(
        self,
        data: bytes,
        encoding: Encoding,
        start: int = 0,
        stop: int | None = None,
        *,
        parent: Level | None = None,
        undefined: bool = False,
    ) -> None:
        self.data, self.encoding = data, encoding
        self.depth: int = parent.depth + 1 if parent else 0
        self.undefined = undefined
        self.span = slice(start, stop)
        self.walked = list(walk(data, encoding, start, stop, depth=self.depth))
        self.elements = {e.tag: e for e in self.walked}
        self.charset: CharacterSet = parent.charset if parent else DEFAULT
        self.pixel_representation: int = parent.pixel_representation if parent else 0
        named = self.elements.get(CHARACTER_SET)
        if named is not None:
            self.charset = stated_character_set(data, named)
        word = self.first_word(_PIXEL_REPRESENTATION)
        if word is not None:
            self.pixel_representation = word

    def first_word(self, tag: int) -> int | None:
        """Return the first 16 bits of an element's value, None if it has none."""
        element = self.elements.get(tag)
        if element is None or element.value_stop - element.value < 2:
            return None
        value = self.data[element.value : element.value + 2]
        return int.from_bytes(value, "big" if self.encoding.big_endian else "little")

    def creator(self, tag: int) -> str:
        """Return the private creator of a private tag, empty if there is none."""
        element = self.elements.get(tag & 0xFFFF0000 | (tag >> 8 & 0xFF))
        if element is None or tag & 0xFF00 == 0:
            return ""
        return decode(self.data[element.value : element.value_stop], self.charset).rstrip("\0 ")

    def vr(self, element: Element) -> str:
        """Return the VR to read an element by; UN where nothing is known."""
        vr: str | None = element.vr.decode("latin-1")
        if vr and vr != "UN":
            return vr if vr in VRS else "UN"
        tag = element.tag
        if element.undefined:
            return self._undefined_vr(tag, explicit=bool(vr))
        if tag & 0x10000:
            vr = "LO" if _vr.is_private_creator(tag) else _vr.private_vr(tag, self.creator(tag))
        elif not vr or element.value_stop - element.value < 0xFFFF:
            vr = _vr.public_vr(tag)
        else:
            vr = None
        return self._settle(vr or "UN", tag)

    def _undefined_vr(self, tag: int, *, explicit: bool) -> str:
        """Undefined length means items (PS3.5 6.2.2), except for encapsulated pixels."""
        if tag == PIXEL_DATA:
            return "OB"
        if explicit or tag & 0x10000:
            return "SQ"
        return self._settle(_vr.public_vr(tag) or "SQ", tag)

    def _settle(self, vr: str, tag: int) -> str:
        if " " not in vr:
            return vr
        return _vr.resolve_ambiguous(
            vr,
            tag,
            explicit=self.encoding.explicit,
            pixel_representation=self.pixel_representation,
            first_word=self.first_word,
        )

    def items(self, element: Element) -> list[Level]:
        """Return the items of a sequence as levels.

        Raises
        ------
        MetaDataError
            The value is not a sequence of data sets.
        """
        encoding = IMPLICIT_LITTLE if element.vr == b"UN" else self.encoding
        return [
            Level(
                self.data,
                _item_encoding(self.data, item, encoding),
                item.value,
                item.value_stop,
                parent=self,
                undefined=item.undefined,
            )
            for item in iter_items(self.data, element, self.encoding, self.depth)
        ]


def _item_encoding(data: bytes, item: Element, expected: Encoding) -> Encoding:
    """Tell explicit from implicit VR in an item, for writers that mix them up.

    Only an item that cannot be what it should is taken for the other: bytes 4 and 5 hold a VR,
    or the low half of a length that must fit into the item.
    """
    if item.value_stop - item.value < 8 or expected.big_endian:
        return expected
    mark = data[item.value + 4 : item.value + 6]
    looks_explicit = mark in _VR_MARKS
    if expected.explicit:
        return expected if looks_explicit else IMPLICIT_LITTLE
    length = int.from_bytes(data[item.value + 4 : item.value + 8], "little")
    too_long = length != 0xFFFFFFFF and item.value + 8 + length > item.value_stop
    return EXPLICIT_LITTLE if looks_explicit and too_long else expected


def dataset_to_json(
    buffer: bytes | bytearray | memoryview, encoding: Encoding = EXPLICIT_LITTLE
) -> JsonDict:
    """Return the DICOM JSON model of a data set.

    Parameters
    ----------
    buffer : bytes-like
        The data set, without file meta information. Pixel Data is left out.
    encoding : Encoding, optional
        How it is encoded. Binary values (OW ...) stay in its byte order.

    Returns
    -------
    dict
        ``{"GGGGEEEE": {"vr": ..., "Value" | "InlineBinary": ...}}`` in the order of the data
        set; an element without a value has only ``vr``. Equal elements may be one object, so
        copy before changing.

    Raises
    ------
    MetaDataError
        The bytes are not a data set; the message gives the byte offset.
    """
    return JsonConverter().convert(buffer, encoding)


class JsonConverter:
    """Converts many data sets; elements with equal bytes are converted once.

    Not safe for use by several threads at once; make one per thread.
    """

    def __init__(self) -> None:
        # Interpretation of bytes -> element bytes -> (key, element).
        self._caches: dict[object, dict[object, tuple[str, JsonElement] | None]] = {}

    def convert(
        self, buffer: bytes | bytearray | memoryview, encoding: Encoding = EXPLICIT_LITTLE
    ) -> JsonDict:
        """Return the JSON model of one data set; see `dataset_to_json`."""
        return self._level(Level(bytes(buffer), encoding))

    def _level(self, level: Level) -> JsonDict:
        return self.select(level, level.elements.values())

    def select(self, level: Level, elements: Iterable[Element]) -> JsonDict:
        """Return some elements of a level."""
        kind = (level.encoding, level.charset, level.pixel_representation, level.depth > 0)
        cache = self._caches.setdefault(kind, {})
        data = level.data
        found = []
        for element in elements:
            raw: object = data[element.start : element.stop]
            if not element.vr or element.vr == b"UN":
                raw = (raw, level.vr(element))
            try:
                entry = cache[raw]
            except KeyError:
                entry = cache[raw] = self._element(level, element)
            if entry is not None:
                found.append(entry)
        return dict(found)

    def _element(self, level: Level, element: Element) -> tuple[str, JsonElement] | None:
        tag = element.tag
        # Group lengths (PS3.5 7.2) and stray delimiters say nothing about the patient or image.
        if tag & 0xFFFF == 0 or tag >> 16 == 0xFFFE or (tag == PIXEL_DATA and not level.depth):
            return None
        key = f"{tag:08X}"
        vr = level.vr(element)
        value = level.data[element.value : element.value_stop]
        if vr == "SQ":
            try:
                return key, {"vr": "SQ", "Value": [self._level(i) for i in level.items(element)]}
            except MetaDataError:
                return key, binary_element("UN", value)
        return key, plain_element(tag, vr, value, level.charset, level.encoding.mark)
