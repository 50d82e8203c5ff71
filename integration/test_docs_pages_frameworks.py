"""What the pages show of frameworks that the test command of the README does not install."""

from __future__ import annotations

import pytest
from docs_pages.page import all_pages
from docs_pages.running import run_page, skip_unless_possible

#: The tutorial is followed literally, in an environment of its own: ``test_tutorial.py``.
PAGES = {
    page.name: page for page in all_pages() if not page.is_hermetic and page.name != "tutorial.md"
}


@pytest.mark.usefixtures("ray_folder")
@pytest.mark.parametrize("name", sorted(PAGES))
def test_what_a_page_shows_runs(name, tmp_path):
    skip_unless_possible(PAGES[name])
    run_page(PAGES[name], tmp_path)
