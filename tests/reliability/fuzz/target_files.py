"""Targets: whole files, through all that reads them, and source files through a conversion."""

from __future__ import annotations

import atexit
import json
import os
import shutil
import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import dicube_core
from dicube_core.exceptions import DicomCubeError
from dicube_core.streaming import DcbStreamingReader
from reliability.fuzz import seeds
from reliability.fuzz.checks import attempt, in_pydicom, pydicom_reads, require
from reliability.fuzz.mutate_dicom import mutate_part10
from reliability.fuzz.mutate_files import mutate_file
from reliability.fuzz.target import Target

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.reader import Reader

__all__ = ["TARGETS"]

_FEW = 3
#: Bytes of frames that are decoded here; larger ones are legal, and slow.
_DECODED = 1 << 18
_NATIVE = ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2", "1.2.840.10008.1.2.1.99")


def slices(data: bytes) -> None:
    """Open a file, look at everything in it, and deliver its slices in every form."""
    dicube_core.set_num_threads(1)
    reader = attempt(dicube_core.open, data)
    if reader is None:
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _look(reader)
        pixel_format = attempt(lambda: reader.pixel_format)
        if pixel_format is None or pixel_format.n_bytes * reader.frame_count > _DECODED:
            return
        image = attempt(dicube_core.load, data)
        if image is not None:
            require(image.raw_image.shape == reader.shape, "an image of another shape")
            values = attempt(image.get_fdata)
            require(values is None or values.shape == reader.shape, "values of another shape")
        frames = [attempt(reader.frame, i) for i in range(min(reader.frame_count, _FEW))]
        _deliver(data, reader, frames)


def _look(reader: Reader) -> None:
    meta = attempt(lambda: reader.dicom_meta)
    if meta is not None:
        attempt(meta.keys)
        attempt(lambda: meta.index(0)) if meta.slice_count else None
        attempt(lambda: meta.filenames)
    for name in ("geometry", "dicom_status", "headers", "instance_headers", "kept_encodings"):
        attempt(getattr, reader, name)
    for name in ("frame_map", "source_header", "dimensions", "volume_geometry", "codec"):
        attempt(getattr, reader, name)
    if meta is not None and meta.slice_count <= 64:
        attempt(reader.report)
        attempt(reader.sheared_affine)


def _deliver(data: bytes, reader: Reader, frames: list[np.ndarray | None]) -> None:
    stream = attempt(DcbStreamingReader, data)
    if stream is None:
        return
    headers = attempt(lambda: stream.slices.headers)
    with stream:
        attempt(stream.get_metadata)
        for index, frame in enumerate(frames):
            attempt(stream.slices.original, index)
            if not _is_readable(headers, index):
                for syntax in (None, *_NATIVE):
                    attempt(stream.get_dicom_for_frame, index, transfer_syntax=syntax)
                continue
            compressed = attempt(stream.get_dicom_for_frame, index)
            if compressed is not None:
                pydicom_reads(compressed, "a slice as it is stored")
            for syntax in _NATIVE:
                native = attempt(stream.get_dicom_for_frame, index, transfer_syntax=syntax)
                if native is None:
                    continue
                require(frame is not None, "delivered, but not decoded", index)
                dataset = pydicom_reads(native, syntax)
                require("PixelData" in dataset or reader.pixel_format.real, "no pixels", syntax)
                if syntax == _NATIVE[0] and frame is not None:
                    _same_pixels(dataset, reader.pixel_format.pixel_values(frame))


def _is_readable(headers: Sequence[SliceHeader] | None, index: int) -> bool:
    """Whether pydicom can read the data set that a slice was kept with."""
    header = None if headers is None else attempt(lambda: headers[index])
    if header is None or attempt(lambda: header.dataset) is None:
        return False
    return in_pydicom(seeds.bare_file(header)) is not None


def _same_pixels(dataset: object, frame: np.ndarray) -> None:
    from pydicom.pixels import pixel_array

    try:
        found = pixel_array(dataset, raw=True)
    except Exception:  # noqa: BLE001 - it has no decoder for every kind that can be kept
        return
    if found.size == frame.size:
        equal = np.array_equal(found.reshape(-1), np.asarray(frame).reshape(-1), equal_nan=False)
        same_bits = found.tobytes() == np.asarray(frame).tobytes()
        require(equal or same_bits or frame.ndim == 3 or _is_packed(dataset), "other pixels")


def _is_packed(dataset: object) -> bool:
    """Whether values lie elsewhere than in the low bits, where pydicom cuts them."""
    return getattr(dataset, "HighBit", 0) != getattr(dataset, "BitsStored", 1) - 1


_folder: list[Path] = []


def _work_folder() -> Path:
    """Return a folder in memory, where there is one."""
    if not _folder:
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        _folder.append(Path(tempfile.mkdtemp(prefix="fuzz", dir=memory)))
        atexit.register(shutil.rmtree, _folder[0], ignore_errors=True)
    return _folder[0]


def conversion(data: bytes) -> None:
    """Convert a source file: it is refused, or comes back whole."""
    dicube_core.set_num_threads(1)
    target = _work_folder() / "x.dcbs"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            dicube_core.convert([data], target)
        except DicomCubeError:
            attempt(dicube_core.convert, [data], target)
            return
        stored = target.read_bytes()
        with DcbStreamingReader(stored) as stream:
            header = stream.slices.reader.instance_headers
            require(header is not None and len(header) == 1, "not one header")
            original = stream.slices.original_instance(0)
            if header is not None and header[0].exact:
                require(original == data, "the source does not come back")
            # What pydicom takes for file meta information as a whole, it has not read.
            readable = "Rows" in (in_pydicom(data) or ())
            for index in range(min(stream.frame_count, _FEW) if readable else 0):
                pydicom_reads(stream.get_dicom_for_frame(index), "a slice")
            meta = stream.get_metadata()
            json.dumps(meta, default=str)
        require(not readable or in_pydicom(original) is not None, "what comes back cannot be read")


TARGETS = (
    Target("slices", slices, seeds.files, mutate_file, 8192),
    Target("conversion", conversion, seeds.part10_files, mutate_part10, 3072),
)
