"""The limit on the size of one decoded frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.exceptions import DecodeError, DicomCubeError
from dicube_core.settings import get_limits, how_to_raise

if TYPE_CHECKING:
    from dicube_core.pixels import PixelFormat

__all__ = ["require_within_limit"]


def require_within_limit(
    pixel_format: PixelFormat, error: type[DicomCubeError] = DecodeError, place: str = ""
) -> None:
    """Refuse frames that decode to more than ``Limits.frame_bytes``.

    Parameters
    ----------
    pixel_format : PixelFormat
        Of a frame.
    error : type
        What is raised.
    place : str
        Name of the file, where the caller does not add it.

    Raises
    ------
    DicomCubeError
        Of the given type; names the limit.
    """
    limit = get_limits().frame_bytes
    if pixel_format.n_bytes > limit:
        raise error(
            f"{place}{': ' if place else ''}a frame of {pixel_format.rows}x{pixel_format.columns} "
            f"needs {pixel_format.n_bytes} bytes, the limit frame_bytes is {limit}",
            suggestion=how_to_raise("frame_bytes"),
            details={"path": place} if place else None,
        )
