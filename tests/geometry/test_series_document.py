"""What ``docs/series.md`` shows runs, and prints what it says."""

import re
from pathlib import Path

from support.raw import text
from support.volumes import make_volumes, marks
from support.whole import write_files

import dicube_core
from dicube_core.spatial.axes import AXES
from dicube_core.spatial.finding_kinds import FindingKind

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "series.md"


def test_examples_run_and_say_what_they_print(tmp_path, monkeypatch, capsys):
    series = {
        "series": make_volumes(1, 3, lambda f: {}),
        "echoes": make_volumes(4, 20, lambda f: marks(text(0x00180086, "IS", str(f.volume + 1)))),
        "tilted": make_volumes(1, 3, lambda f: {}, step=(0.0, 0.5, 2.5)),
    }
    for name, files in series.items():
        dicube_core.convert(write_files(tmp_path / name, files), tmp_path / f"{name}.dcbs")
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    assert len(blocks) == 3
    names = {}
    for block in blocks:
        exec(block, {"dicube_core": dicube_core}, names)
    printed = capsys.readouterr().out
    for promised in re.findall(r"print\(found.*?\)  # (.*)", DOCUMENT.read_text()):
        assert promised in printed
    assert names["volume"].shape == (20, 6, 5)
    assert names["array"].shape == (4, 20, 6, 5)
    assert names["tilt"].tilt_degrees > 11
    assert names["affine"].shape == (4, 4)


def test_every_axis_and_finding_that_is_named_exists():
    document = DOCUMENT.read_text()
    for spec in AXES:
        assert f"`{spec.name}`" in document
    kinds = {kind.value for kind in FindingKind}
    table = document.split("## What else is found")[1].split("###")[0]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert len(named) > 8
    assert named <= kinds
