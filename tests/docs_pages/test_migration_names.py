"""The names in docs/migration.md exist, here and (where it is installed) in dicube 0.3.0."""

from __future__ import annotations

import importlib
import re
from importlib.util import find_spec

import pytest

from docs_pages.page import Page

TEXT = Page.read("migration.md").text
ROWS = re.findall(r"^\| (`dicube\..*?) \| (`dicube_core\..*?) \|$", TEXT, re.MULTILINE)
NAMES = [re.findall(r"`([\w.]+)`", cell) for row in ROWS for cell in row]


def resolve(name: str) -> object:
    module, _, attribute = name.rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def test_the_table_is_there():
    assert len(ROWS) > 20
    assert all(NAMES)


@pytest.mark.parametrize("name", sorted({name for names in NAMES for name in names}))
def test_a_name_exists(name):
    if find_spec(name.partition(".")[0]) is None:
        pytest.skip("dicube is not installed")
    assert resolve(name) is not None
