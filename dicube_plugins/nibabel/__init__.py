"""``.dcbs`` files as nibabel images, with or without ``dicube_plugins.install("nibabel")``.

>>> from dicube_plugins.nibabel import load, save
>>> image = load("study.dcbs")  # doctest: +SKIP
>>> image.dataobj[:, :, 30]  # decodes one frame  # doctest: +SKIP
"""

from __future__ import annotations

from dicube_core.exceptions import MissingDependencyError

try:
    import nibabel as _nibabel  # noqa: F401 - to say in our words that it is missing
except ImportError as exc:
    raise MissingDependencyError(
        "nibabel is not installed", suggestion="pip install 'dicube-plugins[nibabel]'"
    ) from exc

from dicube_plugins.nibabel._functions import load, save
from dicube_plugins.nibabel._header import DcbsHeader
from dicube_plugins.nibabel._image import DcbsImage
from dicube_plugins.nibabel._proxy import DcbsArrayProxy

__all__ = ["DcbsArrayProxy", "DcbsHeader", "DcbsImage", "load", "save"]
