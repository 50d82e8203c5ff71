"""The frame index: both ways of looking at it say the same as comparing each frame with each."""

from __future__ import annotations

import sys
from itertools import combinations
from unittest.mock import patch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dicube_core.container import index as module
from dicube_core.container.index import FrameIndex, pack_u64
from dicube_core.container.layout import HEADER_SIZE
from dicube_core.exceptions import InvalidCubeFileError

NUMBERS = st.one_of(
    st.integers(HEADER_SIZE - 1, HEADER_SIZE + 40), st.sampled_from([0, 1 << 63, (1 << 64) - 1])
)
LENGTHS = st.one_of(st.integers(0, 12), st.sampled_from([1 << 63, (1 << 64) - 1]))


@st.composite
def spans(draw):
    """Frames one behind the other, one of them changed in most cases."""
    lengths = draw(st.lists(st.integers(1, 12), min_size=1, max_size=8))
    offsets = [HEADER_SIZE + draw(st.integers(0, 3))]
    for length in lengths[:-1]:
        offsets.append(offsets[-1] + length + draw(st.sampled_from([0, 0, 0, 1])))
    number = draw(st.integers(0, len(lengths) - 1))
    change = draw(st.sampled_from(["nothing", "offset", "length", "order"]))
    if change == "offset":
        offsets[number] = draw(NUMBERS)
    elif change == "length":
        lengths[number] = draw(LENGTHS)
    elif change == "order":
        offsets[0], offsets[number] = offsets[number], offsets[0]
        lengths[0], lengths[number] = lengths[number], lengths[0]
    size = HEADER_SIZE + draw(st.integers(1, 110))
    return offsets, lengths, size


def is_valid(offsets, lengths, size):
    frames = list(zip(offsets, lengths, strict=True))
    inside = all(n and o >= HEADER_SIZE and o + n <= size for o, n in frames)
    return inside and all(a + m <= b or b + n <= a for (a, m), (b, n) in combinations(frames, 2))


@pytest.mark.parametrize("numpy", ["numpy", "no numpy", "few"])
@given(case=spans())
@example(case=([(1 << 64) - 4, HEADER_SIZE], [HEADER_SIZE + 4, 5], 400))
@example(case=([HEADER_SIZE, (1 << 64) - 4, 126], [(1 << 64) - 120, 130, 5], 400))
def test_refused_if_and_only_if_wrong(numpy, case):
    import numpy as loaded

    offsets, lengths, size = case
    modules = {**sys.modules, "numpy": None if numpy == "no numpy" else loaded}
    many = 1 << 20 if numpy == "few" else 0
    packed = pack_u64(offsets), pack_u64(lengths)
    with patch.object(module, "_MANY", many), patch.object(module.sys, "modules", modules):
        if is_valid(*case):
            found = FrameIndex.parse(*packed, size, "x")
            assert (list(found.offsets), list(found.lengths)) == (offsets, lengths)
        else:
            with pytest.raises(InvalidCubeFileError):
                FrameIndex.parse(*packed, size, "x")
