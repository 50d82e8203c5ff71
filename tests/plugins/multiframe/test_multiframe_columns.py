"""Headers element by element: the same as slice by slice, and damage is an error."""

import pytest
from hypothesis import given as randomly
from hypothesis import strategies as st
from multiframe_support import given
from support.metadata_cases import CASES
from support.raw import IMPLICIT_LE
from support.series import make_series
from support.series_cases import WHOLE

from dicube_core.container.columns import ColumnTable, pack_table
from dicube_core.container.sections import compress
from dicube_core.dataset.elements import walk
from dicube_core.dicom.headers import HeaderTable
from dicube_core.dicom.instance import with_encoding
from dicube_core.exceptions import MetaDataError
from dicube_plugins.multiframe._columns import read_columns

BITS = 16
NAMES = (
    *("sequence_value_per_slice", "sequence_count_per_slice", "sequence_in_some_slices"),
    *("private_binary_sizes", "private_blocks_move", "private_after_pixels", "text_aev"),
    *("group_lengths", "vr_varies", "un_sequence_undefined", "everything_at_once"),
    *("smallest_pixel_value_varies", "ds_spelling_per_slice", "charset_per_slice"),
)


def slice_by_slice(headers):
    """Return each slice's elements as bytes."""
    found = []
    for header in headers:
        made = with_encoding(header, explicit=True, bits_allocated=BITS)
        parts = (made.head, made.tail)
        found.append({e.tag: part[e.start : e.stop] for part in parts for e in walk(part)})
    return found


def assert_same(headers):
    columns = read_columns(headers, BITS, "x")
    assert list(columns) == sorted(columns)
    expected = slice_by_slice(headers)
    for index, elements in enumerate(expected):
        found = {tag: column.at(index) for tag, column in columns.items()}
        assert {tag: data for tag, data in found.items() if data is not None} == elements
    for tag, column in columns.items():
        values = [elements.get(tag) for elements in expected]
        assert (column.shared is not None) == (len(set(values)) == 1)
        assert column.in_all == (None not in values)
        assert column.distinct() == {value for value in values if value is not None}


@pytest.mark.parametrize("syntax", [None, IMPLICIT_LE], ids=["explicit", "implicit"])
@pytest.mark.parametrize("name", NAMES)
def test_columns_are_the_slices_elements(name, syntax, tmp_path):
    files = make_series(5, edit=CASES[name], **({"syntax": syntax} if syntax else {}))
    reader = given(tmp_path, files).reader
    assert_same(reader.headers)
    assert_same(list(reader.headers))


@pytest.mark.filterwarnings("ignore::dicube_core.exceptions.DicomCubeWarning")
@pytest.mark.parametrize(
    "name", ["explicit_and_implicit", "elements_out_of_order", "names_not_ascii", "single_slice"]
)
def test_columns_of_odd_series(name, tmp_path):
    assert_same(given(tmp_path, WHOLE[name][0]).reader.headers)


@randomly(
    st.lists(st.tuples(st.integers(0, 2), st.lists(st.binary(max_size=5), min_size=3, max_size=3)))
)
def test_groups_of_a_table_are_its_rows(rows):
    table = ColumnTable(pack_table(rows))
    found = {}
    for numbers, pieces in table.groups():
        for place, number in enumerate(numbers):
            found[number] = b"".join(p if isinstance(p, bytes) else p[place] for p in pieces)
    assert found == {number: b"".join(pieces) for number, (_, pieces) in enumerate(rows)}


def packed_rows(headers):
    """Return the bytes of each row, and the length of the part before its data set."""
    table = headers._table
    rows = []
    for number, header in enumerate(headers):
        row = table.row(number)
        end = len(row) - len(header.tail) - len(header.padding) - len(header.pixel_header)
        rows.append((row, end - len(header.head)))
    return rows


def test_pieces_that_are_not_elements_are_refused(tmp_path):
    headers = given(tmp_path, make_series(3)).reader.headers
    rows = packed_rows(headers)
    cuts = [(place + 20, place + 300) for _, place in rows]  # amid elements
    pieces = [[row[:a], row[a:b], row[b:]] for (row, _), (a, b) in zip(rows, cuts, strict=True)]
    forged = HeaderTable(compress(pack_table([("k", p) for p in pieces])), 3, "x")
    assert [forged[i] for i in range(3)] == list(headers)
    with pytest.raises(MetaDataError, match=r"x: slice headers.*not\b.*cut where"):
        read_columns(forged, BITS, "x")


@pytest.mark.parametrize("change", [b"\x09\0\x20\0DA\x08\0", b"\x08\0\x20\0DA\x06\0"])
def test_a_piece_of_another_element_is_refused(change, tmp_path):
    headers = given(tmp_path, make_series(3)).reader.headers
    pieces = []
    for number, (row, _) in enumerate(packed_rows(headers)):
        place = row.index(b"\x08\0\x20\0DA\x08\0")
        value = (b"20240131", b"20240132", b"20240133")[number]
        front = b"\x08\0\x20\0DA\x08\0" if number == 0 else change
        pieces.append([row[:place], front + value, row[place + 16 :]])
    forged = HeaderTable(compress(pack_table([("k", p) for p in pieces])), 3, "x")
    with pytest.raises(MetaDataError, match=r"\(0008,0020\) of a slice is not one element"):
        read_columns(forged, BITS, "x")
