"""Links between the pages, the README and the change log lead somewhere."""

from __future__ import annotations

import re

import pytest

from docs_pages.links import broken_links
from docs_pages.page import DOCS, ROOT

FILES = sorted(
    {
        *ROOT.glob("*.md"),
        *(path for path in DOCS.rglob("*.md") if "_build" not in path.parts),
    }
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(path):
    assert broken_links(path) == []


def test_a_link_that_leads_nowhere_is_noticed(tmp_path):
    page = tmp_path / "page.md"
    page.write_text("# One two\n[a](#one-two) [b](#three) [c](no.md) [d](page.md#one-two) `[e](f)`")
    assert broken_links(page) == ["#three", "no.md"]


def test_every_page_is_in_the_site():
    """Sphinx would warn; this says it without Sphinx."""
    listed = set()
    for path in FILES:
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", path.read_text("utf-8"), re.DOTALL):
            entries = [line.strip() for line in tree.splitlines()]
            folder = path.parent.relative_to(DOCS)
            names = (re.sub(r".*<(.*)>", r"\1", e) for e in entries if e and e[0] != ":")
            listed |= {(folder / name).as_posix().removesuffix(".md") for name in names}
    pages = {
        path.relative_to(DOCS).with_suffix("").as_posix() for path in FILES if DOCS in path.parents
    }
    assert pages - listed == {"index"}
    assert listed <= pages


def test_documents_that_the_code_names_are_there():
    for folder in ("dicube_core", "dicube_plugins"):
        for path in (ROOT / folder).rglob("*.py"):
            for name in re.findall(r"docs/(\w+\.md)", path.read_text("utf-8")):
                assert (DOCS / name).exists(), f"{path}: docs/{name}"
