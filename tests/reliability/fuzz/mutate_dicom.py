"""Changes of data sets whose lengths stay right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.dataset.elements import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    LONG_VRS,
    SHORT_VRS,
    Element,
    Encoding,
    element_header,
    iter_items,
    walk,
)
from dicube_core.dicom.file_front import read_file_meta
from dicube_core.exceptions import DicomCubeError

if TYPE_CHECKING:
    from random import Random

    from reliability.fuzz.target import Plain

__all__ = ["changed_dataset", "mutate_dataset", "mutate_part10"]

_VRS = (*sorted(SHORT_VRS | LONG_VRS), b"ZZ", b"\0\0", b"ox")
_ITEM, _ITEM_END, _END = (b"\xfe\xff" + number for number in (b"\0\xe0", b"\r\xe0", b"\xdd\xe0"))
_TAGS = (0x00080005, 0x00080018, 0x00081140, 0x00100010, 0x00200032, 0x00280008, 0x00280010)
_TAGS += (0x00280100, 0x00280103, 0x00281052, 0x00281053, 0x00283010, 0x00090010, 0x00091001)
_TAGS += (0x52009229, 0x52009230, 0x60003000, 0x7FE00010, 0x7FE00008, 0xFFFAFFFA, 0xFFFCFFFC)
_VALUES = (b"", b"\0", b"1", b"0 ", b"-1", b"1\\2", b"\xff" * 4, b"ISO_IR 192", b"ISO 2022 IR 87")
_VALUES += (b"\\ISO 2022 IR 149", b"\1\0", b"\2\0", b"\0\0\0\x80", b"NaN ", b"1e400 ", b"RGB ")


def changed_dataset(
    data: bytes, encoding: Encoding, rng: Random, plain: Plain, depth: int = 0
) -> bytes:
    """Return a data set with one change, in an element or between elements."""
    try:
        elements = list(walk(data, encoding))
    except DicomCubeError:
        return plain(data, len(data) + 64)
    if not elements:
        return element_header(rng.choice(_TAGS), b"LO", 2, encoding) + b"a "
    number = rng.randrange(len(elements))
    pieces = [data[e.start : e.stop] for e in elements]
    kind = rng.randrange(9)
    if kind == 0:
        del pieces[number]
    elif kind == 1:
        pieces.insert(rng.randrange(len(pieces) + 1), pieces[number])
    elif kind == 2:
        other = rng.randrange(len(pieces))
        pieces[number], pieces[other] = pieces[other], pieces[number]
    elif kind == 3:
        value = rng.choice(_VALUES)
        tag = rng.choice(_TAGS)
        vr = rng.choice(_VRS[:-2])
        pieces.append(element_header(tag, vr, len(value), encoding) + value)
        if rng.random() < 0.8:
            pieces.sort(key=_tag_bytes)
    else:
        pieces[number] = _changed_element(data, elements[number], encoding, rng, plain, depth)
    return b"".join(pieces)


def _tag_bytes(piece: bytes) -> bytes:
    return piece[1::-1] + piece[3:1:-1]


def _changed_element(
    data: bytes, element: Element, encoding: Encoding, rng: Random, plain: Plain, depth: int
) -> bytes:
    value = data[element.value : element.value_stop]
    tag, vr = element.tag, element.vr
    if element.undefined or vr == b"SQ":
        changed = _changed_sequence(data, element, encoding, rng, plain, depth)
        if changed is not None:
            return changed
    kind = rng.randrange(6)
    if kind == 0:
        vr = rng.choice(_VRS)
    elif kind == 1:
        tag = rng.choice((*_TAGS, tag ^ 1 << rng.randrange(32)))
    elif kind == 2:
        value = rng.choice(_VALUES)
    elif kind == 3:
        value = value + rng.choice(_VALUES)
    else:
        value = plain(value, len(value) + 32)
    if vr in LONG_VRS or vr in SHORT_VRS or not encoding.explicit:
        return element_header(tag, vr, len(value), encoding) + value
    # As `walk` reads what has no VR: a length of 32 bits.
    return element_header(tag, b"", len(value), encoding) + value


def _changed_sequence(
    data: bytes, element: Element, encoding: Encoding, rng: Random, plain: Plain, depth: int
) -> bytes | None:
    inner = IMPLICIT_LITTLE if element.vr == b"UN" else encoding
    try:
        items = [data[i.value : i.value_stop] for i in iter_items(data, element, encoding)]
    except DicomCubeError:
        return None
    if items and depth < 8:
        number = rng.randrange(len(items))
        kind = rng.randrange(5)
        if kind == 0:
            del items[number]
        elif kind == 1:
            items.append(items[number])
        else:
            items[number] = changed_dataset(items[number], inner, rng, plain, depth + 1)
    else:
        items.append(b"")
    open_items, undefined = rng.random() < 0.3, rng.random() < 0.5
    parts = []
    for item in items:
        length = b"\xff" * 4 if open_items else len(item).to_bytes(4, "little")
        parts += [_ITEM, length, item, (_ITEM_END + bytes(4)) * open_items]
    value = b"".join(parts)
    if not undefined:
        return element_header(element.tag, element.vr or b"SQ", len(value), encoding) + value
    header = element_header(element.tag, element.vr or b"SQ", 0xFFFFFFFF, encoding)
    return header + value + _END + bytes(4)


def mutate_dataset(data: bytes, max_size: int, rng: Random, plain: Plain) -> bytes:
    """Change a data set whose first byte says how it is encoded (`target_dicom`)."""
    if rng.random() < 0.3 or len(data) < 9 or data[0] % 3 == 2:
        return plain(data, max_size)
    encoding = (EXPLICIT_LITTLE, IMPLICIT_LITTLE)[data[0] % 3]
    return data[:1] + changed_dataset(data[1:], encoding, rng, plain)


def mutate_part10(data: bytes, max_size: int, rng: Random, plain: Plain) -> bytes:
    """Change a DICOM file in its data set, its file meta information, or anywhere."""
    start = 132 if data[128:132] == b"DICM" else 0
    try:
        syntax, _, body = read_file_meta(data, start)
    except DicomCubeError:
        return plain(data, max_size)
    choice = rng.random()
    if choice < 0.2 or syntax.startswith("1.2.840.10008.1.2.2"):
        return plain(data, max_size)
    if choice < 0.3:
        return (
            data[:start]
            + changed_dataset(data[start:body], EXPLICIT_LITTLE, rng, plain)
            + (data[body:])
        )
    encoding = IMPLICIT_LITTLE if syntax in ("", "1.2.840.10008.1.2") else EXPLICIT_LITTLE
    return data[:body] + changed_dataset(data[body:], encoding, rng, plain)
