"""SimpleITK and itk, with the adapters installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dicube_plugins
from reliability.malformed.probes.core import VALUES
from reliability.malformed.probes.digests import digest, missing
from reliability.malformed.variant import Probe

if TYPE_CHECKING:
    from pathlib import Path

    Facets = dict[str, str]

__all__ = ["probes"]

#: The order of slices and volumes follows from where they are.
_VOXELS = f"{VALUES}+geometry"
_TEXTS = "metadata+headers+geometry"


def _sitk_facets(image: Any) -> Facets:
    import SimpleITK as sitk

    keys = sorted(image.GetMetaDataKeys())
    return {
        _VOXELS: digest(sitk.GetArrayFromImage(image), image.GetPixelIDTypeAsString()),
        "geometry+metadata": digest(
            image.GetSize(), image.GetSpacing(), image.GetOrigin(), image.GetDirection()
        ),
        _TEXTS: digest({key: image.GetMetaData(key) for key in keys}),
    }


def _read_image(path: Path, _: Path) -> Facets:
    import SimpleITK as sitk

    dicube_plugins.install("SimpleITK")
    return _sitk_facets(sitk.ReadImage(str(path)))


def _series_reader(path: Path, _: Path) -> Facets:
    import SimpleITK as sitk

    dicube_plugins.install("SimpleITK")
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(path)))
    reader.MetaDataDictionaryArrayUpdateOn()
    reader.LoadPrivateTagsOn()
    image = reader.Execute()
    texts = [
        {key: reader.GetMetaData(index, key) for key in reader.GetMetaDataKeys(index)}
        for index in range(image.GetSize()[-1])
    ]
    return {**_sitk_facets(image), _TEXTS: digest(*texts)}


def _region(path: Path, _: Path) -> Facets:
    """A region, read by a reader that was asked for information first."""
    import SimpleITK as sitk

    dicube_plugins.install("SimpleITK")
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    size = list(reader.GetSize())
    size[2:] = [1] * (len(size) - 2)
    index = [0, 0, *([1] * (len(size) - 2))]
    if len(size) == 4:
        index[3] = 0
    reader.SetExtractIndex(index)
    reader.SetExtractSize(size)
    return _sitk_facets(reader.Execute())


def _itk(path: Path, _: Path) -> Facets:
    import itk

    dicube_plugins.install("itk")
    image = itk.imread(str(path))
    texts = {key: image[key] for key in sorted(image.keys())}
    matrix = itk.array_from_matrix(image.GetDirection())
    return {
        _VOXELS: digest(itk.array_from_image(image)),
        "geometry+metadata": digest(
            tuple(itk.size(image)), tuple(itk.spacing(image)), tuple(itk.origin(image)), matrix
        ),
        _TEXTS: digest({key: repr(value) for key, value in texts.items()}),
    }


def _load_itk() -> None:
    """Load itk's modules, which it does when they are first used, before there are children."""
    import itk
    import numpy as np

    image = itk.image_from_array(np.zeros((2, 2, 2), "int16"))
    _ = itk.array_from_image(image), itk.array_from_matrix(image.GetDirection()), itk.imread
    _ = itk.GDCMImageIO.New, itk.MetaDataDictionary


def probes() -> tuple[list[Probe], tuple[str, ...]]:
    """Return the probes of SimpleITK and itk."""
    # What either raises for a file that it cannot read.
    errors = (RuntimeError,)
    without = missing("SimpleITK", "SimpleITK")
    found = []
    if not without:
        found += [
            Probe("SimpleITK, ReadImage", _read_image, errors),
            Probe("SimpleITK, ImageSeriesReader", _series_reader, errors),
            Probe("SimpleITK, region", _region, errors),
        ]
    without_itk = missing("itk", "itk")
    if not without_itk:
        _load_itk()
        found.append(Probe("itk", _itk, errors))
    return found, (*without, *without_itk)
