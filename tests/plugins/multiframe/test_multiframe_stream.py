"""The virtual file: its bytes however they are read, by many threads, and damage in them."""

import copy
import io
import os
import pickle
import random
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest
from multiframe_support import EXPLICIT_LE, HTJ2K, given
from pydicom.dataelem import DataElement
from pydicom.encaps import parse_basic_offsets
from pydicom.pixels import iter_pixels, pixel_array
from support.legacy_file import legacy_file, regions
from support.series import KINDS, Kind, make_series

import dicube_core
from dicube_core.exceptions import (
    ChecksumError,
    DecodeError,
    ReaderClosedError,
    TransferSyntaxError,
)
from dicube_core.pixels import PixelFormat
from dicube_plugins.multiframe import MultiFrameFile
from dicube_plugins.multiframe._frames import EncapsulatedFrames, NativeFrames, WholeFile
from dicube_plugins.multiframe._stream import PartsFile

CT = Kind("ct", stored=12, rows=32, columns=33)
ODD = Kind("odd", 8, 8, rows=7, columns=5)


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    return given(tmp_path_factory.mktemp("stream"), make_series(9, CT))


@pytest.fixture(params=[HTJ2K, EXPLICIT_LE], ids=["htj2k", "explicit"])
def made(request, case):
    return MultiFrameFile(case.reader, request.param)


def lazy(made):
    """Return the image as pydicom holds it with lazy pixels."""
    image = pydicom.dcmread(io.BytesIO(made.head()))
    element = DataElement(0x7FE00010, made.pixel_data_vr, made.pixel_data())
    element.is_undefined_length = made.encapsulated
    image[0x7FE00010] = element
    return image


def test_parts_of_the_interface_agree(made):
    whole = made.open().read()
    value = made.pixel_data().read()
    assert len(whole) == made.n_bytes
    assert whole.startswith(made.head())
    rest = whole[len(made.head()) :]
    assert rest[:4] == b"\xe0\x7f\x10\x00"
    assert rest[4:6].decode() == made.pixel_data_vr
    length = 0xFFFFFFFF if made.encapsulated else len(value)
    assert int.from_bytes(rest[8:12], "little") == length
    assert rest[12 : 12 + len(value)] == value
    end = b"\xfe\xff\xdd\xe0\0\0\0\0" if made.encapsulated else b""
    assert rest[12 + len(value) :] == end


def test_any_way_of_reading_gives_the_same_bytes(made):
    whole = made.open().read()
    rng = random.Random(1)
    file = made.open()
    for _ in range(300):
        start, count = rng.randrange(len(whole) + 10), rng.choice([0, 1, 7, 300, 4000, -1])
        assert file.seek(start) == start
        expected = whole[start:] if count < 0 else whole[start : start + count]
        if rng.random() < 0.5:
            assert file.read(count) == expected
        else:
            more = 3 if start + len(expected) >= len(whole) else 0
            buffer = bytearray(len(expected) + more)
            assert file.readinto(buffer) == len(expected)
            assert buffer == expected + bytes(more)
        assert file.tell() == start + len(expected)
    file.seek(0)
    assert b"".join(iter(lambda: file.read(513), b"")) == whole


def test_seeking(made):
    file = made.open()
    size = made.n_bytes
    assert file.seek(0, os.SEEK_END) == size
    assert file.read() == b""
    assert file.seek(-4, os.SEEK_END) == size - 4
    assert file.seek(2, os.SEEK_CUR) == size - 2
    assert len(file.read(None)) == 2
    assert file.seek(size + 100) == size + 100
    assert file.read(5) == b""
    for offset, whence in ((-1, os.SEEK_SET), (-size - 1, os.SEEK_END)):
        with pytest.raises(ValueError, match="negative"):
            file.seek(offset, whence)
    with pytest.raises(ValueError, match="whence"):
        file.seek(0, 7)
    assert (file.readable(), file.seekable(), file.writable()) == (True, True, False)
    with pytest.raises(io.UnsupportedOperation):
        file.write(b"x")


def test_closing(made):
    file, other = made.open(), made.open()
    file.close()
    file.close()
    for use in (file.read, file.tell, file.readable, lambda: file.seek(0)):
        with pytest.raises(ValueError, match="closed"):
            use()
    assert other.read(4) == bytes(4)


def test_one_file_in_many_threads(made):
    whole = made.open().read()
    file = made.open()
    rng = random.Random(2)
    spans = [(rng.randrange(len(whole)), rng.randrange(1, 3000)) for _ in range(400)]

    def read(span):
        file.seek(span[0])
        return file.read(span[1])

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(read, spans))
    assert found == [whole[start : start + count] for start, count in spans]


def test_pydicom_decodes_lazy_frames_in_many_threads(made, case):
    image = lazy(made)
    frames = case.reader.frames()
    numbers = [number % 9 for number in range(90)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: pixel_array(image, index=number), numbers))
    for number, frame in zip(numbers, found, strict=True):
        np.testing.assert_array_equal(frame, frames[number])


def test_pydicom_takes_the_lazy_value(made, case):
    image = lazy(made)
    frames = case.reader.frames()
    np.testing.assert_array_equal(image.pixel_array, frames)
    np.testing.assert_array_equal(list(iter_pixels(image)), frames)
    file = io.BytesIO()
    image.save_as(file)
    assert file.getvalue() == made.open().read()
    for other in (copy.deepcopy(image), pickle.loads(pickle.dumps(image))):
        np.testing.assert_array_equal(other.pixel_array, frames)
        if made.encapsulated:
            other.decompress()
        np.testing.assert_array_equal(other.pixel_array, frames)


def test_copies_begin_at_the_beginning(made):
    file = made.open()
    file.seek(200)
    for other in (copy.deepcopy(file), pickle.loads(pickle.dumps(file))):
        assert other.tell() == 0
        assert other.read() == made.open().read()
    assert file.tell() == 200
    assert copy.deepcopy(made) is made


def test_basic_offset_table(case):
    made = MultiFrameFile(case.reader)
    value = made.pixel_data().read()
    offsets = parse_basic_offsets(value)
    first = 8 + 4 * 9
    assert len(offsets) == 9
    for index, offset in enumerate(offsets):
        place = first + offset
        assert value[place : place + 4] == b"\xfe\xff\x00\xe0"
        codestream = case.reader.codestream(index)
        assert value[place + 8 : place + 8 + len(codestream)] == codestream
    image = pydicom.dcmread(made.open())
    assert "ExtendedOffsetTable" not in image


def test_extended_offset_table_where_the_basic_one_is_too_small(case):
    frames = EncapsulatedFrames(case.reader, limit=2000)
    made = MultiFrameFile(case.reader)
    made._frames = frames
    image = pydicom.dcmread(made.open())
    assert value_is_empty_table(frames)
    offsets = np.frombuffer(image.ExtendedOffsetTable, "<u8")
    lengths = np.frombuffer(image.ExtendedOffsetTableLengths, "<u8")
    assert list(lengths) == [n + n % 2 for n in case.reader.container.index.lengths]
    assert offsets[0] == 0
    np.testing.assert_array_equal(image.pixel_array, case.reader.frames())
    for index in (0, 4, 8):
        np.testing.assert_array_equal(pixel_array(image, index=index), case.reader.frame(index))


def value_is_empty_table(frames):
    return PartsFile(frames, "x").read(16)[:8] == b"\xfe\xff\x00\xe0\0\0\0\0"


@pytest.mark.parametrize("kind", [ODD, KINDS["u8_1x1"], KINDS["u16_1x1"]])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_uncompressed_values_have_an_even_length(kind, count, tmp_path):
    odd = given(tmp_path, make_series(count, kind))
    made = MultiFrameFile(odd.reader, EXPLICIT_LE)
    value = made.pixel_data().read()
    frames = odd.reader.frames()
    assert value == frames.tobytes() + b"\0" * (frames.nbytes % 2)
    image = pydicom.dcmread(made.open())
    np.testing.assert_array_equal(image.pixel_array.reshape(frames.shape), frames)


def test_parts_are_loaded_when_they_are_read(case, monkeypatch):
    asked = []
    real = type(case.reader).codestream
    monkeypatch.setattr(
        type(case.reader), "codestream", lambda self, i: asked.append(i) or real(self, i)
    )
    made = MultiFrameFile(case.reader)
    image = lazy(made)
    made.open().read(200)
    assert asked == []
    pixel_array(image, index=4)
    assert set(asked) == {4}
    asked.clear()
    file = made.pixel_data()
    file.seek(8 + 9 * 4)
    for _ in range(50):
        file.read(10)
    assert asked == [0]


def damaged(folder):
    """Return the bytes of a file whose frame 2 has a flipped bit."""
    whole = given(folder, make_series(4, CT))
    data = bytearray((folder / "series.dcbs").read_bytes())
    index = whole.reader.container.index
    data[index.offsets[2] + index.lengths[2] // 2] ^= 1
    return bytes(data)


@pytest.mark.parametrize("syntax", [HTJ2K, EXPLICIT_LE])
def test_damage_is_an_error_that_names_the_frame(syntax, tmp_path):
    with dicube_core.open(damaged(tmp_path)) as reader:
        made = MultiFrameFile(reader, syntax)
        image = lazy(made)
        for index in (0, 1, 3):
            np.testing.assert_array_equal(pixel_array(image, index=index), reader.frame(index))
        file = made.open()
        with pytest.raises(ChecksumError, match=r"frame 2 at byte \d+"):
            file.read()
        assert file.tell() == 0
        with pytest.raises(ChecksumError, match=r"frame 2 at byte \d+"):
            image.save_as(io.BytesIO())


def test_a_codestream_that_is_none_is_not_handed_out(tmp_path):
    data = bytearray(legacy_file())
    frame = regions(bytes(data))["codestream header 1"]
    data[frame.start + 2 : frame.start + 12] = bytes(10)
    with dicube_core.open(bytes(data)) as reader:
        image = lazy(MultiFrameFile(reader))
        for index in (0, 2):
            np.testing.assert_array_equal(pixel_array(image, index=index), reader.frame(index))
        with pytest.raises(DecodeError, match="frame 1 at byte"):
            image.save_as(io.BytesIO())


def test_after_the_reader_was_closed(tmp_path):
    whole = given(tmp_path, make_series(3))
    made = MultiFrameFile(whole.reader)
    file = made.open()
    whole.reader.close()
    with pytest.raises(ReaderClosedError):
        file.read()


def test_values_too_long_for_one_element_are_refused():
    # As much of a reader as is looked at: the frames would be 18 GB.
    pixels = PixelFormat(512, 256, 16, 12, 0)
    reader = SimpleNamespace(name="long.dcbs", frame_count=70_000, pixel_format=pixels)
    with pytest.raises(TransferSyntaxError, match=r"long\.dcbs: \d+ bytes of uncompressed"):
        NativeFrames(reader)


def test_whole_file_pickles_its_parts(case):
    made = MultiFrameFile(case.reader)
    whole = pickle.loads(pickle.dumps(WholeFile(made.head(), made._frames)))
    assert PartsFile(whole, "x").read() == made.open().read()
