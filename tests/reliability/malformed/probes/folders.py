"""Files made of a file: a folder of slices, NIfTI, an edited copy, a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import dicube_core
from dicube_core.error_places import errors_name
from dicube_core.export import export_file
from reliability.malformed.probes.core import SHOWN, VALUES, image_facets, read_copy
from reliability.malformed.probes.digests import digest, digest_files, missing
from reliability.malformed.variant import Probe

if TYPE_CHECKING:
    from pathlib import Path

    Facets = dict[str, str]

__all__ = ["probes"]


def _saved(path: Path, folder: Path) -> Facets:
    image = dicube_core.load(path)
    # An image in memory knows its slices' names, not that of the file which it came from.
    with errors_name(str(path)):
        files = dicube_core.save_to_dicom_folder(image, folder / "slices")
    return {"slices": digest_files(folder, files)}


def _exported(path: Path, folder: Path) -> Facets:
    with dicube_core.open(path) as reader:
        files = export_file(reader, folder / "slices")
    return {"slices": digest_files(folder, files)}


def _saved_again(path: Path, folder: Path) -> Facets:
    out = folder / "again.dcbs"
    image = dicube_core.load(path)
    with errors_name(str(path)):
        dicube_core.save(image, out)
    return image_facets(dicube_core.load(out))


def _nifti(path: Path, folder: Path) -> Facets:
    import nibabel
    import numpy as np

    out = folder / "volume.nii"
    image = dicube_core.load(path)
    with errors_name(str(path)):
        dicube_core.save_to_nifti(image, out)
    image = nibabel.load(out)
    return {
        VALUES: digest(np.asarray(image.dataobj), image.dataobj.get_unscaled()),
        "geometry": digest(image.affine),
    }


def _edited(path: Path, folder: Path) -> Facets:
    out = folder / "edited.dcbs"
    dicube_core.edit(path, out, set={"PatientName": "Roe^Richard"}, delete=["**.PatientAddress"])
    return _same_places(image_facets(read_copy(path, out)))


def _deidentified(path: Path, folder: Path) -> Facets:
    out = folder / "nobody.dcbs"
    profile = dicube_core.Deidentification(set(), salt=b"sixteen bytes or more")
    dicube_core.edit(path, out, deidentify=profile)
    return _same_places(image_facets(read_copy(path, out)))


def _same_places(facets: Facets) -> Facets:
    """An edit derives geometry and status from the headers, whatever the file said of them."""
    return {
        "pixels": facets["pixels"],
        VALUES: facets[VALUES],
        "headers+metadata": facets["headers"],
        "metadata": facets["metadata"],
        "geometry+metadata": digest(facets["geometry"], facets["geometry+metadata"]),
        "facts+metadata": facets["facts"],
    }


def _preview(path: Path, folder: Path) -> Facets:
    import numpy as np
    from PIL import Image

    from dicube_core.preview import write_preview

    out = folder / "picture.png"
    with dicube_core.open(path) as reader:
        write_preview(reader, out)
    with Image.open(out) as picture:
        return {f"{VALUES}+{SHOWN}": digest(np.asarray(picture))}


def probes() -> tuple[list[Probe], tuple[str, ...]]:
    """Return the probes that write files."""
    skipped = [
        *missing("NIfTI export", "nibabel"),
        *missing("edit, de-identified", "dicomanonymizer"),
        *missing("preview", "PIL"),
    ]
    left_out = {text.partition(":")[0] for text in skipped}
    found = [
        Probe("folder export", _saved),
        Probe("folder export, streamed", _exported),
        Probe("save again", _saved_again),
        Probe("NIfTI export", _nifti),
        Probe("edit", _edited),
        Probe("edit, de-identified", _deidentified),
        Probe("preview", _preview),
    ]
    return [probe for probe in found if probe.name not in left_out], tuple(skipped)
