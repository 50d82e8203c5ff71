"""What the README shows works as it is printed."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from docs_pages.page import Page
from docs_pages.running import run_page, skip_unless_possible

from dicube_plugins.integrations import INTEGRATIONS

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
PAGE = Page("README.md", README)


def block(mark: str) -> str:
    return re.search(rf"<!-- {mark} -->\n```\w+\n(.*?)```", README, re.DOTALL).group(1)


def test_commands_and_the_python_example_run(tmp_path):
    check = """
from pathlib import Path
assert hu.shape == (24, 64, 64) and thumbnails.shape == (24, 16, 16)
originals = sorted(path.read_bytes() for path in Path("series").iterdir())
assert plain in originals
assert sorted(path.read_bytes() for path in Path("back").iterdir()) == originals
assert Path("planes.png").stat().st_size > 1000
"""
    # The file is made by the commands, not by the test.
    begin = (
        "from pathlib import Path\nfor name in ('study', 'series'): Path(f'{name}.dcbs').unlink()\n"
    )
    printed = run_page(PAGE, tmp_path, before=begin, after=check)
    assert "(24, 64, 64)" in printed


TABLE = re.findall(r"^\| \[(.*?)\]\(docs/(.*?)\) \| (\w+) \| `(.*)` \|$", README, re.MULTILINE)


def test_the_table_is_that_of_the_integrations():
    expected = [(i.name, i.page, i.switch.value, i.shown) for i in INTEGRATIONS]
    assert expected == TABLE


LOCAL = {
    integration.name: Page("example", f"```python\n{integration.script}```\n")
    for integration in INTEGRATIONS
    if "..." not in integration.example
}
LIGHT = sorted(name for name, page in LOCAL.items() if page.is_hermetic)


@pytest.mark.parametrize("name", LIGHT)
def test_the_line_of_a_framework_runs_in_a_new_process(name, tmp_path):
    skip_unless_possible(LOCAL[name])
    run_page(LOCAL[name], tmp_path)


def test_the_lines_of_large_frameworks_run(tmp_path):
    here = [page for name, page in LOCAL.items() if name not in LIGHT and not page.missing]
    if not here:
        pytest.skip("none of the other frameworks is installed")
    run_page(Page("examples", "\n".join(page.text for page in here)), tmp_path)


@pytest.mark.parametrize("mark", ["demo", "tests"])
def test_the_two_commands_are_single_lines(mark):
    assert block(mark).count("\n") == 1


def test_pictures_are_small():
    pictures = re.findall(r"!\[.*?\]\((.*?)\)", README)
    assert pictures
    for picture in pictures:
        assert (Path(__file__).parents[1] / picture).stat().st_size < 100_000


def test_it_is_short():
    assert len(README.splitlines()) < 130


def test_the_script_of_an_integration_is_python():
    for integration in INTEGRATIONS:
        ast.parse(integration.script)
