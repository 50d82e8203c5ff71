"""``dcbs info``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dicube_core.cli.progress import size_text

if TYPE_CHECKING:
    from dicube_core.reader import Reader

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
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def info(file: Path, *, as_json: bool) -> None:
    """Say what is in FILE: frames, geometry, findings, patient and series. No frame is decoded."""
    from dicube_core.reader import Reader

    with Reader(file) as reader:
        facts = describe(reader)
    if as_json:
        click.echo(json.dumps(facts, indent=2))
    else:
        _print_table(facts)


def describe(reader: Reader) -> dict[str, Any]:
    """Return the facts of an open file as plain values."""
    pixel_format = reader.pixel_format
    frames, rows, columns = reader.shape
    geometry, report, meta = reader.geometry, reader.report(), reader.dicom_meta
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
        "geometry": None
        if geometry is None
        else {
            "origin_lps_mm": list(geometry.origin),
            "spacing_mm": list(geometry.spacing),
            "direction_lps": [list(map(float, axis)) for axis in geometry.axes],
            "affine_lps": geometry.affine.tolist(),
        },
        "status": reader.dicom_status.value,
        "findings": []
        if report is None
        else [
            {"kind": f.kind.value, "message": f.message, "slices": list(f.slices)}
            for f in report.findings
        ],
        "original_headers": reader.headers is not None,
        "uncertain": sorted(meta.untrusted) if meta is not None else [],
        "checksums": reader.validated,
        "writer": reader.writer,
    }


def _text(value: Any) -> str:
    """Return a metadata value as text."""
    if isinstance(value, list):
        return "\\".join(_text(item) for item in value)
    if isinstance(value, dict):
        return str(value.get("Alphabetic", ""))
    return "" if value is None else str(value)


def _print_table(facts: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(show_header=False, box=None, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in _rows(facts):
        table.add_row(name, Text(value))  # Text: what a file says is never markup
    console = Console(width=None if Console().is_terminal else 120)
    console.print(table)
    _print_findings(console, facts)


def _rows(facts: dict[str, Any]) -> list[tuple[str, str]]:
    geometry = facts["geometry"]
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
    rows += [(k.replace("_", " "), v) for k, v in facts["series"].items() if v]
    if geometry is None:
        rows.append(("geometry", "the slices form no regular grid, so there is no affine"))
    else:
        spacing = " x ".join(f"{s:g}" for s in geometry["spacing_mm"])
        origin = ", ".join(f"{o:g}" for o in geometry["origin_lps_mm"])
        rows.append(("spacing", f"{spacing} mm (frames x rows x columns)"))
        rows.append(("origin", f"{origin} mm (LPS)"))
    rows.append(("status", facts["status"]))
    rows.append(("headers", "original, byte for byte" if facts["original_headers"] else "merged"))
    if facts["uncertain"]:
        text = ", ".join(facts["uncertain"])
        rows.append(("uncertain", f"values that may stand at other slices: {text}"))
    checked = "yes" if facts["checksums"] else "none: damage inside a frame cannot be noticed"
    rows.append(("checksums", checked))
    rows.append(("written by", facts["writer"] or "another program"))
    return rows


def _print_findings(console: Any, facts: dict[str, Any]) -> None:
    if not facts["findings"]:
        return
    console.print("\n[bold]findings[/bold] (slices are counted from 0)")
    for finding in facts["findings"]:
        console.print(f"- {finding['message']}", markup=False, highlight=False)
