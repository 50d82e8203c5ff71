"""A series of real size, and the adapter in place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from conftest_series import write_series
from support.series import Kind, make_series

import dicube_core
import dicube_plugins

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

#: Names of files are unlike their order; frames are told apart by their pixels and positions.
CT = Kind("ct", stored=12, rows=40, columns=30)


@dataclass(frozen=True)
class Series:
    """A .dcbs file and what it was made of."""

    path: Path
    files: dict[str, bytes]
    volume: np.ndarray


@pytest.fixture(scope="session")
def series(tmp_path_factory):
    files = make_series(6, CT)
    path = write_series(tmp_path_factory.mktemp("pydicom"), files)
    with dicube_core.open(path) as reader:
        return Series(path, files, reader.frames())


@pytest.fixture
def installed():
    dicube_plugins.install("pydicom")
    yield
    dicube_plugins.uninstall("pydicom")
