"""Changes of inputs that hold edits (JSON) and the header that they are made to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.dataset.elements import EXPLICIT_LITTLE
from reliability.fuzz.mutate_dicom import changed_dataset
from reliability.fuzz.mutate_json import joined_json, mutate_json, split_json

if TYPE_CHECKING:
    from random import Random

    from reliability.fuzz.target import Plain

__all__ = ["mutate_edits"]


def mutate_edits(data: bytes, max_size: int, rng: Random, plain: Plain) -> bytes:
    """Change the edits or the header."""
    text, header = split_json(data)
    if rng.random() < 0.6:
        return joined_json(mutate_json(text, max_size, rng, plain)[:0xFFFF], header)
    return joined_json(text, changed_dataset(header, EXPLICIT_LITTLE, rng, plain))
