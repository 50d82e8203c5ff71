"""Reader objects: what they know, metadata in SimpleITK's words, and damaged files."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from pydicom.data import get_testdata_file
from support.raw import EXPLICIT_BE, Node, text
from support.series import Kind, make_series
from support.whole import write_files

import dicube_core
from dicube_core.phantom import write_phantom_series

sitk = pytest.importorskip("SimpleITK")

from simpleitk_support import assert_same, read_folder, words  # noqa: E402

from dicube_core.exceptions import (  # noqa: E402
    ChecksumError,
    InvalidCubeFileError,
    MetaDataError,
    TruncatedFileError,
)
from dicube_plugins.simpleitk import DcbsImageFileReader, read_image  # noqa: E402


def reader_of(path, *, private=False, kind=DcbsImageFileReader):
    reader = kind()
    reader.SetFileName(str(path))
    reader.SetLoadPrivateTags(private)
    reader.ReadImageInformation()
    return reader


def getters(reader):
    return (
        reader.GetSize(),
        reader.GetDimension(),
        reader.GetSpacing(),
        reader.GetOrigin(),
        reader.GetDirection(),
        reader.GetPixelID(),
        reader.GetPixelIDValue(),
        reader.GetNumberOfComponents(),
        words(reader),
    )


def first_file(folder):
    """Return the first slice in SimpleITK's order."""
    return sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder))[0]


def test_the_getters_describe_the_image_of_the_series_reader(make_pair):
    folder, path = make_pair()
    reader, image = reader_of(path), read_folder(folder)
    assert reader.GetSize() == image.GetSize()
    assert reader.GetDimension() == image.GetDimension() == 3
    assert reader.GetSpacing() == image.GetSpacing()
    assert reader.GetOrigin() == image.GetOrigin()
    assert reader.GetDirection() == image.GetDirection()
    assert reader.GetPixelID() == reader.GetPixelIDValue() == image.GetPixelID()
    assert reader.GetNumberOfComponents() == 1
    numbers = (*reader.GetSpacing(), *reader.GetOrigin(), *reader.GetDirection())
    assert {type(v) for v in numbers} == {float}
    assert {type(v) for v in reader.GetSize()} == {int}
    assert isinstance(reader, sitk.ImageFileReader)


def test_execute_gives_information_too_and_the_output_type_does_not_change_it(make_pair):
    _, path = make_pair()
    reader = DcbsImageFileReader()
    reader.SetFileName(str(path))
    reader.SetOutputPixelType(sitk.sitkFloat32)
    image = reader.Execute()
    assert image.GetPixelID() == sitk.sitkFloat32
    assert getters(reader) == getters(reader_of(path))
    assert {key: image.GetMetaData(key) for key in image.GetMetaDataKeys()} == words(reader)


@pytest.mark.parametrize("private", [False, True])
def test_metadata_of_a_rich_header_is_that_of_the_first_slice(tmp_path, private):
    write_phantom_series(tmp_path / "s", 4, size=32)
    dicube_core.convert(tmp_path / "s", tmp_path / "x.dcbs")
    ours = words(reader_of(tmp_path / "x.dcbs", private=private))
    theirs = words(
        reader_of(first_file(tmp_path / "s"), private=private, kind=sitk.ImageFileReader)
    )
    assert ours == theirs
    assert any(int(key[:4], 16) % 2 for key in ours) == private


BUNDLED = [
    "CT_small.dcm",
    "MR_small.dcm",
    "MR_small_RLE.dcm",
    "MR_small_bigendian.dcm",
    "MR_small_implicit.dcm",
    "MR_small_jp2klossless.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "JPEG2000.dcm",
    "image_dfl.dcm",
]


@pytest.mark.parametrize("private", [False, True])
@pytest.mark.parametrize("name", BUNDLED)
def test_metadata_of_files_of_all_encodings(tmp_path, name, private):
    from dicube_plugins.insight.slice_file import SliceHeaders
    from dicube_plugins.simpleitk._words import SliceWords

    (tmp_path / "s").mkdir()
    source = shutil.copy(get_testdata_file(name, download=False), tmp_path / "s" / "x.dcm")
    dicube_core.convert(tmp_path / "s", tmp_path / "x.dcbs")
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        ours = SliceWords(SliceHeaders(reader).file(0), private=private).entries
    theirs = words(reader_of(source, private=private, kind=sitk.ImageFileReader))
    theirs.pop("7fe0|0000", None)  # the length of the Pixel Data group, which PS3.5 7.2 retired
    assert ours == theirs


def test_kinds_of_elements(make_pair):
    """Binary ones as base64, numbers as text, empty ones, other character sets, sequences out."""

    def edit(index, nodes):
        added = [
            text(0x00080005, "CS", "ISO_IR 100"),
            text(0x00100010, "PN", "M\u00fcller^J\u00f6rg", "latin-1"),
            text(0x00100030, "DA", ""),
            Node(0x00189087, "FD", np.array([1 / 3]).tobytes()),
            Node(0x00281101, "US", b"\x01\x00\x02\x00\x10\x00"),
            Node(0x00420011, "OB", b"\0\1\2\3"),
            text(0x00091001, "LO", f"private {index}"),
            text(0x00090010, "LO", "A VENDOR"),
        ]
        nodes.update({node.tag: node for node in added})

    folder, path = make_pair(edit=edit)
    for private in (False, True):
        ours = words(reader_of(path, private=private))
        theirs = words(reader_of(first_file(folder), private=private, kind=sitk.ImageFileReader))
        assert ours == theirs
        assert ("0009|1001" in ours) == private
    assert ours["0009|1001"] == "private 0 "
    # Python can give SimpleITK nothing but UTF-8, so an image's texts are in that, and say so.
    image = read_image(path)
    assert image.GetMetaData("0010|0010").rstrip() == "M\u00fcller^J\u00f6rg"
    assert image.GetMetaData("0008|0005") == "ISO_IR 192"


def test_keys(make_pair):
    _, path = make_pair()
    reader = reader_of(path)
    assert isinstance(reader.GetMetaDataKeys(), tuple)
    assert reader.HasMetaDataKey("0010|0010")
    assert not reader.HasMetaDataKey("0010|9999")
    with pytest.raises(MetaDataError, match=r"no key '0020\|000D'.*lower case") as caught:
        reader.GetMetaData("0020|000D")
    assert isinstance(caught.value, RuntimeError)


def test_one_object_for_several_files(make_pair, tmp_path):
    """What it says belongs to the file that was read last, and settings stay."""
    _, path = make_pair()
    other = sitk.GetImageFromArray(np.zeros((2, 3), np.uint8))
    sitk.WriteImage(other, str(tmp_path / "x.png"))
    plain = reader_of(tmp_path / "x.png", kind=sitk.ImageFileReader)
    ours = getters(reader_of(path))
    reader = DcbsImageFileReader()
    for _ in range(2):
        reader.SetFileName(str(path))
        reader.ReadImageInformation()
        assert getters(reader) == ours
        reader.SetFileName(str(tmp_path / "x.png"))
        assert getters(reader) == ours  # nothing was read since
        assert_same(reader.Execute(), other)
        assert getters(reader) == getters(plain)
    reader.SetExtractSize((7, 9, 2))
    reader.SetFileName(str(path))
    assert reader.Execute().GetSize() == (7, 9, 2)
    reader.SetFileName(str(tmp_path / "absent.dcbs"))
    with pytest.raises(RuntimeError):
        reader.ReadImageInformation()
    assert reader.GetSize() != (7, 9, 5)  # that of nothing


def test_an_image_io_that_is_asked_for(make_pair):
    _, path = make_pair()
    reader = DcbsImageFileReader()
    reader.SetFileName(str(path))
    reader.SetImageIO("GDCMImageIO")  # scripts for slices set it
    assert reader.Execute().GetSize() == (7, 9, 5)
    reader.SetImageIO("NiftiImageIO")
    with pytest.raises(RuntimeError):
        reader.Execute()


def test_the_file_may_have_any_name(make_pair, tmp_path):
    _, path = make_pair()
    other = tmp_path / "B\u00e4r \u80f8\u90e8 1"
    shutil.copy(path, other)
    assert_same(read_image(other), read_image(path))
    reader = DcbsImageFileReader()
    reader.SetFileName(str(other))
    assert_same(reader.Execute(), read_image(path))


def test_a_file_that_is_none(tmp_path):
    (tmp_path / "x.dcbs").write_bytes(b"no series, but much too short to be one")
    with pytest.raises(InvalidCubeFileError) as caught:
        read_image(tmp_path / "x.dcbs")
    assert isinstance(caught.value, RuntimeError)
    with pytest.raises(FileNotFoundError):
        read_image(tmp_path / "absent.dcbs")


def test_damage_names_the_frame(make_pair):
    _, path = make_pair(Kind("big", rows=64, columns=64))
    data = bytearray(path.read_bytes())
    with dicube_core.open(path) as reader:
        offset = reader.container.index.offsets[3]
    data[offset + 200] ^= 1
    path.write_bytes(data)
    with pytest.raises(ChecksumError, match=r"frame 3.*byte") as caught:
        read_image(path)
    assert isinstance(caught.value, RuntimeError)
    assert str(path) in str(caught.value)
    # What is whole can be read.
    assert read_image(path, extract_size=(64, 64, 3)).GetSize() == (64, 64, 3)


def test_a_cut_file(make_pair):
    _, path = make_pair()
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(TruncatedFileError) as caught:
        reader_of(path)
    assert isinstance(caught.value, RuntimeError)


def test_metadata_of_big_endian_sources(tmp_path):
    """Big endian sources are kept in little endian; SimpleITK's words are the same."""
    files = make_series(3, Kind("ct", rows=9, columns=7), syntax=EXPLICIT_BE)
    write_files(tmp_path / "s", files)
    dicube_core.convert(tmp_path / "s", tmp_path / "x.dcbs")
    ours = words(reader_of(tmp_path / "x.dcbs"))
    assert ours == words(reader_of(first_file(tmp_path / "s"), kind=sitk.ImageFileReader))
