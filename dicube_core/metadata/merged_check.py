"""Checks of merged metadata that comes from a file.

Everything in it is hostile until checked: after `check_merged` no other code needs to look at
types or lengths.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, NoReturn, TypeGuard

from dicube_core.exceptions import MetaDataError
from dicube_core.metadata._merged_model import VALUE_KEYS, MergedData, exact_projection
from dicube_core.settings import get_limits, how_to_raise

__all__ = ["check_merged", "check_slice_count", "count_slices"]

_TAG = re.compile(r"[0-9A-F]{8}")
_VR = re.compile(r"[A-Z]{2}")
_SCALARS = (str, int, float)
#: Lists of nothing else, which is nearly all there are, are passed in one go.
_PLAIN = frozenset((str, int, float, type(None)))
_TEXTS = frozenset((str, type(None)))


def _kind(value: object) -> str:
    """Return the type of a JSON value, in JSON's word where Python's is an internal one."""
    return "null" if value is None else type(value).__name__


def _bad(path: str, problem: str) -> NoReturn:
    raise MetaDataError(f"metadata entry {path}: {problem}", suggestion="the file is damaged")


def _too_deep(path: str, what: str) -> NoReturn:
    raise MetaDataError(
        f"metadata entry {path}: {what} deeper than the limit json_depth, "
        f"{get_limits().json_depth}",
        suggestion=how_to_raise("json_depth"),
    )


def count_slices(merged: object, *, depth: int = 0) -> int | None:
    """Return the number of slices that the lists tell, None where everything is shared."""
    if not isinstance(merged, Mapping) or depth > get_limits().json_depth:
        return None
    for entry in merged.values():
        if not isinstance(entry, Mapping):
            continue
        is_varying = entry.get("shared") is False
        for key in ("exact", "counts", *(VALUE_KEYS if is_varying else ())):
            if isinstance(entry.get(key), list):
                return len(entry[key])
        items = entry.get("Value") if entry.get("shared") is None else None
        for item in items if isinstance(items, list) else ():
            found = count_slices(item, depth=depth + 1)
            if found is not None:
                return found
    return None


def check_slice_count(count: object) -> int:
    """Return `count` if it is a possible number of slices.

    Raises
    ------
    MetaDataError
        It is not.
    """
    limit = get_limits().frame_count
    if type(count) is not int or not 0 <= count <= limit:
        raise MetaDataError(
            f"slice count {count!r} is not in 0 to {limit}, the limit frame_count",
            suggestion=how_to_raise("frame_count"),
        )
    return count


def check_merged(merged: object, slice_count: int, *, path: str = "", depth: int = 0) -> MergedData:
    """Return a well-formed copy of merged metadata (see `_merged_model`).

    Parameters
    ----------
    merged : object
        Parsed JSON.
    slice_count : int
        Length of every per-slice list.
    path : str, optional
        Tags around, for messages.
    depth : int, optional
        Nesting depth, bounded by ``Limits.json_depth``.

    Returns
    -------
    dict
        Sorted by tag. Optional keys that contradict the lists they refine (left behind by a
        program that did not know them) are dropped.

    Raises
    ------
    MetaDataError
        Something has the wrong type, length or nesting; the message names the tag.
    """
    if not isinstance(merged, Mapping):
        _bad(path or "(top)", f"a mapping is expected, found {_kind(merged)}")
    if depth > get_limits().json_depth:
        _too_deep(path, "sequences are nested")
    check_slice_count(slice_count)
    checked = {}
    for tag in sorted(merged, key=str):
        where = f"{path}.{tag}" if path else str(tag)
        if not isinstance(tag, str) or not _TAG.fullmatch(tag):
            _bad(where, "the key is not a tag of eight upper-case hexadecimal digits")
        checked[tag] = _check_entry(merged[tag], slice_count, where, depth)
    return checked


def _check_entry(entry: object, count: int, path: str, depth: int) -> dict[str, Any]:
    if _is_usual(entry):
        return entry.copy()
    if not isinstance(entry, Mapping):
        _bad(path, f"a mapping is expected, found {_kind(entry)}")
    vr, shared = entry.get("vr"), entry.get("shared")
    if not isinstance(vr, str) or not _VR.fullmatch(vr):
        _bad(path, f"vr is {vr!r}")
    if shared not in (True, False, None) or type(shared) is int or type(shared) is float:
        _bad(path, f"shared is {shared!r}")
    if shared is None:
        return _check_sequence(entry, count, path, depth)
    keys = [key for key in VALUE_KEYS if key in entry]
    if vr == "SQ" and any(map(_says_something, map(entry.get, keys))):
        _bad(path, "it is a sequence, and has values in place of items")
    if len(keys) > 1 or (not keys and not shared):
        _bad(path, f"one of {', '.join(VALUE_KEYS)} is expected, found {keys or 'none'}")
    if shared:
        return {"vr": vr, "shared": True, **{k: _check_value(k, entry[k], path) for k in keys}}
    plain: dict[str, Any] = {"vr": vr, "shared": False}
    plain[keys[0]] = _check_values(keys[0], entry[keys[0]], count, path)
    if "exact" in entry:
        return _check_exact(plain, entry["exact"], count, path, depth)
    return {**plain, **_check_extras(entry, plain[keys[0]], path)}


def _is_usual(entry: object) -> TypeGuard[dict[str, Any]]:
    """Tell the form of nearly all entries, values that all slices share, at a glance."""
    if type(entry) is not dict or len(entry) != 3 or entry.get("shared") is not True:
        return False
    vr, value = entry.get("vr"), entry.get("Value")
    return (
        type(vr) is str
        and vr != "SQ"
        and type(value) is list
        and _VR.fullmatch(vr) is not None
        and set(map(type, value)) <= _PLAIN
    )


def _says_something(value: object) -> bool:
    """Tell an empty sequence, which dicube 0.3.0 lets programs set so, from one with values."""
    return any(part is not None for part in value) if isinstance(value, list) else bool(value)


def _check_values(key: str, values: object, count: int, path: str) -> list[Any]:
    """Check values per slice."""
    values = _check_list(values, count, path, key)
    types = set(map(type, values))
    if types <= (_PLAIN if key == "Value" else _TEXTS):
        return values
    if types == {list} and key == "Value" and set(map(type, chain(*values))) <= _PLAIN:
        return values
    for index, value in enumerate(values):
        if key == "Value" and isinstance(value, list):
            _check_value(key, value, f"{path} of slice {index}")
        elif value is not None and not (
            _is_scalar(value) if key == "Value" else type(value) is str
        ):
            _bad(path, f"slice {index} has a value of type {_kind(value)}")
    return values


def _check_extras(entry: Mapping[str, Any], values: list[Any], path: str) -> dict[str, Any]:
    """Check the optional keys of an entry with values per slice."""
    extras: dict[str, Any] = {"untrusted": True} if entry.get("untrusted") is True else {}
    absent = entry.get("absent", [])
    count = len(values)
    if not isinstance(absent, list) or not all(type(i) is int and 0 <= i < count for i in absent):
        _bad(path, f"absent is not a list of slices 0..{count - 1}")
    # A value put there later, by a program that knows nothing of `absent`, wins.
    absent = [index for index in absent if values[index] is None]
    return {**extras, "absent": absent} if absent else extras


def _check_list(value: object, count: int, path: str, key: str) -> list[Any]:
    if not isinstance(value, list):
        _bad(f"{path} {key}", f"a list is expected, found {_kind(value)}")
    if len(value) != count:
        _bad(f"{path} {key}", f"{len(value)} values for {count} slices")
    return value


def _check_value(key: str, value: object, path: str) -> object:
    if key != "Value":
        if type(value) is not str:
            _bad(path, f"{key} is {_kind(value)}, not text")
        return value
    if not isinstance(value, list):
        _bad(path, f"Value is {_kind(value)}, not a list")
    if set(map(type, value)) <= _PLAIN:
        return value
    for item in value:
        if item is not None and not _is_scalar(item):
            _bad(path, f"a value of type {_kind(item)}")
    return value


def _is_scalar(value: object) -> bool:
    if isinstance(value, dict):  # a person name
        return all(type(key) is str and type(part) is str for key, part in value.items())
    return type(value) in _SCALARS


def _check_exact(
    plain: dict[str, Any], exact: object, count: int, path: str, depth: int
) -> dict[str, Any]:
    cells = _check_list(exact, count, path, "exact")
    for cell in cells:
        if cell is not None and not isinstance(cell, dict):
            _bad(path, f"an exact element is {_kind(cell)}")
        items = cell.get("Value") if cell is not None and cell.get("vr") == "SQ" else None
        if items is not None and not (isinstance(items, list) and all(map(_is_item, items))):
            _bad(path, "an exact element is a sequence, and has values in place of items")
        _check_plain_json(cell, path, depth)
    if exact_projection(cells) != plain:
        return plain  # edited by a program that does not know `exact`
    return {**plain, "exact": cells}


def _is_item(value: object) -> bool:
    return value is None or isinstance(value, dict)


def _check_plain_json(value: object, path: str, depth: int) -> None:
    """Check that an element of the plain JSON model is not nested too deeply."""
    if depth > get_limits().json_depth:
        _too_deep(path, "it is nested")
    if isinstance(value, Mapping):
        children: Sequence[object] = list(value.values())
    elif isinstance(value, list):
        children = value
    else:
        return
    for child in children:
        _check_plain_json(child, path, depth + 1)


def _check_sequence(entry: Mapping[str, Any], count: int, path: str, depth: int) -> dict[str, Any]:
    items = entry.get("Value", [])
    if entry["vr"] != "SQ" or not isinstance(items, list):
        _bad(path, "shared is null, but it is not a sequence with a list of items")
    checked: dict[str, Any] = {
        "vr": "SQ",
        "shared": None,
        "Value": [check_merged(item, count, path=path, depth=depth + 1) for item in items],
    }
    if "counts" in entry:
        counts = _check_list(entry["counts"], count, path, "counts")
        for value in counts:
            if value is not None and (type(value) is not int or not -1 <= value <= len(items)):
                _bad(path, f"{value!r} items of {len(items)}")
        checked["counts"] = counts
    return checked
