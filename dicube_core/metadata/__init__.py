"""The metadata of a whole series: merged, queried and edited."""

from __future__ import annotations
