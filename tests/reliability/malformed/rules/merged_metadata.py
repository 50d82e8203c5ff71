"""Merged metadata: every field of every kind of entry, with what it should not have."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

import zstandard

from reliability.malformed.rules._file import parts_of
from reliability.malformed.rules._json import REMOVED, WRONG, dumped, replaced
from reliability.malformed.rules._ways import changed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reliability.malformed.rules._file import Parts
    from reliability.malformed.variant import Base, Variant

    _Lies = Iterator[tuple[str, Callable[[Parts], Parts]]]

__all__ = ["variants"]

_FAMILY = "merged metadata"
_FIELDS = ("vr", "shared", "Value", "InlineBinary", "counts", "exact", "absent", "vrs")
_FEW = ("removed", "null", "true", "1", "-1", "1.5", "text", "list of one", "object", "10**400")
_LONG = ("Value", "InlineBinary", "counts", "exact")
_KEYS = ("", "8", "0008001", "000800188", "ZZZZZZZZ", "0008001g", "00080018 ", "0008\u0661018", "*")
_VRS = ("", "U", "zz", "UIX", "SQ", "OB", "US", "DS", "AT", "PN", "FD", "UN", "OW", "\0\0", "Ü!")

_DESCRIBING = (
    *("00280010", "00280011", "00280100", "00280101", "00280103", "00280002", "00280004"),
)


def _metadata(parts: Parts) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(zstandard.decompress(parts.dicom_meta))
    return document


def _with_value(path: tuple[str | int, ...], value: Any, parts: Parts) -> Parts:
    text = dumped(replaced(_metadata(parts), path, value))
    return replace(parts, dicom_meta=zstandard.compress(text))


def _nested(depth: int, parts: Parts) -> Parts:
    front = b'{"00081140":{"vr":"SQ","shared":null,"Value":[' * depth
    text = b'{"_merged_data":' + front + b"{}" + b"]}}" * depth + b',"slice_count":3}'
    return replace(parts, dicom_meta=zstandard.compress(text))


def _many_entries(count: int, parts: Parts) -> Parts:
    merged = {
        f"{0x00110000 + i:08X}": {"vr": "LO", "shared": True, "Value": []} for i in range(count)
    }
    text = dumped({"_merged_data": merged, "slice_count": 3})
    return replace(parts, dicom_meta=zstandard.compress(text))


def _renamed(tag: str, new: str, parts: Parts) -> Parts:
    document = _metadata(parts)
    merged = document["_merged_data"]
    document["_merged_data"] = {new if key == tag else key: v for key, v in merged.items()}
    return replace(parts, dicom_meta=zstandard.compress(dumped(document)))


def _representatives(merged: dict[str, Any]) -> dict[str, str]:
    """Return one tag for every kind of entry."""
    found: dict[str, str] = {}
    for tag, entry in merged.items():
        kind = f"{entry['vr']} {'shared' if entry['shared'] else entry['shared']}"
        kind += " binary" if "InlineBinary" in entry else ""
        kind += " with counts" if "counts" in entry else ""
        found.setdefault(kind, tag)
    return {tag: kind for kind, tag in found.items()}


def _per_slice(entry: dict[str, Any]) -> dict[str, Any]:
    """Return lists of other lengths, and holes, for values that differ between slices."""
    values = entry.get("Value")
    if not isinstance(values, list) or entry["shared"] is not False:
        return {}
    return {
        "one short": values[:-1],
        "one long": [*values, values[-1]],
        "holes": [None] * len(values),
        "objects": [{}] * len(values),
        "lists in lists": [[[1]]] * len(values),
        "huge numbers": [10**400] * len(values),
        "Infinity": [float("inf")] * len(values),
        "mixed": [1, "x", None, [], {}][: len(values)],
    }


def _of_entry(tag: str, kind: str, entry: dict[str, Any]) -> _Lies:
    """Yield lies about one entry."""
    at = ("_merged_data", tag)
    for what, value in WRONG.items():
        if what in _FEW:
            yield f"{kind} is {what}", partial(_with_value, at, value)
        for field in _FIELDS:
            # A field that is not there is tried with few, the others with all.
            if field not in entry and (what not in _FEW or value is REMOVED):
                continue
            if field in entry and field not in _LONG and what not in _FEW:
                continue
            yield f"{kind}: {field} is {what}", partial(_with_value, (*at, field), value)
        if entry.get("Value") and value is not REMOVED:
            yield f"{kind}: its first is {what}", partial(_with_value, (*at, "Value", 0), value)
    for vr in _VRS:
        yield f"{kind}: vr is {vr!r}", partial(_with_value, (*at, "vr"), vr)
    for what, values in _per_slice(entry).items():
        yield f"{kind}: {what}", partial(_with_value, (*at, "Value"), values)
    for binary in ("!!!", "A", "AAA=AAA=", "Ä", "A" * 100_001):
        name = f"{kind}: InlineBinary is {binary[:8]!r}"
        yield name, partial(_with_value, (*at, "InlineBinary"), binary)


def _of_document(merged: dict[str, Any]) -> _Lies:
    """Yield lies about the whole, and about elements that describe the frames."""
    for key in ("_merged_data", "slice_count"):
        for what, value in WRONG.items():
            yield f"{key} is {what}", partial(_with_value, (key,), value)
    for count in (2, 4, -3, 3.0, 1 << 20, (1 << 20) + 1, 10**12):
        yield f"slice_count is {count}", partial(_with_value, ("slice_count",), count)
    for key in _KEYS:
        yield f"a tag is {key!r}", partial(_renamed, "00080018", key)
    for tag in _DESCRIBING:
        for value in (0, 1, 10, 99, 2**31, "x") if tag in merged else ():
            path = ("_merged_data", tag, "Value")
            yield f"{tag} is {value!r}", partial(_with_value, path, [value])
    for depth in (50, 199, 201, 1000, 5000, 50_000):
        yield f"sequences {depth} deep", partial(_nested, depth)
    for number in (0, 16_384):
        yield f"{number} entries", partial(_many_entries, number)


def variants(base: Base) -> Iterator[Variant]:
    """Yield files whose metadata says what it may not."""
    parts = parts_of(base)
    if not parts.dicom_meta:
        return
    # Frames, headers and place of our files are not taken from it; slices of old files are.
    free = frozenset(("metadata", "facts"))
    if not base.checksums:
        free |= {"slices", "headers"}
    merged = _metadata(parts)["_merged_data"]
    rules = [_of_document(merged)]
    rules += [_of_entry(tag, k, merged[tag]) for tag, k in _representatives(merged).items()]
    for number, (name, change) in enumerate(chain.from_iterable(rules)):
        yield from changed(base, _FAMILY, name, change, may_differ=free, damaged=number % 50 == 0)
