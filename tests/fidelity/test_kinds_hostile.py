"""Sources and files of the newer kinds that lie: the right values, or an error that says why."""

from __future__ import annotations

import json
from dataclasses import replace
from io import BytesIO
from struct import pack
from zlib import crc32

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.pixels import pixel_array
from pydicom.uid import JPEG2000Lossless, RLELossless
from support.hostile import _sections, build
from support.kind_series import Sort
from support.multiframe import classic, compressed, frames_of, one_bit, part10
from support.raw import DEFLATED, EXPLICIT_BE, EXPLICIT_LE, PIXEL_DATA, text
from support.raw import part10 as raw_part10

import dicube_core
from dicube_core.codec import PCodec
from dicube_core.exceptions import (
    DecodeError,
    DicomCubeError,
    InvalidCubeFileError,
    SeriesError,
    UnsupportedKindError,
)
from dicube_core.pixels import PixelFormat

FLOAT = Sort("f32", dtype="float32", photometric="MONOCHROME2", rows=5, columns=7)


def _several(sort: Sort, number: str, extra: bytes = b"", vr: str = "") -> dict:
    """Return the elements of an instance of three frames that says it has `number`."""
    nodes = sort.nodes(0)
    tag = next(t for t in (0x7FE00008, 0x7FE00009, PIXEL_DATA) if t in nodes)
    data = b"".join(sort.native(sort.frame(i)) for i in range(3))
    data += b"\0" * (len(data) % 2) + extra
    nodes[tag] = replace(nodes[tag], value=data, vr=vr or nodes[tag].vr)
    if number:
        nodes[0x00280008] = text(0x00280008, "IS", number)
    return nodes


@pytest.mark.parametrize("syntax", [EXPLICIT_LE, EXPLICIT_BE, DEFLATED])
@pytest.mark.parametrize("number", ["", "0", "1", "2"])
@pytest.mark.parametrize(
    "sort", [Sort("rgb", rows=3, columns=5), FLOAT, Sort("p", photometric="YBR_FULL_422")], ids=str
)
def test_frames_beyond_their_number_are_not_taken_for_padding(tmp_path, sort, number, syntax):
    data = raw_part10(_several(sort, number), syntax)
    with pytest.raises(SeriesError, match=r"which is 3 frames|says YBR_FULL_422"):
        dicube_core.convert([data], tmp_path / "x.dcbs")
    assert not (tmp_path / "x.dcbs").exists()


@pytest.mark.filterwarnings("ignore:The pixel data is:UserWarning")
def test_padding_that_is_no_frame_is_kept(tmp_path):
    data = raw_part10(_several(Sort("rgb", rows=3, columns=5), "3", bytes(4)))
    dicube_core.convert([data], tmp_path / "x.dcbs")
    report = dicube_core.verify_against(tmp_path / "x.dcbs", [data])
    assert report.ok, report.failures
    assert report.byte_identical == 1


def test_bits_behind_the_last_frame_are_padding_or_refused(tmp_path):
    dataset, frames = one_bit(3, 1, 1)
    dicube_core.convert([part10(dataset)], tmp_path / "x.dcbs")
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        np.testing.assert_array_equal(reader.frames(), frames)
    dataset.PixelData += b"\0\0"
    with pytest.raises(SeriesError, match="32 frames"):
        dicube_core.convert([part10(dataset)], tmp_path / "y.dcbs")


def test_a_ybr_full_image_is_not_read_as_subsampled(tmp_path):
    sort = Sort("ybr", photometric="YBR_FULL_422", rows=4, columns=6)
    nodes = sort.nodes(0)
    nodes[PIXEL_DATA] = replace(nodes[PIXEL_DATA], value=bytes(4 * 6 * 3))
    with pytest.raises(SeriesError, match="YBR_FULL_422, which is wrong"):
        dicube_core.convert([raw_part10(nodes)], tmp_path / "x.dcbs")


@pytest.mark.parametrize("number", [10**6, 10**7, 10**9, 2**31 - 1])
def test_a_number_of_compressed_frames_that_cannot_be_takes_no_memory(tmp_path, number):
    data = compressed(classic(frames_of(1, 2, 2, "u1")), RLELossless)
    dataset = dcmread(BytesIO(data))
    dataset.NumberOfFrames = number
    if number * 4 < 2**32:
        dataset.save_as(file := BytesIO())
        why = "cannot hold so many" if number == 10**6 else "the limit frame_count"
        with pytest.raises(SeriesError, match=why):
            dicube_core.convert([file.getvalue()], tmp_path / "x.dcbs")
    else:
        dataset.save_as(file := BytesIO())
        with pytest.raises(UnsupportedKindError):
            dicube_core.convert([file.getvalue()], tmp_path / "x.dcbs")


@pytest.mark.parametrize("vr", ["OB", "OW", "UN"])
@pytest.mark.parametrize(
    "sort",
    [
        Sort("rgb16", dtype="uint16", rows=3, columns=4),
        Sort("rgb8", rows=3, columns=4),
        Sort("u16", dtype="uint16", photometric="MONOCHROME2", rows=3, columns=5),
        Sort("u32", dtype="uint32", photometric="MONOCHROME2", rows=3, columns=5),
        FLOAT,
    ],
    ids=str,
)
def test_big_endian_pixels_are_swapped_by_their_width_not_by_their_vr(tmp_path, sort, vr):
    data = raw_part10(_several(sort, "3", vr=vr), EXPLICIT_BE)
    dataset = dcmread(BytesIO(data))
    expected = pixel_array(dataset, raw=True, correct_unused_bits=False)
    expected = expected.astype(expected.dtype.newbyteorder("="))
    dicube_core.convert([data], tmp_path / "x.dcbs")
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        assert reader.frames().tobytes() == expected.tobytes()
    report = dicube_core.verify_against(tmp_path / "x.dcbs", [data])
    assert report.ok, report.failures


def test_big_endian_bits_in_words_are_refused_by_name(tmp_path):
    sort = Sort("bit", photometric="MONOCHROME2", bit=True, rows=4, columns=4)
    nodes = sort.nodes(0)
    nodes[PIXEL_DATA] = replace(nodes[PIXEL_DATA], vr="OW")
    with pytest.raises(UnsupportedKindError, match="one-bit image in words"):
        dicube_core.convert([raw_part10(nodes, EXPLICIT_BE)], tmp_path / "x.dcbs")


def _float_file(tmp_path) -> bytes:
    files = [raw_part10(FLOAT.nodes(i)) for i in range(3)]
    dicube_core.convert(files, tmp_path / "f.dcbs")
    return (tmp_path / "f.dcbs").read_bytes()


def test_real_values_in_htj2k_are_a_contradiction(tmp_path):
    frames = np.arange(3 * 35, dtype="uint32").reshape(3, 5, 7)
    header = dicube_core.PixelDataHeader(PixelDtype="uint32", OriginalPixelDtype="uint32")
    dicube_core.save(dicube_core.DicomCubeImage(frames, header), tmp_path / "u.dcbs")
    sections, codestreams, _ = _sections((tmp_path / "u.dcbs").read_bytes())
    lie = replace(
        sections,
        pixel_header={**sections.pixel_header, "PixelDtype": "float32"},
        description={**sections.description, "real": True},
    )
    with (
        dicube_core.open(build(lie, codestreams)) as reader,
        pytest.raises(DecodeError, match="float32"),
    ):
        reader.frame(0)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99", "1.2.3"])
def test_a_kept_encoding_that_compresses_nothing_is_an_error(tmp_path, syntax):
    sections, codestreams, _ = _sections(_float_file(tmp_path))
    lie = replace(sections, description={**sections.description, "codec": f"encapsulated:{syntax}"})
    with dicube_core.open(build(lie, codestreams)) as reader, pytest.raises(DicomCubeError):
        reader.frame(0)


def _pcodec_frame(stream: bytes, rows: int = 6, columns: int = 8) -> bytes:
    return pack("<4sBBBBIIII", b"DPCO", 1, 7, 1, 0, rows, columns, len(stream), crc32(stream)) + (
        stream
    )


def test_a_small_pcodec_stream_cannot_claim_gigabytes():
    """Its checksum is right; thousands of chunks say that they hold 2**24 zeros each."""
    pixel_format = PixelFormat.from_dtype("float32", 6, 8)
    codec = PCodec()
    good = codec.encode(np.zeros((6, 8), "float32"), pixel_format)[24:]
    front, chunk = good[:10], good[10:-1]
    assert good == front + chunk + b"\0"
    huge = chunk[:1] + b"\xff\xff\xff" + chunk[4:]
    for stream in (
        front + huge * 100_000 + b"\0",
        front + huge + b"\0",
        front + chunk * 2 + b"\0",
        front + b"\0",
        good[:6] + b"\x3f" + b"\xff" * 8 + good[8:],
        good[:6] + b"\xff" * 12 + good[8:],
    ):
        with pytest.raises(DecodeError):
            codec.decode(_pcodec_frame(stream), pixel_format)


def test_a_frame_map_that_lies_is_refused(tmp_path):
    dicube_core.convert([part10(classic(frames_of(3)))], tmp_path / "m.dcbs")
    with dicube_core.open(tmp_path / "m.dcbs") as reader:
        table = reader.container.part(b"FRAM")
        headers = reader.container.part(b"HDRS")
    sections, codestreams, _ = _sections((tmp_path / "m.dcbs").read_bytes())
    assert json.loads(json.dumps(sections.description))["codec"] == "htj2k"
    for numbers in ((3, 1, 0, 0, 0, 0, 0, 1), (3, 1, 0, 0, 0, 1, 0, 3), (3, 0), (3, 2**32 - 1)):
        fields = (*numbers, *(0 for _ in range(8 - len(numbers))))
        parts = {**sections.extension, b"FRAM": pack("<8I", *fields), b"HDRS": headers}
        with (
            dicube_core.open(build(replace(sections, extension=parts), codestreams)) as reader,
            pytest.raises(InvalidCubeFileError, match="frame map"),
        ):
            _ = reader.headers
    assert table is not None


def test_a_frame_of_other_components_does_not_end_the_process(tmp_path):
    grey = compressed(classic(frames_of(3, 40, 36)), JPEG2000Lossless)
    colour = np.zeros((1, 40, 36, 3), "u1")
    dicube_core.convert([grey], tmp_path / "k.dcbs", keep_encoding=True)
    dicube_core.convert(
        [compressed(classic(colour), JPEG2000Lossless)], tmp_path / "c.dcbs", keep_encoding=True
    )
    with dicube_core.open(tmp_path / "k.dcbs") as reader:
        parts = {tag: reader.container.part(tag) for tag in (b"FRAM", b"HDRS", b"ENCP")}
    with dicube_core.open(tmp_path / "c.dcbs") as reader:
        wrong = reader.codestream(0)
    sections, codestreams, _ = _sections((tmp_path / "k.dcbs").read_bytes())
    sections = replace(sections, extension={**sections.extension, **parts})
    with (
        dicube_core.open(build(sections, [wrong, *codestreams[1:]])) as reader,
        pytest.raises(DecodeError),
    ):
        reader.frame(0)


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
@pytest.mark.parametrize("number", [None, 1])
def test_compressed_frames_beyond_the_one_are_not_passed_over(tmp_path, syntax, number):
    frames = np.arange(3 * 64 * 64).astype("uint8").reshape(3, 64, 64)
    ds = dcmread(BytesIO(compressed(classic(frames), syntax, table="none")))
    del ds.NumberOfFrames
    if number:
        ds.NumberOfFrames = number
    target = BytesIO()
    ds.save_as(target)
    with pytest.raises(DicomCubeError, match="holds 3 frames, NumberOfFrames says 1"):
        dicube_core.convert([target.getvalue()], tmp_path / "x.dcbs")
