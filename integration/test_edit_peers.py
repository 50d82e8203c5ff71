"""Others read an edited file and see the new values alone; the library anonymises the same."""

from __future__ import annotations

import copy
import io
import shutil
import subprocess

import pydicom
import pytest
from support.raw import Node, text
from support.series import make_series, put
from support.whole import read_files, write_files

import dicube_core
from dicube_core import Deidentification
from dicube_core.export import export_file

pytestmark = pytest.mark.filterwarnings("ignore")

_PLANTED = put(
    text(0x00100010, "PN", "Zmudzinski^Walburga"),
    text(0x00081030, "LO", "Follow-up of Walburga"),
    text(0x00080080, "LO", "Sankt Walpurgis"),
    text(0x00080050, "SH", "ACC-90210"),
    text(0x00290010, "LO", "SOME VENDOR"),
    Node(0x00291010, "UN", b"Zmudzinski^Walburga "),
    Node(0x00400275, "SQ", [[text(0x00400007, "LO", "for Walburga")]], undefined=True),
)
_SALT = b"the salt of a test that all know"
_GONE = (
    "Zmudzinski",
    "Walburga",
    "Walpurgis",
    "ACC-90210",
    "PAT-0042",
    "1.2.826.0.1.3680043.9.9999",
)


@pytest.fixture(params=["explicit", "implicit"])
def source(request, tmp_path):
    syntax = {"explicit": "1.2.840.10008.1.2.1", "implicit": "1.2.840.10008.1.2"}[request.param]
    return write_files(tmp_path / "source", make_series(3, edit=_PLANTED, syntax=syntax))


@pytest.fixture
def edited(source, tmp_path):
    dicube_core.convert(source, tmp_path / "a.dcbs")
    out = tmp_path / "b.dcbs"
    dicube_core.edit(
        tmp_path / "a.dcbs",
        out,
        set={"PatientID": "SUBJECT-1", "**.ScheduledProcedureStepDescription": "a step"},
        deidentify=_profile(),
    )
    return out


def _profile():
    pytest.importorskip("dicomanonymizer")
    return Deidentification(salt=_SALT)


def exported(path, folder):
    with dicube_core.open(path) as reader:
        export_file(reader, folder)
    return folder


def test_dcmdump(edited, tmp_path):
    dcmdump = shutil.which("dcmdump")
    if dcmdump is None:
        pytest.skip("dcmdump (dcmtk) is not installed")
    for path in sorted(exported(edited, tmp_path / "out").iterdir()):
        done = subprocess.run(
            [dcmdump, "+L", "-q", str(path)], capture_output=True, text=True, check=True
        )
        assert "[SUBJECT-1]" in done.stdout
        assert "(0012,0062) CS [YES]" in done.stdout
        assert not [value for value in _GONE if value in done.stdout]
        assert "W:" not in done.stderr


def test_pydicom(edited, tmp_path):
    folder = exported(edited, tmp_path / "out")
    for data in read_files(folder).values():
        dataset = pydicom.dcmread(io.BytesIO(data))
        shown = f"{dataset.file_meta}\n{dataset}"
        assert dataset.PatientID == "SUBJECT-1"
        assert not [value for value in _GONE if value in shown or value.encode() in data]
        assert dataset.pixel_array.shape == (6, 5)


def test_the_incumbent(edited):
    dicube = pytest.importorskip("dicube")
    streaming = pytest.importorskip("dicube.dicom.dcb_streaming")
    meta = dicube.load(str(edited)).dicom_meta
    assert meta.get_shared_value(dicube.CommonTags.PatientID) == "SUBJECT-1"
    assert not [value for value in _GONE if value in meta.to_json()]
    reader = streaming.DcbStreamingReader(str(edited))
    for index in range(reader.get_frame_count()):
        data = reader.get_dicom_for_frame(index)
        assert b"SUBJECT-1" in data
        assert not [value for value in _GONE if value.encode() in data]


def _top(dataset):
    return {int(e.tag): e for e in dataset if e.tag.group != 0x7FE0}


def test_the_library_changes_the_same_elements(source, tmp_path):
    """Element by element of the outermost level: the library looks at no other.

    It empties sequences whose references we keep, puts dates where the profile removes the
    element, and leaves what is nested as it was; each is a change in both.
    """
    anonymizer = pytest.importorskip("dicomanonymizer.simpledicomanonymizer")
    dicube_core.convert(source, tmp_path / "a.dcbs")
    dicube_core.edit(tmp_path / "a.dcbs", tmp_path / "b.dcbs", deidentify=_profile())
    with dicube_core.open(tmp_path / "a.dcbs") as reader:
        names = [header.name for header in reader.headers]
    ours = sorted(exported(tmp_path / "b.dcbs", tmp_path / "out").iterdir())
    marks = {0x00120062, 0x00120063, 0x00120064, 0x00280303}
    for name, ours_path in zip(names, ours, strict=True):
        before = pydicom.dcmread(source / name)
        theirs = copy.deepcopy(before)
        anonymizer.anonymize_dataset(
            theirs, base_rules_gen=lambda: anonymizer.initialize_actions("dicomfields_2026c")
        )
        old, their, our = _top(before), _top(theirs), _top(pydicom.dcmread(ours_path))
        changed_by_them = {tag for tag in old if old[tag] != their.get(tag)}
        changed_by_us = {tag for tag in old if old[tag] != our.get(tag)}
        assert changed_by_them <= changed_by_us
        assert all(old[tag].VR == "SQ" for tag in changed_by_us - changed_by_them)
        assert set(our) - set(old) == marks
        assert set(their) - set(our) <= {t for t in their if their[t].VR == "DA"}
