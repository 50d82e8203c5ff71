"""The inputs that are kept: one file per target, an input per line in base64."""

from __future__ import annotations

from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["FOLDER", "keep", "kept_inputs", "spread"]

FOLDER = Path(__file__).parent / "corpus"


def kept_inputs(name: str) -> list[bytes]:
    """Return the kept inputs of a target."""
    path = FOLDER / f"{name}.txt"
    return [b64decode(line) for line in path.read_text().split()] if path.exists() else []


def keep(name: str, inputs: Iterable[bytes], budget: int) -> int:
    """Store the smallest inputs, of `budget` bytes together at most; return how many."""
    chosen, total = [], 0
    for data in sorted(set(inputs), key=lambda data: (len(data), data)):
        total += len(data)
        if total > budget:
            break
        chosen.append(b64encode(data).decode("ascii"))
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{name}.txt").write_text("".join(f"{line}\n" for line in chosen if line))
    return len(chosen)


def spread(inputs: Iterable[bytes], folder: Path) -> list[Path]:
    """Write inputs as files, as the fuzzing engine wants them; return these, in order."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for data in inputs:
        paths.append(folder / sha256(data).hexdigest()[:20])
        paths[-1].write_bytes(data)
    return list(dict.fromkeys(paths))
