"""The adapter, and the locale as it was."""

from __future__ import annotations

import locale

import pytest

import dicube_plugins


@pytest.fixture(autouse=True)
def same_locale():
    """Put the locale of the process back: SimpleITK's own writing of some formats leaves "C"."""
    before = locale.setlocale(locale.LC_ALL)
    yield
    locale.setlocale(locale.LC_ALL, before)


@pytest.fixture
def adapter():
    """The adapter, as long as a test runs."""
    pytest.importorskip("SimpleITK")
    dicube_plugins.install("SimpleITK")
    yield
    dicube_plugins.uninstall("SimpleITK")
