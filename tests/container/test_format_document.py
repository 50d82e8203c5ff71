"""The worked example of docs/format.md is what the code writes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import dicube_core
from dicube_core.container.extension import Directory

DOCUMENT = Path(__file__).parents[2] / "docs" / "format.md"


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    text = DOCUMENT.read_text(encoding="utf-8")
    code = re.search(r"## 3\. Example.*?```python\n(.*?)```", text, re.DOTALL).group(1)
    folder = tmp_path_factory.mktemp("example")
    path = folder / "example.dcbs"
    exec(compile(code.replace('"example.dcbs"', repr(str(path))), str(DOCUMENT), "exec"), {})
    if b"OpenJPH Ver 0.26.3" not in path.read_bytes():
        pytest.skip("the example shows what OpenJPH 0.26.3 writes; another encoder is installed")
    table = text.split("| from byte |")[1]
    rows = re.findall(r"^\| (\d+) \| (\d+) \| ([^|]*) \| ([^|]*) \|$", table, re.MULTILINE)
    return path.read_bytes(), [(int(a), int(b), what, shown) for a, b, what, shown in rows]


def test_the_table_covers_the_file_without_gaps(example):
    data, rows = example
    position = 0
    for start, length, what, _ in rows:
        assert start == position, what
        position += length
    assert len(rows) == 12
    assert position == len(data)


def test_the_bytes_shown_are_in_the_file(example):
    data, rows = example
    for start, length, what, shown in rows:
        codes = re.findall(r"`((?:[0-9a-f]{2} ?)+)", shown)
        if codes:
            first = bytes.fromhex(codes[0])
            assert data[start : start + len(first)] == first, what
        elif shown.startswith("`"):
            text = shown.strip("`").split(" ...")[0].rstrip(",")
            assert data[start : start + length].startswith(text.encode()), what


def test_sections_and_parts_lie_where_the_table_says(example):
    data, rows = example
    header = dicube_core.open(data).container.header
    directory = Directory.parse(data, len(data), "example")
    places = {what.removeprefix("part ").strip("`"): (a, b) for a, b, what, _ in rows}
    for name in ("dicom_status", "pixel_header", "frame_offsets", "frame_lengths"):
        section = getattr(header, name)
        assert places[name] == (section.offset, section.length)
    for tag in ("WRTR", "FCRC", "COPY"):
        section = directory.entries[tag.encode()].section
        assert places[tag] == (section.offset, section.length)
