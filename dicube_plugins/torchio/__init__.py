"""``.dcbs`` files in TorchIO, with or without ``dicube_plugins.install("torchio")``.

>>> from dicube_plugins.torchio import DcbsReader
>>> import torchio as tio  # doctest: +SKIP
>>> image = tio.ScalarImage("study.dcbs", reader=DcbsReader())  # doctest: +SKIP
"""

from __future__ import annotations

from dicube_core.exceptions import MissingDependencyError

try:
    import torchio as _torchio  # noqa: F401 - to say in our words that it is missing
except ImportError as exc:
    raise MissingDependencyError(
        "torchio is not installed", suggestion="pip install 'dicube-plugins[torchio]'"
    ) from exc

from dicube_plugins.torchio._reader import DcbsReader

__all__ = ["DcbsReader"]
