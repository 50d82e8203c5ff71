"""Files to deliver, series as folders and as .dcbs files, and a cache that is nobody's."""

from __future__ import annotations

from itertools import count

import pytest
from conftest_series import write_series
from support.series import CT, Kind, make_series
from support.whole import write_files

import dicube_core

_SMALL = Kind("ct", rows=9, columns=7)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(scope="session")
def sources():
    """The files of a series, as {name: bytes}."""
    return make_series(5, CT)


@pytest.fixture(scope="session")
def series_file(sources, tmp_path_factory):
    """The same series as a .dcbs file."""
    return write_series(tmp_path_factory.mktemp("series"), sources)


@pytest.fixture
def make_pair(tmp_path):
    """Return a function that writes a series to a folder and to a .dcbs file."""
    numbers = count()

    def make(kind=_SMALL, edit=None, n_slices=5, **options):
        folder = tmp_path / f"series{next(numbers)}"
        write_files(folder / "source", make_series(n_slices, kind, edit))
        dicube_core.convert(folder / "source", folder / "series.dcbs", **options)
        return folder / "source", folder / "series.dcbs"

    return make
