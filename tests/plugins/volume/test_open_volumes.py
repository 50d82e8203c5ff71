"""Files that are kept open: bounded, never stale, and decoded frames that are kept."""

from __future__ import annotations

import pickle
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from dicube_core.exceptions import DataConsistencyError
from dicube_plugins.volume import LazyVolume, OpenVolumes, grid_starts
from dicube_plugins.volume.frame_cache import FrameCache
from dicube_plugins.volume.urls import as_given


def test_so_many_files_stay_open(make_file):
    paths = [make_file(n_slices=n) for n in (2, 3, 4)]
    volumes = OpenVolumes(2)
    for _ in range(2):
        for path, depth in zip(paths, (2, 3, 4), strict=True):
            assert volumes.get(path).shape[2] == depth
            assert len(volumes) <= 2
    assert volumes.get(paths[2]) is volumes.get(str(paths[2]))
    volumes.close()
    assert len(volumes) == 0


def test_a_file_that_was_replaced_is_opened_again(make_file):
    path, other = make_file(n_slices=2), make_file(n_slices=4)
    volumes = OpenVolumes()
    before = volumes.get(path)
    other.replace(path)
    assert volumes.get(path).shape[2] == 4
    assert before.read().shape[2] == 2  # who holds it reads on


def test_a_copy_begins_with_none(make_file):
    volumes = OpenVolumes(3, 1 << 20, values="stored")
    volumes.get(make_file())
    copy = pickle.loads(pickle.dumps(volumes))
    assert (len(volumes), len(copy)) == (1, 0)
    assert copy.get(make_file()).dtype == "uint16"


@pytest.mark.parametrize(("max_open", "cache_bytes"), [(0, 0), (1, -1)])
def test_bounds_are_looked_at(max_open, cache_bytes):
    with pytest.raises(ValueError, match="at least 1 file"):
        OpenVolumes(max_open, cache_bytes)


def test_frames_are_kept_within_the_bound(make_file):
    frame_bytes = 9 * 7 * 2
    cache = FrameCache(3 * frame_bytes)
    with (
        LazyVolume(make_file(n_slices=6)) as plain,
        LazyVolume(make_file(n_slices=6), cache=cache) as kept,
    ):
        whole = plain.read()
        for start in ((0, 0, 0), (1, 2, 1), (2, 3, 0), (0, 0, 3)):
            for order in ("F", "C"):
                box = kept.read(start, (3, 4, 3), order=order)
                x, y, z = start
                assert np.array_equal(box, whole[x : x + 3, y : y + 4, z : z + 3])
                assert cache.n_bytes == 3 * frame_bytes
        frames = cache.of(kept.reader)
        assert frames.missing(range(6)) == [0, 1, 2]
        assert not frames(4).flags.writeable
        cache.clear()
        assert np.array_equal(kept.read(), whole)
        assert cache.n_bytes == 0  # whole frames are not kept
        kept.read((0, 0, 0), (1, 1, 4))
        assert cache.n_bytes == 0  # nor more than there is room for


def test_files_are_told_apart_in_the_cache(make_file):
    cache = FrameCache(1 << 20)

    def edit(index, nodes):
        from support.raw import text

        nodes[0x00281052] = text(0x00281052, "DS", "7")

    paths = [make_file(n_slices=3), make_file(n_slices=3, edit=edit)]
    plain = [LazyVolume(path).read() for path in paths]
    kept = [LazyVolume(path, cache=cache) for path in paths]
    for _ in range(2):
        for volume, whole in zip(kept, plain, strict=True):
            assert np.array_equal(volume.read((1, 1, 0), (2, 2, 3)), whole[1:3, 1:3])
    assert not np.array_equal(*plain)


@pytest.mark.parametrize("overlap", [0, 1, 3])
@pytest.mark.parametrize("length", [1, 4, 5, 8, 13])
def test_a_grid_covers_everything(length, overlap):
    size = 4
    starts = [start for (start,) in grid_starts((length,), (size,), (overlap,))]
    covered = {n for start in starts for n in range(start, start + size)}
    assert covered >= set(range(length))
    assert starts == sorted(set(starts))
    assert max(starts) == max(0, length - size)
    assert {b - a for a, b in pairwise(starts[:-1])} <= {size - overlap}


def test_boxes_overlap_by_less_than_their_size():
    with pytest.raises(DataConsistencyError, match="overlap"):
        list(grid_starts((9,), (4,), (4,)))


def test_addresses_come_back(tmp_path):
    assert as_given("https:/host/a/x.dcbs") == "https://host/a/x.dcbs"
    assert as_given("file:/a/x.dcbs") == "file:///a/x.dcbs"
    chain = "zip://a/x.dcbs::simplecache::https://host/b.zip"
    assert as_given(Path(chain)) == as_given(chain) == chain
    assert as_given(Path("simplecache::s3://bucket/x.dcbs")) == "simplecache::s3://bucket/x.dcbs"
    assert as_given("s3://bucket/x.dcbs") == "s3://bucket/x.dcbs"
    assert as_given("C:/x.dcbs") == "C:/x.dcbs"
    assert as_given(tmp_path / "x.dcbs") == str(tmp_path / "x.dcbs")
