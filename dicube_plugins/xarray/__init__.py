"""xarray opens ``.dcbs`` files: ``xarray.open_dataset("x.dcbs")``, with no import of ours.

xarray finds the backend by the entry point ``xarray.backends``.
"""

from __future__ import annotations

from dicube_plugins.xarray._backend import DcbsBackend

__all__ = ["DcbsBackend"]
