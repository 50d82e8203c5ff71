"""Status, geometry, order and names against dicube 0.3.0, where 0.3.0 is right."""

import copy
import itertools
import warnings

import numpy as np
import pydicom
import pytest
from pydicom.tag import BaseTag

from dicube_core.geometry import Geometry
from dicube_core.metadata.tags import CommonTags
from dicube_core.spatial.finding_kinds import DicomStatus
from dicube_core.spatial.order import SortMethod, slice_order
from dicube_core.spatial.space import slices_from_meta
from dicube_core.spatial.status import get_dicom_status, get_space_from_DicomMeta

dicube = pytest.importorskip("dicube")
incumbent = pytest.importorskip("dicube.dicom")
spacetransformer = pytest.importorskip("spacetransformer")

OBLIQUE = [0.8, 0.6, 0.0, -0.36, 0.48, 0.8]


def series(heights, orientation=(1, 0, 0, 0, 1, 0), numbers=None):
    row, column = np.array(orientation[:3], float), np.array(orientation[3:], float)
    datasets = []
    for index, height in enumerate(heights):
        dataset = pydicom.Dataset()
        dataset.SeriesInstanceUID = "1.2.3"
        dataset.SOPInstanceUID = f"1.2.3.{index + 1}"
        dataset.InstanceNumber = index + 1 if numbers is None else numbers[index]
        place = np.array((-50.0, 20.0, 7.0)) + height * np.cross(row, column)
        dataset.ImagePositionPatient = [float(value) for value in place]
        dataset.ImageOrientationPatient = [float(value) for value in orientation]
        dataset.PixelSpacing = [0.5, 0.75]
        dataset.SliceThickness = 2.5
        dataset.Rows, dataset.Columns = 8, 12
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 12, 11
        dataset.PixelRepresentation = 0
        dataset.RescaleSlope, dataset.RescaleIntercept = 1, -1024
        datasets.append(dataset)
    return datasets


def meta_of(datasets):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return incumbent.DicomMeta.from_datasets(
            copy.deepcopy(datasets), [f"{i}.dcm" for i in range(len(datasets))]
        )


def without(keyword, datasets):
    for dataset in datasets:
        delattr(dataset, keyword)
    return datasets


def odd(keyword, value, datasets, index=1):
    setattr(datasets[index], keyword, value)
    return datasets


EVEN = [0.0, 2.5, 5.0, 7.5, 10.0, 12.5]
CASES = {
    "sound": series(EVEN),
    "oblique": series(EVEN, OBLIQUE),
    "descending": series(EVEN[::-1]),
    "stored shuffled": series([5.0, 0.0, 2.5, 7.5], numbers=[3, 1, 2, 4]),
    "gap": series([0.0, 2.5, 5.0, 12.5, 15.0, 17.5]),
    "crowded": series([0.0, 2.5, 5.0, 6.0, 8.5, 11.0]),
    "dwelling": series([0.0, 2.5, 2.5, 5.0]),
    "reversed": series([0.0, 2.5, 5.0, 2.5, 0.0]),
    "two phases": series([0.0, 2.5, 5.0, 0.0, 2.5, 5.0]),
    "gap in numbers": series(EVEN[:3], numbers=[1, 2, 4]),
    "number twice": series(EVEN[:3], numbers=[1, 2, 2]),
    "slope differs": odd("RescaleSlope", 2, series(EVEN)),
    "intercept differs": odd("RescaleIntercept", 0, series(EVEN)),
    "series uid differs": odd("SeriesInstanceUID", "1.9", series(EVEN)),
    "bits differ": odd("BitsStored", 16, series(EVEN)),
    "high bit differs": odd("HighBit", 15, series(EVEN)),
    "sign differs": odd("PixelRepresentation", 1, series(EVEN)),
    "spacing differs": odd("PixelSpacing", [0.5, 0.8], series(EVEN)),
    "rows differ": odd("Rows", 9, series(EVEN)),
    "columns differ": odd("Columns", 9, series(EVEN)),
    "orientation differs": odd("ImageOrientationPatient", OBLIQUE, series(EVEN)),
    "gap and slope": odd("RescaleSlope", 2, series([0.0, 1.0, 2.0, 9.0])),
    "gap and rows": odd("Rows", 9, series([0.0, 1.0, 2.0, 9.0])),
    "single": series([0.0]),
    "no locations": without("ImagePositionPatient", series(EVEN)),
} | {
    f"no {keyword}": without(keyword, series(EVEN))
    for keyword in (
        "SeriesInstanceUID",
        "InstanceNumber",
        "BitsAllocated",
        "BitsStored",
        "HighBit",
        "PixelRepresentation",
        "PixelSpacing",
        "Rows",
        "Columns",
        "ImageOrientationPatient",
        "RescaleSlope",
    )
}


@pytest.mark.parametrize("datasets", CASES.values(), ids=CASES)
def test_same_status(datasets):
    meta = meta_of(datasets)
    assert get_dicom_status(meta).name == incumbent.get_dicom_status(meta).name


def test_same_precedence_for_every_pair_of_oddities():
    oddities = {
        "SeriesInstanceUID": "1.9",
        "InstanceNumber": 9,
        "BitsStored": 16,
        "PixelSpacing": [0.5, 0.8],
        "Rows": 9,
        "ImageOrientationPatient": OBLIQUE,
        "RescaleSlope": 2,
        "ImagePositionPatient": [0.0, 0.0, 500.0],
    }
    for (first, value), (second, other) in itertools.combinations(oddities.items(), 2):
        datasets = odd(second, other, odd(first, value, series(EVEN), index=5), index=5)
        meta = meta_of(datasets)
        expected = incumbent.get_dicom_status(meta).name
        assert get_dicom_status(meta).name == expected, (first, second)


def tilted():
    datasets = series(EVEN)
    for index, dataset in enumerate(datasets):
        dataset.ImagePositionPatient = [-50.0 + index, 20.0, 7.0 + 2.5 * index]
    return datasets


KNOWN_DIFFERENCES = {
    "tilt": (tilted(), DicomStatus.INCONSISTENT),
    "uneven by less than half": (series([0.0, 2.5, 5.0, 8.0]), DicomStatus.INCONSISTENT),
    "gap in a descending series": (
        series([17.5, 15.0, 12.5, 5.0, 2.5, 0.0]),
        DicomStatus.GAP_LOCATION,
    ),
}


@pytest.mark.parametrize(("datasets", "ours"), KNOWN_DIFFERENCES.values(), ids=KNOWN_DIFFERENCES)
def test_what_the_incumbent_calls_consistent(datasets, ours):
    meta = meta_of(datasets)
    assert incumbent.get_dicom_status(meta).name == "CONSISTENT"
    assert get_dicom_status(meta) is ours
    assert get_space_from_DicomMeta(meta) is None


def test_one_number_in_all_slices_is_a_status_instead_of_a_crash():
    meta = meta_of(series(EVEN, numbers=[1] * 6))
    with pytest.raises(TypeError):
        incumbent.get_dicom_status(meta)
    assert get_dicom_status(meta) is DicomStatus.DUPLICATE_INSTANCE_NUMBERS


@pytest.mark.parametrize("axis_order", ["xyz", "zyx"])
@pytest.mark.parametrize("name", ["sound", "oblique", "descending", "slope differs"])
def test_same_geometry(name, axis_order):
    meta = meta_of(CASES[name])
    ours = get_space_from_DicomMeta(meta, axis_order)
    theirs = incumbent.get_space_from_DicomMeta(meta, axis_order)
    assert ours.shape == theirs.shape
    for key in ("origin", "spacing", "x_orientation", "y_orientation", "z_orientation"):
        np.testing.assert_allclose(getattr(ours, key), getattr(theirs, key), atol=1e-12)
    if axis_order == "xyz":
        assert ours.to_dicom_orientation() == tuple(theirs.to_dicom_orientation())
        # 0.3.0 negates columns where rows belong: right only if both are the same.
        right = name != "oblique"
        assert np.allclose(ours.to_nifti_affine(), theirs.to_nifti_affine()) == right


@pytest.mark.parametrize("name", ["sound", "oblique", "descending"])
def test_geometry_goes_both_ways_through_the_space_class(name):
    ours = get_space_from_DicomMeta(meta_of(CASES[name]), "zyx")
    theirs = spacetransformer.Space.from_json(ours.to_json())
    assert Geometry.from_space(theirs) == ours
    on_disk = spacetransformer.Space.from_json(ours.reverse_axis_order().to_json())
    assert Geometry.from_space(on_disk.reverse_axis_order()) == ours


@pytest.mark.parametrize("method", list(SortMethod), ids=lambda method: method.name)
@pytest.mark.parametrize("orientation", [(1, 0, 0, 0, 1, 0), OBLIQUE], ids=["axial", "oblique"])
def test_same_order(method, orientation):
    datasets = series([5.0, 0.0, 10.0, 2.5, 7.5], orientation, numbers=[4, 10, 2, 9, 1])
    meta = meta_of(datasets)
    ours = slice_order(slices_from_meta(meta), method)
    assert ours == meta.sort_files(incumbent.SortMethod[method.name])


def test_same_enumerations_and_tags():
    for ours, theirs in (
        (DicomStatus, incumbent.DicomStatus),
        (SortMethod, incumbent.SortMethod),
    ):
        assert {one.name: one.value for one in ours} == {one.name: one.value for one in theirs}
    theirs = {k: v for k, v in vars(incumbent.CommonTags).items() if not k.startswith("_")}
    for name, value in theirs.items():
        assert getattr(CommonTags, name) == value, name
        if isinstance(value, int):
            assert isinstance(getattr(CommonTags, name), BaseTag)
