"""What the README shows works as it is printed."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

import dicube_core
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


USES = re.findall(r"<!-- use (\w+) -->", README)
#: Top-level modules, where their name is not the snippet's.
MODULES = {"simpleitk": "SimpleITK"}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    write_phantom_series(folder / "series", 6, size=64)
    dicube_core.convert(folder / "series", folder / "study.dcbs")
    return folder


def test_there_is_a_snippet_for_every_adapter():
    assert set(USES) == {"pydicom", "nibabel", "simpleitk", "itk", "imageio"}


@pytest.mark.parametrize("name", USES)
def test_the_snippet_of_a_framework_runs_in_a_new_process(study, name):
    framework = MODULES.get(name, name)
    if find_spec(framework) is None:
        pytest.skip(f"{framework} is not installed")
    code = block(f"use {name}")
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=study,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("mark", ["demo", "tests"])
def test_the_two_commands_are_single_lines(mark):
    assert block(mark).count("\n") == 1


def test_every_link_leads_to_a_file():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if "://" not in target:
            assert (Path(__file__).parents[1] / target).exists(), target
