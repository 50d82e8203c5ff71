"""Series as folders and as .dcbs files."""

from __future__ import annotations

import locale
from itertools import count

import pytest
from support.series import Kind, make_series
from support.whole import write_files

import dicube_core
import dicube_plugins

SMALL = Kind("ct", rows=9, columns=7)


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


@pytest.fixture
def make_pair(tmp_path):
    """Return a function that writes a series to a folder and to a .dcbs file."""
    numbers = count()

    def make(kind=SMALL, edit=None, n_slices=5, **options):
        folder = tmp_path / f"series{next(numbers)}"
        write_files(folder / "source", make_series(n_slices, kind, edit))
        dicube_core.convert(folder / "source", folder / "series.dcbs", **options)
        return folder / "source", folder / "series.dcbs"

    return make
