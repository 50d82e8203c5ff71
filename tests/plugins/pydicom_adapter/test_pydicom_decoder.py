"""HTJ2K frames of any DICOM file, decoded by our plugin: as pylibjpeg does, or not at all."""

import logging

import imagecodecs
import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.pixels import iter_pixels, pixel_array
from pydicom.uid import HTJ2K, HTJ2KLossless, HTJ2KLosslessRPCL, JPEG2000Lossless
from pydicom_cases import colour_codestream, compressed, grey_codestream

from dicube_core.codec import parse
from dicube_plugins.pydicom import _decoder
from dicube_plugins.pydicom._runner import set_frame_option

pytestmark = pytest.mark.usefixtures("installed")

SYNTAXES = (HTJ2KLossless, HTJ2KLosslessRPCL, HTJ2K)
DEPTHS = [("u1", n) for n in (8, 7, 5, 1)] + [("i1", n) for n in (8, 6)]
DEPTHS += [("u2", n) for n in (16, 12, 10, 9, 8)] + [("i2", n) for n in (16, 13, 12, 10, 8)]


@pytest.fixture(autouse=True)
def _quiet():
    """pydicom logs each plugin that gives up, with its traceback."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def noise(dtype, bits, shape=(3, 37, 41)):
    low = -(1 << (bits - 1)) if dtype.startswith("i") else 0
    rng = np.random.default_rng(bits)
    frames = rng.integers(low, low + (1 << bits), shape, dtype=np.int64)
    frames.flat[0], frames.flat[1] = low, low + (1 << bits) - 1
    return frames.astype(dtype)


def ours(dataset, **options):
    return pixel_array(dataset, decoding_plugin="dicube", **options)


def theirs(dataset, **options):
    return pixel_array(dataset, decoding_plugin="pylibjpeg", **options)


@pytest.mark.parametrize("syntax", SYNTAXES, ids=["lossless", "rpcl", "htj2k"])
@pytest.mark.parametrize(("dtype", "bits"), DEPTHS)
def test_grey(dtype, bits, syntax):
    frames = noise(dtype, bits)
    streams = [grey_codestream(frame, bits) for frame in frames]
    dataset = compressed(frames, streams, syntax, BitsStored=bits)
    found = ours(dataset)
    assert found.dtype == frames.dtype
    np.testing.assert_array_equal(found, frames)
    np.testing.assert_array_equal(theirs(dataset), frames)
    np.testing.assert_array_equal(pixel_array(dataset), frames)
    np.testing.assert_array_equal(ours(dataset, index=1), frames[1])
    np.testing.assert_array_equal(list(iter_pixels(dataset, decoding_plugin="dicube")), frames)


@pytest.mark.parametrize(("dtype", "bits"), [("u4", 12), ("u4", 20), ("u4", 32), ("i4", 16)])
def test_32_bits(dtype, bits):
    """pylibjpeg-openjpeg does not read all of these, so the frames themselves are the truth."""
    frames = noise(dtype, bits, (2, 20, 30))
    streams = [grey_codestream(frame, bits) for frame in frames]
    dataset = compressed(frames, streams, BitsStored=bits)
    np.testing.assert_array_equal(ours(dataset), frames)
    np.testing.assert_array_equal(pixel_array(dataset), frames)


@pytest.mark.parametrize("transformed", [True, False])
@pytest.mark.parametrize("photometric", ["YBR_RCT", "RGB"])
@pytest.mark.parametrize(("dtype", "bits"), [("u1", 8), ("u2", 16)])
@pytest.mark.parametrize("shape", [(2, 21, 30, 3), (1, 3, 3, 3), (1, 3, 5, 3)])
def test_colour(dtype, bits, photometric, transformed, shape):
    frames = noise(dtype, bits, shape)
    streams = [colour_codestream(frame, transformed=transformed) for frame in frames]
    dataset = compressed(frames, streams, PhotometricInterpretation=photometric)
    expected = frames if len(frames) > 1 else frames[0]
    np.testing.assert_array_equal(ours(dataset), expected)
    np.testing.assert_array_equal(theirs(dataset), expected)
    np.testing.assert_array_equal(ours(dataset, index=0), frames[0])


def test_colour_that_is_said_to_lie_by_plane():
    """A codestream has no planes; the data set is wrong, and the pixels still come out right."""
    frames = noise("u1", 8, (1, 20, 30, 3))
    streams = [colour_codestream(frames[0], transformed=True)]
    dataset = compressed(
        frames, streams, PlanarConfiguration=1, PhotometricInterpretation="YBR_RCT"
    )
    np.testing.assert_array_equal(ours(dataset), frames[0])


def test_luma_and_chroma_are_converted_as_by_pydicom():
    frames = noise("u1", 8, (1, 20, 30, 3))
    streams = [colour_codestream(frames[0], transformed=False)]
    dataset = compressed(frames, streams, PhotometricInterpretation="YBR_FULL")
    np.testing.assert_array_equal(ours(dataset), theirs(dataset))
    np.testing.assert_array_equal(ours(dataset, raw=True), frames[0])


def test_the_fragment_may_be_padded():
    for seed in range(20):
        frame = np.random.default_rng(seed).integers(0, 99, (9, 9)).astype("u1")
        stream = grey_codestream(frame, 8)
        dataset = compressed(frame[None], [stream])
        np.testing.assert_array_equal(ours(dataset), frame)
    frame = noise("u1", 8, (1, 20, 30, 3))
    stream = colour_codestream(frame[0], transformed=True)
    stream += b"\0" * (len(stream) % 2)
    np.testing.assert_array_equal(
        ours(compressed(frame, [stream], PhotometricInterpretation="YBR_RCT")), frame[0]
    )


class TestLeftToOthers:
    """What our plugin does not decode with certainty; pydicom then asks the next one."""

    def refuse(self, dataset, match):
        with pytest.raises(RuntimeError, match=match):
            ours(dataset)

    def test_a_wavelet_that_is_not_reversible(self):
        frames = noise("u1", 8, (1, 64, 64))
        stream = bytes(imagecodecs.htj2k_encode(frames[0], level=0.01, reversible=False))
        dataset = compressed(frames, [stream], HTJ2K)
        self.refuse(dataset, "HT")
        np.testing.assert_array_equal(pixel_array(dataset), theirs(dataset))

    def test_plain_jpeg_2000_under_the_wrong_name(self):
        frames = noise("u2", 12, (1, 64, 64))
        stream = bytes(imagecodecs.jpeg2k_encode(frames[0], reversible=True, codecformat="j2k"))
        dataset = compressed(frames, [stream], BitsStored=16)
        self.refuse(dataset, "HTJ2K codestream")
        np.testing.assert_array_equal(pixel_array(dataset), frames[0])

    def test_another_sign_than_the_data_set_says(self):
        """Unsigned samples for signed pixels; pydicom carries the sign, whoever decodes."""
        frames = noise("i2", 12, (1, 30, 30))
        stream = grey_codestream((frames[0] & 0x0FFF).astype("u2"), 12)
        dataset = compressed(frames, [stream], BitsStored=12)
        self.refuse(dataset, "signed samples")
        np.testing.assert_array_equal(pixel_array(dataset), theirs(dataset))
        np.testing.assert_array_equal(pixel_array(dataset), frames[0])

    @pytest.mark.parametrize(
        "wrong",
        [{"Rows": 29}, {"Columns": 31}, {"Rows": 31, "Columns": 30}, {"BitsStored": 13}],
    )
    def test_another_size_or_depth(self, wrong):
        frames = noise("u2", 12, (1, 30, 31))
        wrong = {"BitsStored": 12, **wrong}
        if wrong == {"BitsStored": 12, "Columns": 31}:
            wrong["Columns"] = 30
        dataset = compressed(frames, [grey_codestream(frames[0], 12)], **wrong)
        self.refuse(dataset, "data set says|bits deep")

    def test_colour_where_the_data_set_says_grey(self):
        frames = noise("u1", 8, (1, 20, 30, 3))
        stream = colour_codestream(frames[0], transformed=True)
        self.refuse(compressed(frames[..., 0], [stream]), "samples")

    def test_what_is_no_codestream(self):
        frames = noise("u1", 8, (1, 20, 30))
        dataset = compressed(frames, [b"\xff\x4f\xff\x51 and so on, 40 bytes at the least of it."])
        with pytest.raises(RuntimeError):
            pixel_array(dataset)


@pytest.mark.parametrize("kind", ["grey", "colour"])
def test_damaged_headers_never_give_other_pixels(kind):
    """Every bit of every header in turn: refused, or the right pixels."""
    if kind == "grey":
        frames = noise("u2", 12, (1, 24, 20))
        stream, options = grey_codestream(frames[0], 12), {"BitsStored": 12}
    else:
        frames = noise("u1", 8, (1, 24, 20, 3))
        stream = colour_codestream(frames[0], transformed=True)
        options = {"PhotometricInterpretation": "YBR_RCT"}
    end = parse(stream).tile_parts[0].data_offset
    dataset = compressed(frames, [stream], **options)
    outcomes = {"refused": 0, "same": 0}
    wrong = []
    for position in range(end):
        for bit in range(8):
            damaged = bytearray(stream)
            damaged[position] ^= 1 << bit
            dataset.PixelData = encapsulate([bytes(damaged)])
            try:
                found = ours(dataset)
            except RuntimeError:
                outcomes["refused"] += 1
                continue
            if np.array_equal(found, frames[0]):
                outcomes["same"] += 1
            else:
                wrong.append((position, bit))
    # From 12 to 16 bits: BitsStored and BitsAllocated are both possible, only a checksum tells.
    assert wrong == ([(42, 2)] if kind == "grey" else [])
    assert outcomes["refused"] > 300


def test_truncated_codestreams_are_refused():
    frames = noise("u2", 12, (1, 64, 60))
    stream = grey_codestream(frames[0], 12)
    for size in range(2, len(stream) - 2, 97):
        with pytest.raises(RuntimeError):
            ours(compressed(frames, [stream[:size] + b"\0" * (size % 2)], BitsStored=12))


def test_errors_inside_the_library_reach_the_caller():
    """imagecodecs swallows them and returns an array that is partly zeros."""
    frames = noise("u2", 12, (1, 256, 256))
    stream = bytearray(grey_codestream(frames[0], 12))
    start = parse(bytes(stream)).tile_parts[0].data_offset
    refused = 0
    for seed in range(12):
        damaged = stream.copy()
        rng = np.random.default_rng(seed)
        for position in rng.integers(start, len(stream) - 2, 400):
            damaged[position] = rng.integers(0, 255)
        dataset = compressed(frames, [bytes(damaged)], BitsStored=12)
        try:
            ours(dataset)
        except RuntimeError:
            refused += 1
    assert refused > 0


def test_only_htj2k():
    assert all(_decoder.is_available(uid) for uid in SYNTAXES)
    assert not _decoder.is_available(JPEG2000Lossless)
    assert set(_decoder.DECODER_DEPENDENCIES) == set(SYNTAXES)


def test_options_of_frames_in_both_forms_of_pydicom():
    class Now:
        def set_option(self, name, value):
            self.seen = name, value

    class Later(Now):
        index = 4

        def set_frame_option(self, index, name, value):
            self.seen = index, name, value

    now, later = Now(), Later()
    set_frame_option(now, "bits_allocated", 8)
    set_frame_option(later, "bits_allocated", 8)
    assert now.seen == ("bits_allocated", 8)
    assert later.seen == (4, "bits_allocated", 8)
