"""What SimpleITK itself makes of a folder, and how images are compared."""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from support.raw import text

SLOPE, INTERCEPT, POSITION, ORIENTATION = 0x00281053, 0x00281052, 0x00200032, 0x00200037


def rescaled(slope, intercept):
    """Return an edit that gives slices their factors: one for all, or a list of them."""

    def edit(index, nodes):
        for tag, value in ((SLOPE, slope), (INTERCEPT, intercept)):
            shown = value[index] if isinstance(value, list) else value
            nodes[tag] = text(tag, "DS", str(shown))

    return edit


def placed(row, column, step=2.5):
    """Return an edit that gives slices an orientation, and places along its normal."""
    normal = np.cross(row, column)

    def edit(index, nodes):
        place = np.array((-12.5, 20.25, 3.0)) + step * index * normal
        numbers = [*row, *column]
        nodes[ORIENTATION] = text(ORIENTATION, "DS", "\\".join(f"{v:.10f}" for v in numbers))
        nodes[POSITION] = text(POSITION, "DS", "\\".join(f"{v:.6f}" for v in place))

    return edit


def read_folder(folder, pixel_id=sitk.sitkUnknown):
    """Return the image that SimpleITK makes of a folder of slices."""
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)))
    reader.SetOutputPixelType(pixel_id)
    return reader.Execute()


def assert_same_grid(image, expected):
    """Fail unless two images are of one size and place."""
    assert image.GetSize() == expected.GetSize()
    np.testing.assert_allclose(image.GetSpacing(), expected.GetSpacing(), rtol=1e-6)
    np.testing.assert_allclose(image.GetOrigin(), expected.GetOrigin(), atol=1e-5)
    np.testing.assert_allclose(image.GetDirection(), expected.GetDirection(), atol=1e-6)


def assert_same(image, expected):
    """Fail unless two images are equal in everything but metadata."""
    assert_same_grid(image, expected)
    assert image.GetPixelIDTypeAsString() == expected.GetPixelIDTypeAsString()
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), sitk.GetArrayFromImage(expected))


def words(reader):
    """Return the metadata that a reader gives."""
    return {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}
