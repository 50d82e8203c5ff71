"""The example of the document runs as it is printed, and what it says of tags is so."""

import re
from pathlib import Path

from support.series import make_series
from support.whole import write_files

import dicube_core
from dicube_plugins.multiframe import _head

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "multiframe.md").read_text()


def test_the_example_runs(tmp_path, monkeypatch, capsys):
    code = re.search(r"<!-- multiframe -->\n```python\n(.*?)```", TEXT, re.DOTALL)[1]
    dicube_core.convert(write_files(tmp_path / "source", make_series(3)), tmp_path / "series.dcbs")
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(code, names)  # the document's own words
    assert capsys.readouterr().out == "3 Legacy Converted Enhanced CT Image Storage\n"
    assert [one.InstanceNumber for one in names["slices"]] == [1, 2, 3]


def test_the_private_block_is_as_it_says():
    assert f"`{_head.CREATOR}`" in TEXT
    for tag in (_head.KEPT, _head.LENGTHS, *_head.REFERENCES.values()):
        assert f"({tag >> 16:04X},{tag & 0xFFFF:04X})" in TEXT
