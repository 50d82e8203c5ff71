"""Every kind that is kept is kept in a tree too: multi-frame, colour, compressed sources."""

from __future__ import annotations

from pathlib import Path

import pydicom.data
import pytest
from pydicom import dcmread
from tree_support import accounted, file_bytes, tree_of

import dicube_core
from dicube_core.trees.report import Outcome

BUNDLED = Path(pydicom.data.__file__).parent / "test_files"


def copied(root, *names):
    for name in names:
        if not (BUNDLED / name).exists():
            pytest.skip(f"this pydicom has no {name}")
    return tree_of(root, {name: (BUNDLED / name).read_bytes() for name in names})


def convert(tree, out, **options):
    return dicube_core.convert_tree(tree, out, jobs=1, **options)


def test_multiframe_and_colour_are_proven(tmp_path):
    names = ("examples_ybr_color.dcm", "rtdose.dcm", "examples_palette.dcm", "CT_small.dcm")
    tree = copied(tmp_path / "in", *names)
    report = convert(tree, tmp_path / "out")
    assert report.counts()["converted"] == 4
    frames = {row.sources[0]: row.frames for row in report.rows}
    assert frames["examples_ybr_color.dcm"] == 30
    assert frames["rtdose.dcm"] == 15
    for row in report.rows:
        path = tmp_path / "out" / row.file
        proof = dicube_core.verify_against(path, tree / row.sources[0])
        assert proof.ok, proof.failures
    assert convert(tree, tmp_path / "out").counts()["already there"] == 4


def test_everything_that_pydicom_has_in_one_tree(tmp_path):
    report = dicube_core.convert_tree(BUNDLED, tmp_path / "out", jobs=2)
    assert accounted(report) == sorted(file_bytes(BUNDLED))
    assert len(report.of(Outcome.CONVERTED)) > 30
    # What is refused is refused by name; what fails is damaged.
    assert all(row.reason for row in report.rows if not row.file)
    assert {row.file for row in report.rows if row.file} == set(file_bytes(tmp_path / "out"))
    again = dicube_core.convert_tree(BUNDLED, tmp_path / "out", jobs=2)
    assert [row.file for row in again.rows] == [row.file for row in report.rows]
    assert again.counts()["converted"] == 0


def one_series(root, *names):
    """Copy files as instances of one series."""
    tree = copied(root, *names)
    for number, name in enumerate(names):
        dataset = dcmread(tree / name)
        dataset.StudyInstanceUID, dataset.SeriesInstanceUID = "1.2.3", "1.2.3.4"
        dataset.SOPInstanceUID = f"1.2.3.4.{number}"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(tree / name)
    return tree


def test_encodings_are_kept_each_in_a_file_of_its_own(tmp_path):
    tree = one_series(
        tmp_path / "in", "MR_small.dcm", "MR_small_RLE.dcm", "MR_small_jpeg_ls_lossless.dcm"
    )
    (together,) = convert(tree, tmp_path / "out").rows
    assert together.frames == 3
    report = convert(tree, tmp_path / "kept", keep_encoding=True)
    assert [row.frames for row in report.of(Outcome.CONVERTED)] == [1, 1, 1]
    codecs = set()
    for row in report.rows:
        with dicube_core.Reader(tmp_path / "kept" / row.file) as reader:
            codecs.add(reader.codec_name)
    assert codecs == {
        "htj2k",
        "encapsulated:1.2.840.10008.1.2.5",
        "encapsulated:1.2.840.10008.1.2.4.80",
    }
    assert convert(tree, tmp_path / "kept", keep_encoding=True).counts()["already there"] == 3


def test_orientations_of_enhanced_instances_are_separated(tmp_path):
    enhanced = pydicom.data.get_testdata_file("eCT_Supplemental.dcm", download=False)
    if enhanced is None:
        pytest.skip("this pydicom has no enhanced CT")
    tree = tmp_path / "in"
    tree.mkdir()
    for number, orientation in enumerate(([1, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, -1])):
        dataset = dcmread(enhanced)
        shared = dataset.SharedFunctionalGroupsSequence[0]
        groups = [shared, *dataset.PerFrameFunctionalGroupsSequence]
        for group in groups:
            if "PlaneOrientationSequence" in group:
                group.PlaneOrientationSequence[0].ImageOrientationPatient = orientation
        dataset.SOPInstanceUID = f"1.2.3.{number}"
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.save_as(tree / f"{number}.dcm")
    report = convert(tree, tmp_path / "out")
    assert {row.part for row in report.rows} == {"axial", "coronal"}
    (whole,) = convert(tree, tmp_path / "whole", split=False).rows
    assert whole.frames == sum(row.frames for row in report.rows)
