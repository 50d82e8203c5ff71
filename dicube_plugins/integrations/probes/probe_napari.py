"""The layers that napari's plugin engine gets, which finds the reader by its entry point."""

from __future__ import annotations

import sys
from typing import Any

import npe2
import numpy as np
from npe2.io_utils import read

npe2.PluginManager.instance().discover()
layers: Any = read([sys.argv[1]], stack=False)
data, options, _ = layers[0]
finest = data[0] if options["multiscale"] else data
affine = options["metadata"]["affine_ras"]
np.savez(sys.argv[2], values=np.asarray(finest), affine=affine[:, [2, 1, 0, 3]])
