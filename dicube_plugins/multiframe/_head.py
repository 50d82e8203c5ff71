"""The data set of a multi-frame image up to its pixels, assembled as bytes from the slices' own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dicube_core.dataset import uids
from dicube_core.dataset.elements import EXPLICIT_LITTLE, element_header
from dicube_core.dicom.file_meta import PREAMBLE
from dicube_core.exceptions import DataConsistencyError
from dicube_core.slices import SliceProvider
from dicube_plugins.multiframe._columns import Column, read_columns
from dicube_plugins.multiframe._elements import element, sequence, text, words
from dicube_plugins.multiframe._grid import forms_grid
from dicube_plugins.multiframe._group_lengths import take_group_lengths
from dicube_plugins.multiframe._groups import functional_groups
from dicube_plugins.multiframe._identity import derive_identity
from dicube_plugins.multiframe._kind import choose_kind
from dicube_plugins.multiframe._prepare import creator_of, require_agreement, separated
from dicube_plugins.multiframe._top_level import frame_types, top_level

if TYPE_CHECKING:
    from dicube_core.pixels import PixelFormat
    from dicube_core.reader import Reader
    from dicube_plugins.multiframe._columns import Columns
    from dicube_plugins.multiframe._groups import Builder

__all__ = ["CREATOR", "KEPT", "LENGTHS", "MARK", "REFERENCES", "Head", "build_head"]

#: Creator of the private block in which the top level says how the slices are found again.
CREATOR = "DICUBE MULTI-FRAME 1"
MARK, KEPT, LENGTHS = 0x00210010, 0x00211001, 0x00211002
#: Referenced and Source Image Sequence, and the private elements that they become. An Enhanced
#: image has to say of which series the images are that it refers to (PS3.3 C.8.15.2), which the
#: slices do not tell; under their own tags these sequences would not be allowed.
REFERENCES = {0x00081140: 0x00211011, 0x00082112: 0x00211012}
_SHARED, _PER_FRAME = 0x52009229, 0x52009230
_UNASSIGNED_SHARED, _UNASSIGNED, _SOURCE = 0x00209170, 0x00209171, 0x00209172
_SOP_CLASS, _SOP_INSTANCE = 0x00080016, 0x00080018


@dataclass(frozen=True, slots=True)
class Head:
    """What stands before the Pixel Data element.

    Parameters
    ----------
    sop_class, instance : str
        UIDs for the file meta information.
    dataset : bytes
        Data set in Explicit VR Little Endian.
    """

    sop_class: str
    instance: str
    dataset: bytes

    def file_meta(self, syntax: str) -> bytes:
        """Return preamble and file meta information (PS3.10 7.1) for a transfer syntax."""
        parts = (
            element(0x00020001, b"OB", b"\0\1"),
            text(0x00020002, b"UI", self.sop_class),
            text(0x00020003, b"UI", self.instance),
            text(0x00020010, b"UI", syntax),
            text(0x00020012, b"UI", uids.IMPLEMENTATION_UID),
            text(0x00020013, b"SH", uids.IMPLEMENTATION_VERSION),
        )
        body = b"".join(parts)
        return b"".join((PREAMBLE, words(0x00020000, b"UL", len(body)), body))


def build_head(reader: Reader, *, transformed: bool = False) -> Head:
    """Assemble the data set of an open file.

    Parameters
    ----------
    reader : Reader
        The file. No frame of it is read.
    transformed : bool
        Whether colour goes through the reversible transform of HTJ2K, and is labelled so.

    Raises
    ------
    MetaDataError
        The file has no DICOM metadata, or a header is not a data set.
    DataConsistencyError
        A header describes other frames than the file has.
    UnsupportedKindError
        No class of multi-frame images takes these frames.
    """
    headers = SliceProvider(reader).headers
    if len(headers) != reader.frame_count:
        raise DataConsistencyError(
            f"{reader.name}: metadata of {len(headers)} slices for {reader.frame_count} frames"
        )
    columns = read_columns(headers, reader.pixel_format.bits_allocated, reader.name)
    count = reader.frame_count
    require_agreement(columns, reader)
    identity = derive_identity(columns, reader)
    columns, lengths = take_group_lengths(separated(columns, count))
    kind = choose_kind(columns, reader.pixel_format, reader.name)
    grid = kind.spatial and forms_grid(reader)
    types = frame_types(columns, count, grid=grid and count > 1)
    builder = functional_groups(columns, kind, count, stack=grid, types=types)
    elements, kept = top_level(
        columns,
        kind,
        identity,
        types,
        pixel_format=_as_delivered(reader.pixel_format, transformed=transformed),
        stack=grid,
        spoken_for=builder.spoken_for,
    )
    source = _source_references(columns, count)
    if source:
        kept |= {_SOP_CLASS, _SOP_INSTANCE}
    kept |= builder.moved
    elements |= _group_sequences(columns, builder, kept, source)
    elements |= _how_to_find(kept, lengths)
    dataset = b"".join(elements[tag] for tag in sorted(elements))
    return Head(kind.sop_class, identity.instance, dataset)


def _as_delivered(pixel_format: PixelFormat, *, transformed: bool) -> PixelFormat:
    """Return the format of the frames as they stand in the image: colour pixel by pixel."""
    if not pixel_format.is_colour:
        return pixel_format
    photometric = "YBR_RCT" if transformed else pixel_format.photometric_interpretation
    return replace(pixel_format, photometric_interpretation=photometric, planar_configuration=0)


def _source_references(columns: Columns, count: int) -> list[bytes]:
    """Return Conversion Source Attributes of each frame (C.7.6.16.2.24), none if unknown."""
    found = [columns.get(tag) for tag in (_SOP_CLASS, _SOP_INSTANCE)]
    both = [column for column in found if column is not None and column.in_all]
    if len(both) != 2 or any(column.vr != b"UI" for column in both):
        return []
    sop_class, instance = both
    heads = (b"\x08\x00\x50\x11", b"\x08\x00\x55\x11")
    return [
        sequence(
            _SOURCE,
            [heads[0] + (sop_class.at(i) or b"")[4:] + heads[1] + (instance.at(i) or b"")[4:]],
        )
        for i in range(count)
    ]


def _group_sequences(
    columns: Columns, builder: Builder, kept: set[int], source: list[bytes]
) -> dict[int, bytes]:
    """Return both functional group sequences, with the unassigned elements in them."""
    count = builder.count
    shared: dict[int, bytes] = {}
    per_frame: dict[int, list[bytes]] = {}
    for group in builder.groups:
        if group.shared is None:
            per_frame[group.tag] = group.values
        else:
            shared[group.tag] = group.shared
    apart = REFERENCES if builder.kind.legacy_converted else {}
    for tag in apart:
        column = columns.get(tag)
        if column is None or not all(data[4:6] == b"SQ" for data in column.distinct()):
            continue
        columns = {other: columns[other] for other in columns if other != tag}
        _set_apart(column, shared, per_frame, count)
    left = [column for tag, column in columns.items() if tag not in kept]
    same = b"".join(column.shared for column in left if column.shared is not None)
    shared[_UNASSIGNED_SHARED] = sequence(_UNASSIGNED_SHARED, [same] if same else [])
    differing = [column for column in left if column.shared is None]
    rest = _joined(columns, differing, count) if differing else [b""] * count
    per_frame[_UNASSIGNED] = [sequence(_UNASSIGNED, [one] if differing else []) for one in rest]
    if source:
        per_frame[_SOURCE] = source
    rows = zip(*(per_frame[tag] for tag in sorted(per_frame)), strict=True)
    return {
        _SHARED: sequence(_SHARED, [b"".join(shared[tag] for tag in sorted(shared))]),
        _PER_FRAME: sequence(_PER_FRAME, map(b"".join, rows)),
    }


def _set_apart(
    column: Column, shared: dict[int, bytes], per_frame: dict[int, list[bytes]], count: int
) -> None:
    """Enter a sequence of references under its private tag, items and all as they are."""
    private = REFERENCES[column.tag]
    head = (private >> 16).to_bytes(2, "little") + (private & 0xFFFF).to_bytes(2, "little")
    if column.shared is not None:
        shared[MARK] = text(MARK, b"LO", CREATOR)
        shared[private] = head + column.shared[4:]
        return
    per_frame[MARK] = [text(MARK, b"LO", CREATOR)] * count
    per_frame[private] = [head + value[4:] if value else b"" for value in column.values]


def _joined(columns: Columns, differing: list[Column], count: int) -> list[bytes]:
    """Return the elements of each frame, each private one with its creator."""
    values = {column.tag: [value or b"" for value in column.values] for column in differing}
    for column in differing:
        creator = columns.get(creator_of(column.tag))
        if creator is not None and creator.shared is not None:
            reserved = values.setdefault(creator.tag, [b""] * count)
            for i, value in enumerate(column.values):
                if value is not None:
                    reserved[i] = creator.shared
    return list(map(b"".join, zip(*(values[tag] for tag in sorted(values)), strict=True)))


def _how_to_find(kept: set[int], lengths: list[str]) -> dict[int, bytes]:
    """Return the private block that says which elements are the slices' own."""
    tags = b"".join(
        (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little")
        for tag in sorted(kept)
    )
    result = {
        MARK: text(MARK, b"LO", CREATOR),
        KEPT: element_header(KEPT, b"AT", len(tags), EXPLICIT_LITTLE) + tags,
    }
    if lengths:
        result[LENGTHS] = text(LENGTHS, b"UT", "\n".join(lengths))
    return result
