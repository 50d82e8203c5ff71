"""Patches of `PatchDataset` through PyTorch's own loader, put together again."""

from __future__ import annotations

import sys

import numpy as np
from torch.utils.data import DataLoader

from dicube_plugins.torch import PatchDataset

dataset = PatchDataset([sys.argv[1]], patch_size=(8, 6, 2), positions="grid")
samples = list(DataLoader(dataset, batch_size=None))
shape = np.max([sample["start"].numpy() + dataset.patch_size for sample in samples], axis=0)
volume = np.full(shape, np.nan)
for sample in samples:
    x, y, z = sample["start"].tolist()
    volume[x : x + 8, y : y + 6, z : z + 2] = sample["image"][0].numpy()
(first,) = (sample for sample in samples if not sample["start"].any())
np.savez(sys.argv[2], values=volume.transpose(2, 1, 0), affine=first["affine"].numpy())
