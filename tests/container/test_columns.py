"""The column table: any rows come back, and damage is an error."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dicube_core.container.columns import ColumnTable, pack_table
from dicube_core.exceptions import MetaDataError

PIECES = st.lists(st.binary(max_size=12), max_size=6)


@st.composite
def tables(draw):
    shapes = draw(st.lists(PIECES, min_size=1, max_size=3))
    rows = []
    for key in draw(st.lists(st.integers(0, len(shapes) - 1), max_size=12)):
        pieces = [
            draw(
                st.one_of(st.just(piece), st.binary(max_size=12), st.binary(min_size=4, max_size=4))
            )
            for piece in shapes[key]
        ]
        rows.append((key, pieces))
    return rows


@given(tables())
def test_rows_come_back(rows):
    table = ColumnTable(pack_table(rows))
    assert len(table) == len(rows)
    assert [table.row(i) for i in range(len(rows))] == [b"".join(pieces) for _, pieces in rows]


@given(tables(), st.data())
def test_any_row_may_come_first(rows, data):
    packed = pack_table(rows)
    expected = [b"".join(pieces) for _, pieces in rows]
    order = data.draw(st.permutations(range(len(rows))))
    for first in order:
        assert ColumnTable(packed).row(first) == expected[first]
    table = ColumnTable(packed)
    assert [table.row(i) for i in order] == [expected[i] for i in order]


@given(tables(), st.data())
def test_damage_is_an_error_or_harmless(rows, data):
    packed = pack_table(rows)
    cut = data.draw(st.integers(0, len(packed) - 1))
    with pytest.raises(MetaDataError):
        ColumnTable(packed[:cut])
    position = data.draw(st.integers(0, len(packed) - 1))
    flipped = bytearray(packed)
    flipped[position] ^= 1 << data.draw(st.integers(0, 7))
    try:
        table = ColumnTable(bytes(flipped))
    except MetaDataError:
        return
    for i in range(len(table)):
        assert len(table.row(i)) <= len(packed)


def test_shared_pieces_are_stored_once():
    same = b"x" * 1000
    packed = pack_table([("a", [same, bytes([i])]) for i in range(50)])
    assert len(packed) < 1000 + 50 * 5 + 100
