"""imageio.v3 writes .dcbs files: lossless, whole or not at all, and refuses by name."""

from __future__ import annotations

import io
import zipfile

import numpy as np
import pytest
from imageio_support import KIND

import dicube_core
from dicube_core.exceptions import DataConsistencyError, MetaDataError, UnsupportedKindError
from dicube_core.geometry import Geometry
from dicube_core.streaming import DcbStreamingReader

iio = pytest.importorskip("imageio.v3")
pytestmark = pytest.mark.usefixtures("installed")

INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32")


def write(target, *parts):
    """Write images one after another; an exception among them is raised at its turn."""
    with iio.imopen(target, "w") as file:
        for part in parts:
            if isinstance(part, Exception):
                raise part
            image, options = part if isinstance(part, tuple) else (part, {})
            file.write(image, **options)


def random_volume(dtype, shape=(4, 6, 7)):
    info = np.iinfo(dtype)
    rng = np.random.default_rng(7)
    return rng.integers(info.min, info.max, shape, dtype=dtype, endpoint=True)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_a_volume_comes_back(tmp_path, dtype):
    volume = random_volume(dtype)
    assert iio.imwrite(tmp_path / "x.dcbs", volume) is None
    found = iio.imread(tmp_path / "x.dcbs")
    assert found.dtype == volume.dtype
    np.testing.assert_array_equal(found, volume)
    assert dicube_core.verify_file(tmp_path / "x.dcbs").ok


@pytest.mark.parametrize(
    "layout",
    [
        lambda v: v,
        list,
        tuple,
        lambda v: [v],
        lambda v: v.astype(v.dtype.newbyteorder(">")),
        np.asfortranarray,
        lambda v: np.concatenate([v, v])[::2][: len(v)] * 0 + v,
        lambda v: [one.astype(one.dtype.newbyteorder(">")) for one in v],
    ],
)
def test_in_any_layout(tmp_path, layout):
    volume = random_volume("int16")
    iio.imwrite(tmp_path / "x.dcbs", layout(volume))
    np.testing.assert_array_equal(iio.imread(tmp_path / "x.dcbs"), volume)


def test_a_single_image(tmp_path):
    image = random_volume("uint16")[0]
    iio.imwrite(tmp_path / "x.dcbs", image)
    np.testing.assert_array_equal(iio.imread(tmp_path / "x.dcbs", index=0), image)
    assert iio.improps(tmp_path / "x.dcbs").n_images == 1


def test_one_image_after_another(tmp_path):
    volume, buffer = random_volume("uint16"), np.empty((6, 7), "uint16")
    with iio.imopen(tmp_path / "x.dcbs", "w") as file:
        for image in volume:
            buffer[:] = image  # the same array each time
            file.write(buffer, modality="MR")
        assert not (tmp_path / "x.dcbs").exists()
    np.testing.assert_array_equal(iio.imread(tmp_path / "x.dcbs"), volume)
    assert iio.immeta(tmp_path / "x.dcbs")["Modality"] == "MR"


def test_targets(tmp_path):
    volume = random_volume("int16")
    data = iio.imwrite("<bytes>", volume, extension=".dcbs")
    np.testing.assert_array_equal(iio.imread(data), volume)
    assert iio.imwrite("<bytes>", volume, extension=".dcbs", plugin="dcbs") == data
    buffer = io.BytesIO()
    assert iio.imwrite(buffer, volume, extension=".dcbs") is None
    assert buffer.getvalue() == data
    with (tmp_path / "named.bin").open("wb") as file:
        iio.imwrite(file, volume, extension=".dcbs")
    assert (tmp_path / "named.bin").read_bytes() == data
    iio.imwrite(str(tmp_path / "UPPER.DCBS"), volume)
    assert (tmp_path / "UPPER.DCBS").read_bytes() == data
    iio.imwrite(str(tmp_path / "a.zip") + "/x.dcbs", volume)
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert archive.read("x.dcbs") == data


def test_a_target_of_another_name_is_not_guessed_at(tmp_path):
    volume = random_volume("int16")
    for target in (tmp_path / "x.bin", "<bytes>", io.BytesIO()):
        with pytest.raises(OSError, match="can not handle") as failure:
            iio.imwrite(target, volume, plugin="dcbs")
        assert "extension='.dcbs'" in str(failure.value.__cause__)
    assert list(tmp_path.iterdir()) == []


def test_values_with_a_meaning(tmp_path):
    stored = random_volume("uint8")
    iio.imwrite(tmp_path / "x.dcbs", stored, rescale_slope=2, rescale_intercept=-100)
    np.testing.assert_array_equal(iio.imread(tmp_path / "x.dcbs"), stored.astype("int16") * 2 - 100)
    np.testing.assert_array_equal(iio.imread(tmp_path / "x.dcbs", rescale=False), stored)
    iio.imwrite(tmp_path / "y.dcbs", stored, rescale_slope=np.array([0.5, 1, 2, 3]))
    found = iio.imread(tmp_path / "y.dcbs")
    np.testing.assert_array_equal(found[3], stored[3] * 3.0)
    np.testing.assert_array_equal(found[0], stored[0] * 0.5)


def test_metadata(tmp_path):
    iio.imwrite(
        tmp_path / "x.dcbs",
        random_volume("int16"),
        modality="CT",
        patient_name="Doe^Zoë",
        patient_id="7",
        metadata={
            "SeriesDescription": "made",
            "WindowCenter": [40, 400],
            "SpecificCharacterSet": "ISO_IR 192",
            0x00181030: "by number",
        },
    )
    meta = iio.immeta(tmp_path / "x.dcbs")
    assert (meta["Modality"], meta["PatientName"], meta["PatientID"]) == ("CT", "Doe^Zoë", "7")
    assert (meta["SeriesDescription"], meta["WindowCenter"]) == ("made", [40.0, 400.0])
    assert meta["ProtocolName"] == "by number"
    with DcbStreamingReader(tmp_path / "x.dcbs") as slices:
        assert slices.get_frame_count() == 4
        assert slices.get_dicom_for_frame(3)[128:132] == b"DICM"


def test_spacing_is_kept_and_no_place_made_up_for_it(tmp_path):
    iio.imwrite(tmp_path / "x.dcbs", random_volume("int16"), spacing=(3, 0.5, 0.25))
    assert iio.improps(tmp_path / "x.dcbs").spacing == (3.0, 0.5, 0.25)
    assert iio.improps(tmp_path / "x.dcbs", index=0).spacing == (0.5, 0.25)
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        assert reader.geometry is None
    iio.imwrite(tmp_path / "x.dcbs", random_volume("int16"))
    assert iio.improps(tmp_path / "x.dcbs").spacing is None


def test_a_known_place_is_kept(tmp_path):
    axes = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
    geometry = Geometry((4, 6, 7), (-10.0, 5.5, 30.0), (3.0, 0.5, 0.25), axes)
    iio.imwrite(tmp_path / "x.dcbs", random_volume("int16"), geometry=geometry)
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        assert reader.geometry == geometry
    assert iio.improps(tmp_path / "x.dcbs").spacing == (3.0, 0.5, 0.25)
    assert iio.immeta(tmp_path / "x.dcbs", index=1)["ImagePositionPatient"] == [-10.0, 5.5, 33.0]


U8 = np.zeros((4, 6, 7), "uint8")
REFUSED = {
    "half": (U8.astype("float16"), {}, UnsupportedKindError, "float16"),
    "boolean": (U8.astype(bool), {}, UnsupportedKindError, "bool"),
    "wide": (U8.astype("int64"), {}, UnsupportedKindError, "int64"),
    "complex": (U8.astype("complex64"), {}, UnsupportedKindError, "complex64"),
    "text": (np.array([["a", "b"]]), {}, UnsupportedKindError, "U1"),
    "RGBA": (np.zeros((6, 7, 4), "uint8"), {}, UnsupportedKindError, "RGBA"),
    "signed colour": (np.zeros((4, 6, 7, 3), "int8"), {}, UnsupportedKindError, "colour of int8"),
    "list of alpha": ([np.zeros((6, 7, 2), "uint8")] * 2, {}, UnsupportedKindError, "alpha"),
    "scaled colour": (
        np.zeros((6, 7, 3), "uint8"),
        {"rescale_slope": 2},
        DataConsistencyError,
        "colour, which has neither",
    ),
    "4-D": (np.zeros((2, 4, 6, 7), "uint8"), {}, UnsupportedKindError, "no series"),
    "volumes": ([U8, U8], {}, UnsupportedKindError, "file of its own"),
    "1-D": (np.zeros(7, "uint8"), {}, UnsupportedKindError, "no series"),
    "scalar": (np.uint8(7), {}, UnsupportedKindError, "no series"),
    "nothing": ([], {}, DataConsistencyError, "empty"),
    "no pixels": (U8[:0], {}, DataConsistencyError, "no pixels"),
    "shapes": ([U8[0], U8[0, :3]], {}, DataConsistencyError, "image 1 is"),
    "types": ([U8[0], U8[0].astype("int8")], {}, DataConsistencyError, "image 1 is"),
    "spacing": (U8, {"spacing": (1, 0, 1)}, DataConsistencyError, "three positive"),
    "spacing 2": (U8, {"spacing": (1, 1)}, DataConsistencyError, "three positive"),
    "spacing text": (U8, {"spacing": "abc"}, DataConsistencyError, "three positive"),
    "slope": (U8, {"rescale_slope": float("nan")}, DataConsistencyError, "rescale_slope"),
    "slopes": (U8, {"rescale_slope": [1, 2]}, DataConsistencyError, "2 numbers for 4 frames"),
    "modality": (U8, {"modality": ""}, MetaDataError, "modality"),
    "made": (U8, {"metadata": {"Rows": 7}}, MetaDataError, "Rows follows"),
    "made, by number": (U8, {"metadata": {0x00281053: 2}}, MetaDataError, "RescaleSlope follows"),
    "made, by digits": (U8, {"metadata": {"00280030": [1, 1]}}, MetaDataError, "PixelSpacing foll"),
    "no tag": (U8, {"metadata": {None: 7}}, MetaDataError, "None is not a DICOM tag"),
    "unknown": (U8, {"metadata": {"NoSuchThing": 7}}, MetaDataError, "NoSuchThing"),
    "value": (U8, {"metadata": {"SeriesNumber": "x"}}, MetaDataError, "0020,0011"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_kept_is_refused_by_name_and_nothing_is_written(tmp_path, name):
    image, options, error, words = REFUSED[name]
    for target in (tmp_path / "x.dcbs", str(tmp_path / "a.zip") + "/x.dcbs"):
        with pytest.raises(error, match=words):
            iio.imwrite(target, image, **options)
    assert list(tmp_path.iterdir()) == []


def test_nobody_is_told_to_do_what_he_did(tmp_path):
    with pytest.raises(UnsupportedKindError, match="RGBA") as failure:
        iio.imwrite(tmp_path / "x.dcbs", np.zeros((2, 6, 7, 4), "uint8"), is_batch=True)
    assert "is_batch" not in str(failure.value.suggestion)


def test_a_narrow_volume_is_taken_when_it_is_said_to_be_one(tmp_path):
    volume = random_volume("uint8", (4, 6, 3))
    iio.imwrite(tmp_path / "x.dcbs", volume, is_batch=True)
    np.testing.assert_array_equal(iio.imread(tmp_path / "x.dcbs"), volume)
    iio.imwrite(tmp_path / "y.dcbs", list(volume))
    np.testing.assert_array_equal(iio.imread(tmp_path / "y.dcbs"), volume)


def test_spacing_and_geometry_together_are_refused(tmp_path):
    axes = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
    geometry = Geometry((4, 6, 7), (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), axes)
    with pytest.raises(DataConsistencyError, match="spacing or geometry"):
        iio.imwrite(tmp_path / "x.dcbs", U8, geometry=geometry, spacing=(1, 1, 1))
    with pytest.raises(DataConsistencyError, match="shape"):
        iio.imwrite(tmp_path / "x.dcbs", U8[:2], geometry=geometry)


def test_an_older_file_stays_until_the_new_one_is_whole(series, tmp_path):
    target = tmp_path / "x.dcbs"
    target.write_bytes(series.read_bytes())

    with pytest.raises(UnsupportedKindError):
        iio.imwrite(target, U8.astype("complex64"))
    with pytest.raises(UnsupportedKindError):
        write(target, U8[0], U8[0].astype("complex64"))
    with pytest.raises(DataConsistencyError, match="image 1 is"):
        write(target, U8[0], U8[0, :3])
    with pytest.raises(ZeroDivisionError):
        write(target, U8[0], ZeroDivisionError())
    assert target.read_bytes() == series.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["x.dcbs"]
    write(target, U8[0], U8[1])
    assert iio.imread(target).shape == (2, 6, 7)


@pytest.mark.parametrize("parts", [(U8, U8), (U8, U8[0]), (U8[0], U8)])
def test_one_file_holds_one_series(tmp_path, parts):
    with pytest.raises(DataConsistencyError, match="one series"):
        write(tmp_path / "x.dcbs", *parts)


def test_arguments_must_not_change_between_images(tmp_path):
    parts = [(U8[0], {"modality": name}) for name in ("CT", "MR")]
    with pytest.raises(DataConsistencyError, match="other arguments"):
        write(tmp_path / "x.dcbs", *parts)
    assert not (tmp_path / "x.dcbs").exists()


def test_a_file_opened_for_writing_is_not_read(tmp_path):
    with iio.imopen(tmp_path / "x.dcbs", "w") as file:
        for ask in (file.read, file.properties, file.metadata):
            with pytest.raises(io.UnsupportedOperation, match="for writing"):
                ask()
    assert not (tmp_path / "x.dcbs").exists()
    with pytest.raises(io.UnsupportedOperation, match="closed"):
        file.write(U8)


def test_forgotten_images_are_warned_of_and_not_written(tmp_path):
    file = iio.imopen(tmp_path / "x.dcbs", "w")
    file.write(U8[0])
    with pytest.warns(ResourceWarning, match="not written"):
        del file
    assert not (tmp_path / "x.dcbs").exists()


def test_writing_inside_an_error_handler_works(tmp_path):
    try:
        {}["of someone else"]
    except KeyError:
        iio.imwrite(tmp_path / "x.dcbs", U8[0])
    assert iio.imread(tmp_path / "x.dcbs").shape == (1, 6, 7)


def test_modality_values_that_were_read_are_written_as_they_are(series, tmp_path):
    volume = iio.imread(series)
    iio.imwrite(tmp_path / "copy.dcbs", volume, modality="CT", verify=False, progressive=True)
    np.testing.assert_array_equal(iio.imread(tmp_path / "copy.dcbs"), volume)
    np.testing.assert_array_equal(volume[1], KIND.frame(1).astype(int) - 1024)
