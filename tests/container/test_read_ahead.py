"""Files in stores where a request takes long are read in few requests, several at once."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time

import numpy as np
import pytest
from support.counting_store import CountingStore
from support.legacy_file import legacy_file
from support.series import Kind, make_series

import dicube_core
from dicube_core.container.front import Front
from dicube_core.container.layout import Section
from dicube_core.container.read_ahead import ReadAhead, joined
from dicube_core.exceptions import ChecksumError, InvalidCubeFileError
from dicube_core.source import BytesSource, Requests
from dicube_core.streaming import DcbStreamingReader

N_FRAMES = 40
WAIT = 60


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("series") / "x.dcbs"
    dicube_core.convert(make_series(N_FRAMES, Kind("k", rows=40, columns=30)).values(), path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def values(data):
    return dicube_core.open(data).frames()


def test_one_request_gives_all_but_the_frames(data, values):
    store = CountingStore(data)
    reader = dicube_core.open(store)
    assert store.log == [(0, 1 << 15)]
    assert reader.dicom_meta.get_values("SOPInstanceUID")
    _ = reader.geometry, reader.report(), reader.instance_headers[7].dataset, reader.writer
    assert len(store.log) == 1
    assert np.array_equal(reader.frame(20), values[20])
    index = reader.container.index
    assert store.log[1:] == [(index.offsets[20], index.lengths[20])]


def test_a_longer_front_takes_exactly_one_more_request(data):
    store = CountingStore(data, Requests(front_bytes=1024))
    reader = dicube_core.open(store)
    first = reader.container.index.offsets[0]
    assert store.log == [(0, 1024), (1024, first - 1024)]
    store.log.clear()
    assert reader.dicom_meta.get_values("SOPInstanceUID")
    _ = reader.geometry, reader.report(), reader.instance_headers[7].dataset, reader.writer
    assert not store.log


def test_the_rest_of_the_front_is_bounded_by_the_limits(data):
    before = dicube_core.get_limits()
    dicube_core.set_limits(metadata_bytes=4096)
    try:
        store = CountingStore(data, Requests(front_bytes=1024))
        with pytest.raises(InvalidCubeFileError, match="metadata_bytes"):
            _ = dicube_core.open(store).instance_headers
        assert sum(length for _, length in store.log) < 1024 + 2 * 4096
    finally:
        dicube_core.set_limits(metadata_bytes=before.metadata_bytes)


def _with_sections_at_the_end(data):
    """Move the metadata of a file without extension behind its frames."""
    container = dicube_core.open(data).container
    place = container.header.dicom_meta
    moved = bytearray(data + data[place.offset : place.stop])
    moved[28:36] = len(data).to_bytes(8, "little")
    return bytes(moved)


def test_sections_behind_the_frames_are_kept_too():
    plain = legacy_file()
    moved = _with_sections_at_the_end(plain)
    store = CountingStore(moved, Requests(front_bytes=256, gap_bytes=0))
    reader = dicube_core.open(store)
    n_requests = len(store.log)
    assert n_requests <= 4
    expected = dicube_core.open(plain)
    assert reader.dicom_meta.to_json() == expected.dicom_meta.to_json()
    assert len(store.log) == n_requests
    assert np.array_equal(reader.frames(), expected.frames())


@pytest.mark.parametrize("order", [range(20), range(19, -1, -1), [3, 4, 5, 3, 4, 5, 30]])
def test_slices_side_by_side_come_in_one_request(data, values, order):
    store = CountingStore(data)
    reader = dicube_core.open(store)
    store.log.clear()
    assert np.array_equal(reader.frames(order), values[list(order)])
    assert len(store.log) == (2 if 30 in order else 1)
    lengths = reader.container.index.lengths
    assert sum(n for _, n in store.log) == sum(lengths[i] for i in set(order))


def test_requests_have_an_upper_length_and_never_reach_across_large_gaps(data, values):
    most = 5000
    store = CountingStore(data, Requests(joined_bytes=most, gap_bytes=10))
    reader = dicube_core.open(store)
    store.log.clear()
    assert np.array_equal(reader.frames(), values)
    assert all(length <= most for _, length in store.log)
    assert sum(length for _, length in store.log) == sum(reader.container.index.lengths)
    store.log.clear()
    reader.frames(range(0, N_FRAMES, 2))
    assert len(store.log) == N_FRAMES // 2


def test_several_requests_are_made_at_once_and_never_more(data, values):
    together = threading.Barrier(3)
    first = threading.Event()

    def before(offset, length):
        if not first.is_set() and offset:
            together.wait(WAIT)  # breaks, and fails the test, unless three are under way
            first.set()

    store = CountingStore(data, Requests(joined_bytes=1, at_once=3))
    reader = dicube_core.open(store)
    store.before = before
    assert np.array_equal(reader.frames(), values)
    assert store.most_at_once == 3
    assert len(store.log) == 1 + N_FRAMES


def test_what_waits_is_bounded_however_slow_the_reader_is(data):
    store = CountingStore(data, Requests(joined_bytes=1, at_once=4))
    reader = dicube_core.open(store)
    store.log.clear()
    with reader.reading_ahead():
        for index in range(N_FRAMES):
            reader.codestream(index)
            # Those waiting, and the next one that has taken the place of the one just given out.
            assert len(store.log) <= index + 1 + 4
    assert len(store.log) == N_FRAMES


def test_any_other_order_gives_the_same_frames_and_stays_bounded(data, values):
    store = CountingStore(data, Requests(joined_bytes=4500, at_once=2))
    reader = dicube_core.open(store)
    order = np.random.default_rng(1).permutation(N_FRAMES)
    with reader.reading_ahead():
        for index in order:
            assert np.array_equal(reader.frame(int(index)), values[index])
        (ahead,) = reader.container._ahead
        live = [r for r in ahead._plan if r.future is not None]
        assert len(live) <= 2 * 2 + 1
    assert not reader.container._ahead


def test_frames_outside_of_the_plan_are_read_by_themselves(data, values):
    reader = dicube_core.open(CountingStore(data))
    with reader.reading_ahead(range(5)):
        assert np.array_equal(reader.frame(30), values[30])
        assert np.array_equal(reader.frame(2), values[2])
        assert np.array_equal(reader.frame(2), values[2])  # once more than announced


def test_a_request_that_fails_is_told_by_whoever_needs_it(data, values):
    store = CountingStore(data, Requests(joined_bytes=4500))
    reader = dicube_core.open(store)
    bad = reader.container.index.offsets[20]

    def before(offset, length):
        if offset <= bad < offset + length:
            raise OSError(5, "the store fails", "store")

    store.before = before
    with pytest.raises(OSError, match="the store fails"):
        reader.frames()
    # Others of the same request are there, when they are asked for by themselves.
    good = [n for n in range(N_FRAMES) if n != 20]
    with reader.reading_ahead():
        for n in good:
            assert np.array_equal(reader.frame(n), values[n])
    assert not [t for t in threading.enumerate() if t.name.startswith("dicube-read")]


def test_damage_is_found_in_frames_that_were_read_ahead(data):
    place = dicube_core.open(data).container.index.offsets[7] + 20
    damaged = data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :]
    reader = dicube_core.open(CountingStore(damaged))
    with pytest.raises(ChecksumError, match="frame 7 at byte"):
        reader.frames()
    report = dicube_core.verify_file(CountingStore(damaged))
    assert [line.split(" at ")[0] for line in report.failures] == ["store: frame 7"]
    assert report.frames_decoded == N_FRAMES - 1


def test_load_verify_and_export_read_ahead(data, values, tmp_path):
    store = CountingStore(data)
    assert np.array_equal(dicube_core.load(store).raw_image, values)
    assert len(store.log) == 2
    store.log.clear()
    assert dicube_core.verify_file(store).ok
    assert len(store.log) == 3  # the copy of the front as well
    store.log.clear()
    from dicube_core.export import export_file

    assert len(export_file(dicube_core.open(store), tmp_path / "out")) == N_FRAMES
    assert len(store.log) == 2


def test_streaming_reads_ahead(data):
    plain = [*DcbStreamingReader(data)]
    store = CountingStore(data)
    with DcbStreamingReader(store) as reader:
        assert [*reader] == plain
    assert len(store.log) == 2
    store = CountingStore(data, Requests(at_once=4))
    with DcbStreamingReader(store, chunk_size=6) as reader:
        found = [reader.get_dicom_for_frame(index) for index in range(2)]
        end = time.monotonic() + WAIT
        while reader.get_cache_stats()["cached_frames"] <= len(found):
            assert time.monotonic() < end, "nothing is made ahead"
            time.sleep(0.01)
        found += [reader.get_dicom_for_frame(index) for index in range(2, N_FRAMES)]
        native = [reader.get_dicom_for_frame(index, True) for index in range(3)]
        stats = reader.get_cache_stats()
    assert found == plain
    assert native == [DcbStreamingReader(data).get_dicom_for_frame(i, True) for i in range(3)]
    assert stats["preloads_used"] > 0
    assert len(store.log) <= 1 + N_FRAMES + 3 + 8


def test_many_threads_share_a_reader(data, values):
    reader = dicube_core.open(CountingStore(data, Requests(joined_bytes=9000, at_once=2)))
    wrong = []

    def read(seed):
        order = np.random.default_rng(seed).permutation(N_FRAMES)[:25].tolist()
        if not np.array_equal(reader.frames(order), values[order]):
            wrong.append(seed)

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert not reader.container._ahead


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_made_in_the_middle_reads_by_itself(data, values):
    reader = dicube_core.open(CountingStore(data, Requests(joined_bytes=1)))
    with reader.reading_ahead():
        reader.frame(0)
        child = os.fork()
        if child == 0:
            same = all(np.array_equal(reader.frame(n), values[n]) for n in range(N_FRAMES))
            os._exit(0 if same else 1)
        assert os.waitpid(child, 0)[1] == 0
        assert np.array_equal(reader.frame(1), values[1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_child_leaves_the_block_whatever_its_parent_was_at():
    with ReadAhead(lambda o, n: bytes(n), [Section(0, 3)], Requests()) as ahead:
        with ahead._lock:  # as of a thread that takes something
            child = os.fork()
            if child == 0:
                signal.alarm(WAIT)
                ahead.__exit__(None, None, None)
                os._exit(0)
        assert os.waitpid(child, 0)[1] == 0
        assert ahead.take(Section(0, 3)) == bytes(3)


def test_parts_that_lie_in_one_another_are_kept_once():
    store = CountingStore(bytes(range(100)), Requests(front_bytes=10, joined_bytes=1, gap_bytes=0))
    front = Front(store, 100)
    outer, inner = Section(5, 60), Section(20, 30)
    front.keep([outer, inner])
    assert store.log == [(0, 10), (10, 55)]
    assert front.read(inner) == bytes(range(20, 50))
    assert len(store.log) == 2


def test_a_reader_of_a_store_pickles_with_it(data, values):
    reader = pickle.loads(pickle.dumps(dicube_core.open(CountingStore(data))))
    assert np.array_equal(reader.frame(3), values[3])
    with pytest.raises(TypeError, match="path, address or bytes"):
        pickle.dumps(dicube_core.open(BytesSource(data)))


def test_a_store_that_cannot_tell_that_its_file_was_replaced(data):
    class Forgetful(CountingStore):
        def __reduce__(self):
            return CountingStore, (self.now, self.requests)

    store = Forgetful(data)
    reader = dicube_core.open(store)
    store.now = legacy_file()
    with pytest.raises(InvalidCubeFileError, match="store: another file has this name"):
        pickle.loads(pickle.dumps(reader))


def test_files_at_hand_are_read_as_ever(data, values):
    class Near(CountingStore):
        requests = None

        def __init__(self, data):
            super().__init__(data)
            self.requests = None

    store = Near(data)
    reader = dicube_core.open(store)
    assert np.array_equal(reader.frames(range(5)), values[:5])
    assert len(store.log) == 1 + 5
    assert not [t for t in threading.enumerate() if t.name.startswith("dicube-read")]


def test_joining():
    requests = Requests(joined_bytes=100, gap_bytes=5)
    sections = [Section(0, 40), Section(45, 40), Section(85, 20), Section(120, 10), Section(60, 60)]
    assert joined(sections, requests) == [(0, 85), (85, 105), (60, 130)]
    assert joined([Section(0, 500)], requests) == [(0, 500)]
    overlapping = [Section(0, 40), Section(10, 40)]
    assert joined(overlapping, requests) == [(0, 40), (10, 50)]


def test_nothing_is_answered_after_the_end():
    with ReadAhead(lambda o, n: bytes(n), [Section(0, 3), Section(3, 3)], Requests()) as ahead:
        assert ahead.take(Section(0, 3)) == bytes(3)
        assert ahead.take(Section(0, 4)) is None
    assert ahead.take(Section(3, 3)) is None
