"""Axes, coordinates and attributes of labelled arrays."""

from __future__ import annotations

import json

import array_files
import numpy as np
import pytest
from kind_files import COLOURS, echoes_in_time, file_of, image_file, place, tilted, time_series
from support.legacy_file import legacy_file
from support.raw import text
from support.series import CT, make_series, put

import dicube_core
from dicube_core.labels import labels_of


def named(labels):
    return {coordinate.name: coordinate for coordinate in labels.coordinates}


def test_a_volume_has_millimetres_along_each_axis(tmp_path):
    path = array_files.ct_file(tmp_path, CT)
    with dicube_core.open(path) as reader:
        labels, geometry = labels_of(reader), reader.geometry
    found = named(labels)
    assert labels.dims == ("z",)
    assert labels.grid.tolist() == [0, 1, 2, 3]
    assert found["z"].values.tolist() == [0.0, 2.5, 5.0, 7.5]
    assert found["y"].values.tolist() == [0.75 * i for i in range(CT.rows)]
    assert found["x"].values.tolist() == [0.5 * i for i in range(CT.columns)]
    assert {found[name].attrs["units"] for name in ("z", "y", "x", "position")} == {"mm"}
    assert found["position"].dims == ("z", "lps")
    assert found["position"].values.tolist() == [[-12.5, 20.25, 2.5 * i] for i in range(4)]
    assert found["instance_number"].values.tolist() == [1, 2, 3, 4]
    assert labels.attrs["affine_lps"] == geometry.affine.ravel().tolist()
    assert labels.attrs["affine_ras"] == geometry.affine_ras.ravel().tolist()
    assert labels.attrs["spacing"] == [2.5, 0.75, 0.5]
    assert labels.attrs["modality"] == "CT"
    assert labels.units == "HU"
    assert labels.image_attrs["window_center"] == 40.0
    assert "no_affine" not in labels.attrs


def test_attributes_are_json_and_flat_and_name_nobody(tmp_path):
    path = array_files.ct_file(tmp_path, CT)
    with dicube_core.open(path) as reader:
        labels = labels_of(reader)
    whole = labels.attrs | labels.image_attrs
    said = json.dumps(whole, allow_nan=False)
    assert "Doe" not in said
    assert "PAT-0042" not in said
    for value in whole.values():
        assert not isinstance(value, list) or all(isinstance(v, int | float) for v in value)


def test_affine_times_coordinate_is_position(tmp_path):
    path, step = tilted(tmp_path)
    regular = array_files.ct_file(tmp_path.joinpath("r").mkdir() or tmp_path / "r", CT)
    with dicube_core.open(regular) as reader:
        labels = labels_of(reader)
    affine = np.reshape(labels.attrs["affine_lps"], (4, 4))
    for z, position in enumerate(named(labels)["position"].values):
        np.testing.assert_allclose((affine @ [z, 0, 0, 1])[:3], position)
    with dicube_core.open(path) as reader:
        labels = labels_of(reader)
    sheared = np.reshape(labels.attrs["sheared_affine_lps"], (4, 4))
    assert "affine_lps" not in labels.attrs
    assert labels.dims == ("frame",)
    assert "tilt" in labels.attrs["no_affine"]
    assert not {"z", "y", "x"} & set(named(labels))
    for frame, position in enumerate(named(labels)["position"].values):
        np.testing.assert_allclose((sheared @ [frame, 0, 0, 1])[:3], position)
    np.testing.assert_allclose(sheared[:3, 0], step)


def test_volumes_at_several_times(tmp_path):
    path, values = time_series(tmp_path)
    with dicube_core.open(path) as reader:
        labels = labels_of(reader)
        frames = reader.frames()
    found = named(labels)
    assert labels.dims == ("time", "z")
    assert labels.grid.shape == values.shape[:2]
    np.testing.assert_array_equal(frames[labels.grid] - 1024.0, values)
    assert np.diff(found["time"].values).tolist() == [2.0, 2.0]
    assert found["time"].attrs["units"] == "s"
    assert found["z"].values.tolist() == [0.0, 2.5, 5.0, 7.5]
    assert found["instance_number"].dims == ("time", "z")
    assert found["instance_number"].values.ravel().tolist() == list(range(1, 13))
    assert len(labels.attrs["affine_lps"]) == 16


def test_echoes_in_time(tmp_path):
    path, values = echoes_in_time(tmp_path)
    with dicube_core.open(path) as reader:
        labels = labels_of(reader)
        frames = reader.frames()
    assert labels.dims == ("echo", "time", "z")
    np.testing.assert_array_equal(frames[labels.grid] - 1024.0, values)
    assert named(labels)["echo"].values.tolist() == [10, 30]
    assert named(labels)["echo"].attrs["units"] == "ms"


def test_stacks_in_different_places_have_no_affine(tmp_path):
    path = array_files.stacks_file(tmp_path)
    with dicube_core.open(path) as reader:
        labels = labels_of(reader)
    found = named(labels)
    assert labels.dims == ("stack", "slice")
    assert labels.grid.shape == (3, 3)
    assert "affine_lps" not in labels.attrs
    assert labels.attrs["no_affine"]
    assert found["row_direction"].values.shape == (3, 3, 3)
    directions = np.cross(found["row_direction"].values, found["column_direction"].values)
    assert {tuple(np.abs(np.round(d)).tolist()) for d in directions[:, 0]} == {
        (1.0, 0.0, 0.0),
        (0.0, 1.0, 0.0),
        (0.0, 0.0, 1.0),
    }


def test_a_gap_is_told_and_positions_stay(tmp_path):
    files = make_series(6)
    del files["IM0002.dcm"]
    path = array_files.write_series(tmp_path, files)
    with dicube_core.open(path) as reader:
        labels = labels_of(reader)
    assert labels.dims == ("frame",)
    assert labels.attrs["no_affine"]
    heights = named(labels)["position"].values[:, 2].tolist()
    assert heights == [0.0, 2.5, 7.5, 10.0, 12.5]


def test_files_without_metadata(tmp_path):
    array = np.arange(120, dtype="int16").reshape(4, 5, 6)
    with dicube_core.open(image_file(tmp_path / "with.dcbs", array, place())) as reader:
        labels = labels_of(reader)
    assert labels.dims == ("z",)
    assert named(labels)["z"].values.tolist() == [0.0, 3.0, 6.0, 9.0]
    with dicube_core.open(image_file(tmp_path / "without.dcbs", array)) as reader:
        labels = labels_of(reader)
    assert labels.dims == ("frame",)
    assert labels.coordinates == ()
    assert "neither" in labels.attrs["no_affine"]


def test_files_of_other_writers(tmp_path):
    (tmp_path / "old.dcbs").write_bytes(legacy_file())
    with dicube_core.open(tmp_path / "old.dcbs") as reader:
        labels = labels_of(reader)
    assert labels.dims == ("z",)
    assert len(named(labels)["z"].values) == 3


@pytest.mark.parametrize(
    ("nodes", "units"),
    [
        ((), "HU"),
        ((text(0x00281054, "LO", "OD"),), "OD"),
        ((text(0x00281054, "LO", "US"),), ""),  # unspecified
        ((text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.7"),), ""),
        ((text(0x00189361, "CS", "YES"),), ""),
    ],
)
def test_units_are_those_that_headers_state(tmp_path, nodes, units):
    path = array_files.write_series(tmp_path, make_series(2, edit=put(*nodes)))
    with dicube_core.open(path) as reader:
        assert labels_of(reader).units == units


def test_units_of_activity(tmp_path):
    path, _ = array_files.pet_file(tmp_path)
    with dicube_core.open(path) as reader:
        assert labels_of(reader).units == "BQML"


def test_colour_has_no_units_and_no_window(tmp_path):
    with dicube_core.open(file_of(COLOURS["rgb"], tmp_path)) as reader:
        labels = labels_of(reader)
    assert labels.units == ""
    assert "window_center" not in labels.image_attrs
    assert labels.image_attrs["photometric_interpretation"] == "RGB"
