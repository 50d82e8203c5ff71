"""Measurements of the core against dicube 0.3.0, the bare codec and pydicom."""

from __future__ import annotations
