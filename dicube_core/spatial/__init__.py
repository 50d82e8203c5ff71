"""Slices in space: their order, what is odd about them, and the grid they form."""

from __future__ import annotations
