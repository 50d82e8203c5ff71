"""DICOM slices on demand from one ``.dcbs`` file, for servers and viewers."""

from __future__ import annotations

from dicube_core.streaming._reader import DcbStreamingReader
from dicube_core.streaming._slice_file import open_dicom

__all__ = ["DcbStreamingReader", "open_dicom"]
