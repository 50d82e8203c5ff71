"""What the README shows works as it is printed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dicube_core.phantom import write_phantom_series

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def block(mark: str) -> str:
    return re.search(rf"<!-- {mark} -->\n```\w+\n(.*?)```", README, re.DOTALL).group(1)


def test_the_python_example_runs(tmp_path, monkeypatch, capsys):
    write_phantom_series(tmp_path / "series", 3, size=64)
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(compile(block("example"), "README.md", "exec"), names)
    assert names["hu"].shape == (3, 64, 64)
    assert names["thumbnails"].shape == (3, 16, 16)
    originals = [path.read_bytes() for path in (tmp_path / "series").iterdir()]
    assert names["plain"] in originals
    assert "(3, 64, 64)" in capsys.readouterr().out


@pytest.mark.parametrize("mark", ["demo", "tests"])
def test_the_two_commands_are_single_lines(mark):
    assert block(mark).count("\n") == 1


def test_every_link_leads_to_a_file():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if "://" not in target:
            assert (Path(__file__).parents[1] / target).exists(), target
