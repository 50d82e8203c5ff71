"""Planes and frames as matplotlib figures. Imported by `plot` only, as matplotlib is large."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from dicube_core.exceptions import (
    DataConsistencyError,
    FrameIndexError,
    GeometryError,
    MissingDependencyError,
)
from dicube_core.preview.planes import PLANES, plane_values, planes_of
from dicube_core.preview.view import SeriesView
from dicube_core.preview.window import Window, window_of
from dicube_core.spatial.letters import direction_letters, opposite

if TYPE_CHECKING:
    import numpy.typing as npt

    from dicube_core.geometry import Geometry
    from dicube_core.image import DicomCubeImage
    from dicube_core.preview.planes import Plane
    from dicube_core.reader import Reader

__all__ = ["plot"]

#: Pixels of the longest side of a plane that a figure has room for.
_SIDE = 768
#: Inches of the side of a picture, and those for titles and scales.
_INCHES = 3.6
_DOTS = 110


@dataclass(frozen=True, slots=True)
class _Picture:
    """One picture and what is written at it."""

    values: npt.NDArray[Any]
    extent: tuple[float, float, float, float]
    title: str
    scale: tuple[str, str]  # below, beside
    letters: tuple[str, str, str, str] | None  # left, right, above, below


def plot(
    series: Reader | DicomCubeImage,
    what: int | str | Iterable[int] | Iterable[str] | None = None,
    *,
    window: tuple[float, float] | None = None,
    volume: int = 0,
    at: Sequence[int] | None = None,
    ax: Any = None,
) -> Any:
    """Draw planes or frames; see `Reader.plot`."""
    make_figure = _figure_maker()
    view = SeriesView(series)
    pictures = _pictures(view, what, volume, at)
    axes: list[Any]
    figure = None
    if ax is None:
        figure, axes = make_figure(len(pictures))
    else:
        axes = list(ax.flat if hasattr(ax, "flat") else ax) if _is_several(ax) else [ax]
    if len(axes) < len(pictures):
        raise DataConsistencyError(
            f"{len(pictures)} pictures for {len(axes)} axes",
            suggestion="name one plane or frame, or give as many axes",
        )
    shown = None if view.colour else _window(view, window, pictures)
    for picture, target in zip(pictures, axes, strict=False):
        _draw(picture, target, shown)
    return ax if figure is None else figure


def _is_several(ax: Any) -> bool:
    return isinstance(ax, Iterable) and not hasattr(ax, "imshow")


def _figure_maker() -> Any:
    """Return what makes a figure with axes, without pyplot, which would choose a backend."""
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as exc:
        raise MissingDependencyError(
            "matplotlib is needed for figures", suggestion="pip install 'dicube-plugins[plot]'"
        ) from exc

    class SeriesFigure(Figure):
        """A figure that notebooks show, though pyplot does not know it."""

        def _repr_png_(self) -> bytes:
            import io

            file = io.BytesIO()
            self.savefig(file, format="png")
            return file.getvalue()

    def make(count: int) -> tuple[Any, list[Any]]:
        columns = min(count, 3 if count <= 9 else math.ceil(math.sqrt(count)))
        rows = math.ceil(count / columns)
        size = (_INCHES * columns, _INCHES * rows)
        figure = SeriesFigure(figsize=size, dpi=_DOTS, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(rows, columns, squeeze=False).ravel().tolist()
        for unused in axes[count:]:
            unused.set_axis_off()
        return figure, axes[:count]

    return make


def _pictures(
    view: SeriesView,
    what: int | str | Iterable[int] | Iterable[str] | None,
    volume: int,
    at: Sequence[int] | None,
) -> list[_Picture]:
    if what is None:
        try:
            return _planes(view, list(PLANES), volume, at)
        except GeometryError:
            return _frames(view, [view.frame_count // 2])
    single = isinstance(what, str) or not isinstance(what, Iterable)
    chosen: list[Any] = [what] if single else [*cast("Iterable[Any]", what)]
    if not chosen:
        raise DataConsistencyError("there is nothing to draw: give planes or frame numbers")
    if all(isinstance(one, str) for one in chosen):
        return _planes(view, chosen, volume, at)
    return _frames(view, [_frame_number(view, one) for one in chosen])


def _frame_number(view: SeriesView, index: Any) -> int:
    if isinstance(index, str) or not hasattr(index, "__index__"):
        raise DataConsistencyError(
            f"{index!r} is no frame number",
            suggestion=f"give frame numbers, or names out of {', '.join(PLANES)}",
        )
    number, count = index.__index__(), view.frame_count
    if not -count <= number < count:
        raise FrameIndexError(f"{view.name}: frame {number} is out of range, there are {count}")
    return int(number % count)


def _planes(
    view: SeriesView, names: Sequence[str], volume: int, at: Sequence[int] | None
) -> list[_Picture]:
    unknown = sorted(set(names) - set(PLANES))
    if unknown:
        raise DataConsistencyError(
            f"there is no plane {unknown[0]!r}", suggestion=f"use one of {', '.join(PLANES)}"
        )
    frames, geometry = view.volume(volume)
    known = planes_of(geometry, at)
    planes = [known[name] for name in names]
    size = _SIDE / max(max(plane.extent) for plane in planes)
    values = plane_values(view, frames, planes, size)
    several = f", volume {volume}" if view.volume_count > 1 else ""
    return [
        _plane_picture(plane, geometry, pixels, several)
        for plane, pixels in zip(planes, values, strict=True)
    ]


def _plane_picture(
    plane: Plane, geometry: Geometry, values: npt.NDArray[Any], several: str
) -> _Picture:
    right = _edges(geometry, plane.right)
    down = _edges(geometry, plane.down)
    left_right = right[::-1] if plane.flip_right else right
    top_bottom = down[::-1] if plane.flip_down else down
    letters = plane.letters
    return _Picture(
        values,
        (*left_right, *top_bottom[::-1]),
        plane.title + several,
        (f"{letters[0]} - {letters[1]} (mm)", f"{letters[3]} - {letters[2]} (mm)"),
        letters,
    )


def _edges(geometry: Geometry, axis: int) -> tuple[float, float]:
    """Return where an array axis begins and ends: mm along the patient axis it is closest to.

    Of an oblique volume, mm along the array axis itself, from the same origin.
    """
    direction = geometry.axes[axis]
    main = max(range(3), key=lambda i: abs(direction[i]))
    sign = 1.0 if direction[main] >= 0 else -1.0
    origin = sign * sum(a * b for a, b in zip(geometry.origin, direction, strict=True))
    step = sign * geometry.spacing[axis]
    return origin - step / 2, origin + (geometry.shape[axis] - 0.5) * step


def _frames(view: SeriesView, numbers: Sequence[int]) -> list[_Picture]:
    spacing = view.in_plane_spacing
    down, across = spacing or (1.0, 1.0)
    unit = "pixels" if spacing is None else "mm"
    rows, columns = view.pixel_format.shape[:2]
    extent = (-across / 2, (columns - 0.5) * across, (rows - 0.5) * down, -down / 2)
    letters = None
    if view.geometry is not None:
        below, beside = (direction_letters(axis) for axis in view.geometry.axes[1:])
        letters = (opposite(beside), beside, opposite(below), below)
    return [
        _Picture(values, extent, f"frame {number}", (unit, unit), letters)
        for number, values in zip(numbers, view.many(numbers), strict=True)
    ]


def _window(
    view: SeriesView, wanted: tuple[float, float] | None, pictures: Sequence[_Picture]
) -> Window:
    import numpy as np

    return window_of(view, wanted, np.concatenate([one.values.ravel() for one in pictures]))


def _draw(picture: _Picture, ax: Any, window: Window | None) -> None:
    options: dict[str, Any] = {}
    values = picture.values
    if window is not None and window.sigmoid is not None:
        values = window.grey(values)
        options = {"cmap": "gray", "vmin": 0, "vmax": 255}
    elif window is not None:
        cmap = "gray_r" if window.inverted else "gray"
        high = max(window.high, window.low + 1e-12)
        options = {"cmap": cmap, "vmin": window.low, "vmax": high}
    ax.imshow(values, extent=picture.extent, aspect="equal", origin="upper", **options)
    ax.set_title(picture.title, fontsize="small")
    ax.set_xlabel(picture.scale[0], fontsize="small")
    ax.set_ylabel(picture.scale[1], fontsize="small")
    ax.tick_params(labelsize="x-small")
    if picture.letters is not None:
        _write_letters(ax, picture.letters)


def _write_letters(ax: Any, letters: tuple[str, str, str, str]) -> None:
    for text, (x, y), across, up in zip(
        letters,
        ((0.02, 0.5), (0.98, 0.5), (0.5, 0.98), (0.5, 0.02)),
        ("left", "right", "center", "center"),
        ("center", "center", "top", "bottom"),
        strict=True,
    ):
        ax.text(x, y, text, transform=ax.transAxes, ha=across, va=up, color="tab:orange")
