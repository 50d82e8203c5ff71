"""Have errors say where they arose."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from dicube_core.exceptions import DicomCubeError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["errors_name"]


@contextmanager
def errors_name(place: str) -> Iterator[None]:
    """Have every error of this package that leaves the block name a place.

    Parameters
    ----------
    place : str
        Such as the name of a file; see `DicomCubeError.add_place`.
    """
    try:
        yield
    except DicomCubeError as exc:
        exc.add_place(place)
        raise
