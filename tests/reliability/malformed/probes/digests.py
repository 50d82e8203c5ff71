"""Short digests of what a probe sees; equal ones stand for equal things."""

from __future__ import annotations

import hashlib
import json
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["digest", "digest_files", "missing"]


def digest(*values: Any) -> str:
    """Return a digest of arrays, bytes and plain values, of their types and shapes too."""
    state = hashlib.blake2b(digest_size=12)
    for value in values:
        _add(state, value)
    return state.hexdigest()


def _add(state: Any, value: Any) -> None:
    if isinstance(value, bytes | bytearray | memoryview):
        state.update(b"b%d:" % len(value))
        state.update(value)
    elif isinstance(value, np.ndarray):
        state.update(f"a{value.shape}{value.dtype.str}{value.dtype.names}".encode())
        state.update(np.ascontiguousarray(value).tobytes())
    elif isinstance(value, dict):
        text = json.dumps(value, sort_keys=True, default=repr)
        state.update(b"j" + text.encode("utf-8", "surrogatepass"))
    else:
        state.update(b"r" + repr(value).encode("utf-8", "surrogatepass"))
    state.update(b"\0")


def digest_files(folder: Path, files: Iterable[Path]) -> str:
    """Return a digest of names and contents."""
    state = hashlib.blake2b(digest_size=12)
    for file in files:
        _add(state, str(file.relative_to(folder)))
        _add(state, file.read_bytes())
    return state.hexdigest()


def missing(probe: str, *packages: str) -> tuple[str, ...]:
    """Return why a probe is left out; nothing if it is not."""
    return tuple(
        f"{probe}: {name} is not installed" for name in packages if find_spec(name) is None
    )
