"""itk.imread and itk.imwrite, against itk's own reading of the slices."""

from __future__ import annotations

import gc
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from support.raw import text
from support.series import Kind

import dicube_core
import dicube_plugins
from dicube_core.exceptions import (
    ChecksumError,
    DataConsistencyError,
    GeometryError,
    UnsupportedKindError,
)
from dicube_core.spatial.order import SortMethod

itk = pytest.importorskip("itk")
extras = pytest.importorskip("itk.support.extras")

from dicube_plugins.itk import imread, imwrite  # noqa: E402

# itk's modules are loaded when they are first used. Where this warning of Python's about SWIG is an
# error, loading them ends the process.
pytestmark = pytest.mark.filterwarnings("ignore:builtin type .* has no __module__")

POSITION, ORIENTATION, SLOPE, INTERCEPT = 0x00200032, 0x00200037, 0x00281053, 0x00281052
OBLIQUE = (0.8, 0.6, 0.0), (-0.36, 0.48, 0.8)
SIZE = {"rows": 9, "columns": 7}


def oblique(index, nodes):
    place = np.array((-12.5, 20.25, 3.0)) + 2.5 * index * np.cross(*OBLIQUE)
    nodes[ORIENTATION] = text(ORIENTATION, "DS", "\\".join(f"{v}" for v in np.ravel(OBLIQUE)))
    nodes[POSITION] = text(POSITION, "DS", "\\".join(f"{v:.6f}" for v in place))


def rescaled(slope, intercept):
    def edit(_, nodes):
        nodes[SLOPE] = text(SLOPE, "DS", str(slope))
        nodes[INTERCEPT] = text(INTERCEPT, "DS", str(intercept))

    return edit


def allocated(pixel_type):
    """Return an image of 5 columns, 4 rows and 3 slices."""
    image = itk.Image[pixel_type, 3].New()
    region = itk.ImageRegion[3]()
    region.SetSize((5, 4, 3))
    image.SetRegions(region)
    image.Allocate()
    return image


def values(image):
    return itk.array_from_image(image)


def assert_same(image, expected, *, of_one_type=True):
    if of_one_type:
        assert type(image) is type(expected)
    assert tuple(itk.size(image)) == tuple(itk.size(expected))
    np.testing.assert_allclose(itk.spacing(image), itk.spacing(expected), rtol=1e-6)
    np.testing.assert_allclose(itk.origin(image), itk.origin(expected), atol=1e-5)
    directions = [itk.array_from_matrix(i.GetDirection()) for i in (image, expected)]
    np.testing.assert_allclose(*directions, atol=1e-6)
    np.testing.assert_array_equal(values(image), values(expected))


@pytest.mark.parametrize("method", [None, SortMethod.POSITION_LEFT_HAND])
def test_place_and_order_are_those_of_the_slices(make_pair, method):
    folder, path = make_pair(edit=oblique, sort_method=method)
    assert_same(imread(path), itk.imread(str(folder)))


@pytest.mark.parametrize("factors", [(1, 0), (1, -1024), (-3, 7), (0.5, -1024)], ids=str)
@pytest.mark.parametrize(
    "kind",
    [
        Kind("u12", **SIZE),
        Kind("u16", stored=16, **SIZE),
        Kind("i16", stored=16, signed=True, **SIZE),
        Kind("u8", 8, 8, **SIZE),
        Kind("u32", 32, 32, **SIZE),
        Kind("i32", 32, 32, signed=True, **SIZE),
    ],
    ids=lambda kind: kind.name,
)
def test_pixel_type_and_values(make_pair, kind, factors):
    folder, path = make_pair(kind, rescaled(*factors), 3)
    truth = dicube_core.load(path).get_fdata("float64")
    image = imread(path)
    np.testing.assert_array_equal(values(image), truth)
    assert_same(image, itk.imread(str(folder)))


def test_a_type_that_itk_was_built_without(make_pair):
    folder, path = make_pair(Kind("i8", 8, 8, signed=True, **SIZE), rescaled(1, 0), 3)
    with pytest.raises((KeyError, itk.TemplateTypeError)):
        itk.Image[itk.SC, 3]
    image = imread(path)
    assert type(image) is itk.Image[itk.SS, 3]
    assert_same(image, itk.imread(str(folder), itk.SS))


@pytest.mark.usefixtures("adapter")
@pytest.mark.parametrize("name", ["F", "D", "SS", "SI"])
def test_pixel_types_that_are_asked_for(make_pair, name):
    folder, path = make_pair(edit=rescaled(1, -1024))
    kind = getattr(itk, name)
    expected = itk.imread(str(folder), kind)
    assert_same(imread(path, kind), expected)
    assert_same(itk.imread(str(path), kind), expected)
    assert_same(itk.imread(path, pixel_type=kind), expected)
    assert_same(itk.imread(path, kind, fallback_only=True), itk.imread(str(folder)))


def test_types_that_do_not_hold_the_values(make_pair):
    _, path = make_pair(edit=rescaled(1, -1024))
    with pytest.raises(DataConsistencyError, match="do not fit uint8") as caught:
        imread(path, itk.UC)
    assert isinstance(caught.value, RuntimeError)
    with pytest.raises(UnsupportedKindError, match="one real number per voxel"):
        imread(path, itk.RGBPixel[itk.UC])


@pytest.mark.usefixtures("adapter")
def test_metadata_is_that_of_the_first_slice(make_pair):
    folder, path = make_pair()
    image = itk.imread(path)
    first = itk.GDCMSeriesFileNames.New(Directory=str(folder)).GetInputFileNames()[0]
    theirs = itk.imread(first)  # a dictionary lives no longer than its image
    expected = theirs.GetMetaDataDictionary()
    found = image.GetMetaDataDictionary()
    made = {"ITK_original_direction", "ITK_original_spacing"}  # by the reader, of one slice
    assert set(found.GetKeys()) == set(expected.GetKeys()) - made
    assert {key: found[key] for key in found.GetKeys()} == {
        key: expected[key] for key in found.GetKeys()
    }
    assert image["0010|0010"] == "Doe^Jane"


def test_the_memory_is_the_images_own(make_pair):
    """A filter keeps the image, and nothing of Python."""
    folder, path = make_pair(Kind("ct", rows=64, columns=64), n_slices=8)
    expected = values(itk.imread(str(folder)))
    kind = itk.Image[itk.SS, 3]
    cast = itk.CastImageFilter[kind, itk.Image[itk.F, 3]].New(imread(path))
    path.unlink()
    gc.collect()
    _ = [np.ones((8, 64, 64), np.int16) for _ in range(20)]
    cast.Update()
    np.testing.assert_array_equal(values(cast.GetOutput()), expected)
    region = imread_kept(folder, path)
    np.testing.assert_array_equal(region, values(itk.imread(str(folder))))


def imread_kept(folder, path):
    """Return a view of an image that nobody else holds."""
    dicube_core.convert(folder, path)
    return itk.array_view_from_image(imread(path))


def gap(index, nodes):
    nodes[POSITION] = text(POSITION, "DS", f"-12.5\\20.25\\{2.5 * index + 10 * (index > 2)}")


@pytest.mark.usefixtures("adapter")
def test_errors_of_ours_are_those_that_itk_users_catch(make_pair):
    _, path = make_pair(edit=gap)
    with pytest.raises(GeometryError, match=r"no true affine.*dicube_core\.open") as caught:
        itk.imread(str(path))
    assert isinstance(caught.value, RuntimeError)
    _, path = make_pair(Kind("big", rows=64, columns=64))
    data = bytearray(path.read_bytes())
    with dicube_core.open(path) as reader:
        data[reader.container.index.offsets[3] + 200] ^= 1
    path.write_bytes(data)
    with pytest.raises(ChecksumError, match="frame 3") as caught:
        itk.imread(str(path))
    assert isinstance(caught.value, RuntimeError)


@pytest.mark.usefixtures("adapter")
def test_lists_and_series(make_pair):
    folder, path = make_pair()
    expected = itk.imread(str(folder))
    assert_same(itk.imread([str(path)]), expected)
    names = itk.GDCMSeriesFileNames.New(Directory=str(folder)).GetInputFileNames()
    assert_same(itk.imread(names), expected)
    with pytest.raises(DataConsistencyError, match="whole series"):
        itk.imread([str(path), str(path)])
    uid = imread(path)["0020|000e"]
    for wanted in (uid, 0, -1, None):
        assert_same(itk.imread(path, series_uid=wanted), expected)
    for wanted in ("1.2.3", 1):
        with pytest.raises(OSError, match="does not contain"):
            itk.imread(path, series_uid=wanted)
    assert_same(itk.imread(str(path), imageio=itk.GDCMImageIO.New()), expected)
    with pytest.raises(RuntimeError):
        itk.imread(str(path), imageio=itk.NiftiImageIO.New())
    with pytest.raises(Exception, match="pixel_type must be set"):
        itk.imread(str(path), fallback_only=True)


def test_in_and_out(make_pair, tmp_path):
    places = [(owner, name) for owner in (itk, extras) for name in ("imread", "imwrite")]
    before = [getattr(owner, name) for owner, name in places]
    folder, path = make_pair()
    with pytest.raises(RuntimeError, match="IO object"):
        itk.imread(str(path))
    (status,) = dicube_plugins.install("itk")
    assert len(status.changes) == len(places)
    try:
        assert itk.imread is not before[0]
        assert_same(itk.imread(str(path)), itk.imread(str(folder)))
        assert_same(extras.imread(path), itk.imread(folder))
        image = itk.imread(path)
        for ending in ("nii.gz", "mha", "nrrd"):
            itk.imwrite(image, str(tmp_path / f"x.{ending}"))
            assert_same(itk.imread(str(tmp_path / f"x.{ending}")), image)
        with pytest.raises(RuntimeError):
            itk.imread(str(tmp_path / "absent.mha"))
    finally:
        dicube_plugins.uninstall("itk")
    assert all(getattr(o, n) is old for (o, n), old in zip(places, before, strict=True))


def test_any_name_and_several_threads(make_pair, tmp_path):
    folder, path = make_pair(n_slices=8)
    other = tmp_path / "B\u00e4r 1"
    shutil.copy(path, other)
    expected = values(itk.imread(str(folder)))
    with ThreadPoolExecutor(8) as pool:
        images = pool.map(lambda _: values(imread(other)), range(24))
    assert all(np.array_equal(image, expected) for image in images)


@pytest.mark.usefixtures("adapter")
@pytest.mark.parametrize("kind", ["UC", "SS", "US", "SI", "UI"])
def test_written_images_come_back(tmp_path, kind):
    array = np.arange(60).reshape(3, 4, 5)
    image = allocated(getattr(itk, kind))
    itk.array_view_from_image(image)[:] = array
    image.SetSpacing((0.3, 0.4, 2.5))
    image.SetOrigin((-1.5, 2.25, 3))
    image.SetDirection(np.array((*OBLIQUE, np.cross(*OBLIQUE))).T.copy())
    image.GetMetaDataDictionary()["0008|0060"] = "MR"
    itk.imwrite(image, str(tmp_path / "x.dcbs"), compression=True)
    again = itk.imread(tmp_path / "x.dcbs")
    assert_same(again, image)
    assert again["0008|0060"] == "MR"


def test_the_output_of_a_filter_keeps_its_place(tmp_path):
    """Indices of an extracted region do not start at 0, but the origin belongs to index 0."""
    image = itk.image_from_array(np.arange(8 * 9 * 10, dtype=np.int16).reshape(8, 9, 10))
    image.SetSpacing((0.5, 0.75, 2))
    region = itk.ImageRegion[3]()
    region.SetIndex((2, 3, 4))
    region.SetSize((5, 4, 3))
    extract = itk.ExtractImageFilter.New(image, ExtractionRegion=region)
    extract.SetDirectionCollapseToSubmatrix()
    imwrite(extract, tmp_path / "x.dcbs")
    again = imread(tmp_path / "x.dcbs")
    assert tuple(itk.origin(again)) == (1, 2.25, 8)
    np.testing.assert_array_equal(values(again), values(image)[4:7, 3:7, 2:7])


@pytest.mark.parametrize(
    ("make", "what"),
    [
        (lambda: allocated(itk.complex[itk.F]), "itkImageCF3"),
        (lambda: itk.image_from_array(np.zeros((2, 3, 4, 5), np.uint8)), "two or three"),
        (
            lambda: itk.image_from_array(np.zeros((3, 4, 5, 2), np.uint8), is_vector=True),
            "one real number per voxel",
        ),
    ],
)
def test_other_kinds_are_refused(tmp_path, make, what):
    with pytest.raises(UnsupportedKindError, match=what):
        imwrite(make(), tmp_path / "x.dcbs")
    assert list(tmp_path.iterdir()) == []


def test_real_values_and_planes(tmp_path):
    image = itk.image_from_array(np.linspace(-1, 1, 60, dtype=np.float32).reshape(3, 4, 5))
    imwrite(image, tmp_path / "x.dcbs", quantize="uint16", modality="MR")
    np.testing.assert_allclose(values(imread(tmp_path / "x.dcbs")), values(image), atol=2e-5)
    plane = itk.image_from_array(np.arange(20, dtype=np.uint8).reshape(4, 5))
    plane.SetOrigin((1, 2))
    imwrite(plane, tmp_path / "y.dcbs")
    assert_same(imread(tmp_path / "y.dcbs"), plane)
