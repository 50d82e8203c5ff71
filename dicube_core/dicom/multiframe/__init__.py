"""Instances of several frames: their functional groups, and each frame as an image of its own."""

from __future__ import annotations
