"""pydicom's command line: the geometry in the header that it prints. No import of ours."""

from __future__ import annotations

import contextlib
import io
import re
import sys

import numpy as np
from pydicom.cli.main import main

output = io.StringIO()
with contextlib.redirect_stdout(output):
    main(["dcbs", sys.argv[1]])


def printed(keyword: str) -> np.ndarray:
    """Return the numbers of all elements of a name that were printed."""
    found = re.findall(rf"{re.escape(keyword)} +DS: \[(.*?)\]", output.getvalue())
    return np.array([[float(part.strip("' ")) for part in text.split(",")] for text in found])


places = printed("Image Position (Patient)")
across, down = printed("Image Orientation (Patient)")[0].reshape(2, 3)
spacing = printed("Pixel Spacing")[0]
affine = np.eye(4)
affine[:3] = np.column_stack(
    (across * spacing[1], down * spacing[0], places[1] - places[0], places[0])
)
np.savez(sys.argv[2], affine=np.diag([-1, -1, 1, 1]) @ affine)
