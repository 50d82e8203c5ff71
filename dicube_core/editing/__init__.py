"""Metadata edited without touching frames, and de-identification with a proof in bytes."""

from __future__ import annotations
