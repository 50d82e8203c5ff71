"""Targets: DICOM files in, and DICOM files put together of kept headers and frames."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.container.sections import compress
from dicube_core.dataset import uids
from dicube_core.dataset.elements import PIXEL_DATA, walk
from dicube_core.dataset.find import header_values
from dicube_core.dicom.agreement import require_agreement
from dicube_core.dicom.headers import HeaderTable, SliceHeader, pack_headers
from dicube_core.dicom.instance import (
    deflated_instance,
    encapsulated_instance,
    encapsulated_parts,
    native_instance,
    restored_file,
    with_encoding,
)
from dicube_core.dicom.multiframe.kinds import number_of_frames
from dicube_core.dicom.multiframe.single import SingleFrames
from dicube_core.dicom.pixel_fields import pixel_format_of, rescale_of
from dicube_core.dicom.scan import PixelKind, scan
from dicube_core.pixel_header import PixelDataHeader
from reliability.fuzz import seeds
from reliability.fuzz.checks import attempt, in_pydicom, pydicom_reads, raw_elements, require
from reliability.fuzz.mutate_dicom import mutate_dataset, mutate_part10
from reliability.fuzz.mutate_files import mutate_headers
from reliability.fuzz.target import Target

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

    from dicube_core.dicom.scan import SliceSource

__all__ = ["TARGETS"]

_FEW = 16
_META_CHANGES = frozenset((0x00020000, 0x00020001, 0x00020010, 0x00020012, 0x00020013))


def part10(data: bytes) -> None:
    """Scan a source file, keep its header, and make the file again."""
    source = attempt(scan, data, "f")
    if source is None:
        return
    _ = attempt(lambda: source.frame_count)
    header = source.header
    packed = pack_headers([header])
    table = attempt(HeaderTable, packed, 1, "f")
    require(table is not None and table[0] == header, "a header packed and read differs")
    if source.kind is PixelKind.NATIVE:
        frame = data[source.pixel_offset : source.pixel_offset + source.pixel_length]
        require(restored_file(header, frame) == data, "the file is not made again")
        _check_forms(header, frame)
    elif source.kind is PixelKind.NONE and header.exact:
        require(restored_file(header, b"") == data, "the file is not made again")
    _check_against_pydicom(data, source)


def _check_against_pydicom(data: bytes, source: SliceSource) -> None:
    dataset = in_pydicom(data)
    if not dataset or not source.header.exact or not source.header.source_syntax:
        return  # without a transfer syntax, each has its own way to tell
    header = source.header
    if header.rest:
        return  # a last element that is cut is read by each in its own way
    data = header.dataset
    looks_explicit = data[4:6].isalpha() and data[4:6].isupper()
    if looks_explicit != header.encoding.explicit:
        return  # pydicom goes by the first element, whatever the transfer syntax says
    elements = {e.tag: e for e in walk(data, header.encoding)}
    if any(tag >> 16 in (0x0000, 0x0002, 0xFFFE) for tag in elements):
        return
    seen = raw_elements(dataset)
    for tag in elements.keys() & seen.keys():
        element = elements[tag]
        value = data[element.value : element.value_stop]
        if not element.undefined:
            require(seen[tag].value == value, "pydicom sees another value", hex(tag))
    for tag in elements:
        require(tag in dataset, "pydicom does not see an element", hex(tag))


def _check_forms(header: SliceHeader, frame: bytes) -> None:
    """Whatever form is delivered, pydicom must read it, and find the same elements and frame."""
    bits = int.from_bytes(header_values(header).get(0x00280100, b"\x10\0")[:2], "little")
    native = native_instance(header, frame)
    expected = in_pydicom(native)
    for explicit in (True, False):
        other = attempt(with_encoding, header, explicit=explicit, bits_allocated=bits)
        if other is None:
            continue
        forms = [native_instance(other, frame)]
        if explicit:
            forms.append(deflated_instance(other, frame))
        if explicit and header.pixel_tag == PIXEL_DATA:
            parts = encapsulated_parts(other, uids.HTJ2K_LOSSLESS)
            forms.append(encapsulated_instance(parts, b"\xff\x4f\xff\xd9"))
        if "Rows" not in (expected or ()) or header.rest or _has_strays(header):
            continue  # a last element that is cut, and strays, are read by each in its own way
        for form in forms:
            found = pydicom_reads(form, "a form")
            tags, seen = _told(expected), _told(found)
            require(seen == tags, "pydicom sees other elements", sorted(seen ^ tags))


def _has_strays(header: SliceHeader) -> bool:
    """Whether there are elements of groups that no data set has: pydicom loses its way there."""
    heads = (header.head, header.tail)
    tags = (element.tag for part in heads for element in walk(part, header.encoding))
    return any(tag >> 16 in (0x0000, 0x0002, 0xFFFE) for tag in tags)


def _told(dataset: Dataset) -> set[int]:
    """Return the elements that other encodings keep, too.

    No group lengths, no delimiters, and none of the file meta information, which has no place in
    a data set: with other lengths before it pydicom takes it for what it is, or does not.
    """
    tags = map(int, dataset.keys())
    return {tag for tag in tags if tag & 0xFFFF and tag >> 16 not in (0x0002, 0xFFFE)}


def headers(data: bytes) -> None:
    """Take a table of kept headers and make the files of its slices, with frames of zeros."""
    count = int.from_bytes(data[:4], "little")
    table = attempt(HeaderTable, compress(data), count, "f")
    if table is None or len(table) > _FEW:
        return
    for number in range(len(table)):
        header = attempt(lambda index=number: table[index])
        if header is not None:
            attempt(lambda kept=header: kept.dataset)
            _deliver(header)


def _deliver(header: SliceHeader) -> None:
    """Do what the reader does: only a header that describes the frame is delivered."""
    values = attempt(header_values, header)
    pixel_format = None if values is None else attempt(pixel_format_of, values, "f")
    if pixel_format is None or pixel_format.native_length > 1 << 16:
        return
    rescale = attempt(rescale_of, values)
    if rescale is None:
        return
    pixel_header = PixelDataHeader(rescale[0], rescale[1])
    agrees = attempt(lambda: require_agreement(header, 0, pixel_format, pixel_header) or True)
    if agrees is None:
        return
    frame = bytes(pixel_format.native_length)
    whole = attempt(lambda: header.whole_tail)
    if whole is None:
        return
    native = attempt(native_instance, header, frame)
    if native is None:
        return
    explicit = attempt(
        with_encoding, header, explicit=True, bits_allocated=pixel_format.bits_allocated
    )
    forms = [native]
    if explicit is not None and not pixel_format.real:
        parts = attempt(encapsulated_parts, explicit, uids.HTJ2K_LOSSLESS)
        if parts is not None:
            forms.append(encapsulated_instance(parts, b"\xff\x4f\xff\xd9"))
    source = restored_file(header, frame) if header.exact else seeds.bare_file(header)
    if in_pydicom(source) is None:
        return  # nor could it read the source
    for form in forms:
        found = pydicom_reads(form, "a slice")
        require("PixelData" in found or pixel_format.real, "pydicom finds no pixels")


def multiframe(data: bytes) -> None:
    """Make single-frame headers of a multi-frame one; the first byte says how it is encoded."""
    if not data:
        return
    explicit = data[0] % 2 == 0
    header = seeds.header_of(data[1:], explicit=explicit)
    count = attempt(number_of_frames, header)
    if count is None or count > _FEW:
        return
    frames = attempt(SingleFrames, header, count, 16 * 42)
    if frames is None:
        return
    identities = set()
    for number in range(count):
        one = attempt(frames.header, number)
        if one is None:
            continue
        elements = list(walk(one.head, one.encoding))
        tags = [e.tag for e in elements]
        require(tags == sorted(set(tags)), "elements out of order", tags)
        uid = next(e for e in elements if e.tag == 0x00080018)
        identities.add(one.head[uid.value : uid.value_stop])
        source = attempt(scan, native_instance(one, bytes(84)), "f")
        if source is not None:
            require(source.header.head == one.head, "scanned again it differs")
    require(len(identities) in (0, count) or len(identities) < count, "frames share an identity")


_WORDS = (b"OB\0\0", b"OW\0\0", b"\xff\xff\xff\xff", b"\xfe\xff\0\xe0", b"\xfe\xff\xdd\xe0")
_WORDS += (b"DICM\2\0", b"\2\0\x10\0UI", b"1.2.840.10008.1.2.1.99", b"\x28\0\x08\0IS")

TARGETS = (
    Target("part10", part10, seeds.part10_files, mutate_part10, 3072, _WORDS),
    Target("headers", headers, seeds.header_tables, mutate_headers, 4096, _WORDS),
    Target("multiframe", multiframe, seeds.multiframe_heads, mutate_dataset, 4096, _WORDS),
)
