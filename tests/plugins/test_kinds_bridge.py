"""Kinds of pixels delivered: in a form that its reader reads right, or refused by name."""

from __future__ import annotations

import warnings

import numpy as np
import pydicom
import pytest
from conftest_series import write_series
from kind_files import BITS, COLOURS, REALS, file_of, frames_of
from pydicom.pixels import pixel_array
from support.kind_series import bits_of
from support.multiframe import enhanced, part10
from support.multiframe import frames_of as some_frames

from dicube_core.dataset import uids
from dicube_core.exceptions import DicomCubeWarning, TransferSyntaxError, UnsupportedKindError
from dicube_plugins import to_dicom, to_multiframe
from dicube_plugins.capability import PROBED, Capability, Outcome, ProbeResult

KINDS = {**COLOURS, **REALS, BITS.name: BITS}
EVERYTHING = Capability("tool", "", {}, tuple(ProbeResult(s, Outcome.EQUAL, "why") for s in PROBED))


@pytest.mark.parametrize("name", KINDS)
def test_who_reads_grey_htj2k_gets_this_kind_in_a_safe_form(name, tmp_path):
    sort = KINDS[name]
    delivery = to_dicom(file_of(sort, tmp_path), tmp_path / "out", consumer=EVERYTHING)
    palette = sort.photometric == "PALETTE COLOR"  # one sample per pixel, as grey has
    expected = uids.HTJ2K_LOSSLESS if palette else uids.EXPLICIT_LE
    assert delivery.transfer_syntax == expected
    if sort.samples == 3:
        assert "not with colour" in delivery.reason
    for index, file in enumerate(delivery.names):
        found = pydicom.dcmread(tmp_path / "out" / file)
        assert found.file_meta.TransferSyntaxUID == expected
        assert found.PhotometricInterpretation == sort.photometric
        np.testing.assert_array_equal(
            bits_of(pixel_array(found, raw=True)), bits_of(sort.frame(index))
        )


@pytest.mark.parametrize("name", ["rgb", "rgb_planar", "rgb_16", "palette"])
def test_htj2k_by_name(name, tmp_path):
    sort = KINDS[name]
    delivery = to_dicom(file_of(sort, tmp_path), tmp_path / "out", "htj2k")
    for index, file in enumerate(delivery.names):
        found = pydicom.dcmread(tmp_path / "out" / file)
        assert found.file_meta.TransferSyntaxUID == uids.HTJ2K_LOSSLESS
        label = "YBR_RCT" if sort.samples == 3 else "PALETTE COLOR"
        assert found.PhotometricInterpretation == label
        np.testing.assert_array_equal(pixel_array(found, raw=True), sort.frame(index))


@pytest.mark.parametrize("name", ["ybr", "ybr_422", "bits", "float32", "float64", "rgb_32"])
def test_htj2k_by_name_is_refused_where_it_would_be_misread(name, tmp_path):
    path = file_of(KINDS[name], tmp_path)
    with pytest.raises(TransferSyntaxError, match=r"frame \d cannot be delivered"):
        to_dicom(path, tmp_path / "out", "htj2k")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["rgb", "rgb_planar"])
def test_colour_as_one_file(name, tmp_path):
    path = file_of(KINDS[name], tmp_path)
    delivery = to_multiframe(path, tmp_path / "x.dcm", consumer=EVERYTHING)
    assert delivery.transfer_syntax == uids.EXPLICIT_LE
    assert "not with colour" in delivery.reason
    to_multiframe(path, tmp_path / "y.dcm", "htj2k")
    for file, label in (("x.dcm", "RGB"), ("y.dcm", "YBR_RCT")):
        found = pydicom.dcmread(tmp_path / file)
        assert found.PhotometricInterpretation == label
        np.testing.assert_array_equal(found.pixel_array, frames_of(KINDS[name]))


@pytest.mark.parametrize("name", [name for name in KINDS if name not in ("rgb", "rgb_planar")])
def test_other_kinds_as_one_file_are_refused_by_name(name, tmp_path):
    path = file_of(KINDS[name], tmp_path)
    with pytest.raises(UnsupportedKindError, match="fit no class of multi-frame images"):
        to_multiframe(path, tmp_path / "x.dcm")
    assert not (tmp_path / "x.dcm").exists()


def test_an_instance_of_several_frames_is_delivered_as_it_was(tmp_path):
    data = part10(enhanced(some_frames(4), own_slopes=False))
    path = write_series(tmp_path, {"IM.dcm": data})
    with warnings.catch_warnings():
        warnings.simplefilter("error", DicomCubeWarning)
        to_multiframe(path, tmp_path / "x.dcm", "explicit")
    source, found = (
        pydicom.dcmread(p) for p in (tmp_path / "source" / "IM.dcm", tmp_path / "x.dcm")
    )
    assert found == source
    delivery = to_dicom(path, tmp_path / "out", "explicit")
    for index, file in enumerate(delivery.names):
        one = pydicom.dcmread(tmp_path / "out" / file)
        np.testing.assert_array_equal(one.pixel_array, source.pixel_array[index])
