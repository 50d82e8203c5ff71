"""Instances of several frames of which one is lost."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom.pixels import pixel_array
from repair_cases import converted

import dicube_core
from dicube_core.export import export_file
from dicube_core.salvage import lost_headers
from dicube_core.streaming import DcbStreamingReader


def repaired(whole, frames, tmp_path):
    """Damage frames, repair, and return the report."""
    data = bytearray(whole.data)
    for frame in frames:
        data[whole.frames[frame].start + 60] ^= 0xFF
    return dicube_core.repair(bytes(data), tmp_path / "out.dcbs")


@pytest.fixture(params=["enhanced", "kept_frames"])
def whole(request, tmp_path):
    return converted(request.param, tmp_path)


def original_values(tmp_path):
    """Return SOP Instance UID -> frames of the sources."""
    found = {}
    for path in (tmp_path / "source").iterdir():
        dataset = pydicom.dcmread(path)
        found[dataset.SOPInstanceUID] = pixel_array(dataset, raw=True)
    return found


def test_one_frame_lost_of_one_instance(whole, tmp_path):
    """The other instance stays whole; of this one, the other frames are images of their own."""
    lost = 1
    instance = whole.frame_map.instance(lost)
    others = tuple(n for n in sorted(whole.frame_map.frames_of(instance)) if n != lost)
    report = repaired(whole, {lost}, tmp_path)
    assert report.record.separated == others
    (one,) = report.lost
    assert one.instance_frame == whole.frame_map.number(lost) + 1
    sources = original_values(tmp_path)
    with (
        dicube_core.open(tmp_path / "out.dcbs") as reader,
        dicube_core.open(whole.data) as before,
    ):
        assert reader.frame_map.n_instances == 3
        assert list(lost_headers(reader)) == [whole.instances[instance]]
        for new, old in enumerate(report.frames):
            np.testing.assert_array_equal(reader.frame(new), before.frame(old))
            if old in others:
                assert reader.headers[new].dataset == before.headers[old].dataset
        export_file(reader, tmp_path / "exported")
    exported = {path.name: path.read_bytes() for path in (tmp_path / "exported").iterdir()}
    assert len(exported) == 3
    untouched = whole.instances[1 - instance].name
    assert exported[untouched] == (tmp_path / "source" / untouched).read_bytes()
    values = sources[one.sop_instance_uid]
    left = [values[whole.frame_map.number(n)] for n in others]
    found = [
        pixel_array(pydicom.dcmread(BytesIO(data)), raw=True)
        for name, data in sorted(exported.items())
        if name != untouched
    ]
    for frame in found:
        assert any(np.array_equal(frame, one) for one in left)


def test_a_frame_lost_of_every_instance(whole, tmp_path):
    """Nothing is left but images of their own: a series of single frames."""
    lost = {whole.frame_map.frames_of(n)[0] for n in range(whole.frame_map.n_instances)}
    report = repaired(whole, lost, tmp_path)
    assert {one.frame for one in report.lost} == lost
    with dicube_core.open(tmp_path / "out.dcbs") as reader:
        assert reader.frame_map is None
        datasets = [header.dataset for header in reader.headers]
        assert datasets == [whole.headers[n].dataset for n in report.frames]
    with (
        DcbStreamingReader(tmp_path / "out.dcbs") as stream,
        DcbStreamingReader(tmp_path / "whole.dcbs") as before,
    ):
        for new, old in enumerate(report.frames):
            for plain in (False, True):
                assert stream.get_dicom_for_frame(new, plain) == before.get_dicom_for_frame(
                    old, plain
                )


def test_all_frames_of_an_instance_lost(whole, tmp_path):
    lost = set(whole.frame_map.frames_of(0))
    report = repaired(whole, lost, tmp_path)
    assert report.record.separated == ()
    assert {one.frame for one in report.lost} == lost
    assert {one.header for one in report.lost} == {0}
    with dicube_core.open(tmp_path / "out.dcbs") as reader:
        assert list(reader.instance_headers) == [whole.instances[1]]
        assert list(lost_headers(reader)) == [whole.instances[0]]
        export_file(reader, tmp_path / "exported")
    (path,) = (tmp_path / "exported").iterdir()
    assert path.read_bytes() == (tmp_path / "source" / path.name).read_bytes()
