"""`DicomMeta`: values, states, edits, sorting, and late loading."""

from __future__ import annotations

import copy
import json
import pickle
import threading
from decimal import Decimal

import numpy as np
import pytest
from meta_samples import EXPLICIT_LITTLE, slice_dataset, to_bytes
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from dicube_core.exceptions import FrameIndexError, MetaDataError, SeriesError
from dicube_core.metadata.merge import merge_headers
from dicube_core.metadata.meta import DicomMeta, ElementState


def series(numbers=(1, 2, 3), **values):
    return DicomMeta.from_datasets(
        [slice_dataset(n, **values) for n in numbers], [f"{n}.dcm" for n in numbers]
    )


@pytest.mark.parametrize(
    "tag", [0x00080060, "Modality", "00080060", (0x0008, 0x0060), Tag(0x00080060)]
)
def test_tags_in_any_form(tag):
    meta = series()
    assert meta.get_shared_value(tag) == "CT"
    assert tag in meta


@pytest.mark.parametrize("tag", ["NoSuchKeyword", -1, 1 << 32, None, 1.5, True])
def test_things_that_are_no_tags(tag):
    with pytest.raises(MetaDataError, match="not a DICOM tag"):
        series().get_values(tag)


def test_values():
    meta = series()
    assert meta.get_values("Modality") == [["CT"]] * 3
    assert meta.get_values("InstanceNumber") == [1, 2, 3]
    assert meta.get_values("ImagePositionPatient")[1] == [0.0, 0.0, 3.0]
    assert meta.get_values("PatientID") == [None] * 3
    assert meta["Modality"] == (["CT"], "shared")
    assert meta["InstanceNumber"] == ([1, 2, 3], "non_shared")
    assert meta["PatientID"] == (None, None)
    assert meta.get("Modality") == "CT"
    assert meta.get("PixelSpacing") == [0.5, 0.5]
    assert meta.get("InstanceNumber") == [1, 2, 3]
    assert meta.get("PatientID", "nobody") == "nobody"
    assert meta.get_vr("PatientName") == "PN"
    assert meta.get_vr("PatientID") == ""
    assert len(meta) == len(meta.keys()) == len(list(meta.items()))
    assert meta.keys() == sorted(meta.keys())
    with pytest.raises(ValueError, match="not shared"):
        meta.get_shared_value("InstanceNumber")


def test_sequences_give_the_items_of_each_slice():
    datasets = [slice_dataset(n) for n in (1, 2, 3)]
    datasets[1].SourceImageSequence = []
    del datasets[2].SourceImageSequence
    meta = DicomMeta.from_datasets(datasets)
    first, second, third = meta.get_values("SourceImageSequence")
    assert first == datasets[0].to_json_dict()["00082112"]["Value"]
    assert (second, third) == ([], None)
    assert not meta.is_shared("SourceImageSequence")
    assert not meta.is_missing("SourceImageSequence")
    same = series((7, 7))
    assert same.is_shared("SourceImageSequence")
    assert same.get_shared_value("SourceImageSequence")[0]["00081155"]["Value"] == ["1.9.7"]


def test_states():
    datasets = [slice_dataset(n) for n in (1, 2, 3)]
    datasets[1].SeriesDescription = ""
    datasets[2].SeriesDescription = "None"
    meta = DicomMeta.from_datasets(datasets)
    states = [meta.get_state("SeriesDescription", i) for i in range(3)]
    assert states == [ElementState.ABSENT, ElementState.EMPTY, ElementState.VALUE]
    assert meta.is_absent("SeriesDescription", -3)
    assert meta.get_values("SeriesDescription") == [None, None, "None"]
    assert not meta.is_missing("SeriesDescription")
    assert not meta.is_shared("SeriesDescription")
    with pytest.raises(FrameIndexError):
        meta.get_state("SeriesDescription", 3)


def test_binary_values():
    meta = series(PixelPaddingValue=0)
    meta.set_shared_item(0x00091010, b"\1\2", vr="OB")
    assert meta.get_shared_value(0x00091010) == "AQI="
    assert not meta.is_missing(0x00091010)


def test_index_is_pydicoms_model():
    meta = series()
    for index, number in enumerate((1, 2, 3)):
        assert meta.index(index) == slice_dataset(number).to_json_dict()
        assert Dataset.from_json(meta.index(index)) == Dataset.from_json(
            slice_dataset(number).to_json_dict()
        )
    assert meta.index(-1) == meta.index(2)
    for wrong in (3, -4):
        with pytest.raises(IndexError):
            meta.index(wrong)


def test_returned_values_are_copies():
    meta = series()
    before = meta.to_json()
    meta.get_values("ImagePositionPatient")[0].append(1)
    meta.get_values("PatientName")[0][0]["Alphabetic"] = "X"
    meta.get_values("SourceImageSequence")[0].clear()
    meta.get_shared_value("PixelSpacing").clear()
    meta.index(0).clear()
    assert meta.to_json() == before


def test_sorting_takes_everything_along():
    numbers = (3, 1, 2)
    datasets = [slice_dataset(n) for n in numbers]
    for number, dataset in zip(numbers, datasets, strict=True):
        dataset.add_new(0x00091010, "OB", bytes([number, 0]))
        if number == 2:
            del dataset.SourceImageSequence
            dataset.SeriesDescription = "two"
    meta = DicomMeta.from_datasets(datasets, list("cab"))
    meta.set_nonshared_item("PatientID", ["three", "one", "two"])
    assert meta.sort_files() == [1, 2, 0]
    assert meta.filenames == ["a", "b", "c"]
    assert meta.order == (1, 2, 0)
    expected = {n: d.to_json_dict() for n, d in zip(numbers, datasets, strict=True)}
    for index, number in enumerate((1, 2, 3)):
        found = meta.index(index)
        assert found.pop("00100020")["Value"] == [["one", "two", "three"][index]]
        assert found == expected[number]
    assert meta.edits[0x00100020].element(0) == {"vr": "LO", "Value": ["one"]}
    assert meta.sort_files() == [0, 1, 2]
    assert meta.order == (1, 2, 0)


def test_sorting_by_position():
    from dicube_core.spatial.order import SortMethod

    meta = series((2, 3, 1))
    assert meta.sort_files(SortMethod.POSITION_RIGHT_HAND) == [2, 0, 1]
    assert meta.sort_files(SortMethod.POSITION_LEFT_HAND) == [2, 1, 0]
    meta.delete_item("ImagePositionPatient")
    with pytest.raises(SeriesError):
        meta.sort_files(SortMethod.POSITION_RIGHT_HAND)


NAME = {"Alphabetic": "A", "Ideographic": "", "Phonetic": "山"}


@pytest.mark.parametrize(
    ("tag", "value", "stored"),
    [
        ("PatientName", "Doe^John", [{"Alphabetic": "Doe^John"}]),
        ("PatientName", {"Alphabetic": "A", "Phonetic": "山"}, [NAME]),
        ("PatientName", "A=B", [{"Alphabetic": "A", "Ideographic": "B"}]),
        ("ImageType", ["DERIVED", "SECONDARY"], ["DERIVED", "SECONDARY"]),
        ("ImageType", "DERIVED\\SECONDARY", ["DERIVED", "SECONDARY"]),
        ("PixelSpacing", (0.5, "0.25"), [0.5, 0.25]),
        ("PixelSpacing", np.array([1, 2]), [1.0, 2.0]),
        ("SliceThickness", Decimal("1.5"), [1.5]),
        ("SliceThickness", 1 / 3, [0.33333333333333]),
        ("SliceThickness", -1e-7 / 3, [-3.3333333333e-08]),
        ("InstanceNumber", np.int64(5), [5]),
        ("InstanceNumber", "7", [7]),
        ("Rows", 512, [512]),
        ("PatientID", "x  ", ["x"]),
        ("StudyDate", "20240131", ["20240131"]),
        ("StudyTime", "101112.5", ["101112.5"]),
        ("SOPInstanceUID", "1.2.3", ["1.2.3"]),
        ("FrameIncrementPointer", 0x00181063, ["00181063"]),
        ("SmallestImagePixelValue", 7, [7]),
        ("PatientComments", "back\\slash", ["back\\slash"]),
        ("PatientID", None, None),
        ("PatientID", "", None),
        ("PatientID", [], None),
    ],
)  # fmt: skip
def test_setting_shared_values(tag, value, stored):
    meta = series()
    meta.set_shared_item(tag, value)
    assert meta.get_values(tag) == [stored] * 3
    assert meta.is_shared(tag)
    assert meta.get_state(tag, 1) is (ElementState.VALUE if stored else ElementState.EMPTY)
    assert meta.keys() == sorted(meta.keys())
    assert DicomMeta.from_json(meta.to_json(), meta.filenames) == meta


def test_decimal_strings_fit_their_sixteen_characters():
    meta = series()
    for value in (0.1 + 0.2, 1e-300 / 3, -123456.7890123456789, 2.5e300 / 7):
        meta.set_shared_item("SliceThickness", value)
        stored = meta.get_shared_value("SliceThickness")
        assert stored == pytest.approx(value, rel=1e-8)


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("InstanceNumber", 1.5),
        ("InstanceNumber", "x"),
        ("InstanceNumber", 2**31),
        ("InstanceNumber", True),
        ("Rows", -1),
        ("Rows", 65536),
        ("PixelSpacing", 1.0),
        ("PixelSpacing", [1, 2, 3]),
        ("PixelSpacing", [1, "x"]),
        ("SliceThickness", float("nan")),
        ("SliceThickness", float("inf")),
        ("ImagePositionPatient", [1, 2]),
        ("PatientID", 5),
        ("PatientID", "x" * 65),
        ("PatientName", 5),
        ("PatientName", "a=b=c=d"),
        ("StudyDate", "2024-01-31"),
        ("SOPInstanceUID", "not a uid"),
        ("Modality", ["CT", "MR"]),
        ("SourceImageSequence", "x"),
        ("SourceImageSequence", [{"0008": {"vr": "LO"}}]),
        ("PixelData", b"\0\0"),
        ("TransferSyntaxUID", "1.2"),
        (0x00080000, 5),
        (0x00091010, "private, and no VR"),
        (0x00090002, "no dictionary has it"),
    ],
)
def test_values_that_do_not_fit_are_refused(tag, value):
    meta = series()
    before = meta.to_json()
    with pytest.raises(MetaDataError):
        meta.set_shared_item(tag, value)
    with pytest.raises(MetaDataError):
        meta.set_nonshared_item(tag, [value] * 3)
    assert meta.to_json() == before
    assert not meta.edits


def test_setting_values_per_slice():
    meta = series()
    meta.set_nonshared_item("SeriesDescription", ["a", None, "c"])
    assert meta.get_values("SeriesDescription") == ["a", None, "c"]
    assert meta.is_absent("SeriesDescription", 1)
    meta.set_nonshared_item("SeriesDescription", [None, "b", "c"])
    states = [meta.get_state("SeriesDescription", i).value for i in range(3)]
    assert states == ["empty", "value", "value"]
    meta.set_nonshared_item("PatientID", ["same"] * 3)
    assert meta.get_values("PatientID") == ["same"] * 3
    for wrong in (["a"], "abc", []):
        with pytest.raises(MetaDataError, match="3 slices"):
            meta.set_nonshared_item("PatientID", wrong)


def test_setting_sequences():
    meta = series()
    item = Dataset()
    item.CodeValue = "7"
    meta.set_shared_item(
        "ProcedureCodeSequence", [item, {"00080104": {"vr": "LO", "Value": ["ß"]}}]
    )
    assert len(meta.get_shared_value("ProcedureCodeSequence")) == 2
    items = meta.get_values("SourceImageSequence")
    items[1] = []
    meta.set_nonshared_item("SourceImageSequence", items)
    assert [len(v) for v in meta.get_values("SourceImageSequence")] == [1, 0, 1]


def test_private_tags_and_vrs():
    meta = series()
    meta.set_shared_item(0x00090010, "MINE")
    meta.set_shared_item(0x00091001, [1.5, 2.5], vr="FD")
    assert meta.get_vr(0x00090010) == "LO"
    meta.set_shared_item(0x00091001, 3.5)  # keeps the VR it has
    assert meta.get_vr(0x00091001) == "FD"
    with pytest.raises(MetaDataError, match="unknown VR"):
        meta.set_shared_item(0x00091001, 1, vr="XX")


def test_ambiguous_vr_follows_the_pixels():
    assert _padding_vr(0) == "US"
    assert _padding_vr(1) == "SS"


def _padding_vr(sign):
    meta = series(PixelRepresentation=sign)
    meta.set_shared_item("PixelPaddingValue", 5)
    return meta.get_vr("PixelPaddingValue")


def test_deleting():
    meta = series()
    del meta["PatientName"]
    assert "PatientName" not in meta
    assert meta.edits[0x00100010].is_deleted
    with pytest.raises(KeyError):
        del meta["PatientName"]
    assert meta.delete_item("PatientName") is False
    meta.set_shared_item("PatientName", "New^Name")
    assert not meta.edits[0x00100010].is_deleted


def test_record_of_edits():
    meta = series()
    meta.set_shared_item("PatientID", "x")
    meta.set_nonshared_item("InstanceNumber", [7, 8, 9])
    meta.delete_item("Modality")
    assert set(meta.edits) == {0x00100020, 0x00200013, 0x00080060}
    assert meta.edits[0x00100020].element(2) == {"vr": "LO", "Value": ["x"]}
    assert meta.edits[0x00200013].element(2) == {"vr": "IS", "Value": [9]}
    assert meta.edits[0x00080060].element(0) is None
    meta.mark_clean()
    assert not meta.edits
    assert meta.get_values("InstanceNumber") == [7, 8, 9]


def test_late_loading_happens_once():
    calls = []
    merged = series().merged_data
    start = threading.Barrier(8)

    def load():
        calls.append(1)
        return merged

    meta = DicomMeta.lazy(load, 3, ["a", "b", "c"])
    assert (meta.slice_count, meta.filenames, calls) == (3, ["a", "b", "c"], [])
    assert "3 slices>" in repr(meta)
    found = []

    def use():
        start.wait()
        found.append(meta.get_values("InstanceNumber"))

    threads = [threading.Thread(target=use) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [[1, 2, 3]] * 8
    assert calls == [1]


def test_late_loading_checks():
    meta = DicomMeta.lazy(lambda: {"00080060": {"vr": "CS", "shared": False, "Value": ["a"]}}, 3)
    with pytest.raises(MetaDataError, match="00080060"):
        meta.keys()


def test_copies_and_equality():
    meta = series()
    meta.set_shared_item("PatientID", "x")
    for other in (pickle.loads(pickle.dumps(meta)), copy.deepcopy(meta), copy.copy(meta)):
        assert other == meta
        assert dict(other.edits) == dict(meta.edits)
    other = copy.deepcopy(meta)
    other.set_shared_item("PatientID", "y")
    assert other != meta
    assert meta.get_shared_value("PatientID") == "x"
    assert meta != "meta"
    lazy = DicomMeta.lazy(lambda: meta.merged_data, 3, meta.filenames)
    assert pickle.loads(pickle.dumps(lazy)) == lazy == meta


def test_json_form():
    meta = series()
    data = json.loads(meta.to_json())
    assert data["slice_count"] == 3
    assert data["_merged_data"] == meta.merged_data
    assert DicomMeta.from_json(meta.to_json(), meta.filenames) == meta
    assert DicomMeta.from_json(meta.to_json().encode()).filenames is None


def test_slice_count():
    assert DicomMeta({}).slice_count == 1
    assert DicomMeta({}, ["a", "b"]).slice_count == 2
    assert DicomMeta({}, slice_count=5).get_values("PatientID") == [None] * 5
    assert DicomMeta.from_datasets([]).slice_count == 0
    with pytest.raises(MetaDataError, match="file names"):
        DicomMeta(series().merged_data, ["a"])


def test_display(capsys):
    meta = series()
    meta.display()
    shown = capsys.readouterr().out
    assert "(0008,0060)  Modality" in shown
    assert "Müller^Jörg" in shown
    assert "2.dcm" in shown
    meta.display(show_shared=False)
    assert "Modality" not in capsys.readouterr().out


def test_datasets_of_any_origin(tmp_path):
    import pydicom
    from pydicom.data import get_testdata_file

    for name in ("CT_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm"):
        dataset = pydicom.dcmread(get_testdata_file(name, download=False))
        expected = dataset.to_json_dict()
        expected.pop("7FE00010")
        expected = {k: v for k, v in expected.items() if not k.endswith("0000")}
        assert DicomMeta.from_datasets([dataset, dataset]).index(1) == expected
        assert "PixelData" in dataset


def test_dataset_with_text_its_character_set_lacks():
    with pytest.raises(MetaDataError, match="character set"):
        series(PatientName="山田")


def test_large_binary_and_many_items_survive():
    datasets = [slice_dataset(n) for n in (1, 2)]
    for number, dataset in enumerate(datasets):
        dataset.add_new(0x00091010, "OB", bytes([number]) * 20_000)
        dataset.ReferencedImageSequence = [slice_dataset(n) for n in range(3)]
    meta = DicomMeta(merge_headers([(to_bytes(d), EXPLICIT_LITTLE) for d in datasets]))
    for index, dataset in enumerate(datasets):
        assert meta.index(index) == dataset.to_json_dict()
