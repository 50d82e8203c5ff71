"""What is no file is refused at once; names from files never lead out of the target folder."""

from __future__ import annotations

import contextlib
import io
import os
import socket
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from support.descriptors import open_files, opened_since
from support.hostile import _sections, build
from support.raw import text
from support.series import make_series, put
from support.whole import read_files, write_files

import dicube_core
from dicube_core.cli.app import dcbs
from dicube_core.container.extension import SLICE_HEADERS
from dicube_core.container.layout import MAGIC
from dicube_core.dicom.headers import pack_headers
from dicube_core.exceptions import DicomCubeError
from dicube_core.file_names import DEVICE_NAMES, is_safe_name, safe_names
from dicube_core.streaming import DcbStreamingReader
from dicube_plugins.archives import open_archive
from dicube_plugins.bridge import to_dicom
from dicube_plugins.sniff import is_dcbs

# What blocks on a pipe would block for ever.
pytestmark = pytest.mark.timeout(120)
if os.name != "posix":
    pytest.skip("special files of POSIX", allow_module_level=True)

HOSTILE_SERIES = [
    "../../outside",
    "/etc/outside",
    "..",
    "C:\\outside",
    "CON",
    "CON.x",
    "nul.1.2",
    "-rf",
    ".hidden",
    "\u202egnp",
    "a\0b",
    "x" * 60,
]


@contextlib.contextmanager
def special(kind, folder):
    """Give a path to something that is no regular file, or has nothing to be read."""
    path = folder / f"{kind}.dcm"
    if kind == "fifo":
        os.mkfifo(path)
        yield path
    elif kind == "socket":
        before = Path.cwd()
        os.chdir(folder)  # names of sockets are short
        try:
            with socket.socket(socket.AF_UNIX) as server:
                server.bind(path.name)
                yield path
        finally:
            os.chdir(before)
    elif kind == "loop":
        path.symlink_to(path)
        yield path
    elif kind == "dangling":
        path.symlink_to(folder / "nowhere")
        yield path
    elif kind == "folder":
        path.mkdir()
        yield path
    else:
        target = Path(kind)
        if not target.exists():
            pytest.skip(f"there is no {kind} here")
        path = folder / "link.dcm"
        path.symlink_to(target)
        yield path


def stream(path):
    with DcbStreamingReader(path) as reader:
        reader.get_dicom_for_frame(0)


def command(*arguments):
    def run(path):
        done = CliRunner().invoke(dcbs, [*arguments, str(path)])
        assert done.exit_code in (1, 3, 5), done.output
        raise DicomCubeError(done.output + done.stderr)

    return run


def convert(path):
    dicube_core.convert(path, path.parent / "out.dcbs")


def nifti(path):
    pytest.importorskip("nibabel")
    link = path.with_name("link.nii.gz")
    link.symlink_to(path)
    dicube_core.load_from_nifti(link)


def verified(path):
    report = dicube_core.verify_file(path)
    raise DicomCubeError("; ".join(report.failures))


WAYS = {
    "open": dicube_core.open,
    "load": dicube_core.load,
    "load_meta": dicube_core.load_meta,
    "stream": stream,
    "verify": verified,
    "convert": convert,
    "images": dicube_core.load_from_dicom_folder,
    "list": lambda path: dicube_core.load_from_dicom_folder([path]),
    "nifti": nifti,
    "info": command("info"),
    "verify command": command("verify"),
    "repair": lambda path: command("repair", str(path))(path.parent / "repaired.dcbs"),
    "bridge": lambda path: to_dicom(path, path.parent / "out", "explicit"),
}
KINDS = [
    *("fifo", "socket", "loop", "dangling", "folder", "/dev/zero", "/dev/null", "/dev/tty"),
    *("/dev/loop0", "/proc/self/status", "/proc/self/mem", "/sys/kernel/mm/transparent_hugepage"),
    "/sys/kernel/mm/transparent_hugepage/enabled",
]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS)
def test_refused_at_once(kind, way, tmp_path):
    if way == "repair" and "repair" not in dcbs.list_commands(None):
        pytest.skip("there is no such command")
    with special(kind, tmp_path) as path:
        before = open_files()
        with pytest.raises((DicomCubeError, OSError)) as caught:
            WAYS[way](path)
        assert not opened_since(before)
        message = str(caught.value)
        assert path.name.removesuffix(".dcm") in message or "link" in message, message
        assert "Traceback" not in message
    left = {p.name for p in tmp_path.iterdir()}
    assert not {"out", "out.dcbs", "repaired.dcbs"} & left


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_taken_from_a_pipe(way, tmp_path):
    if way == "repair" and "repair" not in dcbs.list_commands(None):
        pytest.skip("there is no such command")
    path = tmp_path / "pipe"
    os.mkfifo(path)
    descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    try:
        os.write(descriptor, MAGIC)
        with pytest.raises((DicomCubeError, OSError)) as caught:
            WAYS[way](path)
        assert "not a regular file but a named pipe" in str(caught.value)
        assert not is_dcbs(path)
        assert os.read(descriptor, 100) == MAGIC
    finally:
        os.close(descriptor)


def test_a_tree_with_special_files_in_it(tmp_path):
    files = make_series(3)
    folder = write_files(tmp_path / "series", files)
    dicube_core.convert(folder, tmp_path / "plain.dcbs")
    (folder / "README").write_text("no image")
    with contextlib.ExitStack() as stack:
        for kind in ("fifo", "socket", "loop", "dangling"):
            stack.enter_context(special(kind, folder))
        for number, target in enumerate(("/dev/zero", "/dev/tty", "/proc/self/mem")):
            (folder / f"zz{number}.dcm").symlink_to(target)
        (folder / "around").symlink_to(folder)  # a loop of folders
        with pytest.warns(UserWarning, match="left out"):
            image = dicube_core.load_from_dicom_folder(folder)
        assert len(image.raw_image) == 3
        dicube_core.convert(folder, tmp_path / "x.dcbs")
        assert (tmp_path / "x.dcbs").read_bytes() == (tmp_path / "plain.dcbs").read_bytes()
        report = dicube_core.convert_tree(folder, tmp_path / "out", jobs=1)
        assert report.counts()["converted"] == 1
        done = CliRunner().invoke(dcbs, ["convert", str(folder), str(tmp_path / "y.dcbs")])
        assert done.exit_code == 0, done.output


@pytest.mark.parametrize("name_by", ["description", "number", "uid"])
def test_a_tree_of_hostile_series_stays_in_its_folder(name_by, tmp_path):
    root = tmp_path / "box" / "tree"
    for number, value in enumerate(HOSTILE_SERIES):
        edit = put(
            text(0x00100020, "LO", value, "utf-8"),
            text(0x00100010, "PN", value, "utf-8"),
            text(0x0020000D, "UI", value, "utf-8"),
            text(0x0008103E, "LO", value, "utf-8"),
            text(0x00200011, "IS", value[:12], "utf-8"),
            text(0x00080060, "CS", value[:16], "utf-8"),
            text(0x00080005, "CS", "ISO_IR 192"),
            text(0x0020000E, "UI", f"{value[:50]}{number}", "utf-8"),
        )
        write_files(root / f"{number}", make_series(2, edit=edit))
    before = set(tmp_path.rglob("*"))
    report = dicube_core.convert_tree(root, tmp_path / "box" / "out", jobs=1, name=name_by)
    made = set(tmp_path.rglob("*")) - before - {tmp_path / "box" / "out"}
    assert made
    assert all(path.parent == tmp_path / "box" / "out" for path in made)
    assert report.counts()["converted"] == len([p for p in made if p.suffix == ".dcbs"])
    for path in made:
        assert is_safe_name(path.name), path.name
        assert path.name.partition(".")[0].casefold() not in DEVICE_NAMES


@pytest.mark.parametrize("replace", [False, True])
@pytest.mark.parametrize("target", ["file", "nothing"])
def test_a_planted_link_is_not_followed(target, replace, tmp_path):
    root = write_files(tmp_path / "tree", make_series(3))
    report = dicube_core.convert_tree(root, tmp_path / "out", jobs=1)
    (row,) = report.rows
    planted = tmp_path / "out" / row.file
    planted.unlink()
    precious = tmp_path / "precious"
    if target == "file":
        precious.write_text("precious")
    planted.symlink_to(precious)
    options = {"force": True} if replace else {}
    report = dicube_core.convert_tree(root, tmp_path / "out", jobs=1, **options)
    (row,) = report.rows
    assert row.outcome.value == "refused"
    assert "link" in row.reason
    assert planted.is_symlink()
    assert precious.exists() == (target == "file")
    assert target == "nothing" or precious.read_text() == "precious"


def test_an_export_does_not_follow_a_planted_link(tmp_path):
    folder = write_files(tmp_path / "series", make_series(2))
    dicube_core.convert(folder, tmp_path / "x.dcbs")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "elsewhere")
    image = dicube_core.load(tmp_path / "x.dcbs")
    for export in (
        lambda: dicube_core.save_to_dicom_folder(image, tmp_path / "out"),
        lambda: to_dicom(tmp_path / "x.dcbs", tmp_path / "out", "explicit"),
    ):
        with pytest.raises(FileExistsError):
            export()
    assert not list((tmp_path / "elsewhere").iterdir())


def renamed(data: bytes, names: list[str]) -> bytes:
    from dataclasses import replace

    sections, codestreams, headers = _sections(data)
    headers = [replace(header, name=name) for header, name in zip(headers, names, strict=True)]
    parts = {**sections.extension, SLICE_HEADERS: pack_headers(headers)}
    return build(replace(sections, extension=parts), codestreams)


NAMES = ["../../x.dcm", "/etc/x.dcm", "a\\..\\x", "-rf", "NUL.dcm", "a/../../x", "C:x", "\u2025/x"]


@pytest.mark.parametrize("name", NAMES, ids=ascii)
@pytest.mark.parametrize("archive", ["zip", "tar", "tar.gz", None])
def test_deliveries_with_hostile_names(archive, name, tmp_path):
    folder = write_files(tmp_path / "in" / "series", make_series(2))
    dicube_core.convert(folder, tmp_path / "in" / "x.dcbs")
    data = renamed((tmp_path / "in" / "x.dcbs").read_bytes(), ["good.dcm", name])
    before = set(tmp_path.rglob("*"))
    target = tmp_path / "box" / "out"
    (tmp_path / "box").mkdir()
    if archive is None:
        to_dicom(data, target, "explicit")
        found = read_files(target)
        made = set(tmp_path.rglob("*")) - before - {tmp_path / "box", target}
        assert all(path.parent == target for path in made)
    else:
        stream = io.BytesIO()
        to_dicom(data, stream, "explicit", archive=archive)
        stream.seek(0)
        if archive == "zip":
            with zipfile.ZipFile(stream) as file:
                found = {one: file.read(one) for one in file.namelist()}
        else:
            with tarfile.open(fileobj=stream) as file:
                found = {one.name: file.extractfile(one).read() for one in file}
    assert sorted(found) == ["slice_0000.dcm", "slice_0001.dcm"]
    assert sorted(found.values()) == sorted(read_files(folder).values())


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
@pytest.mark.parametrize("name", ["../x", "/x", "", "a/../b", "a\\b", "NUL"])
def test_an_archive_takes_no_unsafe_name(kind, name):
    with pytest.raises(ValueError, match="no safe name"), open_archive(io.BytesIO(), kind) as add:
        add(name, b"x")


def test_good_names_of_all_the_world_are_kept():
    persian = "\u0646\u0627\u0645\u200c\u0647\u0627"
    names = ["IM1", "a/b.dcm", "Röntgen 1.dcm", "胸部.dcm", persian, "e\u0301", "x-1", "~1", "a b"]
    assert safe_names(names) == names
    assert safe_names(["\u00e9", "e\u0301"]) == ["slice_0000.dcm", "slice_0001.dcm"]
    rng = np.random.default_rng(1)
    for _ in range(500):
        letters = "".join(chr(c) for c in rng.integers(1, 0x3000, rng.integers(1, 9)))
        if is_safe_name(letters):
            assert ".." not in Path("/box", letters).parts
            assert Path("/box", letters).is_relative_to("/box")
