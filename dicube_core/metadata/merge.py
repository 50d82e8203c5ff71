"""Headers of many slices to merged metadata (see `_merged_model`), and back to each slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from dicube_core.dataset.json_model import JsonConverter, JsonDict, JsonElement
from dicube_core.exceptions import MetaDataError
from dicube_core.metadata._merged_model import (
    VALUE_KEYS,
    MergedData,
    exact_projection,
    is_regular,
    value_list,
)
from dicube_core.metadata._merged_repair import repair_legacy
from dicube_core.metadata.merged_check import check_merged

if TYPE_CHECKING:
    from dicube_core.dataset.elements import Encoding

__all__ = [
    "VALUE_KEYS",
    "MergedData",
    "check_merged",
    "merge",
    "merge_headers",
    "reorder",
    "repair_legacy",
    "shared_entry",
    "split",
    "split_element",
    "varying_entry",
]

_Level = Mapping[str, JsonElement]


def merge_headers(
    headers: Sequence[tuple[bytes | bytearray | memoryview, Encoding]],
) -> MergedData:
    """Merge data sets that are kept as bytes.

    Parameters
    ----------
    headers : sequence of (bytes-like, Encoding)
        One data set per slice, Pixel Data left out or skipped.

    Returns
    -------
    dict
        The same as ``merge([dataset_to_json(*header) for header in headers])``; elements that
        are equal in several slices are read once.

    Raises
    ------
    MetaDataError
        A header is not a data set; the message names the slice.
    """
    converter = JsonConverter()
    datasets = []
    for index, (data, encoding) in enumerate(headers):
        try:
            datasets.append(converter.convert(data, encoding))
        except MetaDataError as error:
            raise MetaDataError(f"header of slice {index}: {error.message}") from error
    return merge(datasets)


def merge(datasets: Sequence[_Level]) -> MergedData:
    """Merge data sets in the DICOM JSON model.

    Parameters
    ----------
    datasets : sequence of dict
        One per slice.

    Returns
    -------
    dict
        Sorted by tag. ``split(merge(datasets), i) == datasets[i]``. Lists are shared with the
        input, so neither should be changed in place.
    """
    return _merge_level(datasets)


def _merge_level(levels: Sequence[_Level | None]) -> MergedData:
    """Merge one nesting level; None stands for slices that lack the surrounding item."""
    tags: set[str] = set()
    for level in levels:
        if level is not None:
            tags.update(level)
    complete = None not in levels
    merged: MergedData = {}
    for tag in sorted(tags):
        cells = [None if level is None else level.get(tag) for level in levels]
        first = cells[0]
        if complete and first is not None and all(_same(first, cell) for cell in cells):
            merged[tag] = shared_entry(first, len(cells))
        else:
            merged[tag] = varying_entry(cells, levels)
    return merged


def _same(first: JsonElement, other: JsonElement | None) -> bool:
    # == alone would take 0.0 for -0.0 and 1 for 1.0; equal bytes give identical objects.
    return first is other or (first == other and repr(first) == repr(other))


def shared_entry(element: JsonElement, count: int) -> dict[str, Any]:
    """Return the entry of an element that is the same in all slices."""
    if not is_regular(element):
        return _exact_entry([element] * count)
    if element["vr"] != "SQ":
        return {"vr": element["vr"], "shared": True, **element}
    items = element.get("Value")
    entry: dict[str, Any] = {
        "vr": "SQ",
        "shared": None,
        "Value": [
            {tag: shared_entry(item[tag], count) for tag in sorted(item)} for item in items or ()
        ],
    }
    if items is None:
        entry["counts"] = [-1] * count
    return entry


def varying_entry(
    cells: Sequence[JsonElement | None], levels: Sequence[_Level | None]
) -> dict[str, Any]:
    """Return the entry of an element that differs between slices or lacks in some."""
    present = [cell for cell in cells if cell is not None]
    vr = present[0].get("vr")  # of a file, which may hold anything there
    keys = {key for cell in present for key in cell} - {"vr"}
    irregular = not all(cell.get("vr") == vr and is_regular(cell) for cell in present)
    if irregular or not isinstance(vr, str) or len(keys) > 1:
        return _exact_entry(cells)
    if vr == "SQ":
        return _sequence_entry(cells, levels)
    entry = {"vr": vr, "shared": False, **value_list(cells, vr, next(iter(keys), "Value"))}
    absent = [
        index
        for index, (cell, level) in enumerate(zip(cells, levels, strict=True))
        if cell is None and level is not None
    ]
    if absent:
        entry["absent"] = absent
    return entry


def _exact_entry(cells: Sequence[JsonElement | None]) -> dict[str, Any]:
    """Return an entry that repeats the elements, and what fits of them in the plain form."""
    return {**exact_projection(cells), "exact": list(cells)}


def _sequence_entry(
    cells: Sequence[JsonElement | None], levels: Sequence[_Level | None]
) -> dict[str, Any]:
    counts = [None if cell is None else len(cell.get("Value", ())) for cell in cells]
    longest = max((count for count in counts if count is not None), default=0)
    items = [
        _merge_level(
            [
                None
                if cell is None or count is None or count <= position
                else cell["Value"][position]
                for cell, count in zip(cells, counts, strict=True)
            ]
        )
        for position in range(longest)
    ]
    entry: dict[str, Any] = {"vr": "SQ", "shared": None, "Value": items}
    exact = [
        -1 if cell is not None and "Value" not in cell else count
        for cell, count in zip(cells, counts, strict=True)
    ]
    wanted = [None if level is None else longest for level in levels]
    if exact != wanted:
        entry["counts"] = exact
    return entry


def split(merged: Mapping[str, Mapping[str, Any]], index: int) -> JsonDict:
    """Return one slice of merged metadata in the DICOM JSON model.

    Parameters
    ----------
    merged : dict
        As from `merge`, or from `check_merged`.
    index : int
        Slice, 0-based.

    Returns
    -------
    dict
        A copy, free to change.

    Raises
    ------
    MetaDataError
        An entry has no value for this slice; the message names its tag.
    """
    dataset: JsonDict = {}
    for tag, entry in merged.items():
        try:
            element = split_element(entry, index)
        except (LookupError, TypeError, AttributeError) as error:
            raise MetaDataError(
                f"metadata entry {tag} is malformed: no value for slice {index}"
            ) from error
        if element is not None:
            dataset[tag] = element
    return dataset


def split_element(entry: Mapping[str, Any], index: int) -> JsonElement | None:
    """Return one slice's element of a well-formed entry, None where the slice lacks it."""
    if "exact" in entry:
        found: JsonElement | None = deepcopy(entry["exact"][index])
        return found
    vr = entry["vr"]
    if entry["shared"] is None:
        return _split_sequence(entry, index)
    key = next((key for key in VALUE_KEYS if key in entry), None)
    if entry["shared"]:
        return {"vr": vr} if key is None else {"vr": vr, key: deepcopy(entry[key])}
    value = None if key is None else entry[key][index]
    if value is None:
        return None if index in entry.get("absent", ()) else {"vr": vr}
    if key == "Value" and not isinstance(value, list):
        value = [value]
    return {"vr": vr, str(key): deepcopy(value)}


def _split_sequence(entry: Mapping[str, Any], index: int) -> JsonElement | None:
    items = entry.get("Value", [])
    counts = entry.get("counts")
    count = len(items) if counts is None else counts[index]
    if count is None:
        return None
    if count < 0:
        return {"vr": entry["vr"]}
    return {"vr": entry["vr"], "Value": [split(item, index) for item in items[:count]]}


def reorder(merged: Mapping[str, Mapping[str, Any]], order: Sequence[int]) -> MergedData:
    """Return merged metadata with its slices in another order, at every level.

    Parameters
    ----------
    merged : dict
        Well-formed.
    order : sequence of int
        A permutation: slice ``order[i]`` becomes slice ``i``.
    """
    places = {old: new for new, old in enumerate(order)}
    return {tag: _reordered(entry, order, places) for tag, entry in merged.items()}


def _reordered(
    entry: Mapping[str, Any], order: Sequence[int], places: Mapping[int, int]
) -> dict[str, Any]:
    if "exact" in entry:
        return _exact_entry([entry["exact"][index] for index in order])
    result = dict(entry)
    lists = {"counts"} | (set(VALUE_KEYS) if entry["shared"] is False else set())
    for key in lists & entry.keys():
        result[key] = [entry[key][index] for index in order]
    if "absent" in entry:
        result["absent"] = sorted(places[index] for index in entry["absent"])
    if entry["shared"] is None:
        result["Value"] = [reorder(item, order) for item in entry.get("Value", [])]
    return result
