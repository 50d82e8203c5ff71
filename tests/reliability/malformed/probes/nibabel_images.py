"""nibabel, with the adapter installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dicube_plugins
from reliability.malformed.probes.core import VALUES, read_copy
from reliability.malformed.probes.digests import digest, missing
from reliability.malformed.variant import Probe

if TYPE_CHECKING:
    from pathlib import Path

    Facets = dict[str, str]

__all__ = ["probes"]

#: Several volumes are told apart by the metadata.
_VOXELS = f"{VALUES}+geometry"


def _load(path: Path, _: Path) -> Facets:
    import nibabel
    import numpy as np

    dicube_plugins.install("nibabel")
    image = nibabel.load(path)
    return {
        _VOXELS: digest(np.asarray(image.dataobj), image.dataobj.get_unscaled()),
        "geometry+metadata": digest(image.affine, image.shape),
        "metadata+facts+geometry": digest(dict(image.header.items())),
    }


def _one_slice(path: Path, _: Path) -> Facets:
    import nibabel

    dicube_plugins.install("nibabel")
    image = nibabel.load(path)
    return {_VOXELS: digest(image.dataobj[..., 1], image.slicer[2:5, 1:4].affine)}


def _saved(path: Path, folder: Path) -> Facets:
    import nibabel

    dicube_plugins.install("nibabel")
    out = folder / "volume.nii"
    nibabel.save(nibabel.load(path), out)
    return {_VOXELS: digest(out.read_bytes())}


def _copied(path: Path, folder: Path) -> Facets:
    """The series saved as `.dcbs` again."""
    import nibabel

    dicube_plugins.install("nibabel")
    out = folder / "copy.dcbs"
    nibabel.save(nibabel.load(path), out)
    image = read_copy(path, out)
    return {f"{_VOXELS}+headers": digest(image.raw_image, list(image.headers or ()))}


def probes() -> tuple[list[Probe], tuple[str, ...]]:
    """Return the probes of nibabel."""
    skipped = missing("nibabel", "nibabel")
    if skipped:
        return [], skipped
    from nibabel.filebasedimages import ImageFileError

    errors = (ImageFileError,)
    return [
        Probe("nibabel, load", _load, errors),
        Probe("nibabel, one slice", _one_slice, errors),
        Probe("nibabel, save as NIfTI", _saved, errors),
        Probe("nibabel, save as .dcbs", _copied, errors),
    ], ()
