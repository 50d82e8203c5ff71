"""What a client does to get a slice, or all of them, from a server."""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np
import urllib3

import dicube_core
from dicube_plugins.remote import remote_source

if TYPE_CHECKING:
    from core_bench.fixtures import Fixture

__all__ = ["Client", "Forms"]

DCBS, PROGRESSIVE, NIFTI = "/series.dcbs", "/progressive.dcbs", "/series.nii.gz"


@dataclass(frozen=True, slots=True)
class Forms:
    """A series as .dcbs, progressive .dcbs, .nii.gz (empty without nibabel) and DICOM files.

    DICOM files come in the order of the slices, by the paths at which they are served.
    """

    dcbs: bytes
    progressive: bytes
    nifti: bytes
    dicom: dict[str, bytes]

    @classmethod
    def make(cls, fixture: Fixture) -> Forms:
        """Make them of a series."""
        progressive = fixture.work / f"{fixture.source.name}.progressive.dcbs"
        dicube_core.convert(fixture.source.folder, progressive, progressive=True)
        nifti = fixture.work / f"{fixture.source.name}.nii.gz"
        if find_spec("nibabel"):
            dicube_core.save_to_nifti(dicube_core.load(fixture.ours), nifti)
        with dicube_core.open(fixture.ours) as reader:
            names = [header.name for header in reader.instance_headers or ()]
        files = {path.name: path.read_bytes() for path in fixture.source.files()}
        return cls(
            fixture.ours.read_bytes(),
            progressive.read_bytes(),
            nifti.read_bytes() if nifti.exists() else b"",
            {f"/dicom/{name}": files[name.rpartition("/")[2]] for name in names},
        )

    def served(self) -> dict[str, bytes]:
        """Return the files by their paths."""
        whole = {DCBS: self.dcbs, PROGRESSIVE: self.progressive, NIFTI: self.nifti}
        return {**whole, **self.dicom}


class Client:
    """Ways to read from a server; connections are kept, as browsers and libraries do."""

    def __init__(self, address: str, forms: Forms) -> None:
        self._address, self._forms = address, forms
        self._pool = urllib3.PoolManager()
        self.middle = len(forms.dicom) // 2

    def _get(self, path: str) -> bytes:
        return self._pool.request("GET", self._address + path).data

    def _opened(self, path: str) -> dicube_core.Reader:
        return dicube_core.open(remote_source(self._address + path))

    # -- one slice ------------------------------------------------------------------------------

    def our_slice(self) -> np.ndarray:
        """Open the file and read the slice in the middle."""
        with self._opened(DCBS) as reader:
            return reader.frame(self.middle)

    def whole_file_slice(self) -> np.ndarray:
        """Download the file, then read the slice."""
        return dicube_core.open(self._get(DCBS)).frame(self.middle)

    def nifti_slice(self) -> np.ndarray:
        """Download the NIfTI file, then read the slice."""
        return self._nifti()[self.middle]

    def dicom_slice(self) -> np.ndarray:
        """Download the one DICOM file, which the client happens to know."""
        return self._pixels(list(self._forms.dicom)[self.middle])

    # -- all slices -----------------------------------------------------------------------------

    def our_series(self) -> np.ndarray:
        """Load the series."""
        return dicube_core.load(remote_source(self._address + DCBS)).raw_image

    def whole_file_series(self) -> np.ndarray:
        """Download the file, then load it."""
        return dicube_core.load(self._get(DCBS)).raw_image

    def nifti_series(self) -> np.ndarray:
        """Download the NIfTI file, then load it."""
        return np.ascontiguousarray(self._nifti())

    def dicom_series(self) -> np.ndarray:
        """Download the DICOM files one by one."""
        return np.stack([self._pixels(path) for path in self._forms.dicom])

    # -- previews -------------------------------------------------------------------------------

    def our_preview(self, level: int) -> np.ndarray:
        """Read all slices of the progressive file at a lower resolution."""
        with self._opened(PROGRESSIVE) as reader:
            return reader.frames(level=level)

    def whole_preview(self, level: int) -> np.ndarray:
        """Read all slices of the usual file at a lower resolution."""
        with self._opened(DCBS) as reader:
            return reader.frames(level=level)

    def progressive_series(self) -> np.ndarray:
        """Read all slices of the progressive file."""
        with self._opened(PROGRESSIVE) as reader:
            return reader.frames()

    def _nifti(self) -> np.ndarray:
        import nibabel

        data = gzip.decompress(self._get(NIFTI))
        image = nibabel.Nifti1Image.from_bytes(data)
        return np.asarray(image.dataobj.get_unscaled()).T

    def _pixels(self, path: str) -> np.ndarray:
        from pydicom import dcmread
        from pydicom.pixels import pixel_array

        return pixel_array(dcmread(io.BytesIO(self._get(path))), raw=True)
