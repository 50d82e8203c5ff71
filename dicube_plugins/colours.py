"""Stored colour as RGB; it has moved to `dicube_core.colours`."""

from __future__ import annotations

from dicube_core.colours import PALETTE_TAGS, Colours, colours_of

__all__ = ["PALETTE_TAGS", "Colours", "colours_of"]
