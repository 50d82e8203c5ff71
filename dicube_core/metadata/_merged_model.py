"""The form of merged metadata: one mapping for all slices of a series.

An entry of the mapping is ``{"vr", "shared", "Value" | "InlineBinary" | "BulkDataURI"}``:

* ``shared: true``: one value for all slices.
* ``shared: false``: a list with one entry per slice, null where the slice has no value; single
  values are not wrapped in a list.
* ``shared: null``: a sequence; ``Value`` has one merged item per item position, recursively.

Readers that know no more than this lose what it cannot tell. Four optional keys, which such
readers skip, make it exact or say that it is not:

* ``absent``: slices (of those that have the surrounding item) without the element; any other
  slice with null has it, empty.
* ``counts``: items of the sequence in each slice; null: no element, -1: element without items
  *and* without ``Value``. Missing: every slice has as many as ``Value``.
* ``untrusted: true``: the values exist, but may stand at other slices than their own (files of
  dicube 0.3.0, which sorted slices without sorting these).
* ``exact``: the elements of all slices as they are (null: absent), for what the rest cannot say,
  such as a VR that changes from slice to slice. Valid only while the list above agrees with it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["VALUE_KEYS", "MergedData", "exact_projection", "is_regular", "value_list"]

#: tag -> entry.
MergedData = dict[str, dict[str, Any]]

VALUE_KEYS = ("Value", "InlineBinary", "BulkDataURI")

_Element = dict[str, Any]


def is_regular(element: _Element) -> bool:
    """Whether an element is as the JSON model has it, so that the plain forms can hold it."""
    keys = [key for key in element if key != "vr"]
    if not isinstance(element.get("vr"), str) or len(keys) > 1:
        return False
    if not keys:
        return True
    key, value = keys[0], element[keys[0]]
    if element["vr"] == "SQ":
        return key == "Value" and isinstance(value, list) and all(type(i) is dict for i in value)
    if key == "Value":
        return isinstance(value, list) and not any(isinstance(item, list) for item in value)
    return key in VALUE_KEYS and isinstance(value, str)


def value_list(cells: Sequence[_Element | None], vr: str, key: str) -> dict[str, list[Any]]:
    """Return values per slice under `key`, single ones without their lists if all are single."""
    values = [
        cell.get(key) if cell is not None and cell.get("vr") == vr else None for cell in cells
    ]
    if key == "Value":
        given = [value for value in values if value is not None]
        if all(len(value) == 1 and value[0] is not None for value in given):
            values = [value if value is None else value[0] for value in values]
    return {key: values}


def exact_projection(cells: Sequence[_Element | None]) -> dict[str, Any]:
    """Return what readers of the plain form see of elements that it cannot hold."""
    plain = [
        cell if isinstance(cell, dict) and cell.get("vr") != "SQ" and is_regular(cell) else None
        for cell in cells
    ]
    vr = next((cell["vr"] for cell in plain if cell is not None), "UN")
    key = next((key for cell in plain if cell is not None for key in cell if key != "vr"), "Value")
    return {"vr": vr, "shared": False, **value_list(plain, vr, key)}
