"""``.dcbs`` files in SimpleITK, with or without ``dicube_plugins.install("SimpleITK")``.

>>> from dicube_plugins.simpleitk import read_image, write_image
>>> image = read_image("study.dcbs")  # doctest: +SKIP
>>> image.GetSize(), image.GetSpacing()  # doctest: +SKIP
"""

from __future__ import annotations

from dicube_core.exceptions import MissingDependencyError

try:
    import SimpleITK as _sitk  # noqa: F401 - to say in our words that it is missing
except ImportError as exc:
    raise MissingDependencyError(
        "SimpleITK is not installed", suggestion="pip install 'dicube-plugins[simpleitk]'"
    ) from exc

from dicube_plugins.simpleitk._functions import read_image, write_image
from dicube_plugins.simpleitk._reader_class import DcbsImageFileReader

__all__ = ["DcbsImageFileReader", "read_image", "write_image"]
