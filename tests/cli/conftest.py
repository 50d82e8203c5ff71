from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import dicube_core
from dicube_core.phantom import write_phantom_series

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def series(tmp_path_factory) -> Path:
    """A folder of twelve small CT slices."""
    folder = tmp_path_factory.mktemp("cli") / "series"
    write_phantom_series(folder, 12, size=64)
    return folder


@pytest.fixture(scope="session")
def converted(series) -> Path:
    path = series.parent / "series.dcbs"
    dicube_core.convert(series, path)
    return path
