"""Writers that are killed, starved, robbed and made to race; and what a target may be.

The first test runs a sample of ``crash_writes.py``, which has all of it.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import dicube_core
from dicube_core import temporaries
from dicube_core.atomic import AtomicFile
from dicube_core.atomic_folder import AtomicFolder

COMMAND = Path(__file__).with_name("crash_writes.py")
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")


def image(value=1):
    return dicube_core.DicomCubeImage(
        np.full((2, 9, 8), value, np.uint16), dicube_core.PixelDataHeader()
    )


def write(path, data=b"new"):
    with AtomicFile(path) as atomic:
        atomic.file.write(data)
        atomic.commit()


def write_folder(path, **files):
    with AtomicFolder(path) as atomic:
        for name, data in (files or {"a": b"new"}).items():
            atomic.write(name, (data,))
        atomic.commit()


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.timeout(600)
@pytest.mark.parametrize("section", ["kill", "lines", "disk", "places", "races"])
def test_a_sample_of_the_command(section):
    done = subprocess.run(
        [sys.executable, str(COMMAND), "--short", "--only", section],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "problems: 0" in done.stdout
    skipped = [line for line in done.stdout.splitlines() if "skipped" in line]
    if section == "disk" and len(skipped) == 2:
        pytest.skip(skipped[0])
    assert not skipped
    assert re.search(r"\w+ +[1-9]", done.stdout)


def test_the_command_notices_a_writer_that_writes_in_place():
    done = subprocess.run(
        [sys.executable, str(COMMAND), *["--only", "kill", "--runs", "8", "--writers", "control"]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert re.search(r"^  control: mixture [1-9]", done.stdout, re.MULTILINE)


# -- what a target may be, and what not ---------------------------------------------------------


@pytest.mark.parametrize("length", [1, 99, 100, 101, 140, 233, 234, 255])
def test_names_as_long_as_the_file_system_takes(length, tmp_path):
    target = tmp_path / ("n" * length)
    for value in (1, 2):
        dicube_core.save(image(value), target)
        assert np.array_equal(dicube_core.load(target).raw_image, image(value).raw_image)
    folder = tmp_path / "below"
    folder.mkdir()
    write_folder(folder / ("m" * length))
    assert names(folder / ("m" * length)) == ["a"]
    assert names(tmp_path) == sorted([target.name, "below"])


def test_a_name_that_is_too_long_is_an_error_of_the_system(tmp_path):
    with pytest.raises(OSError, match="too long") as caught:
        write(tmp_path / ("n" * 256))
    assert caught.value.errno == errno.ENAMETOOLONG
    with pytest.raises(OSError, match="too long"):
        write_folder(tmp_path / ("n" * 256))
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "name", [b"\xff\xfe.dcbs", b"\xe4" * 120, b"new\nline.dcbs", b"[a]*?.dcbs"]
)
def test_names_of_any_bytes(name, tmp_path):
    target = tmp_path / os.fsdecode(name)
    try:
        target.write_bytes(b"old")
    except OSError:
        pytest.skip("this file system does not take such names")
    leave_litter(target)
    dicube_core.save(image(), target)
    assert dicube_core.load(target).shape == (2, 9, 8)
    write_folder(target.with_name(target.name[:100] + "d"))
    assert len(names(tmp_path)) == 2


def test_links_stay_links_and_what_they_lead_to_is_replaced(tmp_path):
    away = tmp_path / "away"
    away.mkdir()
    (away / "real.dcbs").write_bytes(b"old")
    (tmp_path / "link.dcbs").symlink_to("away/real.dcbs")
    write(tmp_path / "link.dcbs")
    assert (tmp_path / "link.dcbs").is_symlink()
    assert (away / "real.dcbs").read_bytes() == b"new"
    (tmp_path / "dangling.dcbs").symlink_to("away/none.dcbs")
    write(tmp_path / "dangling.dcbs")
    assert (away / "none.dcbs").read_bytes() == b"new"
    assert names(away) == ["none.dcbs", "real.dcbs"]


def test_other_hard_links_keep_the_old_content(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    os.link(tmp_path / "a", tmp_path / "b")
    write(tmp_path / "a")
    assert ((tmp_path / "a").read_bytes(), (tmp_path / "b").read_bytes()) == (b"new", b"old")


def test_a_link_that_leads_to_itself_is_an_error_and_stays(tmp_path):
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")
    with pytest.raises(OSError, match="symbolic links"):
        write(tmp_path / "one")
    assert names(tmp_path) == ["one", "two"]
    assert (tmp_path / "one").is_symlink()


def test_what_is_no_file_is_never_replaced(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "socket"))
    (tmp_path / "folder").mkdir()
    (tmp_path / "null").symlink_to("/dev/null")
    for name in ("fifo", "socket", "null"):
        with pytest.raises(FileExistsError, match="not a regular file"):
            dicube_core.save(image(), tmp_path / name)
        with pytest.raises(FileExistsError):
            write_folder(tmp_path / name)
    with pytest.raises(IsADirectoryError):
        dicube_core.save(image(), tmp_path / "folder")
    assert stat.S_ISFIFO((tmp_path / "fifo").stat().st_mode)
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    assert names(tmp_path) == ["fifo", "folder", "null", "socket"]


@pytest.mark.parametrize("become", [Path.mkdir, os.mkfifo])
def test_a_target_that_becomes_something_else_meanwhile(become, tmp_path):
    with AtomicFile(tmp_path / "a") as atomic:
        atomic.file.write(b"new")
        become(tmp_path / "a")
        with pytest.raises((IsADirectoryError, FileExistsError)) as caught:
            atomic.commit()
        assert caught.value.filename == str(tmp_path / "a")
    assert names(tmp_path) == ["a"]
    assert not (tmp_path / "a").is_file()


def test_permissions_are_kept_and_never_wider_on_the_way(tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    (tmp_path / "a").chmod(0o600)
    with AtomicFile(tmp_path / "a") as atomic:
        (temporary,) = (path for path in tmp_path.iterdir() if path.name != "a")
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600
        atomic.file.write(b"new")
        atomic.commit()
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o600
    (tmp_path / "a").chmod(0o444)
    write(tmp_path / "a")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == 0o444
    (tmp_path / "d").mkdir()
    (tmp_path / "d").chmod(0o710)
    write_folder(tmp_path / "d")
    assert stat.S_IMODE((tmp_path / "d").stat().st_mode) == 0o710


# -- folders ------------------------------------------------------------------------------------


def test_a_folder_that_is_filled_meanwhile_is_left_alone(tmp_path):
    with AtomicFolder(tmp_path / "d") as atomic:
        atomic.write("a", (b"new",))
        (tmp_path / "d").mkdir()
        (tmp_path / "d" / "precious").write_bytes(b"mine")
        with pytest.raises(FileExistsError, match="not empty"):
            atomic.commit()
    assert names(tmp_path) == ["d"]
    assert names(tmp_path / "d") == ["precious"]


def test_folders_above_are_made_and_taken_back(tmp_path):
    write_folder(tmp_path / "x" / "y" / "d", **{"sub/a": b"1", "b": b"2"})
    assert (tmp_path / "x" / "y" / "d" / "sub" / "a").read_bytes() == b"1"
    with AtomicFolder(tmp_path / "v" / "w" / "d") as atomic:
        atomic.write("sub/a", (b"1",))
    assert names(tmp_path) == ["x"]
    with AtomicFolder(tmp_path / "v" / "w" / "d") as atomic:
        (tmp_path / "v" / "precious").write_bytes(b"mine")
    assert names(tmp_path / "v") == ["precious"]


def test_a_mount_point_is_refused_before_anything_is_made(tmp_path):
    target = tmp_path / "mounted"
    target.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(target)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False).returncode
    except OSError:
        done = 1
    if done:
        pytest.skip("file systems cannot be mounted here")
    try:
        with pytest.raises(OSError, match="mount point"):
            write_folder(target)
        write_folder(target / "below")
        assert names(target) == ["below"]
        # A link to a file on another file system: the sibling is made over there.
        (target / "a").write_bytes(b"old")
        (tmp_path / "link").symlink_to(target / "a")
        write(tmp_path / "link")
        assert (target / "a").read_bytes() == b"new"
    finally:
        subprocess.run(["umount", str(target)], check=True)
    assert names(tmp_path) == ["link", "mounted"]


# -- order on the way to the disk ---------------------------------------------------------------


@pytest.fixture
def calls(monkeypatch):
    """What is flushed and renamed, in order; the calls are made."""
    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no /proc to see what a descriptor is of")
    seen = []

    def spy(name, real, describe):
        def call(*args, **options):
            seen.append((name, describe(*args)))
            return real(*args, **options)

        return call

    def of(descriptor):
        return str(Path(f"/proc/self/fd/{descriptor}").readlink())

    monkeypatch.setattr(os, "fsync", spy("flush", os.fsync, of))
    for name in ("rename", "replace"):
        real = getattr(os, name)
        monkeypatch.setattr(os, name, spy("move", real, lambda a, b: (str(a), str(b))))
    return seen


def test_a_file_is_flushed_then_moved_then_its_folder_flushed(calls, tmp_path):
    dicube_core.save(image(), tmp_path / "a.dcbs")
    (first, temporary), (second, moved), (third, folder) = calls
    assert (first, second, third) == ("flush", "move", "flush")
    assert moved == (temporary, str(tmp_path / "a.dcbs"))
    assert folder == str(tmp_path)


def test_a_folder_is_flushed_with_all_its_files_before_it_is_moved(calls, tmp_path):
    write_folder(tmp_path / "d", **{"sub/a": b"1", "b": b"2"})
    kinds = [kind for kind, _ in calls]
    (temporary, target) = next(what for kind, what in calls if kind == "move")
    flushed = {what for kind, what in calls[:-2] if kind == "flush"}
    assert kinds == ["flush"] * 4 + ["move", "flush"]
    assert flushed == {temporary + end for end in ("", "/sub", "/sub/a", "/b")}
    assert target == str(tmp_path / "d")
    assert calls[-1][1] == str(tmp_path)


@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC, errno.EDQUOT])
@pytest.mark.parametrize("what", ["file", "folder"])
def test_a_flush_that_fails_is_never_swallowed(number, what, monkeypatch, tmp_path):
    (tmp_path / "a").write_bytes(b"old")
    real = os.fsync

    def fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode) == (what == "folder"):
            raise OSError(number, os.strerror(number))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match=re.escape(os.strerror(number))) as caught:
        write(tmp_path / "a")
    # The new file is there by then, as a whole; that it may not stay there is told.
    expected = (b"old", tmp_path / "a") if what == "file" else (b"new", tmp_path)
    assert ((tmp_path / "a").read_bytes(), Path(caught.value.filename)) == expected
    with pytest.raises(OSError, match=re.escape(os.strerror(number))):
        write_folder(tmp_path / "d")
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EACCES, errno.ENOTSUP])
def test_folders_that_cannot_be_flushed_are_no_failure(number, monkeypatch, tmp_path):
    real = os.fsync

    def fsync(descriptor):
        if stat.S_ISDIR(os.fstat(descriptor).st_mode):
            raise OSError(number, os.strerror(number))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    write(tmp_path / "a")
    write_folder(tmp_path / "d")
    assert names(tmp_path) == ["a", "d"]


# -- what killed writers left -------------------------------------------------------------------


def leave_litter(target):
    """Leave what a killed writer leaves; return the paths."""
    file = temporaries.temporary_path(target, temporaries.FILE_ENDING)
    file.write_bytes(b"half")
    folder = temporaries.temporary_path(target)
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a").write_bytes(b"half")
    return file, folder


@pytest.mark.parametrize("save", [write, write_folder])
def test_litter_goes_with_the_next_save_and_nothing_else_does(save, tmp_path):
    target = tmp_path / "a"
    leave_litter(target)
    leave_litter(tmp_path / ("n" * 200))
    other = leave_litter(tmp_path / "other")
    looks_alike = [".a.dcbs-mine.tmp", ".a.dcbs-0123456789AB.tmp", ".a.dcbs-0123456789ab.txt"]
    looks_alike += [
        ".b.a.dcbs-0123456789ab.tmp",
        "a.dcbs-0123456789ab.tmp",
        ".a.dcbs-0123456789abc",
    ]
    for name in looks_alike:
        (tmp_path / name).write_bytes(b"mine")
    # The very name, but not what a writer makes.
    (tmp_path / ".a.dcbs-000000000000.tmp").mkdir()
    (tmp_path / ".a.dcbs-000000000001").write_bytes(b"a file")
    (tmp_path / ".a.dcbs-000000000002.tmp").symlink_to("precious")
    os.mkfifo(tmp_path / ".a.dcbs-000000000003.tmp")
    (tmp_path / "precious").write_bytes(b"mine")
    save(target)
    left = {*names(tmp_path)} - {*looks_alike, "a", "precious", *(path.name for path in other)}
    left = {name for name in left if "dcbs-00000000000" not in name}
    assert len(left) == 2  # of the target with the long name
    assert len([n for n in names(tmp_path) if n.startswith(".a.dcbs-00000000000")]) == 4
    save(tmp_path / ("n" * 200))
    assert not left & {*names(tmp_path)}


def test_litter_that_cannot_be_removed_does_not_stop_a_save(monkeypatch, tmp_path):
    leave_litter(tmp_path / "a")
    real = os.unlink

    def unlink(path, **options):
        if ".dcbs-" in str(path):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        real(path, **options)

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", unlink)
        write(tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"new"
    write(tmp_path / "a")
    assert names(tmp_path) == ["a"]


def test_writers_at_work_are_not_taken_for_killed_ones(tmp_path):
    with AtomicFile(tmp_path / "a") as first, AtomicFolder(tmp_path / "d") as folder:
        first.file.write(b"first")
        folder.write("x", (b"first",))
        write(tmp_path / "a", b"second")
        first.commit()
        write_folder(tmp_path / "d", y=b"second")
        with pytest.raises(FileExistsError):
            folder.commit()
    assert (tmp_path / "a").read_bytes() == b"first"
    assert names(tmp_path / "d") == ["y"]
    assert names(tmp_path) == ["a", "d"]


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP])
def test_file_systems_without_locks(number, monkeypatch, tmp_path):
    """As some network file systems: all works, but what killed writers left is left."""
    import fcntl

    def flock(*_):
        raise OSError(number, os.strerror(number))

    left = leave_litter(tmp_path / "a")
    with monkeypatch.context() as patch:
        patch.setattr(fcntl, "flock", flock)
        write(tmp_path / "a")
        write_folder(tmp_path / "d")
    assert names(tmp_path) == sorted(["a", "d", *(path.name for path in left)])
    write(tmp_path / "a")
    assert names(tmp_path) == ["a", "d"]


def test_writes_that_take_less_than_they_are_given(monkeypatch, tmp_path):
    """A pipe takes what fits into it, once a reader makes room; nothing is lost or doubled."""
    import fcntl
    import threading

    from dicube_core.temporaries import WholeWrites

    read, write_end = os.pipe()
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, 4096)
    data = os.urandom(300_000)
    found = []

    def drain():
        while part := os.read(read, 1000):
            found.append(part)

    thread = threading.Thread(target=drain)
    thread.start()
    with WholeWrites(write_end, "wb", "a pipe") as file:
        assert file.write(memoryview(data).cast("I")) == len(data)
        assert file.write(b"") == 0
    thread.join()
    os.close(read)
    assert b"".join(found) == data


def test_an_error_of_a_write_names_the_target():
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    from dicube_core.temporaries import WholeWrites

    with (
        WholeWrites(os.open("/dev/full", os.O_WRONLY), "wb", "series.dcbs") as file,
        pytest.raises(OSError, match=r"No space left on device: 'series\.dcbs'"),
    ):
        file.write(b"data")
