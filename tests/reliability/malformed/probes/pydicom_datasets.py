"""pydicom, with the adapter installed."""

from __future__ import annotations

from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

from pydicom.errors import InvalidDicomError

import dicube_plugins
from dicube_core.exceptions import DicomCubeError
from reliability.malformed.probes.delivery import MADE
from reliability.malformed.probes.digests import digest
from reliability.malformed.variant import Probe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    Facets = dict[str, str]

__all__ = ["probes"]

_BLOCK = "DICUBE MULTI-FRAME 1"
#: What it says of a header that it does not decode by, as it does of the source of such a slice.
_ODD_HEADER = (
    "A (0028,0002) 'Samples per Pixel' value of '0' is invalid",
    "Unknown (0028,0004) 'Photometric Interpretation' value",
)
_REFUSED_BY_ALL = "Unable to decode as exceptions were raised by all available plugins"


@contextmanager
def _decoding(path: Path) -> Iterator[None]:
    """Take it for clear when all decoders refuse: pydicom says so without the name of the file.

    The data set is complete, and says which file it is of; the frame in it is damaged.
    """
    try:
        yield
    except DicomCubeError as exc:
        # pydicom puts a tag in front of what fails in an element, and a traceback behind it.
        raise type(exc)(str(exc).partition("\nTraceback")[0]) from exc
    except ValueError as exc:
        if not str(exc).startswith(_ODD_HEADER):
            raise
        raise DicomCubeError(f"{path}: the header of a slice: {exc}") from exc
    except RuntimeError as exc:
        if not str(exc).startswith(_REFUSED_BY_ALL):
            raise
        raise DicomCubeError(f"{path}: a frame of it: {_REFUSED_BY_ALL}") from exc


def _written(dataset: Any) -> bytes:
    file = BytesIO()
    dataset.save_as(file)
    return file.getvalue()


def _series(path: Path, _: Path) -> Facets:
    import pydicom

    dicube_plugins.install("pydicom")
    dataset = pydicom.dcmread(path)
    with _decoding(path):
        return {MADE: digest(dataset.pixel_array, _written(dataset), str(dataset))}


def _pixels(path: Path, _: Path) -> Facets:
    """The functions of `pydicom.pixels` that take a path, and the modality LUT."""
    import pydicom
    from pydicom.pixels import iter_pixels, pixel_array

    dicube_plugins.install("pydicom")
    with _decoding(path):
        frames = list(iter_pixels(path))
        dataset = pydicom.dcmread(path)
        values = pydicom.pixels.apply_modality_lut(dataset.pixel_array, dataset)
        return {MADE: digest(*frames, pixel_array(path), values)}


def _slices(path: Path, _: Path) -> Facets:
    import pydicom

    from dicube_plugins.pydicom import datasets

    dicube_plugins.install("pydicom")
    found = list(datasets(path))
    one = pydicom.dcmread(path, frame=-1, transfer_syntax="explicit")
    with _decoding(path):
        shown = [(d.pixel_array, _written(d)) for d in (*found, one)]
    return {"slices": digest(*(part for both in shown for part in both))}


def _originals(path: Path, _: Path) -> Facets:
    """The slices' own data sets, out of the multi-frame image."""
    from dicube_plugins.pydicom import dcmread

    dataset = dcmread(path)
    with _decoding(path):
        return _slices_of(dataset)


def _slices_of(dataset: Any) -> Facets:
    from dicube_plugins.pydicom import original_datasets

    if _BLOCK not in [element.value for element in dataset.group_dataset(0x0021)]:
        return {MADE: digest(_written(dataset))}  # a file of one instance is this instance
    return {MADE: digest(*(_written(d) for d in original_datasets(dataset)))}


def probes() -> tuple[list[Probe], tuple[str, ...]]:
    """Return the probes of pydicom."""
    errors = (InvalidDicomError,)
    return [
        Probe("pydicom, series", _series, errors),
        # Of a file without the prefix of DICOM pydicom wants to be told the transfer syntax.
        Probe("pydicom, pixels", _pixels, (*errors, AttributeError)),
        Probe("pydicom, slices", _slices, errors),
        Probe("pydicom, original data sets", _originals, errors),
    ], ()
