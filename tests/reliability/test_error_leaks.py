"""An error that was caught and forgotten keeps nothing: no reader, no descriptor, no array.

With the garbage collector off, only a circle of references (an error that a frame of its own
traceback holds) could keep the file open after the last line that used it.
"""

from __future__ import annotations

import contextlib
import gc
import weakref

import numpy as np
import pytest
from support.legacy_file import legacy_file, regions, volume
from support.series import Kind, make_series
from support.whole import write_files

import dicube_core
from dicube_core.exceptions import DecodeError, DicomCubeError, StreamingError
from dicube_core.path_source import PathSource, _pool
from dicube_core.slice_cache import SliceCache
from dicube_core.streaming import DcbStreamingReader

IMPLICIT_LE = "1.2.840.10008.1.2"


@pytest.fixture(scope="module")
def damaged(tmp_path_factory):
    """A file with checksums whose frame 1 does not match its own."""
    folder = tmp_path_factory.mktemp("damaged")
    source = write_files(folder / "source", make_series(3, Kind("ct", rows=24, columns=24)))
    dicube_core.convert(source, folder / "x.dcbs")
    data = bytearray((folder / "x.dcbs").read_bytes())
    data[regions(bytes(data))["packets 1"].start + 9] ^= 0x10
    path = folder / "damaged.dcbs"
    path.write_bytes(data)
    return path


@pytest.fixture(scope="module")
def unreadable(tmp_path_factory):
    """A file without checksums of whose frame 1 the native library itself complains."""
    whole = legacy_file(volume(3, 64, 64))
    packets = regions(whole)["packets 1"]
    for place in packets:
        data = bytearray(whole)
        data[place] ^= 0xFF
        with dicube_core.open(bytes(data)) as reader:
            try:
                reader.frame(1)
            except DecodeError as error:
                if "library failed" in str(error):
                    break
    else:
        raise AssertionError("OpenJPH takes any change")
    path = tmp_path_factory.mktemp("unreadable") / "x.dcbs"
    path.write_bytes(data)
    return path


@pytest.fixture(autouse=True)
def _collector_off(monkeypatch):
    monkeypatch.setattr("dicube_core.slice_cache._IDLE", 0.01)
    before = dicube_core.get_num_threads()
    dicube_core.set_num_threads(3)
    gc.collect()
    gc.disable()
    yield
    gc.enable()
    dicube_core.set_num_threads(before)


def _sources(path) -> int:
    return sum(
        isinstance(source, PathSource) and source.name == str(path)
        for source in (reference() for reference in list(_pool.sources.values()))
    )


def _stream(path, *arguments, **options):
    stream = DcbStreamingReader(path)
    with pytest.raises(DicomCubeError):
        stream.get_dicom_for_frame(*arguments, **options)
    return weakref.ref(stream)


def _reader(path, work):
    reader = dicube_core.open(path)
    with pytest.raises(DicomCubeError):
        work(reader)
    return weakref.ref(reader)


def _all_frames(path):
    reader = dicube_core.open(path)
    out = np.empty(reader.shape, reader.dtype)
    with pytest.raises(DicomCubeError):
        reader.frames(out=out)
    return weakref.ref(out)


def _closed(path):
    stream = DcbStreamingReader(path)
    stream.close()
    with pytest.raises(StreamingError):
        stream.get_dicom_for_frame(0)
    return weakref.ref(stream)


WAYS = {
    "slice": lambda path: _stream(path, 1),
    "slice uncompressed": lambda path: _stream(path, 1, True),
    "slice implicit": lambda path: _stream(path, 1, transfer_syntax=IMPLICIT_LE),
    "slice of a syntax not offered": lambda path: _stream(path, 0, transfer_syntax="1.2"),
    "slice out of range": lambda path: _stream(path, 99),
    "closed": _closed,
    "frame": lambda path: _reader(path, lambda reader: reader.frame(1)),
    "frame out of range": lambda path: _reader(path, lambda reader: reader.frame(7)),
    "frames": lambda path: _reader(path, lambda reader: reader.frames()),
    "array of frames": _all_frames,
}


@pytest.mark.parametrize("kind", ["damaged", "unreadable"])
@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_kept(way, kind, request):
    path = request.getfixturevalue(kind)
    if (way, kind) == ("slice", "unreadable"):
        # Without a checksum a codestream is looked at, not decoded, before it is delivered.
        pytest.skip("nothing fails here")
    for _ in range(3):
        kept = WAYS[way](path)
        assert kept() is None
        assert _sources(path) == 0


def test_load_keeps_no_array(damaged, monkeypatch):
    made = []
    real = np.empty

    def noted(*arguments, **options):
        array = real(*arguments, **options)
        if array.nbytes > 1000:
            made.append(weakref.ref(array))
        return array

    monkeypatch.setattr(np, "empty", noted)
    with pytest.raises(DicomCubeError):
        dicube_core.load(damaged)
    assert made
    assert [array() for array in made] == [None] * len(made)


def test_a_failed_load_of_the_cache_keeps_nothing():
    class Held:
        """Stands for the reader."""

    def load(_):
        held = Held()
        kept.append(weakref.ref(held))
        raise DecodeError("no")

    kept = []
    cache = SliceCache(load, max_items=3, max_bytes=100)
    for _ in range(3):
        with contextlib.suppress(DecodeError):
            cache.get(1)
    assert [reference() for reference in kept] == [None] * 3
    assert cache.n_flying == 0
    cache.close()
