"""Data sets as bytes: where elements lie, and what they say in the DICOM JSON model."""

from __future__ import annotations
