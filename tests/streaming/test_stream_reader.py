"""The reader around the cache: what is loaded ahead, what is counted, what comes after close."""

import threading

import pytest
from folders import converted, served
from support.raw import EXPLICIT_LE, IMPLICIT_LE
from support.series import Kind, make_series
from wire import HTJ2K

from dicube_core.dicom import DcbStreamingReader
from dicube_core.exceptions import DicomCubeError, FrameIndexError, ReaderClosedError
from dicube_core.slices import SliceProvider

TIMEOUT = 20
COUNT = 24


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    files = make_series(COUNT, Kind("ct", rows=16, columns=16))
    return converted(tmp_path_factory.mktemp("reader"), files)


@pytest.fixture(autouse=True)
def _brief_idleness(monkeypatch):
    monkeypatch.setattr("dicube_core.slice_cache._IDLE", 0.01)


@pytest.fixture
def loads(monkeypatch):
    """Note the frames that are decoded, in their order."""
    found = []
    native = SliceProvider.native

    def noted(self, index, syntax):
        found.append(index)
        return native(self, index, syntax)

    monkeypatch.setattr(SliceProvider, "native", noted)
    return found


def settled(stream):
    """Wait until nothing is loaded ahead any more."""
    for _ in range(TIMEOUT * 1000):
        if not any(t.name == "dicube-preload" for t in threading.enumerate()):
            return stream.get_cache_stats()
        threading.Event().wait(0.001)
    raise AssertionError("threads stay")


def ask(stream, *indices):
    for index in indices:
        stream.get_dicom_for_frame(index, True)


def test_nothing_is_loaded_ahead_without_a_direction(path, loads):
    with DcbStreamingReader(path) as stream:
        ask(stream, 5, 12, 3, 20)
        assert settled(stream)["cached_frames"] == 4
    assert loads == [5, 12, 3, 20]


@pytest.mark.parametrize(
    ("asked", "ahead"),
    [
        ((5, 6), {7, 8, 9, 10}),
        ((6, 5), {4, 3, 2, 1}),
        ((5, 6, 6), {7, 8, 9, 10}),  # the same again is no turn
        ((6, 5, 5), {4, 3, 2, 1}),
        ((5, 7), {8, 9, 10, 11, 6}),  # and what was skipped
        ((1, 0), set()),
        ((22, 23), set()),
        ((0, 1), {2, 3, 4, 5}),
    ],
)
def test_what_is_loaded_ahead_follows_the_direction(asked, ahead, path, loads):
    with DcbStreamingReader(path, chunk_size=4) as stream:
        ask(stream, *asked)
        settled(stream)
    assert set(loads) - set(asked) == ahead
    assert len(loads) == len(set(loads))


def test_scrolling_decodes_every_slice_once(path, loads):
    for order in (range(COUNT), range(COUNT - 1, -1, -1)):
        loads.clear()
        with DcbStreamingReader(path, chunk_size=5) as stream:
            ask(stream, *order)
            stats = settled(stream)
            assert (stats["hits"] + stats["misses"], stats["evictions"]) == (COUNT, 0)
            assert stats["hits"] == stats["preloads_used"]
        assert sorted(loads) == list(range(COUNT))


@pytest.mark.parametrize(
    "options", [{"cache_size": 5}, {"cache_bytes": 5000}, {"cache_size": 3}, {"cache_size": 2}]
)
def test_what_is_loaded_ahead_is_not_pushed_out_before_it_is_used(options, path, loads):
    with DcbStreamingReader(path, chunk_size=20, **options) as stream:
        for index in range(COUNT):
            ask(stream, index)
            stats = settled(stream)
            assert stats["cached_frames"] <= options.get("cache_size", 50)
            assert stats["bytes_held"] <= options.get("cache_bytes", 10**9)
        assert stats["preloads_wasted"] == 0
    assert sorted(loads) == list(range(COUNT))


def test_compressed_slices_are_not_cached(path):
    with DcbStreamingReader(path) as stream:
        for index in (0, 1, 2, 2):
            stream.get_dicom_for_frame(index)
            stream.get_dicom_for_frame(index, transfer_syntax=HTJ2K)
        stats = settled(stream)
    assert [stats[key] for key in ("cached_frames", "bytes_held", "hits", "misses")] == [0] * 4


def test_one_cache_for_all_ways_to_ask_for_the_same(path, loads):
    with DcbStreamingReader(path, force_uncompressed=True) as stream:
        data = stream.get_dicom_for_frame(3)
        assert stream.get_dicom_for_frame(3, transfer_syntax=EXPLICIT_LE) is data
        assert stream.get_dicom_for_frame(3, True) is data
        assert loads == [3]
        stream.get_dicom_for_frame(3, transfer_syntax=IMPLICIT_LE)
        assert loads == [3, 3]


def test_keys_that_scripts_know_and_those_added(path):
    with DcbStreamingReader(path, chunk_size=3, cache_size=7) as stream:
        metadata, stats = stream.get_metadata(), stream.get_cache_stats()
        assert set(metadata) == {
            *("frame_count", "pixel_header", "has_dicom_meta", "has_space", "transfer_syntax"),
            *("file_type", "cache_stats"),
        }
        assert (
            set(metadata["cache_stats"])
            == set(stats)
            == {
                *(
                    "cached_frames",
                    "loading_frames",
                    "cache_size_limit",
                    "chunk_size",
                    "last_access",
                ),
                *("hits", "misses", "evictions", "preloads_used", "preloads_wasted", "bytes_held"),
            }
        )
        assert (metadata["frame_count"], metadata["file_type"]) == (COUNT, "DcbSFile")
        assert metadata["transfer_syntax"] == stream.transfer_syntax_uid == HTJ2K
        assert (metadata["has_dicom_meta"], metadata["has_space"]) == (True, True)
        assert metadata["pixel_header"]["PixelDtype"] == "uint16"
        assert (stats["cache_size_limit"], stats["chunk_size"]) == (7, 3)
        before = stats["last_access"]
        ask(stream, 1, 1)
        stats = settled(stream)
        assert (stats["hits"], stats["misses"], stats["cached_frames"]) == (1, 1, 1)
        assert stats["bytes_held"] == len(served(path, EXPLICIT_LE)[1])
        assert stats["last_access"] >= before
        stream.clear_cache()
        assert stream.get_cache_stats()["bytes_held"] == 0


def test_after_close(path):
    stream = DcbStreamingReader(path)
    ask(stream, 3, 4)
    with stream:
        pass
    stream.close()
    for form in (None, HTJ2K, EXPLICIT_LE):
        with pytest.raises(ReaderClosedError, match="closed"):
            stream.get_dicom_for_frame(3, transfer_syntax=form)
    with pytest.raises(ReaderClosedError):
        next(iter(stream))
    with pytest.raises(ReaderClosedError):
        stream.get_metadata()
    stats = stream.get_cache_stats()
    assert (stats["cached_frames"], stats["bytes_held"], stats["loading_frames"]) == (0, 0, 0)
    stream.clear_cache()
    assert len(stream) == stream.get_frame_count() == COUNT


def test_closing_while_slices_are_asked_for(path):
    expected = {form: served(path, form) for form in (HTJ2K, EXPLICIT_LE)}
    wrong, clear = [], []

    def work(stream, start):
        try:
            for step in range(10**6):
                form = (HTJ2K, EXPLICIT_LE)[step % 2]
                index = (start + step) % COUNT
                if stream.get_dicom_for_frame(index, transfer_syntax=form) != expected[form][index]:
                    wrong.append(index)
        except ReaderClosedError as error:
            clear.append(str(error))
        except BaseException as error:  # noqa: BLE001 - looked at below
            wrong.append(error)

    for _ in range(8):
        stream = DcbStreamingReader(path, cache_size=6)
        threads = [threading.Thread(target=work, args=(stream, 3 * n)) for n in range(6)]
        for thread in threads:
            thread.start()
        while stream.get_cache_stats()["misses"] < 10:
            threading.Event().wait(0.001)
        stream.close()
        for thread in threads:
            thread.join(TIMEOUT)
            assert not thread.is_alive()
    assert wrong == []
    assert len(clear) == 48
    assert all("closed" in text for text in clear)
    assert not any(t.name == "dicube-preload" for t in threading.enumerate())


def test_arguments_out_of_range(path):
    with DcbStreamingReader(path, chunk_size=-3, cache_size=-1, cache_bytes=-1) as stream:
        assert stream.get_dicom_for_frame(2, True) == served(path, EXPLICIT_LE)[2]
        stats = stream.get_cache_stats()
        assert (stats["chunk_size"], stats["cache_size_limit"], stats["cached_frames"]) == (1, 0, 0)
        for index in (-1, COUNT, 10**12):
            with pytest.raises(FrameIndexError) as caught:
                stream.get_dicom_for_frame(index)
            assert isinstance(caught.value, IndexError | DicomCubeError)
        for index in ("1", None, 1.5):
            with pytest.raises(TypeError):
                stream.get_dicom_for_frame(index)
