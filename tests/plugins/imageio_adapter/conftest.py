"""A series as a file, and imageio with the adapter in it."""

from __future__ import annotations

import numpy as np
import pytest
from imageio_support import KIND, convert
from support.series import make_series


@pytest.fixture(scope="session")
def series(tmp_path_factory):
    """A CT series of five slices, 6 x 7."""
    return convert(tmp_path_factory.mktemp("imageio"), make_series(5, KIND))


@pytest.fixture(scope="session")
def volume():
    """The modality values of `series`."""
    return np.stack([KIND.frame(i).astype("int16") - 1024 for i in range(5)])


@pytest.fixture
def installed():
    """The adapter, for the length of one test."""
    pytest.importorskip("imageio")
    import dicube_plugins

    dicube_plugins.install("imageio")
    yield
    dicube_plugins.uninstall("imageio")
