"""No decoder is given a frame that contradicts its file, and no decoder's error is kept back."""

import json
import struct
import subprocess
import sys
import textwrap
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from support.multiframe import classic, frames_of, part10
from support.raw import encapsulated
from support.series import Kind, slice_nodes

import dicube_core
from dicube_core.codec.encapsulated import EncapsulatedCodec, decoder_for, trusted_plugin
from dicube_core.codec.frame_headers import check_frame, decoders_of
from dicube_core.exceptions import CodecUnavailableError, DecodeError, DicomCubeError
from dicube_core.pixels import PixelFormat
from reliability import codec_damage
from reliability.compressed_samples import COLUMNS, ROWS, SAMPLES, resized, sample

SIZED = [name for name in SAMPLES if not name.startswith("rle")]


@pytest.fixture(autouse=True)
def _decoders_are_there(request):
    name = getattr(getattr(request.node, "callspec", None), "params", {}).get("name", "")
    packages = {"jls": "jpeg_ls", "ljpeg": "libjpeg", "jpeg": "libjpeg"}
    if package := packages.get(name.split("-")[0]):
        pytest.importorskip(package, reason="the extra 'decoders' is not installed")


@pytest.mark.parametrize("row", ["1 bit, headers", "4 KiB from elsewhere"])
def test_damaged_codestreams_against_the_libraries_called_directly(row):
    line, bad = codec_damage.judge(row, 12)
    assert bad == []
    assert line["left"] == 0
    # The library as it is called by others takes damage for pixels.
    assert int(line["imagecodecs"].split("/")[1]) > 0


@pytest.mark.parametrize("name", SAMPLES)
def test_a_good_frame_passes(name):
    one = sample(name)
    check_frame(one.frame, one.syntax, one.pixel_format)
    check_frame(one.frame + b"\0", one.syntax, one.pixel_format)
    values = EncapsulatedCodec(f"encapsulated:{one.syntax}").decode(one.frame, one.pixel_format)
    assert values.shape == one.pixel_format.shape


@pytest.mark.parametrize("name", SIZED)
@pytest.mark.parametrize("size", [(ROWS, COLUMNS + 1), (65535, 65535), (1, 1), (0, COLUMNS)])
def test_a_frame_of_another_size_never_reaches_its_decoder(name, size, monkeypatch):
    one = sample(name)
    monkeypatch.setattr(
        "dicube_core.codec.encapsulated.decoder_for", lambda _: pytest.fail("it was decoded")
    )
    with pytest.raises(DecodeError, match=r"at byte \d+ of the frame"):
        EncapsulatedCodec(f"encapsulated:{one.syntax}").decode(
            resized(one, *size), one.pixel_format
        )


@pytest.mark.parametrize("name", SAMPLES)
def test_a_file_that_says_something_else_is_refused(name):
    one = sample(name)
    for other in (
        replace(one.pixel_format, rows=ROWS + 1),
        replace(one.pixel_format, columns=COLUMNS * 500, rows=ROWS * 500),
        replace(one.pixel_format, bits_allocated=32, bits_stored=32, high_bit=31),
        replace(one.pixel_format, samples_per_pixel=4 - one.pixel_format.samples_per_pixel),
    ):
        if name.startswith("rle") and other.rows == ROWS + 1:
            continue  # nothing but its length says so, see the next test
        if other.bits_allocated == 32 and not name.startswith("rle"):
            continue  # a container may be wider than its samples
        with pytest.raises(DecodeError):
            check_frame(one.frame, one.syntax, other)


@pytest.mark.parametrize("name", ["rle-8", "rle-16", "rle-rgb"])
@pytest.mark.parametrize("more", [-1, 1])
def test_rle_segments_must_hold_exactly_the_pixels(name, more):
    one = sample(name)
    other = replace(one.pixel_format, rows=ROWS + more)
    with pytest.raises(DecodeError, match="segment"):
        EncapsulatedCodec(f"encapsulated:{one.syntax}").decode(one.frame, other)


def test_rle_is_decoded_as_pydicom_decodes_it():
    for name in ("rle-8", "rle-16", "rle-rgb"):
        one = sample(name)
        found = EncapsulatedCodec(f"encapsulated:{one.syntax}").decode(one.frame, one.pixel_format)
        decoder, plugin = decoder_for(one.syntax)
        expected, _ = decoder.as_array(
            _dataset(one.frame, one.pixel_format, one.syntax), raw=True, decoding_plugin=plugin
        )
        np.testing.assert_array_equal(found, expected)


def _dataset(frame, pixel_format, syntax):
    dataset = Dataset()
    dataset.Rows, dataset.Columns = pixel_format.rows, pixel_format.columns
    dataset.BitsAllocated, dataset.BitsStored = (
        pixel_format.bits_allocated,
        pixel_format.bits_stored,
    )
    dataset.HighBit = pixel_format.high_bit
    dataset.PixelRepresentation = pixel_format.pixel_representation
    dataset.SamplesPerPixel = pixel_format.samples_per_pixel
    dataset.PhotometricInterpretation = pixel_format.photometric_interpretation
    if pixel_format.samples_per_pixel > 1:
        dataset.PlanarConfiguration = 0
    dataset.file_meta = Dataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].is_undefined_length = True
    return dataset


@pytest.mark.parametrize(
    ("at", "value", "what"),
    [
        (24, struct.pack(">II", 1, 1), "tiles"),
        (42, b"\x07\x02\x02", "subsampled"),
        (42, b"\x1f\x01\x01", "at most 8 bits"),
        (16, struct.pack(">II", 1, 1), "offsets"),
    ],
)
def test_jpeg_2000_headers_that_ask_for_too_much(at, value, what):
    one = sample("j2k-8")
    data = one.frame[:at] + value + one.frame[at + len(value) :]
    with pytest.raises(DecodeError, match=what):
        check_frame(data, one.syntax, one.pixel_format)


def test_tiny_precincts_and_many_layers_are_bounded_by_the_data():
    one = sample("j2k-8")
    at = one.frame.index(b"\xff\x52")
    layers = one.frame[: at + 6] + b"\xff\xff" + one.frame[at + 8 :]
    with pytest.raises(DecodeError, match="packets"):
        check_frame(layers, one.syntax, one.pixel_format)
    length = int.from_bytes(one.frame[at + 2 : at + 4])
    levels = one.frame[at + 9]
    cod = bytearray(one.frame[at : at + 2 + length])
    cod[2:4] = (length + levels + 1).to_bytes(2)
    cod[4] |= 1
    cod += b"\x00" * (levels + 1)
    small = one.frame[:at] + bytes(cod) + one.frame[at + 2 + length :]
    with pytest.raises(DecodeError, match="packets"):
        check_frame(small, one.syntax, one.pixel_format)


def test_more_scans_or_frame_headers_than_there_can_be():
    pytest.importorskip("libjpeg")
    one = sample("jpeg-8")
    sos, sof = one.frame.index(b"\xff\xda"), one.frame.index(b"\xff\xc0")
    for at in (sos, sof):
        length = 2 + int.from_bytes(one.frame[at + 2 : at + 4])
        again = one.frame[:-2] + one.frame[at : at + length] + b"\xff\xd9"
        with pytest.raises(DecodeError, match=r"SOS|SOF"):
            check_frame(again, one.syntax, one.pixel_format)
    progressive = one.frame[:sof] + b"\xff\xc2" + one.frame[sof + 2 :]
    with pytest.raises(DecodeError, match="FFC0"):
        check_frame(progressive, one.syntax, one.pixel_format)
    with pytest.raises(DecodeError, match="EOI"):
        check_frame(one.frame[:-2], one.syntax, one.pixel_format)


def _source(one, **nodes):
    """Return a DICOM file of one frame, as its header says."""
    kind = Kind(
        "x",
        one.pixel_format.bits_allocated,
        one.pixel_format.bits_stored,
        rows=ROWS,
        columns=COLUMNS,
    )
    return encapsulated(slice_nodes(0, kind), one.syntax, nodes.get("frame", one.frame))


@pytest.mark.parametrize("name", [name for name in SIZED if not name.endswith("rgb")])
def test_a_hostile_source_is_refused_and_writes_nothing(name, tmp_path):
    one = sample(name)
    dicube_core.convert([_source(one)], tmp_path / "good.dcbs")
    for size in ((65535, 65535), (ROWS, COLUMNS * 2)):
        for keep in (False, True):
            with pytest.raises(DecodeError, match="cannot be decoded: S"):
                dicube_core.convert(
                    [_source(one, frame=resized(one, *size))],
                    tmp_path / "x.dcbs",
                    keep_encoding=keep,
                )
    assert [path.name for path in tmp_path.iterdir()] == ["good.dcbs"]


@pytest.mark.parametrize("name", ["rle-8", "jls-8", "ljpeg-8", "jpeg-8", "j2k-8"])
def test_a_hostile_frame_of_several_is_refused(name, tmp_path):
    one = sample(name)
    dataset = dcmread(BytesIO(part10(classic(frames_of(3, ROWS, COLUMNS, "u1")))))
    wrong = one.frame[:80] if name.startswith("rle") else resized(one, 30000, 30000)
    dataset.PixelData = encapsulate([one.frame, wrong, one.frame])
    dataset["PixelData"].is_undefined_length = True
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = one.syntax
    dataset.save_as(file := BytesIO(), enforce_file_format=True)
    with pytest.raises(DicomCubeError, match="cannot be decoded"):
        dicube_core.convert([file.getvalue()], tmp_path / "x.dcbs")
    assert not any(tmp_path.iterdir())


_FUZZ = """
    import random, resource, sys, warnings
    sys.path.insert(0, sys.argv[1])
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (3 << 30, 3 << 30))
    import json
    import numpy as np
    from collections import Counter
    from reliability.compressed_samples import mutated, sample
    from dicube_core.codec.encapsulated import EncapsulatedCodec
    from dicube_core.exceptions import CodecError

    counts = {}
    for name in sys.argv[2].split():
        one, rng, seen = sample(name), random.Random(name), Counter()
        codec = EncapsulatedCodec(f"encapsulated:{one.syntax}")
        good = codec.decode(one.frame, one.pixel_format)
        for number in range(int(sys.argv[3])):
            data = mutated(rng, one.frame)
            print(name, number, file=sys.stderr, flush=True)
            try:
                found = codec.decode(data, one.pixel_format)
            except CodecError as error:
                assert str(error) and "object has no" not in str(error), error
                seen["error"] += 1
            else:
                assert found.shape == good.shape and found.dtype == good.dtype
                seen["same" if np.array_equal(found, good) else "wrong"] += 1
        counts[name] = seen
    print(json.dumps(counts))
"""


@pytest.mark.parametrize(
    "name", ["rle-8 rle-16 rle-rgb", "jls-8 jls-16", "ljpeg-16 jpeg-8", "j2k-16 j2k-rgb"]
)
def test_damage_ends_in_an_error_or_an_array_never_in_a_crash(name):
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(_FUZZ), str(Path(__file__).parents[1]), name, "250"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    for counts in json.loads(done.stdout.splitlines()[-1]).values():
        assert counts["error"] > 20


def test_gdcm_is_never_asked():
    for number in ("5", *(f"4.{n}" for n in (50, 51, 57, 70, 80, 81, 90, 91, 201, 202, 203))):
        syntax = f"1.2.840.10008.1.2.{number}"
        assert decoders_of(syntax)
        assert "gdcm" not in decoders_of(syntax)
    assert trusted_plugin("1.2.840.10008.1.2.1") == ""


def test_a_syntax_without_trusted_decoder_says_what_to_install(monkeypatch):
    monkeypatch.setattr("dicube_core.codec.encapsulated.decoders_of", lambda _: ("nobody",))
    with pytest.raises(CodecUnavailableError, match=r"nobody.*dicube-plugins\[decoders\]"):
        decoder_for("1.2.840.10008.1.2.4.50")


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.4.100", "1.2.3"])
def test_frames_that_are_not_read_are_not_decoded(syntax):
    with pytest.raises(DecodeError, match="not decoded by this version"):
        check_frame(b"x" * 100, syntax, PixelFormat(4, 4, 8, 8, 0))


def test_one_bit_rle_frames():
    import imagecodecs

    bits = np.random.default_rng(1).integers(0, 2, (9, 13)).astype("u1")
    segment = imagecodecs.packbits_encode(np.packbits(bits.ravel(), bitorder="little"))
    frame = struct.pack("<16I", 1, 64, *[0] * 14) + bytes(segment)
    pixel_format = PixelFormat(9, 13, 1, 1, 0)
    found = EncapsulatedCodec("encapsulated:1.2.840.10008.1.2.5").decode(frame, pixel_format)
    np.testing.assert_array_equal(found, bits)


@pytest.mark.parametrize("padding", [b"\0\0", b"\0" * 7, b"\x80\x80", b"\x80\0"])
def test_padding_behind_rle_segments_is_no_pixel(padding):
    one = sample("rle-8")
    for frame in (one.frame, _rle_of_zeros()):
        codec = EncapsulatedCodec(f"encapsulated:{one.syntax}")
        np.testing.assert_array_equal(
            codec.decode(frame + padding, one.pixel_format), codec.decode(frame, one.pixel_format)
        )


def test_a_pixel_too_many_is_no_padding():
    one = sample("rle-8")
    codec = EncapsulatedCodec(f"encapsulated:{one.syntax}")
    for more in (b"\0\1\0\0", b"\xff\0\0\0"):
        with pytest.raises(DecodeError, match="in segment 0, found more"):
            codec.decode(_rle_of_zeros() + more, one.pixel_format)


def _rle_of_zeros():
    """Return a frame whose last pixels are zeros that stand as they are, padding apart."""
    literal = b"\x7f" + bytes(128)
    count, rest = divmod(ROWS * COLUMNS, 128)
    last = bytes((rest - 1,)) + bytes(rest) if rest else b""
    return struct.pack("<16I", 1, 64, *[0] * 14) + literal * count + last


def test_jpeg_2000_in_boxes_in_boxes():
    one = sample("j2k-8")
    signature = b"\0\0\0\x0cjP  \r\n\x87\n"

    def boxed(data):
        return signature + struct.pack(">I4s", 8 + len(data), b"jp2c") + data

    check_frame(boxed(one.frame), one.syntax, one.pixel_format)
    nested = one.frame
    for _ in range(3000):
        nested = boxed(nested)
    with pytest.raises(DecodeError, match="SOC at byte 0"):
        check_frame(nested, one.syntax, one.pixel_format)


def test_the_header_of_a_tile_part_ends_within_it():
    """Else a megabyte of tile-parts has each of them read all that follows."""
    one = sample("j2k-8")
    at = one.frame.index(b"\xff\x90")
    short = bytearray(one.frame[: at + 12] + b"\xff\x64\0\x20" + bytes(30) + one.frame[at + 12 :])
    short[at + 6 : at + 10] = struct.pack(">I", 14)
    with pytest.raises(DecodeError, match=f"FF64 at byte {at + 12} of the frame"):
        check_frame(bytes(short), one.syntax, one.pixel_format)
