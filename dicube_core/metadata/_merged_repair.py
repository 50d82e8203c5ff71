"""Repair of merged metadata that dicube 0.3.0 wrote: what can be undone is, the rest is marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, isnan
from typing import Any

from dicube_core.dataset._values import BINARY_VRS
from dicube_core.metadata._merged_model import VALUE_KEYS, MergedData
from dicube_core.metadata.merged_check import check_merged, check_slice_count
from dicube_core.settings import get_limits

__all__ = ["repair_legacy"]


def repair_legacy(merged: object, slice_count: int) -> MergedData:
    """Read merged metadata that dicube 0.3.0 wrote (or wrote again).

    It put the text ``None`` where a slice has no value, lost the key of such lists, and sorted
    slices without sorting binary values and anything inside of sequences. NaN and infinities of
    FD and FL it wrote as Python's JSON has them, and not as texts (`dicube_core.dataset
    .json_model`).

    Parameters
    ----------
    merged : object
        Parsed JSON.
    slice_count : int
        Number of slices.

    Returns
    -------
    dict
        As from `check_merged`. Values that may belong to other slices are kept and marked
        ``untrusted``.

    Raises
    ------
    MetaDataError
        It is damaged beyond that; the message names the tag.
    """
    check_slice_count(slice_count)
    return check_merged(_repair_level(merged, slice_count, 0), slice_count)


def _repair_level(merged: object, count: int, depth: int) -> object:
    if not isinstance(merged, Mapping) or depth > get_limits().json_depth:
        return merged  # check_merged says what is wrong
    return {tag: _repair_entry(entry, count, depth) for tag, entry in merged.items()}


def _repair_entry(entry: object, count: int, depth: int) -> object:
    if not isinstance(entry, Mapping):
        return entry
    if entry.get("vr") in ("FD", "FL") and isinstance(entry.get("Value"), list):
        entry = {**entry, "Value": _named(entry["Value"])}
    if entry.get("shared") is False:
        return _repair_values(dict(entry), count, nested=depth > 0)
    items = entry.get("Value")
    if entry.get("shared") is not None or not isinstance(items, list):
        return entry
    items = [_repair_level(item, count, depth + 1) for item in items]
    return {**entry, "Value": items, **_inferred_counts(entry, items, count)}


def _named(value: object) -> object:
    """Return real values with NaN and infinities as the texts that stand for them in a model."""
    if isinstance(value, list):
        return [_named(item) for item in value]
    if not isinstance(value, float) or isfinite(value):
        return value
    return "NaN" if isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _repair_values(entry: dict[str, Any], count: int, *, nested: bool) -> dict[str, Any]:
    value = entry.get("Value")
    is_wiped = isinstance(value, list) and all(item is None for item in value)
    lost = entry.pop("null", None)
    untrusted = nested
    if lost is not None and (value is None or is_wiped):
        entry.pop("Value", None)
        vr = entry.get("vr")
        is_binary = isinstance(vr, str) and vr in BINARY_VRS  # it may be anything yet
        entry["InlineBinary" if is_binary else "Value"] = lost
        untrusted = True
    elif is_wiped and ("InlineBinary" in entry or "BulkDataURI" in entry):
        del entry["Value"]
        untrusted = True
    elif not any(key in entry for key in VALUE_KEYS):
        entry["Value"] = [None] * count
        untrusted = True
    if untrusted:
        entry["untrusted"] = True
    return _repair_none(entry, next(key for key in VALUE_KEYS if key in entry))


def _repair_none(entry: dict[str, Any], key: str) -> dict[str, Any]:
    """Replace the text that stands for nothing by nothing.

    Where a value is missing, the others keep their lists, so a bare ``None`` beside a list cannot
    be a value. Bytes in base64 are never ``None``: that would be an odd number of bytes.
    """
    values = entry[key]
    if not isinstance(values, list) or None in values:
        return entry
    if key == "Value" and not any(isinstance(value, list) for value in values):
        return entry
    absent = [index for index, value in enumerate(values) if value == "None"]
    if not absent:
        return entry
    values = [None if value == "None" else value for value in values]
    if key == "Value" and all(v is None or (len(v) == 1 and v[0] is not None) for v in values):
        values = [None if value is None else value[0] for value in values]
    return {**entry, key: values, "absent": absent}


def _inferred_counts(
    entry: Mapping[str, Any], items: Sequence[object], count: int
) -> dict[str, Any]:
    """Return how many items each slice has, where some slices have nothing in an item."""
    if "counts" in entry:
        return {}
    counts = [len(items)] * count
    for position in range(len(items) - 1, -1, -1):
        item = items[position]
        if not isinstance(item, Mapping) or not item:
            break
        lacking = set.intersection(*(_lacking(value) for value in item.values()))
        for index in lacking:
            if index < count and counts[index] == position + 1:
                counts[index] = position
    return {"counts": counts} if any(value != len(items) for value in counts) else {}


def _lacking(entry: object) -> set[int]:
    absent = entry.get("absent", ()) if isinstance(entry, Mapping) else ()
    return {index for index in absent if type(index) is int} if isinstance(absent, list) else set()
