"""A file in the base layout alone, as dicube 0.3.0 writes it: no extension, no checksums.

Put together here byte by byte; see ``docs/format.md`` for the layout.
"""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]
_HEADER = struct.Struct("<8sI13Q")
NAMES = ("dicom_status", "dicom_meta", "space", "pixel_header", "frame_offsets", "frame_lengths")


def shared(vr: str, *values: Any) -> dict[str, Any]:
    """Return an entry that all slices have."""
    return {"vr": vr, "shared": True, "Value": list(values)}


def varying(vr: str, values: list[Any]) -> dict[str, Any]:
    """Return an entry with one value per slice."""
    return {"vr": vr, "shared": False, "Value": values}


def merged_data(volume: Array) -> dict[str, Any]:
    """Return merged metadata as 0.3.0 leaves it: still with the source's pixel description."""
    count, rows, columns = volume.shape
    return {
        "00080016": shared("UI", "1.2.840.10008.5.1.4.1.1.2"),
        "00080018": varying("UI", [f"1.2.3.{i + 1}" for i in range(count)]),
        "00080060": shared("CS", "CT"),
        "00081030": varying("LO", ["Chest", "None", "Chest"][:count] + ["Chest"] * (count - 3)),
        "00081140": {
            "vr": "SQ",
            "shared": None,
            "Value": [{"00081155": varying("UI", [f"1.2.9.{i}" for i in range(count)])}],
        },
        "00100010": shared("PN", {"Alphabetic": "Doe^Jane"}),
        "00100020": shared("LO", "PAT-0042"),
        "0020000E": shared("UI", "1.2.4"),
        "00200013": varying("IS", [i + 1 for i in range(count)]),
        "00200032": varying("DS", [[-10.0, -20.0, 2.5 * i] for i in range(count)]),
        "00200037": shared("DS", 1, 0, 0, 0, 1, 0),
        "00280002": shared("US", 1),
        "00280004": shared("CS", "MONOCHROME2"),
        "00280010": shared("US", rows),
        "00280011": shared("US", columns),
        "00280030": shared("DS", 0.5, 0.75),
        "00280100": shared("US", 16),
        "00280101": shared("US", 12),
        "00280102": shared("US", 11),
        "00280103": shared("US", 0),
        "00281052": shared("DS", -1024.0),
        "00281053": shared("DS", 1.0),
    }


def space_of(volume: Array) -> dict[str, Any]:
    """Return the space section's JSON, in x, y, z order."""
    return {
        "shape": list(volume.shape[::-1]),
        "origin": [-10.0, -20.0, 0.0],
        "spacing": [0.75, 0.5, 2.5],
        "x_orientation": [1.0, 0.0, 0.0],
        "y_orientation": [0.0, 1.0, 0.0],
        "z_orientation": [0.0, 0.0, 1.0],
    }


def pixel_header_of(volume: Array) -> dict[str, Any]:
    """Return the pixel header's JSON."""
    return {
        "RescaleSlope": 1.0,
        "RescaleIntercept": 0.0,
        "OriginalPixelDtype": "float64",
        "PixelDtype": volume.dtype.name,
        "WindowCenter": 40.0,
        "WindowWidth": 400.0,
        "MaxVal": None,
        "MinVal": None,
    }


def volume(count: int = 3, rows: int = 11, columns: int = 9) -> Array:
    """Return rescaled CT values."""
    rng = np.random.default_rng(5)
    return rng.integers(-1024, 3071, (count, rows, columns)).astype(np.int16)


def legacy_file(stored: Array | None = None, **changes: bytes | list[bytes]) -> bytes:
    """Return a file; `changes` replace sections, or the list of frames."""
    import imagecodecs
    import zstandard

    array = volume() if stored is None else stored
    codestreams = changes.pop("frames", None)
    if codestreams is None:
        codestreams = [bytes(imagecodecs.htj2k_encode(f, reversible=True)) for f in array]
    meta = {"_merged_data": merged_data(array), "slice_count": len(array)}
    sections: dict[str, Any] = {
        "dicom_status": b"consistent",
        "dicom_meta": zstandard.compress(json.dumps(meta).encode()),
        "space": json.dumps(space_of(array)).encode(),
        "pixel_header": json.dumps(pixel_header_of(array)).encode(),
        "frame_offsets": b"",
        "frame_lengths": b"",
    }
    sections |= changes
    count = len(codestreams)
    sizes = [len(sections[name]) for name in NAMES[:4]] + [8 * count, 8 * count]
    positions = [_HEADER.size]
    for size in sizes:
        positions.append(positions[-1] + size)
    offsets = [positions[-1]]
    for codestream in codestreams:
        offsets.append(offsets[-1] + len(codestream))
    sections["frame_offsets"] = sections["frame_offsets"] or struct.pack(
        f"<{count}Q", *offsets[:-1]
    )
    lengths = struct.pack(f"<{count}Q", *map(len, codestreams))
    sections["frame_lengths"] = sections["frame_lengths"] or lengths
    numbers = [n for pair in zip(positions, sizes, strict=False) for n in pair]
    header = _HEADER.pack(b"DCMCUBES", 1, *numbers, count)
    return header + b"".join(sections[name] for name in NAMES) + b"".join(codestreams)


def regions(data: bytes) -> dict[str, range]:
    """Return where the parts of a file lie."""
    numbers = _HEADER.unpack_from(data)[2:]
    found = {"header": range(_HEADER.size)}
    for position, name in enumerate(NAMES):
        start, size = numbers[2 * position : 2 * position + 2]
        found[name] = range(start, start + size)
    first = min(r.start for name, r in found.items() if name != "header" and len(r))
    if first > _HEADER.size:
        found["extension"] = range(_HEADER.size, first)
    count = numbers[12]
    starts = struct.unpack_from(f"<{count}Q", data, found["frame_offsets"].start)
    sizes = struct.unpack_from(f"<{count}Q", data, found["frame_lengths"].start)
    for index, (start, size) in enumerate(zip(starts, sizes, strict=True)):
        data_start = data.index(b"\xff\x93", start) + 2  # SOD ends the headers of a codestream
        found[f"codestream header {index}"] = range(start, data_start)
        found[f"packets {index}"] = range(data_start, start + size)
    return found
