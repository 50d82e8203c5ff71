"""`slice_order`: in space where sound, by number else, and the same for any input order."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from slice_factory import AXIAL, CORONAL, SAGITTAL, changed, make_slices, oblique, steps

from dicube_core.exceptions import SeriesError
from dicube_core.spatial.order import SortMethod, slice_order
from dicube_core.spatial.planes import SliceAttributes

ORIENTATIONS = {"axial": AXIAL, "sagittal": SAGITTAL, "coronal": CORONAL, "oblique": oblique()}
BY_POSITION = [SortMethod.POSITION_RIGHT_HAND, SortMethod.POSITION_LEFT_HAND]


@pytest.mark.parametrize("orientation", ORIENTATIONS.values(), ids=ORIENTATIONS)
def test_default_ascends_along_the_normal_against_instance_numbers(orientation):
    slices = make_slices([5.0, 2.5, 7.5, 0.0], orientation)
    assert slice_order(slices) == [3, 1, 0, 2]
    assert slice_order(slices, SortMethod.POSITION_RIGHT_HAND) == [3, 1, 0, 2]
    assert slice_order(slices, SortMethod.POSITION_LEFT_HAND) == [2, 0, 1, 3]
    assert slice_order(slices, SortMethod.INSTANCE_NUMBER_ASC) == [0, 1, 2, 3]
    assert slice_order(slices, SortMethod.INSTANCE_NUMBER_DESC) == [3, 2, 1, 0]


def test_names_and_values_of_the_incumbent():
    assert {one.name: one.value for one in SortMethod} == {
        "INSTANCE_NUMBER_ASC": 1,
        "INSTANCE_NUMBER_DESC": 2,
        "POSITION_RIGHT_HAND": 3,
        "POSITION_LEFT_HAND": 4,
    }


def test_numbers_not_texts_are_compared_and_missing_ones_come_last():
    slices = [SliceAttributes(instance_number=n) for n in (10, None, 9, 100)]
    assert slice_order(slices) == [2, 0, 3, 1]
    assert slice_order(slices, SortMethod.INSTANCE_NUMBER_DESC) == [3, 0, 2, 1]


UNSOUND = {
    "no position": changed(make_slices(steps(3)), 1, position=None),
    "no orientation": changed(make_slices(steps(3)), 1, orientation=None),
    "two orientations": changed(make_slices(steps(3)), 1, orientation=SAGITTAL),
    "parallel directions": make_slices(steps(3), (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)),
    "no directions": make_slices(steps(3), (0.0,) * 6),
}


@pytest.mark.parametrize("slices", UNSOUND.values(), ids=UNSOUND)
def test_unsound_geometry_goes_by_number_unless_position_was_asked_for(slices):
    backwards = [replace(one, instance_number=-one.instance_number) for one in slices]
    assert slice_order(backwards) == [2, 1, 0]
    for method in BY_POSITION:
        with pytest.raises(SeriesError, match="position"):
            slice_order(backwards, method)


def test_orientations_that_differ_in_the_last_digits_are_one():
    slices = make_slices([2.0, 1.0, 0.0])
    jittered = changed(slices, 1, orientation=(1.0, 0.00005, 0.0, -0.00005, 1.0, 0.0))
    assert slice_order(jittered) == [2, 1, 0]


def test_orientations_are_compared_with_the_same_one_whatever_comes_first():
    # Neighbours agree, the outer two do not: all input orders must come to one verdict.
    for scale in range(1, 20):
        slices = make_slices([2.0, 1.0, 0.0])
        for index in range(3):
            turn = (scale + index) * 0.8e-4
            slices = changed(slices, index, orientation=(1.0, turn, 0.0, -turn, 1.0, 0.0))
        assert slice_order(slices) == [0, 1, 2]


def test_same_place_goes_by_number_despite_float_noise():
    slices = make_slices([1.0, 1.0 + 1e-9, 1e-9, 0.0], oblique())
    renumbered = [
        replace(one, instance_number=n) for one, n in zip(slices, (2, 1, 4, 3), strict=True)
    ]
    assert slice_order(renumbered) == [3, 2, 1, 0]


def test_ties_fall_to_uid_components_as_numbers_then_to_names():
    same = SliceAttributes(instance_number=1)
    uids = [replace(same, sop_instance_uid=uid) for uid in ("1.2.10", "1.2.9", "1.2.9.1", None)]
    assert slice_order(uids) == [3, 1, 2, 0]
    assert slice_order([same] * 3, None, ["c", "a", "b"]) == [1, 2, 0]
    assert slice_order([same] * 3) == [0, 1, 2]


def test_wrong_arguments():
    with pytest.raises(ValueError, match="tie breakers"):
        slice_order(make_slices(steps(3)), None, ["a"])
    with pytest.raises(ValueError, match="sort method"):
        slice_order(make_slices(steps(3)), "POSITION_RIGHT_HAND")


def test_nothing_to_sort():
    assert slice_order([]) == []
    for method in SortMethod:
        assert slice_order([], method) == []
        assert slice_order(make_slices([0.0]), method) == [0]


MAYBE = st.none() | st.integers(1, 4)
HEIGHT = st.sampled_from([0.0, 1.0, 1.0 + 1e-9, 2.0])
SLICE = st.builds(
    lambda height, number, uid, orientation, placed: replace(
        make_slices([height], orientation)[0],
        instance_number=number,
        sop_instance_uid=uid and f"1.{uid}",
        **({} if placed else {"position": None}),
    ),
    HEIGHT,
    MAYBE,
    MAYBE,
    st.sampled_from([AXIAL] * 9 + [oblique()]),
    st.sampled_from([True] * 9 + [False]),
)


@given(st.lists(SLICE, max_size=8), st.sampled_from([None, *SortMethod]), st.randoms())
def test_any_input_order_gives_the_same_series(slices, method, random):
    named = list(zip(slices, [f"file{i}" for i in range(len(slices))], strict=True))
    shuffled = random.sample(named, len(named))
    try:
        expected = [named[i] for i in slice_order(slices, method, [name for _, name in named])]
    except SeriesError:
        with pytest.raises(SeriesError):
            slice_order([one for one, _ in shuffled], method)
        return
    order = slice_order([one for one, _ in shuffled], method, [name for _, name in shuffled])
    assert [shuffled[i] for i in order] == expected
    assert sorted(order) == list(range(len(slices)))
