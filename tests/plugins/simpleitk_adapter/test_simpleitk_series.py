"""Scripts for folders of slices, given a .dcbs file."""

from __future__ import annotations

import pytest

import dicube_core
from dicube_core.exceptions import (
    DataConsistencyError,
    FrameIndexError,
    GeometryError,
    MetaDataError,
)
from dicube_core.phantom import write_phantom_series
from dicube_core.spatial.order import SortMethod

sitk = pytest.importorskip("SimpleITK")

from simpleitk_support import assert_same, placed, read_folder, words  # noqa: E402

pytestmark = pytest.mark.usefixtures("adapter")

SCRIPT = """
import SimpleITK as sitk

series = sitk.ImageSeriesReader.GetGDCMSeriesIDs(path)
names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(path, series[0])
reader = sitk.ImageSeriesReader()
reader.SetFileNames(names)
reader.MetaDataDictionaryArrayUpdateOn()
reader.LoadPrivateTagsOn()
image = reader.Execute()

smooth = sitk.DiscreteGaussian(sitk.Cast(image, sitk.sitkFloat32), 1.0)
body = sitk.BinaryThreshold(smooth, lowerThreshold=-300, upperThreshold=3000)
statistics = sitk.LabelShapeStatisticsImageFilter()
statistics.Execute(body)
centroid = statistics.GetCentroid(1)
places = [reader.GetMetaData(i, "0020|0032") for i in range(image.GetDepth())]
instances = [reader.GetMetaData(i, "0008|0018") for i in range(image.GetDepth())]
patient = reader.GetMetaData(0, "0010|0010") if reader.HasMetaDataKey(0, "0010|0010") else ""
keys = [set(reader.GetMetaDataKeys(i)) for i in range(image.GetDepth())]
"""


def run(path):
    names = {"path": str(path)}
    exec(compile(SCRIPT, "script.py", "exec"), names)
    return names


@pytest.mark.parametrize("method", [None, SortMethod.INSTANCE_NUMBER_ASC])
def test_a_script_for_a_folder_gives_the_same_for_a_file(tmp_path, method):
    write_phantom_series(tmp_path / "s", 6, size=48)
    dicube_core.convert(tmp_path / "s", tmp_path / "x.dcbs", sort_method=method)
    ours, theirs = run(tmp_path / "x.dcbs"), run(tmp_path / "s")
    assert_same(ours["image"], theirs["image"])
    assert len(set(ours["instances"])) == 6
    for name in ("series", "centroid", "places", "instances", "patient"):
        assert ours[name] == theirs[name], name
    # Those two are made by the series reader, and cannot be read as text: docs/simpleitk.md.
    made = {"ITK_original_direction", "ITK_original_spacing"}
    assert ours["keys"] == [keys - made for keys in theirs["keys"]]


def test_file_names(make_pair):
    folder, path = make_pair()
    reader = sitk.ImageSeriesReader
    (uid,) = reader.GetGDCMSeriesIDs(str(path))
    assert (uid,) == reader.GetGDCMSeriesIDs(str(folder)) == reader().GetGDCMSeriesIDs(str(folder))
    names = tuple(f"{path}#frame={n}" for n in range(5))
    assert reader.GetGDCMSeriesFileNames(str(path)) == names
    assert reader.GetGDCMSeriesFileNames(str(path), uid) == names
    assert reader.GetGDCMSeriesFileNames(directory=str(path), seriesID=uid) == names
    assert reader().GetGDCMSeriesFileNames(str(path), uid, True) == names
    assert reader.GetGDCMSeriesFileNames(str(path), "1.2.3") == ()
    assert len(reader.GetGDCMSeriesFileNames(str(folder), uid)) == 5
    assert reader.GetImageIOFromFileName(names[0]) == "GDCMImageIO"
    assert sitk.ImageFileReader.GetImageIOFromFileName(names[0]) == "GDCMImageIO"


@pytest.mark.skipif(
    not hasattr(sitk.ImageSeriesReader, "ReverseOrderOn"), reason="SimpleITK 2.3 has no such thing"
)
def test_reverse_order_and_output_type(make_pair):
    folder, path = make_pair(edit=placed((0.8, 0.6, 0), (-0.36, 0.48, 0.8)))
    readers = []
    for names in ([str(path)], sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))):
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(names)
        reader.ReverseOrderOn()
        reader.MetaDataDictionaryArrayUpdateOn()
        reader.SetOutputPixelType(sitk.sitkFloat32)
        readers.append((reader, reader.Execute()))
    (ours, image), (theirs, expected) = readers
    assert_same(image, expected)
    assert [ours.GetMetaData(i, "0020|0013") for i in range(5)] == [
        theirs.GetMetaData(i, "0020|0013") for i in range(5)
    ]


def test_read_image_of_a_list(make_pair):
    folder, path = make_pair()
    assert_same(sitk.ReadImage([str(path)]), read_folder(folder))
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    assert_same(sitk.ReadImage(names), read_folder(folder))
    for mixed in ([str(path), str(path)], [*names, str(path)]):
        with pytest.raises(DataConsistencyError, match=r"whole series.*JoinSeries") as caught:
            sitk.ReadImage(mixed)
        assert isinstance(caught.value, RuntimeError)


def test_one_reader_for_several_series(make_pair):
    folder, path = make_pair()
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))
    reader = sitk.ImageSeriesReader()
    reader.MetaDataDictionaryArrayUpdateOn()
    for _ in range(2):
        reader.SetFileNames([str(path)])
        reader.Execute()
        with pytest.raises(FrameIndexError):
            reader.GetMetaData(5, "0020|0013")
        reader.SetFileNames(names[:2])
        reader.Execute()
        with pytest.raises(RuntimeError, match="SimpleITK"):
            reader.GetMetaData(2, "0020|0013")
    reader.MetaDataDictionaryArrayUpdateOff()
    reader.SetFileNames([str(path)])
    reader.Execute()
    with pytest.raises(MetaDataError, match="MetaDataDictionaryArrayUpdateOn"):
        reader.GetMetaData(0, "0020|0013")  # not those of the slices read before


def test_the_image_of_a_series_has_no_metadata_of_one_slice(make_pair):
    folder, path = make_pair()
    assert sitk.ReadImage([str(path)]).GetMetaDataKeys() == read_folder(folder).GetMetaDataKeys()


def test_a_file_name_from_the_folder_way_serves_the_file_reader(make_pair):
    _, path = make_pair()
    name = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(path))[2]
    reader = sitk.ImageFileReader()
    reader.SetFileName(name)
    reader.SetImageIO(reader.GetImageIOFromFileName(name))
    reader.ReadImageInformation()
    assert words(reader)["0020|0013"] == "3 "
    whole = sitk.ReadImage(str(path))
    image = reader.Execute()
    assert image.GetSize() == (*whole.GetSize()[:2], 1)
    assert_same(image, whole[:, :, 2:3])
    reader.SetExtractSize([*whole.GetSize()[:2], 0])
    assert_same(reader.Execute(), whole[:, :, 2])


ORDERS = {
    "all": slice(None),
    "backwards": slice(None, None, -1),
    "part": slice(1, 4),
    "part, backwards": slice(3, 0, -1),
}


@pytest.mark.parametrize("left_handed", [False, True])
@pytest.mark.parametrize("order", ORDERS.values(), ids=list(ORDERS))
def test_names_in_any_order_that_is_regular(make_pair, order, left_handed):
    """What a script does to the list of names has the effect that it has for files."""
    edit = placed((1, 0, 0), (0, 1, 0), step=-2.5 if left_handed else 2.5)
    folder, path = make_pair(edit=edit, sort_method=SortMethod.INSTANCE_NUMBER_ASC)
    results = []
    for place in (folder, path):
        names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(place))[order]
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(names)
        reader.MetaDataDictionaryArrayUpdateOn()
        image = reader.Execute()
        results.append((image, [reader.GetMetaData(i, "0020|0013") for i in range(len(names))]))
    (theirs, numbers), (ours, our_numbers) = results
    assert_same(ours, theirs)
    assert our_numbers == numbers


def test_names_that_leave_frames_out_are_refused(make_pair):
    _, path = make_pair()
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(path))
    for wrong in (names[::2], (names[0], names[0]), (names[0], names[2], names[1])):
        with pytest.raises(GeometryError, match="follow each other"):
            sitk.ReadImage(wrong)
    with pytest.raises(FrameIndexError):
        sitk.ReadImage(f"{path}#frame=5")
    with pytest.raises(DataConsistencyError, match="whole series"):
        sitk.ReadImage([names[0], str(path)])
    with pytest.raises(RuntimeError):
        sitk.ReadImage(f"{path}.absent#frame=0")
