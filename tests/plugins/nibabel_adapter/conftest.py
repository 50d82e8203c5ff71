"""Series as .dcbs files and as the NIfTI files that hold the same stored values."""

from __future__ import annotations

from itertools import count

import pytest
from support.raw import text
from support.series import Kind, make_series
from support.whole import write_files

import dicube_core
import dicube_plugins

SMALL = Kind("ct", rows=9, columns=7)
_SLOPE, _INTERCEPT = 0x00281053, 0x00281052


def rescaled(slope, intercept):
    """Return an edit that gives slices their factors: one for all, or a list of them."""

    def edit(index, nodes):
        for tag, value in ((_SLOPE, slope), (_INTERCEPT, intercept)):
            shown = value[index] if isinstance(value, list) else value
            nodes[tag] = text(tag, "DS", str(shown))

    return edit


@pytest.fixture
def adapter():
    """The adapter, as long as a test runs."""
    pytest.importorskip("nibabel.loadsave")
    dicube_plugins.install("nibabel")
    yield
    dicube_plugins.uninstall("nibabel")


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


@pytest.fixture
def make_pair(make_file):
    """Return a function that writes a series to a .dcbs file and to a NIfTI file."""

    def make(*args, **kwargs):
        path = make_file(*args, **kwargs)
        twin = path.with_name("twin.nii.gz")
        dicube_core.save_to_nifti(dicube_core.load(path), twin)
        return path, twin

    return make


@pytest.fixture
def factors():
    """Return the edit that gives slices their slope and intercept."""
    return rescaled
