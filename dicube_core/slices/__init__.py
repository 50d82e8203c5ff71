"""Slices of an open file as DICOM instances, in the transfer syntax asked for."""

from __future__ import annotations

from dicube_core.slices._provider import SliceProvider
from dicube_core.slices._syntaxes import OFFERED_SYNTAXES

__all__ = ["OFFERED_SYNTAXES", "SliceProvider"]
