"""Tilt, gaps and duplicates: told in words and numbers, and nothing resampled."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slice_factory import AXIAL, CORONAL, SAGITTAL, make_slices, oblique, steps
from support.raw import text
from support.volumes import make_volumes, marks
from support.whole import write_files

import dicube_core
from dicube_core.spatial.findings import FindingKind, assess

K = FindingKind
PLANES = {"axial": AXIAL, "sagittal": SAGITTAL, "coronal": CORONAL, "oblique": oblique()}


def one(report, kind):
    (finding,) = [finding for finding in report.findings if finding.kind is kind]
    return finding


def assert_true(affine, slices):
    """Every corner voxel lies where DICOM's own equation puts it (PS3.3 equation C.7.6.2.1-1)."""
    for index, own in enumerate(slices):
        row, column = np.array(own.orientation[:3]), np.array(own.orientation[3:])
        between_rows, between_columns = own.pixel_spacing
        for r, c in ((0, 0), (own.rows - 1, 0), (0, own.columns - 1)):
            expected = own.position + row * between_columns * c + column * between_rows * r
            np.testing.assert_allclose((affine @ (index, r, c, 1))[:3], expected, atol=1e-9)


@pytest.mark.parametrize("step", [2.5, -2.5], ids=["right", "left"])
@pytest.mark.parametrize("plane", PLANES.values(), ids=PLANES)
def test_the_sheared_affine_is_true_for_every_voxel(plane, step):
    slices = make_slices(
        steps(6, step), plane, spacing=(0.5, 0.7), shear=math.tan(math.radians(15))
    )
    report = assess(slices)
    assert report.geometry is None
    assert [finding.kind for finding in report.findings] == [K.GANTRY_TILT]
    assert_true(report.sheared_affine, slices)
    assert report.sheared.tilt_degrees == pytest.approx(15)
    assert report.sheared.slice_distance == pytest.approx(2.5)
    assert report.sheared.shape == (6, 64, 48)
    flip = np.diag((-1.0, -1.0, 1.0, 1.0))
    np.testing.assert_array_equal(report.sheared.affine_ras, flip @ report.sheared_affine)


@given(st.floats(3, 60), st.floats(0.5, 20), st.integers(3, 9))
def test_any_tilt(angle, step, count):
    slices = make_slices(steps(count, step), oblique(), shear=math.tan(math.radians(angle)))
    report = assess(slices)
    assert report.sheared.tilt_degrees == pytest.approx(angle, rel=1e-6)
    assert_true(report.sheared_affine, slices)


def test_no_sheared_affine_without_a_tilt_or_with_more_than_one():
    straight = assess(make_slices(steps(5)))
    assert straight.sheared is None
    assert straight.sheared_affine is None
    gap = assess(make_slices([0.0, 2.5, 5.0, 10.0], shear=0.3))
    assert {K.GANTRY_TILT, K.GAP_LOCATION} <= {finding.kind for finding in gap.findings}
    assert gap.sheared is None


def tilted(tmp_path, stated, angle=15.0, volumes=1):
    shear = math.tan(math.radians(angle))
    files = make_volumes(
        *(volumes, 5),
        lambda f: marks(
            *([] if stated is None else [text(0x00181120, "DS", stated)]),
            text(0x00200100, "IS", str(f.volume + 1)),
        ),
        step=(0.0, 2.5 * shear, 2.5),
    )
    path = tmp_path / "x.dcbs"
    report = dicube_core.convert(write_files(tmp_path / "source", files), path).report
    return path, report


@pytest.mark.parametrize(
    ("stated", "words"),
    [
        ("15", "; GantryDetectorTilt says 15 degrees"),
        ("-15.2", "; GantryDetectorTilt says -15.2 degrees"),
        ("0", "; GantryDetectorTilt says 0 degrees, but positions are what counts"),
        ("8.5", "; GantryDetectorTilt says 8.5 degrees, but positions are what counts"),
        ("", "mm in all"),
        (None, "mm in all"),
    ],
)
def test_the_stated_tilt_is_compared_and_never_used(tmp_path, stated, words):
    path, report = tilted(tmp_path, stated)
    message = one(report, K.GANTRY_TILT).message
    assert "sheared by 15.000 degrees" in message
    assert message.endswith(words)
    with dicube_core.open(path) as reader:
        assert reader.report() == report
        assert reader.geometry is None
        affine = reader.sheared_affine()
        np.testing.assert_allclose(affine[:3, 0], (0, 2.5 * math.tan(math.radians(15)), 2.5))
        np.testing.assert_array_equal(affine, report.sheared_affine)


def test_a_stated_tilt_that_positions_do_not_show(tmp_path):
    path, report = tilted(tmp_path, "-20", angle=0.0)
    assert "says -20 degrees, but positions show no shear" in (
        one(report, K.TILT_NOT_IN_POSITIONS).message
    )
    with dicube_core.open(path) as reader:
        assert reader.geometry == report.geometry is not None
        assert reader.sheared_affine() is None
        assert reader.report() == report


def test_tilted_volumes_have_a_sheared_affine_each(tmp_path):
    path, report = tilted(tmp_path, "15", volumes=3)
    with dicube_core.open(path) as reader:
        assert reader.dimensions.shape == (3, 5)
        assert reader.volume_geometry is None
        assert "sheared by 15.000 degrees" in reader.dimensions.reason
        alone = tmp_path / "alone"
        alone.mkdir()
        _, single = tilted(alone, "15")
        np.testing.assert_array_equal(reader.sheared_affine(), single.sheared_affine)
        assert reader.report() == report


# -- gaps ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("plane", PLANES.values(), ids=PLANES)
def test_missing_slices_are_placed(plane):
    whole = make_slices(steps(10), plane)
    gone = (2, 5, 6)
    report = assess([own for index, own in enumerate(whole) if index not in gone])
    finding = one(report, K.GAP_LOCATION)
    np.testing.assert_allclose(finding.positions, [whole[i].position for i in gone], atol=1e-9)
    assert "about 3 slice(s) missing where the usual step is 2.5 mm" in finding.message
    assert "1 after slice 1 (before slice 2, 5 mm)" in finding.message
    assert "2 after slice 3 (before slice 4, 7.5 mm)" in finding.message


def test_the_first_missing_slice_is_told_in_words():
    slices = make_slices([0.0, 2.5, 7.5, 10.0])
    message = one(assess(slices), K.GAP_LOCATION).message
    assert message.endswith("the first one missing would lie at (-100, -120, 35) mm")


def test_a_gap_beyond_all_measure_costs_nothing():
    slices = make_slices([0.0, 1e-3, 2e-3, 9e8], spacing=(0.01, 0.01))
    finding = one(assess(slices), K.GAP_LOCATION)
    assert len(finding.positions) == 1000


# -- several orientations -----------------------------------------------------------------------


def test_orientations_are_listed_with_their_counts():
    slices = (
        make_slices(steps(5)) + make_slices(steps(3), SAGITTAL) + make_slices(steps(1), oblique())
    )
    finding = one(assess(slices), K.NON_UNIFORM_ORIENTATION)
    assert (
        "5 axial (1, 0, 0, 0, 1, 0), 3 sagittal (0, 1, 0, 0, 0, -1), 1 oblique" in finding.message
    )
    assert finding.slices == (5, 6, 7, 8)


def test_many_orientations_are_cut_short():
    slices = [make_slices([0.0], oblique((0.1 * turn, 0.2, 0.3)))[0] for turn in range(20)]
    message = one(assess(slices), K.NON_UNIFORM_ORIENTATION).message
    assert "and 14 more orientations" in message
