"""Boxes of a file are those of its modality values, of whatever kind it is."""

from __future__ import annotations

import multiprocessing
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from kind_files import (
    COLOURS,
    REALS,
    echoes_in_time,
    file_of,
    frames_of,
    rgb_of,
    tilted,
    time_series,
)
from support.legacy_file import legacy_file
from support.raw import text
from support.series import KINDS, Kind

import dicube_core
from dicube_core.exceptions import (
    ChecksumError,
    DataConsistencyError,
    FrameIndexError,
    GeometryError,
    UnsupportedKindError,
)
from dicube_plugins.volume import LazyVolume

BOXES = [
    ((0, 0, 0), (7, 9, 5)),
    ((1, 2, 3), (4, 5, 2)),
    ((6, 8, 4), (1, 1, 1)),
    ((0, 3, 1), (7, 2, 0)),
]


def values_of(path):
    """Return modality values (x, y, z) by the core."""
    return dicube_core.load(path).get_fdata("float64").transpose(2, 1, 0)


def cut(array, start, size):
    return array[tuple(slice(a, a + n) for a, n in zip(start, size, strict=True))]


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_kind_gives_modality_values_in_a_type_that_holds_them(make_file, name):
    path = make_file(KINDS[name])
    with LazyVolume(path) as volume:
        expected = values_of(path)
        for order in ("F", "C"):
            found = volume.read(order=order)
            assert found.dtype == volume.dtype
            assert found.flags[f"{order}_CONTIGUOUS"]
            assert np.array_equal(found, expected)
        assert np.array_equal(volume.read(dtype="float32"), expected.astype("float32"))
        assert volume.shape == expected.shape
        floats = volume.read(dtype=volume.float_dtype, order="C")
        assert np.array_equal(floats, expected)
        assert floats.dtype == volume.dtype or (volume.dtype.itemsize, floats.dtype) == (4, "f4")


@pytest.mark.parametrize("name", ["u16_outside_stored", "i16_unextended", "u16_high_bit_13"])
def test_stored_values_are_those_of_the_pixel(make_file, name):
    path = make_file(KINDS[name])
    with LazyVolume(path, values="stored") as volume, dicube_core.open(path) as reader:
        expected = reader.pixel_format.pixel_values(reader.frames())
        assert np.array_equal(volume.read(), expected.transpose(2, 1, 0))
        assert volume.dtype == reader.dtype
        with pytest.raises(DataConsistencyError, match="does not hold"):
            volume.read(dtype="int8")


@pytest.mark.parametrize(("start", "size"), BOXES)
@pytest.mark.parametrize("order", ["F", "C"])
@pytest.mark.parametrize("dtype", [None, "float32", "float64", "int32"])
def test_a_box_is_that_of_the_whole(make_file, start, size, order, dtype):
    path = make_file()
    with LazyVolume(path) as volume:
        found = volume.read(start, size, dtype=dtype, order=order)
        assert found.dtype == (dtype or "int16")
        assert np.array_equal(found, cut(values_of(path), start, size))
        place = np.array([*start, 1.0])
        assert np.allclose(volume.affine_at(start)[:, 3], volume.affine @ place)


@pytest.mark.parametrize("n_threads", [1, 2, 5, 40])
def test_large_frames_are_turned_in_parts(make_file, n_threads):
    path = make_file(Kind("large", rows=150, columns=21), n_slices=37)
    with LazyVolume(path) as volume:
        expected = values_of(path)
        for dtype in (None, "float32", "float64"):
            found = volume.read(order="C", dtype=dtype, n_threads=n_threads)
            assert np.array_equal(found, expected)
        found = volume.read((2, 10, 3), (17, 101, 30), order="C", n_threads=n_threads)
        assert np.array_equal(found, expected[2:19, 10:111, 3:33])


def test_files_of_dicube_0_3_0(tmp_path):
    path = tmp_path / "old.dcbs"
    path.write_bytes(legacy_file())
    with LazyVolume(path) as volume:
        assert np.array_equal(volume.read(order="C"), values_of(path))
        assert np.array_equal(volume.affine, volume.reader.geometry.affine_xyz_ras)


def test_slices_have_factors_of_their_own(make_file):
    slopes = [0.1 + index / 7 for index in range(5)]

    def edit(index, nodes):
        nodes[0x00281053] = text(0x00281053, "DS", f"{slopes[index]:.6f}")

    path = make_file(edit=edit)
    with LazyVolume(path) as volume:
        assert volume.dtype == "float64"
        assert np.array_equal(volume.read(), values_of(path))
        assert np.array_equal(volume.read(dtype="float32", order="C"), values_of(path).astype("f4"))
        with pytest.raises(DataConsistencyError, match="does not hold"):
            volume.read(dtype="int32")


@pytest.mark.parametrize("name", sorted(COLOURS))
def test_colour_has_a_last_axis(tmp_path, name):
    path = file_of(COLOURS[name], tmp_path)
    expected = np.moveaxis(rgb_of(COLOURS[name]).transpose(3, 2, 1, 0), 0, -1)
    with LazyVolume(path) as volume:
        assert volume.samples == 3
        for order in ("F", "C"):
            assert np.array_equal(volume.read(order=order), expected)
        found = volume.read((1, 2, 1), (3, 2, 2), dtype="float32")
        assert np.array_equal(found, expected[1:4, 2:4, 1:3].astype("float32"))


@pytest.mark.parametrize("name", sorted(REALS))
def test_reals_are_as_they_are(tmp_path, name):
    path = file_of(REALS[name], tmp_path)
    with LazyVolume(path) as volume:
        expected = frames_of(REALS[name]).transpose(2, 1, 0)
        assert np.array_equal(volume.read(order="C"), expected, equal_nan=True)


def test_volumes_have_an_axis_more(tmp_path):
    path, values = time_series(tmp_path)
    with LazyVolume(path) as volume:
        expected = values.transpose(3, 2, 1, 0)
        assert volume.shape == expected.shape
        assert np.array_equal(volume.read(), expected)
        found = volume.read((1, 0, 2, 1), (2, 3, 2, 2), order="C")
        assert np.array_equal(found, cut(expected, (1, 0, 2, 1), (2, 3, 2, 2)))


def test_time_comes_before_other_dimensions(tmp_path):
    path, values = echoes_in_time(tmp_path)
    with LazyVolume(path) as volume:
        assert np.array_equal(volume.read(), values.transpose(4, 3, 2, 1, 0))


def test_no_affine_is_made_up(tmp_path):
    path, step = tilted(tmp_path)
    with pytest.raises(GeometryError, match=r"series\.dcbs"):
        LazyVolume(path)
    with LazyVolume(path, sheared=True) as volume:
        assert np.allclose(volume.affine[:3, 2], [-step[0], -step[1], step[2]])


@pytest.mark.parametrize(
    ("start", "size"),
    [
        ((0, 0, 0), (8, 1, 1)),
        ((0, 0, 5), (1, 1, 1)),
        ((-1, 0, 0), (1, 1, 1)),
        ((0, 0, 0), (1, -1, 1)),
    ],
)
def test_a_box_that_reaches_out_is_an_error(make_file, start, size):
    with LazyVolume(make_file()) as volume, pytest.raises(FrameIndexError, match="along axis"):
        volume.read(start, size)


def test_a_box_has_a_number_for_each_axis(make_file):
    with LazyVolume(make_file()) as volume, pytest.raises(DataConsistencyError, match="3 axes"):
        volume.read((0, 0), (1, 1))


def test_frames_that_a_box_does_not_touch_are_not_decoded(make_file):
    path = make_file()
    with dicube_core.open(path) as reader:
        offset = int(reader.container.index.offsets[3])
    data = bytearray(path.read_bytes())
    data[offset + 60] ^= 0xFF
    path.write_bytes(data)
    with LazyVolume(path) as volume:
        assert volume.read((0, 0, 0), (7, 9, 3), order="C").shape == (7, 9, 3)
        for order in ("F", "C"):
            with pytest.raises(ChecksumError, match="frame 3"):
                volume.read((2, 2, 2), (1, 1, 2), order=order)


def test_unknown_colour_is_refused_by_name(tmp_path):
    from support.kind_series import Sort

    path = file_of(Sort("ybr_16", "uint16", photometric="YBR_FULL"), tmp_path)
    with pytest.raises(UnsupportedKindError, match="YBR_FULL"):
        LazyVolume(path)


def _digest(volume):
    return volume.read((1, 1, 1), (5, 6, 3)).tobytes()


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_other_processes_read_the_same(make_file, method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} here")
    with LazyVolume(make_file()) as volume:
        expected = _digest(volume)
        with multiprocessing.get_context(method).Pool(1) as pool:
            assert pool.apply(_digest, (volume,)) == expected
        copy = pickle.loads(pickle.dumps(volume))
        assert _digest(copy) == expected
        copy.close()
        assert _digest(volume) == expected


def test_threads_read_the_same(make_file):
    path = make_file(n_slices=20)
    expected = values_of(path)
    rng = np.random.default_rng(0)
    starts = rng.integers(0, (4, 5, 12), (60, 3)).tolist()
    with LazyVolume(path) as volume, ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda start: volume.read(start, (3, 4, 8), order="C"), starts)
        for start, box in zip(starts, found, strict=True):
            assert np.array_equal(box, cut(expected, start, (3, 4, 8)))
