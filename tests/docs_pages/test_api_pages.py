"""Everything public is in the API reference."""

from __future__ import annotations

import pytest

import dicube_core
import dicube_core.dicom
import dicube_plugins
from docs_pages.page import DOCS

PAGES = {path.name: path.read_text("utf-8") for path in (DOCS / "api").glob("*.md")}
#: Whole modules, of which Sphinx takes everything that is public.
WHOLE = ("dicube_core.codec", "dicube_core.exceptions", "dicube_plugins")


@pytest.mark.parametrize("module", [dicube_core, dicube_core.dicom])
def test_every_public_name_has_an_entry(module):
    text = "\n".join(PAGES.values())
    for name in module.__all__:
        if name != "__version__":
            assert f":: {name}\n" in text, f"{module.__name__}.{name}"


@pytest.mark.parametrize("name", WHOLE)
def test_a_module_is_there_as_a_whole(name):
    assert f".. automodule:: {name}\n   :members:" in "\n".join(PAGES.values())


def test_every_package_for_a_framework_is_there():
    folder = DOCS.parent / "dicube_plugins"
    packages = {path.parent.name for path in folder.glob("*/__init__.py")}
    internal = {"adapters", "consumers", "insight", "integrations", "volume"}
    for name in packages - internal:
        assert f"dicube_plugins.{name}\n" in PAGES["frameworks.md"], name
    assert dicube_plugins.__all__
