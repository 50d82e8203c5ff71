"""Every element of every slice is in the multi-frame image, and comes out of it unchanged."""

import copy
import io

import numpy as np
import pydicom
import pytest
from multiframe_support import EXPLICIT_LE, assert_frames, assert_originals, given, saved
from support.legacy_file import legacy_file
from support.metadata_cases import CASES
from support.raw import IMPLICIT_LE, Node, text
from support.series import CT_STORAGE, make_series
from support.series_cases import WHOLE

import dicube_core
from dicube_core.exceptions import MetaDataError, UnsupportedKindError
from dicube_core.phantom import write_phantom_series
from dicube_core.slices import SliceProvider
from dicube_plugins.multiframe import MultiFrameFile, original_datasets

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:pydicom"),
    pytest.mark.filterwarnings("ignore::dicube_core.exceptions.DicomCubeWarning"),
]
#: Refused, see below.
LUT = "modality_lut_per_slice"
EXPLICIT = [name for name in CASES if name != LUT]
IMPLICIT = (
    *("sequence_nested_varying", "un_sequence_undefined", "private_binary_sizes", "text_aev"),
    *("private_blocks_move", "charset_per_slice", "everything_at_once", "vr_varies"),
    *("overlay_per_slice", "smallest_pixel_value_varies", "rescale_per_slice", "group_lengths"),
)


@pytest.mark.parametrize("name", EXPLICIT)
def test_header_hazard(name, tmp_path):
    case = given(tmp_path, make_series(4, edit=CASES[name]))
    image = case.image()
    untouched = saved(image)
    assert assert_originals(image, case.sources) > 50
    assert assert_originals(untouched, case.sources) > 50
    # All sequences were looked at by now, so pydicom writes them anew.
    assert_originals(saved(image), case.sources, by_value=True)
    assert_frames(image, case)
    assert_originals(case.image(EXPLICIT_LE), case.sources)


@pytest.mark.parametrize("name", IMPLICIT)
def test_header_hazard_of_an_implicit_source(name, tmp_path):
    case = given(tmp_path, make_series(4, edit=CASES[name], syntax=IMPLICIT_LE))
    image = case.image()
    assert_originals(saved(image), case.sources, by_value=True)
    assert_originals(image, case.sources, by_value=True)


@pytest.mark.parametrize("name", WHOLE)
def test_odd_series(name, tmp_path):
    files, _ = WHOLE[name]
    case = given(tmp_path, files)
    image = case.image()
    assert_originals(saved(image), case.sources, by_value="implicit" in name)
    assert_frames(image, case)


@pytest.mark.parametrize("name", ["everything_at_once", "private_blocks", "charset_iso2022"])
def test_after_decompressing(name, tmp_path):
    case = given(tmp_path, make_series(4, edit=CASES[name]))
    image = case.image()
    image.decompress()
    assert_originals(image, case.sources)
    again = saved(image)
    assert again.file_meta.TransferSyntaxUID == EXPLICIT_LE
    assert_originals(again, case.sources, by_value=True)
    assert_frames(again, case)


def test_phantom(tmp_path):
    write_phantom_series(tmp_path / "phantom", 5, size=32)
    files = {path.name: path.read_bytes() for path in (tmp_path / "phantom").iterdir()}
    case = given(tmp_path, files)
    image = case.image()
    assert_originals(saved(image), case.sources)
    assert_originals(image, case.sources)


def test_file_of_another_writer():
    reader = dicube_core.open(legacy_file())
    provider = SliceProvider(reader)
    sources = [provider.instance(i, EXPLICIT_LE) for i in range(reader.frame_count)]
    image = pydicom.dcmread(io.BytesIO(MultiFrameFile(reader).open().read()))
    assert_originals(saved(image), sources)
    np.testing.assert_array_equal(image.pixel_array, reader.frames())


def test_originals_do_not_hang_on_the_image(tmp_path):
    case = given(tmp_path, make_series(3, edit=CASES["private_blocks"]))
    image = case.image()
    assert image.PatientName == "Doe^Jane"
    first, *_ = original_datasets(image)
    first.PatientName = "Else^Somebody"
    first[0x00291110].value[0][0x00291131].value = "changed"
    assert image.PatientName == "Doe^Jane"
    assert_originals(image, case.sources)


def test_what_was_edited_comes_out_edited(tmp_path):
    case = given(tmp_path, make_series(3))
    image = case.image()
    image.PatientID = "NEW-ID"
    assert [one.PatientID for one in original_datasets(saved(image))] == ["NEW-ID"] * 3


def test_original_series_reads_as_single_frames(tmp_path):
    case = given(tmp_path, make_series(3))
    frames = case.reader.frames()
    for index, original in enumerate(original_datasets(case.image())):
        original.file_meta = pydicom.dataset.FileMetaDataset()
        original.file_meta.TransferSyntaxUID = EXPLICIT_LE
        original.PixelData = frames[index].tobytes()
        original["PixelData"].VR = "OW"
        assert original.SOPClassUID == CT_STORAGE
        np.testing.assert_array_equal(original.pixel_array, frames[index])


@pytest.mark.parametrize("how", ["private", "mark", "groups"])
def test_what_cannot_be_recovered_is_said(how, tmp_path):
    image = given(tmp_path, make_series(3)).image()
    if how == "private":
        image.remove_private_tags()
    elif how == "mark":
        image[0x00210010].value = "SOMEBODY ELSE"
    else:
        del image[0x52009230]
    with pytest.raises(MetaDataError):
        list(original_datasets(image))


def test_a_foreign_data_set_is_refused(tmp_path):
    source = pydicom.dcmread(io.BytesIO(next(iter(make_series(1).values()))))
    with pytest.raises(MetaDataError, match="private block"):
        list(original_datasets(source))


def test_differing_modality_luts_are_refused(tmp_path):
    case = given(tmp_path, make_series(4, edit=CASES[LUT]))
    with pytest.raises(UnsupportedKindError, match=r"Modality LUT differs.*one by one"):
        MultiFrameFile(case.reader).head()


def test_equal_bytes_in_another_character_set_stay_with_their_slice(tmp_path):
    def edit(index, nodes):
        term = ("ISO_IR 100", "ISO_IR 144")[index % 2]
        nodes[0x00080005] = text(0x00080005, "CS", term)
        nodes[0x00081030] = Node(0x00081030, "LO", b"\xd3\xe0\xe3\xd4\xec ")

    case = given(tmp_path, make_series(2, edit=edit))
    image = case.image()
    assert_originals(copy.deepcopy(image), case.sources)
    # The image itself says it once, in the character set of the first slice, or not at all.
    assert "StudyDescription" not in image
    assert image.SpecificCharacterSet == "ISO_IR 100"
