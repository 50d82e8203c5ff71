"""``.dcbs`` files in MONAI, with or without ``dicube_plugins.install("monai")``.

>>> from dicube_plugins.monai import DcbsReader
>>> from monai.transforms import LoadImage  # doctest: +SKIP
>>> image = LoadImage(reader=DcbsReader)("study.dcbs")  # doctest: +SKIP
"""

from __future__ import annotations

from dicube_core.exceptions import MissingDependencyError

try:
    import monai as _monai  # noqa: F401 - to say in our words that it is missing
except ImportError as exc:
    raise MissingDependencyError(
        "monai is not installed", suggestion="pip install 'dicube-plugins[monai]'"
    ) from exc

from dicube_plugins.monai._patches_of_files import LoadPatchd, RandLoadPatchd, grid_patches
from dicube_plugins.monai._reader import DcbsReader

__all__ = ["DcbsReader", "LoadPatchd", "RandLoadPatchd", "grid_patches"]
