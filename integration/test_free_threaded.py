"""The readers on Python without its global lock, where one is to be had. No promised lane.

``DICUBE_FREE_THREADED`` names the interpreter, else ``python3.14t`` or ``python3.13t`` on the path
is taken. It needs numpy, pydicom and zstandard. Where it has no decoder for HTJ2K, frames of such
files are compared as they are stored; those that were kept in RLE are decoded by pydicom.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest
from environments import ROOT

#: Tests of what the readers stand on.
PLAIN_TESTS = ("tests/streaming/test_lazy.py", "tests/streaming/test_slice_cache.py")
#: Those of the core that have threads, forks or caches in them, and need the encoder.
TESTS = (
    "tests/streaming/test_stream_processes.py",
    "tests/streaming/test_stream_stability.py",
    "tests/container/test_files.py",
    "tests/codec/test_native_errors.py",
)
SCRIPT = """
import json, sys, sysconfig, threading
sys.path[:0] = sys.argv[1:3]
import numpy as np
import dicube_core
from dicube_core.streaming import DcbStreamingReader
from support.legacy_file import legacy_file
ALL = (None, "1.2.840.10008.1.2.1", "1.2.840.10008.1.2")
paths = sys.argv[3:]
forms = {}
def decoded(path):
    with dicube_core.open(path) as reader:
        try:
            return reader.frame(0) is not None
        except ImportError:
            return False
def frame_of(reader, path, index):
    plain = len(forms[path]) > 1
    return reader.frame(index).tobytes() if plain else reader.codestream(index)
def everything(path):
    forms[path] = ALL if decoded(path) else ALL[:1]
    with dicube_core.open(path) as reader, DcbStreamingReader(path, cache_size=0) as stream:
        return (
            [frame_of(reader, path, index) for index in range(len(reader))],
            [[stream.get_dicom_for_frame(i, transfer_syntax=s) for i in range(len(stream))]
             for s in forms[path]],
            dict(reader.dicom_meta.items()),
        )
expected = {path: everything(path) for path in paths}
shared = {p: (dicube_core.open(p), DcbStreamingReader(p, cache_size=3)) for p in paths}
wrong, done = [], []
barrier = threading.Barrier(8)
def work(seed):
    rng = np.random.default_rng(seed)
    barrier.wait()
    for turn in range(150):
        path = paths[int(rng.integers(len(paths)))]
        frames, slices, meta = expected[path]
        reader, stream = shared[path]
        index, form = int(rng.integers(len(frames))), int(rng.integers(len(forms[path])))
        if turn % 10 == 0:  # the lazy attributes of a new reader, asked for by all at once
            with dicube_core.open(path) as fresh:
                same = dict(fresh.dicom_meta.items()) == meta
        else:
            same = (
                frame_of(reader, path, index) == frames[index]
                and stream.get_dicom_for_frame(index, transfer_syntax=ALL[form])
                == slices[form][index]
            )
        if not same:
            wrong.append((path, index, form))
    done.append(seed)
threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print(json.dumps({
    "wrong": wrong, "done": len(done), "gil": sys._is_gil_enabled(),
    "decoded": sum(len(syntaxes) > 1 for syntaxes in forms.values()),
    "free": bool(sysconfig.get_config_var("Py_GIL_DISABLED")),
}))
"""


@pytest.fixture(scope="module")
def python():
    """An interpreter without the lock, with what the core needs."""
    given = os.environ.get("DICUBE_FREE_THREADED")
    found = given or shutil.which("python3.14t") or shutil.which("python3.13t")
    if not found:
        pytest.skip("no free-threaded Python here (DICUBE_FREE_THREADED, python3.14t)")
    check = [found, "-c", "import numpy, pydicom, zstandard"]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"{found} lacks what the core needs: {done.stderr[-200:]}")
    return found


def environment() -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    # Extensions that do not say that they work without the lock would bring it back.
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHON_GIL": "0"}


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    """Files made here: an encoder is not needed there."""
    from support.encodings import compressed_series
    from support.legacy_file import legacy_file, volume
    from support.series import Kind, make_series
    from support.whole import write_files

    import dicube_core

    folder = tmp_path_factory.mktemp("free")
    source = write_files(folder / "source", make_series(9, Kind("ct", rows=30, columns=40)))
    dicube_core.convert(source, folder / "ct.dcbs")
    (folder / "legacy.dcbs").write_bytes(legacy_file(volume(7, 30, 20)))
    source = write_files(folder / "rle", compressed_series("rle", 6))
    dicube_core.convert(source, folder / "rle.dcbs", keep_encoding=True)
    return [folder / "ct.dcbs", folder / "legacy.dcbs", folder / "rle.dcbs"]


def test_threads_get_the_right_bytes(python, paths, tmp_path):
    command = [python, "-W", "ignore", "-c", SCRIPT, str(ROOT), str(ROOT / "tests"), *paths]
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment(), timeout=280, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout)
    found.pop("decoded")  # files whose decoder is there
    assert found == {"wrong": [], "done": 8, "gil": False, "free": True}


def test_tests_of_threads_and_caches(python):
    def has(modules: str) -> bool:
        command = [python, "-c", f"import {modules}"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    if not has("pytest, pytest_timeout"):
        pytest.skip(f"{python} lacks pytest")
    tests = (*PLAIN_TESTS, *(TESTS if has("imagecodecs, hypothesis") else ()))
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(
        command,
        cwd=ROOT,
        capture_output=True,
        text=True,
        env=environment(),
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
