"""Merged metadata from files: what dicube 0.3.0 broke is repaired or marked, damage is named."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from meta_samples import EXPLICIT_LITTLE, slice_dataset, to_bytes

from dicube_core.exceptions import MetaDataError
from dicube_core.metadata.merge import check_merged, merge_headers, repair_legacy, split
from dicube_core.metadata.merged_check import count_slices
from dicube_core.metadata.meta import DicomMeta, ElementState
from dicube_core.settings import Limits


def entry(vr="LO", *, shared=False, **more):
    return {"vr": vr, "shared": shared, **more}


def test_none_beside_lists_is_absence():
    merged = repair_legacy({"00081030": entry(Value=[["a"], "None", ["None"]])}, 3)
    assert merged["00081030"]["Value"] == ["a", None, "None"]
    assert merged["00081030"]["absent"] == [1]


def test_none_among_single_values_is_text():
    merged = repair_legacy({"00081030": entry(Value=["a", "None", "b"])}, 3)
    assert merged["00081030"] == entry(Value=["a", "None", "b"])


def test_none_among_several_values():
    merged = repair_legacy({"00080008": entry("CS", Value=[["A", "B"], "None", ["C"]])}, 3)
    assert merged["00080008"]["Value"] == [["A", "B"], None, ["C"]]


def test_none_among_binary_is_absence():
    merged = repair_legacy({"00091010": entry("OB", InlineBinary=["AAAA", "None"])}, 2)
    assert merged["00091010"] == entry("OB", InlineBinary=["AAAA", None], absent=[1])


def test_list_under_a_null_key_is_kept_and_marked():
    merged = repair_legacy({"00081030": entry(Value=[None, None], null=[["a"], "None"])}, 2)
    assert merged["00081030"] == entry(Value=["a", None], absent=[1], untrusted=True)


def test_wiped_binary_is_kept_and_marked():
    meta = DicomMeta(
        repair_legacy(
            {"00091010": entry("OB", Value=[None, None], InlineBinary=["AA==", "AQ=="])}, 2
        )
    )
    assert meta.get_values("00091010") == ["AA==", "AQ=="]
    assert meta.untrusted == {"00091010"}


def test_missing_list_is_marked():
    merged = repair_legacy({"00081030": entry()}, 2)
    assert merged["00081030"] == entry(Value=[None, None], untrusted=True)


def test_nested_values_are_marked_and_items_counted():
    inner = {"00081155": entry("UI", Value=[["1.1"], "None"])}
    merged = repair_legacy({"00081140": {"vr": "SQ", "shared": None, "Value": [inner]}}, 2)
    meta = DicomMeta(merged)
    assert meta.untrusted == {"00081140.00081155"}
    assert meta.get_values("00081140") == [[{"00081155": {"vr": "UI", "Value": ["1.1"]}}], []]


def test_repair_leaves_our_own_as_it_is():
    headers = [(to_bytes(slice_dataset(n)), EXPLICIT_LITTLE) for n in (1, 2, 3)]
    merged = merge_headers(headers)
    repaired = repair_legacy(json.loads(json.dumps(merged)), 3)
    assert [split(repaired, i) for i in range(3)] == [split(merged, i) for i in range(3)]


def test_optional_keys_that_another_program_left_behind_do_not_win():
    # Such a program sets values and keeps keys that it does not know.
    edited = {"00081030": entry(shared=True, Value=["new"], absent=[1], exact=["old", None])}
    assert check_merged(edited, 2) == {"00081030": entry(shared=True, Value=["new"])}
    edited = {"00081030": entry(Value=["new", "values"], absent=[1])}
    assert check_merged(edited, 2) == {"00081030": entry(Value=["new", "values"])}
    cells = [{"vr": "US", "Value": [1]}, {"vr": "SS", "Value": [2]}]
    stale = {"00280106": entry("US", Value=[7, None], exact=cells)}
    assert "exact" not in check_merged(stale, 2)["00280106"]


BAD = [
    ([], "mapping"),
    ({"0008": entry(Value=["a", "b"])}, "0008"),
    ({"00081030": []}, "00081030"),
    ({"00081030": entry(Value=["a"])}, "00081030"),
    ({"00081030": entry(Value=["a", "b", "c"])}, "00081030"),
    ({"00081030": entry(Value="ab")}, "00081030"),
    ({"00081030": entry(Value=["a", {"x": 1}])}, "00081030"),
    ({"00081030": entry(Value=["a", [["b"]]])}, "00081030"),
    ({"00081030": entry(Value=["a", True])}, "00081030"),
    ({"00081030": entry(vr=None, Value=["a", "b"])}, "00081030"),
    ({"00081030": entry(vr="lo", Value=["a", "b"])}, "00081030"),
    ({"00081030": entry(shared=1, Value=["a"])}, "00081030"),
    ({"00081030": entry(shared="no", Value=["a"])}, "00081030"),
    ({"00081030": entry(shared=True, Value="a")}, "00081030"),
    ({"00081030": entry(shared=True, Value=["a"], InlineBinary="AA==")}, "00081030"),
    ({"00081030": entry(shared=None, Value=[])}, "00081030"),
    ({"00081030": entry(Value=["a", None], absent=[2])}, "00081030"),
    ({"00081030": entry(Value=["a", None], absent=[True])}, "00081030"),
    ({"00081030": entry(Value=["a", None], absent=5)}, "00081030"),
    ({"00081030": entry(InlineBinary=["AA==", 5])}, "00081030"),
    ({"00280106": entry("UN", Value=[None, None], exact=[5, None])}, "00280106"),
    ({"00081140": {"vr": "SQ", "shared": None, "Value": {}}}, "00081140"),
    ({"00081140": {"vr": "SQ", "shared": None, "Value": [1]}}, "00081140"),
    ({"00081140": {"vr": "SQ", "shared": None, "Value": [{}], "counts": [1]}}, "00081140"),
    ({"00081140": {"vr": "SQ", "shared": None, "Value": [{}], "counts": [1, 2]}}, "00081140"),
    (
        {"00081140": {"vr": "SQ", "shared": None, "Value": [{"00081155": entry(Value=["a"])}]}},
        "00081140.00081155",
    ),
]


@pytest.mark.parametrize(("merged", "name"), BAD)
def test_malformed_entries_are_named(merged, name):
    with pytest.raises(MetaDataError, match=name):
        check_merged(merged, 2)
    with pytest.raises(MetaDataError):
        repair_legacy(merged, 2)
    with pytest.raises(MetaDataError):
        DicomMeta(merged, slice_count=2)


def test_depth_bombs():
    tree = {}
    for _ in range(400):
        tree = {"00081140": {"vr": "SQ", "shared": None, "Value": [tree]}}
    for function in (check_merged, repair_legacy):
        with pytest.raises(MetaDataError, match="nested deeper"):
            function(tree, 1)
    bomb = '{"_merged_data":' + '{"00081140":' * 100_000
    for text in (bomb, '{"_merged_data":' + "[" * 100_000, "[" * 100_000):
        with pytest.raises(MetaDataError, match="not JSON"):
            DicomMeta.from_json(text)
    deep = 5
    for _ in range(400):
        deep = [deep]
    cells = [{"vr": "US", "Value": deep}]
    with pytest.raises(MetaDataError, match="nested deeper"):
        check_merged({"00280106": entry("UN", Value=[None], exact=cells)}, 1)


@pytest.mark.parametrize("count", [10**12, -1, "3", None, True, 2.0, Limits().frame_count + 1])
def test_impossible_slice_counts(count):
    with pytest.raises(MetaDataError):
        check_merged({}, count)
    text = json.dumps({"_merged_data": {}, "slice_count": count})
    if count is not None:
        with pytest.raises(MetaDataError):
            DicomMeta.from_json(text)


def test_contradicting_slice_count():
    merged = {"00081030": entry(Value=["a", "b"])}
    with pytest.raises(MetaDataError, match="slice_count"):
        DicomMeta.from_json(json.dumps({"_merged_data": merged, "slice_count": 3}))


def test_count_slices_looks_into_sequences():
    inner = {"00081155": entry("UI", Value=["1", "2", "3"])}
    assert count_slices({"00081140": {"vr": "SQ", "shared": None, "Value": [inner]}}) == 3
    assert count_slices({"00080060": entry("CS", shared=True, Value=["CT"])}) is None


def test_old_files_are_the_bare_mapping():
    meta = DicomMeta.from_json(json.dumps({"00080060": entry("CS", shared=True, Value=["CT"])}))
    assert meta.slice_count == 1
    assert meta.get_shared_value("Modality") == "CT"


def test_non_finite_numbers_become_text():
    meta = DicomMeta.from_json(
        '{"_merged_data":{"00189087":{"vr":"FD","shared":false,"Value":[NaN,-Infinity]}}}'
    )
    assert meta.get_values("00189087") == ["NaN", "-Infinity"]
    assert DicomMeta.from_json(meta.to_json()) == meta


@pytest.mark.parametrize("text", ["", "[]", "5", "null", '{"_merged_data": 5}', "{", "\x00", '"a"'])
def test_text_that_is_no_metadata(text):
    with pytest.raises(MetaDataError):
        DicomMeta.from_json(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(["CS", "None", "SQ"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    *("00080060", "00081140", "vr", "shared", "Value", "InlineBinary", "absent"),
                    *("counts", "exact", "null", "_merged_data", "slice_count"),
                ]
            ),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@settings(max_examples=500, deadline=None)
@given(JSON)
def test_any_json_is_read_or_refused(data):
    with suppress(MetaDataError):
        meta = DicomMeta.from_json(json.dumps(data))
        for key in meta.keys():  # noqa: SIM118 - not a mapping
            assert len(meta.get_values(key)) == meta.slice_count
            meta.is_shared(key)
            meta.is_missing(key)
        for index in range(meta.slice_count):
            json.dumps(meta.index(index))
            assert all(meta.get_state(key, index) in ElementState for key in meta.keys())  # noqa: SIM118 - not a mapping
        assert DicomMeta.from_json(meta.to_json()) == meta
