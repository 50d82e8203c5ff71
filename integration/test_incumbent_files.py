"""Files that dicube 0.3.0 wrote: everything that is right in them is delivered."""

import io
from pathlib import Path

import numpy as np
import pydicom
import pytest
from support.compare import stored
from support.metadata_cases import CASES
from support.raw import text
from support.series import KINDS, Kind, make_series
from support.whole import write_files

import dicube_core
from dicube_core.dicom import DcbStreamingReader

dicube = pytest.importorskip("dicube")

pytestmark = pytest.mark.filterwarnings("ignore")
SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def pet(index, nodes):
    nodes[0x00281052] = text(0x00281052, "DS", "0")
    nodes[0x00281053] = text(0x00281053, "DS", f"{0.5 + index / 7:.8f}")


def slope_and_intercept(_, nodes):
    nodes[0x00281052] = text(0x00281052, "DS", "-3.5")
    nodes[0x00281053] = text(0x00281053, "DS", "0.25")


SERIES = {
    **{
        name: lambda name=name: make_series(4, KINDS[name])
        for name in (*("u16_stored_12", "i16_stored_16", "u8_stored_8", "u16_mono1", "u16_65x33"),)
    },
    "larger": lambda: make_series(4, Kind("larger", rows=40, columns=33)),
    "pet": lambda: make_series(4, edit=pet),
    "slope and intercept": lambda: make_series(4, edit=slope_and_intercept),
    "no rescale": lambda: make_series(4, edit=CASES["rescale_absent"]),
    "sequences": lambda: make_series(4, edit=CASES["sequence_value_per_slice"]),
    "nested sequences": lambda: make_series(4, edit=CASES["sequence_nested_varying"]),
    "absent in some": lambda: make_series(4, edit=CASES["text_avvv"]),
    "absent in others": lambda: make_series(4, edit=CASES["text_vvva"]),
    "numbers absent in some": lambda: make_series(4, edit=CASES["number_avvv"]),
    "numbers absent in others": lambda: make_series(4, edit=CASES["number_vvva"]),
    "binary per slice": lambda: make_series(4, edit=CASES["private_binary_per_slice"]),
    "overlays": lambda: make_series(4, edit=CASES["overlay_per_slice"]),
    "private": lambda: make_series(4, edit=CASES["private_blocks"]),
    "utf-8": lambda: make_series(4, edit=CASES["charset_utf8"]),
}


@pytest.fixture(params=SERIES)
def written(request, tmp_path):
    """A series, and the file that 0.3.0 made of it."""
    source = write_files(tmp_path / "source", SERIES[request.param]())
    dicube.save(dicube.load_from_dicom_folder(str(source)), str(tmp_path / "x.dcbs"))
    return source, tmp_path / "x.dcbs"


def by_number(source):
    """Return the source's data sets in the order 0.3.0 sorts them."""
    datasets = [pydicom.dcmread(path) for path in source.rglob("*") if path.is_file()]
    return sorted(datasets, key=lambda dataset: int(dataset.InstanceNumber))


def modality(dataset, data):
    slope, intercept = dataset.get("RescaleSlope", 1), dataset.get("RescaleIntercept", 0)
    return stored(data).astype("f8") * float(slope) + float(intercept)


def test_values_equal_its_own(written):
    _, path = written
    ours, theirs = dicube_core.load(path), dicube.load(str(path))
    np.testing.assert_array_equal(ours.raw_image, theirs.raw_image)
    for dtype in ("float32", "float64"):
        np.testing.assert_array_equal(ours.get_fdata(dtype), theirs.get_fdata(dtype))
    with dicube_core.open(path) as reader:
        assert not reader.validated
    assert (ours.space is None) == (theirs.space is None)
    if ours.space is not None:
        for name in ("origin", "spacing", "x_orientation", "y_orientation", "z_orientation"):
            np.testing.assert_allclose(getattr(ours.space, name), getattr(theirs.space, name))


def plain(value):
    """Return a single value without the list that shared ones are in."""
    return value[0] if isinstance(value, list) and len(value) == 1 else value


_PIXEL_TAGS = {0x00280100, 0x00280101, 0x00280102, 0x00280103, 0x00281052, 0x00281053}


def assert_same_values(tag, elements, found):
    """Compare one tag of all slices; 0.3.0 may lose a value that some slices lack."""
    complete = None not in elements
    for index, element in enumerate(elements):
        if element is None or element.is_empty:
            assert found[index] is None, (hex(tag), index)
        elif complete and element.VR in ("DS", "IS"):
            numbers = np.atleast_1d(np.array(element.value, float))
            np.testing.assert_array_equal(np.atleast_1d(np.array(found[index])), numbers)
        elif complete and element.VR == "PN":
            names = list(plain(found[index]).values())
            assert "=".join(names) == str(element.value).rstrip("=")
        elif complete and element.VM == 1:
            assert str(plain(found[index])) == str(element.value), hex(tag)


def test_tags_are_right_where_the_file_is(written):
    source, path = written
    meta = dicube_core.load_meta(path)
    assert meta.slice_count == 4
    datasets = by_number(source)
    compared = 0
    for tag in {int(t) for dataset in datasets for t in dataset.keys()}:  # noqa: SIM118
        elements = [dataset.get(tag) for dataset in datasets]
        known = next(element for element in elements if element is not None)
        if tag in _PIXEL_TAGS or known.VR in ("OB", "OW", "UN", "SQ") or tag >= 0x7FE00000:
            continue
        found = meta.get_values(tag)
        compared += 1
        if f"{tag:08X}" not in meta.untrusted:
            assert_same_values(tag, elements, found)
            continue
        # It lost which value belongs to which slice, by chance (the order of a set).
        expected = [e.value for e in elements if e is not None and not e.is_empty]
        values = [str(value) for value in found if value is not None]
        if known.VR == "DS":
            expected, values = map(float, expected), map(float, values)
        assert sorted(map(str, expected)) == sorted(map(str, values))
    assert compared >= 24


def test_the_word_none_is_nowhere(written):
    _, path = written
    meta = dicube_core.load_meta(path)
    for tag in meta.keys():  # noqa: SIM118 - not a dict
        for index in range(4):
            assert "None" not in str(meta.index(index).get(tag, {}).get("Value", "")), tag
    with DcbStreamingReader(path) as stream:
        for index in range(4):
            assert b"None" not in stream.get_dicom_for_frame(index, True)


def test_slices_are_valid_and_have_equal_modality_values(written):
    source, path = written
    values = dicube.load(str(path)).get_fdata("float64")
    datasets = by_number(source)
    with DcbStreamingReader(path) as stream:
        for index in range(4):
            for plain in (False, True):
                data = stream.get_dicom_for_frame(index, plain)
                dataset = pydicom.dcmread(io.BytesIO(data))  # not forced: a DICOM file
                np.testing.assert_array_equal(modality(dataset, data), values[index])
                expected = datasets[index]
                assert dataset.SOPInstanceUID == expected.SOPInstanceUID
                assert dataset.file_meta.MediaStorageSOPInstanceUID == expected.SOPInstanceUID
                assert dataset.ImagePositionPatient == expected.ImagePositionPatient
                assert dataset.PatientName == expected.PatientName
                assert dataset.PhotometricInterpretation == expected.PhotometricInterpretation
                for element in dataset.iterall():  # every value can be parsed
                    assert element.value is not None or element.is_empty


def test_saved_by_us_it_is_whole_and_checked(written):
    _, path = written
    image = dicube_core.load(path)
    values = image.get_fdata("float64")
    dicube_core.save(image, path.with_name("ours.dcbs"))
    report = dicube_core.verify_file(path.with_name("ours.dcbs"))
    assert report.ok, report.failures
    assert report.checksums
    again = dicube_core.load(path.with_name("ours.dcbs"))
    np.testing.assert_array_equal(again.get_fdata("float64"), values)
    assert again.dicom_meta.get_values("SOPInstanceUID") == image.dicom_meta.get_values(
        "SOPInstanceUID"
    )
    theirs = dicube.load(str(path.with_name("ours.dcbs")))
    np.testing.assert_array_equal(theirs.get_fdata("float64"), values)
    dicube_core.save_to_dicom_folder(image, path.with_name("exported"))
    assert len(list(path.with_name("exported").iterdir())) == 4


def test_one_slice(tmp_path):
    source = write_files(tmp_path / "source", make_series(1))
    dicube.save(dicube.load_from_dicom_folder(str(source)), str(tmp_path / "x.dcbs"))
    ours = dicube_core.load(tmp_path / "x.dcbs")
    assert ours.shape == (1, 6, 5)
    theirs = dicube.load(str(tmp_path / "x.dcbs")).get_fdata()
    np.testing.assert_array_equal(ours.get_fdata(), np.reshape(theirs, (1, 6, 5)))
    with DcbStreamingReader(tmp_path / "x.dcbs") as stream:
        dataset = pydicom.dcmread(io.BytesIO(stream.get_dicom_for_frame(0)))
        assert dataset.SOPInstanceUID == ours.dicom_meta.get_shared_value("SOPInstanceUID")


@pytest.mark.skipif(
    not (SHARED / "ct_heart_10.by_dicube_0_3_0.dcbs").exists(), reason="shared data are not here"
)
def test_the_real_file():
    path = SHARED / "ct_heart_10.by_dicube_0_3_0.dcbs"
    ours, theirs = dicube_core.load(path), dicube.load(str(path))
    np.testing.assert_array_equal(ours.get_fdata(), theirs.get_fdata())
    source = dicube_core.load_from_dicom_folder(
        SHARED / "ct_heart_10", dicube_core.SortMethod.INSTANCE_NUMBER_ASC
    )
    np.testing.assert_array_equal(ours.get_fdata(), source.get_fdata())
    uids = source.dicom_meta.get_values("SOPInstanceUID")
    assert ours.dicom_meta.get_values("SOPInstanceUID") == uids
    # It sorted the slices but not what is nested in sequences, which is said.
    assert any("." in path for path in ours.dicom_meta.untrusted)
    np.testing.assert_allclose(ours.space.affine, source.space.affine, atol=1e-9)
