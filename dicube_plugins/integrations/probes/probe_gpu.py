"""Frames decoded on a GPU, where there is one."""

from __future__ import annotations

import sys

import numpy as np

import dicube_core
from dicube_plugins.gpu import decode_frames, obstacle

with dicube_core.open(sys.argv[1]) as reader:
    reason = obstacle(reader)
    if reason:
        np.savez(sys.argv[2], missing=reason)
    else:
        np.savez(sys.argv[2], values=decode_frames(reader).numpy())
