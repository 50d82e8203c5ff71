"""References and codecs in zarr, numcodecs, kerchunk and VirtualiZarr: exact, or refused."""

import asyncio
import json
import pickle
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "arrays"))

import array_files
from array_peers import SERIES, pydicom_volume, shared_series
from kind_files import BITS, COLOURS, REALS, echoes_in_time, file_of
from support.series import Kind

import dicube_core
from dicube_core.exceptions import (
    ChecksumError,
    DataConsistencyError,
    DecodeError,
    InvalidCubeFileError,
    MetaDataError,
)

zarr = pytest.importorskip("zarr")
numcodecs = pytest.importorskip("numcodecs")
pytest.importorskip("fsspec")

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),  # Zarr knows no codec of other makers
]

SMALL = Kind("small", rows=13, columns=11)


def opened(refs):
    """Return references as a group of zarr."""
    options = {"fo": refs, "remote_protocol": "file"}
    return zarr.open_group("reference://", storage_options=options, mode="r", zarr_format=2)


def by_kerchunk(refs, tmp_path, **options):
    xr = pytest.importorskip("xarray")
    pytest.importorskip("kerchunk")
    (tmp_path / "refs.json").write_text(json.dumps(refs))
    return xr.open_dataset(str(tmp_path / "refs.json"), engine="kerchunk", **options)


@pytest.mark.parametrize("kind", array_files.KINDS_HERE, ids=lambda kind: kind.name)
def test_every_kind_by_zarr_and_kerchunk(tmp_path, kind):
    path = array_files.ct_file(tmp_path, kind)
    refs = dicube_core.references(path)
    with dicube_core.open(path) as reader:
        stored = reader.pixel_format.pixel_values(reader.frames())
    found = opened(refs)["image"]
    assert found.dtype == stored.dtype
    np.testing.assert_array_equal(found[:], stored)
    np.testing.assert_array_equal(found[1:3, ::2, 3], stored[1:3, ::2, 3])
    dataset = by_kerchunk(refs, tmp_path)
    np.testing.assert_array_equal(dataset.image, array_files.modality_of(path))
    assert dataset.image.dtype == np.float64
    assert set(dataset.coords) == {"z", "y", "x", "position", "instance_number"}


@pytest.mark.parametrize(
    "sort", [*COLOURS.values(), *REALS.values(), BITS], ids=lambda sort: sort.name
)
def test_colours_reals_and_bits(tmp_path, sort):
    path = file_of(sort, tmp_path)
    group = opened(dicube_core.references(path))
    (name,) = {"image", "stored"} & set(group.array_keys())
    with dicube_core.open(path) as reader:
        stored = reader.pixel_format.pixel_values(reader.frames())
    assert group[name][:].tobytes() == stored.tobytes()
    dataset = by_kerchunk(dicube_core.references(path), tmp_path)
    # As they are: no zero is taken for a missing value.
    assert dataset[name].dtype == stored.dtype
    assert dataset[name].values.tobytes() == stored.tobytes()


def test_slopes_that_differ_and_volumes(tmp_path):
    (tmp_path / "pet").mkdir()
    path, _ = array_files.pet_file(tmp_path / "pet")
    dataset = by_kerchunk(dicube_core.references(path), tmp_path)
    again = dataset.stored * dataset.rescale_slope + dataset.rescale_intercept
    np.testing.assert_array_equal(again, array_files.modality_of(path))
    path, expected = echoes_in_time(tmp_path)
    dataset = by_kerchunk(dicube_core.references(path), tmp_path, chunks={})
    np.testing.assert_array_equal(dataset.image, expected)
    np.testing.assert_array_equal(dataset.image.sel(echo=10), expected[0])


@pytest.mark.parametrize("name", [*SERIES, "ct_heart_10.by_dicube_0_3_0.dcbs"])
def test_real_series_equal_pydicom(tmp_path, name):
    source = shared_series(name)
    expected = pydicom_volume(shared_series(name.split(".", maxsplit=1)[0]))
    path = source
    if source.is_dir():
        path = tmp_path / "x.dcbs"
        dicube_core.convert(source, path)
    dataset = by_kerchunk(dicube_core.references(path), tmp_path, chunks={})
    order = np.argsort(dataset.position.values[:, 2])
    np.testing.assert_array_equal(dataset.image[order], expected)
    assert float(dataset.image.mean()) == pytest.approx(expected.mean(), rel=1e-12)


def test_dask_processes_read_references(tmp_path):
    distributed = pytest.importorskip("distributed")
    path = array_files.ct_file(tmp_path, SMALL, 7)
    dataset = by_kerchunk(dicube_core.references(path), tmp_path, chunks={})
    expected = array_files.modality_of(path)
    np.testing.assert_array_equal(dataset.image.compute(scheduler="threads"), expected)
    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": ":0"}
    with (
        distributed.LocalCluster(processes=True, **options) as cluster,
        distributed.Client(cluster),
    ):
        assert float(dataset.image.mean()) == expected.mean()


# -- what goes wrong ----------------------------------------------------------------------------


def test_damage_is_found_with_checksums(tmp_path):
    path = array_files.ct_file(tmp_path, SMALL)
    refs = dicube_core.references(path)
    place, length = refs["refs"]["image/2.0.0"][1:]
    data = bytearray(path.read_bytes())
    data[place + length - 12] ^= 0x10  # inside the packets
    path.write_bytes(data)
    group = opened(refs)
    _ = group["image"][[0, 1, 3]]
    with pytest.raises(ChecksumError, match="none of the 4 frames"):
        group["image"][2]


def test_a_file_that_was_replaced_is_found(tmp_path):
    for name, kind in (("a", SMALL), ("b", Kind("other", rows=13, columns=11, stored=11))):
        (tmp_path / name).mkdir()
        array_files.ct_file(tmp_path / name, kind)
    path = tmp_path / "a" / "series.dcbs"
    refs = dicube_core.references(path)
    bare = dicube_core.references(path, checksums=False)
    path.write_bytes((tmp_path / "b" / "series.dcbs").read_bytes())
    with pytest.raises(ChecksumError, match="the file was replaced"):
        opened(refs)["image"][:]
    with pytest.raises(DecodeError):  # no codestream begins or ends where those did
        opened(bare)["image"][:]


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"rows": 12}, DecodeError),
        ({"pixel_representation": 1}, DecodeError),
        ({"bits_stored": 9, "high_bit": 8}, DecodeError),
        ({"photometric_interpretation": "RGB", "samples_per_pixel": 3}, DecodeError),
        ({"codec": "no_such"}, Exception),
    ],
)
def test_a_frame_of_another_sort_is_refused_before_it_is_decoded(tmp_path, changes, error):
    path = array_files.ct_file(tmp_path, SMALL)
    refs = dicube_core.references(path)
    config = json.loads(refs["refs"]["image/.zarray"])["compressor"]
    with dicube_core.open(path) as reader:
        data = reader.codestream(0)
    assert numcodecs.get_codec(dict(config)).decode(data).shape == (13, 11)
    with pytest.raises(error):
        numcodecs.get_codec(config | changes).decode(data)


def test_configurations_that_cannot_be():
    for config in (
        {"rows": 3},
        {"rows": 3, "columns": 3, "nonsense": 1},
        {
            "rows": -1,
            "columns": 2,
            "bits_allocated": 8,
            "bits_stored": 8,
            "pixel_representation": 0,
        },
    ):
        with pytest.raises((MetaDataError, ValueError)):
            numcodecs.get_codec({"id": "dicube.frame", **config})


def test_why_the_codec_of_imagecodecs_is_not_used(tmp_path):
    """It gives the type of the codestream's depth, and every bit of a word, for pixel values."""
    imagecodecs_numcodecs = pytest.importorskip("imagecodecs.numcodecs")
    other = imagecodecs_numcodecs.Htj2k()
    differ = set()
    for kind in array_files.KINDS_HERE:
        (tmp_path / kind.name).mkdir()
        path = array_files.ct_file(tmp_path / kind.name, kind)
        with dicube_core.open(path) as reader:
            stored = reader.pixel_format.pixel_values(reader.frame(0))
            found = other.decode(reader.codestream(0))
        if found.dtype != stored.dtype or not np.array_equal(found, stored):
            differ.add(kind.name)
    assert differ >= {"u8_in_16", "u12_in_32", "overlay", "unextended", "high_bit"}


# -- the codecs by themselves -------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32"])
def test_arrays_are_written_and_read(tmp_path, dtype):
    from dicube_plugins.zarr import FrameBytesCodec, FrameCodec

    rng = np.random.default_rng(3)
    info = np.iinfo(dtype)
    values = rng.integers(info.min, info.max, (3, 14, 11), dtype=dtype, endpoint=True)
    options = {"shape": values.shape, "chunks": (1, 14, 11), "dtype": dtype}
    compressor = FrameCodec.for_frames(dtype, 14, 11)
    two = zarr.create_array(
        tmp_path / "2.zarr", zarr_format=2, compressors=compressor, fill_value=0, **options
    )
    three = zarr.create_array(
        tmp_path / "3.zarr",
        zarr_format=3,
        serializer=FrameBytesCodec(),
        compressors=None,
        fill_value=0,
        **options,
    )
    for name, array in (("2.zarr", two), ("3.zarr", three)):
        array[:] = values
        np.testing.assert_array_equal(zarr.open_array(tmp_path / name, mode="r")[:], values)
        array[1, 3:5] = 7  # a part of a chunk
        changed = values.copy()
        changed[1, 3:5] = 7
        np.testing.assert_array_equal(zarr.open_array(tmp_path / name, mode="r")[:], changed)
    metadata = json.loads((tmp_path / "3.zarr" / "zarr.json").read_text())
    assert [codec["name"] for codec in metadata["codecs"]] == ["dicube.frame"]


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint64"])
def test_what_htj2k_cannot_hold_goes_through_pcodec(tmp_path, dtype):
    pytest.importorskip("pcodec")
    from dicube_plugins.zarr import FrameBytesCodec

    values = np.random.default_rng(1).normal(0, 1e6, (2, 9, 8)).astype(dtype)
    array = zarr.create_array(
        tmp_path / "x.zarr",
        shape=values.shape,
        chunks=(1, 9, 8),
        dtype=dtype,
        serializer=FrameBytesCodec(),
        compressors=None,
    )
    array[:] = values
    assert zarr.open_array(tmp_path / "x.zarr", mode="r")[:].tobytes() == values.tobytes()


def test_chunks_that_are_no_frame_are_refused(tmp_path):
    from dicube_plugins.zarr import FrameBytesCodec, FrameCodec

    codec = FrameCodec.for_frames("int16", 9, 8)
    for values in (np.zeros((9, 9), "int16"), np.zeros((2, 9, 8), "int16"), np.zeros((9, 8), "u2")):
        with pytest.raises(DataConsistencyError, match="one frame"):
            codec.encode(values)
    with pytest.raises(DataConsistencyError, match="one frame"):
        zarr.create_array(
            tmp_path / "x.zarr",
            shape=(4, 9, 8),
            chunks=(2, 9, 8),
            dtype="int16",
            serializer=FrameBytesCodec(),
            compressors=None,
        )


def test_values_beyond_the_bits_of_a_pixel_are_not_lost_without_a_word():
    from dicube_plugins.zarr import FrameCodec

    config = FrameCodec.for_frames("uint16", 4, 4).get_config() | {
        "bits_stored": 12,
        "high_bit": 11,
    }
    codec = numcodecs.get_codec(config)
    good = np.full((4, 4), 4095, "uint16")
    np.testing.assert_array_equal(codec.decode(codec.encode(good)), good)
    with pytest.raises(DataConsistencyError, match="outside of the 12 bits"):
        codec.encode(good + 1)


def test_the_codec_for_numcodecs_keeps_its_contract():
    from dicube_plugins.zarr import FrameCodec

    codec = FrameCodec.for_frames("int16", 9, 8)
    values = np.random.default_rng(0).integers(-5000, 5000, (9, 8), dtype="int16")
    data = codec.encode(values)
    assert numcodecs.get_codec(codec.get_config()) == codec
    assert pickle.loads(pickle.dumps(codec)) == codec
    for buffer in (data, bytearray(data), memoryview(data), np.frombuffer(data, "u1")):
        np.testing.assert_array_equal(codec.decode(buffer), values)
    out = np.empty((9, 8), "int16")
    codec.decode(data, out=out)
    np.testing.assert_array_equal(out, values)
    with ThreadPoolExecutor(8) as pool:
        for found in pool.map(codec.decode, [data] * 100):
            np.testing.assert_array_equal(found, values)
    rgb = FrameCodec.for_frames("uint8", 9, 8, samples=3)
    colours = np.random.default_rng(0).integers(0, 255, (1, 9, 8, 3), dtype="uint8")
    np.testing.assert_array_equal(rgb.decode(rgb.encode(colours)), colours[0])


def test_zarr_decodes_in_threads(tmp_path, monkeypatch):
    import threading

    from dicube_plugins.zarr import FrameBytesCodec
    from dicube_plugins.zarr._frames import FrameChunk

    seen = set()
    decode = FrameChunk.decode

    def watched(self, data):
        seen.add(threading.current_thread())
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        return decode(self, data)

    monkeypatch.setattr(FrameChunk, "decode", watched)
    array = zarr.create_array(
        tmp_path / "x.zarr",
        shape=(8, 64, 64),
        chunks=(1, 64, 64),
        dtype="int16",
        serializer=FrameBytesCodec(),
        compressors=None,
    )
    array[:] = np.arange(8 * 64 * 64, dtype="int16").reshape(8, 64, 64)
    seen.clear()
    assert array[:].sum() == np.arange(8 * 64 * 64, dtype="int16").sum()
    assert threading.main_thread() not in seen


# -- several files ------------------------------------------------------------------------------


def two_files(tmp_path):
    paths = []
    for name, kind in (("a", SMALL), ("b", Kind("second", rows=13, columns=11, fill="extremes"))):
        (tmp_path / name).mkdir()
        paths.append(array_files.ct_file(tmp_path / name, kind))
    return paths


def test_series_are_put_together_by_kerchunk(tmp_path):
    combine = pytest.importorskip("kerchunk.combine")
    paths = two_files(tmp_path)
    refs = [dicube_core.references(path, checksums=False) for path in paths]
    together = combine.MultiZarrToZarr(
        refs,
        remote_protocol="file",
        concat_dims=["series"],
        identical_dims=["z", "y", "x", "position", "instance_number"],
        coo_map={"series": [0, 1]},
    ).translate()
    dataset = by_kerchunk(together, tmp_path)
    assert dataset.image.dims == ("series", "z", "y", "x")
    for index, path in enumerate(paths):
        np.testing.assert_array_equal(dataset.image[index], array_files.modality_of(path))


def test_with_checksums_the_second_of_several_is_refused_not_read_wrongly(tmp_path):
    combine = pytest.importorskip("kerchunk.combine")
    paths = two_files(tmp_path)
    together = combine.MultiZarrToZarr(
        [dicube_core.references(path) for path in paths],
        remote_protocol="file",
        concat_dims=["series"],
        identical_dims=["z", "y", "x", "position", "instance_number"],
        coo_map={"series": [0, 1]},
    ).translate()
    with pytest.raises(ChecksumError, match="checksums=False"):
        _ = by_kerchunk(together, tmp_path).image.values


def test_virtual_datasets(tmp_path):
    virtualizarr = pytest.importorskip("virtualizarr")
    xr = pytest.importorskip("xarray")
    from obspec_utils.registry import ObjectStoreRegistry
    from obstore.store import LocalStore

    from dicube_plugins.zarr import DcbsParser

    paths = two_files(tmp_path)
    registry = ObjectStoreRegistry({"file://": LocalStore()})
    virtual = []
    for path in paths:
        url = f"file://{path}"
        store = DcbsParser()(url, registry)
        dataset = xr.open_zarr(store, consolidated=False, zarr_format=3, chunks=None)
        np.testing.assert_array_equal(dataset.image, array_files.modality_of(path))
        one = virtualizarr.open_virtual_dataset(url, registry, parser=DcbsParser())
        assert one.image.shape == (4, 13, 11)
        virtual.append(one.assign_coords(xr.open_dataset(path).coords))
    options = {"coords": "minimal", "compat": "override", "join": "override"}
    both = xr.concat(virtual, dim="series", **options)
    manifest = both.image.data.manifest.dict()
    assert manifest["1.2.0.0"]["path"] == f"file://{paths[1]}"
    # With the checksums of one file, those of another are no frames of the same array.
    checked = [
        virtualizarr.open_virtual_dataset(
            f"file://{p}", registry, parser=DcbsParser(checksums=True)
        )
        for p in paths
    ]
    with pytest.raises(NotImplementedError, match="codecs"):
        xr.concat(checked, dim="series", **options)


def test_a_file_that_is_replaced_while_it_is_parsed_is_refused(tmp_path, monkeypatch):
    pytest.importorskip("virtualizarr")
    from obspec_utils.registry import ObjectStoreRegistry
    from obstore.store import LocalStore

    from dicube_plugins.zarr import _virtualizarr

    path, other = two_files(tmp_path)
    made = _virtualizarr.virtual_image

    def replacing(reader, **options):
        other.replace(path)
        return made(reader, **options)

    monkeypatch.setattr(_virtualizarr, "virtual_image", replacing)
    registry = ObjectStoreRegistry({"file://": LocalStore()})
    with pytest.raises(InvalidCubeFileError, match="changed"):
        _virtualizarr.DcbsParser()(f"file://{path}", registry)


def test_icechunk_keeps_virtual_datasets(tmp_path):
    icechunk = pytest.importorskip("icechunk")
    virtualizarr = pytest.importorskip("virtualizarr")
    xr = pytest.importorskip("xarray")
    from obspec_utils.registry import ObjectStoreRegistry
    from obstore.store import LocalStore

    from dicube_plugins.zarr import DcbsParser

    registry = ObjectStoreRegistry({"file://": LocalStore()})
    paths = two_files(tmp_path)
    virtual = [
        virtualizarr.open_virtual_dataset(f"file://{path}", registry, parser=DcbsParser())
        for path in paths
    ]
    options = {"coords": "minimal", "compat": "override", "join": "override"}
    both = xr.concat(virtual, dim="series", **options)
    place = f"file://{tmp_path}/"
    config = icechunk.RepositoryConfig.default()
    files = icechunk.local_filesystem_store(str(tmp_path))
    config.set_virtual_chunk_container(icechunk.VirtualChunkContainer(place, files))
    repository = icechunk.Repository.create(
        icechunk.in_memory_storage(), config, authorize_virtual_chunk_access={place: None}
    )
    session = repository.writable_session("main")
    both.vz.to_icechunk(session.store)
    session.commit("two series")
    store = repository.readonly_session("main").store
    found = xr.open_zarr(store, consolidated=False, zarr_format=3)
    for index, path in enumerate(paths):
        np.testing.assert_array_equal(found.image[index], array_files.modality_of(path))


def test_kerchunk_files_of_virtualizarr_are_not_read_wrongly(tmp_path):
    """It leaves this codec out of them: what is read then is refused."""
    virtualizarr = pytest.importorskip("virtualizarr")
    xr = pytest.importorskip("xarray")
    from obspec_utils.registry import ObjectStoreRegistry
    from obstore.store import LocalStore

    from dicube_plugins.zarr import DcbsParser

    path = array_files.ct_file(tmp_path, SMALL)
    registry = ObjectStoreRegistry({"file://": LocalStore()})
    one = virtualizarr.open_virtual_dataset(f"file://{path}", registry, parser=DcbsParser())
    one.vz.to_kerchunk(str(tmp_path / "v.json"), format="json")
    with pytest.raises(ValueError, match=r"reshape|divisor"):
        _ = xr.open_dataset(str(tmp_path / "v.json"), engine="kerchunk").image.values


@pytest.mark.parametrize("kind", [">i2", ">u4", ">f8"])
def test_big_endian_arrays_of_zarr_2_are_refused(kind):
    from dicube_plugins.zarr import FrameCodec

    # Zarr takes decoded bytes for those of its own array, without a look at their type.
    array = zarr.create_array(
        zarr.storage.MemoryStore(),
        shape=(2, 3, 4),
        chunks=(1, 3, 4),
        dtype=kind,
        zarr_format=2,
        compressors=FrameCodec.for_frames(kind, 3, 4),
        fill_value=None,
    )
    with pytest.raises(DataConsistencyError, match="little-endian"):
        array[0] = np.arange(12).reshape(3, 4)


def test_arrays_of_zarr_2_in_the_order_of_fortran_are_refused():
    from dicube_plugins.zarr import FrameCodec

    array = zarr.create_array(
        zarr.storage.MemoryStore(),
        shape=(2, 3, 4),
        chunks=(1, 3, 4),
        dtype="int16",
        zarr_format=2,
        order="F",
        compressors=FrameCodec.for_frames("int16", 3, 4),
        fill_value=None,
    )
    with pytest.raises(DataConsistencyError, match="row by row"):
        array[0] = np.arange(12).reshape(3, 4)


def test_a_frame_is_decoded_into_arrays_of_its_type_alone():
    from dicube_plugins.zarr import FrameCodec

    codec = FrameCodec.for_frames("int16", 3, 4)
    values = np.arange(12, dtype="int16").reshape(3, 4)
    data = codec.encode(values)
    for out in (np.empty((3, 4), "<i2"), np.empty(24, "u1")):
        codec.decode(data, out)
        assert out.tobytes() == values.tobytes()
    others = np.empty((3, 4), ">i2"), np.empty((3, 4), "u2"), np.empty((3, 4), "i2", order="F")
    for out in others:
        with pytest.raises(DataConsistencyError):
            codec.decode(data, out)


@pytest.mark.filterwarnings("ignore:saving variable None with floating point data")
def test_a_dataset_of_references_is_written_without_their_encoding(tmp_path):
    xr = pytest.importorskip("xarray")
    pytest.importorskip("kerchunk")
    path = array_files.ct_file(tmp_path, SMALL)
    dataset = xr.open_dataset(dicube_core.references(path), engine="kerchunk")
    with pytest.raises(DataConsistencyError, match="drop_encoding"):
        dataset.to_zarr(tmp_path / "a.zarr", zarr_format=2, consolidated=False)
    dataset.drop_encoding().to_zarr(tmp_path / "b.zarr", zarr_format=2, consolidated=False)
    written = xr.open_zarr(tmp_path / "b.zarr", consolidated=False)
    assert np.array_equal(written.image.values, dataset.image.values)
