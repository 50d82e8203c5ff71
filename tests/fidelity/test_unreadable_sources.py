"""A source that cannot be read is an error; it is never left out as if it were not there."""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
from pathlib import Path

import pytest
from support.series import make_series
from support.whole import write_files

import dicube_core
from dicube_core.exceptions import DicomCubeError, MetaDataError, SeriesError
from dicube_core.trees.report import Outcome

BAD = "IM0001.dcm"


@pytest.fixture
def folder(tmp_path) -> Path:
    return write_files(tmp_path / "series", make_series(3))


class Disk:
    """Stands in for the system where it reads one file."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path, self.reads = path, 0
        self._system = os.read
        monkeypatch.setattr(os, "read", self.read)

    def read(self, descriptor: int, length: int) -> bytes:
        if not os.path.samestat(os.fstat(descriptor), self.path.stat()):
            return self._system(descriptor, length)
        self.reads += 1
        return self.of_path(descriptor, length)

    def of_path(self, descriptor: int, length: int) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


class Slow(Disk):
    def of_path(self, descriptor: int, length: int) -> bytes:
        return self._system(descriptor, min(length, 7))


class Cut(Disk):
    """The file is cut between two reads, or before the first one."""

    left = 0

    def of_path(self, descriptor: int, length: int) -> bytes:
        os.truncate(self.path, self.left)
        return self._system(descriptor, length)


def test_a_failing_disk_is_an_error_that_names_the_file(folder, monkeypatch):
    Disk(folder / BAD, monkeypatch)
    with pytest.raises(OSError, match=BAD) as caught:
        dicube_core.convert(folder, folder.parent / "x.dcbs")
    assert caught.value.errno == errno.EIO
    assert not (folder.parent / "x.dcbs").exists()


def test_a_failing_disk_keeps_the_old_file_of_a_tree(folder, monkeypatch):
    out = folder.parent / "out"
    dicube_core.convert_tree(folder, out, jobs=1)
    (file,) = out.iterdir()
    before = file.read_bytes()
    Disk(folder / BAD, monkeypatch)
    for force in (False, True):
        report = dicube_core.convert_tree(folder, out, jobs=1, force=force)
        assert not report.ok
        (failed,) = report.of(Outcome.FAILED)
        assert failed.sources == (BAD,)
        assert not report.of(Outcome.CONVERTED)
        assert file.read_bytes() == before
    monkeypatch.undo()
    assert dicube_core.convert_tree(folder, out, jobs=1).counts()["already there"] == 1


def test_what_was_made_without_it_is_made_anew_when_it_can_be_read(folder, monkeypatch):
    out = folder.parent / "out"
    Disk(folder / BAD, monkeypatch)
    report = dicube_core.convert_tree(folder, out, jobs=1)
    assert not report.ok
    (made,) = report.of(Outcome.CONVERTED)
    assert made.frames == 2
    monkeypatch.undo()
    report = dicube_core.convert_tree(folder, out, jobs=1)
    assert report.ok
    (made,) = report.of(Outcome.CONVERTED)
    assert made.frames == 3


def test_reads_that_give_little_at_once_give_the_same(folder, monkeypatch):
    dicube_core.convert(folder, folder.parent / "x.dcbs")
    slow = Slow(folder / BAD, monkeypatch)
    dicube_core.convert(folder, folder.parent / "y.dcbs")
    assert slow.reads > 20
    assert (folder.parent / "x.dcbs").read_bytes() == (folder.parent / "y.dcbs").read_bytes()


@pytest.mark.parametrize("left", [0, 3, 200, 900])
def test_a_file_that_is_cut_just_now_is_not_taken_for_something_else(left, folder, monkeypatch):
    Cut(folder / BAD, monkeypatch).left = left
    with pytest.raises(MetaDataError, match=f"{BAD}: the file was cut while it was read"):
        dicube_core.convert(folder, folder.parent / "x.dcbs")
    assert not (folder.parent / "x.dcbs").exists()


def test_links_that_lead_nowhere_are_left_out(folder):
    (folder / "gone.dcm").symlink_to("nowhere")
    (folder / "self.dcm").symlink_to("self.dcm")
    done = dicube_core.convert(folder, folder.parent / "x.dcbs")
    assert done.shape[0] == 3


def test_a_folder_whose_files_are_gone_is_told(tmp_path):
    (tmp_path / "series").mkdir()
    with pytest.raises(SeriesError, match="no DICOM file in"):
        dicube_core.convert(tmp_path / "series", tmp_path / "x.dcbs")


@pytest.fixture
def shared():
    """A folder that every user may look into, unlike those of pytest."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextlib.contextmanager
def as_somebody():
    """Run as a user to whom permissions apply."""
    if os.geteuid():
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
@pytest.mark.parametrize("hidden", ["more", "more/IM0001.dcm", "more by its folder"])
def test_without_the_right_to_read(hidden, shared):
    """A sub-folder that cannot be listed was passed over without a word."""
    folder = write_files(shared / "series", make_series(3))
    out = shared / "out"
    out.mkdir()
    out.chmod(0o777)
    dicube_core.convert(folder, shared / "x.dcbs")  # whatever is imported on the way is now
    dicube_core.convert_tree(folder, shared / "tree", jobs=1)
    (folder / "more").mkdir()
    (folder / BAD).rename(folder / "more" / BAD)
    by_folder = hidden == "more by its folder"
    path = folder / ("more" if by_folder else hidden)
    path.chmod(0o444 if by_folder else 0)
    shown = path / BAD if by_folder else path
    try:
        with as_somebody():
            with pytest.raises(PermissionError) as caught:
                dicube_core.convert(folder, out / "x.dcbs")
            assert caught.value.filename in (shown, str(shown))
            with pytest.raises(PermissionError):
                dicube_core.load_from_dicom_folder(folder)
            report = dicube_core.convert_tree(folder, out / "tree", jobs=1)
    finally:
        path.chmod(0o755)
    (failed,) = report.of(Outcome.FAILED)
    assert failed.sources == (shown.relative_to(folder).as_posix(),)
    assert failed.reason == "Permission denied"
    assert not report.ok
    assert not (out / "x.dcbs").exists()


def test_errors_are_of_the_tree_or_of_the_system(folder):
    (folder / BAD).write_bytes((folder / BAD).read_bytes()[:700])
    with pytest.raises((DicomCubeError, OSError), match=BAD):
        dicube_core.convert(folder, folder.parent / "x.dcbs")
