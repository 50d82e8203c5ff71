"""Data sets for the metadata tests: generated, bundled with pydicom, or real where present."""

from __future__ import annotations

import io
import warnings
import zlib
from pathlib import Path
from struct import pack

import pydicom
from pydicom.data import get_testdata_files
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.sequence import Sequence

from dicube_core.dataset.elements import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    PIXEL_DATA,
    Encoding,
    walk,
)

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


def explicit(tag: int, vr: str, value: bytes, mark: str = "<") -> bytes:
    """One explicit element with a defined length."""
    head = pack(mark + "HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
    if vr in {"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV"}:
        return head + pack(mark + "HI", 0, len(value)) + value
    return head + pack(mark + "H", len(value)) + value


def implicit(tag: int, value: bytes) -> bytes:
    return pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value


def item(value: bytes) -> bytes:
    return pack("<HHI", 0xFFFE, 0xE000, len(value)) + value


def to_bytes(dataset: Dataset, encoding: Encoding = EXPLICIT_LITTLE) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian = not encoding.big_endian
    buffer.is_implicit_VR = not encoding.explicit
    write_dataset(buffer, dataset)
    return buffer.getvalue()


def from_bytes(data: bytes, encoding: Encoding = EXPLICIT_LITTLE) -> Dataset:
    """What pydicom reads."""
    return pydicom.filereader.read_dataset(
        io.BytesIO(data), not encoding.explicit, not encoding.big_endian
    )


def without_lengths(model: dict, *, top: bool = True) -> dict:
    """A pydicom JSON model less what ours leaves out."""
    result = {}
    for key, element in model.items():
        if key.endswith("0000") or (top and key == "7FE00010"):
            continue
        if element["vr"] == "SQ":
            items = [without_lengths(one, top=False) for one in element["Value"]]
            result[key] = {"vr": "SQ", "Value": items}
        else:
            result[key] = element
    return result


def _meta_end(raw: bytes) -> int:
    """Where the file meta information ends; its last element begins with group 2."""
    position = 132
    while raw[position : position + 2] == b"\2\0":
        position = next(walk(raw, EXPLICIT_LITTLE, position)).stop
    return position


#: Files that end within an element; the second is of the package pydicom-data.
CUT = frozenset(("MR_truncated.dcm", "emri_small_jpeg_2k_lossless_too_short.dcm"))


def bundled() -> list[tuple[str, Dataset, bytes, Encoding]]:
    """(name, pydicom's reading, data set bytes, encoding) of pydicom's own files that parse."""
    found = []
    for path in sorted(set(get_testdata_files())):
        raw = Path(path).read_bytes() if Path(path).is_file() else b""
        if raw[128:132] != b"DICM":
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                dataset = pydicom.dcmread(io.BytesIO(raw))
            except (pydicom.errors.InvalidDicomError, EOFError, OSError, ValueError):
                continue
        data = raw[_meta_end(raw) :]
        if dataset.file_meta.get("TransferSyntaxUID") == "1.2.840.10008.1.2.1.99":
            data = zlib.decompress(data, -15)
        implicit_vr, little = dataset.original_encoding
        found.append(
            (Path(path).name, dataset, data, Encoding(not implicit_vr, big_endian=not little))
        )
    return found


def real_headers(name: str) -> list[tuple[bytes, Encoding]]:
    """Headers of a shared series, empty where it is not there."""
    headers = []
    for path in sorted((SHARED / name).glob("*")):
        raw = path.read_bytes()
        data = raw[_meta_end(raw) :]
        end = next(e.start for e in walk(data, until=PIXEL_DATA) if e.tag >= PIXEL_DATA)
        headers.append((data[:end], EXPLICIT_LITTLE))
    return headers


def slice_dataset(number: int, **values: object) -> Dataset:
    """A small CT slice."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.SOPInstanceUID = f"1.2.3.{number}"
    dataset.SeriesInstanceUID = "1.2.3"
    dataset.Modality = "CT"
    dataset.PatientName = "Müller^Jörg"
    dataset.InstanceNumber = number
    dataset.ImagePositionPatient = [0, 0, number * 1.5]
    dataset.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    dataset.PixelSpacing = ["0.50", "0.50"]
    dataset.PixelRepresentation = 0
    reference = Dataset()
    reference.ReferencedSOPInstanceUID = f"1.9.{number}"
    reference.ReferencedSOPClassUID = "1.8"
    dataset.SourceImageSequence = Sequence([reference])
    for keyword, value in values.items():
        setattr(dataset, keyword, value)
    return dataset


__all__ = [
    "EXPLICIT_LITTLE",
    "IMPLICIT_LITTLE",
    "SHARED",
    "bundled",
    "explicit",
    "from_bytes",
    "implicit",
    "item",
    "real_headers",
    "slice_dataset",
    "to_bytes",
    "without_lengths",
]
