"""A consumer and a source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dicube_plugins import Consumer, hookimpl

if TYPE_CHECKING:
    from dicube_core.source import ByteSource


@hookimpl
def dicube_consumers() -> list[Consumer]:
    """Describe a library that reads DICOM; `probe.py` asks it, in a process of its own."""
    return [
        Consumer(
            name="example-reader",
            description="pydicom, as the example viewer would use it",
            command=("{python}", "-I", str(Path(__file__).with_name("probe.py"))),
            distributions=("pydicom", "numpy"),
        )
    ]


@hookimpl
def dicube_open_source(source: object) -> ByteSource | None:
    """Open ``memstore://name``; all else belongs to others."""
    if not isinstance(source, str) or not source.startswith("memstore://"):
        return None
    from dicube_example_plugin.memstore import open_entry

    return open_entry(source)
