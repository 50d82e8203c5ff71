"""Nothing is timed before it is known that all contestants deliver the same."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pydicom
from core_bench.equality import UnequalError

from dicube_core.dataset import uids
from dicube_core.streaming import DcbStreamingReader
from stream_bench.peers import incumbent_reader, incumbent_slices

if TYPE_CHECKING:
    from pathlib import Path

    from core_bench.fixtures import Fixture

__all__ = ["check_slices", "modality_values"]


def modality_values(data: bytes) -> np.ndarray:
    """Return what pydicom reads from a slice, rescaled."""
    dataset = pydicom.dcmread(io.BytesIO(data))
    slope = float(dataset.get("RescaleSlope", 1))
    return dataset.pixel_array * slope + float(dataset.get("RescaleIntercept", 0))


def _served(path: Path, syntax: str) -> list[bytes]:
    with DcbStreamingReader(path, cache_size=0) as stream:
        return [
            stream.get_dicom_for_frame(index, transfer_syntax=syntax)
            for index in range(len(stream))
        ]


def check_slices(fixture: Fixture) -> list[str]:
    """Compare the slices of both packages and of both files; return what was found equal.

    Raises
    ------
    UnequalError
        Says what differs.
    """
    truth = _by_instance([path.read_bytes() for path in fixture.source.files()])
    served = {
        "our file, HTJ2K": _served(fixture.ours, uids.HTJ2K_LOSSLESS),
        "our file, Explicit VR LE": _served(fixture.ours, uids.EXPLICIT_LE),
    }
    if fixture.dicube is not None:
        served["a file of 0.3.0, HTJ2K"] = _served(fixture.theirs, uids.HTJ2K_LOSSLESS)
        served["a file of 0.3.0, Explicit VR LE"] = _served(fixture.theirs, uids.EXPLICIT_LE)
        reader = incumbent_reader(fixture.theirs)
        served["dicube 0.3.0 on its file"] = incumbent_slices(reader)
        reader.close()
    for name, slices in served.items():
        found = _by_instance(slices)
        if found.keys() != truth.keys():
            raise UnequalError(f"{name}: other instances than the source")
        for uid, values in truth.items():
            if not np.array_equal(found[uid], values):
                raise UnequalError(f"{name}: other values in instance {uid}")
    originals = {path.read_bytes() for path in fixture.source.files()}
    if set(served["our file, Explicit VR LE"]) != originals:
        raise UnequalError("our file, Explicit VR LE: not the source files")
    return [*(f"{name}: the source's values" for name in served), "our file: the source's bytes"]


def _by_instance(slices: list[bytes]) -> dict[str, np.ndarray]:
    """Return modality values by SOP Instance UID."""
    return {
        str(pydicom.dcmread(io.BytesIO(data), stop_before_pixels=True).SOPInstanceUID): (
            modality_values(data)
        )
        for data in slices
    }
