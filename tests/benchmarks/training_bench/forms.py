"""One series in all the forms that training data is kept in, each alone in its folder."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pydicom
from core_bench.series import SourceFolder

import dicube_core

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["CHUNK", "COMPRESSED_DICOM", "METADATA_BESIDE", "Forms", "make_forms", "size_of"]

#: Chunks of arrays: what suits patches of 64^3.
CHUNK = 64
DICOM = "DICOM, uncompressed"
COMPRESSED_DICOM = {
    "DICOM, JPEG 2000": pydicom.uid.JPEG2000Lossless,
    "DICOM, JPEG-LS": pydicom.uid.JPEGLSLossless,
}
#: Forms that hold no DICOM metadata: it is kept beside them, as JSON by pydicom with gzip.
METADATA_BESIDE = (".nii.gz", ".nii", ".nrrd (gzip)", "Zarr (zstd)", "Zarr (blosc)", "blosc2")


@dataclass(slots=True)
class Forms:
    """Where each form of a series is.

    Parameters
    ----------
    name : str
        Of the series.
    folder : Path
        DICOM files, uncompressed.
    paths : dict
        Name of a form to its file or folder. Missing where a package is not installed.
    metadata : Path
        Headers of all slices, for forms that have none.
    """

    name: str
    folder: Path
    paths: dict[str, Path] = field(default_factory=dict)
    metadata: Path | None = None

    @property
    def dcbs(self) -> Path:
        """Our file."""
        return self.paths[".dcbs"]

    @property
    def nifti(self) -> Path:
        """The .nii.gz file."""
        return self.paths[".nii.gz"]


def make_forms(
    name: str, folder: Path, work: Path, *, arrays: bool = False, dicom: bool = False
) -> Forms:
    """Write a series as .dcbs and .nii.gz; if wanted, as arrays and as compressed DICOM."""
    forms = Forms(name, folder, {DICOM: folder}, work / name / "headers.json.gz")
    dcbs = _place(work, name, "dcbs") / "series.dcbs"
    dicube_core.convert(folder, dcbs)
    forms.paths[".dcbs"] = dcbs
    image = dicube_core.load(dcbs)
    nifti = _place(work, name, "niigz") / "series.nii.gz"
    dicube_core.save_to_nifti(image, nifti)
    forms.paths[".nii.gz"] = nifti
    if arrays:
        plain = _place(work, name, "nii") / "series.nii"
        dicube_core.save_to_nifti(image, plain)
        forms.paths[".nii"] = plain
        stored = image.raw_image.transpose(2, 1, 0)
        for form, write in _ARRAYS.items():
            path = write(np.ascontiguousarray(stored), _place(work, name, form))
            if path is not None:
                forms.paths[form] = path
        forms.metadata.write_bytes(gzip.compress(_headers(SourceFolder(name, folder)), 9, mtime=0))
    for form, syntax in COMPRESSED_DICOM.items() if dicom else ():
        path = _compressed(SourceFolder(name, folder), _place(work, name, form), syntax)
        if path is not None:
            forms.paths[form] = path
    return forms


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files of a folder."""
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def _place(work: Path, name: str, form: str) -> Path:
    folder = work / name / "".join(c if c.isalnum() else "_" for c in form)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _chunks(array: np.ndarray) -> tuple[int, ...]:
    return tuple(min(CHUNK, n) for n in array.shape)


def _zarr(array: np.ndarray, folder: Path, compressor: Callable[[Any], Any]) -> Path | None:
    if not find_spec("zarr"):
        return None
    import zarr

    target = zarr.create_array(
        str(folder),
        shape=array.shape,
        dtype=array.dtype,
        chunks=_chunks(array),
        compressors=compressor(zarr.codecs),
        overwrite=True,
    )
    target[:] = array
    return folder


def _zarr_zstd(array: np.ndarray, folder: Path) -> Path | None:
    return _zarr(array, folder, lambda codecs: codecs.ZstdCodec(level=5))


def _zarr_blosc(array: np.ndarray, folder: Path) -> Path | None:
    def blosc(codecs: Any) -> Any:
        return codecs.BloscCodec(
            typesize=array.dtype.itemsize, cname="zstd", clevel=5, shuffle="bitshuffle"
        )

    return _zarr(array, folder, blosc)


def _blosc2(array: np.ndarray, folder: Path) -> Path | None:
    if not find_spec("blosc2"):
        return None
    import blosc2

    path = folder / "series.b2nd"
    parameters = blosc2.CParams(
        codec=blosc2.Codec.ZSTD,
        clevel=5,
        filters=[blosc2.Filter.BITSHUFFLE],
        filters_meta=[0],
        typesize=array.dtype.itemsize,
    )
    blosc2.asarray(array, chunks=_chunks(array), urlpath=str(path), mode="w", cparams=parameters)
    return path


def _nrrd(array: np.ndarray, folder: Path) -> Path | None:
    if not find_spec("SimpleITK"):
        return None
    import SimpleITK as sitk

    path = folder / "series.nrrd"
    sitk.WriteImage(sitk.GetImageFromArray(array.T), str(path), useCompression=True)
    return path


_ARRAYS: dict[str, Callable[[np.ndarray, Path], Path | None]] = {
    "Zarr (zstd)": _zarr_zstd,
    "Zarr (blosc)": _zarr_blosc,
    "blosc2": _blosc2,
    ".nrrd (gzip)": _nrrd,
}


def _compressed(source: SourceFolder, folder: Path, syntax: str) -> Path | None:
    for file in source.files():
        dataset = pydicom.dcmread(file)
        try:
            dataset.compress(syntax, generate_instance_uid=False)
        except (RuntimeError, NotImplementedError):  # no encoder is installed
            return None
        dataset.save_as(folder / file.name)
    return folder


def _headers(source: SourceFolder) -> bytes:
    """Return the headers of all slices: what is the same once, the rest slice by slice."""
    models = [
        pydicom.dcmread(file, stop_before_pixels=True).to_json_dict() for file in source.files()
    ]
    shared = {
        tag: value for tag, value in models[0].items() if all(m.get(tag) == value for m in models)
    }
    rest = [{t: v for t, v in model.items() if t not in shared} for model in models]
    return json.dumps({"shared": shared, "slices": rest}, separators=(",", ":")).encode()
