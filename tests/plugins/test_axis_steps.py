"""Which values of a dimension are evenly apart."""

from __future__ import annotations

import math

import pytest

from dicube_plugins.axis_steps import even_steps


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((10, 30), (10.0, 20.0)),
        ((-1.0, 0.0, 1.0), (-1.0, 1.0)),
        ((0.0, 2.0, 4.001), (0.0, 2.0005)),
        ((0.0, 2.0, 4.01), None),
        ((0.0, 1.0, 3.0), None),
        ((1.0,), None),
        ((), None),
        ((1.0, 1.0), None),
        ((2.0, 1.0), None),
        (("a", "b"), None),
        ((1.0, None), None),
        (((0.0, None), (1.0, None)), None),
        ((0.0, math.inf), None),
        ((0.0, math.nan), None),
    ],
    ids=str,
)
def test_even_steps(values, expected):
    found = even_steps(values)
    if expected is None:
        assert found is None
    else:
        assert found == pytest.approx(expected)
