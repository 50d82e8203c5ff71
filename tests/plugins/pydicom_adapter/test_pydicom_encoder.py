"""``ds.compress(HTJ2KLossless)``: everything comes back, or it is refused by its name."""

import io
import logging
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames
from pydicom.pixels import get_encoder, pixel_array
from pydicom.uid import (
    HTJ2K,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    HTJ2KLosslessRPCL,
    ImplicitVRLittleEndian,
)
from pydicom_cases import described, native, saved
from support.series import KINDS

from dicube_core.codec import parse
from dicube_core.codec.codestream import rpcl_obstacle
from dicube_core.exceptions import DicomCubeError, UnsupportedKindError
from dicube_plugins.pydicom import _encoder

pytestmark = pytest.mark.usefixtures("installed")

BUNDLED = Path(pydicom.__file__).parent / "data" / "test_files"
#: Kinds of generated slices that are refused, and the words.
REFUSED = {
    "outside_stored": "beside the pixel",
    "u32_stored_24": "Bits Stored is 24",
    "u32_stored_31": "Bits Stored is 31",
    "u32_stored_32": "Bits Stored is 32",
    "i32_stored_17": "Bits Stored is 17",
    "i32_stored_32": "Bits Stored is 32",
    "high_bit": "High Bit is 1",
}
#: Bundled files that are refused, and the words. What pydicom itself cannot read is left out.
BUNDLED_REFUSED = {
    "ExplVR_BigEnd.dcm": "big-endian",
    "MR_small_bigendian.dcm": "big-endian",
    "MR_small_expb.dcm": "big-endian",
    "SC_rgb_jpeg_dcmd.dcm": "YBR_RCT",
    "SC_rgb_small_odd.dcm": "YBR_RCT",
    "SC_rgb_small_odd_big_endian.dcm": "big-endian",
    "SC_ybr_full_422_uncompressed.dcm": "YBR_FULL_422",
    "examples_rgb_color.dcm": "YBR_RCT",
    "liver_1frame.dcm": "Bits Allocated is 1",
    "liver_expb_1frame.dcm": "Bits Allocated is 1",
    "rtdose.dcm": "Bits Stored is 32",
    "rtdose_1frame.dcm": "Bits Stored is 32",
    "rtdose_expb.dcm": "Bits Stored is 32",
    "rtdose_expb_1frame.dcm": "Bits Stored is 32",
}
NO_PIXELS = {"MR_truncated.dcm", "badVR.dcm", "nested_priv_SQ.dcm"}


@pytest.fixture(autouse=True)
def _quiet():
    """pydicom logs each plugin that gives up, with its traceback."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def grey(kind, count=1):
    frames = np.stack([kind.frame(index) for index in range(count)])
    return native(
        frames,
        BitsStored=kind.stored,
        HighBit=kind.high_bit,
        PhotometricInterpretation=kind.photometric,
    )


def colour(dtype="u1", shape=(1, 20, 30, 3), **elements):
    frames = np.random.default_rng(1).integers(0, 256, shape).astype(dtype)
    elements = {"PhotometricInterpretation": "YBR_RCT", **elements}
    return native(frames, **elements), frames


def expected_words(name):
    return next((words for part, words in REFUSED.items() if part in name), None)


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_of_grey(name):
    dataset = grey(KINDS[name], 3)
    before, uid = dataset.pixel_array, dataset.SOPInstanceUID
    words = expected_words(name)
    if words is not None:
        with pytest.raises(UnsupportedKindError, match=words):
            dataset.compress(HTJ2KLossless)
        assert dataset.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
        np.testing.assert_array_equal(dataset.pixel_array, before)
        return
    dataset.compress(HTJ2KLossless)
    assert uid != dataset.SOPInstanceUID
    for plugin in ("dicube", "pylibjpeg"):
        found = pixel_array(saved(dataset), decoding_plugin=plugin)
        assert found.dtype == before.dtype
        np.testing.assert_array_equal(found, before)


@pytest.mark.parametrize(
    ("name", "depth"),
    [("u16_stored_12", 12), ("i16_stored_12", 12), ("u16_stored_16", 16), ("u8_stored_8", 8)],
)
def test_depth_and_sign_are_those_of_the_data_set(name, depth):
    dataset = grey(KINDS[name])
    dataset.compress(HTJ2KLossless)
    (stream,) = generate_frames(dataset.PixelData, number_of_frames=1)
    info = parse(stream, allow_padding=True)
    assert (info.precision, info.signed) == (depth, name.startswith("i"))
    assert info.reversible
    assert info.ht


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_files_that_pydicom_brings_along():
    exact, refused = 0, set()
    for path, dataset in uncompressed_files():
        words = BUNDLED_REFUSED.get(path.name)
        if words is not None:
            with pytest.raises(UnsupportedKindError, match=words):
                dataset.compress(HTJ2KLossless)
            refused.add(path.name)
            continue
        before = dataset.pixel_array
        dataset.compress(HTJ2KLossless)
        after = saved(dataset)
        np.testing.assert_array_equal(after.pixel_array, before, str(path))
        np.testing.assert_array_equal(pixel_array(after, decoding_plugin="pylibjpeg"), before)
        exact += 1
    assert refused == set(BUNDLED_REFUSED)
    assert exact >= 35


def uncompressed_files():
    """Yield all files with uncompressed pixels that pydicom reads."""
    for path in sorted(BUNDLED.rglob("*")):
        if not path.is_file() or path.name in NO_PIXELS:
            continue
        try:
            dataset = pydicom.dcmread(path)
        except pydicom.errors.InvalidDicomError:
            continue
        syntax = dataset.file_meta.get("TransferSyntaxUID")
        if "PixelData" in dataset and syntax is not None and not syntax.is_encapsulated:
            yield path, dataset


@pytest.mark.parametrize("name", ["MR_small_bigendian.dcm", "MR_small_expb.dcm"])
def test_the_advice_for_big_endian_works(name):
    dataset = pydicom.dcmread(BUNDLED / name)
    assert dataset.file_meta.TransferSyntaxUID == ExplicitVRBigEndian
    before = dataset.pixel_array
    dataset.compress(HTJ2KLossless, dataset.pixel_array)
    file = io.BytesIO()
    pydicom.dcmwrite(file, dataset)  # save_as refuses to change the byte order
    after = pydicom.dcmread(io.BytesIO(file.getvalue()))
    np.testing.assert_array_equal(after.pixel_array, before)
    for element in pydicom.dcmread(BUNDLED / name):
        if element.tag.group == 0x0028:
            assert after[element.tag] == element


def test_the_advice_for_data_beside_the_pixel_works():
    dataset = grey(KINDS["u16_outside_stored"])
    before = dataset.pixel_array
    dataset.compress(HTJ2KLossless, dataset.pixel_array)
    np.testing.assert_array_equal(saved(dataset).pixel_array, before)


class TestColour:
    @pytest.mark.parametrize("dtype", ["u1", "u2"])
    @pytest.mark.parametrize("shape", [(1, 20, 30, 3), (4, 7, 9, 3), (1, 3, 3, 3)])
    @pytest.mark.parametrize("syntax", [HTJ2KLossless, HTJ2KLosslessRPCL])
    def test_transformed(self, dtype, shape, syntax):
        dataset, frames = colour(dtype, shape)
        dataset.compress(syntax)
        after = saved(dataset)
        assert after.PhotometricInterpretation == "YBR_RCT"
        expected = frames if len(frames) > 1 else frames[0]
        for plugin in ("dicube", "pylibjpeg"):
            found = pixel_array(after, decoding_plugin=plugin)
            np.testing.assert_array_equal(found, expected)
        after.decompress()
        assert after.PhotometricInterpretation == "RGB"
        np.testing.assert_array_equal(after.pixel_array, expected)

    def test_the_advice_for_rgb_works(self):
        dataset, frames = colour(PhotometricInterpretation="RGB")
        with pytest.raises(UnsupportedKindError, match="YBR_RCT"):
            dataset.compress(HTJ2KLossless)
        dataset.PhotometricInterpretation = "YBR_RCT"
        dataset.compress(HTJ2KLossless)
        np.testing.assert_array_equal(saved(dataset).pixel_array, frames[0])

    def test_the_advice_for_planes_works(self):
        dataset, frames = colour(PlanarConfiguration=1)
        dataset.PixelData = frames[0].transpose(2, 0, 1).tobytes()
        array = dataset.pixel_array
        np.testing.assert_array_equal(array, frames[0])
        with pytest.raises(UnsupportedKindError, match="by plane"):
            dataset.compress(HTJ2KLossless)
        dataset.PlanarConfiguration = 0
        dataset.compress(HTJ2KLossless, array)
        np.testing.assert_array_equal(saved(dataset).pixel_array, frames[0])

    @pytest.mark.parametrize(
        "elements",
        [
            {"PhotometricInterpretation": "YBR_FULL"},
            {"PhotometricInterpretation": "YBR_ICT"},
            {"BitsStored": 7, "HighBit": 6},
            {"PixelRepresentation": 1},
        ],
    )
    def test_other_colour(self, elements):
        dataset, _ = colour(**elements)
        with pytest.raises(UnsupportedKindError):
            dataset.compress(HTJ2KLossless)

    def test_a_palette(self):
        dataset = pydicom.dcmread(BUNDLED / "examples_palette.dcm")
        before = dataset.pixel_array
        dataset.compress(HTJ2KLossless)
        np.testing.assert_array_equal(saved(dataset).pixel_array, before)


class TestProgressive:
    def test_meets_the_demands_of_its_transfer_syntax(self):
        frames = np.random.default_rng(0).integers(0, 4096, (2, 300, 200)).astype("u2")
        dataset = native(frames, BitsStored=12)
        dataset.compress(HTJ2KLosslessRPCL)
        assert dataset.file_meta.TransferSyntaxUID == HTJ2KLosslessRPCL
        for stream in generate_frames(dataset.PixelData, number_of_frames=2):
            assert rpcl_obstacle(parse(stream, allow_padding=True)) == ""
        np.testing.assert_array_equal(saved(dataset).pixel_array, frames)

    def test_a_frame_that_is_too_large_for_it(self):
        dataset = native(np.zeros((1, 1, 2049), "u1"))
        with pytest.raises(RuntimeError, match="compress to HTJ2K Lossless"):
            dataset.compress(HTJ2KLosslessRPCL)
        dataset.compress(HTJ2KLossless)
        assert not saved(dataset).pixel_array.any()


class TestOtherWays:
    @pytest.fixture
    def frames(self):
        return np.random.default_rng(2).integers(-2048, 2048, (3, 20, 30)).astype("i2")

    def test_an_array_that_takes_the_place_of_the_pixels(self, frames):
        dataset = native(np.zeros_like(frames), BitsStored=12)
        dataset.compress(HTJ2KLossless, frames)
        np.testing.assert_array_equal(saved(dataset).pixel_array, frames)

    def test_an_array_for_a_data_set_without_pixels(self, frames):
        dataset = described(frames, BitsStored=12)
        dataset.compress(HTJ2KLossless, frames)
        np.testing.assert_array_equal(saved(dataset).pixel_array, frames)

    def test_an_array_of_values_that_do_not_fit(self, frames):
        dataset = described(frames, BitsStored=12)
        with pytest.raises(UnsupportedKindError, match="do not fit"):
            dataset.compress(HTJ2KLossless, frames * 2)

    def test_the_encoder_itself(self, frames):
        options = {
            "rows": 20,
            "columns": 30,
            "number_of_frames": 3,
            "samples_per_pixel": 1,
            "bits_allocated": 16,
            "bits_stored": 12,
            "pixel_representation": 1,
            "photometric_interpretation": "MONOCHROME2",
        }
        encoder = get_encoder(HTJ2KLossless)
        expected = list(encoder.iter_encode(frames, **options))
        assert list(encoder.iter_encode(frames.astype("<i2").tobytes(), **options)) == expected
        assert encoder.encode(frames, index=1, **options) == expected[1]
        with pytest.raises(UnsupportedKindError, match="big-endian"):
            encoder.encode(frames.tobytes(), index=0, byteorder=">", **options)

    def test_implicit_vr(self, frames):
        dataset = native(frames, BitsStored=12)
        dataset.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
        dataset = saved(dataset)
        dataset.compress(HTJ2KLossless)
        np.testing.assert_array_equal(saved(dataset).pixel_array, frames)

    def test_pixels_that_lie_in_a_file(self, frames):
        dataset = native(frames, BitsStored=12)
        file = io.BytesIO(dataset.PixelData)
        expected = dataset.pixel_array
        dataset.PixelData = file
        with pytest.raises((TypeError, DicomCubeError)):  # pydicom takes the length of bytes
            dataset.compress(HTJ2KLossless)
        np.testing.assert_array_equal(dataset.pixel_array, expected)

    def test_what_is_compressed_already(self, frames):
        dataset = native(frames, BitsStored=12)
        dataset.compress(HTJ2KLossless)
        with pytest.raises(ValueError, match="nly uncompressed"):
            dataset.compress(HTJ2KLossless)

    def test_too_few_bytes(self, frames):
        dataset = native(frames, BitsStored=12)
        dataset.PixelData = dataset.PixelData[:-100]
        with pytest.raises(ValueError, match="length"):
            dataset.compress(HTJ2KLossless)

    def test_floating_point(self):
        dataset = native(np.zeros((1, 4, 4), "u4"))
        dataset.FloatPixelData = dataset.PixelData
        del dataset.PixelData
        with pytest.raises(UnsupportedKindError, match="no Pixel Data"):
            dataset.compress(HTJ2KLossless)

    def test_never_lossy(self, frames):
        with pytest.raises(NotImplementedError):
            native(frames, BitsStored=12).compress(HTJ2K)


@pytest.mark.parametrize("kind", ["grey", "colour"])
def test_an_encoder_that_loses_something_is_noticed(kind, monkeypatch):
    if kind == "grey":
        dataset = grey(KINDS["u16_stored_12"])
        own = _encoder.OpenJPHCodec.encode
        monkeypatch.setattr(
            _encoder.OpenJPHCodec, "encode", lambda self, frame, kind: own(self, frame // 2, kind)
        )
    else:
        dataset, _ = colour()
        own = _encoder.openjph.require().htj2k_encode
        monkeypatch.setattr(
            _encoder.openjph.require(), "htj2k_encode", lambda a, **o: own(a // 2, **o)
        )
    before = dataset.PixelData
    with pytest.raises(RuntimeError, match="did not decode to the same values"):
        dataset.compress(HTJ2KLossless)
    assert before == dataset.PixelData
    assert dataset.file_meta.TransferSyntaxUID == ExplicitVRLittleEndian
