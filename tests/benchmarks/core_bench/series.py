"""The series that are measured: shared real ones where they are at hand, else generated ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydicom import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, generate_uid

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SourceFolder", "find_series", "generate"]

_SHARED = ("ct_body_60", "ct_heart_10")


@dataclass(frozen=True, slots=True)
class SourceFolder:
    """A folder of uncompressed DICOM files that form one series."""

    name: str
    folder: Path

    def files(self) -> list[Path]:
        """Return its files, sorted by name."""
        return sorted(path for path in self.folder.rglob("*") if path.is_file())


def find_series(data: Path | None, work: Path, *, quick: bool) -> list[SourceFolder]:
    """Return the series to measure.

    Parameters
    ----------
    data : Path or None
        Folder with the shared series.
    work : Path
        Where series may be generated.
    quick : bool
        One small generated series, whatever `data` holds.
    """
    if quick:
        return [SourceFolder("generated_6", generate(work / "generated_6", 6, 96))]
    found = [data / name for name in _SHARED if data is not None and (data / name).is_dir()]
    if found:
        return [SourceFolder(folder.name, folder) for folder in found]
    return [SourceFolder("generated_40", generate(work / "generated_40", 40, 512))]


def generate(folder: Path, n_slices: int, size: int) -> Path:
    """Write a noisy 12-bit CT of an ellipse in air; the same bytes on every call."""
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(20260)
    rows, columns = np.mgrid[-1 : 1 : size * 1j, -1 : 1 : size * 1j]
    body = (rows / 0.7) ** 2 + (columns / 0.9) ** 2 < 1
    uids = [generate_uid(entropy_srcs=[f"benchmark {size} {n}"]) for n in range(n_slices + 2)]
    for number in range(n_slices):
        noise = random.normal(0, 18, (size, size))
        organ = np.hypot(rows - 0.2, columns + 0.1) < 0.2 + 0.002 * number
        values = np.where(body, 1040 + 60 * organ, 24) + noise
        pixels = np.clip(values, 0, 4095).astype("<u2")
        _write(folder / f"slice_{number:04d}.dcm", pixels, number, uids)
    return folder


def _write(path: Path, pixels: np.ndarray, number: int, uids: list[str]) -> None:
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = CTImageStorage
    dataset.SOPInstanceUID = uids[number + 2]
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = uids[:2]
    dataset.Modality = "CT"
    dataset.PatientName = "Benchmark^Generated"
    dataset.PatientID = "BENCH"
    dataset.InstanceNumber = number + 1
    dataset.ImagePositionPatient = [-180.0, -180.0, 2.5 * number]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.SliceThickness = 2.5
    dataset.PixelSpacing = [0.703125, 0.703125]
    dataset.Rows, dataset.Columns = pixels.shape
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
    dataset.PixelRepresentation = 0
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
    dataset.WindowCenter, dataset.WindowWidth = 40, 400
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "T-D4000", "SRT", "Abdomen"
    dataset.AnatomicRegionSequence = [code]
    dataset.PixelData = pixels.tobytes()
    dataset["PixelData"].VR = "OW"
    dataset.save_as(path, enforce_file_format=True)
