"""One series in all the forms that training code reads: DICOM folder, .dcbs, NIfTI."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from support.series import Kind, make_series
from support.whole import write_files

import dicube_core
from dicube_core.phantom import write_phantom_series

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Twins", "framework", "kind_twins", "make_twins"]


@dataclass(frozen=True)
class Twins:
    """The same series, three times."""

    folder: Path
    dcbs: Path
    nifti: Path


def framework(name):
    """Import a framework, whatever it warns of; skip where it is missing."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return pytest.importorskip(name)


def make_twins(folder: Path, n_slices: int = 24, size: int = 40, seed: int = 0) -> Twins:
    """Write a generated CT."""
    write_phantom_series(folder / "series", n_slices, size=size, seed=seed)
    return _converted(folder)


def kind_twins(folder: Path, kind: Kind, edit=None) -> Twins:
    """Write a small series of a kind of pixels."""
    write_files(folder / "series", make_series(5, kind, edit))
    return _converted(folder)


def _converted(folder: Path) -> Twins:
    twins = Twins(folder / "series", folder / "study.dcbs", folder / "nifti" / "study.nii.gz")
    dicube_core.convert(twins.folder, twins.dcbs)
    twins.nifti.parent.mkdir()
    dicube_core.save_to_nifti(dicube_core.load(twins.dcbs), twins.nifti)
    return twins
