"""What must hold after the code of a page has run: appended to it, in the same process."""

from __future__ import annotations

__all__ = ["CHECKS"]

CHECKS = {
    "imageio.md": """
import numpy
assert iio.improps("study.dcbs").spacing == (5.0, 6.25, 6.25)
assert some.shape == (3, 64, 64) and volume.shape == (24, 64, 64)
assert numpy.array_equal(iio.imread(data), volume)
assert numpy.array_equal(iio.imread("volume.dcbs"), volume)
assert iio.immeta("volume.dcbs")["Modality"] == "MR"
""",
    "nibabel.md": """
import numpy
assert numpy.array_equal(nib.load("study.nii.gz").get_fdata(), image.get_fdata())
assert numpy.array_equal(nib.load("part.dcbs").get_fdata(), image.get_fdata()[..., 10:20])
""",
    "series.md": """
assert volume.shape == (20, 6, 5) and array.shape == (4, 20, 6, 5)
assert tilt.tilt_degrees > 11 and sheared.shape == (4, 4)
""",
    "repair.md": """
assert [one.frame for one in report.lost] == [5] and len(report.frames) == 23
""",
    "multiframe.md": """
assert len(slices) == image.NumberOfFrames == 24
""",
}
