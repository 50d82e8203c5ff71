"""Edits reach every depth and both forms of the metadata, and nothing else changes."""

from __future__ import annotations

import numpy as np
import pytest
from edited_files import all_bytes, codestreams, converted, nested, plain, slices
from support.legacy_file import legacy_file, volume
from support.raw import EXPLICIT_LE, IMPLICIT_LE, Node, text

import dicube_core
from dicube_core.dataset.elements import walk
from dicube_core.exceptions import (
    ChecksumError,
    DataConsistencyError,
    MetaDataError,
    UnsupportedKindError,
    VerificationError,
)


def edited(path, **arguments):
    out = path.with_name("out.dcbs")
    report = dicube_core.edit(path, out, **arguments)
    assert codestreams(out) == codestreams(path)
    assert dicube_core.verify_file(out).ok
    return out, report


@pytest.mark.parametrize("syntax", [EXPLICIT_LE, IMPLICIT_LE])
def test_values_of_the_outermost_level(tmp_path, syntax):
    path = converted(tmp_path, syntax=syntax)
    out, report = edited(
        path,
        set={"PatientName": "Roe^Richard", (0x0008, 0x1030): "Knee"},
        delete=["(0010,4000)", "StudyDate"],
        per_slice={"ImageComments": ["a", None, "c"]},
    )
    found = slices(out)
    assert [str(s.PatientName) for s in found] == ["Roe^Richard"] * 3
    assert [s.StudyDescription for s in found] == ["Knee"] * 3
    assert [s.get("ImageComments") for s in found] == ["a", None, "c"]
    assert not any("StudyDate" in s or "PatientComments" in s for s in found)
    meta = dicube_core.load_meta(out)
    assert meta.get_shared_value("PatientName") == {"Alphabetic": "Roe^Richard"}
    assert meta.get_values("ImageComments") == ["a", None, "c"]
    assert "StudyDate" not in meta
    actions = {entry.element: (entry.action, entry.slices) for entry in report.entries}
    assert actions["PatientName (0010,0010)"] == ("replaced", 3)
    assert actions["StudyDate (0008,0020)"] == ("removed", 3)
    assert actions["ImageComments (0020,4000)"] == ("added", 2)


def test_elements_that_were_not_edited_keep_their_bytes(tmp_path):
    path = converted(tmp_path)
    out, _ = edited(path, set={"**.ReferencedSOPInstanceUID": "1.2.3"}, delete=["StudyDate"])
    with dicube_core.open(path) as old, dicube_core.open(out) as new:
        for before, after in zip(old.headers, new.headers, strict=True):
            assert before.preamble == after.preamble
            assert before.file_meta == after.file_meta
            olds, news = (
                {e.tag: h.head[e.start : e.stop] for e in walk(h.head)} for h in (before, after)
            )
            changed = {tag for tag in olds if olds[tag] != news.get(tag)}
            assert changed == {0x00080020, 0x00081115, 0x00081140}
            assert list(news) == [tag for tag in olds if tag != 0x00080020]


@pytest.mark.parametrize("syntax", [EXPLICIT_LE, IMPLICIT_LE])
def test_nested_paths(tmp_path, syntax):
    path = converted(tmp_path, syntax=syntax)
    deep = "ReferencedSeriesSequence[0].ReferencedImageSequence[*].ReferencedSOPInstanceUID"
    out, report = edited(
        path,
        set={
            deep: "1.2.4",
            "ReferencedImageSequence[1].ReferencedSOPInstanceUID": "1.2.3",
            "RequestAttributesSequence.ScheduledProcedureStepDescription": "new",
            "RequestedProcedureCodeSequence[0].PatientName": "Inner^Unknown",
            "AnatomicRegionSequence[0].CodeValue": "T-1",
        },
        delete=["RequestAttributesSequence[0].PatientID"],
    )
    for index, found in enumerate(slices(out)):
        uids = [item.ReferencedSOPInstanceUID for item in found.ReferencedImageSequence]
        assert uids[0].endswith(f"555.1.{index}")
        assert uids[1] == "1.2.3"
        series = found.ReferencedSeriesSequence[0]
        assert series.ReferencedImageSequence[0].ReferencedSOPInstanceUID == "1.2.4"
        step = found.RequestAttributesSequence[0]
        assert step.ScheduledProcedureStepDescription == "new"
        assert str(found[0x00321064][0].PatientName) == "Inner^Unknown"
        assert found.AnatomicRegionSequence[0].CodeValue == "T-1"  # made with its sequence
    assert report.unmatched == ("RequestAttributesSequence[0].PatientID",)


def test_everywhere_means_every_depth_and_adds_nothing(tmp_path):
    path = converted(tmp_path)
    out, _ = edited(path, delete=["**.PatientName"], set={"**.PatientID": "P", "**.KVP": 1})
    for found in slices(out):
        elements = list(found.iterall())
        assert not [e for e in elements if e.keyword in ("PatientName", "KVP")]
        assert [e.value for e in elements if e.keyword == "PatientID"] == ["P", "P", "P"]


def test_undefined_and_defined_lengths_stay_what_they_are(tmp_path):
    leaf = text(0x00400007, "LO", "old value")
    path = plain(
        tmp_path,
        nested(3, leaf, undefined=True, items_undefined=True),
        Node(0x00400321, "SQ", [[leaf]], items_undefined=True),
        Node(0x00081032, "SQ", [[leaf]], undefined=True),
    )
    out, _ = edited(path, set={"**.ScheduledProcedureStepDescription": "a rather longer value"})
    with dicube_core.open(path) as old, dicube_core.open(out) as new:
        before, after = old.headers[0].head, new.headers[0].head
        for delimiter in (b"\xfe\xff\x0d\xe0\0\0\0\0", b"\xfe\xff\xdd\xe0\0\0\0\0"):
            assert before.count(delimiter) == after.count(delimiter) > 0
        assert len(after) == len(before) + 3 * (22 - 10)
    values = [e.value for e in slices(out)[0].iterall() if e.tag == 0x00400007]
    assert values == ["a rather longer value"] * 3


def test_group_lengths_are_counted_anew_at_every_depth(tmp_path):
    inner = [Node(0x00400000, "UL", b"\x0a\0\0\0"), text(0x00400007, "LO", "ab")]
    path = plain(tmp_path, Node(0x00400275, "SQ", [inner]))
    out, _ = edited(path, set={"**.ScheduledProcedureStepDescription": "abcdef"})
    item = slices(out)[0].RequestAttributesSequence[0]
    assert item[0x00400000].value == 14


def test_private_elements_by_creator(tmp_path):
    block = (text(0x00290011, "LO", "OTHER"), text(0x00291110, "LO", "theirs"))
    path = plain(tmp_path, text(0x00290010, "LO", "MINE, 1"[:4]), *block)
    out, _ = edited(
        path, set={"(0029,OTHER,10):LO": "set", "(0029,NEW ONE,01):SH": "x", "(0029,MINE,02):DS": 3}
    )
    found = slices(out)[0]
    assert found[0x00291110].value == "set"
    assert found.private_block(0x0029, "NEW ONE")[0x01].value == "x"
    assert found[0x00291002].value == 3
    gone, _ = edited(path, delete_private=True)
    assert not [e for e in slices(gone)[0].iterall() if e.tag.is_private]


def test_file_meta_follows_the_instance(tmp_path):
    path = converted(tmp_path)
    out, _ = edited(path, per_slice={"SOPInstanceUID": ["1.2.1", "1.2.2", "1.2.3"]})
    assert [s.file_meta.MediaStorageSOPInstanceUID for s in slices(out)] == [
        s.SOPInstanceUID for s in slices(out)
    ]
    again, _ = edited(path, set={"**.SOPInstanceUID": "1.2.9"})
    assert {s.file_meta.MediaStorageSOPInstanceUID for s in slices(again)} == {"1.2.9"}


@pytest.mark.parametrize(
    ("charset", "codec", "name"),
    [
        ("ISO_IR 192", "utf-8", "Żmudzińska^Łucja"),
        ("ISO_IR 100", "latin-1", "Müller^Jörg"),
        ("ISO_IR 144", "iso8859-5", "Любовь^Жданова"),
        ("\\ISO 2022 IR 87", "iso2022_jp", "山田^太郎"),
    ],
)
def test_character_sets(tmp_path, charset, codec, name):
    nodes = text(0x00080005, "CS", charset), Node(0x00100010, "PN", _even(name.encode(codec)))
    path = plain(tmp_path, *nodes, nested(2, Node(0x00400007, "LO", _even(name.encode(codec)))))
    with pytest.raises(VerificationError, match="still in the new file"):
        dicube_core.edit(path, tmp_path / "no.dcbs", set={"PatientName": "A^B"}, check=True)
    assert not (tmp_path / "no.dcbs").exists()
    out, _ = edited(path, set={"PatientName": name[::-1], "**.(0040,0007)": "x"}, check=True)
    assert str(slices(out)[0].PatientName) == name[::-1]


def _even(data: bytes) -> bytes:
    return data + b" " * (len(data) % 2)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"set": {"Rows": 7}}, "describes"),
        ({"set": {"BitsStored": 9}}, "describes"),
        ({"set": {"PhotometricInterpretation": "MONOCHROME1"}}, "describes"),
        ({"set": {"RescaleSlope": 2}}, "slope"),
        ({"delete": ["Columns"]}, "Columns missing"),
        ({"set": {"PixelData": b"1"}}, "cannot be edited"),
        ({"set": {"(0002,0010)": "1.2"}}, "cannot be edited"),
        ({"set": {"NoSuchThing": 1}}, "names no element"),
        ({"set": {"PatientName.PatientID": 1}}, "no sequence"),
        ({"set": {"(0029,NEW,10)": 1}}, "VR"),
        ({"set": {"(0031,1010):LO": "x"}}, "reserved"),
        ({"set": {"ReferencedImageSequence[5].ReferencedSOPInstanceUID": "1.2"}}, "2 items"),
        ({"set": {"PatientName": "山田"}}, "cannot be written"),
        ({"set": {"SpecificCharacterSet": "ISO_IR 192", "StudyDate": "x"}}, "StudyDate|DA"),
        ({"per_slice": {"ImageComments": ["a"]}}, "1 values for 3 slices"),
    ],
)
def test_refused_edits_write_nothing(tmp_path, changes, message):
    path = converted(tmp_path)
    with pytest.raises((DataConsistencyError, MetaDataError), match=message):
        dicube_core.edit(path, tmp_path / "out.dcbs", **changes)
    assert not (tmp_path / "out.dcbs").exists()


def test_geometry_follows_its_elements(tmp_path):
    path = converted(tmp_path)
    out, _ = edited(path, set={"PixelSpacing": [2, 3]})
    with dicube_core.open(out) as reader:
        assert reader.geometry.spacing == (2.5, 2.0, 3.0)
    broken, _ = edited(path, per_slice={"ImagePositionPatient": [[0, 0, 0], [0, 0, 1], [0, 0, 5]]})
    with dicube_core.open(broken) as reader:
        assert reader.geometry is None
        assert reader.dicom_status.value != "consistent"
    window, _ = edited(path, set={"WindowCenter": 50})
    with dicube_core.open(window) as reader:
        assert (reader.pixel_header.WindowCenter, reader.pixel_header.WindowWidth) == (50, 400)


def test_an_edit_is_what_load_and_save_give(tmp_path):
    path = converted(tmp_path)
    out, _ = edited(path, set={"PatientName": "A^B", "StationName": "X"})
    image = dicube_core.load(path)
    image.dicom_meta.set_shared_item("PatientName", "A^B")
    image.dicom_meta.set_shared_item("StationName", "X")
    dicube_core.save(image, tmp_path / "saved.dcbs")
    assert out.read_bytes() == (tmp_path / "saved.dcbs").read_bytes()


def test_names_of_source_files_do_not_keep_what_was_removed(tmp_path):
    path = converted(tmp_path, name="ZMUDZINSKI_walburga/{:04d}.dcm")
    out, _ = edited(path, set={"StudyDate": "20200101"})
    with dicube_core.open(out) as reader:
        assert reader.headers[0].name.startswith("ZMUDZINSKI")
    out, report = edited(path, set={"PatientName": "A^B"})
    with dicube_core.open(out) as reader:
        assert [h.name for h in reader.headers] == [f"slice_{i:04d}.dcm" for i in range(3)]
    assert "file name" in [entry.element for entry in report.entries]
    assert b"ZMUDZINSKI" not in all_bytes(out)


def test_in_place_and_onto_itself(tmp_path):
    path = converted(tmp_path)
    before = codestreams(path)
    for arguments in ({}, {"out": tmp_path / "x", "in_place": True}, {"out": path}):
        with pytest.raises(DataConsistencyError, match=r"in.place"):
            dicube_core.edit(path, **arguments)
    dicube_core.edit(path, in_place=True, delete=["StudyDate"])
    assert codestreams(path) == before
    assert "StudyDate" not in slices(path)[0]


def test_files_of_the_incumbent(tmp_path):
    stored = volume()
    path = tmp_path / "old.dcbs"
    path.write_bytes(legacy_file(stored))
    out, _ = edited(path, set={"PatientName": "A^B"}, delete=["(0008,1140)"])
    assert [str(s.PatientName) for s in slices(out)] == ["A^B"] * 3
    assert np.array_equal(dicube_core.load(out).raw_image, stored)
    assert b"Doe" not in all_bytes(out)
    with dicube_core.open(out) as reader:
        assert reader.validated


def test_damaged_frames_are_not_copied(tmp_path):
    path = converted(tmp_path)
    with dicube_core.open(path) as reader:
        offset = reader.container.index.offsets[1]
    data = bytearray(path.read_bytes())
    data[offset + 60] ^= 1
    path.write_bytes(data)
    with pytest.raises(ChecksumError, match="frame 1"):
        dicube_core.edit(path, tmp_path / "out.dcbs", set={"PatientName": "A"})
    assert not (tmp_path / "out.dcbs").exists()


def test_files_without_metadata_are_refused_by_name(tmp_path):
    from dicube_core import DicomCubeImage, PixelDataHeader

    image = DicomCubeImage(np.zeros((1, 4, 4), np.uint16), PixelDataHeader())
    dicube_core.save(image, tmp_path / "a.dcbs")
    with pytest.raises(UnsupportedKindError, match="no DICOM metadata"):
        dicube_core.edit(tmp_path / "a.dcbs", tmp_path / "b.dcbs", set={"PatientName": "A"})
