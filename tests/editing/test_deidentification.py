"""The Basic Profile and its options on planted identifiers; what is left is searched for."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from edited_files import (
    NAME,
    OWN_UID,
    PATIENT,
    SALT,
    all_bytes,
    codestreams,
    converted,
    plain,
    slices,
)
from support.raw import EXPLICIT_LE, IMPLICIT_LE, Node, text
from support.series import make_series, put
from support.whole import write_files

import dicube_core
from dicube_core import Deidentification
from dicube_core.editing.profile import Action, Option, action_of
from dicube_core.exceptions import (
    DataConsistencyError,
    UnsupportedKindError,
    VerificationError,
)

pytest.importorskip("dicomanonymizer")


def deidentify(path, *options, name="out.dcbs", salt=SALT, **arguments):
    out = path.with_name(name)
    profile = Deidentification(frozenset(options), salt)
    report = dicube_core.edit(path, out, deidentify=profile, **arguments)
    assert codestreams(out) == codestreams(path)
    assert dicube_core.verify_file(out).ok
    assert report.check is not None
    assert report.check.values > 0
    return out, report


def assert_gone(out, *values):
    data = all_bytes(out).lower()
    for value in values:
        for form in (value.encode(), value.encode("utf-16-le")):
            assert form.lower() not in data, value


@pytest.mark.parametrize("syntax", [EXPLICIT_LE, IMPLICIT_LE])
def test_nothing_that_was_planted_is_left(tmp_path, syntax):
    path = converted(tmp_path, syntax=syntax, name=f"{NAME}/IM{{:04d}}.dcm")
    assert all_bytes(path).count(NAME.encode()) > 9
    out, report = deidentify(path)
    assert_gone(
        out, NAME, "Zmudzinski", "Walburga", PATIENT, OWN_UID, "1.2.826.0.1.3680043.9.9999.1"
    )
    for found in slices(out):
        assert found.PatientIdentityRemoved == "YES"
        assert found.LongitudinalTemporalInformationModified == "REMOVED"
        (code,) = found.DeidentificationMethodCodeSequence
        assert (code.CodeValue, code.CodingSchemeDesignator) == ("113100", "DCM")
        assert not [e for e in found.iterall() if e.tag.is_private]
        assert found.PatientName == ""
        assert found.file_meta.MediaStorageSOPInstanceUID == found.SOPInstanceUID
        assert found.file_meta.ImplementationVersionName == "DICUBE_PLUGINS_1"
    text_of = json.dumps(report.to_dict())
    assert NAME not in text_of
    assert PATIENT not in text_of


def test_references_still_lead_to_what_they_meant(tmp_path):
    def refer(index, nodes):
        twin = nodes[0x00080018].value.decode().strip("\0")
        item = [text(0x00081150, "UI", "1.2.840.10008.5.1.4.1.1.2"), text(0x00081155, "UI", twin)]
        nodes[0x00081140] = Node(0x00081140, "SQ", [item])
        nodes[0x00081199] = Node(0x00081199, "SQ", [[text(0x00081155, "UI", twin)]])
        nodes[0x00083010] = text(0x00083010, "UI", f"{OWN_UID}\\{twin}")

    first = converted(tmp_path / "a", refer)
    second = tmp_path / "b.dcbs"
    files = make_series(2, edit=refer, series="2")
    dicube_core.convert(write_files(tmp_path / "b", files), second)
    one, _ = deidentify(first)
    other, _ = deidentify(second)
    ones, others = slices(one), slices(other)
    for found in ones + others:
        assert found.ReferencedImageSequence[0].ReferencedSOPInstanceUID == found.SOPInstanceUID
        assert found.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == found.SOPInstanceUID
        assert found.IrradiationEventUID[1] == found.SOPInstanceUID
        assert found.ReferencedImageSequence[0].ReferencedSOPClassUID == found.SOPClassUID
        assert found.SOPClassUID == "1.2.840.10008.5.1.4.1.1.2"
        assert len(found.SOPInstanceUID) <= 64
        assert found.SOPInstanceUID.is_valid
    assert len({s.StudyInstanceUID for s in ones + others}) == 1
    assert len({s.FrameOfReferenceUID for s in ones + others}) == 1
    assert len({s.SeriesInstanceUID for s in ones + others}) == 2
    assert len({s.SOPInstanceUID for s in ones + others}) == 5


def test_uids_depend_on_the_salt_and_on_nothing_else(tmp_path):
    path = converted(tmp_path)
    first, _ = deidentify(path, name="1.dcbs")
    again, _ = deidentify(path, name="2.dcbs")
    other, _ = deidentify(path, name="3.dcbs", salt=SALT[::-1])
    _, report = deidentify(path, name="4.dcbs", salt=b"")
    assert first.read_bytes() == again.read_bytes()
    assert slices(first)[0].StudyInstanceUID != slices(other)[0].StudyInstanceUID
    assert any("no salt" in warning for warning in report.warnings)
    with pytest.raises(DataConsistencyError, match="16"):
        Deidentification(salt=b"short")


def test_what_is_set_stands_above_the_profile(tmp_path):
    out, _ = deidentify(converted(tmp_path), set={"PatientID": "SUBJECT-1", "PatientName": "S^1"})
    assert {(s.PatientID, str(s.PatientName)) for s in slices(out)} == {("SUBJECT-1", "S^1")}


_FACTS = (
    text(0x00080022, "DA", "20240229"),
    text(0x0008002A, "DT", "20240301101530.25+0100"),
    text(0x00080032, "TM", "101530"),
    text(0x00100030, "DA", "19450321"),
    text(0x00100040, "CS", "F"),
    text(0x00101010, "AS", "078Y"),
    text(0x00101030, "DS", "71.5"),
    text(0x00080080, "LO", "Sankt Walpurgis"),
    text(0x00081010, "SH", "STATION-7"),
    text(0x00181000, "LO", "SN-0815-4711"),
    text(0x00081030, "LO", "Follow-up of Doe, PAT-0042, knee"),
    text(0x0008103E, "LO", "knee coronal"),
    text(0x00190010, "LO", "SIEMENS MR HEADER"),
    Node(0x0019100C, "IS", b"1000"),
    Node(0x00191008, "CS", b"IMAGE NUM 4 "),
)


def facts(path):
    found = slices(path)[0]
    return lambda keyword: str(found.get(keyword, "absent"))


def test_the_basic_profile_alone(tmp_path):
    get = facts(deidentify(plain(tmp_path, *_FACTS))[0])
    assert [get(k) for k in ("AcquisitionDate", "PatientBirthDate", "PatientSex")] == ["", "", ""]
    absent = ("PatientAge", "PatientWeight", "StudyDescription", "SeriesDescription")
    assert [get(k) for k in absent] == ["absent"] * 4
    dummies = ("InstitutionName", "StationName", "DeviceSerialNumber")
    assert [get(k) for k in dummies] == ["ANONYMIZED"] * 3
    assert get("AcquisitionDateTime") == "19000101000000"


def test_full_dates(tmp_path):
    out, _ = deidentify(plain(tmp_path, *_FACTS), Option.FULL_DATES)
    get = facts(out)
    kept = ("AcquisitionDate", "AcquisitionDateTime", "AcquisitionTime", "StudyDate")
    assert [get(k) for k in kept] == ["20240229", "20240301101530.25+0100", "101530", "20240131"]
    assert get("PatientBirthDate") == ""
    assert get("LongitudinalTemporalInformationModified") == "UNMODIFIED"


def test_modified_dates_keep_the_time_between_them(tmp_path):
    from datetime import date

    def day(text):
        return date.fromisoformat(f"{text[:4]}-{text[4:6]}-{text[6:8]}")

    get = facts(deidentify(plain(tmp_path, *_FACTS), Option.MODIFIED_DATES)[0])
    assert get("AcquisitionDate") != "20240229"
    assert day(get("AcquisitionDate")) < day("20240229")
    assert (day(get("AcquisitionDate")) - day(get("StudyDate"))).days == 29
    assert get("AcquisitionDateTime")[8:] == "101530.25+0100"
    assert (day(get("AcquisitionDateTime")) - day(get("AcquisitionDate"))).days == 1
    assert get("AcquisitionTime") == "101530"
    assert get("PatientBirthDate") == ""
    assert get("LongitudinalTemporalInformationModified") == "MODIFIED"


def test_retaining_options(tmp_path):
    path = plain(tmp_path, *_FACTS)
    get = facts(deidentify(path, Option.RETAIN_DEVICE)[0])
    assert [get(k) for k in ("StationName", "DeviceSerialNumber", "InstitutionName")] == [
        "STATION-7",
        "SN-0815-4711",
        "ANONYMIZED",
    ]
    get = facts(deidentify(path, Option.RETAIN_INSTITUTION)[0])
    assert [get(k) for k in ("StationName", "InstitutionName")] == ["ANONYMIZED", "Sankt Walpurgis"]
    get = facts(deidentify(path, Option.RETAIN_PATIENT)[0])
    kept = ("PatientSex", "PatientAge", "PatientWeight", "PatientID")
    assert [get(k) for k in kept] == ["F", "078Y", "71.5", "ANONYMIZED"]
    before = slices(path)[0]
    after = slices(deidentify(path, Option.RETAIN_UIDS)[0])[0]
    for keyword in ("SOPInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID"):
        assert after[keyword].value == before[keyword].value
    with pytest.raises(DataConsistencyError, match="both"):
        Deidentification(frozenset((Option.FULL_DATES, Option.MODIFIED_DATES)))


def test_safe_private_elements_stay_with_their_creator_alone(tmp_path):
    found = slices(deidentify(plain(tmp_path, *_FACTS), Option.SAFE_PRIVATE)[0])[0]
    private = {e.tag: e.value for e in found if e.tag.is_private}
    assert private == {0x00190010: "SIEMENS MR HEADER", 0x0019100C: 1000}


def test_descriptors_are_cleaned_of_what_identifies(tmp_path):
    get = facts(deidentify(plain(tmp_path, *_FACTS), Option.CLEAN_DESCRIPTORS)[0])
    assert get("SeriesDescription") == "knee coronal"
    assert get("StudyDescription") == "Follow-up of , , knee"


def test_earlier_methods_are_kept(tmp_path):
    first, _ = deidentify(plain(tmp_path, text(0x00120063, "LO", "by hand")))
    found = slices(first)[0]
    assert found.DeidentificationMethod[0] == "by hand"
    second = first.with_name("second.dcbs")
    profile = Deidentification(frozenset((Option.RETAIN_UIDS,)), SALT)
    dicube_core.edit(first, second, deidentify=profile)
    found = slices(second)[0]
    assert len(found.DeidentificationMethod) == 2
    codes = [item.CodeValue for item in found.DeidentificationMethodCodeSequence]
    assert codes == ["113100", "113110"]


def test_burned_in_annotation(tmp_path):
    path = plain(tmp_path, text(0x00280301, "CS", "YES"))
    with pytest.raises(UnsupportedKindError, match="burned-in"):
        deidentify(path)
    out = tmp_path / "b.dcbs"
    profile = Deidentification(salt=SALT, accept_burned_in=True)
    report = dicube_core.edit(path, out, deidentify=profile)
    assert any("BurnedInAnnotation is YES" in w for w in report.warnings)


def test_pixels_that_may_identify_are_warned_of(tmp_path):
    path = plain(
        tmp_path,
        text(0x00080060, "CS", "US"),
        text(0x00280302, "CS", "YES"),
        Node(0x60000100, "US", b"\x10\0"),
    )
    _, report = deidentify(path)
    for part in ("modality US", "recognised", "overlay 6000"):
        assert any(part in warning for warning in report.warnings)


@pytest.mark.parametrize(
    ("node", "place"),
    [
        (text(0x00180015, "CS", "PAT-0042"), "BodyPartExamined"),
        (text(0x00080070, "LO", "made for doe^jane"), "Manufacturer"),
        (Node(0x00080220, "SQ", [[text(0x00080104, "LO", "Doe^Jane")]]), "CodeMeaning"),
        (text(0x00181020, "LO", "v PAT-0042"), "SoftwareVersions"),
        (Node(0x00282000, "OB", b"profile of Doe^Jane "), "ICCProfile"),
        (text(0x00080102, "SH", "1.2.826.0.1.3680043.9.9999.9"), "CodingSchemeDesignator"),
    ],
)
def test_what_is_left_elsewhere_is_an_error_and_nothing_is_kept(tmp_path, node, place):
    path = plain(tmp_path, node)
    with pytest.raises(VerificationError, match=place) as caught:
        deidentify(path)
    assert not (tmp_path / "out.dcbs").exists()
    assert "Jane" not in str(caught.value)
    assert "PAT-0042" not in str(caught.value)


def test_a_leak_can_be_deleted_or_accepted_by_name(tmp_path):
    path = plain(tmp_path, text(0x00180015, "CS", "PAT-0042"))
    out, _ = deidentify(path, delete=["BodyPartExamined"])
    assert_gone(out, "PAT-0042")
    _, report = deidentify(path, accept_found=["BodyPartExamined"])
    assert report.check.coincidences[0][1].endswith("BodyPartExamined (0018,0015)")


def test_a_newborn_may_keep_the_date_of_its_study(tmp_path):
    path = plain(tmp_path, text(0x00100030, "DA", "20240131"))
    out, report = deidentify(path, Option.FULL_DATES)
    assert slices(out)[0].StudyDate == "20240131"
    assert report.check.coincidences
    deidentify(path)


def test_codes_may_say_what_a_description_said(tmp_path):
    path = plain(tmp_path, text(0x00180015, "CS", "ABDOMEN"), text(0x00081030, "LO", "Abdomen"))
    out, report = deidentify(path)
    assert slices(out)[0].BodyPartExamined == "ABDOMEN"
    assert report.check.coincidences


def test_private_copies_of_what_is_kept_are_no_leak_but_parts_of_it_are(tmp_path):
    nodes = (
        text(0x00290010, "LO", "SOME VENDOR"),
        text(0x00181160, "SH", "WEDGE 30"),
        Node(0x00291001, "LO", b"wedge 30"),
    )
    _, report = deidentify(plain(tmp_path / "a", *nodes))
    assert report.check.coincidences
    longer = text(0x00181160, "SH", "WEDGE 30 LEFT")
    with pytest.raises(VerificationError, match="FilterType"):
        deidentify(plain(tmp_path / "b", *nodes, longer))
    station = text(0x00081010, "SH", "WEDGE 30")
    with pytest.raises(VerificationError, match="FilterType"):
        deidentify(plain(tmp_path / "c", *nodes, station))


def test_comments_in_codestreams_are_searched(tmp_path):
    """An HTJ2K source brings its codestreams along, with whatever they say."""
    import io

    import pydicom
    from pydicom.encaps import encapsulate

    plain_path = converted(tmp_path / "plain", put(), count=1)
    with dicube_core.open(plain_path) as reader:
        stream, header = reader.codestream(0), reader.headers[0]
    comment = b"\xff\x64" + (4 + 8).to_bytes(2, "big") + b"\0\1Doe^Jane"
    at = stream.index(b"\xff\x64")
    dataset = pydicom.dcmread(
        io.BytesIO(header.preamble + header.file_meta + header.head), force=True
    )
    dataset.PixelData = encapsulate([stream[:at] + comment + stream[at:]])
    dataset["PixelData"].VR = "OB"
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.4.201"
    (tmp_path / "in").mkdir()
    dataset.save_as(tmp_path / "in" / "a.dcm")
    path = tmp_path / "series.dcbs"
    dicube_core.convert(tmp_path / "in", path)
    with dicube_core.open(path) as reader:
        assert b"Doe^Jane" in reader.codestream(0)
    with pytest.raises(VerificationError, match="comment in the codestream of frame 0"):
        deidentify(path)


def test_preamble_padding_and_pixel_header_of_others(tmp_path):
    files = make_series(2, edit=put(text(0x00080005, "CS", "ISO_IR 192")))
    files = {n: b"Doe^Jane of ward 7".ljust(128, b".") + d[128:] for n, d in files.items()}
    path = tmp_path / "series.dcbs"
    dicube_core.convert(write_files(tmp_path / "source", files), path)
    image = dicube_core.load(path)
    image.pixel_header.Extras["Operator"] = "Doe^Jane"
    dicube_core.save(image, path)
    out, report = deidentify(path)
    assert_gone(out, "Doe^Jane", "ward 7")
    elements = [entry.element for entry in report.entries]
    assert "preamble" in elements
    assert "pixel header: Operator" in elements


def test_files_of_the_incumbent(tmp_path):
    from support.legacy_file import legacy_file, volume

    path = tmp_path / "old.dcbs"
    path.write_bytes(legacy_file(volume()))
    out, _ = deidentify(path)
    assert_gone(out, "Doe", "PAT-0042", "1.2.9.0")
    assert slices(out)[0].PatientIdentityRemoved == "YES"


def test_nifti_headers_lose_their_texts(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    image = nibabel.Nifti1Image(np.zeros((4, 5, 3), np.int16), np.diag((1, 2, 3, 1.0)))
    image.header["descrip"] = b"brain of Doe^Jane"
    image.header["aux_file"] = b"PAT-0042.txt"
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"Doe^Jane again"))
    nibabel.save(image, tmp_path / "a.nii")
    path = tmp_path / "a.dcbs"
    dicube_core.convert(tmp_path / "a.nii", path)
    out, report = deidentify(path)
    assert_gone(out, "Doe^Jane", "PAT-0042")
    assert "NIfTI header: descrip" in [entry.element for entry in report.entries]
    dicube_core.save_to_nifti(dicube_core.load(out), tmp_path / "b.nii")
    back = nibabel.load(tmp_path / "b.nii")
    assert np.array_equal(back.affine, image.affine)
    assert not back.header.extensions


def test_the_table_is_the_one_of_the_package():
    none: frozenset[Option] = frozenset()
    assert action_of(0x00100010, none) is Action.EMPTY
    assert action_of(0x60023000, none) is Action.REMOVE
    assert action_of(0x50040010, none) is Action.REMOVE
    assert action_of(0x00080018, none) is Action.NEW_UID
    assert action_of(0x00280010, none) is None
    assert action_of(0x00181030, frozenset((Option.CLEAN_DESCRIPTORS,))) is Action.CLEAN


def test_without_the_package_it_says_what_to_install(tmp_path):
    path = converted(tmp_path)
    code = (
        "import sys; sys.modules['dicomanonymizer'] = None\n"
        "import dicube_core\n"
        "from dicube_core.exceptions import MissingDependencyError\n"
        "try:\n"
        "    dicube_core.edit(sys.argv[1], sys.argv[1] + '2', "
        "deidentify=dicube_core.Deidentification())\n"
        "except MissingDependencyError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    assert "dicube-plugins[deidentify]" in done.stdout
