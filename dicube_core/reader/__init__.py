"""Reading one ``.dcbs`` file: opened, its parts, their meaning, its frames, a class for each."""

from __future__ import annotations

from dicube_core.reader._reader import Reader, open_file

__all__ = ["Reader", "open_file"]
