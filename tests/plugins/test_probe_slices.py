"""The slices that probes are made of."""

from __future__ import annotations

import io
import subprocess
import sys

import numpy as np
import pydicom
import pytest

from dicube_plugins.capability import PROBED
from dicube_plugins.probe_slices import probe_slices


def test_they_cover_both_signs_and_the_full_range():
    ranges = {item.name: (min(item.values), max(item.values)) for item in probe_slices(PROBED[0])}
    assert ranges == {
        "unsigned 16-bit": (0, 65535),
        "signed 16-bit": (-32768, 32767),
        "unsigned 12-bit": (0, 4095),
        "signed 12-bit": (-2048, 2047),
        "unsigned 8-bit": (0, 255),
    }


@pytest.mark.parametrize("syntax", PROBED)
def test_they_are_valid_and_hold_the_values_they_say(syntax):
    for item in probe_slices(syntax):
        dataset = pydicom.dcmread(io.BytesIO(item.data))
        assert dataset.file_meta.TransferSyntaxUID == syntax
        assert dataset.file_meta.MediaStorageSOPInstanceUID == dataset.SOPInstanceUID
        assert dataset.pixel_array.ravel().tolist() == list(item.values)
        assert dataset.pixel_array.shape == (16, 16)
        assert len(item.data) < 2500


def test_no_symmetry_hides_a_mistake():
    for item in probe_slices(PROBED[0]):
        frame = np.reshape(item.values, (16, 16))
        same = [np.array_equal(frame, turned) for turned in (frame.T, frame[::-1], frame[:, ::-1])]
        assert same == [False] * 3
        assert len(set(item.values)) == 256


def test_values_are_the_same_in_all_transfer_syntaxes():
    first, *others = ([item.values for item in probe_slices(s)] for s in PROBED)
    assert all(other == first for other in others)


def test_the_two_forms_of_htj2k_differ_as_they_must():
    tlm = b"\xff\x55"
    for plain, rpcl in zip(probe_slices(PROBED[1]), probe_slices(PROBED[2]), strict=True):
        headers = [item.data[item.data.index(b"\xff\x4f\xff\x51") :] for item in (plain, rpcl)]
        heads = [data[: data.index(b"\xff\x93")] for data in headers]
        assert [tlm in head for head in heads] == [False, True]


def test_they_are_the_same_in_every_process():
    code = (
        "import hashlib; from dicube_plugins.probe_slices import probe_slices as p;"
        "from dicube_plugins.capability import PROBED;"
        "print(hashlib.sha256(b''.join(i.data for s in PROBED for i in p(s))).hexdigest())"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PATH": ""},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(hashes) == 1
