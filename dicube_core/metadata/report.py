"""Findings of a series that was already converted, from its merged metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.spatial.findings import GeometryReport, assess
from dicube_core.spatial.space import slices_from_meta

if TYPE_CHECKING:
    from dicube_core.metadata.meta import DicomMeta

__all__ = ["report_of"]


def report_of(meta: DicomMeta) -> GeometryReport:
    """Return geometry and findings of the slices that `meta` describes, in their order."""
    return assess(slices_from_meta(meta))
