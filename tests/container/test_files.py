"""Files: what was written is read, anything else is an error that names the place."""

from __future__ import annotations

import io
import json
import os
import pickle
import threading
from dataclasses import replace

import numpy as np
import pytest
from support.legacy_file import legacy_file, pixel_header_of, volume

import dicube_core
from dicube_core.container.layout import HEADER_SIZE, FileHeader
from dicube_core.exceptions import (
    ChecksumError,
    DicomCubeError,
    FrameIndexError,
    InvalidCubeFileError,
    ReaderClosedError,
    TruncatedFileError,
    UnsupportedVersionError,
)
from dicube_core.source import BytesSource

RNG = np.random.default_rng(7)
VOLUME = np.clip(RNG.normal(900, 90, (5, 33, 41)), 0, 4095).astype(np.uint16)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("files") / "a.dcbs"
    image = dicube_core.DicomCubeImage(VOLUME, dicube_core.PixelDataHeader(RescaleSlope=2.0))
    image.init_meta("CT")
    dicube_core.save(image, path)
    return path.read_bytes()


@pytest.fixture
def path(data, tmp_path):
    target = tmp_path / "a.dcbs"
    target.write_bytes(data)
    return target


class Store:
    """A store with the two methods that the protocol asks for, and nothing else."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def size(self) -> int:
        return len(self._data)

    def read_at(self, offset: int, length: int) -> bytes:
        return self._data[offset : offset + length]


def test_every_kind_of_source(data, path):
    sources = [path, str(path), data, io.BytesIO(data), BytesSource(data), Store(data)]
    for source in sources:
        with dicube_core.open(source) as reader:
            assert reader.shape == VOLUME.shape
            assert np.array_equal(reader.frames(), VOLUME)
    with path.open("rb") as file:
        file.seek(17)
        with dicube_core.open(file) as reader:
            assert np.array_equal(reader.frame(-1), VOLUME[-1])
        assert file.tell() == 17
        assert not file.closed


def test_text_files_and_other_objects_are_type_errors(path):
    with pytest.raises(TypeError), path.open(encoding="latin-1") as file:
        dicube_core.open(file)
    with pytest.raises(TypeError):
        dicube_core.open(42)


def test_folders_and_fifos_are_refused_at_once(tmp_path):
    with pytest.raises(IsADirectoryError):
        dicube_core.open(tmp_path)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(InvalidCubeFileError):
        dicube_core.open(tmp_path / "fifo")


def test_one_frame_stays_three_dimensional(tmp_path):
    image = dicube_core.DicomCubeImage(VOLUME[0], dicube_core.PixelDataHeader())
    dicube_core.save(image, tmp_path / "one.dcbs")
    assert dicube_core.load(tmp_path / "one.dcbs").raw_image.shape == (1, 33, 41)


def test_frames_in_any_order_into_given_memory(data):
    reader = dicube_core.open(data)
    assert np.array_equal(reader.frames([3, 0, -1]), VOLUME[[3, 0, 4]])
    assert np.array_equal(reader.frames(slice(1, 4)), VOLUME[1:4])
    assert reader.frames(range(0)).shape == (0, 33, 41)
    out = np.zeros((2, 33, 41), np.uint16)
    assert reader.frames(range(2), out=out) is out
    assert np.array_equal(out, VOLUME[:2])
    for bad in (np.zeros((2, 33, 41), np.int16), np.zeros((3, 33, 41), np.uint16), out[..., ::-1]):
        with pytest.raises(DicomCubeError):
            reader.frames(range(2), out=bad)


def test_frame_indices_are_checked(data):
    reader = dicube_core.open(data)
    for index in (5, -6, 1 << 70):
        with pytest.raises(FrameIndexError):
            reader.frame(index)
        with pytest.raises(IndexError):
            reader.codestream(index)
    with pytest.raises(TypeError):
        reader.frame(1.5)


def test_levels_halve_the_frame(data):
    reader = dicube_core.open(data)
    assert reader.frame(0, level=1).shape == (17, 21)
    assert reader.frames(level=2).shape == (5, 9, 11)
    assert abs(float(reader.frame(0, level=2).mean()) - float(VOLUME[0].mean())) < 30
    with pytest.raises(DicomCubeError):
        reader.frame(0, level=99)


def test_a_reader_pickles_as_its_path(path, data):
    reader = dicube_core.open(path)
    assert np.array_equal(pickle.loads(pickle.dumps(reader)).frame(2), VOLUME[2])
    assert np.array_equal(pickle.loads(pickle.dumps(dicube_core.open(data))).frame(2), VOLUME[2])
    with pytest.raises(TypeError):
        pickle.dumps(dicube_core.open(io.BytesIO(data)))


@pytest.mark.parametrize("kind", ["other frames", "other metadata", "without checksums"])
def test_a_pickled_reader_opens_no_other_file(path, data, kind, tmp_path):
    """Another process would take its frames for those that the first one knows of."""
    other = tmp_path / "new"
    if kind == "without checksums":
        header = json.dumps(pixel_header_of(volume())).replace("40.0", "41.0")
        path.write_bytes(legacy_file())
        other.write_bytes(legacy_file(pixel_header=header.encode()))
        assert other.stat().st_size == path.stat().st_size
    else:
        frames = VOLUME[::-1] if kind == "other frames" else VOLUME
        image = dicube_core.DicomCubeImage(frames, dicube_core.PixelDataHeader(RescaleSlope=2.0))
        image.init_meta("CT" if kind == "other frames" else "MR")
        dicube_core.save(image, other)
    with dicube_core.open(path) as reader:
        pickled, expected = pickle.dumps(reader), reader.frames()
    os.utime(path, ns=(1, 1))  # the same file, copied to another machine
    with pickle.loads(pickled) as again:
        assert np.array_equal(again.frames(), expected)
    other.replace(path)
    with pytest.raises(InvalidCubeFileError, match=r"a\.dcbs: another file has this name") as error:
        pickle.loads(pickled)
    assert error.value.details["path"] == str(path)
    path.unlink()
    with pytest.raises(FileNotFoundError):
        pickle.loads(pickled)


def test_many_threads_on_one_reader(path):
    reader = dicube_core.open(path)
    wrong: list[int] = []

    def work(seed: int) -> None:
        order = np.random.default_rng(seed).integers(0, 5, 60)
        wrong.extend(int(i) for i in order if not np.array_equal(reader.frame(int(i)), VOLUME[i]))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_forked_child_reads_the_same(path):
    reader = dicube_core.open(path)
    reader.frame(0)
    child = os.fork()
    if child == 0:
        os._exit(0 if all(np.array_equal(reader.frame(i), VOLUME[i]) for i in range(5)) else 1)
    for _ in range(20):
        assert np.array_equal(reader.frame(4), VOLUME[4])
    assert os.waitpid(child, 0)[1] == 0


def test_use_after_close(path):
    reader = dicube_core.open(path)
    reader.close()
    reader.close()
    with pytest.raises(ReaderClosedError):
        reader.frame(0)


def test_same_input_same_bytes(data, tmp_path):
    image = dicube_core.DicomCubeImage(VOLUME, dicube_core.PixelDataHeader(RescaleSlope=2.0))
    image.init_meta("CT")
    dicube_core.save(image, tmp_path / "again.dcbs", verify=False)
    assert (tmp_path / "again.dcbs").read_bytes() == data


def test_every_cut_is_noticed(data):
    for length in [*range(300), *range(300, len(data), 97), len(data) - 1]:
        with pytest.raises(InvalidCubeFileError):
            dicube_core.load(data[:length])
    with pytest.raises(TruncatedFileError):
        dicube_core.load(data + b"\0")


def test_every_flipped_byte_is_noticed(data):
    reader = dicube_core.open(data)
    front = min(reader.container.index.offsets)
    positions = [*range(front), *range(front, len(data), 61)]
    quiet = []
    for position in positions:
        damaged = bytearray(data)
        damaged[position] ^= 0x10
        try:
            image = dicube_core.load(bytes(damaged))
            list(image.headers or ())
        except DicomCubeError:
            continue
        quiet.append(position)
    # The writer's name and the copy of the header are not looked at by a load; verify does.
    entries = reader.container._directory.entries
    places = [entries[tag].section for tag in (b"WRTR", b"COPY")]
    assert set(quiet) <= {n for place in places for n in range(place.offset, place.stop)}
    for position in quiet:
        damaged = bytearray(data)
        damaged[position] ^= 0x10
        with pytest.raises(ChecksumError):
            dicube_core.open(bytes(damaged)).container.check_parts()


def test_a_damaged_frame_is_named_and_the_others_stay_readable(data):
    reader = dicube_core.open(data)
    offset = reader.container.index.offsets[3]
    damaged = bytearray(data)
    damaged[offset + 150] ^= 1
    reader = dicube_core.open(bytes(damaged))
    with pytest.raises(ChecksumError) as caught:
        reader.frame(3)
    assert caught.value.details["frame"] == 3
    assert caught.value.details["offset"] == offset
    assert np.array_equal(reader.frame(2), VOLUME[2])


def test_swapped_frames_are_noticed(data):
    """Two valid frames in each other's place, as an exchange of their index entries makes them."""
    reader = dicube_core.open(data)
    header, damaged = reader.container.header, bytearray(data)
    for section in (header.frame_offsets, header.frame_lengths):
        a, b = section.offset, section.offset + 8
        damaged[a : a + 8], damaged[b : b + 8] = data[b : b + 8], data[a : a + 8]
    with pytest.raises(ChecksumError):
        dicube_core.load(bytes(damaged))


@pytest.mark.parametrize(
    ("start", "error"),
    [
        (b"", TruncatedFileError),
        (b"DCMC", TruncatedFileError),
        (b"DCMCUBEA" + bytes(200), UnsupportedVersionError),
        (b"DCMCUBEL" + bytes(200), UnsupportedVersionError),
        (b"DCMCUBES\2" + bytes(200), UnsupportedVersionError),
        (b"\x5c\x01\0\0" + bytes(400), InvalidCubeFileError),
    ],
)
def test_other_files_are_refused_by_their_start(start, error):
    with pytest.raises(error):
        dicube_core.open(start)


@pytest.mark.parametrize("field", range(13))
@pytest.mark.parametrize("value", [0, 1, 115, 1 << 31, 1 << 62, (1 << 64) - 1])
def test_hostile_header_fields_without_checksums(data, field, value):
    """The header alone must hold: files of other writers have no checksums."""
    plain = bytearray(_without_extension(data))
    old = plain[12 + 8 * field : 20 + 8 * field]
    plain[12 + 8 * field : 20 + 8 * field] = value.to_bytes(8, "little")
    if plain[12 + 8 * field : 20 + 8 * field] == old:
        return
    try:
        image = dicube_core.load(bytes(plain))
    except DicomCubeError:
        return
    assert np.array_equal(image.raw_image, VOLUME)


def _without_extension(data: bytes) -> bytes:
    """Make a file as 0.3.0 leaves it when it saves ours again: no block, no room for one.

    It copies the key, which is bound to the header of before.
    """
    header = FileHeader.parse(data, len(data), "x")
    places = header.sections()
    room = min(place.offset for _, place in places if place.length) - HEADER_SIZE
    moved = {name: place._replace(offset=max(0, place.offset - room)) for name, place in places}
    table = np.frombuffer(data, "<u8", header.frame_count, header.frame_offsets.offset) - room
    body = bytearray(data[HEADER_SIZE + room :])
    at = moved["frame_offsets"].offset - HEADER_SIZE
    body[at : at + table.nbytes] = table.astype("<u8").tobytes()
    return replace(header, **moved).pack() + bytes(body)


def test_a_stale_key_is_ignored_and_said(data):
    reader = dicube_core.open(_without_extension(data))
    assert reader.container.extension == "stale"
    assert not reader.validated
    assert np.array_equal(reader.frames(), VOLUME)


def test_a_missing_block_is_not_taken_for_a_stale_one(data):
    damaged = bytearray(data)
    damaged[HEADER_SIZE : HEADER_SIZE + 8] = bytes(8)
    with pytest.raises(ChecksumError):
        dicube_core.open(bytes(damaged))
