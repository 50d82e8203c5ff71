"""What the pages in ``docs/`` show runs as it is printed; other frameworks: ``integration/``."""

from __future__ import annotations

import pytest

from docs_pages.page import Block, Page, all_pages
from docs_pages.running import run_page, skip_unless_possible

PAGES = {page.name: page for page in all_pages()}
HERE = sorted(name for name, page in PAGES.items() if page.is_hermetic)


@pytest.mark.parametrize("name", HERE)
def test_what_a_page_shows_runs(name, tmp_path):
    skip_unless_possible(PAGES[name])
    run_page(PAGES[name], tmp_path)


def test_pages_are_found():
    assert {"nibabel.md", "pydicom.md", "imageio.md", "simpleitk.md", "series.md"} <= {*HERE}


def test_every_block_that_is_not_run_says_why():
    for name in PAGES:
        for block in Page.read(name).blocks:
            if block.language == "python" and not block.is_run:
                assert len(block.mark) > len("not run: 12345"), f"docs/{name}:{block.line}"


def test_languages_are_those_that_are_known():
    for page in PAGES.values():
        for block in page.blocks:
            known = {"python", "sh", "toml", "json", "text", "{toctree}", "{eval-rst}", ""}
            assert block.language in known, f"docs/{page.name}:{block.line}"


def test_lines_of_the_script_have_the_numbers_of_the_page():
    page = Page("x.md", "# T\n\n```python\na = 1\n```\n\n<!-- run -->\n```sh\necho\n```\n")
    first, second = page.blocks
    assert (first, second) == (
        Block("python", "a = 1", 4),
        Block("sh", "echo", 9, "run"),
    )
    lines = page.script.splitlines()
    assert lines[3] == "a = 1"
    assert "echo" in lines[8]


def test_a_page_needs_what_it_imports_and_what_it_says():
    text = "<!-- needs: zarr -->\n```python\nimport json, xarray, dicube_plugins.torch\n```\n"
    assert Page("x.md", text).needs == {"zarr", "xarray", "torch", "dicube_plugins"}
