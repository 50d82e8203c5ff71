"""Whether the frames of a file lie on a regular grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dicube_core.reader import Reader

__all__ = ["forms_grid"]


def forms_grid(reader: Reader) -> bool:
    """Tell whether the slices are evenly spaced along their normal, in order.

    Files of other writers may say so of slices that are not, so there the slices are looked at.
    """
    report = None if reader.headers is not None else reader.report()
    return (reader if report is None else report).geometry is not None
