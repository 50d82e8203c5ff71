"""Lossless ``.dcbs`` series containers: a whole CT, MR or PET series in one file.

>>> import dicube_core
>>> image = dicube_core.load_from_dicom_folder("series/")  # doctest: +SKIP
>>> dicube_core.save(image, "series.dcbs")  # doctest: +SKIP

Importing this package loads nothing else: numpy, pydicom and the codecs are imported by the
first call that needs them.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dicube_core._version import __version__
from dicube_core.settings import (
    Limits,
    get_limits,
    get_num_threads,
    set_limits,
    set_num_threads,
)

if TYPE_CHECKING:
    from dicube_core.editing.audit import EditReport
    from dicube_core.editing.edit import edit
    from dicube_core.editing.profile import Deidentification
    from dicube_core.export import save_to_dicom_folder
    from dicube_core.geometry import Geometry
    from dicube_core.image import DicomCubeImage
    from dicube_core.ingest import Conversion, convert, load_from_dicom_folder
    from dicube_core.io import DicomCubeImageIO, load, load_meta, save
    from dicube_core.metadata.meta import DicomMeta
    from dicube_core.metadata.tags import CommonTags
    from dicube_core.nifti import load_from_nifti, save_to_nifti
    from dicube_core.pixel_header import PixelDataHeader
    from dicube_core.reader import Reader
    from dicube_core.reader import open_file as open
    from dicube_core.salvage.repairing import repair
    from dicube_core.salvage.report import RepairReport
    from dicube_core.spatial.order import SortMethod
    from dicube_core.spatial.status import DicomStatus, get_dicom_status
    from dicube_core.trees.report import TreeReport, TreeRow
    from dicube_core.trees.running import convert_tree
    from dicube_core.trees.verifying import VerifyFilesReport, verify_files
    from dicube_core.verify import verify_against, verify_file
    from dicube_core.virtual_zarr import references

_HOMES = {
    "CommonTags": "dicube_core.metadata.tags",
    "Conversion": "dicube_core.ingest",
    "Deidentification": "dicube_core.editing.profile",
    "DicomCubeImage": "dicube_core.image",
    "DicomCubeImageIO": "dicube_core.io",
    "DicomMeta": "dicube_core.metadata.meta",
    "DicomStatus": "dicube_core.spatial.status",
    "EditReport": "dicube_core.editing.audit",
    "Geometry": "dicube_core.geometry",
    "PixelDataHeader": "dicube_core.pixel_header",
    "Reader": "dicube_core.reader",
    "RepairReport": "dicube_core.salvage.report",
    "TreeReport": "dicube_core.trees.report",
    "VerifyFilesReport": "dicube_core.trees.verifying",
    "TreeRow": "dicube_core.trees.report",
    "SortMethod": "dicube_core.spatial.order",
    "convert": "dicube_core.ingest",
    "convert_tree": "dicube_core.trees.running",
    "edit": "dicube_core.editing.edit",
    "get_dicom_status": "dicube_core.spatial.status",
    "load": "dicube_core.io",
    "load_from_dicom_folder": "dicube_core.ingest",
    "load_from_nifti": "dicube_core.nifti",
    "load_meta": "dicube_core.io",
    "open": "dicube_core.reader:open_file",
    "repair": "dicube_core.salvage.repairing",
    "save": "dicube_core.io",
    "save_to_dicom_folder": "dicube_core.export",
    "references": "dicube_core.virtual_zarr",
    "save_to_nifti": "dicube_core.nifti",
    "verify_against": "dicube_core.verify",
    "verify_file": "dicube_core.verify",
    "verify_files": "dicube_core.trees.verifying",
}

__all__ = [
    "CommonTags",
    "Conversion",
    "Deidentification",
    "DicomCubeImage",
    "DicomCubeImageIO",
    "DicomMeta",
    "DicomStatus",
    "EditReport",
    "Geometry",
    "Limits",
    "PixelDataHeader",
    "Reader",
    "RepairReport",
    "SortMethod",
    "TreeReport",
    "TreeRow",
    "VerifyFilesReport",
    "__version__",
    "convert",
    "convert_tree",
    "edit",
    "get_dicom_status",
    "get_limits",
    "get_num_threads",
    "load",
    "load_from_dicom_folder",
    "load_from_nifti",
    "load_meta",
    "open",
    "references",
    "repair",
    "save",
    "save_to_dicom_folder",
    "save_to_nifti",
    "set_limits",
    "set_num_threads",
    "verify_against",
    "verify_file",
    "verify_files",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first used (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, _, attribute = home.partition(":")
    value = getattr(import_module(module), attribute or name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
