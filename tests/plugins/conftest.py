"""Files to deliver, and a cache that is nobody's."""

from __future__ import annotations

import pytest
from conftest_series import write_series
from support.series import CT, make_series


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
