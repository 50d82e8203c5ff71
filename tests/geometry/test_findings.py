"""`assess`: all findings with their slices, and a geometry only where it is true."""

import random
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from slice_factory import (
    AXIAL,
    CORONAL,
    SAGITTAL,
    changed,
    make_slices,
    oblique,
    shifted,
    steps,
)

from dicube_core.exceptions import SeriesError
from dicube_core.spatial.findings import DicomStatus, FindingKind, assess
from dicube_core.spatial.order import slice_order
from dicube_core.spatial.planes import SliceAttributes

K, S = FindingKind, DicomStatus
ORIENTATIONS = {"axial": AXIAL, "sagittal": SAGITTAL, "coronal": CORONAL, "oblique": oblique()}


def kinds(report):
    return [finding.kind for finding in report.findings]


def one(report, kind):
    (finding,) = [finding for finding in report.findings if finding.kind is kind]
    return finding


def assert_true(geometry, slices):
    """Every corner voxel lies where DICOM's own equation puts it (PS3.3 equation C.7.6.2.1-1)."""
    for index, own in enumerate(slices):
        row, column = np.array(own.orientation[:3]), np.array(own.orientation[3:])
        between_rows, between_columns = own.pixel_spacing
        for r, c in ((0, 0), (own.rows - 1, 0), (0, own.columns - 1)):
            expected = own.position + row * between_columns * c + column * between_rows * r
            found = (geometry.affine @ (index, r, c, 1))[:3]
            np.testing.assert_allclose(found, expected, atol=0.011)


@pytest.mark.parametrize("heights", [steps(7), steps(7, -2.5)], ids=["right", "left"])
@pytest.mark.parametrize("orientation", ORIENTATIONS.values(), ids=ORIENTATIONS)
def test_sound_series(orientation, heights):
    slices = make_slices(heights, orientation, spacing=(0.5, 0.7))
    report = assess(slices)
    assert report.findings == ()
    assert report.status is S.CONSISTENT
    geometry = report.geometry
    assert geometry.shape == (7, 64, 48)
    assert geometry.spacing == pytest.approx((2.5, 0.5, 0.7), rel=1e-12)
    assert geometry.origin == slices[0].position
    assert geometry.is_right_handed == (heights[1] > 0)
    assert geometry.to_dicom_orientation() == orientation
    assert_true(geometry, slices)


def test_pixel_spacing_is_rows_then_columns():
    geometry = assess(make_slices(steps(3), spacing=(0.5, 0.9))).geometry
    np.testing.assert_allclose(geometry.affine[:3, 1], (0, 0.5, 0))
    np.testing.assert_allclose(geometry.affine[:3, 2], (0.9, 0, 0))


def test_thickness_is_never_a_spacing():
    slices = make_slices(steps(3))
    thin = [replace(own, slice_thickness=0.1, spacing_between_slices=9.0) for own in slices]
    assert assess(thin) == assess(slices)


def test_gap_counts_the_missing_slices():
    heights = [0.0, 2.5, 5.0, 12.5, 15.0, 20.0, 22.5]
    report = assess(make_slices(heights))
    assert kinds(report) == [K.GAP_LOCATION]
    finding = one(report, K.GAP_LOCATION)
    assert finding.slices == (2, 3, 4, 5)
    assert "3 slice(s) missing" in finding.message
    assert "2 after slice 2" in finding.message
    assert "1 after slice 4" in finding.message
    assert report.geometry is None
    assert report.status is S.GAP_LOCATION


def test_gap_in_a_descending_series():
    report = assess(make_slices([0.0, -2.5, -5.0, -12.5]))
    assert one(report, K.GAP_LOCATION).slices == (2, 3)
    assert "2 after slice 2" in one(report, K.GAP_LOCATION).message


def test_duplicate_position():
    report = assess(make_slices([0.0, 2.5, 2.5, 5.0]))
    assert kinds(report) == [K.DWELLING_LOCATION, K.DUPLICATE_POSITION]
    assert one(report, K.DUPLICATE_POSITION).slices == (1, 2)
    assert report.geometry is None
    assert report.status is S.DWELLING_LOCATION


def test_all_slices_at_one_place():
    report = assess(make_slices([0.0] * 4))
    assert one(report, K.DUPLICATE_POSITION).slices == (0, 1, 2, 3)
    assert report.geometry is None


def test_two_phases_of_one_volume():
    slices = make_slices([0.0, 2.5, 5.0, 0.0, 2.5, 5.0])
    ordered = [slices[i] for i in slice_order(slices)]
    report = assess(ordered)
    assert kinds(report) == [K.REVERSED_LOCATION, K.DUPLICATE_POSITION]
    assert report.status is S.REVERSED_LOCATION
    assert one(report, K.DUPLICATE_POSITION).slices == tuple(range(6))


def test_tilt_gives_its_angle():
    report = assess(make_slices(steps(6), shear=np.tan(np.radians(12.0))))
    assert kinds(report) == [K.GANTRY_TILT]
    finding = one(report, K.GANTRY_TILT)
    assert "12.000 degrees" in finding.message
    assert finding.slices == tuple(range(6))
    assert report.geometry is None
    assert report.status is S.INCONSISTENT


@pytest.mark.parametrize("index", [0, 3, 5])
def test_drift_names_the_slice_and_is_no_tilt(index):
    report = assess(shifted(make_slices(steps(6)), index, (0.0, 0.3, 0.0)))
    assert kinds(report) == [K.IN_PLANE_DRIFT]
    assert one(report, K.IN_PLANE_DRIFT).slices == (index,)
    assert "0.3 mm" in one(report, K.IN_PLANE_DRIFT).message
    assert report.geometry is None


def test_tilt_and_drift_at_once():
    slices = shifted(make_slices(steps(9), shear=0.1), 4, (0.0, 1.0, 0.0))
    report = assess(slices)
    assert kinds(report) == [K.GANTRY_TILT, K.IN_PLANE_DRIFT]
    assert one(report, K.IN_PLANE_DRIFT).slices == (4,)


def test_uneven_spacing():
    report = assess(make_slices([0.0, 2.5, 5.0, 7.8, 10.0, 12.5]))
    assert kinds(report) == [K.UNEVEN_SPACING]
    finding = one(report, K.UNEVEN_SPACING)
    assert finding.slices == (2, 3, 4)
    assert "0.3 mm" in finding.message
    assert report.geometry is None
    assert report.status is S.INCONSISTENT


def test_creeping_spacing_is_uneven_though_every_step_looks_right():
    step = 1.0
    heights = [0.0]
    for _ in range(60):
        heights.append(heights[-1] + step)
        step += 0.0005
    assert kinds(assess(make_slices(heights))) == [K.UNEVEN_SPACING]


def test_slices_too_close_together():
    report = assess(make_slices([0.0, 2.5, 5.0, 5.5, 7.5, 10.0, 12.5]))
    assert one(report, K.CROWDED_LOCATION).slices == (2, 3)
    assert report.status is S.GAP_LOCATION
    assert report.geometry is None


@pytest.mark.parametrize("step", [0.625, 0.3333, 1.0 / 3, 2.0])
def test_positions_of_two_decimals_still_form_a_grid(step):
    slices = [
        replace(own, position=tuple(round(v, 2) for v in own.position))
        for own in make_slices(steps(50, step), origin=(-100.004, 3.333, 0.117))
    ]
    report = assess(slices)
    assert report.findings == ()
    assert_true(report.geometry, slices)


def test_a_grid_of_micrometres_is_held_to_its_own_scale():
    heights = [0.0, 0.005, 0.0102, 0.015]  # 2 micrometres off 5 would be nothing in a CT
    micro = {"spacing": (0.001, 0.001)}
    assert assess(make_slices(steps(4, 0.005), **micro)).findings == ()
    assert kinds(assess(make_slices(heights, **micro))) == [K.UNEVEN_SPACING]


def test_single_slice_without_spacing_has_no_geometry():
    report = assess(make_slices([3.0]))
    assert kinds(report) == [K.SINGLE_SLICE]
    assert report.geometry is None
    assert report.status is S.CONSISTENT


def test_single_slice_with_spacing_between_slices():
    slices = changed(make_slices([3.0], SAGITTAL), 0, spacing_between_slices=4.0)
    report = assess(slices)
    assert kinds(report) == [K.SINGLE_SLICE]
    assert report.geometry.spacing == (4.0, 0.8, 0.8)
    assert report.geometry.is_right_handed
    assert_true(report.geometry, slices)


@pytest.mark.parametrize("spacing", [0.0, -4.0])
def test_single_slice_whose_spacing_is_no_distance(spacing):
    slices = changed(make_slices([3.0]), 0, spacing_between_slices=spacing)
    assert assess(slices).geometry is None


def test_slices_out_of_spatial_order():
    slices = make_slices(steps(6))
    shuffled = [slices[i] for i in (0, 3, 1, 2, 4, 5)]
    report = assess(shuffled)
    assert kinds(report) == [K.NOT_IN_SPATIAL_ORDER]
    assert report.geometry is None
    assert report.status is S.CONSISTENT


FIELD_CASES = [
    ("series_uid", None, K.MISSING_SERIES_UID, S.MISSING_SERIES_UID, True),
    ("series_uid", "1.9", K.NON_UNIFORM_SERIES_UID, S.NON_UNIFORM_SERIES_UID, False),
    ("instance_number", None, K.MISSING_INSTANCE_NUMBER, S.MISSING_INSTANCE_NUMBER, True),
    ("bits_stored", None, K.MISSING_PIXEL_FORMAT, S.MISSING_DTYPE, True),
    ("high_bit", 15, K.NON_UNIFORM_PIXEL_FORMAT, S.NON_UNIFORM_DTYPE, True),
    ("pixel_representation", 1, K.NON_UNIFORM_PIXEL_FORMAT, S.NON_UNIFORM_DTYPE, True),
    ("pixel_spacing", None, K.MISSING_PIXEL_SPACING, S.MISSING_SPACING, False),
    ("pixel_spacing", (0.8, 0.9), K.NON_UNIFORM_PIXEL_SPACING, S.NON_UNIFORM_SPACING, False),
    ("rows", None, K.MISSING_SHAPE, S.MISSING_SHAPE, False),
    ("columns", 49, K.NON_UNIFORM_SHAPE, S.NON_UNIFORM_SHAPE, False),
    ("orientation", None, K.MISSING_ORIENTATION, S.MISSING_ORIENTATION, False),
    ("orientation", SAGITTAL, K.NON_UNIFORM_ORIENTATION, S.NON_UNIFORM_ORIENTATION, False),
    ("rescale_slope", 2.0, K.NON_UNIFORM_RESCALE, S.NON_UNIFORM_RESCALE_FACTOR, True),
    ("rescale_intercept", None, K.NON_UNIFORM_RESCALE, S.NON_UNIFORM_RESCALE_FACTOR, True),
    ("position", None, K.MISSING_POSITION, S.INCONSISTENT, False),
    ("position", (1e300, 0.0, 0.0), K.UNUSABLE_GEOMETRY, S.INCONSISTENT, False),
    ("position", (float("nan"), 0.0, 0.0), K.UNUSABLE_GEOMETRY, S.INCONSISTENT, False),
]


@pytest.mark.parametrize(("field", "value", "kind", "status", "placed"), FIELD_CASES)
def test_one_odd_slice(field, value, kind, status, placed):
    slices = changed(make_slices(steps(6)), 5, **{field: value})
    report = assess(slices)
    assert kinds(report) == [kind]
    assert one(report, kind).slices == (5,)
    assert report.status is status
    assert (report.geometry is not None) == placed


def test_no_attributes_at_all():
    report = assess([SliceAttributes()] * 3)
    assert set(kinds(report)) == {
        K.MISSING_SERIES_UID,
        K.MISSING_INSTANCE_NUMBER,
        K.MISSING_PIXEL_FORMAT,
        K.MISSING_PIXEL_SPACING,
        K.MISSING_SHAPE,
        K.MISSING_ORIENTATION,
        K.MISSING_LOCATION,
    }
    assert all(finding.slices == (0, 1, 2) for finding in report.findings)
    assert report.status is S.MISSING_SERIES_UID


def test_instance_numbers_twice_and_with_a_gap():
    numbers = (1, 2, 2, 5, 6)
    slices = [
        replace(own, instance_number=number)
        for own, number in zip(make_slices(steps(5)), numbers, strict=True)
    ]
    report = assess(slices)
    assert kinds(report) == [K.DUPLICATE_INSTANCE_NUMBER, K.GAP_INSTANCE_NUMBER]
    assert one(report, K.DUPLICATE_INSTANCE_NUMBER).slices == (1, 2)
    assert one(report, K.GAP_INSTANCE_NUMBER).slices == (1, 2, 3)
    assert "2 not there" in one(report, K.GAP_INSTANCE_NUMBER).message
    assert report.geometry is not None


def test_localizer_among_axial_slices_does_not_hide_a_gap():
    slices = make_slices([0.0, 2.5, 5.0, 10.0])
    localizer = replace(
        make_slices([0.0], CORONAL)[0], instance_number=5, sop_instance_uid="1.2.3.5"
    )
    report = assess([localizer, *slices])
    assert one(report, K.NON_UNIFORM_ORIENTATION).slices == (0,)
    assert one(report, K.GAP_LOCATION).slices == (3, 4)


def test_directions_that_are_none():
    report = assess(make_slices(steps(3), (1.0, 0.0, 0.0, 0.5, 0.5, 0.0)))
    assert K.NOT_ORTHONORMAL in kinds(report)
    assert report.geometry is None


def test_directions_of_four_decimals_become_unit_vectors():
    orientation = (1.0, 0.0, 0.0, 0.0, 0.9272, -0.3746)
    report = assess(make_slices(steps(5), orientation))
    assert report.findings == ()
    np.testing.assert_allclose(np.linalg.norm(report.geometry.direction, axis=0), 1, atol=1e-9)


def test_pixel_spacing_of_zero():
    report = assess(make_slices(steps(3), spacing=(0.0, 1.0)))
    assert K.INVALID_PIXEL_SPACING in kinds(report)
    assert report.geometry is None


def test_unreadable_values_are_told_with_their_slices():
    bad = SliceAttributes.from_values({0x00200032: "1\\x\\3"})
    slices = changed(make_slices(steps(3)), 1, position=bad.position, problems=bad.problems)
    finding = one(assess(slices), K.UNREADABLE_VALUE)
    assert finding.slices == (1,)
    assert "ImagePositionPatient" in finding.message


def test_no_slices():
    with pytest.raises(SeriesError):
        assess([])


def test_report_reads_as_text():
    text = str(assess(make_slices([0.0, 2.5, 10.0])))
    assert text.startswith("gap_location, without geometry\n- gap_location: ")


@given(st.integers(2, 30), st.floats(0.05, 20), st.tuples(*[st.floats(-3, 3)] * 3), st.booleans())
def test_any_regular_series_has_its_true_geometry(count, step, angles, descending):
    slices = make_slices(steps(count, -step if descending else step), oblique(np.array(angles)))
    report = assess(slices)
    assert report.findings == ()
    assert report.geometry.is_right_handed != descending
    assert_true(report.geometry, slices)


HEIGHTS = st.lists(st.floats(-50, 50), min_size=2, max_size=9)


@given(HEIGHTS, st.sampled_from([0.0, 0.0005, 0.02]), st.booleans())
def test_a_geometry_is_never_false(heights, shear, tidy):
    if tidy:  # near a grid, where a wrong tolerance would show
        heights = [1.3 * index + height / 1000 for index, height in enumerate(heights)]
    slices = make_slices(sorted(heights), shear=shear)
    report = assess(slices)
    if report.geometry is not None:
        assert_true(report.geometry, slices)
    else:
        assert report.findings


@given(HEIGHTS, st.randoms())
def test_what_is_found_does_not_depend_on_the_order_of_files(heights, shuffler):
    assume(len({round(height, 3) for height in heights}) == len(heights))
    slices = make_slices(heights)
    shuffled = shuffler.sample(slices, len(slices))
    first = assess([slices[i] for i in slice_order(slices)])
    second = assess([shuffled[i] for i in slice_order(shuffled)])
    assert first == second


NUMBER = st.floats(allow_nan=True, allow_infinity=True)
WILD = st.builds(
    SliceAttributes,
    position=st.none() | st.tuples(*[NUMBER] * 3),
    orientation=st.none() | st.just(AXIAL) | st.tuples(*[NUMBER] * 6),
    pixel_spacing=st.none() | st.tuples(NUMBER, NUMBER),
    instance_number=st.none() | st.integers(),
    rows=st.none() | st.integers(),
    columns=st.none() | st.integers(),
    spacing_between_slices=st.none() | NUMBER,
)


@given(st.lists(WILD, min_size=1, max_size=5))
def test_nothing_raises_for_any_attributes(slices):
    report = assess(slices)
    slices_named = {index for finding in report.findings for index in finding.slices}
    assert slices_named <= set(range(len(slices)))


@pytest.mark.timeout(30)  # work that grows with the square of their number takes longer
def test_five_thousand_slices():
    slices = make_slices(steps(5000, 0.5))
    random.Random(0).shuffle(slices)
    report = assess([slices[i] for i in slice_order(slices)])
    assert report.geometry is not None
