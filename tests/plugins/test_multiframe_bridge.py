"""A whole series as one file, in the form that its reader was shown to read."""

from __future__ import annotations

import io
import json

import numpy as np
import pydicom
import pytest
import zstandard
from fake_consumers import fake_consumer
from support.legacy_file import legacy_file, merged_data, varying, volume
from support.raw import text
from support.series import Kind, make_series
from support.whole import write_files

import dicube_core
from dicube_core.dataset import uids
from dicube_core.exceptions import (
    DataConsistencyError,
    DicomCubeWarning,
    MetaDataError,
    TransferSyntaxError,
    UnsupportedKindError,
)
from dicube_core.pixel_header import PixelDataHeader
from dicube_plugins import to_multiframe


def converted(folder, kind, edit=None):
    write_files(folder / "source", make_series(4, kind, edit))
    dicube_core.convert(folder / "source", folder / "x.dcbs")
    return folder / "x.dcbs"


@pytest.mark.parametrize(
    ("behaviour", "syntax"), [("right", uids.HTJ2K_LOSSLESS), ("zeros", uids.EXPLICIT_LE)]
)
def test_the_consumer_decides(series_file, tmp_path, behaviour, syntax):
    consumer = fake_consumer(tmp_path / "fake", behaviour, f"fake-{behaviour}")
    delivery = to_multiframe(series_file, tmp_path / "x.dcm", consumer=consumer)
    assert delivery.transfer_syntax == syntax
    assert delivery.frames == (0, 1, 2, 3, 4)
    assert delivery.names == ("x.dcm",)
    dataset = pydicom.dcmread(tmp_path / "x.dcm")
    assert dataset.file_meta.TransferSyntaxUID == syntax
    assert delivery.n_bytes == (tmp_path / "x.dcm").stat().st_size
    assert np.array_equal(dataset.pixel_array, dicube_core.load(series_file).raw_image)


def test_a_stream_gets_the_same_bytes_and_stays_open(series_file, tmp_path):
    to_multiframe(series_file, tmp_path / "x.dcm", "htj2k")
    stream = io.BytesIO()
    with dicube_core.open(series_file) as reader:
        to_multiframe(reader, stream, "htj2k")
        assert reader.frame(0).shape
    assert stream.getvalue() == (tmp_path / "x.dcm").read_bytes()


def test_what_cannot_be_htj2k_falls_back_only_where_that_is_left_to_us(tmp_path):
    file = converted(tmp_path, Kind("beside", fill="overlay"))
    consumer = fake_consumer(tmp_path / "fake", "right", "fake-right")
    delivery = to_multiframe(file, tmp_path / "x.dcm", consumer=consumer)
    assert delivery.transfer_syntax == uids.EXPLICIT_LE
    assert "beside the pixel" in delivery.reason
    with pytest.raises(TransferSyntaxError):
        to_multiframe(file, tmp_path / "y.dcm", "htj2k")
    assert not (tmp_path / "y.dcm").exists()


def slopes(index, nodes):
    nodes[0x00281053] = text(0x00281053, "DS", str(index + 1))


def gap(index, nodes):
    nodes[0x00200032] = text(0x00200032, "DS", f"0\\0\\{index + 5 * (index > 1)}")


@pytest.mark.parametrize(("edit", "said"), [(slopes, "slope"), (gap, "grid")])
def test_readers_that_heed_the_first_frame_only_are_kept_from_it(tmp_path, edit, said):
    file = converted(tmp_path, Kind("ct"), edit)
    for consumer in ("SimpleITK", fake_consumer(tmp_path / "fake", "right", "fake-right")):
        with pytest.raises(UnsupportedKindError, match=said) as failure:
            to_multiframe(file, tmp_path / "x.dcm", consumer=consumer)
        assert "to_dicom" in failure.value.suggestion
        assert not (tmp_path / "x.dcm").exists()
    with pytest.warns(DicomCubeWarning, match=said):
        to_multiframe(file, tmp_path / "x.dcm")
    assert to_multiframe(file, tmp_path / "x.dcm", consumer="pydicom").names == ("x.dcm",)


def test_slices_of_other_writers_are_looked_at(tmp_path):
    """Such a file may say that there is a grid where its slices have a gap."""
    array = volume(4)
    merged = merged_data(array)
    merged["00200032"] = varying("DS", [[-10.0, -20.0, z] for z in (0.0, 2.5, 5.0, 40.0)])
    meta = json.dumps({"_merged_data": merged, "slice_count": 4}).encode()
    file = tmp_path / "x.dcbs"
    file.write_bytes(legacy_file(array, dicom_meta=zstandard.compress(meta)))
    with dicube_core.open(file) as reader:
        assert reader.geometry is not None
    with pytest.raises(UnsupportedKindError, match="grid"):
        to_multiframe(file, tmp_path / "x.dcm", consumer="SimpleITK")
    file.write_bytes(legacy_file(array))
    assert to_multiframe(file, tmp_path / "x.dcm", "explicit", consumer="SimpleITK").n_bytes


def test_a_file_without_dicom_metadata_says_so(tmp_path):
    image = dicube_core.DicomCubeImage(np.zeros((2, 4, 4), "uint16"), PixelDataHeader())
    dicube_core.save(image, tmp_path / "x.dcbs")
    with pytest.raises(UnsupportedKindError, match="grid"):  # nor a place in space
        to_multiframe(tmp_path / "x.dcbs", tmp_path / "x.dcm", "explicit", consumer="SimpleITK")
    with pytest.raises(MetaDataError, match="no DICOM metadata"):
        to_multiframe(tmp_path / "x.dcbs", tmp_path / "x.dcm", "explicit", consumer="pydicom")


def test_a_damaged_frame_leaves_no_file(series_file, tmp_path):
    data = bytearray(series_file.read_bytes())
    with dicube_core.open(series_file) as reader:
        data[reader.container.index.offsets[3] + 200] ^= 1
    (tmp_path / "bad.dcbs").write_bytes(data)
    with pytest.raises(dicube_core.exceptions.DicomCubeError, match="frame 3"):
        to_multiframe(tmp_path / "bad.dcbs", tmp_path / "x.dcm", "htj2k")
    assert not (tmp_path / "x.dcm").exists()


def test_the_source_is_not_replaced(series_file, tmp_path):
    copy = tmp_path / "x.dcbs"
    copy.write_bytes(series_file.read_bytes())
    (tmp_path / "link.dcm").symlink_to(copy)
    for target in (copy, tmp_path / "link.dcm"):
        with pytest.raises(DataConsistencyError, match="would be replaced"):
            to_multiframe(copy, target)
    assert copy.read_bytes() == series_file.read_bytes()
