"""Small series as .dcbs files."""

from __future__ import annotations

from itertools import count

import pytest
from support.series import Kind, make_series
from support.whole import write_files

import dicube_core

SMALL = Kind("ct", rows=9, columns=7)


@pytest.fixture
def make_file(tmp_path):
    """Return a function that writes a series to a .dcbs file."""
    numbers = count()

    def make(kind=SMALL, edit=None, n_slices=5):
        folder = tmp_path / f"series{next(numbers)}"
        write_files(folder / "source", make_series(n_slices, kind, edit))
        dicube_core.convert(folder / "source", folder / "series.dcbs")
        return folder / "series.dcbs"

    return make
