"""Merging loses nothing: every slice comes back from the merged mapping."""

from __future__ import annotations

import json
from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meta_samples import EXPLICIT_LITTLE, explicit, item, real_headers, slice_dataset, to_bytes

from dicube_core.dataset.json_model import dataset_to_json
from dicube_core.exceptions import MetaDataError
from dicube_core.metadata.merge import check_merged, merge, merge_headers, reorder, split

SCALARS = (
    st.sampled_from(["None", "", "a", "null", "1"])
    | st.integers(-2, 2)
    | st.sampled_from([0.0, -0.0, 1.0, 1.5])
    | st.none()
)
PLAIN = st.one_of(
    st.builds(lambda vr: {"vr": vr}, st.sampled_from(["LO", "DS", "OB"])),
    st.builds(
        lambda vr, v: {"vr": vr, "Value": v},
        st.sampled_from(["LO", "DS"]),
        st.lists(SCALARS, max_size=3),
    ),
    st.builds(lambda v: {"vr": "OB", "InlineBinary": v}, st.sampled_from(["None", "AAAA", "AQI="])),
    st.builds(lambda v: {"vr": "UT", "BulkDataURI": v}, st.sampled_from(["a", "b"])),
    st.just({"vr": "PN", "Value": [{"Alphabetic": "None"}]}),
)
TAGS = st.sampled_from(["00080005", "00100010", "00209113", "7FE10010"])
DATASETS = st.recursive(
    st.dictionaries(TAGS, PLAIN, max_size=3),
    lambda inner: st.dictionaries(
        TAGS,
        PLAIN
        | st.builds(lambda items: {"vr": "SQ", "Value": items}, st.lists(inner, max_size=3))
        | st.just({"vr": "SQ"}),
        max_size=3,
    ),
    max_leaves=8,
)


def exact(value):
    return json.dumps(value, sort_keys=True)


@settings(max_examples=400, deadline=None)
@given(
    st.lists(DATASETS, min_size=1, max_size=4),
    st.lists(st.integers(0, 3), min_size=0, max_size=4),
    st.randoms(use_true_random=False),
)
def test_split_undoes_merge(datasets, repeats, random):
    datasets = datasets + [datasets[i % len(datasets)] for i in repeats]
    merged = merge(datasets)
    assert list(merged) == sorted(merged)
    stored = json.loads(json.dumps(merged))
    for tree in (merged, check_merged(stored, len(datasets))):
        for index, dataset in enumerate(datasets):
            assert exact(split(tree, index)) == exact(dataset)
    order = list(range(len(datasets)))
    random.shuffle(order)
    sorted_tree = check_merged(reorder(stored, order), len(datasets))
    for new, old in enumerate(order):
        assert exact(split(sorted_tree, new)) == exact(datasets[old])


@pytest.mark.parametrize("series", ["ct_heart_10", "ct_body_60"])
def test_real_series(series):
    headers = real_headers(series)
    if not headers:
        pytest.skip(f"shared series {series} is not there")
    merged = merge_headers(headers)
    datasets = [dataset_to_json(*header) for header in headers]
    assert merged == merge(datasets)
    assert [split(merged, index) for index in range(len(headers))] == datasets
    assert exact(merged) == exact(merge_headers(headers))


def test_form_that_the_incumbent_reads():
    headers = [(to_bytes(slice_dataset(n)), EXPLICIT_LITTLE) for n in (1, 2)]
    merged = merge_headers(headers)
    assert merged["00080060"] == {"vr": "CS", "shared": True, "Value": ["CT"]}
    assert merged["00200013"] == {"vr": "IS", "shared": False, "Value": [1, 2]}
    assert merged["00200032"]["Value"] == [[0.0, 0.0, 1.5], [0.0, 0.0, 3.0]]
    assert merged["00082112"] == {
        "vr": "SQ",
        "shared": None,
        "Value": [
            {
                "00081150": {"vr": "UI", "shared": True, "Value": ["1.8"]},
                "00081155": {"vr": "UI", "shared": False, "Value": ["1.9.1", "1.9.2"]},
            }
        ],
    }


def test_one_slice_is_all_shared():
    merged = merge_headers([(to_bytes(slice_dataset(1)), EXPLICIT_LITTLE)])
    assert {e["shared"] for e in merged.values()} == {True, None}
    assert "absent" not in json.dumps(merged)


def test_absent_empty_and_value_are_told_apart():
    tag = 0x00081030
    cells = [
        b"",
        explicit(tag, "LO", b""),
        explicit(tag, "LO", b"None"),
        explicit(tag, "LO", b"x "),
    ]
    merged = merge_headers([(cell, EXPLICIT_LITTLE) for cell in cells])
    assert merged["00081030"] == {
        "vr": "LO",
        "shared": False,
        "Value": [None, None, "None", "x"],
        "absent": [0],
    }
    assert [split(merged, i).get("00081030") for i in range(4)] == [
        None,
        {"vr": "LO"},
        {"vr": "LO", "Value": ["None"]},
        {"vr": "LO", "Value": ["x"]},
    ]


def test_all_items_of_a_sequence_are_kept():
    def items(*numbers):
        return explicit(
            0x00081140,
            "SQ",
            b"".join(item(explicit(0x00081150, "UI", b"1.%d" % n)) for n in numbers),
        )

    cells = [items(1, 2, 3), b"", items(), items(4)]
    merged = merge_headers([(cell, EXPLICIT_LITTLE) for cell in cells])
    assert merged["00081140"]["counts"] == [3, None, 0, 1]
    for index, cell in enumerate(cells):
        assert split(merged, index) == dataset_to_json(cell)


def test_binary_that_differs_by_slice():
    values = [bytes([n]) * 20_000 for n in range(3)]
    merged = merge_headers([(explicit(0x00291010, "OB", v), EXPLICIT_LITTLE) for v in values])
    assert merged["00291010"]["shared"] is False
    assert len(set(merged["00291010"]["InlineBinary"])) == 3


def test_vr_that_differs_by_slice():
    cells = [
        explicit(0x00280106, "US", pack("<H", 5)),
        explicit(0x00280106, "SS", pack("<h", -5)),
        explicit(0x00280106, "OB", b"ab"),
        explicit(0x00280106, "SQ", item(b"")),
    ]
    merged = merge_headers([(cell, EXPLICIT_LITTLE) for cell in cells])
    assert merged["00280106"]["Value"] == [5, None, None, None]
    for index, cell in enumerate(cells):
        assert split(merged, index) == dataset_to_json(cell)


def test_sign_of_zero_is_a_difference():
    cells = [explicit(0x00189087, "FD", pack("<d", v)) for v in (0.0, -0.0)]
    merged = merge_headers([(cell, EXPLICIT_LITTLE) for cell in cells])
    assert merged["00189087"]["shared"] is False
    assert str(split(merged, 1)["00189087"]["Value"]) == "[-0.0]"


def test_broken_header_names_its_slice():
    good = explicit(0x00080060, "CS", b"CT")
    with pytest.raises(MetaDataError, match="slice 1"):
        merge_headers([(good, EXPLICIT_LITTLE), (good[:-1], EXPLICIT_LITTLE)])


def test_split_does_not_share_memory():
    merged = merge([{"00080060": {"vr": "CS", "Value": ["CT"]}}] * 2)
    split(merged, 0)["00080060"]["Value"].append("MR")
    assert split(merged, 0)["00080060"]["Value"] == ["CT"]


def test_split_of_a_damaged_entry_names_the_tag():
    with pytest.raises(MetaDataError, match="00080060"):
        split({"00080060": {"vr": "CS", "shared": False, "Value": ["CT"]}}, 1)
