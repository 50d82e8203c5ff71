"""`Geometry`: one grid, seen as affines, JSON, and through the names of dicube 0.3.0."""

import json
import math
import pickle
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from slice_factory import rotation

from dicube_core.exceptions import MetaDataError
from dicube_core.geometry import Geometry

IDENTITY = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
ANGLE = st.floats(-math.pi, math.pi)
SPACING = st.floats(1e-3, 1e3)
COORDINATE = st.floats(-1e5, 1e5)
SIZE = st.integers(1, 5000)


@st.composite
def geometries(draw):
    turned = rotation(np.array([draw(ANGLE) for _ in range(3)]))
    axes = [tuple(turned[:, i].tolist()) for i in draw(st.permutations(range(3)))]
    return Geometry(
        shape=tuple(draw(SIZE) for _ in range(3)),
        origin=tuple(draw(COORDINATE) for _ in range(3)),
        spacing=tuple(draw(SPACING) for _ in range(3)),
        axes=tuple(axes),
    )


def example(**changes):
    fields = {
        "shape": (4, 5, 6),
        "origin": (1.0, 2.0, 3.0),
        "spacing": (3.0, 0.5, 0.7),
        "axes": IDENTITY,
    }
    return Geometry(**(fields | changes))


def test_affine_maps_frame_row_column_to_lps():
    geometry = example()
    np.testing.assert_array_equal(
        geometry.affine @ (2, 4, 5, 1), (1 + 5 * 0.7, 2 + 4 * 0.5, 3 + 2 * 3, 1)
    )
    np.testing.assert_array_equal(
        geometry.affine_xyz @ (5, 4, 2, 1), geometry.affine @ (2, 4, 5, 1)
    )


@given(geometries(), st.tuples(SIZE, SIZE, SIZE))
def test_affine_is_the_sum_of_steps(geometry, index):
    expected = np.array(geometry.origin)
    for count, step, axis in zip(index, geometry.spacing, geometry.axes, strict=True):
        expected = expected + count * step * np.array(axis)
    np.testing.assert_allclose((geometry.affine @ (*index, 1))[:3], expected, atol=1e-6, rtol=1e-12)


@given(geometries(), st.tuples(SIZE, SIZE, SIZE))
def test_ras_is_lps_with_the_patient_axes_turned(geometry, index):
    lps = geometry.affine @ (*index, 1)
    np.testing.assert_array_equal(geometry.affine_ras @ (*index, 1), lps * (-1, -1, 1, 1))
    xyz = geometry.affine_xyz_ras @ (*index[::-1], 1)
    np.testing.assert_allclose(xyz, lps * (-1, -1, 1, 1), atol=1e-6)


@given(geometries())
def test_affine_gives_the_geometry_back(geometry):
    affine = geometry.affine
    np.testing.assert_array_equal(affine[:3, 3], geometry.origin)
    np.testing.assert_array_equal(affine[3], (0, 0, 0, 1))
    np.testing.assert_allclose(np.linalg.norm(affine[:3, :3], axis=0), geometry.spacing)
    np.testing.assert_allclose(affine[:3, :3] / geometry.spacing, geometry.direction, atol=1e-12)


@given(geometries())
def test_json_text_round_trip_is_exact(geometry):
    text = json.dumps(geometry.to_json_dict())
    again = Geometry.from_json_dict(json.loads(text))
    assert again == geometry
    assert repr(again) == repr(geometry)  # -0.0 and all digits, too
    assert json.dumps(again.to_json_dict()) == text
    assert hash(again) == hash(geometry)


@given(geometries())
def test_pickle_and_reversal(geometry):
    assert pickle.loads(pickle.dumps(geometry)) == geometry
    turned = geometry.reverse_axis_order()
    assert turned.axis_order == "xyz"
    assert turned.reverse_axis_order() == geometry
    assert turned != geometry
    assert turned.to_json_dict() == geometry.to_json_dict()
    assert turned.is_right_handed == geometry.is_right_handed
    assert turned.to_dicom_orientation() == geometry.to_dicom_orientation()
    assert turned.frame_position(3) == geometry.frame_position(3)
    assert Geometry.from_space(turned) == geometry
    np.testing.assert_array_equal(turned.affine, geometry.affine_xyz)
    np.testing.assert_array_equal(turned.affine_ras, geometry.affine_xyz_ras)


def test_disk_order_is_x_y_z():
    values = example().to_json_dict()
    assert list(values) == [
        "shape",
        "origin",
        "spacing",
        "x_orientation",
        "y_orientation",
        "z_orientation",
    ]
    assert values["shape"] == [6, 5, 4]
    assert values["spacing"] == [0.7, 0.5, 3.0]
    assert values["x_orientation"] == [1.0, 0.0, 0.0]
    assert values["z_orientation"] == [0.0, 0.0, 1.0]
    assert json.loads(example().reverse_axis_order().to_json()) == values
    assert json.loads(example().to_json())["shape"] == [4, 5, 6]


def test_unknown_keys_on_disk_are_ignored_and_ints_are_numbers():
    values = example(origin=(1, 2, 3)).to_json_dict() | {"comment": "x", "origin": [1, 2, 3]}
    geometry = Geometry.from_json_dict(values)
    assert geometry.origin == (1.0, 2.0, 3.0)
    assert all(type(value) is float for value in geometry.origin)


def test_names_of_the_incumbent_are_in_array_order():
    geometry = example()
    assert geometry.x_orientation == (0.0, 0.0, 1.0)
    assert geometry.y_orientation == (0.0, 1.0, 0.0)
    assert geometry.z_orientation == (1.0, 0.0, 0.0)
    assert geometry.to_dicom_orientation() == (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    np.testing.assert_array_equal(geometry.to_nifti_affine(), geometry.affine_ras)


def test_handedness():
    assert example().is_right_handed
    assert not example(axes=((0.0, 0.0, -1.0), *IDENTITY[1:])).is_right_handed


def test_frame_position_is_where_the_affine_puts_it():
    geometry = example(axes=((0.0, 0.0, -1.0), *IDENTITY[1:]))
    assert geometry.frame_position(2) == (1.0, 2.0, -3.0)
    np.testing.assert_array_equal((geometry.affine @ (2, 0, 0, 1))[:3], geometry.frame_position(2))


def test_from_space_takes_arrays_and_numpy_numbers():
    space = SimpleNamespace(
        shape=np.array([4, 5, 6]),
        origin=[np.float32(1.5), 2, Fraction(1, 2)],
        spacing=np.array([3.0, 0.5, 0.7]),
        x_orientation=(0, 0, 1),
        y_orientation=[0, 1, 0],
        z_orientation=np.array([1.0, 0.0, 0.0]),
    )
    geometry = Geometry.from_space(space)
    assert geometry == example(origin=(1.5, 2.0, 0.5))
    assert {type(n) for n in (*geometry.shape, *geometry.spacing)} == {int, float}
    del space.spacing
    with pytest.raises(MetaDataError, match="spacing"):
        Geometry.from_space(space)


BAD_VECTORS = {
    "nan": [math.nan, 1.0, 1.0],
    "inf": [1.0, math.inf, 1.0],
    "text": ["1", "1", "1"],
    "one text": "111",
    "bool": [True, 1.0, 1.0],
    "none": None,
    "number": 3.0,
    "two": [1.0, 1.0],
    "four": [1.0, 1.0, 1.0, 1.0],
    "nested": [[1.0], [1.0], [1.0]],
    "mapping": {"0": 1, "1": 1, "2": 1},
    "huge": [10**400, 1.0, 1.0],
    "unprintable": [10**5000, 1.0, 1.0],
    "complex": [1j, 1.0, 1.0],
    "decimal": [Decimal(1), 1.0, 1.0],
    "array without axes": np.array(1.0),
}


@pytest.mark.parametrize("value", BAD_VECTORS.values(), ids=BAD_VECTORS)
@pytest.mark.parametrize(
    "key", ["origin", "spacing", "x_orientation", "y_orientation", "z_orientation"]
)
def test_degenerate_vector_is_refused_by_name(key, value):
    values = example().to_json_dict() | {key: value}
    with pytest.raises(MetaDataError, match=key):
        Geometry.from_json_dict(values)
    with pytest.raises(MetaDataError, match=key):
        Geometry.from_space(SimpleNamespace(**values))


@pytest.mark.parametrize(
    "spacing", [(0.0, 1.0, 1.0), (1.0, -1.0, 1.0), (1.0, 1.0, 1e-12), (1e300, 1.0, 1.0)]
)
def test_spacing_that_is_no_distance(spacing):
    with pytest.raises(MetaDataError, match="spacing"):
        example(spacing=spacing)


@pytest.mark.parametrize(
    "shape",
    [(0, 1, 1), (-4, 1, 1), (1.0, 2, 3), (True, 2, 3), (2**31, 1, 1), ("4", 5, 6), (4, 5), None],
)
def test_shape_that_is_none(shape):
    with pytest.raises(MetaDataError, match="shape"):
        example(shape=shape)


@pytest.mark.parametrize(
    "axes",
    [
        ((0.0, 0.0, 0.0), *IDENTITY[1:]),
        ((0.0, 0.0, 1.001), *IDENTITY[1:]),
        ((0.0, 0.1, math.sqrt(0.99)), *IDENTITY[1:]),  # 5.7 degrees of shear
        (IDENTITY[1], *IDENTITY[1:]),
        IDENTITY[:2],
        "abc",
    ],
    ids=["zero", "not unit", "sheared", "parallel", "two", "text"],
)
def test_axes_that_span_no_rectangular_grid(axes):
    with pytest.raises(MetaDataError, match="axes"):
        example(axes=axes)


def test_axes_within_the_tolerance_of_the_incumbent_are_kept_as_they_are():
    tilted = (0.0, 0.0099, math.sqrt(1 - 0.0099**2))
    assert example(axes=(tilted, *IDENTITY[1:])).axes[0] == tilted


@pytest.mark.parametrize("data", [None, [], "{}", 3, {}, {"shape": [1, 1, 1]}])
def test_space_section_without_its_keys(data):
    with pytest.raises(MetaDataError, match="space section"):
        Geometry.from_json_dict(data)


def test_axis_order_is_one_of_two():
    with pytest.raises(MetaDataError, match="axis_order"):
        example(axis_order="yxz")


def test_a_geometry_cannot_be_changed():
    with pytest.raises(AttributeError):
        example().origin = (0.0, 0.0, 0.0)
    affine = example().affine
    affine[:] = 0
    assert example().affine[0, 2] == 0.7
