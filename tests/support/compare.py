"""Judge what came back with pydicom alone; nothing of the package under test takes part."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pydicom
from pydicom.pixels import pixel_array

from support.raw import EXPLICIT_LE, IMPLICIT_LE

if TYPE_CHECKING:
    import numpy as np
    from pydicom.dataset import Dataset

_PIXELS = (0x7FE00010, 0x7FE00001, 0x7FE00002)
_LOSSY_JPEG = ("1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51")
_WORDS = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
#: What a change of transfer syntax changes (PS3.10 7.1).
_META = (0x00020000, 0x00020001, 0x00020010, 0x00020012, 0x00020013)


def read(data: bytes) -> Dataset:
    """Read a file from memory."""
    return pydicom.dcmread(io.BytesIO(data), force=True)


def flatten(dataset: Dataset, skipped: tuple[int, ...] = _PIXELS, path: str = "") -> dict[str, Any]:
    """Return every element at every level but group lengths: path to (VR, raw bytes or value)."""
    found: dict[str, Any] = {}
    for tag in sorted(int(tag) for tag in dataset.keys()):  # noqa: SIM118 - not a dict
        if tag in skipped or not tag & 0xFFFF:
            continue
        name = f"{path}({tag >> 16:04X},{tag & 0xFFFF:04X})"
        raw = dataset.get_item(tag)
        little_bytes = None
        if getattr(raw, "is_raw", False) and raw.is_little_endian and isinstance(raw.value, bytes):
            little_bytes = raw.value
        element = dataset[tag]
        if element.VR == "SQ":
            found[name] = ("SQ", len(element.value))
            for number, item in enumerate(element.value):
                found |= flatten(item, (), f"{name}[{number}]")
        elif element.is_empty:  # pydicom tells kinds of nothing apart by the encoding
            found[name] = (element.VR, b"", "")
        else:
            value = element.value
            spelt = getattr(value, "original_string", None)
            if isinstance(value, bytes) and not getattr(raw, "is_little_endian", True):
                width = _WORDS.get(element.VR, 1)
                value = b"".join(value[i : i + width][::-1] for i in range(0, len(value), width))
            shown = little_bytes if little_bytes is not None else (repr(value), spelt)
            found[name] = (element.VR, shown, repr(value))
    return found


def values_only(flat: dict[str, Any]) -> dict[str, Any]:
    """Return the flat form without bytes, for sources of another byte order."""
    return {name: (entry[0], entry[-1]) for name, entry in flat.items()}


def same_elements(source: bytes, found: bytes, *, by_value: bool = False) -> None:
    """Fail unless both files have the same elements with the same VRs and values."""
    first, second = read(source), read(found)
    reduce = values_only if by_value else (lambda flat: flat)
    assert reduce(flatten(second)) == reduce(flatten(first))
    meta, other = flatten(first.file_meta, _META), flatten(second.file_meta, _META)
    assert {name: other.get(name) for name in meta} == meta


def stored(data: bytes) -> np.ndarray[Any, Any]:
    """Return the stored values as pydicom reads them."""
    dataset = read(data)
    if "TransferSyntaxUID" not in dataset.file_meta:
        explicit = data[4:6].isalpha()
        dataset.file_meta.TransferSyntaxUID = EXPLICIT_LE if explicit else IMPLICIT_LE
    # Decoders of lossy JPEG differ in the last bit; conversion uses this one.
    plugin = "pylibjpeg" if dataset.file_meta.TransferSyntaxUID in _LOSSY_JPEG else ""
    return pixel_array(dataset, decoding_plugin=plugin)
