"""What dicube 0.3.0 reads of ours, and what we make of what it wrote."""

from __future__ import annotations

import json
import random
import warnings

import pytest
from meta_samples import EXPLICIT_LITTLE, from_bytes, real_headers, slice_dataset, to_bytes

from dicube_core.dataset.json_model import dataset_to_json
from dicube_core.metadata.merge import merge_headers
from dicube_core.metadata.meta import DicomMeta

dicube_dicom = pytest.importorskip("dicube.dicom")


def incumbent_json(datasets, order=None):
    """What 0.3.0 stores for data sets found in some order and sorted afterwards."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        meta = dicube_dicom.DicomMeta.from_datasets(
            datasets, [str(i) for i in range(len(datasets))]
        )
        if order:
            meta.sort_files(dicube_dicom.SortMethod.INSTANCE_NUMBER_ASC)
        return meta.to_json()


def read_by_incumbent(meta):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return dicube_dicom.DicomMeta.from_json(meta.to_json())


@pytest.mark.parametrize("series", ["ct_heart_10", "ct_body_60"])
def test_it_reads_real_series_as_we_do(series):
    headers = real_headers(series)
    if not headers:
        pytest.skip(f"shared series {series} is not there")
    ours = DicomMeta(merge_headers(headers))
    theirs = read_by_incumbent(ours)
    assert theirs.slice_count == ours.slice_count
    for index in range(len(headers)):
        assert theirs.index(index) == ours.index(index)
    for key in ours.keys():  # noqa: SIM118 - not a mapping
        if ours.get_vr(key) == "SQ" or "InlineBinary" in ours.merged_data[key]:
            continue
        assert theirs.get_values(key) == ours.get_values(key)
        assert theirs.is_shared(key) == ours.is_shared(key)
        assert theirs.is_missing(key) == ours.is_missing(key)
        assert theirs[key] == ours[key]


def test_it_reads_what_varies():
    datasets = [slice_dataset(n) for n in range(4)]
    datasets[1].SeriesDescription = "only here"
    datasets[2].SeriesDescription = None
    for number, dataset in enumerate(datasets):
        dataset.add_new(0x00091010, "OB", bytes([number] * 20_000))
        dataset.ImageType = ["ORIGINAL", "PRIMARY"][: 1 + number % 2]
    del datasets[3].SourceImageSequence
    ours = DicomMeta.from_datasets(datasets)
    theirs = read_by_incumbent(ours)
    for index in range(4):
        expected, found = ours.index(index), theirs.index(index)
        for key, element in expected.items():
            assert found[key] == element
        # What a slice lacks it shows as empty, or as an item of empty elements; never as text.
        extra = {key: found[key] for key in found.keys() - expected.keys()}
        assert "None" not in json.dumps(extra)
        assert "1.9" not in json.dumps(extra)
        from_bytes(to_bytes(datasets[index]))


def test_ours_equals_theirs_where_it_is_right():
    datasets = [slice_dataset(n) for n in range(3)]
    theirs = json.loads(incumbent_json(datasets))["_merged_data"]
    ours = merge_headers([(to_bytes(dataset), EXPLICIT_LITTLE) for dataset in datasets])
    assert ours == theirs


def test_its_files_are_repaired():
    datasets = [slice_dataset(n) for n in range(6)]
    for number in (1, 4):
        datasets[number].SeriesDescription = "None" if number == 1 else "text"
        datasets[number].SeriesNumber = number
    found = datasets[:]
    random.Random(3).shuffle(found)
    if "SeriesDescription" not in found[-1]:  # else the key of the list is lost
        found.append(found.pop(found.index(datasets[1])))
    meta = DicomMeta.from_json(incumbent_json(found, order=True))
    assert meta.get_values("InstanceNumber") == [0, 1, 2, 3, 4, 5]
    assert meta.get_values("SeriesDescription") == [None, "None", None, None, "text", None]
    assert meta.get_values("SeriesNumber") == [None, 1, None, None, 4, None]
    assert meta.is_absent("SeriesNumber", 0)
    assert meta.untrusted == {"00082112.00081155"}


def test_its_lost_key_is_found_again():
    datasets = [slice_dataset(n) for n in range(3)]
    datasets[0].SeriesDescription = "first"
    meta = DicomMeta.from_json(incumbent_json(datasets, order=True))
    assert meta.get_values("SeriesDescription") == ["first", None, None]
    assert "0008103E" in meta.untrusted


def test_its_binary_is_kept():
    datasets = [slice_dataset(n) for n in range(3)]
    for number, dataset in enumerate(datasets):
        dataset.add_new(0x00091010, "OB", bytes([number, 1]))
    meta = DicomMeta.from_json(incumbent_json(datasets, order=True))
    assert meta.get_values(0x00091010) == ["AAE=", "AQE=", "AgE="]
    assert "00091010" in meta.untrusted


def test_our_file_saved_again_by_it():
    datasets = [slice_dataset(n) for n in range(3)]
    datasets[0].SeriesDescription = "first"
    ours = DicomMeta.from_datasets(datasets)
    theirs = read_by_incumbent(ours)
    theirs.set_shared_item("SeriesDescription", "all")
    theirs.set_nonshared_item("PatientID", ["a", "b", "c"])
    again = DicomMeta.from_json(theirs.to_json())
    assert again.get_values("SeriesDescription") == [["all"]] * 3
    assert again.get_values("PatientID") == ["a", "b", "c"]
    expected = ours.index(1)
    found = again.index(1)
    assert {k: v for k, v in found.items() if k in expected} == expected


def test_sorting_gives_the_same_order():
    datasets = [slice_dataset(n) for n in (3, 1, 2)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = dicube_dicom.DicomMeta.from_datasets(datasets, ["a", "b", "c"])
    ours = DicomMeta.from_datasets(datasets, ["a", "b", "c"])
    for method in dicube_dicom.SortMethod:
        from dicube_core.spatial.order import SortMethod

        assert ours.sort_files(SortMethod[method.name]) == theirs.sort_files(method)
        assert ours.filenames == theirs.filenames
        assert ours.get_values("InstanceNumber") == theirs.get_values("InstanceNumber")


def test_the_model_is_that_of_pydicom():
    dataset = slice_dataset(1)
    assert dataset_to_json(to_bytes(dataset)) == dataset.to_json_dict()
