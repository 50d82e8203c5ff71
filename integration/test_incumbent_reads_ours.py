"""dicube 0.3.0 opens our files: same modality values, same geometry, same tag values."""

import io

import numpy as np
import pydicom
import pytest
from support.compare import stored
from support.metadata_cases import CASES
from support.series import KINDS, Kind, make_series
from support.series_cases import WHOLE
from support.whole import write_files

import dicube_core

dicube = pytest.importorskip("dicube")
streaming = pytest.importorskip("dicube.dicom.dcb_streaming")

pytestmark = pytest.mark.filterwarnings("ignore")

LARGER = {"rows": 40, "columns": 33}
SERIES = {
    **{
        name: lambda name=name: make_series(4, KINDS[name])
        for name in (
            *("u16_stored_12", "u16_stored_16", "i16_stored_16", "i16_stored_12", "u8_stored_8"),
            *("u16_stored_1", "u8_stored_5", "i8_stored_6", "u16_mono1", "u8_mono1", "u16_65x33"),
        )
    },
    "larger": lambda: make_series(4, Kind("larger", **LARGER)),
    "some tags in some slices": lambda: make_series(4, edit=CASES["text_aev"]),
    "sequences": lambda: make_series(4, edit=CASES["sequence_nested_varying"]),
    "private": lambda: make_series(4, edit=CASES["private_blocks"]),
    "left handed": lambda: WHOLE["left_handed"][0],
    "implicit": lambda: make_series(4, syntax="1.2.840.10008.1.2"),
}


@pytest.fixture(params=SERIES)
def path(request, tmp_path):
    source = write_files(tmp_path / "source", SERIES[request.param]())
    dicube_core.convert(source, tmp_path / "x.dcbs")
    return tmp_path / "x.dcbs"


def test_modality_values_and_geometry(path):
    ours, theirs = dicube_core.load(path), dicube.load(str(path))
    np.testing.assert_array_equal(theirs.raw_image, ours.raw_image)
    for dtype in ("float32", "float64"):
        np.testing.assert_array_equal(theirs.get_fdata(dtype), ours.get_fdata(dtype))
    assert theirs.dicom_status.value == ours.dicom_status.value
    assert (theirs.space is None) == (ours.space is None)
    if ours.space is not None:
        for name in ("origin", "spacing", "x_orientation", "y_orientation", "z_orientation"):
            np.testing.assert_array_equal(getattr(theirs.space, name), getattr(ours.space, name))
        assert tuple(theirs.space.shape) == tuple(ours.space.shape)


def test_tag_values(path):
    """Wherever its model can express them: top level, and present in every slice or in none."""
    ours, theirs = dicube_core.load_meta(path), dicube.load_meta(str(path))
    assert theirs.slice_count == ours.slice_count
    compared = 0
    for tag in ours.keys():  # noqa: SIM118 - not a dict
        key = pydicom.tag.Tag(int(tag, 16))
        if ours.get_vr(key) in ("SQ", "OB", "OW", "UN"):
            continue
        if any(ours.is_absent(key, index) for index in range(ours.slice_count)):
            continue
        assert theirs.is_shared(key) == ours.is_shared(key), tag
        assert theirs.get_vr(key) == ours.get_vr(key)
        assert list(map(str, theirs.get_values(key))) == list(map(str, ours.get_values(key))), tag
        compared += 1
    assert compared > 20


def test_the_word_none_is_nowhere(path):
    theirs = dicube.load_meta(str(path))
    for tag in theirs.keys():  # noqa: SIM118 - not a dict
        if theirs.get_vr(pydicom.tag.Tag(int(tag, 16))) != "SQ":
            assert "None" not in theirs.get_values(pydicom.tag.Tag(int(tag, 16)))


def test_its_streaming_reader(path):
    values = dicube_core.load(path).get_fdata("float64")
    with dicube_core.open(path) as reader:
        names = [header.name for header in reader.headers]
    with streaming.DcbStreamingReader(str(path)) as stream:
        assert stream.get_frame_count() == len(values)
        for index, name in enumerate(names):
            data = stream.get_dicom_for_frame(index)
            dataset = pydicom.dcmread(io.BytesIO(data))
            found = stored(data).astype("f8") * float(dataset.RescaleSlope)
            np.testing.assert_array_equal(found + float(dataset.RescaleIntercept), values[index])
            source = pydicom.dcmread(path.parent / "source" / name)
            assert dataset.SOPInstanceUID == source.SOPInstanceUID
            assert dataset.ImagePositionPatient == source.ImagePositionPatient
            assert dataset.PatientName == source.PatientName


def test_one_slice(tmp_path):
    source = write_files(tmp_path / "source", make_series(1, Kind("one", **LARGER)))
    dicube_core.convert(source, tmp_path / "x.dcbs")
    ours, theirs = dicube_core.load(tmp_path / "x.dcbs"), dicube.load(str(tmp_path / "x.dcbs"))
    # Its arrays of one slice lack an axis; ours never do.
    assert ours.shape == (1, 40, 33)
    np.testing.assert_array_equal(np.reshape(theirs.get_fdata(), ours.shape), ours.get_fdata())
    meta = dicube.load_meta(str(tmp_path / "x.dcbs"))
    assert meta.get_shared_value(dicube.CommonTags.PatientID)
    with streaming.DcbStreamingReader(str(tmp_path / "x.dcbs")) as stream:
        data = stream.get_dicom_for_frame(0)
        np.testing.assert_array_equal(stored(data), ours.raw_image[0])


def test_slopes_that_differ_are_an_error_to_it_and_never_scaled_wrongly(tmp_path):
    source = write_files(tmp_path / "source", make_series(4, edit=CASES["rescale_per_slice"]))
    dicube_core.convert(source, tmp_path / "x.dcbs")
    theirs = dicube.load(str(tmp_path / "x.dcbs"))
    np.testing.assert_array_equal(theirs.raw_image, dicube_core.load(tmp_path / "x.dcbs").raw_image)
    with pytest.raises((ValueError, TypeError)):
        theirs.get_fdata()
    meta = dicube.load_meta(str(tmp_path / "x.dcbs"))
    slopes = meta.get_values(dicube.CommonTags.RescaleSlope)
    assert list(map(float, slopes)) == [round(0.5 + i / 7, 10) for i in range(4)]


def test_irregular_series_have_no_geometry_for_it_either(tmp_path):
    for name in ("gap", "tilt", "equal_positions", "no_geometry"):
        folder = tmp_path / name
        dicube_core.convert(write_files(folder / "source", WHOLE[name][0]), folder / "x.dcbs")
        theirs = dicube.load(str(folder / "x.dcbs"))
        assert theirs.space is None
        assert theirs.dicom_status.value != "consistent"
        assert theirs.dicom_status.value == dicube_core.load(folder / "x.dcbs").dicom_status.value


@pytest.mark.parametrize("edit", [None, "rescale_per_slice", "sequence_nested_varying"])
def test_a_file_of_ours_that_it_saved_again(edit, tmp_path):
    """It keeps the key of our extension block and drops the block: the key is stale."""
    kind = Kind("larger", **LARGER)
    files = make_series(4, kind, CASES[edit] if edit else None)
    dicube_core.convert(write_files(tmp_path / "source", files), tmp_path / "x.dcbs")
    theirs = dicube.load(str(tmp_path / "x.dcbs"))
    assert "DicubeCore" in theirs.pixel_header.Extras
    theirs.dicom_meta.set_shared_item(dicube.CommonTags.PatientID, "CHANGED")
    theirs.raw_image = theirs.raw_image[:, ::-1].copy()
    dicube.save(theirs, str(tmp_path / "again.dcbs"))
    with dicube_core.open(tmp_path / "again.dcbs") as reader:
        assert reader.container.extension == "stale"
        assert not reader.validated
        assert reader.headers is None
        for index in range(4):
            np.testing.assert_array_equal(reader.frame(index), kind.frame(index)[::-1])
        assert reader.dicom_meta.get_shared_value("PatientID") == "CHANGED"
        assert reader.pixel_format.bits_stored == 16  # what its codestreams say, not what ours did
        slope = reader.pixel_header.RescaleSlope
        assert isinstance(slope, list) == (edit == "rescale_per_slice")
    with dicube_core.dicom.DcbStreamingReader(tmp_path / "again.dcbs") as stream:
        for plain in (False, True):
            data = stream.get_dicom_for_frame(1, plain)
            assert pydicom.dcmread(io.BytesIO(data)).PatientID == "CHANGED"
            np.testing.assert_array_equal(stored(data), kind.frame(1)[::-1])
    image = dicube_core.load(tmp_path / "again.dcbs")
    dicube_core.save(image, tmp_path / "third.dcbs")
    report = dicube_core.verify_file(tmp_path / "third.dcbs")
    assert report.ok, report.failures
    assert report.checksums


def test_a_file_with_a_table_of_resolutions(tmp_path):
    source = write_files(tmp_path / "source", make_series(4, Kind("larger", **LARGER)))
    path = tmp_path / "x.dcbs"
    dicube_core.convert(source, path, progressive=True)
    assert dicube_core.open(path).container.resolutions is not None
    theirs = dicube.load(str(path))
    np.testing.assert_array_equal(theirs.raw_image, dicube_core.load(path).raw_image)
