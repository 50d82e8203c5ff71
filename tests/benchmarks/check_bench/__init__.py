"""What the checks of a file cost, against the same work without them."""

from __future__ import annotations
