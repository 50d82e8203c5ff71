"""Folders with many series, studies, whole disks: one file per series, in parallel, resumable."""

from __future__ import annotations
