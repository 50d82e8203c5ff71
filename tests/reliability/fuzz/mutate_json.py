"""Changes of JSON that stay JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from dicube_core.dataset._values import VRS
from reliability.fuzz.plain import NUMBERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from reliability.fuzz.target import Plain

__all__ = ["changed_json", "joined_json", "mutate_json", "split_json"]

_TEXTS = (
    *(
        "",
        " ",
        "None",
        "NaN",
        "Infinity",
        "-Infinity",
        "1_0",
        "0x1",
        "1e400",
        "-0.0",
        "\\",
        "^^=^=",
    ),
    *("\u0000", "\ud800", "\u00e9\u3042", "1.2.840.10008.1.2", "20240131", "A" * 70, "00280010"),
    *("ISO 2022 IR 87\\ISO_IR 100", "ISO_IR 192", "=", "\r\n", "\x1b$B", "uint8", "float64"),
    *("AAA=", "AA==", "!!!!", "consistent", "htj2k", "encapsulated:1.2.840.10008.1.2.5", "RGB"),
)
_FLOATS = (0.0, -0.0, 0.5, -1.0, 1e-320, 1e308, float("inf"), float("nan"), 1e99, 3.0000000000001)
_VRS = sorted(VRS)
_TAGS = ("00080005", "00080008", "00080018", "00081140", "00100010", "00200013", "00200032",
         "00200037", "00280008", "00280010", "00280011", "00280030", "00280103", "00281053",
         "00091001", "00090010", "00281050", "7FE00010", "FFFEE000", "00020010")  # fmt: skip
_KEYS = ("Value", "InlineBinary", "BulkDataURI", "shared", "vr", "exact", "counts", "absent",
         "null", "untrusted", "slice_count", "_merged_data", "Alphabetic", "Phonetic")  # fmt: skip

_Slot = tuple[Any, Any]


def _slots(value: Any, depth: int = 0) -> Iterator[_Slot]:
    """Yield every place of a tree as (container, key)."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, child in pairs:
        yield value, key
        if isinstance(child, dict | list) and depth < 40:
            yield from _slots(child, depth + 1)


def _value(rng: Random, old: Any, root: Any) -> Any:
    kind = rng.randrange(14)
    if kind < 3:
        return rng.choice(_TEXTS)
    if kind < 5:
        return rng.choice(NUMBERS) * rng.choice((1, -1))
    if kind == 5:
        return rng.choice(_FLOATS)
    if kind == 6:
        return rng.choice((None, True, False, [], {}, [[]], [{}], [None], 10**400))
    if kind == 7:
        return [old] * rng.choice((1, 2, 3))
    if kind == 8 and isinstance(old, list) and old:
        return rng.choice((old[0], old[:-1], old[::-1], [*old, old[0]], [*old, None]))
    if kind == 9 and isinstance(old, int | float):
        return old + rng.choice((-1, 1, 0.5, 1e-6)) if abs(old) < 1e300 else 0
    if kind == 10 and isinstance(old, str):
        return old + rng.choice(_TEXTS) if rng.random() < 0.5 else old[: len(old) // 2]
    if kind == 11:
        return rng.choice(_VRS)
    container, key = rng.choice([*_slots(root)] or [([old], 0)])
    return json.loads(json.dumps(container[key]))  # a part of the tree, elsewhere


def changed_json(value: Any, rng: Random) -> Any:
    """Return a parsed JSON value with a few changes."""
    value = json.loads(json.dumps(value))
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        slots = [*_slots(value)] if isinstance(value, dict | list) else []
        if not slots:
            return rng.choice((value, {}, [], None, 5))
        container, key = rng.choice(slots)
        kind = rng.randrange(6)
        if kind == 0:
            del container[key]
        elif kind == 1 and isinstance(container, dict):
            container[rng.choice(_TAGS + _KEYS)] = container[key]
        elif kind == 2 and isinstance(container, dict):
            new = rng.choice(_TAGS) if len(str(key)) == 8 else rng.choice(_KEYS)
            container[new] = container.pop(key)
        else:
            container[key] = _value(rng, container[key], value)
    return value


def mutate_json(data: bytes, max_size: int, rng: Random, plain: Plain) -> bytes:
    """Change JSON text: mostly in its structure, else anyhow."""
    if rng.random() < 0.25:
        return plain(data, max_size)
    try:
        value = json.loads(data)
        return json.dumps(changed_json(value, rng), separators=(",", ":")).encode()
    except (ValueError, RecursionError):
        return plain(data, max_size)


def split_json(data: bytes) -> tuple[bytes, bytes]:
    """Return JSON text and what follows it, for inputs that hold both."""
    length = int.from_bytes(data[:2], "little")
    return data[2 : 2 + length], data[2 + length :]


def joined_json(text: bytes, rest: bytes) -> bytes:
    """Return an input that holds JSON text and something else."""
    return len(text).to_bytes(2, "little") + text + rest
