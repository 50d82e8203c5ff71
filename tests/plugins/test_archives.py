"""Archives: the same bytes always, and never a half one that looks whole."""

from __future__ import annotations

import gzip
import io
import subprocess
import sys
import tarfile
import zipfile

import pytest

from dicube_plugins.archives import open_archive

KINDS = ("zip", "tar", "tar.gz")
FILES = {"a.dcm": b"first" * 1000, "deep/er/b": b"", "Höhe/c.dcm": bytes(range(256)) * 300}


class Pipe:
    """Takes bytes and can do nothing else."""

    def __init__(self):
        self.parts = []

    def write(self, data):
        self.parts.append(bytes(data))


class Trickle(io.RawIOBase):
    """Takes at most 7 bytes at a time, as sockets and pipes may."""

    def __init__(self):
        self.data = bytearray()

    def write(self, data):
        self.data += bytes(data)[:7]
        return min(7, len(data))


def archive(kind, files=None):
    stream = io.BytesIO()
    with open_archive(stream, kind) as add:
        for name, data in (FILES if files is None else files).items():
            add(name, data)
    return stream.getvalue()


def members(kind, data):
    if kind == "zip":
        with zipfile.ZipFile(io.BytesIO(data)) as opened:
            assert opened.testzip() is None
            return {name: opened.read(name) for name in opened.namelist()}
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:*") as opened:
        return {m.name: opened.extractfile(m).read() for m in opened.getmembers()}


@pytest.mark.parametrize("kind", KINDS)
def test_files_come_back_in_order(kind):
    found = members(kind, archive(kind))
    assert found == FILES
    assert list(found) == list(FILES)


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_archive_is_valid(kind):
    assert members(kind, archive(kind, {})) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_any_stream_gets_the_same_bytes(kind, tmp_path):
    expected = archive(kind)
    pipe, trickle = Pipe(), Trickle()
    for stream in (pipe, trickle):
        with open_archive(stream, kind) as add:
            for name, data in FILES.items():
                add(name, data)
    assert b"".join(pipe.parts) == expected
    if kind != "tar.gz":
        assert len(pipe.parts) > 1
    assert bytes(trickle.data) == expected
    with (tmp_path / "file").open("wb", buffering=0) as file, open_archive(file, kind) as add:
        for name, data in FILES.items():
            add(name, data)
    assert (tmp_path / "file").read_bytes() == expected


@pytest.mark.parametrize("kind", KINDS)
def test_time_user_and_process_do_not_show(kind, monkeypatch):
    code = (
        "import sys, os; os.umask(0); sys.path.insert(0, sys.argv[1])\n"
        "import time; time.time = lambda: 2e9\n"
        "from test_archives import archive; import hashlib\n"
        "print(hashlib.sha256(archive(sys.argv[2])).hexdigest())"
    )
    import hashlib
    from pathlib import Path

    said = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent), kind],
        capture_output=True,
        text=True,
        check=True,
        env={"PYTHONHASHSEED": "7", "TZ": "Asia/Tokyo", "PATH": ""},
    )
    assert said.stdout.strip() == hashlib.sha256(archive(kind)).hexdigest()


def test_zip_entries_say_their_size_in_front():
    with zipfile.ZipFile(io.BytesIO(archive("zip"))) as opened:
        for info in opened.infolist():
            assert info.compress_type == zipfile.ZIP_STORED
            assert info.flag_bits & 8 == 0  # no data descriptor: can be read from a stream
            assert info.date_time == (1980, 1, 1, 0, 0, 0)
            assert info.external_attr >> 16 == 0o100644
            assert info.create_system == 3


def test_tar_entries_name_no_user_and_no_time():
    with tarfile.open(fileobj=io.BytesIO(archive("tar"))) as opened:
        for member in opened.getmembers():
            assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "", "")
            assert member.mtime == 315532800
            assert member.mode == 0o644


def fail_after_one(stream, kind):
    with open_archive(stream, kind) as add:
        add("a.dcm", FILES["a.dcm"])
        raise RuntimeError("slice 1 cannot be read")


@pytest.mark.parametrize("kind", KINDS)
def test_after_an_error_the_end_is_missing(kind):
    stream = io.BytesIO()
    with pytest.raises(RuntimeError, match="slice"):
        fail_after_one(stream, kind)
    data = stream.getvalue()
    if kind == "zip":
        assert not zipfile.is_zipfile(io.BytesIO(data))
    elif kind == "tar":
        assert not data.endswith(bytes(1024))
    else:
        with pytest.raises(EOFError):
            gzip.decompress(data)


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_of_the_stream_is_the_callers(kind):
    class Full(io.RawIOBase):
        def write(self, data):
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"), open_archive(Full(), kind) as add:
        add("a.dcm", bytes(1 << 20))


def test_a_stream_that_would_block_loses_nothing_silently():
    class Busy(io.RawIOBase):
        def write(self, data):
            return None

    with pytest.raises(BlockingIOError), open_archive(Busy(), "zip") as add:
        add("a.dcm", b"data")


@pytest.mark.parametrize("kind", ["zip", "tar"])
def test_one_file_at_a_time_is_in_memory(kind):
    written = 0

    class Counter:
        def write(self, data):
            nonlocal written
            written += len(data)

    with open_archive(Counter(), kind) as add:
        for number in range(1, 9):
            add(f"{number}.dcm", bytes(1 << 20))
            assert written > (number << 20) - 20480
