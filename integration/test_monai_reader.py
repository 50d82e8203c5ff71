"""MONAI reads ``.dcbs`` as it reads the same series as NIfTI or as a folder of DICOM files."""

from __future__ import annotations

import pickle
import sys

import numpy as np
import pytest
from environments import ROOT, run_python
from support.raw import text
from support.series import KINDS, Kind
from training_series import framework, kind_twins, make_twins

import dicube_core
import dicube_plugins
from dicube_core.exceptions import ChecksumError, DataConsistencyError, GeometryError

sys.path.insert(0, str(ROOT / "tests" / "plugins"))  # for `kind_files`

torch = framework("torch")
monai = framework("monai")

from monai.data import (  # noqa: E402
    CacheDataset,
    DataLoader,
    Dataset,
    PersistentDataset,
    SmartCacheDataset,
    ThreadDataLoader,
    list_data_collate,
    pickle_hashing,
)
from monai.transforms import (  # noqa: E402
    Compose,
    EnsureChannelFirstd,
    LoadImage,
    LoadImaged,
    Orientationd,
    RandSpatialCropSamplesd,
    Spacingd,
)

from dicube_plugins.monai import (  # noqa: E402
    DcbsReader,
    LoadPatchd,
    RandLoadPatchd,
    grid_patches,
)

pytestmark = pytest.mark.filterwarnings("ignore")
BOTH = ("image", "label")


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    return make_twins(tmp_path_factory.mktemp("twins"))


@pytest.fixture
def adapter():
    dicube_plugins.install("monai")
    yield
    dicube_plugins.uninstall("monai")


def same(ours, theirs):
    assert ours.shape == theirs.shape
    assert ours.dtype == theirs.dtype
    assert torch.equal(ours.as_tensor(), theirs.as_tensor())
    assert torch.allclose(ours.affine, theirs.affine, rtol=0, atol=1e-4)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
@pytest.mark.parametrize("channel_first", [False, True])
def test_arrays_and_affines_of_the_nifti_twin(twins, dtype, channel_first):
    options = {"dtype": dtype, "ensure_channel_first": channel_first}
    theirs = LoadImage(reader="NibabelReader", **options)(twins.nifti)
    for reader in (DcbsReader, DcbsReader(), "dicube_plugins.monai.DcbsReader"):
        ours = LoadImage(reader=reader, **options)(twins.dcbs)
        same(ours, theirs)
        for key in ("original_affine", "spatial_shape"):
            assert np.allclose(ours.meta[key], theirs.meta[key], atol=1e-4), key
        assert ours.meta["space"] == theirs.meta["space"]
        assert np.isnan(ours.meta["original_channel_dim"]) or channel_first
        assert np.allclose(ours.meta["spacing"], theirs.pixdim)
        assert ours.meta["filename_or_obj"] == str(twins.dcbs)
    exact = LoadImage(reader=DcbsReader, dtype=None)(twins.dcbs)
    assert exact.dtype == torch.int16


@pytest.mark.parametrize("reader", ["ITKReader", "PydicomReader"])
def test_the_folder_in_canonical_orientation(twins, reader):
    if reader == "ITKReader":
        pytest.importorskip("itk")

    def load(reader, path):
        steps = [
            LoadImaged("image", reader=reader),
            EnsureChannelFirstd("image"),
            Orientationd("image", axcodes="RAS"),
        ]
        return Compose(steps)({"image": path})["image"]

    same(load(DcbsReader, twins.dcbs), load(reader, twins.folder))


def test_pipelines_resample_alike(twins):
    def load(reader, path):
        steps = [
            LoadImaged("image", reader=reader),
            EnsureChannelFirstd("image"),
            Orientationd("image", axcodes="PLI"),
            Spacingd("image", pixdim=(7.0, 9.0, 4.0)),
        ]
        return Compose(steps)({"image": path})["image"]

    ours, theirs = load(DcbsReader, twins.dcbs), load("NibabelReader", twins.nifti)
    assert ours.shape == theirs.shape
    assert torch.allclose(ours.affine, theirs.affine, atol=1e-4)
    assert torch.allclose(ours, theirs, atol=0.05)


@pytest.mark.parametrize(
    "name",
    [
        *("u16_stored_12", "i16_stored_16", "u8_stored_8", "i32_stored_17", "u16_outside_stored"),
        *("i16_unextended", "u16_high_bit_13", "u16_mono1"),
    ],
)
def test_kinds_of_pixels(name, tmp_path):
    twins = kind_twins(tmp_path, KINDS[name])
    options = {"dtype": np.float64}
    theirs = LoadImage(reader="NibabelReader", **options)(twins.nifti)
    same(LoadImage(reader=DcbsReader, **options)(twins.dcbs), theirs)


def test_slices_with_factors_of_their_own(tmp_path):
    def edit(index, nodes):
        nodes[0x00281053] = text(0x00281053, "DS", f"{0.3 + index / 7:.6f}")

    twins = kind_twins(tmp_path, Kind("pet", rows=9, columns=7), edit)
    ours = LoadImage(reader=DcbsReader, dtype=np.float64)(twins.dcbs)
    expected = dicube_core.load(twins.dcbs).get_fdata("float64").transpose(2, 1, 0)
    assert np.array_equal(ours.numpy(), expected)


def test_options_of_the_reader(twins):
    stored = LoadImage(reader=DcbsReader, values="stored", dtype=None)(twins.dcbs)
    with dicube_core.open(twins.dcbs) as reader:
        assert np.array_equal(stored.numpy(), reader.frames().transpose(2, 1, 0))
    lps = LoadImage(reader=DcbsReader(affine_lps_to_ras=False, series_meta=True))(twins.dcbs)
    ras = LoadImage(reader=DcbsReader)(twins.dcbs)
    flip = torch.diag(torch.tensor([-1.0, -1, 1, 1], dtype=torch.float64))
    assert torch.allclose(flip @ lps.affine, ras.affine)
    assert lps.meta["space"] == "LPS"
    assert lps.meta["Modality"] == "CT"
    assert not any("Patient" in key and "Position" not in key for key in lps.meta)
    array, _ = DcbsReader(dtype="float64").get_data(DcbsReader().read(twins.dcbs))
    assert array.dtype == "float64"
    with pytest.raises(ValueError, match="'modality' or 'stored'"):
        DcbsReader(values="raw")


def test_colour_and_several_volumes(tmp_path):
    from kind_files import COLOURS, file_of, rgb_of, time_series

    from dicube_plugins.nibabel import load, save

    path = file_of(COLOURS["palette"], tmp_path)
    image = LoadImage(reader=DcbsReader, ensure_channel_first=True, dtype=None)(path)
    assert np.array_equal(image.numpy(), rgb_of(COLOURS["palette"]).transpose(3, 2, 1, 0))
    assert image.meta["original_channel_dim"] == -1
    path, values = time_series(tmp_path / "t" if (tmp_path / "t").mkdir() is None else None)
    image = LoadImage(reader=DcbsReader, ensure_channel_first=True)(path)
    assert np.array_equal(image.numpy(), values.transpose(0, 3, 2, 1))
    nifti = tmp_path / "time.nii.gz"
    save(load(path), nifti)
    same(image, LoadImage(reader="NibabelReader", ensure_channel_first=True)(nifti))
    patch = LoadPatchd("image")(
        {"image": path, "patch_location": (1, 2, 0), "patch_size": (3, 2, 2)}
    )["image"]
    assert torch.equal(patch.as_tensor(), image.as_tensor()[:, 1:4, 2:4, :2])


def test_several_files_are_channels(twins, tmp_path):
    other = make_twins(tmp_path, seed=1)
    ours = LoadImage(reader=DcbsReader)([twins.dcbs, other.dcbs])
    theirs = LoadImage(reader="NibabelReader")([twins.nifti, other.nifti])
    same(ours, theirs)
    assert ours.meta["original_channel_dim"] == theirs.meta["original_channel_dim"] == 0
    item = {"image": [twins.dcbs, other.dcbs]}
    place = {"patch_location": (3, 4, 5), "patch_size": (6, 7, 8)}
    patch = LoadPatchd("image")({**item, **place})["image"]
    assert torch.equal(patch.as_tensor(), ours.as_tensor()[:, 3:9, 4:11, 5:13])
    elsewhere = make_twins(tmp_path / "b" if (tmp_path / "b").mkdir() is None else None, 10)
    with pytest.raises(DataConsistencyError, match="differs from that of the first"):
        LoadImage(reader=DcbsReader)([twins.dcbs, elsewhere.dcbs])


def test_colour_and_grey_are_no_channels_of_one_image(tmp_path):
    from kind_files import COLOURS, file_of

    colour = file_of(COLOURS["rgb"], tmp_path)
    with dicube_core.open(colour) as reader:
        grey, values = reader.geometry, reader.frames()[..., 0].copy()
    image = dicube_core.DicomCubeImage(
        values,
        dicube_core.PixelDataHeader(PixelDtype=str(values.dtype), OriginalPixelDtype="uint8"),
        space=grey,
    )
    dicube_core.save(image, tmp_path / "grey.dcbs")
    both = [colour, tmp_path / "grey.dcbs"]
    for files in (both, both[::-1]):
        with pytest.raises(DataConsistencyError, match="one has channels of its own"):
            DcbsReader().get_data([dicube_core.open(path) for path in files])


def test_what_has_no_affine_is_refused(tmp_path):
    from kind_files import tilted

    path, _ = tilted(tmp_path)
    with pytest.raises(GeometryError):
        LoadImage(reader=DcbsReader)(path)
    image = LoadImage(reader=DcbsReader(sheared=True))(path)
    assert abs(float(image.affine[1, 2])) == pytest.approx(0.8)
    with pytest.raises(GeometryError):
        grid_patches([{"image": path}], 2)
    boxes = grid_patches([{"image": path}], 2, sheared=True)
    patch = LoadPatchd("image", sheared=True)(boxes[-1])["image"]
    assert torch.equal(patch.as_tensor()[0], image.as_tensor()[-2:, -2:, -2:])


def test_damage_is_an_error(twins, tmp_path):
    with dicube_core.open(twins.dcbs) as reader:
        offset = int(reader.container.index.offsets[7])
    data = bytearray(twins.dcbs.read_bytes())
    data[offset + 50] ^= 1
    (tmp_path / "x.dcbs").write_bytes(data)
    with pytest.raises(ChecksumError, match="frame 7"):
        LoadImage(reader=DcbsReader)(tmp_path / "x.dcbs")


def test_chosen_by_itself_while_installed(twins, adapter, monkeypatch):
    expected = LoadImage(reader=DcbsReader)(twins.dcbs)
    same(LoadImage()(twins.dcbs), expected)
    same(LoadImage(reader="DcbsReader")(twins.dcbs), expected)
    same(LoadImage()(twins.nifti), expected)  # others are read as before
    monkeypatch.setenv("MONAI_DICOM_READER", "pydicom")
    same(LoadImage()(twins.dcbs), expected)
    dicube_plugins.uninstall("monai")
    with pytest.raises(Exception, match=r"dcbs|suitable reader|DICOM|dicom"):
        LoadImage()(twins.dcbs)


# -- data sets and loaders -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def items(tmp_path_factory):
    return [
        {"image": str(one.dcbs), "label": str(one.nifti), "number": seed}
        for seed in range(4)
        for one in [make_twins(tmp_path_factory.mktemp("item"), 12, 32, seed)]
    ]


def loading(keys="image"):
    return Compose([LoadImaged(keys, reader=DcbsReader), EnsureChannelFirstd(keys)])


@pytest.fixture(scope="module")
def expected(items):
    return {item["number"]: loading()(item)["image"] for item in items}


def compare(batches, expected):
    seen = []
    for batch in batches:
        for image, number in zip(batch["image"], batch["number"].tolist(), strict=True):
            assert torch.equal(torch.as_tensor(image), expected[number].as_tensor())
            seen.append(number)
    assert sorted(seen) == sorted(expected)


def test_data_sets(items, expected, tmp_path):
    persistent = PersistentDataset(items, loading(), tmp_path / "cache")
    smart = SmartCacheDataset(items, loading(), replace_rate=0.25, cache_num=4, progress=False)
    sets = [
        Dataset(items, loading()),
        CacheDataset(items, loading(), num_workers=2, progress=False),
        persistent,
        persistent,  # now from its files
        smart,
    ]
    for dataset in sets:
        compare(DataLoader(dataset, batch_size=2), expected)
    compare(ThreadDataLoader(sets[0], batch_size=2, num_workers=0), expected)
    assert len(list((tmp_path / "cache").iterdir())) == 4


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers(items, expected, method):
    loader = DataLoader(
        Dataset(items, loading()),
        batch_size=2,
        num_workers=2 if method == "fork" else 1,
        multiprocessing_context=method,
        persistent_workers=True,
    )
    for _ in range(2):
        compare(loader, expected)


# -- patches ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(8, 9, 5), (10, -1, 4), 6, (100, 8, 8)])
def test_random_patches_are_those_of_monai(items, size):
    theirs = Compose(
        [
            LoadImaged(BOTH, reader=DcbsReader),
            EnsureChannelFirstd(BOTH),
            RandSpatialCropSamplesd(BOTH, size, num_samples=3, random_size=False),
        ]
    )
    ours = RandLoadPatchd(BOTH, size, num_samples=3)
    theirs.transforms[-1].set_random_state(seed=3)
    ours.set_random_state(seed=3)
    for item in items:
        for one, other in zip(ours(item), theirs(item), strict=True):
            assert one["number"] == item["number"]
            for key in BOTH:
                same(one[key], other[key])
                assert one[key].meta["filename_or_obj"] == other[key].meta["filename_or_obj"]


def test_random_patches_where_they_are_asked_for(items):
    seen = []

    def locate(item, shape, state):
        seen.append((item["number"], shape, state.randint(5)))
        return (30, -4, 3)

    found = RandLoadPatchd("image", (8, 8, 8), locate=locate)(items[1])[0]["image"]
    whole = loading()(items[1])["image"]
    assert torch.equal(found.as_tensor(), whole.as_tensor()[:, 24:, :8, 3:11])
    assert seen[0][:2] == (1, (32, 32, 12))


@pytest.mark.parametrize("cache_bytes", [0, 1 << 20])
@pytest.mark.parametrize("method", [None, "fork"])
def test_a_grid_of_patches_covers_every_voxel(items, method, cache_bytes):
    patches = grid_patches(items[:2], (20, 32, 5), (4, 0, 2))
    dataset = Dataset(patches, LoadPatchd(BOTH, cache_bytes=cache_bytes))
    loader = DataLoader(
        dataset,
        batch_size=2,
        num_workers=2 if method else 0,
        multiprocessing_context=method,
        shuffle=True,
    )
    whole = {item["number"]: torch.full((1, 32, 32, 12), torch.nan) for item in items[:2]}
    for batch in loader:
        places = torch.stack(batch["patch_location"], 1).tolist()
        for image, label, number, (x, y, z) in zip(
            batch["image"], batch["label"], batch["number"].tolist(), places, strict=True
        ):
            whole[number][:, x : x + 20, y : y + 32, z : z + 5] = image.as_tensor()
            assert torch.equal(image.as_tensor(), label.as_tensor())
    for item in items[:2]:
        assert torch.equal(whole[item["number"]], loading()(item)["image"].as_tensor())


def test_patches_collate_and_pickle(items):
    transform = RandLoadPatchd("image", (8, 8, 8), num_samples=2, max_open=1)
    transform(items[0])
    copy = pickle.loads(pickle.dumps(transform))
    loader = DataLoader(Dataset(items, copy), batch_size=2, collate_fn=list_data_collate)
    assert [tuple(batch["image"].shape) for batch in loader] == [(4, 1, 8, 8, 8)] * 2


def test_what_was_loaded_changes_no_hash_of_a_transform(items):
    transform = LoadPatchd(BOTH)
    before = pickle_hashing(transform)
    transform({**items[0], "patch_location": (1, 2, 3), "patch_size": (4, 4, 4)})
    assert pickle_hashing(transform) == before != pickle_hashing(LoadPatchd("image"))


def test_bad_items_are_told(items):
    with pytest.raises(DataConsistencyError, match="no 'patch_location' and no 'patch_size'"):
        LoadPatchd("image")(items[0])
    place = {"patch_location": (30, 0, 0), "patch_size": (8, 8, 8)}
    for key in BOTH:
        with pytest.raises(IndexError):
            LoadPatchd(key)({**items[0], **place})
    mixed = {"image": items[0]["image"], "label": items[0]["image"]}
    with pytest.raises(ValueError, match="at least 1 sample"):
        RandLoadPatchd("image", 8, num_samples=0)
    assert len(RandLoadPatchd(BOTH, 8)(mixed)) == 1


SCRIPT = """
import dicube_plugins, sys, warnings
warnings.simplefilter("ignore")
dicube_plugins.install()  # waits until they are imported
assert "torch" not in sys.modules
import numpy as np, torchio
from monai.transforms import LoadImage
image = LoadImage()("study.dcbs")
other = torchio.ScalarImage("study.dcbs")
print(tuple(image.shape), other.shape, np.array_equal(image.numpy(), other.numpy()[0]))
"""


def test_from_the_wheel_in_a_new_process(twins, site):
    framework("torchio")
    found = run_python(sys.executable, site, "-c", SCRIPT, cwd=twins.dcbs.parent)
    assert found.strip().endswith("(40, 40, 24) (1, 40, 40, 24) True")
