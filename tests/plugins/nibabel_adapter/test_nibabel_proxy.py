"""The array proxy: nibabel's contract, numpy's indexing, one frame decoded for one slice."""

from __future__ import annotations

import gc
import multiprocessing
import pickle
import random
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from support.decoded_frames import note_decoded_frames
from support.metadata_cases import CASES
from support.series import KINDS, Kind

import dicube_core
from dicube_core.exceptions import DataConsistencyError, FrameIndexError

nib = pytest.importorskip("nibabel.loadsave")
from nibabel.arrayproxy import get_obj_dtype, is_proxy  # noqa: E402

from dicube_plugins.nibabel import load  # noqa: E402

KIND_NAMES = (
    *("u16_stored_12", "i16_stored_16", "u8_stored_8", "i8_stored_6", "u32_stored_32"),
    *("i32_stored_17", "u16_outside_stored", "i16_unextended", "u16_high_bit_13", "i16_mono1"),
)
#: slope and intercept, or one of them per slice
FACTORS = {
    "none": (1, 0),
    "hounsfield": (1, -1024),
    "whole": (-3, 7),
    "half": (0.5, -1024),
    "tenth": (0.1, 0.7),
    "large": (70000, -3),
    "pet": ([1.5, 0.25, 3.1, 1, 0.7], [0, 0, -4, 0, 2.5]),
    "steps": ([1, 2, 3, 4, 5], 0),
}


@pytest.fixture
def opened(make_file):
    return load(make_file())


@pytest.fixture
def decoded(monkeypatch):
    """The frames that were decoded since the start of the test."""
    return note_decoded_frames(monkeypatch)


@pytest.mark.parametrize("given", FACTORS, ids=str)
@pytest.mark.parametrize("kind", KIND_NAMES)
def test_values_and_types_are_those_of_the_nifti_file(make_pair, factors, kind, given):
    path, nifti = make_pair(KINDS[kind], factors(*FACTORS[given]))
    ours, twin = load(path).dataobj, nib.load(nifti).dataobj
    everything = np.asarray(twin)
    got = np.asarray(ours)
    assert got.dtype == everything.dtype
    assert np.array_equal(got, everything)
    assert np.array_equal(ours[..., 2], everything[..., 2])
    assert ours[..., 2].dtype == everything.dtype
    assert get_obj_dtype(ours) == get_obj_dtype(twin)
    for dtype in ("f4", "f8"):  # reckoned in float64 and rounded once
        found = np.asarray(ours, dtype)
        assert found.dtype == np.dtype(dtype)
        assert np.array_equal(found, everything.astype(dtype))
    if given not in ("pet", "tenth"):  # there the NIfTI file holds values, not factors
        assert np.array_equal(np.asarray(ours, "g"), np.asarray(twin, "g"))
    for dtype in ("f4", "f8", "i8"):
        scaled = ours._get_scaled(dtype=np.dtype(dtype), slicer=(slice(1, 4), 2))
        assert scaled.dtype == twin._get_scaled(dtype=np.dtype(dtype), slicer=(0, 0, 0)).dtype
        assert np.array_equal(scaled, everything[1:4, 2].astype(scaled.dtype))


@pytest.mark.parametrize("given", ["none", "hounsfield", "half"])
def test_factors_and_unscaled_values_are_those_of_the_nifti_file(make_pair, factors, given):
    path, nifti = make_pair(edit=factors(*FACTORS[given]))
    ours, twin = load(path).dataobj, nib.load(nifti).dataobj
    assert (ours.slope, ours.inter) == (twin.slope, twin.inter)
    assert ours.dtype == twin.dtype
    assert ours.get_unscaled().dtype == twin.get_unscaled().dtype
    assert np.array_equal(ours.get_unscaled(), twin.get_unscaled())


def test_a_modality_lut_takes_the_place_of_factors(make_file):
    edit = CASES["modality_lut_per_slice"]
    path = make_file(Kind("lut", 8, 4, rows=4, columns=4), edit, n_slices=4)
    proxy = load(path).dataobj
    expected = dicube_core.load(path).get_fdata("float64").T
    assert (proxy.slope, proxy.inter) == (None, None)
    assert np.array_equal(np.asarray(proxy), expected)
    assert np.array_equal(proxy[1:3, :, 2], expected[1:3, :, 2])


def test_frames_with_factors_of_their_own_have_no_common_ones(make_file, factors):
    proxy = load(make_file(edit=factors(*FACTORS["pet"]))).dataobj
    assert (proxy.slope, proxy.inter) == (None, None)
    assert proxy.get_unscaled().dtype == np.uint16


def random_index(rng, shape):
    parts = []
    for length in shape[: rng.randint(0, 3)]:
        choice = rng.random()
        if choice < 0.3:
            parts.append(rng.randrange(-length, length))
        elif choice < 0.4:
            parts.append(np.int64(rng.randrange(length)))
        else:
            ends = [rng.choice([None, rng.randint(-length - 2, length + 2)]) for _ in range(2)]
            parts.append(slice(*ends, rng.choice([None, 1, 2, 3, -1, -2, -7])))
    for _ in range(rng.choice([0, 0, 1, 2])):
        parts.insert(rng.randint(0, len(parts)), None)
    if rng.random() < 0.3:
        position = rng.randint(0, len(parts))
        real = [part for part in parts[position:] if part is not None]
        if not real or len([p for p in parts if p is not None]) == 3:
            parts.insert(position, Ellipsis)
    return tuple(parts) if len(parts) != 1 or rng.random() < 0.5 else parts[0]


@pytest.mark.parametrize("given", ["none", "hounsfield", "pet"])
def test_indexing_equals_numpy(make_file, factors, given):
    proxy = load(make_file(edit=factors(*FACTORS[given]))).dataobj
    array = np.asarray(proxy)
    rng = random.Random(given)
    empty = 0
    for _ in range(600):
        index = random_index(rng, proxy.shape)
        expected = array[index]
        got = proxy[index]
        assert got.shape == expected.shape, index
        assert got.dtype == expected.dtype, index
        assert np.array_equal(got, expected), index
        empty += not expected.size
    assert empty  # the fuzz reaches it


def test_one_slice_decodes_one_frame(make_file, decoded):
    path = make_file()
    image = load(path)
    assert decoded == []
    image.dataobj[:, :, 3]
    assert decoded == [3]
    image.dataobj[2, :, 3]  # it is kept
    image.dataobj[..., -2]
    assert decoded == [3]
    image.dataobj[:3, 1, 1:5:2]
    assert sorted(decoded[1:]) == [1]
    image.dataobj[:, :, 3:3]
    image.dataobj[4:4]
    assert len(decoded) == 2
    image.uncache()
    image.dataobj[0, 0, 3]
    assert decoded[2:] == [3]


def test_side_views_keep_the_frames_they_decode(make_file, decoded):
    proxy = load(make_file()).dataobj
    for x in range(proxy.shape[0]):
        proxy[x]
    assert sorted(decoded) == [0, 1, 2, 3, 4]
    np.asarray(proxy)  # who reads everything has it then
    assert len(decoded) == 10


def test_what_is_kept_is_bounded(make_file, decoded, monkeypatch):
    import dicube_plugins.nibabel._proxy as module

    monkeypatch.setattr(module, "_CACHE_BYTES", 2 * 9 * 7 * 2)  # two frames
    proxy = load(make_file()).dataobj
    for frame in (0, 1, 2, 2, 1, 0):
        proxy[..., frame]
    assert decoded == [0, 1, 2, 0]
    assert proxy._frames.n_bytes <= 2 * 9 * 7 * 2
    proxy[0]  # more than may be kept
    assert len(decoded) == 9


def test_results_are_the_callers_own(opened):
    proxy = opened.dataobj
    before = np.asarray(proxy)
    for _ in range(2):
        one = proxy[..., 1]
        assert one.flags.writeable
        one[:] = 99
        side = proxy[2]
        side[:] = 99
    assert np.array_equal(np.asarray(proxy), before)


def test_the_array_is_in_nibabels_order_and_no_copy_is_made(opened):
    array = np.asarray(opened.dataobj)
    assert array.flags.f_contiguous
    assert opened.dataobj[..., 2].flags.f_contiguous


def test_what_a_proxy_is(opened):
    proxy = opened.dataobj
    assert is_proxy(proxy)
    assert (proxy.shape, proxy.ndim, proxy.dtype) == ((7, 9, 5), 3, np.uint16)
    for name in ("shape", "ndim", "dtype", "is_proxy", "slope", "inter"):
        with pytest.raises(AttributeError):
            setattr(proxy, name, 1)
    assert "series.dcbs" in repr(proxy)
    assert np.array_equal(np.asarray(proxy.copy()), np.asarray(proxy))


def test_an_array_without_a_copy_cannot_be_had(opened):
    with pytest.raises(ValueError, match="always a new one"):
        opened.dataobj.__array__(copy=False)
    assert opened.dataobj.__array__(copy=True).shape == (7, 9, 5)


@pytest.mark.parametrize(
    ("index", "words"),
    [
        ((0, 0, 5), "index 5 is out of range for axis 2"),
        ((0, 0, -6), "index -6 is out of range for axis 2"),
        ((7,), "index 7 is out of range for axis 0"),
        ((0, 0, 0, 0), "too many"),
        ((0, 0, 0, ..., 0), "too many"),
        ((slice(None),) * 4, "too many"),
    ],
)
def test_an_index_out_of_range_is_an_index_error(opened, index, words):
    with pytest.raises(FrameIndexError, match=words) as failure:
        opened.dataobj[index]
    assert "series.dcbs" in str(failure.value)


@pytest.mark.parametrize("index", [[0, 1], np.array([1]), True, (0, np.True_), (..., [1])])
def test_indexing_by_arrays_is_refused_as_by_nibabels_proxies(opened, index):
    with pytest.raises(DataConsistencyError, match="integers and slices"):
        opened.dataobj[index]


def test_reshaping_is_that_of_nibabels_proxies(make_pair):
    path, nifti = make_pair()
    ours, twin = load(path).dataobj, nib.load(nifti).dataobj
    for shape in ((7, 9, 5, 1), (63, 5), (5, 9, 7), (315,)):
        reshaped = ours.reshape(shape)
        assert reshaped.shape == shape
        assert np.array_equal(np.asarray(reshaped), np.asarray(twin.reshape(shape)))
        assert np.array_equal(reshaped[2:4], np.asarray(twin.reshape(shape))[2:4])
    assert ours.reshape((-1, 5)).shape == (63, 5)
    assert pickle.loads(pickle.dumps(ours.reshape((63, 5)))).shape == (63, 5)
    for shape in ((7, 9, 4), (-1, -1, 5), (-1, 4)):
        with pytest.raises(DataConsistencyError, match="cannot have the shape"):
            ours.reshape(shape)


def test_it_pickles_as_a_path(opened, tmp_path):
    opened.dataobj[..., 1]
    data = pickle.dumps(opened.dataobj)
    assert len(data) < 2000
    assert np.array_equal(np.asarray(pickle.loads(data)), np.asarray(opened.dataobj))


def test_threads_get_equal_slices(make_file, factors):
    proxy = load(make_file(Kind("big", rows=64, columns=48), factors(0.5, -9), 8)).dataobj
    expected = np.asarray(proxy)
    proxy.clear_cache()
    start = threading.Barrier(8)

    def read(seed):
        rng = random.Random(seed)
        start.wait()
        for _ in range(60):
            k, x = rng.randrange(8), rng.randrange(48)
            assert np.array_equal(proxy[..., k], expected[..., k])
            assert np.array_equal(proxy[x, 5:50:3, ::-1], expected[x, 5:50:3, ::-1])
        return True

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(8)))


def test_a_child_process_reads_what_its_parent_opened(opened):
    expected = np.asarray(opened.dataobj)
    opened.dataobj[..., 1]
    context = multiprocessing.get_context("fork")
    pipe, end = context.Pipe()

    def child():
        end.send((opened.dataobj[..., 1], opened.dataobj[..., 4], np.asarray(opened.dataobj)))

    process = context.Process(target=child)
    process.start()
    one, other, everything = pipe.recv()
    process.join()
    assert np.array_equal(one, expected[..., 1])
    assert np.array_equal(other, expected[..., 4])
    assert np.array_equal(everything, expected)


def test_nothing_keeps_a_proxy_alive(opened):
    gc.collect()
    gc.disable()
    try:
        proxy = opened.dataobj.copy()
        proxy[..., 1]
        alive = weakref.ref(proxy)
        del proxy
        assert alive() is None
    finally:
        gc.enable()
