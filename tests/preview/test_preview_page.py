"""What notebooks are given: facts and a montage, whatever is wrong with the file."""

from __future__ import annotations

import base64
import io
import re
import subprocess
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from support.legacy_file import legacy_file, volume
from support.raw import text
from support.series import Kind, make_series
from support.whole import write_files

import dicube_core
from dicube_core.exceptions import ChecksumError
from dicube_core.preview import (
    html_page,
    mime_bundle,
    montage,
    picture_bytes,
    planes_picture,
)
from dicube_core.preview.view import SeriesView

KIND = Kind("ct", rows=40, columns=40)
EVIL = "</td><script>alert(1)</script><img src=x onerror=alert(2)>\"'&"


class Page(HTMLParser):
    """Elements and text of a page; fails where they are not nested."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.words, self._open = [], [], []
        self.feed(page)
        self.close()
        assert not self._open

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in ("img", "br"):
            self._open.append(tag)

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        self.words.append(data)

    @property
    def text(self):
        return "\n".join(self.words)

    @property
    def tags(self):
        return {tag for tag, _ in self.elements}


OURS = {"div", "b", "table", "tr", "th", "td", "img", "ul", "li", "br"}


def converted(folder, edit=None, count=4, kind=KIND):
    source = write_files(folder / "source", make_series(count, kind, edit))
    dicube_core.convert(source, folder / "x.dcbs")
    return folder / "x.dcbs"


def uneven(index, nodes):
    nodes[0x00200032] = text(0x00200032, "DS", f"0\\0\\{2.5 * index + 0.3 * (index % 2)}")


@pytest.fixture
def path(tmp_path):
    return converted(tmp_path)


def test_facts_and_picture(path):
    image_module = pytest.importorskip("PIL.Image")
    with dicube_core.open(path) as reader:
        page = Page(html_page(reader))
        bundle = mime_bundle(reader)
    for words in ("x.dcbs", "4 of 40", "CT Image Storage", "2.5 x 0.75 x 0.5 mm", "CT"):
        assert words in page.text
    assert "frames towards H, rows towards P, columns towards L" in page.text
    assert page.tags <= OURS
    (source,) = [attrs["src"] for tag, attrs in page.elements if tag == "img"]
    assert source.startswith("data:image/png;base64,")
    png = base64.b64decode(source.partition(",")[2])
    assert image_module.open(io.BytesIO(png)).size == (288, 288)  # rows of 3 tiles of 0.75 x 0.5 mm
    assert bundle["image/png"] == png
    assert bundle["text/plain"].startswith("<Reader")


def test_images_in_memory_show_the_same(path):
    pytest.importorskip("PIL")
    image = dicube_core.load(path)
    with dicube_core.open(path) as reader:
        told, found = Page(reader._repr_html_()), Page(image._repr_html_())
    assert set(told.words) - {"Reader", "file", "x.dcbs", "checksums", "yes"} <= set(found.words)
    bare = dicube_core.DicomCubeImage(np.zeros((2, 8, 8), np.uint16), dicube_core.PixelDataHeader())
    assert "no regular grid" in Page(bare._repr_html_()).text
    assert bare._repr_png_().startswith(b"\x89PNG")


def test_what_a_file_says_is_never_markup(tmp_path):
    def edit(index, nodes):
        uneven(index, nodes)
        for tag, vr in ((0x0008103E, "LO"), (0x00080060, "CS"), (0x00180015, "CS")):
            nodes[tag] = text(tag, vr, EVIL)
        nodes[0x00080016] = text(0x00080016, "UI", "1.2<script>")
        nodes[0x0020000E] = text(0x0020000E, "UI", f"1.2.{index}")  # a finding with words of it

    path = converted(tmp_path, edit, count=1)
    evil = tmp_path / "<b>&evil.dcbs"
    path.rename(evil)
    with dicube_core.open(evil) as reader:
        page = html_page(reader, identity=True)
    found = Page(page)
    assert found.tags <= OURS
    assert "<script>alert(1)" in found.text
    assert "<b>&evil.dcbs" in found.text
    for _, attributes in found.elements:
        assert set(attributes) <= {"style", "alt", "src"}


def test_errors_are_never_markup(tmp_path):
    broken = tmp_path / "<script>.dcbs"
    broken.write_bytes(damaged(converted(tmp_path), frame=0))
    with dicube_core.open(broken) as reader:
        found = Page(html_page(reader))
    assert found.tags <= OURS
    assert "no picture" in found.text


def test_nobody_is_named_by_default(path):
    with dicube_core.open(path) as reader:
        page = reader._repr_html_()
        bundle = reader._repr_mimebundle_()
        named = html_page(reader, identity=True)
    for said in (page, bundle["text/html"], bundle["text/plain"]):
        assert not re.search("Doe|PAT-0042|20240131|1\\.2\\.826", said)
    assert "Doe^Jane" in Page(named).text
    assert "PAT-0042" in Page(named).text


@pytest.mark.parametrize("name", ["x.dcbs", "it's.dcbs"])
@pytest.mark.parametrize("what", ["whole", "frame", "metadata", "gone"])
def test_no_folder_is_told(path, name, what):
    """Not even in an error; the name of a folder may be that of a patient."""
    if what in ("frame", "metadata"):
        path.write_bytes(damaged(path, 0) if what == "frame" else damaged_metadata(path))
    path = path.rename(path.with_name(name))
    with dicube_core.open(path) as reader:
        if what == "gone":
            reader.close()
        bundle = reader._repr_mimebundle_()
        for said in (bundle["text/plain"], bundle["text/html"], html_page(reader)):
            assert path.parent.name not in said
        assert name in bundle["text/plain"]


def damaged(path, frame):
    data = bytearray(path.read_bytes())
    with dicube_core.open(path) as reader:
        offset = reader.container.index.offsets[frame]
    data[offset + 200] ^= 0xFF
    return bytes(data)


def test_a_damaged_frame_is_told_and_the_rest_shown(path):
    pytest.importorskip("PIL")
    path.write_bytes(damaged(path, 2))
    with dicube_core.open(path) as reader:
        page = Page(reader._repr_html_())
        assert reader._repr_png_() is None
        assert "image/png" not in reader._repr_mimebundle_()
    assert "frame 2 at byte" in page.text
    assert "CT Image Storage" in page.text


def damaged_metadata(path):
    data = bytearray(path.read_bytes())
    with dicube_core.open(path) as reader:
        for section in (reader.container.header.space, reader.container.header.dicom_meta):
            if section.length:
                data[section.offset + 5] ^= 0xFF
    return bytes(data)


def test_damaged_metadata_is_told(path):
    path.write_bytes(damaged_metadata(path))
    with dicube_core.open(path) as reader:
        page = Page(reader._repr_html_())
    assert "checksum" in page.text


def test_frames_are_shown_though_the_first_is_damaged(path):
    with dicube_core.open(path) as reader:
        expected = SeriesView(reader).shown(2)
    path.write_bytes(damaged(path, 0))
    with dicube_core.open(path) as reader:
        view = SeriesView(reader)
        np.testing.assert_array_equal(view.many([2])[0], expected)
        assert view.many([2], 1).shape == (1, 20, 20)
        with pytest.raises(ChecksumError, match="frame 0"):
            view.many([0, 2], 1)


def test_a_closed_reader_shows_that_it_is(path):
    reader = dicube_core.open(path)
    reader.close()
    page = Page(reader._repr_html_())
    assert "closed" in page.text
    assert reader._repr_png_() is None
    assert "text/plain" in reader._repr_mimebundle_()


def test_an_irregular_series_says_so(tmp_path):
    with dicube_core.open(converted(tmp_path, uneven)) as reader:
        page = Page(reader._repr_html_())
    assert "no regular grid" in page.text
    assert "unevenly spaced" in page.text
    assert "findings" in page.text


def test_few_frames_of_a_long_series_are_decoded(tmp_path):
    pytest.importorskip("PIL")
    image = dicube_core.DicomCubeImage(
        np.arange(900, dtype=np.uint16).repeat(16 * 16).reshape(900, 16, 16),
        dicube_core.PixelDataHeader(),
    )
    dicube_core.save(image, tmp_path / "long.dcbs")
    with dicube_core.open(tmp_path / "long.dcbs") as reader:
        seen = []
        decode = reader.frame
        reader.frame = lambda index, *rest: seen.append(index) or decode(index, *rest)
        assert picture_bytes(reader) is not None
    assert len(seen) == 20
    assert {0, 899} <= set(seen)


def test_a_file_of_dicube_0_3_0(tmp_path):
    pytest.importorskip("PIL")
    stored = volume(6, 33, 24)
    path = tmp_path / "old.dcbs"
    path.write_bytes(legacy_file(stored))
    with dicube_core.open(path) as reader:
        page = Page(reader._repr_html_())
        assert reader.geometry is not None
        sheet = np.asarray(montage(reader, tile_width=24, columns=1, window=(0, 4000)))
        assert planes_picture(reader, size=64).height > 64
    assert "6 of 33x24" in page.text
    assert "none: damage may go unnoticed" in page.text
    assert page.tags <= OURS
    assert sheet.shape[1] == 24


def test_bundles_hold_what_is_asked_for(path):
    with dicube_core.open(path) as reader:
        assert set(reader._repr_mimebundle_(include={"text/html"})) == {"text/html"}
        assert "text/html" not in reader._repr_mimebundle_(exclude={"text/html"})


def test_without_pillow_there_is_a_table(path):
    code = (
        "import sys; sys.modules['PIL'] = None\n"
        "import dicube_core\n"
        "reader = dicube_core.open(sys.argv[1])\n"
        "assert reader._repr_png_() is None\n"
        "print(reader._repr_html_())"
    )
    command = [sys.executable, "-X", "utf8", "-c", code, str(path)]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=False, encoding="utf-8"
    )
    assert done.returncode == 0, done.stderr
    page = Page(done.stdout)
    assert "Pillow is needed" in page.text
    assert "CT Image Storage" in page.text


def test_nothing_is_imported_for_pictures_before_they_are_asked_for():
    code = (
        "import sys, dicube_core\n"
        "dicube_core.open, dicube_core.DicomCubeImage\n"
        "bad = {m for m in sys.modules if m.startswith('dicube_core.preview')} | "
        "({'PIL', 'matplotlib'} & set(sys.modules))\n"
        "sys.exit(f'loaded: {bad}' if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_series_of_one_value_and_of_no_window(tmp_path):
    pytest.importorskip("PIL")

    def edit(_, nodes):
        del nodes[0x00281050], nodes[0x00281051]

    kind = Kind("flat", rows=40, columns=40, fill="zero")
    with dicube_core.open(converted(tmp_path, edit, kind=kind)) as reader:
        assert reader._repr_png_() is not None
