"""Values of one slice become attributes, or None and a reason."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.multival import MultiValue
from pydicom.valuerep import DSfloat

from dicube_core.spatial.planes import SLICE_FIELDS, SliceAttributes, parse_field

POSITION, ORIENTATION, NUMBER = 0x00200032, 0x00200037, 0x00200013
SLOPE, ROWS, UID, SPACING = 0x00281053, 0x00280010, 0x0020000E, 0x00280030

READABLE = [
    (POSITION, "1\\-2.5\\3e1", (1.0, -2.5, 30.0)),
    (POSITION, b" 1.0 \\ 2\\3 ", (1.0, 2.0, 3.0)),
    (POSITION, [1, "2", 3.5], (1.0, 2.0, 3.5)),
    (POSITION, MultiValue(DSfloat, ["1.50", "2", "3"]), (1.5, 2.0, 3.0)),
    (POSITION, (Decimal("1.5"), 2, 3), (1.5, 2.0, 3.0)),
    (SPACING, "0.5\\0.7", (0.5, 0.7)),
    (SLOPE, "1.25", 1.25),
    (SLOPE, [2], 2.0),
    (NUMBER, " 12 ", 12),
    (NUMBER, "+3", 3),
    (NUMBER, -4, -4),
    (NUMBER, 5.0, 5),
    (NUMBER, "6.0", 6),
    (ROWS, 512, 512),
    (ROWS, ["512"], 512),
    (UID, "1.2.3\0", "1.2.3"),
    (UID, ["1.2.3"], "1.2.3"),
]
UNREADABLE = [
    (POSITION, [], "empty"),
    (POSITION, "\\\\", "empty"),
    (POSITION, "1\\2", "2 components"),
    (POSITION, "1\\2\\3\\4", "4 components"),
    (POSITION, "1\\\\3", "not numeric"),
    (POSITION, "1\\x\\3", "not numeric"),
    (POSITION, "1\\nan\\3", "not numeric"),
    (POSITION, "1\\inf\\3", "not numeric"),
    (POSITION, "1\\1_0\\3", "not numeric"),
    (POSITION, "1\\\u0661\\3", "not numeric"),
    (POSITION, [1, None, 3], "not numeric"),
    (POSITION, [1, True, 3], "not numeric"),
    (POSITION, [1, float("nan"), 3], "not numeric"),
    (POSITION, [1, 10**400, 3], "not numeric"),
    (POSITION, {"a": 1}, "1 components"),
    (SLOPE, "1,5", "not numeric"),
    (SLOPE, "1" * 100, "not numeric"),
    (NUMBER, "1.5", "not an integer"),
    (NUMBER, True, "not an integer"),
    (NUMBER, "9" * 5000, "not an integer"),
    (NUMBER, "\u0661", "not an integer"),
    (NUMBER, "1\\2", "2 components"),
    (UID, 5, "not text"),
    (UID, [10**5000], "not text"),
]


@pytest.mark.parametrize(("tag", "value", "expected"), READABLE)
def test_readable(tag, value, expected):
    parsed = SliceAttributes.from_values({tag: value})
    assert getattr(parsed, SLICE_FIELDS[tag].name) == expected
    assert type(getattr(parsed, SLICE_FIELDS[tag].name)) is type(expected)
    assert parsed.problems == ()


@pytest.mark.parametrize(("tag", "value", "why"), UNREADABLE)
def test_unreadable_is_none_and_remembered(tag, value, why):
    parsed = SliceAttributes.from_values({tag: value})
    assert getattr(parsed, SLICE_FIELDS[tag].name) is None
    (problem,) = parsed.problems
    assert SLICE_FIELDS[tag].keyword in problem
    assert why in problem
    assert len(problem) < 200


def test_absent_is_none_without_a_problem():
    assert SliceAttributes.from_values({POSITION: None}) == SliceAttributes()
    assert SliceAttributes.from_values({0x00100010: "A^B"}) == SliceAttributes()
    for blank in ("", b"", "  ", b"  "):
        assert SliceAttributes.from_values({POSITION: blank, UID: blank}) == SliceAttributes()


def test_the_kind_of_a_number_matters_though_python_calls_them_equal():
    assert parse_field(ROWS, 1) == (1, None)
    assert parse_field(ROWS, True)[0] is None
    assert parse_field(SLOPE, 1) == (1.0, None)


def test_every_field_has_one_tag():
    names = {spec.name for spec in SLICE_FIELDS.values()}
    assert names == set(SliceAttributes.__dataclass_fields__) - {"problems", "marks"}
    assert len(names) == len(SLICE_FIELDS)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=7) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(SLICE_FIELDS)), ANYTHING)
def test_nothing_raises_and_what_comes_out_is_of_its_type(tag, value):
    parsed, problem = parse_field(tag, value)
    spec = SLICE_FIELDS[tag]
    assert problem is None or parsed is None
    if parsed is not None:
        wanted = {"text": str, "int": int, "float": float, "vector": tuple}[spec.kind]
        assert type(parsed) is wanted
