"""``.dcbs`` files in itk, with or without ``dicube_plugins.install("itk")``.

>>> from dicube_plugins.itk import imread, imwrite
>>> image = imread("study.dcbs")  # doctest: +SKIP
"""

from __future__ import annotations

from dicube_core.exceptions import MissingDependencyError

try:
    import itk as _itk  # noqa: F401 - to say in our words that it is missing
except ImportError as exc:
    raise MissingDependencyError(
        "itk is not installed", suggestion="pip install 'dicube-plugins[itk]'"
    ) from exc

from dicube_plugins.itk._functions import imread, imwrite

__all__ = ["imread", "imwrite"]
