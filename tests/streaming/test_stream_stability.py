"""The same bytes on every call, in every process; and what a fresh process loads for them."""

import hashlib
import io
import json
import os
import subprocess
import sys
import threading

import numpy as np
import pydicom
import pytest
from folders import converted, served
from support.encodings import compressed_series
from support.metadata_cases import CASES
from support.raw import EXPLICIT_LE, IMPLICIT_LE
from support.series import CT, make_series
from wire import ALL, HTJ2K, take_apart

from dicube_core.dicom import open_dicom
from dicube_core.exceptions import FrameIndexError, StreamingError
from dicube_core.streaming import DcbStreamingReader

DIGESTS = """
import hashlib, json, sys
from dicube_core.streaming import DcbStreamingReader
path, *syntaxes = sys.argv[1:]
found = []
with DcbStreamingReader(path) as stream:
    for syntax in syntaxes:
        for index in range(len(stream)):
            data = stream.get_dicom_for_frame(index, transfer_syntax=syntax)
            found.append(hashlib.sha256(data).hexdigest())
print(json.dumps(found))
"""
LOADED = """
import json, sys
from dicube_core.streaming import DcbStreamingReader
with DcbStreamingReader(sys.argv[1]) as stream:
    sizes = [len(stream.get_dicom_for_frame(index)) for index in range(len(stream))]
    stream.get_metadata(), stream.get_cache_stats()
heavy = {"numpy", "pydicom", "imagecodecs", "openjpeg", "asyncio", "concurrent.futures"}
print(json.dumps([sizes, sorted(heavy & sys.modules.keys())]))
"""


def run(script, *arguments, seed="0"):
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    files = make_series(4, edit=CASES["everything_at_once"])
    return converted(tmp_path_factory.mktemp("stable"), files, progressive=True)


def digests(path):
    return [hashlib.sha256(data).hexdigest() for syntax in ALL for data in served(path, syntax)]


def test_processes_and_hash_seeds(path):
    expected = digests(path)
    assert len(set(expected)) == 4 * len(ALL)
    for seed in ("0", "1", "4711"):
        assert run(DIGESTS, path, *ALL, seed=seed) == expected


def test_the_file_as_path_bytes_or_file_object(path):
    expected = digests(path)
    assert digests(path.read_bytes()) == expected
    assert digests(io.BytesIO(path.read_bytes())) == expected
    with path.open("rb") as file:
        assert digests(file) == expected


@pytest.mark.parametrize("options", [{}, {"cache_size": 0}, {"cache_size": 3, "chunk_size": 1}])
def test_threads_and_calls(path, options):
    expected = {syntax: served(path, syntax) for syntax in ALL}
    wrong = []

    def work(start):
        for step in range(60):
            index, syntax = (start + 3 * step) % 4, ALL[(start + step) % len(ALL)]
            data = stream.get_dicom_for_frame(index, transfer_syntax=syntax)
            if data != expected[syntax][index]:
                wrong.append((index, syntax))

    with DcbStreamingReader(path, **options) as stream:
        threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_without_numpy_and_pydicom(path):
    sizes, loaded = run(LOADED, path)
    assert sizes == [len(data) for data in served(path)]
    assert loaded == []


def test_all_of_it_is_iterated_over(path):
    with DcbStreamingReader(path) as stream:
        assert list(stream) == served(path)
        assert len(stream) == stream.get_frame_count() == stream.frame_count == 4


@pytest.mark.parametrize("syntax", [None, *ALL])
def test_open_dicom_is_a_file(path, syntax):
    expected = served(path, syntax)
    for frame in (0, 3, -1):
        with open_dicom(path, frame, syntax) as file:
            assert (file.readable(), file.seekable(), file.writable()) == (True, True, False)
            for write in (file.write, file.writelines, file.truncate):
                with pytest.raises(OSError, match="not writable"):
                    write(b"x")
            assert file.read(132)[128:] == b"DICM"
            assert file.seek(0, 2) == len(expected[frame])
            file.seek(0)
            assert file.read() == expected[frame]
            file.seek(0)
            dataset = pydicom.dcmread(file)
            np.testing.assert_array_equal(dataset.pixel_array, CT.frame(frame % 4))
        assert file.closed


def test_open_dicom_of_what_is_not_there(path, tmp_path):
    for frame in (4, -5):
        with pytest.raises(FrameIndexError):
            open_dicom(path, frame)
    with pytest.raises(FileNotFoundError):
        open_dicom(tmp_path / "none.dcbs", 0)
    (tmp_path / "bad.dcbs").write_bytes(path.read_bytes()[:500])
    with pytest.raises(StreamingError):
        open_dicom(tmp_path / "bad.dcbs", 0)


def test_open_dicom_starts_no_threads(path):
    before = set(threading.enumerate())
    with open_dicom(path, 2, EXPLICIT_LE):
        assert not set(threading.enumerate()) - before


@pytest.mark.parametrize("syntax", [HTJ2K, EXPLICIT_LE, IMPLICIT_LE])
def test_simpleitk_reads_what_is_served(syntax, tmp_path):
    simpleitk = pytest.importorskip("SimpleITK")
    from support.encodings import CT_LARGER

    path = converted(tmp_path, make_series(2, CT_LARGER))
    with open_dicom(path, 1, syntax) as file:
        (tmp_path / "slice.dcm").write_bytes(file.read())
    image = simpleitk.ReadImage(str(tmp_path / "slice.dcm"))
    values = simpleitk.GetArrayFromImage(image)[0]
    np.testing.assert_array_equal(values, CT_LARGER.frame(1).astype("i4") - 1024)


def test_codestreams_of_the_source_are_served_as_they_are(tmp_path):
    files = compressed_series("htj2k", 2)
    for index, data in enumerate(served(converted(tmp_path, files))):
        source = take_apart(files[f"IM{index:04d}.dcm"])
        assert take_apart(data).dataset == source.dataset
