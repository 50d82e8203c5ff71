"""DICOM data sets with given pixels, and HTJ2K codestreams to put into them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import imagecodecs
import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRLittleEndian, HTJ2KLossless, generate_uid

from dicube_core.codec import OpenJPHCodec
from dicube_core.pixels import PixelFormat

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"


def described(frames: Array, **elements: Any) -> Dataset:
    """Return a data set without pixels; `frames` is (frames, rows, columns[, 3])."""
    colour = frames.ndim == 4
    bits = frames.dtype.itemsize * 8
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = dataset.file_meta.MediaStorageSOPClassUID = SECONDARY_CAPTURE
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.PatientID = "PAT-0042"
    dataset.Modality = "OT"
    dataset.Rows, dataset.Columns = frames.shape[1:3]
    if len(frames) > 1:
        dataset.NumberOfFrames = len(frames)
    dataset.SamplesPerPixel = 3 if colour else 1
    dataset.PhotometricInterpretation = "RGB" if colour else "MONOCHROME2"
    if colour:
        dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = bits
    dataset.BitsStored = elements.get("BitsStored", bits)
    dataset.HighBit = dataset.BitsStored - 1
    dataset.PixelRepresentation = int(frames.dtype.kind == "i")
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def native(frames: Array, **elements: Any) -> Dataset:
    """Return an uncompressed data set."""
    dataset = described(frames, **elements)
    data = frames.astype(frames.dtype.newbyteorder("<")).tobytes()
    dataset.PixelData = data + b"\0" * (len(data) % 2)
    dataset["PixelData"].VR = "OW" if frames.dtype.itemsize > 1 else "OB"
    return dataset


def compressed(
    frames: Array, codestreams: list[bytes], syntax: str = HTJ2KLossless, **elements: Any
) -> Dataset:
    """Return a data set that holds these codestreams."""
    dataset = described(frames, **elements)
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate(codestreams)
    dataset["PixelData"].is_undefined_length = True
    return dataset


def grey_codestream(frame: Array, bits_stored: int) -> bytes:
    """Encode a frame with our own codec."""
    bits = frame.dtype.itemsize * 8
    kind = PixelFormat(*frame.shape, bits, bits_stored, int(frame.dtype.kind == "i"))
    return OpenJPHCodec().encode(frame, kind)


def colour_codestream(frame: Array, *, transformed: bool) -> bytes:
    """Encode a frame by pixel, with or without the reversible colour transform."""
    return bytes(imagecodecs.htj2k_encode(frame, rgb=transformed))


def saved(dataset: Dataset) -> Dataset:
    """Write a data set to memory and read it again."""
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return pydicom.dcmread(io.BytesIO(file.getvalue()))
