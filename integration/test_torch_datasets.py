"""Frames and patches for PyTorch: right values, one order, whatever reads them."""

from __future__ import annotations

import pickle
import shutil
import sys
from itertools import pairwise

import numpy as np
import pytest
from environments import ROOT
from support.decoded_frames import note_decoded_frames
from support.raw import text
from training_series import framework, kind_twins, make_twins

import dicube_core
from dicube_core.exceptions import (
    ChecksumError,
    DataConsistencyError,
    GeometryError,
    UnsupportedKindError,
)

sys.path.insert(0, str(ROOT / "tests" / "plugins"))  # for `kind_files`

torch = framework("torch")

from torch.utils.data import (  # noqa: E402
    ConcatDataset,
    DataLoader,
    DistributedSampler,
    StackDataset,
    Subset,
    random_split,
)

from dicube_plugins.torch import EpochSampler, FrameDataset, PatchDataset, epochs  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")
SIZE = (8, 9, 5)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folders = [tmp_path_factory.mktemp("file") for _ in range(4)]
    return [make_twins(f, 12 + n, 32, n).dcbs for n, f in enumerate(folders)]


@pytest.fixture(scope="module")
def volumes(files):
    """Modality values (x, y, z) by the core."""
    loaded = [dicube_core.load(path) for path in files]
    return [image.get_fdata("float32").transpose(2, 1, 0) for image in loaded]


@pytest.fixture
def decoded(monkeypatch):
    return note_decoded_frames(monkeypatch)


def check(sample, volumes):
    volume = volumes[sample["file"]]
    part = tuple(slice(a, a + n) for a, n in zip(sample["start"].tolist(), SIZE, strict=True))
    assert np.array_equal(sample["image"].numpy()[0], volume[part])


def table(loader):
    """Return {index: (start, checksum)} of an epoch, in the order in which samples came."""
    found = {}
    for batch in loader:
        for n, index in enumerate(batch["index"].tolist()):
            found[index] = (*batch["start"][n].tolist(), float(batch["image"][n].double().sum()))
    return found


# -- patches ---------------------------------------------------------------------------------------


def test_patches_are_right(files, volumes):
    dataset = PatchDataset(files, SIZE, patches_per_file=3, seed=7)
    assert len(dataset) == 12
    starts = set()
    for index in range(len(dataset)):
        sample = dataset[index]
        check(sample, volumes)
        assert (sample["index"], sample["path"]) == (index, str(files[sample["file"]]))
        assert sample["image"].dtype == torch.float32
        assert sample["image"].is_contiguous()
        with dicube_core.open(files[sample["file"]]) as reader:
            affine = reader.geometry.affine_xyz_ras
        place = affine @ np.array([*sample["start"].tolist(), 1])
        assert np.allclose(sample["affine"].numpy()[:, 3], place)
        assert np.allclose(sample["affine"].numpy()[:3, :3], affine[:3, :3])
        starts.add(tuple(sample["start"].tolist()))
    assert len(starts) == 12
    assert torch.equal(dataset[-1]["image"], dataset[11]["image"])
    with pytest.raises(IndexError, match="sample 12 of 12"):
        dataset[12]


def test_only_touched_frames_are_decoded_and_kept(files, decoded):
    dataset = PatchDataset(files, SIZE, patches_per_file=20)
    first = dataset[0]
    z = first["start"][2].item()
    assert sorted(decoded) == list(range(z, z + SIZE[2]))
    decoded.clear()
    dataset[0]
    assert decoded == []
    for index in range(20):
        dataset[index]
    assert len(decoded) == len(set(decoded)) <= 12 - SIZE[2]
    bare = PatchDataset(files, SIZE, cache_bytes=0)
    decoded.clear()
    for _ in range(2):
        bare[0]
    assert len(decoded) == 2 * SIZE[2]


def test_places_depend_on_seed_and_epoch_alone(files):
    datasets = [PatchDataset(files, SIZE, patches_per_file=2, seed=s) for s in (1, 1, 2)]
    starts = [[d[i]["start"].tolist() for i in range(8)] for d in datasets]
    assert starts[0] == starts[1] != starts[2]
    backwards = [datasets[0][i]["start"].tolist() for i in reversed(range(8))]
    assert backwards[::-1] == starts[0]
    datasets[0].set_epoch(1)
    later = [datasets[0][i]["start"].tolist() for i in range(8)]
    assert later != starts[0]
    copied = pickle.loads(pickle.dumps(datasets[0]))
    assert [copied[i]["start"].tolist() for i in range(8)] == later
    with pytest.raises(ValueError, match="counted from 0"):
        datasets[0].set_epoch(-1)


@pytest.mark.parametrize("overlap", [None, (2, 3, 1)])
def test_a_grid_covers_every_voxel(files, volumes, overlap):
    dataset = PatchDataset(files[:2], SIZE, positions="grid", overlap=overlap)
    whole = [np.full(v.shape, np.nan, "float32") for v in volumes[:2]]
    for index in range(len(dataset)):
        sample = dataset[index]
        check(sample, volumes)
        place = zip(sample["start"].tolist(), SIZE, strict=True)
        whole[sample["file"]][tuple(slice(a, a + n) for a, n in place)] = sample["image"][0]
    for found, expected in zip(whole, volumes, strict=False):
        assert np.array_equal(found, expected)


def test_places_of_ones_own(files, volumes):
    def where(path, shape, rng):
        assert shape == (32, 32, 12 + files.index(type(files[0])(path)))
        return (100, -5, rng.integers(3))

    dataset = PatchDataset(files, SIZE, positions=where)
    for index in range(4):
        sample = dataset[index]
        assert sample["start"].tolist()[:2] == [24, 0]
        check(sample, volumes)


def test_types(files):
    def image(**options):
        return PatchDataset(files, SIZE, seed=1, **options)[0]["image"]

    plain = image()
    assert image(dtype=None).dtype == torch.int16
    assert torch.equal(image(dtype=None).float(), plain)
    assert torch.equal(image(dtype=torch.float64).float(), plain)
    assert torch.equal(image(dtype=torch.bfloat16), plain.bfloat16())
    stored = image(values="stored", dtype=None)
    assert stored.dtype == torch.int32
    assert torch.equal(stored.float() - 1024, plain)
    with pytest.raises(DataConsistencyError, match="does not hold"):
        image(dtype=torch.uint8)


def test_small_files(files, volumes):
    size = (8, 40, 5)
    with pytest.raises(DataConsistencyError, match="smaller than a patch"):
        PatchDataset(files, size)[0]
    with pytest.raises(DataConsistencyError, match="smaller than a patch"):
        PatchDataset(files, size, positions="grid")
    sample = PatchDataset(files, size, fill=-5, transform=lambda s: {**s, "more": 1})[0]
    assert sample["more"] == 1
    x, y, z = sample["start"].tolist()
    assert y == 0
    assert np.array_equal(sample["image"][0, :, :32], volumes[0][x : x + 8, :, z : z + 5])
    assert (sample["image"][0, :, 32:] == -5).all()
    for fill in (0.5, float("nan"), 40_000):
        with pytest.raises(DataConsistencyError, match="int16 does not hold fill"):
            PatchDataset(files, size, fill=fill, dtype=None)[0]
        assert PatchDataset(files, size, fill=fill)[0]["image"].shape[1:] == size


def test_colour_volumes_and_what_is_refused(tmp_path):
    from kind_files import COLOURS, file_of, rgb_of, tilted, time_series

    (tmp_path / "t").mkdir()
    (tmp_path / "u").mkdir()
    path = file_of(COLOURS["ybr"], tmp_path)
    sample = PatchDataset([path], (3, 4, 2), dtype=None)[0]
    x, y, z = sample["start"].tolist()
    expected = rgb_of(COLOURS["ybr"]).transpose(3, 2, 1, 0)[:, x : x + 3, y : y + 4, z : z + 2]
    assert np.array_equal(sample["image"].numpy(), expected)
    frame = FrameDataset([path], dtype=None)[2]["image"]
    assert np.array_equal(frame.numpy(), rgb_of(COLOURS["ybr"])[2].transpose(2, 0, 1))
    path, values = time_series(tmp_path / "t")
    sample = PatchDataset([path], (3, 4, 2, 2))[0]
    assert sample["image"].shape == (1, 3, 4, 2, 2)
    place = tuple(slice(a, a + n) for a, n in zip(sample["start"], (3, 4, 2, 2), strict=True))
    assert np.array_equal(sample["image"][0], values.transpose(3, 2, 1, 0)[place])
    with pytest.raises(DataConsistencyError, match="one number of voxels for each axis"):
        PatchDataset([path], SIZE)[0]
    path, _ = tilted(tmp_path / "u")
    with pytest.raises(GeometryError, match=r"series\.dcbs"):
        PatchDataset([path], (2, 2, 2))[0]
    assert PatchDataset([path], (2, 2, 2), sheared=True)[0]["image"].shape == (1, 2, 2, 2)
    assert len(FrameDataset([path])) == 5  # frames need no grid
    for options in ({"patch_size": (0, 1, 1)}, {"patch_size": SIZE, "patches_per_file": 0}):
        with pytest.raises(ValueError, match="no patch of"):
            PatchDataset([path], **options)
    with pytest.raises(ValueError, match="an overlap of"):
        PatchDataset([path], SIZE, positions="grid", overlap=(1, 1))
    with pytest.raises(ValueError, match="positions are"):
        PatchDataset([path], SIZE, positions="middle")
    for single in (path, str(path)):
        with pytest.raises(TypeError, match="several paths, not one"):
            PatchDataset(single, SIZE)
        with pytest.raises(TypeError, match="several paths, not one"):
            FrameDataset(single)


@pytest.mark.parametrize("other", [0, 2], ids=["shorter", "longer"])
def test_a_file_that_was_replaced_by_another_size_ends_no_epoch_early(files, tmp_path, other):
    path, size = tmp_path / "x.dcbs", (16, 16, 5)
    shutil.copy(files[1], path)
    datasets = [PatchDataset([path], size, positions="grid"), FrameDataset([path])]
    shutil.copy(files[other], tmp_path / "new")
    (tmp_path / "new").replace(path)
    for dataset in datasets:
        for samples in (dataset, DataLoader(dataset)):
            with pytest.raises(DataConsistencyError, match="replaced since"):
                list(samples)
    # Places that are drawn for each sample fit the file that is there.
    assert len(list(PatchDataset([path], size, patches_per_file=7))) == 7


def test_an_index_error_while_a_sample_is_made_is_not_the_end(files):
    def none(path, shape, rng):
        return shape[7], 0, 0

    with pytest.raises(IndexError, match="tuple index"):
        list(PatchDataset(files, SIZE, positions=none))


# -- loaders ---------------------------------------------------------------------------------------


def test_any_number_of_workers_gives_the_same(files):
    dataset = PatchDataset(files, SIZE, patches_per_file=4, seed=3)
    sampler = EpochSampler(dataset, seed=5)
    loaders = [
        DataLoader(dataset, 3, sampler=sampler, num_workers=n, multiprocessing_context=method)
        for n, method in ((0, None), (2, "fork"), (1, "spawn"))
    ]
    tables = [[list(table(one).items()) for _, one in epochs(each, 2)] for each in loaders]
    assert tables[0] == tables[1] == tables[2]
    assert tables[0][0] != tables[0][1]
    assert len(tables[0][0]) == 16


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_workers_that_live_on_know_the_epoch(files, method):
    dataset = PatchDataset(files, SIZE, patches_per_file=2)
    expected = []
    for epoch in range(3):
        dataset.set_epoch(epoch)
        expected.append({i: dataset[i]["start"].tolist() for i in range(8)})
    loader = DataLoader(
        dataset,
        2,
        num_workers=1 if method == "spawn" else 2,
        multiprocessing_context=method,
        persistent_workers=True,
    )
    for epoch, batches in epochs(loader, 3):
        found = {index: list(start[:3]) for index, start in table(batches).items()}
        assert found == expected[epoch]


class Named(Subset):
    """Has an attribute of the name that data sets of several have."""

    def __init__(self, dataset):
        super().__init__(dataset, range(len(dataset)))
        self.datasets = None


def test_data_sets_that_are_made_of_others_know_the_epoch(files):
    def patches():
        return PatchDataset(files, SIZE, patches_per_file=2)

    first, second = patches(), patches()
    made = [
        (Subset(first, [1, 4, 7]), [first]),
        (random_split(first, [5, 3])[1], [first]),
        (ConcatDataset([first, Subset(second, [3, 2])]), [first, second]),
        (StackDataset(image=first, label=second), [first, second]),
        (Named(Subset(first, range(3))), [first]),
    ]
    for dataset, parts in made:
        starts = []
        sampler = EpochSampler(dataset, shuffle=False)
        for batches in (DataLoader(dataset, None), DataLoader(dataset, None, sampler=sampler)):
            for epoch, samples in epochs(batches, 2):
                assert [part.epoch for part in parts] == [epoch] * len(parts)
                plain = [one.get("label", one) for one in samples]
                starts.append([one["start"].tolist() for one in plain])
        assert starts[0] != starts[1]
        assert starts[:2] == starts[2:]
        with pytest.raises(ValueError, match="which samples are of a file"):
            EpochSampler(dataset, together=True)


def test_shares_of_processes(files):
    dataset = PatchDataset(files, SIZE, patches_per_file=5)  # 20 samples
    for drop_last, length in ((False, 7), (True, 6)):
        shares = [
            list(EpochSampler(dataset, rank=r, world_size=3, drop_last=drop_last)) for r in range(3)
        ]
        assert {len(share) for share in shares} == {length}
        joined = [index for share in shares for index in share]
        assert len(set(joined)) == min(20, 3 * length)
    with pytest.raises(ValueError, match="no process 3"):
        EpochSampler(dataset, rank=3, world_size=3)
    torchs = DistributedSampler(dataset, num_replicas=2, rank=1)
    loader = DataLoader(dataset, 2, sampler=torchs)
    orders = [list(table(batches)) for _, batches in epochs(loader, 2)]
    assert orders[0] != orders[1]
    assert dataset.epoch == torchs.epoch == 1


def test_an_interrupted_epoch_goes_on(files):
    dataset = PatchDataset(files, SIZE, patches_per_file=4)
    sampler = EpochSampler(dataset)
    loader = DataLoader(dataset, 2, sampler=sampler, num_workers=2)
    whole = [list(table(batches).items()) for _, batches in epochs(loader, 3)]
    again = EpochSampler(dataset)
    again.set_epoch(1, done=6)
    assert len(again) == 10
    loader = DataLoader(dataset, 2, sampler=again, num_workers=2)
    rest = [list(table(batches).items()) for _, batches in epochs(loader, 3, first=1)]
    assert rest == [whole[1][6:], whole[2]]


def test_patches_of_a_file_stay_together(files, decoded):
    dataset = PatchDataset(files, SIZE, patches_per_file=6)
    order = list(EpochSampler(dataset, together=True))
    assert sorted(order) == list(range(24))
    found = [index // 6 for index in order]
    assert sum(a != b for a, b in pairwise(found)) == 3
    for index in order:
        dataset[index]
    assert len(decoded) <= sum(12 + n for n in range(4))
    assert list(EpochSampler(dataset, shuffle=False)) == list(range(24))


# -- frames ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [None, "fork"])
def test_frames_are_right(files, volumes, method):
    dataset = FrameDataset(files, max_open=2)
    assert len(dataset) == 12 + 13 + 14 + 15
    loader = DataLoader(
        dataset, 4, shuffle=True, num_workers=2 if method else 0, multiprocessing_context=method
    )
    seen = []
    for batch in loader:
        for n, image in enumerate(batch["image"]):
            file, frame = batch["file"][n].item(), batch["frame"][n].item()
            assert np.array_equal(image[0].numpy(), volumes[file][:, :, frame].T)
            assert batch["path"][n] == str(files[file])
            seen.append(batch["index"][n].item())
    assert sorted(seen) == list(range(54))
    assert [len(r) for r in dataset.samples_of_files()] == [12, 13, 14, 15]
    assert torch.equal(dataset[-1]["image"], dataset[53]["image"])


def test_frames_in_other_types(tmp_path, files):
    stored = FrameDataset(files, values="stored", dtype=None)[3]["image"]
    assert stored.dtype == torch.int32
    with dicube_core.open(files[0]) as reader:
        assert np.array_equal(stored[0], reader.frame(3))
    with pytest.raises(UnsupportedKindError, match="does not hold"):
        FrameDataset(files, values="stored", dtype=torch.uint8)[0]
    with pytest.raises(DataConsistencyError, match="does not hold"):
        FrameDataset(files, dtype=torch.uint8)[0]

    def edit(index, nodes):
        nodes[0x00281053] = text(0x00281053, "DS", f"{0.3 + index / 7:.6f}")

    from support.series import Kind

    twins = kind_twins(tmp_path, Kind("pet", rows=9, columns=7), edit)
    dataset = FrameDataset([twins.dcbs], dtype=torch.float64, transform=lambda s: s["image"])
    expected = dicube_core.load(twins.dcbs).get_fdata("float64")
    assert np.array_equal(torch.cat([dataset[i] for i in range(5)]).numpy(), expected)


def test_damage_is_an_error_of_a_worker_too(files, tmp_path):
    with dicube_core.open(files[0]) as reader:
        offset = int(reader.container.index.offsets[5])
    data = bytearray(files[0].read_bytes())
    data[offset + 50] ^= 1
    path = tmp_path / "x.dcbs"
    path.write_bytes(data)
    dataset = FrameDataset([path])
    dataset[4]
    with pytest.raises(ChecksumError, match="frame 5"):
        dataset[5]
    with pytest.raises(Exception, match="frame 5"):
        list(DataLoader(dataset, num_workers=1))
