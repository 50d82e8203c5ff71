"""Files whose parts contradict each other are refused by whoever reads them, not only by some."""

from dataclasses import replace

import pytest
from support.hostile import _sections, build
from support.legacy_file import legacy_file
from support.raw import EXPLICIT_BE, PIXEL_DATA, part10
from support.series import Kind, make_series, slice_nodes

import dicube_core
from dicube_core.dicom.scan import scan
from dicube_core.exceptions import (
    ChecksumError,
    DicomCubeError,
    FrameIndexError,
    InvalidCubeFileError,
    MetaDataError,
)
from dicube_core.modality import ModalityTransform
from dicube_core.pixel_header import PixelDataHeader
from dicube_core.pixels import PixelFormat
from dicube_core.streaming import DcbStreamingReader


@pytest.fixture(scope="module")
def eight_bits(tmp_path_factory):
    path = tmp_path_factory.mktemp("files") / "a.dcbs"
    kind = Kind("u8", 8, 8, rows=20, columns=22)
    dicube_core.convert(list(make_series(3, kind).values()), path)
    return path.read_bytes()


def test_bit_fields_other_than_the_headers_say_are_refused_by_frames_too(eight_bits):
    sections, codestreams, _ = _sections(eight_bits)
    lie = replace(
        sections,
        pixel_header={**sections.pixel_header, "PixelDtype": "uint16"},
        description={**sections.description, "bits_allocated": 16},
    )
    with dicube_core.open(build(lie, codestreams)) as reader:
        for read in (reader.frames, lambda: reader.frame(0), lambda: reader.shape):
            with pytest.raises(InvalidCubeFileError, match="header of its first slice"):
                read()


@pytest.mark.parametrize("start", range(70, 121))
def test_zeros_across_header_and_directory_never_open_as_an_older_file(eight_bits, start):
    for data in (eight_bits, legacy_file()):
        damaged = bytearray(data)
        damaged[start : start + 40] = bytes(len(damaged[start : start + 40]))
        if bytes(damaged) == data:
            continue
        with pytest.raises(DicomCubeError):
            dicube_core.load(bytes(damaged))


def test_a_header_and_a_magic_that_are_both_damaged_are_not_a_stale_key(eight_bits):
    damaged = bytearray(eight_bits)
    damaged[116:124] = bytes(8)
    damaged[12:28] = bytes(16)  # the status section: no other check needs it
    with pytest.raises(ChecksumError, match="extension block"):
        dicube_core.open(bytes(damaged))


def test_a_vr_of_big_endian_pixels_is_checked_as_others_are():
    nodes = slice_nodes(0)
    nodes[PIXEL_DATA] = replace(nodes[PIXEL_DATA], vr="US")
    with pytest.raises(MetaDataError, match="value representation"):
        scan(part10(nodes, EXPLICIT_BE), "x.dcm")


def test_indices_out_of_range_name_the_file(tmp_path):
    path = tmp_path / "named.dcbs"
    dicube_core.convert(list(make_series(3).values()), path)
    with DcbStreamingReader(path) as stream, pytest.raises(FrameIndexError, match=r"named\.dcbs"):
        stream.get_dicom_for_frame(7)


def test_an_empty_item_of_a_modality_lut_is_a_clear_error():
    class Meta:
        def get_values(self, _):
            return [[{}]]

        def index(self, _):
            return {"00283000": {"vr": "SQ", "Value": [{}]}}

    import numpy as np

    header = PixelDataHeader(PixelDtype="uint16", OriginalPixelDtype="uint16")
    transform = ModalityTransform.of(header, PixelFormat(2, 2, 16, 12, 0), Meta())
    with pytest.raises(MetaDataError, match="no LUTDescriptor and no LUTData"):
        transform.apply(np.zeros((2, 2), "uint16"), 0, "float64")


def test_verify_reads_parts_that_nothing_else_reads(tmp_path, eight_bits):
    sections, codestreams, _ = _sections(eight_bits)
    extra = replace(sections, extension={**sections.extension, b"XTRA": b"something else"})
    data = bytearray(build(extra, codestreams))
    path = tmp_path / "x.dcbs"
    path.write_bytes(data)
    assert dicube_core.verify_file(path).ok
    data[data.index(b"something else")] ^= 1
    path.write_bytes(data)
    report = dicube_core.verify_file(path)
    assert not report.ok
    assert "XTRA" in report.failures[0]
