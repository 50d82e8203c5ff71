"""Numbers of JSON text that comes from a file: Python's parser makes infinities of some."""

from __future__ import annotations

from math import isfinite
from typing import Any

__all__ = ["finite_float", "no_constant"]

_SHOWN = 40


def finite_float(text: str) -> float:
    """Return the number that `text` is, for `json.JSONDecoder(parse_float=...)`.

    Raises
    ------
    ValueError
        No float holds it, as of ``1e999``, of which Python makes infinity.
    """
    value = float(text)
    if isfinite(value):
        return value
    shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    raise ValueError(f"the number {shown} is larger than any float")


def no_constant(text: str) -> Any:
    """Refuse NaN and Infinity, for `json.JSONDecoder(parse_constant=...)`.

    Raises
    ------
    ValueError
        Always.
    """
    raise ValueError(f"{text} is not a number that JSON knows")
