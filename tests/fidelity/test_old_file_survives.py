"""A save that fails, however it fails, leaves the old file as it was and no litter."""

import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest
from support.series import Kind, make_series
from support.whole import write_files

import dicube_core
from dicube_core.codec import registry
from dicube_core.codec.registry import get_codec, register_codec
from dicube_core.exceptions import DicomCubeError, EncodeError
from dicube_core.pixel_header import PixelDataHeader

KIND = Kind("ct", rows=64, columns=64)


@pytest.fixture
def source(tmp_path):
    return write_files(tmp_path / "source", make_series(6, KIND))


@pytest.fixture
def target(tmp_path):
    folder = tmp_path / "target"
    folder.mkdir()
    (folder / "series.dcbs").write_bytes(b"an older file")
    return folder / "series.dcbs"


class BrokenCodec:
    """The real codec, but for one frame that it does not encode, or encodes wrongly."""

    def __init__(self, fault):
        self._real = get_codec("htj2k-real")
        self._fault = fault
        self._count = 0
        self._lock = threading.Lock()

    def __getattr__(self, name):
        return getattr(self._real, name)

    def encode(self, frame, pixel_format):
        with self._lock:
            self._count += 1
            count = self._count
        if count == 4:
            if self._fault is None:
                frame = frame.copy()
                frame[3, 5] ^= 1
            else:
                raise self._fault
        return self._real.encode(frame, pixel_format)


@pytest.fixture
def break_codec(monkeypatch):
    real = get_codec("htj2k")
    # What is registered here is forgotten afterwards.
    monkeypatch.setattr(registry, "_factories", dict(registry._factories))
    monkeypatch.setattr(registry, "_codecs", dict(registry._codecs))
    register_codec("htj2k-real", lambda: real, replace=True)

    def replace(fault):
        register_codec("htj2k", lambda: BrokenCodec(fault), replace=True)

    return replace


def names(target):
    return sorted(path.name for path in target.parent.iterdir())


FAULTS = {
    "wrong pixels": (None, EncodeError),
    "package error": (EncodeError("no"), EncodeError),
    "any error": (ZeroDivisionError("deep inside"), ZeroDivisionError),
    "memory": (MemoryError(), MemoryError),
    "interrupt": (KeyboardInterrupt(), KeyboardInterrupt),
}


@pytest.mark.parametrize("how", ["convert", "save"])
@pytest.mark.parametrize("fault", FAULTS)
def test_a_codec_that_fails_midway(fault, how, source, target, break_codec):
    image = dicube_core.load_from_dicom_folder(source)
    cause, error = FAULTS[fault]
    break_codec(cause)
    work = {
        "convert": lambda: dicube_core.convert(source, target),
        "save": lambda: dicube_core.save(image, target),
    }
    with pytest.raises(error):
        work[how]()
    assert target.read_bytes() == b"an older file"
    assert names(target) == ["series.dcbs"]


def test_wrong_pixels_pass_only_where_verification_was_switched_off(source, target, break_codec):
    break_codec(None)
    dicube_core.convert(source, target, verify=False)
    assert not dicube_core.verify_against(target, source).ok


def test_progress_that_raises(source, target):
    def progress(done, _):
        if done == 3:
            raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        dicube_core.convert(source, target, progress=progress)
    assert target.read_bytes() == b"an older file"
    assert names(target) == ["series.dcbs"]


def test_a_source_that_changes_while_it_is_read(source, target):
    paths = sorted(source.iterdir())

    def progress(done, _):
        if done == 1:
            paths[-1].write_bytes(paths[-1].read_bytes()[:-100])

    dicube_core.set_num_threads(1)
    try:
        with pytest.raises(DicomCubeError, match="IM0005"):
            dicube_core.convert(source, target, progress=progress)
    finally:
        dicube_core.set_num_threads(2)
    assert target.read_bytes() == b"an older file"
    assert names(target) == ["series.dcbs"]


KILLED = """
import sys, os, time
import dicube_core
def progress(done, total):
    if done == 3:
        print("now", flush=True)
        time.sleep(60)
dicube_core.convert(sys.argv[1], sys.argv[2], progress=progress)
"""


def test_a_killed_process_leaves_the_old_file_and_the_next_save_cleans_up(source, target):
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(source), str(target)], stdout=subprocess.PIPE
    ) as child:
        assert child.stdout.readline() == b"now\n"
        # Two writers at once do not take each other's temporary file for litter.
        dicube_core.convert(source, target)
        first = target.read_bytes()
        assert len(names(target)) == 2
        child.send_signal(signal.SIGKILL)
        child.wait(timeout=30)
    assert target.read_bytes() == first
    dicube_core.convert(source, target)
    assert names(target) == ["series.dcbs"]
    assert dicube_core.verify_against(target, source).ok


LIMITED = """
import resource, signal, sys
import dicube_core
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]),) * 2)
try:
    dicube_core.convert(sys.argv[1], sys.argv[2])
except OSError as error:
    print(type(error).__name__, error.errno)
"""


@pytest.mark.parametrize("limit", [0, 1000, 20_000])
def test_a_full_disk(limit, source, target):
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(source), str(target), str(limit)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.strip() == "OSError 27", done.stderr[-500:]
    assert target.read_bytes() == b"an older file"
    assert names(target) == ["series.dcbs"]


def test_a_folder_that_cannot_be_written(source, tmp_path):
    with pytest.raises(FileNotFoundError):
        dicube_core.convert(source, tmp_path / "absent" / "x.dcbs")
    (tmp_path / "folder.dcbs").mkdir()
    with pytest.raises(IsADirectoryError):
        dicube_core.convert(source, tmp_path / "folder.dcbs")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.dcbs", "source"]


def test_an_image_that_contradicts_itself_replaces_nothing(source, target):
    image = dicube_core.load_from_dicom_folder(source)
    changes = [
        lambda: setattr(image, "raw_image", image.raw_image[:3]),
        lambda: setattr(image, "raw_image", image.raw_image.astype("f4")),
        lambda: setattr(image, "raw_image", np.zeros((6, 8, 8), "u2")),
        lambda: setattr(image, "pixel_header", PixelDataHeader(PixelDtype="int16")),
        lambda: setattr(image, "pixel_header", PixelDataHeader(RescaleSlope=[1.0, 2.0])),
    ]
    for change in changes:
        image = dicube_core.load_from_dicom_folder(source)
        change()
        with pytest.raises(DicomCubeError):
            dicube_core.save(image, target)
        assert target.read_bytes() == b"an older file"
    assert names(target) == ["series.dcbs"]


def test_readers_see_the_old_or_the_new_file_and_nothing_else(source, target):
    dicube_core.convert(source, target)
    image = dicube_core.load(target)
    stop = threading.Event()
    problems = []

    def read():
        while not stop.is_set():
            try:
                with dicube_core.open(target) as reader:
                    reader.frames()
            except Exception as error:  # noqa: BLE001 - whatever it is, it must not be
                problems.append(error)

    threads = [threading.Thread(target=read) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(8):
        dicube_core.save(image, target, verify=False)
    stop.set()
    for thread in threads:
        thread.join()
    assert problems == []


def test_an_open_reader_keeps_its_file(source, target):
    dicube_core.convert(source, target)
    with dicube_core.open(target) as reader:
        expected = reader.frames()
        smaller = write_files(target.parent / "other", make_series(2, KIND, series="2"))
        dicube_core.convert(smaller, target)
        np.testing.assert_array_equal(reader.frames(), expected)
    with dicube_core.open(target) as reader:
        assert reader.frame_count == 2


def test_permissions_and_links_stay(source, target):
    target.chmod(0o640)
    link = target.with_name("link.dcbs")
    link.symlink_to(target.name)
    dicube_core.convert(source, link)
    assert link.is_symlink()
    assert target.stat().st_mode & 0o777 == 0o640
    assert dicube_core.verify_file(target).ok
    before = os.umask(0o027)
    try:
        dicube_core.convert(source, target.with_name("new.dcbs"))
    finally:
        os.umask(before)
    assert target.with_name("new.dcbs").stat().st_mode & 0o777 == 0o640
