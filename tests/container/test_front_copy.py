"""The copy of the front of a file: written from the document, read by its rules."""

from __future__ import annotations

import struct
from zlib import crc32

import numpy as np
import pytest
import zstandard

import dicube_core
from dicube_core.container.front_copy import find_front_copy
from dicube_core.source import open_source


def saved(folder, count=3, **options):
    array = np.arange(count * 20, dtype="uint16").reshape(count, 4, 5)
    image = dicube_core.DicomCubeImage(array, dicube_core.PixelDataHeader(**options))
    dicube_core.save(image, folder / "x.dcbs")
    return (folder / "x.dcbs").read_bytes()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("copy"))


def test_it_is_what_the_document_says(data):
    start = data.rindex(b"\x89DCBY\r\n\x1a")
    version, length, entries, packed = struct.unpack_from("<IQII", data, start + 8)
    assert (version, length) == (1, len(data))
    content = data[start + 28 : start + 28 + packed]
    assert data[start + 28 + packed :] == crc32(data[start : start + 28 + packed]).to_bytes(
        4, "little"
    )
    content = zstandard.decompress(content)
    assert content[:116] == data[:116]
    # The directory before the copy was added: other numbers of entries and bytes, one entry less.
    told, written = content[116 : 116 + entries], data[116 : 156 + 32 * data[128]]
    assert told[40:] == written[40:-32]
    assert struct.unpack_from("<IQ", told, 12) == (data[128] - 1, start)
    assert written[-32:-28] == b"COPY"
    place = struct.unpack_from("<QQ", data, 12 + 3 * 16)
    assert content[116 + entries :] == data[place[0] : sum(place)]


def test_it_is_found(data):
    copy = find_front_copy(open_source(data))
    assert data.startswith(copy.front)
    assert copy.shift == 0
    assert find_front_copy(open_source(data[100:])).shift == -100
    assert find_front_copy(open_source(data + b"\0" * 1000)) == copy
    for damaged in (data[:-1], b"x" + data, data[:-5] + b"\0" + data[-4:], b""):
        found = find_front_copy(open_source(damaged))
        assert found is None


def test_it_is_small(data, tmp_path):
    assert len(data) - data.rindex(b"\x89DCBY\r\n\x1a") < 600
    # A number per frame, which differ: too long for a copy, and it is left out.
    slopes = [float(n) / 7 for n in range(9000)]
    long = saved(tmp_path, 9000, RescaleSlope=slopes)
    assert find_front_copy(open_source(long)).pixel_header == b""
    report = dicube_core.repair(bytes(512) + long[512:], tmp_path / "out.dcbs")
    assert not report.anything_lost
    assert (tmp_path / "out.dcbs").read_bytes() == long


def test_no_reader_depends_on_it(data):
    changed = bytearray(data)
    changed[-10] ^= 1
    whole = dicube_core.load(data)
    np.testing.assert_array_equal(dicube_core.load(bytes(changed)).raw_image, whole.raw_image)
