"""Modality values of a whole series, whose slopes stand where pydicom does not look."""

import sys

import numpy as np
import pydicom
import pytest
from conftest_series import write_series
from pydicom.pixels import iter_pixels, processing
from support.metadata_cases import CASES
from support.raw import text
from support.series import Kind, make_series

import dicube_core
import dicube_plugins
from dicube_core.exceptions import DataConsistencyError
from dicube_core.modality import ModalityValues
from dicube_plugins.pydicom import apply_modality_lut, datasets, dcmread

KIND = Kind("ct", stored=12, rows=9, columns=7)
SECONDARY = "1.2.840.10008.5.1.4.1.1.7"


def slopes(index, nodes):
    nodes[0x00281053] = text(0x00281053, "DS", f"{index + 1}.25")


def secondary(_, nodes):
    nodes[0x00080016] = text(0x00080016, "UI", SECONDARY)


EDITS = {"shared": None, "per_slice": slopes, "absent": CASES["rescale_absent"], "sc": secondary}


def made(folder, edit, count=4):
    """Return a .dcbs file and its modality values."""
    path = write_series(folder, make_series(count, KIND, edit))
    with dicube_core.open(path) as reader:
        return path, ModalityValues(reader).frames(dtype="float64")


@pytest.mark.parametrize("count", [1, 4])
@pytest.mark.parametrize("name", EDITS)
def test_of_a_series(name, count, tmp_path):
    path, expected = made(tmp_path, EDITS[name], count)
    dataset = dcmread(path)
    found = apply_modality_lut(dataset.pixel_array, dataset)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=1e-12)
    for index, one in enumerate(datasets(path)):
        frame = apply_modality_lut(one.pixel_array, one)
        np.testing.assert_allclose(frame, expected[index], rtol=1e-12)


def test_of_single_frames_that_share_their_slope(tmp_path):
    path, expected = made(tmp_path, None)
    dataset = dcmread(path)
    for frame, values in zip(iter_pixels(dataset), expected, strict=True):
        np.testing.assert_array_equal(apply_modality_lut(frame, dataset), values)
    np.testing.assert_array_equal(
        apply_modality_lut(dataset.pixel_array[1:3], dataset), expected[1:3]
    )


def test_frames_that_cannot_be_told_apart_are_refused(tmp_path):
    path, _ = made(tmp_path, slopes)
    dataset = dcmread(path)
    for array in (dataset.pixel_array[0], dataset.pixel_array[1:]):
        with pytest.raises(DataConsistencyError, match="differ in slope"):
            apply_modality_lut(array, dataset)


def deprecated_name(arr, ds):
    with pytest.warns(DeprecationWarning, match="pixel_data_handlers"):
        from pydicom.pixel_data_handlers.util import apply_modality_lut as old
    return old(arr, ds)


def test_with_the_adapter(tmp_path):
    path, expected = made(tmp_path, slopes)
    import pydicom.pixel_data_handlers.util as old

    original, table = processing.apply_modality_lut, dict(old._DEPRECATED)
    dicube_plugins.install("pydicom")
    try:
        dataset = pydicom.dcmread(path)
        names = (
            pydicom.pixels.apply_modality_lut,
            pydicom.pixels.apply_rescale,
            processing.apply_modality_lut,
            processing.apply_rescale,
            deprecated_name,
        )
        for function in names:
            found = function(dataset.pixel_array, dataset)
            np.testing.assert_allclose(found, expected, rtol=1e-12)
        # A data set that is not of ours goes to pydicom.
        one = pydicom.dcmread(path, frame=2)
        found = pydicom.pixels.apply_modality_lut(one.pixel_array, one)
        np.testing.assert_allclose(found, expected[2], rtol=1e-12)
    finally:
        dicube_plugins.uninstall("pydicom")
    assert table == old._DEPRECATED
    assert sys.modules["pydicom.pixels"].apply_rescale is original
    assert names[0](dataset.pixel_array, dataset).dtype == np.uint16  # pydicom's own again
