"""Well-formed inputs of every target, from the generators of the other tests."""

from __future__ import annotations

import json
import tempfile
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from support import multiframe, raw
from support.legacy_file import legacy_file
from support.metadata_cases import CASES
from support.series import KINDS, Kind, make_series, slice_nodes

import dicube_core
from dicube_core.container.sections import compress, decompress
from dicube_core.dataset.elements import EXPLICIT_LITTLE, IMPLICIT_LITTLE, element_header
from dicube_core.dicom.headers import SliceHeader
from dicube_core.dicom.kept_encoding import KeptEncoding, pack_kept
from dicube_core.dicom.scan import scan
from dicube_core.frame_map import FrameMap
from reliability.fuzz.mutate_json import joined_json
from reliability.fuzz.parts import take_apart

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SMALL = Kind("small", rows=4, columns=3)
RLE = "1.2.840.10008.1.2.5"
_CASES = ("sequence_value_per_slice", "sequence_nested_varying", "un_sequence_undefined",
          "private_binary_per_slice", "overlay_per_slice", "vr_varies", "charset_in_item",
          "private_after_pixels", "rescale_per_slice", "private_blocks_move")  # fmt: skip


def _stored(sources: Sequence[bytes], *, keep_encoding: bool = False) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.dcbs"
        dicube_core.convert(list(sources), path, keep_encoding=keep_encoding)
        return path.read_bytes()


def _enhanced() -> bytes:
    return multiframe.part10(multiframe.enhanced(multiframe.frames_of(2, 3, 4)))


def compressed_file(table: str = "basic") -> bytes:
    dataset = multiframe.classic(multiframe.frames_of(2, 3, 4, "u1"))
    return multiframe.compressed(dataset, RLE, table=table)


def _real() -> bytes:
    nodes = slice_nodes(0, _SMALL)
    values = np.arange(12, dtype="<f4").tobytes()
    for tag in (0x00280101, 0x00280102, 0x00280103, 0x7FE00010, 0x00281052, 0x00281053):
        del nodes[tag]
    nodes[0x00280100] = raw.us(0x00280100, 32)
    nodes[0x7FE00008] = raw.Node(0x7FE00008, "OF", values)
    return raw.part10(dict(sorted(nodes.items())))


def _slices(count: int = 2, case: str = "") -> list[bytes]:
    return [*make_series(count, _SMALL, CASES[case] if case else None).values()]


@cache
def _part10() -> tuple[bytes, ...]:
    files = [_slices(1)[0], *(_slices(1, case)[0] for case in _CASES)]
    for syntax in (raw.IMPLICIT_LE, raw.EXPLICIT_BE, raw.DEFLATED):
        files += make_series(1, _SMALL, syntax=syntax).values()
    files += make_series(1, KINDS["u8_stored_5"]).values()
    files += [_enhanced(), compressed_file(), compressed_file("extended"), _real()]
    files.append(raw.part10(slice_nodes(0, _SMALL), preamble=b"", meta=False))
    files.append(raw.part10(slice_nodes(0, _SMALL), trailer=b"\x08\0\x09\0LO\x08\0ab"))
    return tuple(files)


def part10_files() -> Iterable[bytes]:
    """DICOM files in every encoding."""
    return _part10()


@cache
def _files() -> tuple[bytes, ...]:
    return (
        _stored(_slices()),
        _stored(_slices(2, "sequence_value_per_slice")),
        _stored(_slices(2, "rescale_per_slice")),
        legacy_file(np.arange(24, dtype=np.int16).reshape(2, 4, 3)),
        _stored([_enhanced()]),
        _stored([compressed_file()], keep_encoding=True),
        _stored([_real()]),
        _stored([multiframe.part10(multiframe.one_bit(2)[0])]),
    )


def files() -> Iterable[bytes]:
    """``.dcbs`` files of every kind, with checksums and without."""
    return _files()


def header_tables() -> Iterable[bytes]:
    """Tables of kept headers, uncompressed."""
    for data in files():
        parts = take_apart(data)
        if parts is not None and b"HDRS" in parts.extension:
            yield decompress(parts.extension[b"HDRS"], "")


def frame_maps() -> Iterable[bytes]:
    """Frame maps."""
    for counts in ((1,), (2, 3), (1, 1, 4), ()):
        yield FrameMap.of_counts(counts).pack()
    yield FrameMap.of_counts((2, 2)).reordered((3, 0, 2, 1)).pack()


def zstd_frames() -> Iterable[bytes]:
    """Compressed sections."""
    for text in (b"", b"{}", b"abc" * 300, bytes(5000), bytes(range(256))):
        yield compress(text)


def kept_encodings() -> Iterable[bytes]:
    """Encodings of compressed instances, as JSON."""
    element = element_header(0x7FE00010, b"OB", 0xFFFFFFFF, EXPLICIT_LITTLE)
    entry = KeptEncoding(b"", element, bytes(4), b"MONOCHROME2 ")
    removed, short = b"\xe0\x7f\1\0\x08\0\0\0" + bytes(8), element[:4] + b"\xff" * 4
    for count in (1, 2, 3):
        yield decompress(pack_kept([entry] * count), "")
    yield decompress(pack_kept([KeptEncoding(removed, short, b"", b"RGB ")]), "")


def metadata_texts() -> Iterable[bytes]:
    """Merged metadata, ours and dicube 0.3.0's."""
    for data in files():
        parts = take_apart(data)
        if parts is not None and parts.sections["dicom_meta"]:
            yield decompress(parts.sections["dicom_meta"], "")
    for case in _CASES:
        parts = take_apart(_stored(_slices(2, case)))
        assert parts is not None
        yield decompress(parts.sections["dicom_meta"], "")


def space_texts() -> Iterable[bytes]:
    """Space sections."""
    for data in files():
        parts = take_apart(data)
        if parts is not None and parts.sections["space"]:
            yield parts.sections["space"]


def pixel_header_texts() -> Iterable[bytes]:
    """Pixel headers with the description of the frames."""
    for data in files():
        parts = take_apart(data)
        if parts is not None:
            yield parts.sections["pixel_header"]


def _heads() -> Iterable[tuple[bytes, bool]]:
    for data in part10_files():
        header = scan(data, "").header
        yield header.head, header.explicit


def datasets() -> Iterable[bytes]:
    """Data sets behind a byte that says how they are encoded."""
    for head, explicit in _heads():
        yield bytes([0 if explicit else 1]) + head
    for case in ("everything_at_once", "sequence_20_deep"):
        nodes = slice_nodes(0, _SMALL)
        CASES[case](0, nodes)
        for number, syntax in enumerate((raw.EXPLICIT_LE, raw.IMPLICIT_LE, raw.EXPLICIT_BE)):
            yield bytes([number]) + raw.FORMS[syntax].dataset(dict(sorted(nodes.items())))


def edit_inputs() -> Iterable[bytes]:
    """Edits (JSON), and the header that they are made to."""
    changes: tuple[dict[str, object], ...] = (
        {"00100010": ["PN", "Doe^John"], "00080005": ["CS", "ISO_IR 192"]},
        {"00081140": ["SQ", [{"00081155": {"vr": "UI", "Value": ["1.2"]}}]], "00100020": None},
        {"00280030": ["DS", [0.5, "0.250"]], "00200013": ["IS", 7], "00090010": None},
        {"00091001": ["OB", "AAA="], "00280103": ["US", 1], "00181151": ["IS", None]},
    )
    for change, (head, explicit) in zip(changes * 4, _heads(), strict=False):
        if explicit:
            yield joined_json(json.dumps(change).encode(), head)


def header_of(head: bytes, *, explicit: bool) -> SliceHeader:
    """Return a header with that data set before its pixels."""
    encoding = EXPLICIT_LITTLE if explicit else IMPLICIT_LITTLE
    pixel_header = element_header(0x7FE00010, b"OW", 84, encoding)
    syntax = raw.EXPLICIT_LE if explicit else raw.IMPLICIT_LE
    return SliceHeader(
        bytes(128) + b"DICM", b"", head, pixel_header, b"", b"", explicit, True, syntax, "f"
    )


def bare_file(header: SliceHeader) -> bytes:
    """Return a file of the data set of a header alone."""
    syntax = raw.EXPLICIT_LE if header.explicit else raw.IMPLICIT_LE
    value = syntax.encode() + b"\0" * (len(syntax) % 2)
    meta = element_header(0x00020010, b"UI", len(value), EXPLICIT_LITTLE) + value
    return bytes(128) + b"DICM" + meta + header.dataset


def multiframe_heads() -> Iterable[bytes]:
    """Data sets of multi-frame instances, behind a byte that says how they are encoded."""
    for dataset in (
        multiframe.classic(multiframe.frames_of(3)),
        multiframe.enhanced(multiframe.frames_of(2)),
        multiframe.enhanced(multiframe.frames_of(2), multiframe.ENHANCED_CT),
    ):
        for number, syntax in enumerate((raw.EXPLICIT_LE, raw.IMPLICIT_LE)):
            yield bytes([number]) + scan(multiframe.part10(dataset, syntax), "").header.head
