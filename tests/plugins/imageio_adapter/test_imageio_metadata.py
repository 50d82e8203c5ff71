"""What immeta gives of a .dcbs file."""

from __future__ import annotations

import numpy as np
import pytest
from imageio_support import convert
from support.legacy_file import legacy_file
from support.raw import Node, text
from support.series import make_series, put

import dicube_core

iio = pytest.importorskip("imageio.v3")
pytestmark = pytest.mark.usefixtures("installed")


def test_the_series_shared_and_per_slice(series):
    meta = iio.immeta(series)
    assert meta["PatientName"] == "Doe^Jane"
    assert meta["Modality"] == "CT"
    assert meta["ImageType"] == ["ORIGINAL", "PRIMARY", "AXIAL"]
    assert meta["PixelSpacing"] == [0.75, 0.5]
    assert meta["InstanceNumber"] == (1, 2, 3, 4, 5)
    assert meta["ImagePositionPatient"][2] == [-12.5, 20.25, 5.0]
    assert iio.immeta(series, index=...) == meta


def test_one_slice(series):
    meta = iio.immeta(series, index=2)
    assert meta["InstanceNumber"] == 3
    assert meta["ImagePositionPatient"] == [-12.5, 20.25, 5.0]
    assert iio.immeta(series, index=-1)["InstanceNumber"] == 5


def test_what_was_applied_is_left_out_unless_asked_for(series):
    applied = {"RescaleSlope", "RescaleIntercept", "BitsStored", "PixelRepresentation"}
    assert not applied & set(iio.immeta(series))
    assert not applied & set(iio.immeta(series, index=1))
    whole = iio.immeta(series, exclude_applied=False)
    assert applied < set(whole)
    assert whole["RescaleIntercept"] == -1024
    # Stored values: nothing is applied, so nothing is left out.
    assert iio.immeta(series, rescale=False) == whole


def test_all_kinds_of_values(tmp_path):
    item = [text(0x00080100, "SH", "CT-01"), text(0x00080104, "LO", "Thorax")]
    edit = put(
        text(0x00100010, "PN", "Yamada^Tarou=YAMADA^T"),
        text(0x00081030, "LO", ""),
        Node(0x00081032, "SQ", [item]),
        Node(0x00082112, "SQ", []),
        text(0x00290010, "LO", "SOME VENDOR"),
        Node(0x00291010, "OB", b"\x01\x02\x03\x00"),
        text(0x00281050, "DS", "40\\-600"),
    )

    def edit_one(index, nodes):
        edit(index, nodes)
        if index == 1:
            nodes[0x00204000] = text(0x00204000, "LT", "on this slice only")

    meta = iio.immeta(convert(tmp_path, make_series(3, edit=edit_one)))
    assert meta["PatientName"] == "Yamada^Tarou=YAMADA^T"
    assert meta["StudyDescription"] is None
    assert meta["ProcedureCodeSequence"] == [{"CodeValue": "CT-01", "CodeMeaning": "Thorax"}]
    assert meta["SourceImageSequence"] == []
    assert meta["00291010"] == b"\x01\x02\x03\x00"
    assert meta["WindowCenter"] == [40.0, -600.0]
    assert meta["ImageComments"] == (None, "on this slice only", None)
    assert "ImageComments" not in iio.immeta(tmp_path / "series.dcbs", index=0)


def test_a_file_without_metadata_has_none(tmp_path):
    header = dicube_core.PixelDataHeader(PixelDtype="uint8", OriginalPixelDtype="uint8")
    image = dicube_core.DicomCubeImage(np.zeros((2, 3, 4), "uint8"), header)
    dicube_core.save(image, tmp_path / "x.dcbs")
    assert iio.immeta(tmp_path / "x.dcbs") == iio.immeta(tmp_path / "x.dcbs", index=1) == {}
    assert iio.improps(tmp_path / "x.dcbs").spacing is None
    assert iio.improps(tmp_path / "x.dcbs", index=0).spacing is None


def test_a_file_of_dicube_0_3_0_keeps_what_may_belong_to_other_slices_to_itself(tmp_path):
    (tmp_path / "old.dcbs").write_bytes(legacy_file())
    with dicube_core.open(tmp_path / "old.dcbs") as reader:
        assert reader.dicom_meta.untrusted == {"00081140.00081155"}
    for index in (None, 0):
        meta = iio.immeta(tmp_path / "old.dcbs", index=index)
        assert "ReferencedImageSequence" not in meta
        assert meta["InstanceNumber"] == ((1, 2, 3) if index is None else 1)


def test_metadata_of_some_slices_is_refused(series):
    with pytest.raises(TypeError, match="one slice or of the series"):
        iio.immeta(series, index=slice(0, 2))
