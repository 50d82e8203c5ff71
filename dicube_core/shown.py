"""What files and images show of themselves in notebooks and figures.

Pictures are made by `dicube_core.preview`, which knows readers and images; so it is asked for by
name here, and imported when it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["Shown"]

_PREVIEW = "dicube_core.preview"


class Shown:
    """Adds pictures to a reader or an image."""

    def plot(
        self,
        what: int | str | Iterable[int] | Iterable[str] | None = None,
        *,
        window: tuple[float, float] | None = None,
        volume: int = 0,
        at: Sequence[int] | None = None,
        ax: Any = None,
    ) -> Any:
        """Draw planes or frames with matplotlib, in mm, with the right aspect.

        Parameters
        ----------
        what : str or int, or several of them, optional
            ``'axial'``, ``'coronal'``, ``'sagittal'``, or frame numbers (0-based, negative from
            the end). By default the three planes, or the frame in the middle where the slices
            form no regular grid.
        window : (center, width), optional
            In modality values. By default the file's own, else what holds 98 % of the values.
        volume : int
            Which volume to draw planes of, where the series has several.
        at : (frame, row, column), optional
            Voxel of the volume that the planes meet in; by default that in the middle.
        ax : matplotlib Axes, or a sequence of them, optional
            Where to draw, one for each picture. By default a new figure is made; pyplot is not
            used, so no state of matplotlib is changed.

        Returns
        -------
        matplotlib Figure, or what was given as `ax`

        Raises
        ------
        GeometryError
            A plane is asked for, and the slices form no regular grid.
        MissingDependencyError
            matplotlib is not installed.
        DicomCubeError
            A frame is damaged.
        """
        figures = import_module(f"{_PREVIEW}.figures")
        return figures.plot(self, what, window=window, volume=volume, at=at, ax=ax)

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        """Return text, table and montage, made in one go (IPython asks for this one first)."""
        bundle: dict[str, Any] = import_module(_PREVIEW).mime_bundle(self)
        wanted = set(bundle) if include is None else set(include)
        return {key: bundle[key] for key in bundle if key in wanted - set(exclude or ())}

    def _repr_html_(self) -> str:
        """Return a table and a montage."""
        page: str = import_module(_PREVIEW).html_page(self)
        return page

    def _repr_png_(self) -> bytes | None:
        """Return a montage, None where there can be none."""
        picture: bytes | None = import_module(_PREVIEW).picture_bytes(self)
        return picture
