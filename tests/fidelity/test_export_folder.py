"""Export makes a folder of its own; it never touches what is there, and never leaves it."""

from dataclasses import replace

import pytest
from support.hostile import build
from support.series import make_series
from support.whole import read_files, write_files

import dicube_core
from dicube_core.container.extension import SLICE_HEADERS
from dicube_core.container.writer import SeriesSections
from dicube_core.dicom.headers import pack_headers
from dicube_core.exceptions import DicomCubeError
from dicube_core.export import export_file


@pytest.fixture
def path(tmp_path):
    source = write_files(tmp_path / "source", make_series(3))
    dicube_core.convert(source, tmp_path / "x.dcbs")
    return tmp_path / "x.dcbs"


def export(path, folder, how):
    if how == "image":
        return dicube_core.save_to_dicom_folder(dicube_core.load(path), folder)
    with dicube_core.open(path) as reader:
        return export_file(reader, folder)


def renamed(path, names):
    """Return the file with other file names in its headers."""
    with dicube_core.open(path) as reader:
        container = reader.container
        headers = [replace(h, name=n) for h, n in zip(reader.headers, names, strict=True)]
        sections = SeriesSections(
            *(container.section(name) for name in ("dicom_status", "dicom_meta", "space")),
            pixel_header=container.pixel_header,
            description={
                key: value
                for key, value in container.description.items()
                if key not in ("extension", "header_crc32")
            },
            extension={SLICE_HEADERS: pack_headers(headers)},
        )
        return build(sections, [reader.codestream(index) for index in range(3)])


@pytest.mark.parametrize("how", ["image", "file"])
def test_a_folder_with_anything_in_it_is_refused(how, path, tmp_path):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "precious.txt").write_text("mine")
    with pytest.raises(FileExistsError):
        export(path, folder, how)
    assert read_files(folder) == {"precious.txt": b"mine"}
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "source", "x.dcbs"]


@pytest.mark.parametrize("how", ["image", "file"])
def test_an_empty_or_new_folder_is_filled(how, path, tmp_path):
    (tmp_path / "empty").mkdir()
    for name in ("empty", "new", "deep/er/new"):
        paths = export(path, tmp_path / name, how)
        assert read_files(tmp_path / name) == read_files(tmp_path / "source")
        assert [p.name for p in paths] == ["IM0000.dcm", "IM0001.dcm", "IM0002.dcm"]
    with pytest.raises(FileExistsError):
        export(path, tmp_path / "new", how)


def test_files_and_links_in_the_way_are_left_alone(path, tmp_path):
    (tmp_path / "file").write_text("mine")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "link").symlink_to("elsewhere")
    for name in ("file", "link"):
        with pytest.raises(FileExistsError):
            export(path, tmp_path / name, "file")
    assert (tmp_path / "file").read_text() == "mine"
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_damaged_frame_leaves_no_half_folder(path, tmp_path):
    data = bytearray(path.read_bytes())
    with dicube_core.open(path) as reader:
        data[reader.container.index.offsets[2] + 60] ^= 1
    path.write_bytes(data)
    (tmp_path / "empty").mkdir()
    for name in ("new", "empty"):
        with pytest.raises(DicomCubeError, match="frame 2"):
            export(path, tmp_path / name, "file")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty", "source", "x.dcbs"]
    assert list((tmp_path / "empty").iterdir()) == []


HOSTILE = [
    "/etc/passwd",
    "../../outside",
    "a/../../outside",
    "..",
    ".",
    "",
    "a//b",
    "a/./b",
    "/",
    "\\\\server\\share",
    "..\\outside",
    "C:\\outside",
    "C:outside",
    "NUL",
    "com1.txt",
    "a\0b",
    "a\nb",
    "trailing.",
    "trailing ",
    "x" * 300,
    "y/" * 600 + "z",
    "sur\udcffrogate",
    "a:stream",
    "what?",
    "-rf",
    "a/-rf",
    "\u202egnp.dcm",
    "COM\u00b9.dcm",
    "CONIN$",
    "nul .dcm",
    "a\u0085b",
    "a\u2028b",
    "a\uff0fb",
    "\uff0e\uff0e",
    "\u2025/x",
]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
@pytest.mark.parametrize("how", ["image", "file"])
def test_hostile_names_never_leave_the_folder(name, how, path, tmp_path):
    (tmp_path / "h.dcbs").write_bytes(renamed(path, ["ok.dcm", name, "other.dcm"]))
    before = set(tmp_path.rglob("*"))
    paths = export(tmp_path / "h.dcbs", tmp_path / "box" / "out", how)
    created = set(tmp_path.rglob("*")) - before
    assert created == {tmp_path / "box", tmp_path / "box" / "out", *paths}
    assert [p.name for p in paths] == [f"slice_{index:04d}.dcm" for index in range(3)]
    assert sorted(read_files(tmp_path / "box" / "out").values()) == sorted(
        read_files(tmp_path / "source").values()
    )


@pytest.mark.parametrize(
    "names",
    [
        ["a", "a", "b"],
        ["A", "a", "b"],
        ["a", "a/b", "c"],
        ["A/x", "a", "c"],
        ["Ä", "ä", "b"],
        ["ä", "a\u0308", "b"],
    ],
    ids=ascii,
)
def test_names_that_get_in_each_others_way(names, path, tmp_path):
    (tmp_path / "h.dcbs").write_bytes(renamed(path, names))
    paths = export(tmp_path / "h.dcbs", tmp_path / "out", "file")
    assert len({p.name for p in paths}) == 3
    assert len(read_files(tmp_path / "out")) == 3


def test_good_names_are_kept(path, tmp_path):
    names = ["a/b/IM1", "a/c/IM1", "Aufnahme ü [1].dcm"]
    (tmp_path / "h.dcbs").write_bytes(renamed(path, names))
    export(tmp_path / "h.dcbs", tmp_path / "out", "file")
    assert sorted(read_files(tmp_path / "out")) == sorted(names)
