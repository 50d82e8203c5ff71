"""The top level of a multi-frame image: about the series as a whole (DICOM PS3.3 annex C)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.dataset import uids
from dicube_plugins.multiframe._elements import code, element, item, sequence, text, value_of
from dicube_plugins.multiframe._groups import frame_description
from dicube_plugins.multiframe._top_level_tags import top_level_tags
from dicube_plugins.multiframe._values import allowed_vrs, conforms, means_the_same, text_of

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from dicube_core.pixels import PixelFormat
    from dicube_plugins.multiframe._columns import Column, Columns
    from dicube_plugins.multiframe._identity import Identity
    from dicube_plugins.multiframe._kind import Kind

__all__ = ["frame_types", "top_level"]

_UNKNOWN = b"UNKNOWN"
#: Elements that have to be there, and what they say where the slices say nothing. Those with a
#: value have to have one (type 1), the others may be empty (type 2).
_REQUIRED: dict[int, tuple[bytes, bytes]] = {
    0x00080020: (b"DA", b""),
    0x00080030: (b"TM", b""),
    0x00080050: (b"SH", b""),
    0x00080090: (b"PN", b""),
    0x00100010: (b"PN", b""),
    0x00100020: (b"LO", b""),
    0x00100030: (b"DA", b""),
    0x00100040: (b"CS", b""),
    0x00200010: (b"SH", b""),
    0x00200011: (b"IS", b""),
}
_REQUIRED_OF_CONVERTED: dict[int, tuple[bytes, bytes]] = {
    0x00080070: (b"LO", _UNKNOWN),
    0x00081090: (b"LO", _UNKNOWN),
    0x00181000: (b"LO", _UNKNOWN),
    0x00181020: (b"LO", _UNKNOWN),
    0x00185100: (b"CS", b""),
    0x00201040: (b"LO", b""),
    0x00400555: (b"SQ", b""),
}
#: Dates and times that say when the content was made, best first.
_MOMENTS = (
    (0x00080023, 0x00080033),
    (0x00080022, 0x00080032),
    (0x00080012, 0x00080013),
    (0x00080021, 0x00080031),
    (0x00080020, 0x00080030),
)
_SOP_CLASS = 0x00080016
_INTERCEPT, _SLOPE, _RESCALE_TYPE = 0x00281052, 0x00281053, 0x00281054
_CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
_CHARSET = 0x00080005
_IMAGE_TYPE = 0x00080008
_CONTRIBUTING = 0x0018A001


def frame_types(columns: Columns, count: int, *, grid: bool) -> list[tuple[str, ...]]:
    """Return Frame Type of every frame (PS3.3 C.8.16.1), from Image Type of the slices."""
    column = columns.get(_IMAGE_TYPE)
    known: dict[bytes | None, tuple[str, ...]] = {}
    types = []
    for i in range(count):
        data = column.at(i) if column is not None else None
        if data not in known:
            values = [*text_of(data).split("\\"), "", ""]
            origin = values[0] if values[0] in ("ORIGINAL", "DERIVED") else "DERIVED"
            flavour = "LOCALIZER" if "LOCALIZER" in values else "VOLUME" if grid else "OTHER"
            known[data] = (origin, "PRIMARY", flavour, "NONE")
        types.append(known[data])
    return types


def top_level(
    columns: Columns,
    kind: Kind,
    identity: Identity,
    types: list[tuple[str, ...]],
    *,
    pixel_format: PixelFormat,
    stack: bool,
    spoken_for: AbstractSet[int],
) -> tuple[dict[int, bytes], set[int]]:
    """Return the elements of the top level but the functional groups.

    Parameters
    ----------
    columns : Columns
        Elements of the slices.
    kind : Kind
        Class of the image.
    identity : Identity
        Its identifiers.
    types : list of tuple of str
        Frame Type of each frame.
    pixel_format : PixelFormat
        Of the frames, which the slices describe alike.
    stack : bool
        Whether frames have a place in a stack.
    spoken_for : set of int
        Tags that the functional groups give.

    Returns
    -------
    elements : dict
        Tag to whole element.
    kept : set of int
        Tags of those that are the slices' own, byte for byte.
    """
    allowed = top_level_tags("OT" if not kind.legacy_converted else kind.modality) - spoken_for
    elements = {}
    for tag, column in columns.items():
        data = column.shared
        if data is None or tag not in allowed or data[4:6] not in allowed_vrs(tag):
            continue
        if data[4:6] != b"SQ" or conforms(tag, data):
            elements[tag] = data
    charset = columns.get(_CHARSET)
    if charset is not None and charset.in_all:
        elements[_CHARSET] = charset.at(0) or b""
    for tag, vr, value in _demanded(kind, identity, pixel_format):
        _require(elements, columns, tag, vr, value)
    elements |= _own(kind, identity, types)
    elements |= _moment(columns)
    elements |= _as_delivered(pixel_format) if pixel_format.is_colour else _lut_shape(elements)
    if kind.legacy_converted:
        elements |= frame_description()
    else:
        elements |= _of_secondary_capture(elements)
        if not (kind.has_lut or pixel_format.is_colour) and _SLOPE not in spoken_for:
            _rescale(elements, columns)
    if stack:
        elements |= _dimensions(identity)
    if 0x00180015 not in elements and 0x00200060 not in elements:
        elements[0x00200060] = text(0x00200060, b"CS", "")  # of an unknown body part
    _contributing(elements, columns)
    kept = {tag for tag, data in elements.items() if tag in columns and columns[tag].shared == data}
    return elements, kept


def _demanded(
    kind: Kind, identity: Identity, pixel_format: PixelFormat
) -> list[tuple[int, bytes, bytes]]:
    """Return (tag, VR, value to fall back on) of what has to be there."""
    table = dict(_REQUIRED)
    if kind.legacy_converted:
        table |= _REQUIRED_OF_CONVERTED
    if kind.spatial:
        table[0x00200052] = (b"UI", identity.frame_of_reference.encode())
        table[0x00201040] = (b"LO", b"")
    table[0x00080060] = (b"CS", kind.modality.encode())
    table[0x0020000D] = (b"UI", identity.study.encode())
    # Slices may describe the same pixels in other bytes, such as another VR or padding.
    for tag, number in (
        (0x00280002, pixel_format.samples_per_pixel),
        (0x00280010, pixel_format.rows),
        (0x00280011, pixel_format.columns),
        (0x00280100, pixel_format.bits_allocated),
        (0x00280101, pixel_format.bits_stored),
        (0x00280102, pixel_format.high_bit),
        (0x00280103, pixel_format.pixel_representation),
    ):
        table[tag] = (b"US", number.to_bytes(2, "little"))
    table[0x00280004] = (b"CS", pixel_format.photometric_interpretation.encode())
    return [(tag, vr, value) for tag, (vr, value) in table.items()]


def _require(
    elements: dict[int, bytes], columns: Columns, tag: int, vr: bytes, value: bytes
) -> None:
    """Make sure of an element: the slices', else the first slice's, else the given value."""
    present = elements.get(tag)
    if present is not None and (not value or value_of(present).strip(b" \0")):
        return
    column = columns.get(tag)
    first = column.at(0) if column is not None else None
    readable = first is not None and (
        means_the_same(first) or _CHARSET in elements or _CHARSET not in columns
    )
    if first is not None and readable and first[4:6] == vr and value_of(first).strip(b" \0"):
        elements[tag] = first
    else:
        elements[tag] = element(tag, vr, value)


def _own(kind: Kind, identity: Identity, types: list[tuple[str, ...]]) -> dict[int, bytes]:
    """Return what makes the image another instance, of another series, than its slices."""
    origins = {one[0] for one in types}
    flavours = {one[2] for one in types}
    image_type = (
        origins.pop() if len(origins) == 1 else "MIXED",
        "PRIMARY",
        flavours.pop() if len(flavours) == 1 else "MIXED",
        "NONE",
    )
    parts = (
        text(_IMAGE_TYPE, b"CS", *image_type),
        text(0x00080016, b"UI", kind.sop_class),
        text(0x00080018, b"UI", identity.instance),
        text(0x0020000E, b"UI", identity.series),
        text(0x00200013, b"IS", "1"),
        text(0x00280008, b"IS", str(len(types))),
    )
    return {_tag(part): part for part in parts}


def _tag(data: bytes) -> int:
    return int.from_bytes(data[:2], "little") << 16 | int.from_bytes(data[2:4], "little")


def _moment(columns: Columns) -> dict[int, bytes]:
    """Return Content Date and Time from the first slice: nothing here looks at a clock."""
    pairs = [tuple(_first(columns.get(tag)) for tag in pair) for pair in _MOMENTS]
    complete = [pair for pair in pairs if all(pair)]
    dated = [pair for pair in pairs if pair[0]]
    result = {}
    for date, time in (complete or dated)[:1]:
        result[0x00080023] = element(0x00080023, b"DA", date)
        if time:
            result[0x00080033] = element(0x00080033, b"TM", time)
    return result


def _first(column: Column | None) -> bytes:
    """Return the value of the first slice, empty where it is none of ASCII."""
    data = column.at(0) if column is not None else None
    value = b"" if data is None else value_of(data).strip(b" \0")
    return value if value.isascii() else b""


def _lut_shape(elements: dict[int, bytes]) -> dict[int, bytes]:
    """Return Presentation LUT Shape: what the photometric interpretation means."""
    if 0x20500020 in elements:
        return {}
    inverse = text_of(elements.get(0x00280004)) == "MONOCHROME1"
    return {0x20500020: text(0x20500020, b"CS", "INVERSE" if inverse else "IDENTITY")}


def _as_delivered(pixel_format: PixelFormat) -> dict[int, bytes]:
    """Return how colour lies in the image, whatever the slices had."""
    planar = pixel_format.planar_configuration.to_bytes(2, "little")
    return {
        0x00280004: text(0x00280004, b"CS", pixel_format.photometric_interpretation),
        0x00280006: element(0x00280006, b"US", planar),
    }


def _of_secondary_capture(elements: dict[int, bytes]) -> dict[int, bytes]:
    """Return what the Secondary Capture modules add (C.8.6.1, C.8.6.3, C.7.6.6)."""
    added = {
        0x00080064: text(0x00080064, b"CS", "WSD"),
        0x00200020: text(0x00200020, b"CS", ""),
    }
    missing = {tag: part for tag, part in added.items() if tag not in elements}
    return {
        **missing,
        0x00280009: element(0x00280009, b"AT", b"\x00\x52\x30\x92"),  # per-frame functional groups
    }


def _rescale(elements: dict[int, bytes], columns: Columns) -> None:
    """Say slope and intercept, which all slices share; 1 and 0 where they say none.

    A value counts whatever VR the slices give it, as it does for the file (`rescale_of`).
    """
    given = {tag: text_of(columns[tag].shared) for tag in (_INTERCEPT, _SLOPE) if tag in columns}
    for tag, neutral in ((_INTERCEPT, "0"), (_SLOPE, "1")):
        _require(elements, columns, tag, b"DS", (given.get(tag) or neutral).encode())
    if _RESCALE_TYPE not in elements:
        is_ct = _SOP_CLASS in columns and text_of(columns[_SOP_CLASS].shared) == _CT_IMAGE
        units = "HU" if is_ct and given.get(_SLOPE) else "US"
        elements[_RESCALE_TYPE] = text(_RESCALE_TYPE, b"LO", units)


def _dimensions(identity: Identity) -> dict[int, bytes]:
    """Return the Multi-frame Dimension module (C.7.6.17): position in the one stack."""
    organization = text(0x00209164, b"UI", identity.dimensions)
    content = element(0x00209167, b"AT", b"\x20\x00\x11\x91")
    indices = [
        b"".join((organization, element(0x00209165, b"AT", pointer), content))
        for pointer in (b"\x20\x00\x56\x90", b"\x20\x00\x57\x90")
    ]
    return {
        0x00209221: sequence(0x00209221, [organization]),
        0x00209222: sequence(0x00209222, indices),
    }


def _contributing(elements: dict[int, bytes], columns: Columns) -> None:
    """Say by what the image was made of its slices (C.12.1.1.5), behind what they say."""
    ours = b"".join(
        (
            text(0x00080070, b"LO", "dicube-plugins"),
            text(0x00081090, b"LO", "dicube-plugins"),
            text(0x00181020, b"LO", uids.IMPLEMENTATION_VERSION),
            text(0x0018A003, b"ST", "One multi-frame image made of the slices of a series"),
            code(0x0040A170, "109106", "DCM", "Enhanced Multi-frame Conversion Equipment"),
        )
    )
    column = columns.get(_CONTRIBUTING)
    given = column.shared if column is not None else None
    before = b""
    if given is not None and given[4:6] == b"SQ" and given[8:12] != b"\xff\xff\xff\xff":
        before = value_of(given)
    value = before + item(ours)
    elements[_CONTRIBUTING] = (
        sequence(_CONTRIBUTING, [])[:8] + len(value).to_bytes(4, "little") + value
    )
