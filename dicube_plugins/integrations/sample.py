"""The tiny series that integrations are probed with, and what is true of it.

The truth is what the slices were made of, not what our own reader says of them.
"""

from __future__ import annotations

import io
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt
    from pydicom import Dataset

__all__ = ["Sample", "write_sample"]

_SHAPE = (5, 12, 16)
#: Millimetres between frames, rows and columns.
_SPACING = (2.5, 0.75, 0.625)
_ORIGIN = (-20.5, 12.25, -31.0)
#: Of the rows to the x axis of the patient: an affine that was guessed is not this one.
_DEGREES = 30.0
_SLOPES = (1.0, 0.5, 2.0, 1.0, 0.25)
"""Of each slice, as in PET: who takes the first for all is found out. Exact in 32-bit floats."""
_INTERCEPTS = (-1024, 0, 3, -1, 7)


@dataclass(frozen=True, slots=True)
class Sample:
    """What is true of the series.

    Parameters
    ----------
    stored, values : ndarray of shape (frames, rows, columns)
        Stored values, and modality values.
    affine : ndarray of shape (4, 4)
        From (column, row, frame) to RAS mm, as in NIfTI.
    """

    stored: npt.NDArray[np.uint16]
    values: npt.NDArray[np.float64]
    affine: npt.NDArray[np.float64]


def write_sample(path: Path) -> Sample:
    """Write the series, and return what is true of it."""
    import dicube_core

    numbers = np.arange(math.prod(_SHAPE)).reshape(_SHAPE)
    stored = (numbers * 1237 % 4096).astype(np.uint16)
    stored[0, 0, :2] = 0, 4095
    slices = [_file(frame, index) for index, frame in enumerate(stored)]
    dicube_core.convert(slices, path)
    slopes, intercepts = (np.reshape(row, (-1, 1, 1)) for row in (_SLOPES, _INTERCEPTS))
    return Sample(stored, stored * slopes + intercepts, _affine())


def _directions() -> npt.NDArray[np.float64]:
    """Return the directions of columns (x), rows (y) and frames (z) as columns, in LPS."""
    angle = math.radians(_DEGREES)
    cosine, sine = round(math.cos(angle), 9), round(math.sin(angle), 9)
    return np.array([[cosine, -sine, 0.0], [sine, cosine, 0.0], [0.0, 0.0, 1.0]])


def _affine() -> npt.NDArray[np.float64]:
    matrix = np.eye(4)
    matrix[:3, :3] = _directions() * _SPACING[::-1]
    matrix[:3, 3] = _ORIGIN
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ matrix


def _file(frame: npt.NDArray[np.uint16], index: int) -> bytes:
    from pydicom.dataset import FileMetaDataset

    from dicube_core.dataset import uids

    dataset = _dataset(index)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = uids.EXPLICIT_LE  # type: ignore[assignment]
    dataset.add_new(0x7FE00010, "OW", frame.astype("<u2").tobytes())
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def _dataset(index: int) -> Dataset:
    from pydicom import Dataset

    x, y, _ = _directions().T
    place = [*_ORIGIN[:2], _ORIGIN[2] + index * _SPACING[0]]
    root = "2.25.73131"
    values: dict[str, Any] = {
        "SOPClassUID": "1.2.840.10008.5.1.4.1.1.128",
        "SOPInstanceUID": f"{root}.3.{index + 1}",
        "StudyInstanceUID": f"{root}.1",
        "SeriesInstanceUID": f"{root}.2",
        "FrameOfReferenceUID": f"{root}.4",
        "Modality": "PT",
        "Units": "BQML",
        "PatientName": "Probe",
        "PatientID": "PROBE",
        "StudyDate": "20240229",
        "InstanceNumber": index + 1,
        "ImagePositionPatient": [f"{value:.6f}" for value in place],
        "ImageOrientationPatient": [f"{value:.9f}" for value in (*x, *y)],
        "PixelSpacing": [str(_SPACING[1]), str(_SPACING[2])],
        "SliceThickness": str(_SPACING[0]),
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": _SHAPE[1],
        "Columns": _SHAPE[2],
        "BitsAllocated": 16,
        "BitsStored": 12,
        "HighBit": 11,
        "PixelRepresentation": 0,
        "RescaleSlope": str(_SLOPES[index]),
        "RescaleIntercept": str(_INTERCEPTS[index]),
    }
    dataset = Dataset()
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset
