"""Every kind of pixels in an instance of several frames, which may begin inside a byte."""

from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom.pixels import pixel_array
from support.kind_series import FLOAT_TAGS, Sort, bits_of
from support.raw import EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, PIXEL_DATA, Node, part10, text

import dicube_core
from dicube_core.streaming import DcbStreamingReader

COUNT = 5
SORTS = [
    Sort("rgb"),
    Sort("rgb_planes", planar=1, rows=3, columns=5),
    Sort("rgb_16", "uint16", planar=1),
    Sort("ybr_422", photometric="YBR_FULL_422"),
    Sort("bits_3x3", photometric="MONOCHROME2", bit=True, rows=3, columns=3),
    Sort("bits_8x8", photometric="MONOCHROME2", bit=True, rows=8, columns=8),
    Sort("float32", "float32", "MONOCHROME2", rows=3, columns=3),
    Sort("float64", "float64", "MONOCHROME2"),
]


def packed(frames):
    data = bytearray(-(-sum(frame.size for frame in frames) // 8))
    for number, bit in enumerate(bit for frame in frames for bit in frame.ravel().tolist()):
        data[number // 8] |= bit << number % 8
    return bytes(data)


def instance(sort, syntax):
    frames = [sort.frame(index) for index in range(COUNT)]
    data = packed(frames) if sort.bit else b"".join(map(sort.native, frames))
    nodes = sort.nodes(0)
    tag = FLOAT_TAGS.get(sort.dtype, PIXEL_DATA)
    nodes[tag] = Node(tag, nodes[tag].vr, data + b"\0" * (len(data) % 2))
    nodes[0x00280008] = text(0x00280008, "IS", str(COUNT))
    nodes[0x00080016] = text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7.2")
    return part10(nodes, syntax), np.stack(frames)


@pytest.mark.parametrize("syntax", [EXPLICIT_LE, IMPLICIT_LE, EXPLICIT_BE])
@pytest.mark.parametrize("sort", SORTS, ids=lambda sort: sort.name)
def test_whole(sort, syntax, tmp_path):
    data, expected = instance(sort, syntax)
    source = tmp_path / "a.dcm"
    source.write_bytes(data)
    dicube_core.convert(source, tmp_path / "x.dcbs")
    report = dicube_core.verify_against(tmp_path / "x.dcbs", source)
    assert report.ok, report.failures
    assert report.byte_identical == (syntax != EXPLICIT_BE)
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        np.testing.assert_array_equal(bits_of(reader.frames()), bits_of(expected))
    with DcbStreamingReader(tmp_path / "x.dcbs") as stream:
        for index in range(COUNT):
            single = pydicom.dcmread(BytesIO(stream.get_dicom_for_frame(index)))
            found = np.ascontiguousarray(pixel_array(single, raw=True))
            np.testing.assert_array_equal(bits_of(found), bits_of(expected[index]))
