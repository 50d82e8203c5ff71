"""Values of the wrong type for every place of a JSON document."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["REMOVED", "WRONG", "dumped", "places", "replaced"]

#: Takes the key out.
REMOVED = object()
_MARK = "\0raw:"
#: What no serialiser of Python's writes, as raw text.
WRONG: dict[str, Any] = {
    "removed": REMOVED,
    "null": None,
    "true": True,
    "false": False,
    "0": 0,
    "1": 1,
    "-1": -1,
    "1.5": 1.5,
    "-0.0": -0.0,
    "NaN": float("nan"),
    "Infinity": float("inf"),
    "1e400": _MARK + "1e400",
    "1e308": 1e308,
    "denormal": 1e-320,
    "2**31": 2**31,
    "2**63": 2**63,
    "2**64": 2**64,
    "10**400": 10**400,
    "5000 digits": _MARK + "1" * 5000,
    "empty text": "",
    "text": "x",
    "text of a number": "1",
    "text with a zero": "1\0",
    "long text": "x" * 100_000,
    "empty list": [],
    "list of null": [None],
    "list of one": [1],
    "list of lists": [[[]]],
    "list of objects": [{}],
    "long list": [1] * 10_000,
    "empty object": {},
    "object": {"a": 1},
}


def dumped(document: Any) -> bytes:
    """Return compact JSON, raw text as it is."""
    text = json.dumps(document, separators=(",", ":"))
    while (at := text.find('"\\u0000raw:')) >= 0:
        stop = text.index('"', at + 1)
        text = text[:at] + text[at + len('"\\u0000raw:') : stop] + text[stop + 1 :]
    return text.encode()


def places(document: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Yield the path of every key, and of the first and the last item of every list."""
    if isinstance(document, dict):
        found: list[str | int] = list(document)
    elif isinstance(document, list) and document:
        found = sorted({0, len(document) - 1})
    else:
        return
    for key in found:
        yield (*path, key)
        yield from places(document[key], (*path, key))


def replaced(document: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """Return the document with another value in one place."""
    changed = copy.deepcopy(document)
    holder = changed
    for key in path[:-1]:
        holder = holder[key]
    if value is REMOVED:
        del holder[path[-1]]
    else:
        holder[path[-1]] = value
    return changed
