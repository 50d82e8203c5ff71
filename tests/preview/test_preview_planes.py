"""Planes hang as radiologists hang them, whatever way the volume was acquired."""

from __future__ import annotations

from itertools import permutations, product

import numpy as np
import pytest
from support.raw import text
from support.series import Kind, make_series
from support.volumes import CORONAL, SAGITTAL, cross, decimals, fl, make_volumes, marks
from support.whole import write_files

import dicube_core
from dicube_core.exceptions import DataConsistencyError, FrameIndexError, GeometryError
from dicube_core.geometry import Geometry
from dicube_core.preview import planes_picture, write_preview
from dicube_core.preview.planes import plane_values, planes_of
from dicube_core.preview.view import SeriesView
from dicube_core.spatial.letters import closest_axes, direction_letters, opposite

SHAPE = (5, 7, 9)
SPACING = (2.5, 0.75, 0.5)
ORIGIN = (-10.0, 20.0, 30.0)
ORIENTATIONS = [
    (order, signs) for order in permutations(range(3)) for signs in product((1.0, -1.0), repeat=3)
]
LABELS = (("L", "R"), ("P", "A"), ("F", "H"))  # of RAS, as nibabel wants them


def geometry_of(order, signs, shape=SHAPE):
    axes = tuple(
        tuple(sign if i == main else 0.0 for i in range(3))
        for main, sign in zip(order, signs, strict=True)
    )
    return Geometry(shape, ORIGIN, SPACING, axes)


def turned(degrees, seed):
    """A geometry whose axes are all turned about a random axis."""
    rng = np.random.default_rng(seed)
    x, y, z = rng.normal(size=3)
    n = np.array((x, y, z)) / np.sqrt(x * x + y * y + z * z)
    cross_matrix = np.cross(np.eye(3), -n)
    angle = np.radians(degrees)
    turn = (
        np.eye(3) + np.sin(angle) * cross_matrix + (1 - np.cos(angle)) * cross_matrix @ cross_matrix
    )
    order, signs = ORIENTATIONS[rng.integers(len(ORIENTATIONS))]
    axes = geometry_of(order, signs).direction.T @ turn.T
    return Geometry(SHAPE, ORIGIN, SPACING, tuple(map(tuple, axes.tolist())))


def image_of(geometry):
    values = np.arange(np.prod(geometry.shape), dtype=np.uint16).reshape(geometry.shape)
    return dicube_core.DicomCubeImage(values, dicube_core.PixelDataHeader(), space=geometry)


@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=str)
def test_letters_are_those_of_nibabel(orientation):
    nibabel = pytest.importorskip("nibabel")
    geometry = geometry_of(*orientation)
    told = nibabel.aff2axcodes(geometry.affine_ras, LABELS)
    assert tuple(direction_letters(axis) for axis in geometry.axes) == told


@pytest.mark.parametrize("seed", range(60))
def test_letters_of_oblique_volumes_begin_as_those_of_nibabel(seed):
    nibabel = pytest.importorskip("nibabel")
    geometry = turned(5 + seed / 2, seed)
    told = nibabel.aff2axcodes(geometry.affine_ras, LABELS)
    found = [direction_letters(axis) for axis in geometry.axes]
    assert tuple(letters[0] for letters in found) == told
    # More letters stand for exactly those parts that are more than a sixth of the whole.
    for letters, axis in zip(found, geometry.axes, strict=True):
        assert len(letters) == max(1, sum(abs(part) >= 0.1737 for part in axis))
    # The array axes are those that nibabel takes, too.
    wanted = nibabel.io_orientation(geometry.affine_ras)[:, 0]
    assert [axis.array_axis for axis in closest_axes(geometry)] == np.argsort(wanted).tolist()


@pytest.mark.parametrize("orientation", ORIENTATIONS, ids=str)
def test_planes_are_those_of_simpleitk(orientation):
    sitk = pytest.importorskip("SimpleITK")
    geometry = geometry_of(*orientation)
    image = image_of(geometry)
    at = (1, 5, 6)
    planes = list(planes_of(geometry, at).values())
    found = plane_values(SeriesView(image), range(SHAPE[0]), planes)
    whole = sitk.GetImageFromArray(image.raw_image)
    whole.SetSpacing(SPACING[::-1])
    whole.SetOrigin(ORIGIN)
    whole.SetDirection(geometry.in_axis_order("xyz").direction.ravel().tolist())
    point = whole.TransformIndexToPhysicalPoint(at[::-1])
    lps = sitk.DICOMOrient(whole, "LPS")  # x to the left, y to the back, z to the head
    i, j, k = lps.TransformPhysicalPointToIndex(point)
    values = sitk.GetArrayFromImage(lps)
    dx, dy, dz = lps.GetSpacing()
    told = {
        "axial": (values[k], (dy, dx)),
        "coronal": (values[::-1, j], (dz, dx)),
        "sagittal": (values[::-1, :, i], (dz, dy)),
    }
    for plane, pixels in zip(planes, found, strict=True):
        np.testing.assert_array_equal(pixels, told[plane.name][0])
        assert plane.spacing == pytest.approx(told[plane.name][1])
        assert plane.size == pixels.shape
        assert not plane.is_oblique
    assert [plane.letters for plane in planes] == [
        ("R", "L", "A", "P"),
        ("R", "L", "H", "F"),
        ("A", "P", "H", "F"),
    ]


def test_letters_of_the_edges_are_opposite():
    for seed in range(40):
        for plane in planes_of(turned(seed, seed)).values():
            left, right, above, below = plane.letters
            assert (opposite(left), opposite(above)) == (right, below)
            assert (right[0], below[0]) == {
                "axial": ("L", "P"),
                "coronal": ("L", "F"),
                "sagittal": ("P", "F"),
            }[plane.name]


@pytest.mark.parametrize(("degrees", "words"), [(0.2, "axial, "), (23, "axial, oblique ")])
def test_an_oblique_volume_is_called_so(degrees, words):
    plane = planes_of(turned(degrees, 3))["axial"]
    assert plane.title.startswith(words)
    assert plane.is_oblique == (degrees > 0.5)


@pytest.mark.parametrize("orientation", ORIENTATIONS[::5], ids=str)
def test_the_picture_has_the_aspect_of_the_spacing(orientation):
    pytest.importorskip("PIL")
    geometry = geometry_of(*orientation, shape=(20, 64, 48))
    picture = planes_picture(image_of(geometry), size=200)
    longest = max(n * mm for n, mm in zip(geometry.shape, SPACING, strict=True))
    planes = planes_of(geometry).values()
    head = 2 * max(14, 200 // 22)
    tallest = max(plane.extent[0] for plane in planes)
    assert picture.height == pytest.approx(head + tallest / longest * 200, abs=1)
    pixels = np.asarray(picture)
    assert pixels[head:].max() == 255


def test_pixels_of_a_picture_that_needs_no_resampling():
    pytest.importorskip("PIL")
    axes = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
    geometry = Geometry((256, 256, 256), ORIGIN, (1.0, 1.0, 1.0), axes)
    z, y, x = np.ogrid[:256, :256, :256]
    values = ((x // 2 + y // 3 + z) % 256).astype(np.uint8)
    header = dicube_core.PixelDataHeader(PixelDtype="uint8", OriginalPixelDtype="uint8")
    image = dicube_core.DicomCubeImage(values, header, space=geometry)
    pixels = np.asarray(planes_picture(image, size=256, window=(128, 256)))
    head, gap = 28, 7
    told = (values[128], values[::-1, 128], values[::-1, :, 128])
    for number, plane in enumerate(told):
        left = number * (256 + gap)
        found = pixels[head : head + 256, left : left + 256]
        # In the middle of the edges there are letters.
        np.testing.assert_array_equal(found[30:100, 30:-30], plane[30:100, 30:-30])
        np.testing.assert_array_equal(found[-100:-30, 30:-30], plane[-100:-30, 30:-30])


@pytest.mark.parametrize("orientation", [SAGITTAL, CORONAL], ids=["sagittal", "coronal"])
@pytest.mark.parametrize("step", [1, -1])
def test_acquired_planes_of_a_file(orientation, step, tmp_path):
    """A frame of a sagittal or coronal series is the plane that the series is called after."""
    normal = cross(orientation)

    def edit(index, nodes):
        position = [o + step * 2.5 * index * n for o, n in zip(ORIGIN, normal, strict=True)]
        nodes[0x00200032] = text(0x00200032, "DS", decimals(*position))
        nodes[0x00200037] = text(0x00200037, "DS", decimals(*orientation))

    kind = Kind("mr", rows=12, columns=10)
    source = write_files(tmp_path / "source", make_series(6, kind, edit))
    dicube_core.convert(
        source, tmp_path / "x.dcbs", sort_method=dicube_core.SortMethod.INSTANCE_NUMBER_ASC
    )
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        planes = planes_of(reader.geometry)
        name = "sagittal" if orientation is SAGITTAL else "coronal"
        assert planes[name].across == 0
        found = plane_values(SeriesView(reader), range(6), [planes[name]])[0]
        np.testing.assert_array_equal(found, reader.frame(3).astype(float) - 1024)
        assert reader.geometry.is_right_handed == (step > 0)


def test_only_lines_of_frames_are_kept_and_few_frames_are_read_of_a_long_series(tmp_path):
    pytest.importorskip("PIL")
    geometry = Geometry(
        (3000, 16, 16), ORIGIN, (0.1, 1.0, 1.0), geometry_of((2, 1, 0), (1.0,) * 3).axes
    )
    values = np.zeros((3000, 16, 16), np.uint8)
    values[:, :, 8] = np.arange(3000).reshape(-1, 1) // 12
    header = dicube_core.PixelDataHeader(PixelDtype="uint8", OriginalPixelDtype="uint8")
    image = dicube_core.DicomCubeImage(values, header, space=geometry)
    dicube_core.save(image, tmp_path / "long.dcbs")
    with dicube_core.open(tmp_path / "long.dcbs") as reader:
        seen = []
        decode = reader.frame
        reader.frame = lambda index, *rest: seen.append(index) or decode(index, *rest)
        picture = np.asarray(planes_picture(reader, size=60, window=(128, 256)))
    assert len(set(seen)) <= 121
    assert {0, 2999} <= set(seen)
    del picture


def test_volumes_of_a_series(tmp_path):
    def echo(frame):
        return marks(
            text(0x00180086, "IS", str(frame.volume + 1)), fl(0x00189082, 10.0 * (1 + frame.volume))
        )

    files = make_volumes(3, 4, echo, kind=Kind("mr", rows=8, columns=8))
    dicube_core.convert(write_files(tmp_path / "source", files), tmp_path / "x.dcbs")
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        assert reader.geometry is None
        view = SeriesView(reader)
        assert view.volume_count == 3
        for number in range(3):
            frames, geometry = view.volume(number)
            assert tuple(frames) == reader.dimensions.frames_of(echo=number)
            assert geometry == reader.volume_geometry
        with pytest.raises(DataConsistencyError, match="no volume 3: there are 3"):
            view.volume(3)


def test_slices_without_a_grid_are_refused_with_the_reason(tmp_path):
    pytest.importorskip("PIL")

    def edit(index, nodes):
        nodes[0x00200032] = text(0x00200032, "DS", f"0\\0\\{2.5 * index + 0.3 * (index % 2)}")

    dicube_core.convert(
        write_files(tmp_path / "source", make_series(4, edit=edit)), tmp_path / "x.dcbs"
    )
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        with pytest.raises(GeometryError, match=r"no regular grid.*unevenly spaced"):
            planes_picture(reader)
        with pytest.raises(GeometryError):
            write_preview(reader, tmp_path / "p.png", planes=True)
    assert not (tmp_path / "p.png").exists()


def test_a_voxel_outside():
    geometry = geometry_of((2, 1, 0), (1.0,) * 3)
    assert planes_of(geometry, (-1, -1, -1))["axial"].index == SHAPE[0] - 1
    for at in ((5, 0, 0), (0, 0, -10), (0, 0)):
        with pytest.raises(FrameIndexError, match="no voxel"):
            planes_of(geometry, at)


def test_the_series_itself_is_never_replaced(tmp_path):
    path = tmp_path / "x.dcbs"
    dicube_core.convert(write_files(tmp_path / "s", make_series(3)), path)
    before, link = path.read_bytes(), tmp_path / "link"
    link.symlink_to(path)
    with dicube_core.open(path) as reader:
        for out in (path, link):
            with pytest.raises(DataConsistencyError, match="would replace the series"):
                write_preview(reader, out)
    assert path.read_bytes() == before
