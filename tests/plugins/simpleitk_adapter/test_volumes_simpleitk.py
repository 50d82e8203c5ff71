"""Series of several volumes are images of four dimensions, as sitk.JoinSeries makes them."""

from __future__ import annotations

import io
import itertools

import numpy as np
import pydicom
import pytest

import dicube_core
from dicube_core.exceptions import (
    ChecksumError,
    DataConsistencyError,
    FrameIndexError,
    GeometryError,
    UnsupportedKindError,
)
from dicube_core.spatial.order import SortMethod

sitk = pytest.importorskip("SimpleITK")

from kind_files import echoes_in_time, time_series  # noqa: E402
from simpleitk_support import assert_same, read_folder, words  # noqa: E402
from support.raw import PIXEL_DATA, Node, text, us  # noqa: E402
from support.series import Kind  # noqa: E402
from support.volumes import (  # noqa: E402
    AXIAL,
    CORONAL,
    SAGITTAL,
    cross,
    decimals,
    fd,
    make_volumes,
    marks,
)

from dicube_plugins.simpleitk import DcbsImageFileReader, read_image, write_image  # noqa: E402

OBLIQUE = (0.8, 0.6, 0.0, -0.36, 0.48, 0.8)


def of_echo(frame):
    return marks(text(0x00180081, "DS", str(10 + 20 * frame.volume)))


def of_clock(seconds):
    def mark(frame):
        clock = f"1000{seconds[frame.volume]:09.6f}"
        return marks(text(0x00080022, "DA", "20240131"), text(0x00080032, "TM", clock))

    return mark


def of_count(*nodes):
    return lambda frame: marks(text(0x00200100, "IS", str(frame.volume + 1)), *nodes)


def of_b_value(frame):
    return marks(fd(0x00189087, 500.0 * frame.volume))


def of_image_type(frame):
    kind = ("M", "P", "R")[frame.volume]
    return marks(text(0x00080008, "CS", f"ORIGINAL\\PRIMARY\\{kind}"))


#: What tells three volumes apart, and where the fourth axis starts and how far its steps are.
AXES = {
    "time of day": (of_clock((0, 2, 4)), (36000, 2)),
    "fractions of seconds": (of_clock((1.5, 2.25, 3.0)), (36001.5, 0.75)),
    "uneven times": (of_clock((0, 2, 5)), (0, 1)),
    "counted": (of_count(), (0, 1)),
    "counted, with a resolution": (of_count(text(0x00200110, "DS", "2500")), (0, 2.5)),
    "echo times": (of_echo, (10, 20)),
    "b-values": (of_b_value, (0, 500)),
    "texts": (of_image_type, (0, 1)),
}


def make(folder, mark, volumes=3, places=4, *, sort_method=None, **options):
    """Return a .dcbs file, and the image that SimpleITK makes of the slices of each volume."""
    files = make_volumes(volumes, places, mark, seed=3, **options)
    for name, data in files.items():
        comment = pydicom.dcmread(io.BytesIO(data), specific_tags=["ImageComments"]).ImageComments
        for target in (folder / "source", folder / f"volume {comment.split()[1]}"):
            target.mkdir(exist_ok=True)
            (target / name).write_bytes(data)
    path = folder / "series.dcbs"
    dicube_core.convert(folder / "source", path, sort_method=sort_method)
    return path, [read_folder(folder / f"volume {n}") for n in range(volumes)]


def names_of(path):
    return sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(path))


@pytest.mark.parametrize("name", AXES)
def test_the_image_is_the_joined_volumes(name, tmp_path):
    mark, (first, step) = AXES[name]
    path, volumes = make(tmp_path, mark)
    image = read_image(path)
    assert image.GetSize() == (5, 6, 4, 3)
    assert_same(image, sitk.JoinSeries(volumes, first, step))


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("orientation", [AXIAL, CORONAL, SAGITTAL, OBLIQUE])
def test_any_orientation(orientation, sign, tmp_path):
    step = [sign * 1.5 * value for value in cross(orientation)]
    path, volumes = make(tmp_path, of_echo, orientation=orientation, step=step)
    assert_same(read_image(path), sitk.JoinSeries(volumes, 10, 20))


def test_frames_kept_place_after_place(tmp_path):
    path, volumes = make(
        tmp_path,
        of_echo,
        number=lambda volume, place: place * 3 + volume,
        sort_method=SortMethod.INSTANCE_NUMBER_ASC,
    )
    with dicube_core.open(path) as reader:
        assert not reader.dimensions.is_contiguous
    expected = sitk.JoinSeries(volumes, 10, 20)
    assert_same(read_image(path), expected)
    part = read_image(path, extract_size=(5, 6, 2, 2), extract_index=(0, 0, 1, 1))
    assert_same(part, expected[:, :, 1:3, 1:3])


def test_other_pixel_types(tmp_path):
    path, volumes = make(tmp_path, of_echo)
    real = [sitk.Cast(volume, sitk.sitkFloat32) for volume in volumes]
    assert_same(read_image(path, sitk.sitkFloat32), sitk.JoinSeries(real, 10, 20))
    # SimpleITK casts no image of four dimensions.
    with pytest.raises(UnsupportedKindError, match="complex of 32-bit float"):
        read_image(path, sitk.sitkComplexFloat32)
    part = read_image(path, sitk.sitkComplexFloat32, extract_size=(5, 6, 4, 0))
    assert_same(part, sitk.Cast(volumes[0], sitk.sitkComplexFloat32))


def test_colour(tmp_path):
    def mark(frame):
        pixels = np.random.default_rng(frame.number).integers(0, 256, 90).astype("u1").tobytes()
        return of_echo(frame) | marks(
            us(0x00280002, 3),
            text(0x00280004, "CS", "RGB"),
            us(0x00280006, 0),
            Node(PIXEL_DATA, "OB", pixels),
        )

    path, volumes = make(tmp_path, mark, kind=Kind("colour", allocated=8, stored=8))
    image = read_image(path)
    assert image.GetNumberOfComponentsPerPixel() == 3
    assert_same(image, sitk.JoinSeries(volumes, 10, 20))


REGIONS = [
    ((4, 3, 2, 2), (1, 2, 1, 1)),
    ((5, 6, 4, 1), (0, 0, 0, 2)),
    ((4, 3, 2, 0), (1, 2, 1, 2)),
    ((4, 3, 0, 2), (1, 2, 1, 1)),
    ((4, 0, 2, 2), (0, 1, 1, 1)),
    ((4, 3, 0, 0), (1, 2, 1, 2)),
    ((4, 0, 0, 2), (0, 1, 1, 1)),
]


@pytest.mark.parametrize(("size", "index"), REGIONS, ids=str)
def test_a_region_is_what_simpleitk_extracts(size, index, tmp_path):
    path, volumes = make(tmp_path, of_echo)
    sitk.WriteImage(sitk.JoinSeries(volumes, 10, 20), str(tmp_path / "joined.mha"))
    images = []
    for kind, name in ((sitk.ImageFileReader, "joined.mha"), (DcbsImageFileReader, path.name)):
        reader = kind()
        reader.SetFileName(str(tmp_path / name))
        reader.SetExtractSize(size)
        reader.SetExtractIndex(index)
        images.append(reader.Execute())
    assert_same(images[1], images[0])


def test_regions_beyond_the_file_are_refused(tmp_path):
    path, _ = make(tmp_path, of_echo)
    for size, index in (((5, 6, 4, 2), (0, 0, 0, 2)), ((5, 6, 4, 0), (0, 0, 0, 3))):
        with pytest.raises(DataConsistencyError, match=r"not within the file's size \(5, 6, 4, 3"):
            read_image(path, extract_size=size, extract_index=index)
    with pytest.raises(DataConsistencyError, match="more dimensions"):
        read_image(path, extract_size=(1, 1, 1, 1, 1))


def damaged(path, frames):
    """Damage frames of a file."""
    with dicube_core.open(path) as reader:
        streams = [reader.codestream(frame) for frame in frames]
    data = bytearray(path.read_bytes())
    for stream in streams:
        assert data.count(stream) == 1
        data[data.index(stream) + len(stream) // 2] ^= 0x55
    path.write_bytes(data)


def test_a_region_decodes_its_frames_and_no_others(tmp_path):
    path, volumes = make(tmp_path, of_echo)
    wanted = {volume * 4 + place for volume in (1, 2) for place in (2, 3)}
    damaged(path, sorted(set(range(12)) - wanted))
    part = read_image(path, extract_size=(5, 6, 2, 2), extract_index=(0, 0, 2, 1))
    assert_same(part, sitk.JoinSeries(volumes, 10, 20)[:, :, 2:, 1:])
    with pytest.raises(ChecksumError, match="frame 9"):
        read_image(path, extract_size=(5, 6, 1, 1), extract_index=(0, 0, 1, 2))


def test_a_reader_knows_the_image_before_it_is_read(tmp_path):
    path, volumes = make(tmp_path, of_echo)
    damaged(path, range(12))
    expected = sitk.JoinSeries(volumes, 10, 20)
    reader = DcbsImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    assert reader.GetDimension() == 4
    for name in ("GetSize", "GetPixelIDValue"):
        assert getattr(reader, name)() == getattr(expected, name)()
    for name in ("GetSpacing", "GetOrigin", "GetDirection"):
        np.testing.assert_allclose(getattr(reader, name)(), getattr(expected, name)(), atol=1e-6)


def test_metadata_is_that_of_the_first_slice(tmp_path):
    path, _ = make(tmp_path, of_echo)
    image = read_image(path)
    assert image.GetMetaData("0020|4000").strip() == "volume 0 place 0"
    assert image.GetMetaData("0018|0081").strip() == "10"
    reader = DcbsImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    assert words(reader) == words(image)


@pytest.mark.usefixtures("adapter")
def test_installed(tmp_path):
    path, volumes = make(tmp_path, of_echo)
    expected = sitk.JoinSeries(volumes, 10, 20)
    assert_same(sitk.ReadImage(str(path)), expected)
    assert_same(sitk.ReadImage([str(path)]), expected)
    single = sitk.ReadImage(names_of(path)[6])
    assert_same(single, volumes[1][:, :, 2:3])
    assert single.GetMetaData("0020|4000").strip() == "volume 1 place 2"
    with pytest.raises(FrameIndexError):
        sitk.ReadImage(f"{path}#frame=12")


@pytest.mark.usefixtures("adapter")
@pytest.mark.parametrize("interleaved", [False, True])
def test_names_of_the_frames_of_some_volumes(interleaved, tmp_path):
    path, volumes = make(
        tmp_path,
        of_echo,
        number=(lambda volume, place: place * 3 + volume) if interleaved else None,
        sort_method=SortMethod.INSTANCE_NUMBER_ASC if interleaved else None,
    )
    names = names_of(path)
    with dicube_core.open(path) as reader:
        for n in range(3):
            frames = reader.dimensions.frames_of(echo=n)
            assert names[4 * n : 4 * n + 4] == tuple(f"{path}#frame={f}" for f in frames)
    reader = sitk.ImageSeriesReader()
    reader.MetaDataDictionaryArrayUpdateOn()
    for n in range(3):
        reader.SetFileNames(names[4 * n : 4 * n + 4])
        assert_same(reader.Execute(), volumes[n])
        comments = [reader.GetMetaData(i, "0020|4000").strip() for i in range(4)]
        assert comments == [f"volume {n} place {place}" for place in range(4)]
    assert_same(sitk.ReadImage(names[5:7]), volumes[1][:, :, 1:3])
    assert_same(sitk.ReadImage(names[4:]), sitk.JoinSeries(volumes[1:], 30, 20))
    reader.SetFileNames(names)
    assert_same(reader.Execute(), sitk.JoinSeries(volumes, 10, 20))
    assert reader.GetMetaData(11, "0020|4000").strip() == "volume 2 place 3"


@pytest.mark.usefixtures("adapter")
def test_names_of_one_volume_backwards(tmp_path):
    path, _ = make(tmp_path, of_echo)
    expected = sitk.ReadImage(names_of(tmp_path / "volume 2")[::-1])
    assert_same(sitk.ReadImage(names_of(path)[:7:-1]), expected)


@pytest.mark.usefixtures("adapter")
def test_names_that_form_no_grid_are_refused(tmp_path):
    path, _ = make(tmp_path, of_echo)
    names = names_of(path)
    for wrong in (
        names[2:6],  # parts of two volumes
        names[:5],
        names[:4] + names[8:],  # not the volume between them
        names[4:8] + names[:4],
        names[::-1],
        (names[0], names[4]),
        (*names[:4], names[0]),
        (names[0], names[2]),
    ):
        with pytest.raises(GeometryError, match="follow each other"):
            sitk.ReadImage(wrong)


@pytest.mark.usefixtures("adapter")
@pytest.mark.skipif(
    not hasattr(sitk.ImageSeriesReader, "ReverseOrderOn"), reason="SimpleITK 2.3 has no such thing"
)
def test_reverse_order_is_that_of_one_volume(tmp_path):
    path, _ = make(tmp_path, of_echo)
    reader = sitk.ImageSeriesReader()
    reader.ReverseOrderOn()
    images = []
    for names in (names_of(path)[4:8], names_of(tmp_path / "volume 1")):
        reader.SetFileNames(names)
        images.append(reader.Execute())
    assert_same(*images)
    reader.SetFileNames([str(path)])
    with pytest.raises(GeometryError, match="4 dimensions is not read backwards"):
        reader.Execute()


@pytest.mark.usefixtures("adapter")
def test_several_dimensions_are_refused_by_name_and_each_volume_is_read(tmp_path):
    path, values = echoes_in_time(tmp_path)
    with pytest.raises(GeometryError, match=r"2 echoes .* 3 time points") as caught:
        sitk.ReadImage(str(path))
    assert isinstance(caught.value, RuntimeError)
    names = names_of(path)
    for n, (echo, time) in enumerate(itertools.product(range(2), range(3))):
        image = sitk.ReadImage(names[4 * n : 4 * n + 4])
        np.testing.assert_array_equal(sitk.GetArrayFromImage(image), values[echo, time])
        assert image.GetSpacing() == (0.5, 0.75, 2.5)
    with pytest.raises(GeometryError, match="2 echoes"):
        sitk.ReadImage(names[:8])


@pytest.mark.usefixtures("adapter")
def test_stacks_that_lie_in_different_places_are_read_one_by_one(tmp_path):
    def mark(frame):
        orientation = (AXIAL, SAGITTAL)[frame.volume]
        step = 2.5 * np.array(cross(orientation))
        return marks(
            text(0x00200037, "DS", decimals(*orientation)),
            text(0x00200032, "DS", decimals(*(np.array((1.0, 2.0, 3.0)) + frame.place * step))),
        )

    path, volumes = make(tmp_path, mark, volumes=2)
    with pytest.raises(GeometryError, match="2 stacks"):
        read_image(path)
    names = names_of(path)
    parts = [sitk.ReadImage(names[:4]), sitk.ReadImage(names[4:])]
    by_direction = {image.GetDirection(): image for image in volumes}
    for part in parts:
        (direction,) = (d for d in by_direction if np.allclose(d, part.GetDirection()))
        assert_same(part, by_direction.pop(direction))
    assert not by_direction


def test_volumes_that_lack_slices_are_refused(tmp_path):
    files = make_volumes(3, 4, of_echo, leave_out=lambda frame: frame.number == 5)
    (tmp_path / "s").mkdir()
    for name, data in files.items():
        (tmp_path / "s" / name).write_bytes(data)
    dicube_core.convert(tmp_path / "s", tmp_path / "x.dcbs")
    with pytest.raises(GeometryError, match="lacks 1 slice"):
        read_image(tmp_path / "x.dcbs")


def test_volumes_of_one_slice_without_spacing_are_refused(tmp_path):
    path, _ = time_series(tmp_path, places=1)
    with pytest.raises(GeometryError, match=r"3 time points .* spacing between slices"):
        read_image(path)


def test_what_becomes_of_it(tmp_path):
    path, volumes = make(tmp_path, of_echo)
    image = read_image(path)
    with pytest.raises(UnsupportedKindError, match="4 dimensions"):
        write_image(image, tmp_path / "y.dcbs")
    one = sitk.Extract(image, (*image.GetSize()[:3], 0), (0, 0, 0, 1))
    write_image(one, tmp_path / "y.dcbs", modality="MR")
    assert_same(read_image(tmp_path / "y.dcbs"), volumes[1])
