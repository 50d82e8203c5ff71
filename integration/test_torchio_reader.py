"""TorchIO reads ``.dcbs`` as it reads the same series as NIfTI or as a folder of DICOM files."""

from __future__ import annotations

import copy
import pickle
import shutil
import sys

import numpy as np
import pytest
from environments import ROOT
from support.decoded_frames import note_decoded_frames
from support.raw import text
from support.series import KINDS, Kind
from training_series import framework, kind_twins, make_twins

import dicube_core
import dicube_plugins
from dicube_core.exceptions import (
    ChecksumError,
    DataConsistencyError,
    GeometryError,
    UnsupportedKindError,
)

sys.path.insert(0, str(ROOT / "tests" / "plugins"))  # for `kind_files`

torch = framework("torch")
tio = framework("torchio")

from dicube_plugins.torchio import DcbsReader  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def twins(tmp_path_factory):
    return make_twins(tmp_path_factory.mktemp("twins"))


@pytest.fixture(scope="module")
def several(tmp_path_factory):
    return [make_twins(tmp_path_factory.mktemp("one"), 12, 32, seed) for seed in range(3)]


@pytest.fixture
def adapter():
    dicube_plugins.install("torchio")
    yield
    dicube_plugins.uninstall("torchio")


@pytest.fixture
def decoded(monkeypatch):
    """The frames that were decoded since the start of the test."""
    return note_decoded_frames(monkeypatch)


def same(ours, theirs):
    assert ours.shape == theirs.shape
    assert np.allclose(ours.affine, theirs.affine, rtol=0, atol=1e-4)
    assert torch.equal(ours.data.double(), theirs.data.double())


def test_values_type_and_affine(twins, adapter):
    theirs = tio.ScalarImage(twins.nifti)
    folder = tio.ToCanonical()(tio.ScalarImage(twins.folder))
    for ours in (tio.ScalarImage(twins.dcbs), tio.ScalarImage(twins.dcbs, reader=DcbsReader())):
        same(ours, theirs)
        assert ours.spacing == pytest.approx(theirs.spacing)
        assert ours.data.dtype == folder.data.dtype == torch.int16
        same(tio.ToCanonical()(ours), folder)
    assert torch.equal(tio.LabelMap(twins.dcbs).data, ours.data)


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("u16_stored_12", torch.int16),
        ("u8_stored_8", torch.int16),
        ("i32_stored_17", torch.int32),
        ("u16_outside_stored", torch.int16),
        ("u16_mono1", torch.int16),
    ],
)
def test_kinds_of_pixels(name, dtype, tmp_path, adapter):
    twins = kind_twins(tmp_path, KINDS[name])
    ours = tio.ScalarImage(twins.dcbs)
    same(ours, tio.ScalarImage(twins.nifti))
    assert ours.data.dtype == dtype


def test_types_without_a_sign_are_widened(tmp_path, adapter):
    def edit(_, nodes):
        nodes[0x00281052] = text(0x00281052, "DS", "0")

    twins = kind_twins(tmp_path, Kind("plain", stored=16, rows=9, columns=7), edit)
    ours, theirs = tio.ScalarImage(twins.dcbs), tio.ScalarImage(twins.nifti)
    same(ours, theirs)
    assert ours.data.dtype == theirs.data.dtype == torch.int32


def test_slices_with_factors_of_their_own(tmp_path, adapter):
    def edit(index, nodes):
        nodes[0x00281053] = text(0x00281053, "DS", f"{0.3 + index / 7:.6f}")

    twins = kind_twins(tmp_path, Kind("pet", rows=9, columns=7), edit)
    expected = dicube_core.load(twins.dcbs).get_fdata("float64").transpose(2, 1, 0)
    assert np.array_equal(tio.ScalarImage(twins.dcbs).numpy()[0], expected)


def test_colour_and_several_volumes(tmp_path, adapter):
    from kind_files import COLOURS, echoes_in_time, file_of, rgb_of, tilted, time_series

    image = tio.ScalarImage(file_of(COLOURS["rgb"], tmp_path))
    assert np.array_equal(image.numpy(), rgb_of(COLOURS["rgb"]).transpose(3, 2, 1, 0))
    folders = [tmp_path / name for name in "abc"]
    for folder in folders:
        folder.mkdir()
    path, values = time_series(folders[0])
    image = tio.ScalarImage(path)
    assert image.shape == (3, *values.shape[:0:-1])
    assert np.array_equal(image.numpy(), values.transpose(0, 3, 2, 1))
    with pytest.raises(UnsupportedKindError, match="one dimension beside"):
        _ = tio.ScalarImage(echoes_in_time(folders[1])[0]).data
    with pytest.raises(GeometryError):
        _ = tio.ScalarImage(tilted(folders[2])[0]).affine


def test_options_of_the_reader(twins):
    image = tio.ScalarImage(twins.dcbs, reader=DcbsReader(values="stored", dtype="float32"))
    with dicube_core.open(twins.dcbs) as reader:
        assert np.array_equal(image.numpy()[0], reader.frames().transpose(2, 1, 0))
    assert image.data.dtype == torch.float32


def test_copies_keep_the_reader(twins):
    image = tio.ScalarImage(twins.dcbs, reader=DcbsReader(values="stored"))
    subject = tio.Subject(image=image)
    copies = [copy.copy(image), copy.deepcopy(image), pickle.loads(pickle.dumps(image))]
    copies += [copy.deepcopy(subject).image, pickle.loads(pickle.dumps(subject)).image]
    for other in copies:
        assert other.reader == image.reader
        assert other.get("data") is None
        assert torch.equal(other.data, image.data)


def test_shape_place_and_crops_are_lazy(twins, adapter, decoded):
    image = tio.ScalarImage(twins.dcbs)
    assert image.shape == (1, 40, 40, 24)
    assert image.orientation_str == "LPS"
    _ = image.affine, image.spacing, repr(image)
    assert decoded == []
    part = image[3:10, 4:9, 5:8]
    assert sorted(decoded) == [5, 6, 7]
    assert image.get("data") is None
    whole = tio.ScalarImage(twins.nifti)
    same(part, whole[3:10, 4:9, 5:8])
    same(tio.CropOrPad((8, 8, 30))(tio.ScalarImage(twins.dcbs)), tio.CropOrPad((8, 8, 30))(whole))


@pytest.mark.parametrize("workers", [0, 2])
def test_queue_of_random_patches(several, adapter, workers):
    def label(path):
        image = tio.LabelMap(path)
        return tio.LabelMap(tensor=(image.data > 0).float(), affine=image.affine)

    subjects = [
        tio.Subject(image=tio.ScalarImage(t.dcbs), label=label(t.dcbs), number=n)
        for n, t in enumerate(several)
    ]
    whole = [tio.ScalarImage(t.dcbs).data for t in several]
    for sampler in (tio.UniformSampler((8, 9, 4)), tio.WeightedSampler((8, 9, 4), "label")):
        queue = tio.Queue(
            tio.SubjectsDataset(subjects, load_getitem=False),
            max_length=6,
            samples_per_volume=2,
            sampler=sampler,
            num_workers=workers,
        )
        seen = []
        for batch in tio.SubjectsLoader(queue, batch_size=3, num_workers=0):
            for image, number, place in zip(
                batch["image"]["data"], batch["number"].tolist(), batch["location"], strict=True
            ):
                (x, y, z), (a, b, c) = place[:3].tolist(), place[3:].tolist()
                assert torch.equal(image, whole[number][:, x:a, y:b, z:c])
                seen.append(number)
        assert sorted(seen) == [0, 0, 1, 1, 2, 2]


def test_random_patches_decode_what_they_touch(twins, adapter, decoded):
    subject = tio.Subject(image=tio.ScalarImage(twins.dcbs))
    for patch in tio.UniformSampler((6, 6, 3))(subject, 2):
        z = patch["location"][2].item()
        assert patch.image.shape == (1, 6, 6, 3)
        assert set(decoded) <= {z, z + 1, z + 2}
        decoded.clear()
    assert subject.image.get("data") is None


@pytest.mark.parametrize("overlap", [(0, 0, 0), (4, 2, 2)])
def test_a_grid_is_put_together_again(twins, adapter, overlap):
    subject = tio.Subject(image=tio.ScalarImage(twins.dcbs))
    sampler = tio.GridSampler(subject, (16, 20, 8), overlap)
    aggregator = tio.GridAggregator(sampler)
    for batch in tio.SubjectsLoader(sampler, batch_size=4):
        aggregator.add_batch(batch["image"]["data"], batch["location"])
    expected = tio.ScalarImage(twins.nifti).data
    assert torch.equal(aggregator.get_output_tensor().double(), expected.double())


def test_a_file_that_was_replaced_by_a_smaller_one_ends_no_grid_early(twins, tmp_path, adapter):
    path = tmp_path / "x.dcbs"
    shutil.copy(twins.dcbs, path)
    sampler = tio.GridSampler(tio.Subject(image=tio.ScalarImage(path)), (16, 20, 8))
    smaller = tmp_path / "smaller"
    smaller.mkdir()
    make_twins(smaller, 12).dcbs.replace(path)
    with pytest.raises(DataConsistencyError, match="the file was replaced"):
        list(sampler)


def test_damage_is_an_error(twins, tmp_path, adapter):
    with dicube_core.open(twins.dcbs) as reader:
        offset = int(reader.container.index.offsets[7])
    data = bytearray(twins.dcbs.read_bytes())
    data[offset + 50] ^= 1
    (tmp_path / "x.dcbs").write_bytes(data)
    image = tio.ScalarImage(tmp_path / "x.dcbs")
    assert image[:4, :4, :7].data.shape == (1, 4, 4, 7)
    with pytest.raises(ChecksumError, match="frame 7"):
        _ = image.data


def test_others_are_read_as_before(twins, adapter):
    expected = tio.ScalarImage(twins.nifti)
    assert expected.shape == (1, 40, 40, 24)
    dicube_plugins.uninstall("torchio")
    same(tio.ScalarImage(twins.nifti), expected)
    with pytest.raises(Exception, match=r"dcbs|not understood|ImageIO"):
        _ = tio.ScalarImage(twins.dcbs).data


def test_the_backend_of_torchio_2(twins):
    """Its interface, called as TorchIO 2 calls it."""
    from types import SimpleNamespace

    backend = DcbsReader().create_backend(SimpleNamespace(path=twins.dcbs, affine=None))
    whole = backend.to_tensor()
    assert (tuple(whole.shape), backend.dtype) == (backend.shape, "int16")
    assert torch.equal(backend.affine, torch.from_numpy(DcbsReader()(twins.dcbs)[1]))
    for index in (
        (slice(None), slice(3, 9), slice(None), slice(5, 7)),
        (0, 5, slice(30, 10, -3), slice(None, None, 5)),
        (slice(None), -1),
        slice(0, 1),
        (Ellipsis, slice(2, 4)),
        (slice(None), slice(4, 4)),
    ):
        items = index if isinstance(index, tuple) else (index,)
        kept = tuple(slice(i, i + 1 or None) if isinstance(i, int) else i for i in items)
        expected = whole.numpy()[kept]
        assert np.array_equal(backend[index].numpy(), expected), index


@pytest.mark.parametrize("name", ["monai", "torchio"])
def test_everything_that_is_changed_is_told_and_taken_back(name):
    framework(name)
    (installed,) = dicube_plugins.install(name)
    try:
        assert installed.state == "installed"
        assert installed.changes
        assert len(set(installed.changes)) == len(installed.changes)
    finally:
        (left,) = dicube_plugins.uninstall(name)
    assert (left.state, left.changes, left.message) == ("available", (), "")
