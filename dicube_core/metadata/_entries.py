"""Questions to one entry of merged metadata (see `_merged_model`)."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from dicube_core.metadata.merge import VALUE_KEYS, split_element

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dicube_core.dataset.json_model import JsonElement

__all__ = ["has_no_value", "is_shared", "payload", "shared_value", "untrusted_paths", "values"]


def values(entry: Mapping[str, Any], slice_count: int) -> list[Any]:
    """Return one value per slice; see ``DicomMeta.get_values``."""
    if entry["shared"] is not None and "exact" not in entry:
        value = next((entry[key] for key in VALUE_KEYS if key in entry), None)
        if entry["shared"]:
            return [_copied(value) for _ in range(slice_count)]
        return [_copied(one) for one in value or []]
    found = [payload(split_element(entry, index)) for index in range(slice_count)]
    is_sequence = entry["shared"] is None
    if not is_sequence and all(not isinstance(v, list) or len(v) == 1 for v in found):
        return [value[0] if isinstance(value, list) else value for value in found]
    return found


def _copied(value: Any) -> Any:
    """Return a copy; the usual numbers, texts and lists of them are not gone through for it."""
    if isinstance(value, list) and not any(isinstance(part, list | dict) for part in value):
        return value.copy()
    return deepcopy(value) if isinstance(value, list | dict) else value


def shared_value(entry: Mapping[str, Any]) -> Any:
    """Return the value of an entry that is shared; see ``DicomMeta.get_shared_value``."""
    value = payload(split_element(entry, 0))
    if isinstance(value, list) and len(value) == 1 and entry["shared"] is not None:
        return value[0]
    return value


def has_no_value(entry: Mapping[str, Any], slice_count: int) -> bool:
    """Whether no slice has a value."""
    if entry["shared"] is None or "exact" in entry:
        return all(value is None for value in values(entry, slice_count))
    value = next((entry[key] for key in VALUE_KEYS if key in entry), None)
    return value is None or (entry["shared"] is False and all(v is None for v in value))


def payload(element: JsonElement | None) -> Any:
    """Return what an element holds, None for nothing; a sequence always has a list."""
    if element is None:
        return None
    empty: list[Any] | None = [] if element.get("vr") == "SQ" else None
    return next((element[key] for key in VALUE_KEYS if key in element), empty)


def is_shared(entry: Mapping[str, Any]) -> bool:
    """Whether all slices have the same, at every level."""
    if entry["shared"] is not None:
        return bool(entry["shared"])
    counts = entry.get("counts")
    if counts is not None and len(set(counts)) > 1:
        return False
    return all(is_shared(inner) for item in entry["Value"] for inner in item.values())


def untrusted_paths(merged: Mapping[str, Any], path: str) -> list[str]:
    """Return the paths of tags that are marked ``untrusted``."""
    found = []
    for tag, entry in merged.items():
        where = f"{path}{tag}"
        if entry.get("untrusted"):
            found.append(where)
        if entry["shared"] is None:
            for item in entry["Value"]:
                found += untrusted_paths(item, f"{where}.")
    return found
