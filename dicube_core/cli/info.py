"""``dcbs info``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from dicube_core.cli.console import put
from dicube_core.cli.file_or_url import FILE_OR_URL
from dicube_core.cli.progress import size_text
from dicube_core.codec.registry import ENCAPSULATED
from dicube_core.spatial.axes import listed_values

if TYPE_CHECKING:
    from pathlib import Path

    from dicube_core.geometry import Geometry
    from dicube_core.reader import Reader
    from dicube_core.spatial.dimensions import Dimensions
    from dicube_core.spatial.findings import GeometryReport

__all__ = ["describe", "info"]

_FACTS = {
    "patient_name": "PatientName",
    "patient_id": "PatientID",
    "modality": "Modality",
    "study_date": "StudyDate",
    "study_description": "StudyDescription",
    "series_description": "SeriesDescription",
    "series_instance_uid": "SeriesInstanceUID",
    "manufacturer": "Manufacturer",
}


@click.command()
@click.argument("file", type=FILE_OR_URL)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info(file: Path | str, *, as_json: bool) -> None:
    """Say what is in FILE: frames, geometry, findings, patient and series. No frame is decoded."""
    from dicube_core.reader import Reader

    with Reader(file) as reader:
        facts = describe(reader)
    if as_json:
        put(json.dumps(facts, indent=2))
    else:
        _print_table(facts)


def describe(reader: Reader) -> dict[str, Any]:
    """Return the facts of an open file as plain values."""
    pixel_format = reader.pixel_format
    frames, rows, columns = reader.shape[:3]
    report, meta = reader.report(), reader.dicom_meta
    file_size = reader.container.file_size
    raw = frames * pixel_format.n_bytes
    series = {}
    for name, keyword in _FACTS.items():
        values = [] if meta is None else meta.get_values(keyword)
        series[name] = _text(values[0]) if values else ""
    return {
        "file": reader.name,
        "file_bytes": file_size,
        "frames": frames,
        "rows": rows,
        "columns": columns,
        "dtype": pixel_format.dtype_name,
        "bits_stored": pixel_format.bits_stored,
        "photometric_interpretation": pixel_format.photometric_interpretation,
        "rescale_slope": reader.pixel_header.RescaleSlope,
        "rescale_intercept": reader.pixel_header.RescaleIntercept,
        "pixel_bytes": raw,
        "ratio": round(raw / file_size, 3),
        "series": series,
        "geometry": _geometry(reader.geometry),
        "dimensions": None if report is None else _dimensions(report.dimensions),
        "tilt": _tilt(report),
        "status": reader.dicom_status.value,
        "findings": []
        if report is None
        else [
            {
                "kind": f.kind.value,
                "message": f.message,
                "slices": list(f.slices),
                "missing_positions_lps_mm": [list(position) for position in f.positions],
            }
            for f in report.findings
        ],
        "source_instances": _source_instances(reader),
        "kept_encoding": _kept_encoding(reader),
        "original_headers": reader.headers is not None and not _rebuilt(reader),
        "uncertain": sorted(meta.untrusted) if meta is not None else [],
        "repaired": None if reader.repaired is None else reader.repaired.to_dict(),
        "repair_summary": "" if reader.repaired is None else reader.repaired.summary(),
        "checksums": reader.validated,
        "writer": reader.writer,
    }


def _rebuilt(reader: Reader) -> bool:
    """Whether a repair made the headers of the merged metadata."""
    return reader.repaired is not None and reader.repaired.headers == "rebuilt"


def _headers_text(facts: dict[str, Any]) -> str:
    if facts["original_headers"]:
        return "original, byte for byte"
    if facts["repaired"] and facts["repaired"]["headers"] == "rebuilt":
        return "rebuilt from the merged metadata when the file was repaired"
    return "merged"


def _source_instances(reader: Reader) -> dict[str, int] | None:
    """Return how many source instances there are, None for a file that has no headers of them."""
    headers, frame_map = reader.instance_headers, reader.frame_map
    if headers is None:
        return None
    counts = [1]
    if frame_map is not None:
        counts = [len(frame_map.frames_of(i)) for i in range(frame_map.n_instances)]
    return {
        "count": len(headers),
        "fewest_frames": min(counts),
        "most_frames": max(counts),
    }


def _kept_encoding(reader: Reader) -> dict[str, str] | None:
    """Return the transfer syntax of frames that are kept as their source compressed them."""
    if not reader.codec_name.startswith(ENCAPSULATED):
        return None
    from pydicom.uid import UID

    syntax = reader.codec_name.removeprefix(ENCAPSULATED).partition(":")[0]
    return {"transfer_syntax_uid": syntax, "name": UID(syntax).name}


def _geometry(geometry: Geometry | None) -> dict[str, Any] | None:
    if geometry is None:
        return None
    return {
        "origin_lps_mm": list(geometry.origin),
        "spacing_mm": list(geometry.spacing),
        "direction_lps": [list(map(float, axis)) for axis in geometry.axes],
        "affine_lps": geometry.affine.tolist(),
    }


def _dimensions(dimensions: Dimensions | None) -> dict[str, Any] | None:
    """Return the volumes of a series as plain values."""
    if dimensions is None:
        return None
    return {
        "text": str(dimensions),
        "regular": dimensions.is_regular,
        "contiguous": dimensions.is_contiguous,
        "shape": list(dimensions.shape),
        "axes": [
            {
                "name": axis.name,
                "keyword": axis.keyword,
                "unit": axis.unit,
                "values": list(axis.values),
                "varies_within_volume": axis.varies,
                "also": [
                    {"keyword": own.keyword, "unit": own.unit, "values": list(own.values)}
                    for own in axis.also
                ],
            }
            for axis in dimensions.axes
        ],
        "frames": list(dimensions.frames),
        "reason": dimensions.reason,
        "geometry": _geometry(dimensions.geometry),
        "geometries": [_geometry(own) for own in dimensions.geometries],
    }


def _tilt(report: GeometryReport | None) -> dict[str, Any] | None:
    """Return a gantry tilt, where it is all that withholds the geometry."""
    if report is None:
        return None
    volumes = report.dimensions
    sheared = report.sheared if volumes is None else volumes.sheared
    if sheared is None:
        return None
    return {
        "degrees": sheared.tilt_degrees,
        "slice_distance_mm": sheared.slice_distance,
        "sheared_affine_lps": sheared.affine.tolist(),
    }


def _text(value: Any) -> str:
    """Return a metadata value as text."""
    if isinstance(value, list):
        return "\\".join(_text(item) for item in value)
    if isinstance(value, dict):
        return str(value.get("Alphabetic", ""))
    return "" if value is None else str(value)


def _print_table(facts: dict[str, Any]) -> None:
    from rich.table import Table
    from rich.text import Text

    from dicube_core.cli.console import table_console

    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _rows(facts):
        table.add_row(name, Text(value))  # Text: what a file says is never markup
    console = table_console()
    console.print(table)
    _print_findings(console, facts)


def _rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    slope, intercept = facts["rescale_slope"], facts["rescale_intercept"]
    per_slice = isinstance(slope, list) or isinstance(intercept, list)
    rescale = "its own for each slice" if per_slice else f"{slope:g} x stored {intercept:+g}"
    rows = [
        ("file", f"{facts['file']}, {size_text(facts['file_bytes'])} ({facts['ratio']:.2f}:1)"),
        (
            "frames",
            f"{facts['frames']} of {facts['rows']}x{facts['columns']}, {facts['dtype']}, "
            f"{facts['bits_stored']} bits stored, {facts['photometric_interpretation']}",
        ),
        ("rescale", rescale),
    ]
    rows += _source_rows(facts)
    rows += [(k.replace("_", " "), v) for k, v in facts["series"].items() if v]
    rows += _volume_rows(facts["dimensions"])
    rows += _space_rows(facts)
    rows.append(("status", facts["status"]))
    rows.append(("headers", _headers_text(facts)))
    if facts["uncertain"]:
        text = ", ".join(facts["uncertain"])
        rows.append(("uncertain", f"values that may stand at other slices: {text}"))
    checked = "yes" if facts["checksums"] else "none: damage inside a frame cannot be noticed"
    if facts["repair_summary"]:
        rows.append(("repaired", facts["repair_summary"]))
    rows.append(("checksums", checked))
    rows.append(("written by", facts["writer"] or "another program"))
    return rows


def _source_rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Return where frames come from, where that is not one frame each, encoded anew."""
    rows = []
    source, kept = facts["source_instances"], facts["kept_encoding"]
    if source and source["most_frames"] > 1:
        fewest, most = source["fewest_frames"], source["most_frames"]
        each = f"{most} frames" if fewest == most else f"{fewest} to {most} frames each"
        plural = "s" if source["count"] > 1 else ""
        each += " each" if plural and fewest == most else ""
        rows.append(("source", f"{source['count']} DICOM instance{plural} of {each}"))
    if kept:
        text = f"kept as the source compressed them: {kept['name']} ({kept['transfer_syntax_uid']})"
        rows.append(("encoding", text))
    return rows


def _volume_rows(dimensions: dict[str, Any] | None) -> list[tuple[str, str]]:
    """Return what volumes there are, and what each axis of them goes along."""
    if dimensions is None:
        return []
    rows = [("volumes", dimensions["text"])]
    for axis in dimensions["axes"]:
        along = [
            f"{own['keyword']} {listed_values(own['values'], own['unit'])}" for own in axis["also"]
        ]
        if along:
            rows.append((axis["name"].replace("_", " "), "; ".join(along)))
    return rows


def _space_rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    """Return where the slices lie: those of the series, or of each of its volumes."""
    volumes, tilt = facts["dimensions"], facts["tilt"]
    each = "" if volumes is None else " of each volume"
    geometry = facts["geometry"] or (volumes and volumes["geometry"])
    if geometry:
        spacing = " x ".join(f"{s:g}" for s in geometry["spacing_mm"])
        origin = ", ".join(f"{o:g}" for o in geometry["origin_lps_mm"])
        return [
            ("spacing", f"{spacing} mm (frames x rows x columns){each}"),
            ("origin", f"{origin} mm (LPS){each}"),
        ]
    if tilt:
        text = (
            f"a regular grid{each}, but for a gantry tilt of {tilt['degrees']:.4g} degrees: no "
            f"affine; Reader.sheared_affine() gives the one that includes the shear (--json)"
        )
    elif volumes and volumes["geometries"] and None not in volumes["geometries"]:
        text = "each stack has its own: Reader.dimensions.geometry_of(stack=...)"
    elif volumes and volumes["regular"]:
        text = "the slices of a volume form no regular grid in space, so there is no affine"
    else:
        text = "the slices form no regular grid, so there is no affine"
    return [("geometry", text)]


def _print_findings(console: Any, facts: dict[str, Any]) -> None:
    if not facts["findings"]:
        return
    console.print("\n[bold]findings[/bold] (slices are counted from 0)")
    for finding in facts["findings"]:
        console.print(f"- {finding['message']}", markup=False, highlight=False)
