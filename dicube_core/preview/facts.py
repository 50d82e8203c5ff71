"""What a person wants to know of a series at a glance, as words. None of it identifies a patient.

What a file says is text of anybody: who shows it, escapes it.
"""

from __future__ import annotations

import os
from functools import partial
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import DicomCubeError
from dicube_core.spatial.letters import closest_axes, direction_letters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dicube_core.geometry import Geometry
    from dicube_core.preview.view import SeriesView

__all__ = ["IDENTITY", "facts_of", "findings_of", "without_folder"]

#: Whose images they are, and when they were made: shown only when asked for.
IDENTITY = {"patient": "PatientName", "patient ID": "PatientID", "study date": "StudyDate"}
_SERIES = {
    "modality": "Modality",
    "body part": "BodyPartExamined",
    "series": "SeriesDescription",
    "manufacturer": "Manufacturer",
}
_MOST_CHARACTERS = 120
_MOST_FINDINGS = 8
#: Findings are looked for at each slice; beyond this number that takes longer than the picture.
_MOST_SLICES = 4000


def facts_of(view: SeriesView, *, identity: bool = False) -> Iterator[tuple[str, str]]:
    """Yield names and words. What cannot be told because of damage says so in its place."""
    series = view.series
    yield "file" if view.name != "image" else "kind", os.path.basename(view.name)  # noqa: PTH119 - may be an address
    for name, tell in (
        ("frames", _frames),
        ("class", _storage_class),
        ("volumes", _volumes),
        ("grid", _grid),
        ("orientation", _orientation),
        ("window", _window),
    ):
        words = _told(tell, view)
        if words:
            yield name, words
    chosen = {**IDENTITY, **_SERIES} if identity else _SERIES
    for name, keyword in chosen.items():
        words = _told(partial(_value, keyword=keyword), view)
        if words:
            yield name, words
    yield "status", _told(lambda view: str(view.series.dicom_status.value), view)
    if hasattr(series, "validated"):
        yield "checksums", "yes" if series.validated else "none: damage may go unnoticed"


def findings_of(view: SeriesView) -> list[str]:
    """Return the findings as sentences, the first of many."""
    if view.frame_count > _MOST_SLICES:
        return [f"not looked for at {view.frame_count} slices: see report()"]
    try:
        report = view.report
    except (DicomCubeError, OSError, ValueError) as exc:
        return [_short(without_folder(view, str(exc)))]
    if report is None:
        return []
    messages = [_short(finding.message) for finding in report.findings]
    more = len(messages) - _MOST_FINDINGS
    return messages[:_MOST_FINDINGS] + ([f"and {more} more: see report()"] if more > 0 else [])


def _told(tell: Callable[[SeriesView], str], view: SeriesView) -> str:
    try:
        return _short(tell(view))
    except (DicomCubeError, OSError, ValueError) as exc:
        return _short(f"cannot be told: {without_folder(view, str(exc))}")


def without_folder(view: SeriesView, text: str) -> str:
    """Return a text on a file without the folder that it lies in, which may name a patient."""
    name, base = view.name, os.path.basename(view.name)  # noqa: PTH119 - may be an address
    # As it is, and as errors of the system quote it.
    return text.replace(name, base).replace(repr(name)[1:-1], repr(base)[1:-1])


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _MOST_CHARACTERS else text[: _MOST_CHARACTERS - 1] + "…"


def _frames(view: SeriesView) -> str:
    fmt = view.pixel_format
    return (
        f"{view.frame_count} of {fmt.rows}x{fmt.columns}, {fmt.dtype_name}, "
        f"{fmt.bits_stored} bits stored, {fmt.photometric_interpretation}"
    )


def _storage_class(view: SeriesView) -> str:
    uid = _value(view, "SOPClassUID")
    if not uid:
        return ""
    from pydicom import config
    from pydicom.uid import UID

    return str(UID(uid, config.IGNORE).name)


def _volumes(view: SeriesView) -> str:
    return "" if view.dimensions is None else str(view.dimensions)


def _volume_geometry(view: SeriesView) -> Geometry | None:
    dimensions = view.dimensions
    return view.geometry if dimensions is None else dimensions.geometry


def _grid(view: SeriesView) -> str:
    geometry = _volume_geometry(view)
    if geometry is None:
        return "the slices form no regular grid, so there is no affine"
    spacing = " x ".join(f"{one:.4g}" for one in geometry.spacing)
    extent = " x ".join(
        f"{n * one:.4g}" for n, one in zip(geometry.shape, geometry.spacing, strict=True)
    )
    return f"{spacing} mm (frames x rows x columns), in all {extent} mm"


def _orientation(view: SeriesView) -> str:
    geometry = _volume_geometry(view)
    if geometry is None:
        return ""
    frames, rows, columns = (direction_letters(axis) for axis in geometry.axes)
    degrees = max(axis.degrees for axis in closest_axes(geometry))
    askew = f"; oblique, {degrees:.1f}°" if degrees >= 0.5 else ""
    return f"frames towards {frames}, rows towards {rows}, columns towards {columns}{askew}"


def _window(view: SeriesView) -> str:
    header = view.series.pixel_header
    if header.WindowCenter is None or header.WindowWidth is None:
        return ""
    return f"center {header.WindowCenter:g}, width {header.WindowWidth:g}"


def _value(view: SeriesView, keyword: str) -> str:
    if view.meta is None:
        return ""
    values: list[Any] = view.meta.get_values(keyword)
    return _text(values[0]) if values else ""


def _text(value: Any) -> str:
    if isinstance(value, list):
        return "\\".join(_text(item) for item in value)
    if isinstance(value, dict):
        return str(value.get("Alphabetic", ""))
    return "" if value is None else str(value)
