"""Findings of a series that was already converted, from its merged metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.dicom.findings import GeometryReport, assess
from dicube_core.dicom.planes import SLICE_FIELDS, SliceAttributes

if TYPE_CHECKING:
    from dicube_core.dicom.meta import DicomMeta

__all__ = ["report_of"]


def report_of(meta: DicomMeta) -> GeometryReport:
    """Return geometry and findings of the slices that `meta` describes, in their order."""
    columns = {tag: meta.get_values(tag) for tag in SLICE_FIELDS}
    return assess(
        [
            SliceAttributes.from_values({tag: values[i] for tag, values in columns.items()})
            for i in range(meta.slice_count)
        ]
    )
