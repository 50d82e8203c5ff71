"""``.dcbs`` files in napari's own viewer model, without a window, found by the entry point."""

from __future__ import annotations

import json
import pickle
import subprocess
import sys

import numpy as np
import pytest
from support.kind_series import PALETTE, Sort, sort_series
from support.raw import text
from support.series import Kind, make_series
from support.volumes import fl, make_volumes, marks
from support.whole import write_files

import dicube_core
from dicube_core.modality import ModalityValues
from dicube_plugins.napari import get_reader
from dicube_plugins.napari._frames import LazyFrames

napari_components = pytest.importorskip("napari.components")
npe2 = pytest.importorskip("npe2")
PLUGIN = "dicube-plugins"


@pytest.fixture
def viewer():
    manager = npe2.PluginManager.instance()
    if PLUGIN not in {manifest.name for manifest in manager.iter_manifests()}:
        manager.discover()
    return napari_components.ViewerModel()


def converted(folder, files, name="x.dcbs"):
    source = write_files(folder / f"{name}.source", files)
    dicube_core.convert(source, folder / name)
    return folder / name


def opened(viewer, *paths):
    viewer.open([str(path) for path in paths], plugin=PLUGIN)
    return list(viewer.layers)


def counted(layer, monkeypatch):
    """Return a list that gets (frame, level) of whatever is decoded for a layer from now on."""
    first = layer.data[0] if layer.multiscale else layer.data
    reader = first._cache.values.reader
    seen, frame = [], reader.frame

    def counting(index, level=0, out=None):
        seen.append((index, level))
        return frame(index, level, out)

    monkeypatch.setattr(reader, "frame", counting)
    return seen


BIG = Kind("ct", rows=256, columns=320)


def test_in_a_fresh_process_that_imports_nothing_of_ours(tmp_path):
    path = converted(tmp_path, make_series(3))
    code = """
import json, sys, npe2
npe2.PluginManager.instance().discover()  # as napari does when it starts
layers = npe2.read([sys.argv[1]], stack=False)
import numpy as np
(data, options, kind), = layers
print(json.dumps({
    "kind": kind, "values": np.asarray(data).tolist(), "scale": options["scale"],
    "name": options["name"], "napari": "napari" in sys.modules,
}))
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    with dicube_core.open(path) as reader:
        told = ModalityValues(reader).frames()
    np.testing.assert_array_equal(found["values"], told)
    assert (found["kind"], found["name"]) == ("image", "x")
    assert found["scale"] == [2.5, 0.75, 0.5]


def test_the_manifest_is_valid():
    done = subprocess.run(
        [sys.executable, "-m", "npe2", "validate", PLUGIN],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_values_place_and_contrast(viewer, tmp_path):
    path = converted(tmp_path, make_series(5, BIG))
    (layer,) = opened(viewer, path)
    with dicube_core.open(path) as reader:
        geometry, values = reader.geometry, ModalityValues(reader)
        whole = values.frames()
        levels = [reader.frames(level=k) for k in range(3)]
    assert layer.multiscale
    assert [one.shape for one in layer.data] == [(5, 256, 320), (5, 128, 160), (5, 64, 80)]
    np.testing.assert_array_equal(np.asarray(layer.data[0]), whole)
    for data, stored in zip(layer.data, levels, strict=True):
        np.testing.assert_array_equal(np.asarray(data), stored.astype(int) - 1024)
    assert layer.contrast_limits == [-160.0, 239.0]  # 40, 400 as the standard has it
    assert layer.colormap.name == "gray"
    # Of an axial series, the world is the patient's z, y, x.
    for voxel in ((0, 0, 0), (4, 255, 319), (2, 100, 7)):
        told = geometry.affine @ (*voxel, 1)
        np.testing.assert_allclose(layer.data_to_world(voxel), told[2::-1], atol=1e-9)
    np.testing.assert_allclose(layer.metadata["affine_lps"], geometry.affine)
    assert layer.metadata["findings"] == []
    assert layer.metadata["is_in_mm"]
    assert layer.axis_labels == ("to H", "to P", "to L")
    assert {str(unit) for unit in layer.units} == {"millimeter"}


def test_only_the_shown_frame_is_decoded_at_the_shown_resolution(viewer, tmp_path, monkeypatch):
    path = converted(tmp_path, make_series(9, BIG))
    (layer,) = opened(viewer, path)
    seen = counted(layer, monkeypatch)
    for place in (1, 6):
        viewer.dims.set_point(0, 2.5 * place)
        assert {index for index, _ in seen} == {place}
        assert {level for _, level in seen} == {layer.data_level}
        seen.clear()
    # Zoomed in, the shown part of the full resolution.
    layer._update_draw(
        scale_factor=0.01, corner_pixels_displayed=np.array([[0, 0], [40, 40]]),
        shape_threshold=(600, 600),
    )  # fmt: skip
    assert layer.data_level == 0
    assert set(seen) <= {(6, 0), (6, 2)}
    assert (6, 0) in seen
    shown = layer._slice.image.raw
    with dicube_core.open(path) as reader:
        frame = ModalityValues(reader).frame(6)
    (top, left), (bottom, right) = layer.corner_pixels[:, 1:]
    np.testing.assert_array_equal(shown, frame[top : bottom + 1, left : right + 1])


def test_three_dimensions_show_all_slices_of_the_lowest_resolution(viewer, tmp_path, monkeypatch):
    (layer,) = opened(viewer, converted(tmp_path, make_series(6, BIG)))
    seen = counted(layer, monkeypatch)
    viewer.dims.ndisplay = 3
    assert layer._slice.image.raw.shape == (6, 64, 80)
    assert {level for _, level in seen} <= {2}


def test_a_stack_kept_from_head_to_feet_lies_where_it_belongs(viewer, tmp_path):
    def downwards(index, nodes):
        nodes[0x00200032] = text(0x00200032, "DS", f"-12.5\\20.25\\{-2.5 * index}")

    paths = [
        converted(tmp_path, make_series(4), "up.dcbs"),
        tmp_path / "down.dcbs",
    ]
    source = write_files(tmp_path / "down", make_series(4, edit=downwards))
    order = dicube_core.SortMethod.INSTANCE_NUMBER_ASC
    dicube_core.convert(source, paths[1], sort_method=order)
    up, down = opened(viewer, *paths)
    assert down.scale[0] < 0 < up.scale[0]
    for layer, path in ((up, paths[0]), (down, paths[1])):
        with dicube_core.open(path) as reader:
            for index in range(4):
                z = reader.geometry.frame_position(index)[2]
                assert layer.data_to_world((index, 0, 0))[0] == pytest.approx(z)
    for z, layer, index in ((2.5, up, 1), (-5.0, down, 2)):
        viewer.dims.set_point(0, z)
        with dicube_core.open(layer.metadata["path"]) as reader:
            told = ModalityValues(reader).frame(index)
        np.testing.assert_array_equal(layer._slice.image.raw, told)


def test_slices_without_a_grid_are_shown_in_pixels(viewer, tmp_path):
    def uneven(index, nodes):
        nodes[0x00200032] = text(0x00200032, "DS", f"0\\0\\{2.5 * index + 0.3 * (index % 2)}")

    (layer,) = opened(viewer, converted(tmp_path, make_series(4, edit=uneven)))
    assert layer.scale.tolist() == [1, 1, 1]
    assert "no regular grid" in layer.name
    assert not layer.metadata["is_in_mm"]
    assert layer.metadata["affine_lps"] is None
    assert any("unevenly spaced" in one for one in layer.metadata["findings"])


def test_each_slice_has_its_own_slope(viewer, tmp_path):
    def pet(index, nodes):
        nodes[0x00281053] = text(0x00281053, "DS", f"{0.5 + 0.25 * index}")
        nodes[0x00281052] = text(0x00281052, "DS", "0")

    path = converted(tmp_path, make_series(4, edit=pet))
    (layer,) = opened(viewer, path)
    with dicube_core.open(path) as reader:
        stored = reader.frames()
    told = stored * (0.5 + 0.25 * np.arange(4)).reshape(-1, 1, 1)
    np.testing.assert_array_equal(np.asarray(layer.data), told)


def test_monochrome1_has_its_lowest_values_white(viewer, tmp_path):
    kind = Kind("mono1", photometric="MONOCHROME1")
    (layer,) = opened(viewer, converted(tmp_path, make_series(2, kind)))
    assert layer.colormap.name == "gray_r"


@pytest.mark.parametrize(
    "sort", [Sort("rgb"), Sort("palette", photometric="PALETTE COLOR", extra=PALETTE)],
    ids=lambda sort: sort.name,
)  # fmt: skip
def test_colour(viewer, tmp_path, sort):
    from pydicom import dcmread
    from pydicom.pixels import apply_color_lut

    path = converted(tmp_path, sort_series(sort))
    (layer,) = opened(viewer, path)
    assert layer.rgb
    files = sorted((tmp_path / "x.dcbs.source").iterdir())
    datasets = [dcmread(file) for file in files]
    arrays = [ds.pixel_array for ds in datasets]
    if sort.name == "palette":
        arrays = [apply_color_lut(a, ds) for a, ds in zip(arrays, datasets, strict=True)]
    np.testing.assert_array_equal(np.asarray(layer.data), np.stack(arrays))


def test_a_damaged_first_frame_does_not_hide_the_others(tmp_path):
    path = converted(tmp_path, make_series(4))
    with dicube_core.open(path) as reader:
        told = ModalityValues(reader).frames()
        offset = reader.container.index.offsets[0]
    data = bytearray(path.read_bytes())
    data[offset + 60] ^= 0xFF
    path.write_bytes(data)
    ((array, _, _),) = get_reader(str(path))(str(path))
    np.testing.assert_array_equal(np.asarray(array[1:]), told[1:])
    with pytest.raises(dicube_core.exceptions.ChecksumError, match="frame 0"):
        np.asarray(array[0])


def test_real_values_have_one_resolution(viewer, tmp_path):
    sort = Sort("real", "float32", "MONOCHROME2", rows=256, columns=256)
    (layer,) = opened(viewer, converted(tmp_path, sort_series(sort)))
    assert not layer.multiscale
    told = np.stack([sort.frame(index) for index in range(3)])
    np.testing.assert_array_equal(np.asarray(layer.data), told)


def echoes(count=3, places=4):
    def echo(frame):
        return marks(
            text(0x00180086, "IS", str(frame.volume + 1)),
            fl(0x00189082, 10.0 * (1 + frame.volume)),
        )

    return make_volumes(count, places, echo)


def test_several_volumes_are_an_axis(viewer, tmp_path, monkeypatch):
    path = converted(tmp_path, echoes())
    (layer,) = opened(viewer, path)
    with dicube_core.open(path) as reader:
        index, frames = reader.dimensions.index, ModalityValues(reader).frames()
        geometry = reader.volume_geometry
    assert layer.data.shape == (3, 4, 6, 5)
    assert layer.axis_labels[0] == "echo"
    assert layer.scale.tolist() == [1, *geometry.spacing]
    seen = counted(layer, monkeypatch)
    viewer.dims.set_point((0, 1), (2, layer.data_to_world((2, 3, 0, 0))[1]))
    assert seen[-1][0] == index[2, 3]
    np.testing.assert_array_equal(layer._slice.image.raw, frames[index[2, 3]])
    np.testing.assert_array_equal(np.asarray(layer.data), frames[index])


def test_several_files_are_several_layers(viewer, tmp_path):
    paths = [converted(tmp_path, make_series(n), f"s{n}.dcbs") for n in (2, 3)]
    assert [layer.name for layer in opened(viewer, *paths)] == ["s2", "s3"]


def test_other_files_are_left_to_others(tmp_path):
    other = tmp_path / "x.dcbs"
    other.write_bytes(b"something else")
    good = converted(tmp_path, make_series(1), "good.dcbs")
    assert get_reader(str(other)) is None
    assert get_reader([str(good), str(other)]) is None
    assert get_reader([]) is None
    assert get_reader(str(tmp_path / "nowhere.dcbs")) is None


def test_a_damaged_frame_is_an_error_when_it_is_looked_at(viewer, tmp_path):
    path = converted(tmp_path, make_series(4))
    data = bytearray(path.read_bytes())
    with dicube_core.open(path) as reader:
        data[reader.container.index.offsets[3] + 60] ^= 0xFF
    path.write_bytes(data)
    (layer,) = opened(viewer, path)
    with pytest.raises(dicube_core.exceptions.ChecksumError, match="frame 3"):
        np.asarray(layer.data[3])
    assert np.asarray(layer.data[2]).shape == (6, 5)


# -- the array itself ---------------------------------------------------------------------------


@pytest.fixture
def lazy(tmp_path):
    path = converted(tmp_path, echoes())
    ((data, _, _),) = get_reader(str(path))(str(path))
    return data, np.asarray(data)


def test_indexing_is_numpys(lazy):
    data, told = lazy
    rng = np.random.default_rng(0)

    def random_key(count):
        kind = rng.integers(0, 5)
        if kind == 0:
            return int(rng.integers(-count, count))
        if kind == 1:
            return slice(None)
        low, high = sorted(rng.integers(-count - 1, count + 2, 2).tolist())
        return slice(low, high, int(rng.choice([1, 2, -1, -2])) if kind > 2 else None)

    for _ in range(300):
        n_keys = int(rng.integers(0, 5))
        key = tuple(random_key(told.shape[axis]) for axis in range(n_keys))
        part = data[key]
        np.testing.assert_array_equal(np.asarray(part), told[key], err_msg=str(key))
        assert part.shape == told[key].shape
        if part.ndim:
            again = random_key(part.shape[0]) if part.shape[0] else slice(None)
            np.testing.assert_array_equal(np.asarray(part[again]), told[key][again])
    np.testing.assert_array_equal(np.asarray(data[..., 2]), told[..., 2])
    np.testing.assert_array_equal(np.asarray(data[[0, 2]]), told[[0, 2]])
    np.testing.assert_array_equal(np.asarray(data[1], np.float64), told[1])


@pytest.mark.parametrize("key", [None, (0, 0, 0, 0, 0), 7, (..., ...), (0, 0, [1, 2]), "a"])
def test_what_cannot_be_an_index(lazy, key):
    with pytest.raises(IndexError):
        _ = lazy[0][key]


def test_it_is_pickled_with_its_file(lazy):
    data, told = lazy
    again = pickle.loads(pickle.dumps(data[1:]))
    assert isinstance(again, LazyFrames)
    np.testing.assert_array_equal(np.asarray(again), told[1:])


def test_dask_takes_it(lazy):
    dask_array = pytest.importorskip("dask.array")
    data, told = lazy
    chunks = (1, 1, *told.shape[2:])
    array = dask_array.from_array(data, chunks)
    assert array.max().compute() == told.max()
    np.testing.assert_array_equal(array[:, 2].compute(), told[:, 2])


def test_it_is_in_the_wheel(site, tmp_path):
    """In an environment with npe2 alone, away from the checkout, without napari."""
    from environments import CORE, environment_with, run_python

    path = converted(tmp_path, make_series(3))
    code = (
        "import sys, npe2, numpy as np\n"
        "npe2.PluginManager.instance().discover()\n"
        "(data, options, kind), = npe2.read(['x.dcbs'], stack=False)\n"
        "assert 'napari' not in sys.modules\n"
        "print(np.asarray(data).sum(), options['scale'])"
    )
    python = environment_with(*CORE, "npe2")
    said = run_python(python, site, "-c", code, cwd=path.parent)
    with dicube_core.open(path) as reader:
        total = ModalityValues(reader).frames().sum()
    assert said.split(maxsplit=1) == [str(total), "(2.5, 0.75, 0.5)\n"]


def test_a_file_of_dicube_0_3_0(viewer, tmp_path):
    from support.legacy_file import legacy_file, volume

    stored = volume(5, 130, 140)
    path = tmp_path / "old.dcbs"
    path.write_bytes(legacy_file(stored))
    (layer,) = opened(viewer, path)
    assert [one.shape for one in layer.data] == [(5, 130, 140), (5, 65, 70)]
    np.testing.assert_array_equal(np.asarray(layer.data[0]), dicube_core.load(path).get_fdata())
    with dicube_core.open(path) as reader:
        np.testing.assert_array_equal(np.asarray(layer.data[1]), reader.frames(level=1))
        told = reader.geometry.affine @ (4, 100, 7, 1)
    np.testing.assert_allclose(layer.data_to_world((4, 100, 7)), told[2::-1], atol=1e-9)
