"""xarray opens .dcbs files: values of pydicom, indexing of numpy, nothing decoded in vain."""

import io
import pickle
import random
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "arrays"))

import array_files
from array_peers import SERIES, pydicom_volume, shared_series
from kind_files import BITS, COLOURS, REALS, echoes_in_time, file_of, rgb_of, tilted
from support.decoded_frames import note_decoded_frames
from support.legacy_file import legacy_file, volume
from support.raw import text
from support.series import CT, Kind

import dicube_core
from dicube_core.exceptions import DicomCubeError, InvalidCubeFileError, UnsupportedKindError
from dicube_core.modality import ModalityValues

xr = pytest.importorskip("xarray")

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

SMALL = Kind("small", rows=13, columns=11)


@pytest.mark.parametrize("kind", array_files.KINDS_HERE, ids=lambda kind: kind.name)
def test_modality_values_of_every_kind(tmp_path, kind):
    path = array_files.ct_file(tmp_path, kind)
    with dicube_core.open(path) as reader:
        exact, stored = ModalityValues(reader), reader.frames()
        stored = reader.pixel_format.pixel_values(stored)
    with xr.open_dataset(path) as found:
        assert found.image.dims == ("z", "y", "x")
        assert found.image.dtype == exact.dtype
        np.testing.assert_array_equal(found.image, array_files.modality_of(path))
        np.testing.assert_array_equal(found.image[1, 2:5, ::2], found.image.values[1, 2:5, ::2])
        assert found.image.attrs["units"] == "HU"
    with xr.open_dataset(path, values="stored") as found:
        assert found.stored.dtype == stored.dtype
        np.testing.assert_array_equal(found.stored, stored)
        assert found.stored.attrs["rescale_intercept"] == -1024.0


def test_slopes_that_differ(tmp_path):
    path, slopes = array_files.pet_file(tmp_path)
    with xr.open_dataset(path) as found:
        assert found.image.dtype == np.float64
        np.testing.assert_array_equal(found.image, array_files.modality_of(path))
        assert found.image.attrs["units"] == "BQML"
        whole = found.image.values
    with xr.open_dataset(path, values="stored", chunks={}) as found:
        assert found.rescale_slope.values.tolist() == slopes
        again = found.stored * found.rescale_slope + found.rescale_intercept
        np.testing.assert_array_equal(again, whole)


def test_a_modality_lut(tmp_path):
    path = array_files.lut_file(tmp_path)
    with xr.open_dataset(path, cache=False) as found:
        expected = array_files.modality_of(path)
        np.testing.assert_array_equal(found.image, expected)
        np.testing.assert_array_equal(found.image[2, 1:3, [3, 0]], expected[2, 1:3, [3, 0]].T)
    with xr.open_dataset(path, values="stored") as found:
        assert found.stored.attrs["modality_lut"] == "not applied"


@pytest.mark.parametrize("sort", COLOURS.values(), ids=lambda sort: sort.name)
def test_colours_are_rgb(tmp_path, sort):
    path = file_of(sort, tmp_path)
    expected = rgb_of(sort)
    with xr.open_dataset(path, cache=False) as found:
        assert found.image.dims == ("z", "y", "x", "rgb")
        assert found.rgb.values.tolist() == ["red", "green", "blue"]
        np.testing.assert_array_equal(found.image, expected)
        assert found.image.dtype == expected.dtype
        np.testing.assert_array_equal(found.image.sel(rgb="green"), expected[..., 1])
        np.testing.assert_array_equal(found.image[1, 2], expected[1, 2])
        np.testing.assert_array_equal(found.image[2, ::-1, 1:4, 0], expected[2, ::-1, 1:4, 0])
        assert "units" not in found.image.attrs
    with xr.open_dataset(path, values="stored") as found:
        with dicube_core.open(path) as reader:
            stored = reader.pixel_format.pixel_values(reader.frames())
        np.testing.assert_array_equal(found.stored, stored)
        assert found.stored.dims[-1] == (
            "x" if sort.grey else "rgb" if sort.photometric == "RGB" else "sample"
        )


def test_colour_that_nobody_knows_is_refused_by_name(tmp_path):
    from support.kind_series import Sort

    path = file_of(Sort("ybr_16", "uint16", "YBR_FULL"), tmp_path)
    with pytest.raises(UnsupportedKindError, match="YBR_FULL of 16 bits"):
        xr.open_dataset(path)
    with xr.open_dataset(path, values="stored") as found:
        assert found.stored.dims == ("z", "y", "x", "sample")


@pytest.mark.parametrize("sort", [*REALS.values(), BITS], ids=lambda sort: sort.name)
def test_real_values_and_bits(tmp_path, sort):
    path = file_of(sort, tmp_path)
    with dicube_core.open(path) as reader, xr.open_dataset(path) as found:
        assert found.image.dtype == reader.dtype
        assert found.image.values.tobytes() == reader.frames().tobytes()


def test_volumes_of_several_dimensions(tmp_path):
    path, expected = echoes_in_time(tmp_path)
    with xr.open_dataset(path) as found:
        assert found.image.dims == ("echo", "time", "z", "y", "x")
        np.testing.assert_array_equal(found.image, expected)
        np.testing.assert_array_equal(found.image.sel(echo=30, z=5.0), expected[1, :, 2])
        assert found.image.encoding["preferred_chunks"]["time"] == 1


def test_no_affine_is_told(tmp_path):
    path, _ = tilted(tmp_path)
    with xr.open_dataset(path) as found:
        assert found.image.dims == ("frame", "y", "x")
        assert "tilt" in found.attrs["no_affine"]
        assert set(found.coords) == {
            "position",
            "row_direction",
            "column_direction",
            "instance_number",
        }


def numpy_of(values, key):
    """Index each axis by itself, as xarray does with lists."""
    for axis, part in reversed(list(enumerate(key))):
        values = values[(slice(None),) * axis + (part,)]
    return values


def random_key(rng, shape):
    key = []
    for length in shape:
        choice = rng.randrange(5)
        if choice == 0:
            key.append(rng.randrange(-length, length))
        elif choice == 1:
            key.append(slice(None))
        elif choice == 2:
            ends = sorted(rng.sample(range(-length, length + 1), 2))
            key.append(slice(*ends, rng.choice((1, 2, 3))))
        elif choice == 3:
            start, stop = rng.randrange(length), rng.choice((None, rng.randrange(length)))
            key.append(slice(start, stop, rng.choice((-1, -2))))
        else:
            key.append([rng.randrange(-length, length) for _ in range(rng.randrange(4))])
    return key


@pytest.mark.parametrize("sort", ["ct", "ybr", "volumes"])
def test_any_index_gives_what_numpy_gives(tmp_path, sort):
    if sort == "ct":
        path = array_files.ct_file(tmp_path, SMALL, 7)
    elif sort == "ybr":
        path = file_of(COLOURS["ybr"], tmp_path)
    else:
        path, _ = echoes_in_time(tmp_path)
    whole = xr.open_dataset(path).image.values
    lazy = xr.open_dataset(path, cache=False).image
    rng = random.Random(sort)
    for _ in range(150):
        key = random_key(rng, whole.shape)
        axes = [k if not isinstance(k, list) else np.array(k, int) for k in key]
        found = lazy[tuple(axes)]
        # A chain of indices is one index for xarray; then it is read.
        if found.ndim and found.shape[0] > 1:
            np.testing.assert_array_equal(found[1:], numpy_of(whole, axes)[1:], err_msg=str(key))
        np.testing.assert_array_equal(found, numpy_of(whole, axes), err_msg=str(key))
        points = rng.randrange(1, 5)
        at = [[rng.randrange(length) for _ in range(points)] for length in whole.shape]
        pointwise = {d: xr.DataArray(a, dims="p") for d, a in zip(lazy.dims, at, strict=True)}
        np.testing.assert_array_equal(lazy.isel(pointwise), whole[tuple(at)])


def test_only_frames_that_are_touched_are_decoded(tmp_path, monkeypatch):
    path = array_files.ct_file(tmp_path, SMALL, 7)
    decoded = note_decoded_frames(monkeypatch)
    found = xr.open_dataset(path, cache=False)
    _ = found.image.shape, found.image.dtype, found.z.values, repr(found)
    assert decoded == []
    for key, wanted in (
        ((3,), [3]),
        ((slice(2, 4), 0, 0), [2, 3]),
        (([0, 6],), [0, 6]),
        ((slice(5, None, -3), slice(0, 2)), [5, 2]),
        ((slice(0, 0),), []),
        ((slice(None), slice(3, 3)), []),
    ):
        decoded.clear()
        _ = found.image[key].values
        assert sorted(decoded) == sorted(wanted), key
    decoded.clear()
    _ = found.image.sel(z=5.0, y=slice(0, 3)).values
    assert decoded == [2]


def test_what_can_be_opened(tmp_path):
    path = array_files.ct_file(tmp_path, SMALL)
    other = path.with_name("no_suffix")
    other.write_bytes(path.read_bytes())
    expected = array_files.modality_of(path)
    sources = [str(path), path, str(other), path.read_bytes(), io.BytesIO(path.read_bytes())]
    for source in sources:
        with xr.open_dataset(source) as found:
            np.testing.assert_array_equal(found.image, expected)
    with path.open("rb") as file, xr.open_dataset(file) as found:
        np.testing.assert_array_equal(found.image, expected)
    with xr.open_dataset(path, engine="dcbs", decode_cf=False) as found:
        np.testing.assert_array_equal(found.image, expected)
    assert path.name in str(xr.open_dataset(path).encoding["source"])


def test_what_cannot_be_opened(tmp_path):
    (tmp_path / "x.dcbs").write_bytes(b"no such file" * 20)
    with pytest.raises(InvalidCubeFileError, match=r"x\.dcbs"):
        xr.open_dataset(tmp_path / "x.dcbs")
    with pytest.raises(FileNotFoundError):
        xr.open_dataset(tmp_path / "missing.dcbs")
    (tmp_path / "x.png").write_bytes(b"\x89PNG")
    with pytest.raises(ValueError, match="did not find a match"):
        xr.open_dataset(tmp_path / "x.png")
    path = array_files.ct_file(tmp_path, SMALL)
    with pytest.raises(ValueError, match="'modality', 'stored'"):
        xr.open_dataset(path, values="hu")


def test_a_damaged_frame_is_an_error_and_others_are_read(tmp_path):
    path = array_files.ct_file(tmp_path, SMALL)
    with dicube_core.open(path) as reader:
        place = reader.container.index.offsets[2] + 60
    data = bytearray(path.read_bytes())
    data[place] ^= 0xFF
    path.write_bytes(data)
    with xr.open_dataset(path, cache=False) as found:
        assert found.image[1].shape == (13, 11)
        _ = found.image[[0, 1, 3]].values
        with pytest.raises(DicomCubeError, match="frame 2 at byte"):
            _ = found.image.values


def test_variables_can_be_left_out(tmp_path):
    path = array_files.ct_file(tmp_path, SMALL)
    for dropped in ("position", ["position", "z", "no_such"]):
        with xr.open_dataset(path, drop_variables=dropped) as found:
            assert "position" not in found.coords
            assert ("z" in found.coords) is (dropped == "position")
    with xr.open_dataset(path, drop_variables="image") as found:
        assert not found.data_vars


def test_closing_closes_the_file(tmp_path):
    path = array_files.ct_file(tmp_path, SMALL)
    found = xr.open_dataset(path, cache=False)
    found.close()
    with pytest.raises(ValueError, match="closed"):
        _ = found.image.values


def test_many_threads_and_pickles(tmp_path):
    path = array_files.ct_file(tmp_path, SMALL, 7)
    found = xr.open_dataset(path, cache=False)
    expected = array_files.modality_of(path)
    copy = pickle.loads(pickle.dumps(found))
    np.testing.assert_array_equal(copy.image, expected)
    with ThreadPoolExecutor(8) as pool:
        for index, values in enumerate(pool.map(lambda i: found.image[i % 7].values, range(200))):
            np.testing.assert_array_equal(values, expected[index % 7])
    with path.open("rb") as file:
        of_file = xr.open_dataset(file, cache=False)
        with pytest.raises(TypeError, match="opened from a path"):
            pickle.dumps(of_file)


@pytest.mark.parametrize("slope", [None, "2"])
def test_a_file_that_was_replaced_is_not_read_as_the_one_that_was_pickled(tmp_path, slope):
    path = array_files.ct_file(tmp_path, SMALL)
    found = pickle.dumps(xr.open_dataset(path))
    (tmp_path / "other").mkdir()
    if slope is None:
        other = array_files.ct_file(tmp_path / "other", Kind("i12", signed=True, rows=9, columns=7))
    else:  # the same frames, which mean something else

        def edit(_, nodes):
            nodes[0x00281053] = text(0x00281053, "DS", slope)

        files = array_files.make_series(4, SMALL, edit)
        other = array_files.write_series(tmp_path / "other", files)
    assert pickle.loads(found).image.shape
    other.replace(path)
    with pytest.raises(InvalidCubeFileError, match="another file has this name"):
        pickle.loads(found)


def test_datasets_can_be_saved(tmp_path):
    pytest.importorskip("scipy")
    found = xr.open_dataset(array_files.ct_file(tmp_path, SMALL))
    found.to_netcdf(tmp_path / "x.nc", engine="scipy")
    with xr.open_dataset(tmp_path / "x.nc", engine="scipy") as again:
        xr.testing.assert_equal(again.load(), found)
        np.testing.assert_array_equal(again.attrs["affine_lps"], found.attrs["affine_lps"])
    pytest.importorskip("zarr")
    found.to_zarr(tmp_path / "x.zarr", zarr_format=2)
    with xr.open_zarr(tmp_path / "x.zarr") as again:
        xr.testing.assert_identical(again.load(), found)


def test_one_dask_chunk_per_frame(tmp_path):
    pytest.importorskip("dask")
    path = array_files.ct_file(tmp_path, SMALL, 7)
    expected = array_files.modality_of(path)
    found = xr.open_dataset(path, chunks={})
    assert found.image.chunks == ((1,) * 7, (13,), (11,))
    for scheduler in ("synchronous", "threads"):
        np.testing.assert_array_equal(found.image.compute(scheduler=scheduler), expected)
        assert float(found.image.mean().compute(scheduler=scheduler)) == expected.mean()
    several = xr.open_mfdataset([path, path], combine="nested", concat_dim="series")
    assert several.image.shape == (2, 7, 13, 11)
    np.testing.assert_array_equal(several.image[1], expected)


def test_dask_workers_in_processes(tmp_path):
    distributed = pytest.importorskip("distributed")
    path = array_files.ct_file(tmp_path, SMALL, 7)
    expected = array_files.modality_of(path)
    found = xr.open_dataset(path, chunks={})
    options = {"n_workers": 2, "threads_per_worker": 2, "dashboard_address": ":0"}
    with (
        distributed.LocalCluster(processes=True, **options) as cluster,
        distributed.Client(cluster),
    ):
        np.testing.assert_array_equal(found.image.compute(), expected)
        assert float(found.image.mean()) == expected.mean()


@pytest.mark.parametrize("name", SERIES)
def test_real_series_equal_pydicom(tmp_path, name):
    folder = shared_series(name)
    expected = pydicom_volume(folder)
    dicube_core.convert(folder, tmp_path / "x.dcbs")
    with xr.open_dataset(tmp_path / "x.dcbs", chunks={}) as found:
        np.testing.assert_array_equal(found.image, expected)
        assert found.image.dtype.kind == "i"
        assert float(found.image.mean()) == pytest.approx(expected.mean(), rel=1e-12)
        affine = np.reshape(found.attrs["affine_lps"], (4, 4))
        places = found.position.values
        np.testing.assert_allclose(places[3], (affine @ [3, 0, 0, 1])[:3])
        assert places[-1][2] > places[0][2]


def test_files_of_dicube_0_3_0(tmp_path):
    (tmp_path / "old.dcbs").write_bytes(legacy_file())
    with xr.open_dataset(tmp_path / "old.dcbs") as found:
        np.testing.assert_array_equal(found.image, volume())
        assert found.image.dtype == np.int16
    path = shared_series("ct_heart_10.by_dicube_0_3_0.dcbs")
    expected = pydicom_volume(shared_series("ct_heart_10"))
    with xr.open_dataset(path) as found:
        heights = found.position.values[:, 2]
        np.testing.assert_array_equal(found.image[np.argsort(heights)], expected)


def test_a_single_slice(tmp_path):
    path = array_files.ct_file(tmp_path, CT, 1)
    with xr.open_dataset(path) as found:
        np.testing.assert_array_equal(found.image, array_files.modality_of(path))
