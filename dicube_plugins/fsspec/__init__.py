"""A file system of the slices in a ``.dcbs`` file, for all that reads by fsspec.

``fsspec.open("dcbs://000003.dcm::file://x.dcbs")`` works with no import of ours: fsspec finds the
class by the entry point ``fsspec.specs``.
"""

from __future__ import annotations

from dicube_plugins.fsspec._filesystem import DcbsFileSystem

__all__ = ["DcbsFileSystem"]
