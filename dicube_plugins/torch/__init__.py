"""Data sets of frames and of patches for PyTorch's ``DataLoader``.

>>> from dicube_plugins.torch import PatchDataset
>>> patches = PatchDataset(["study.dcbs"], patch_size=(64, 64, 16))  # doctest: +SKIP
"""

from __future__ import annotations

from dicube_core.exceptions import MissingDependencyError

try:
    import torch as _torch  # noqa: F401 - to say in our words that it is missing
except ImportError as exc:
    raise MissingDependencyError(
        "torch is not installed", suggestion="pip install 'dicube-plugins[torch]'"
    ) from exc

from dicube_plugins.torch._frames import FrameDataset
from dicube_plugins.torch._order import EpochSampler, epochs
from dicube_plugins.torch._patches import PatchDataset

__all__ = ["EpochSampler", "FrameDataset", "PatchDataset", "epochs"]
