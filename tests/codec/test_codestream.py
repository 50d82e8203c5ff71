"""The marker parser: what it reads, what it refuses, and where it says the fault is."""

from __future__ import annotations

import numpy as np
import pytest
from codec_samples import ct_like, insert, segment_offset

from dicube_core.codec import OpenJPEGCodec, OpenJPHCodec, check, parse
from dicube_core.codec.quantization import openjph_quantization, quantization_problem
from dicube_core.exceptions import DecodeError
from dicube_core.pixels import PixelFormat

SHAPE = (150, 200)
FORMAT = PixelFormat.from_dtype("int16", *SHAPE)
FRAME = ct_like("int16", SHAPE)
PLAIN = OpenJPHCodec().encode(FRAME, FORMAT)
TLM = OpenJPHCodec(tlm=True).encode(FRAME, FORMAT)
SIZ, CAP, COD, QCD, COM, SOT = 0xFF51, 0xFF50, 0xFF52, 0xFF5C, 0xFF64, 0xFF90


def patch(codestream, marker, offset, value):
    """Overwrite bytes at an offset behind the marker's length field."""
    changed = bytearray(codestream)
    start = segment_offset(codestream, marker) + 4 + offset
    changed[start : start + len(value)] = value
    return bytes(changed)


def drop(codestream, marker):
    start = segment_offset(codestream, marker)
    end = start + 2 + int.from_bytes(codestream[start + 2 : start + 4])
    return codestream[:start] + codestream[end:]


def inspect(codestream, pixel_format=FORMAT):
    check(parse(codestream), pixel_format)


def test_what_a_plain_codestream_says():
    info = parse(PLAIN)
    assert (info.rows, info.columns) == SHAPE
    assert (info.components, info.precision, info.signed) == (1, 16, True)
    assert (info.levels, info.layers, info.progression) == (5, 1, "RPCL")
    assert (info.reversible, info.ht, info.has_tlm) == (True, True, False)
    assert info.coding.code_block == (64, 64)
    assert info.n_bytes == len(PLAIN)
    (part,) = info.tile_parts
    assert part.offset + part.length == len(PLAIN) - 2
    assert PLAIN[part.data_offset - 2 : part.data_offset] == b"\xff\x93"


def test_tile_parts_follow_each_other():
    info = parse(TLM)
    assert info.has_tlm
    assert len(info.tile_parts) == info.levels + 1
    position = info.tile_parts[0].offset
    for part in info.tile_parts:
        assert part.offset == position
        position += part.length
    assert position == len(TLM) - 2


def test_padding_is_accepted_only_where_asked_for():
    with pytest.raises(DecodeError, match="1 more bytes"):
        parse(PLAIN + b"\0")
    assert parse(PLAIN + b"\0", allow_padding=True).n_bytes == len(PLAIN)
    for tail in (b"\1", b"\0\0"):
        with pytest.raises(DecodeError):
            parse(PLAIN + tail, allow_padding=True)


@pytest.mark.parametrize(
    ("codestream", "marker", "offset"),
    [
        pytest.param(b"", "SOC", 0, id="empty"),
        pytest.param(b"\x89PNG", "SOC", 0, id="not a codestream"),
        pytest.param(PLAIN[:2] + PLAIN[45:], "SIZ", 2, id="SIZ not first"),
        pytest.param(drop(PLAIN, CAP), "CAP", 105, id="no CAP"),
        pytest.param(drop(PLAIN, COD), "COD", 101, id="no COD"),
        pytest.param(drop(PLAIN, QCD), "QCD", 94, id="no QCD"),
        pytest.param(PLAIN[:115] + PLAIN[55:69] + PLAIN[115:], "COD", 115, id="two COD"),
        pytest.param(patch(PLAIN, SIZ, 0, b"\0\0"), "SIZ", 6, id="not Part 15"),
        pytest.param(patch(PLAIN, SIZ, 10, b"\0\0\0\1"), "SIZ", 6, id="image offset"),
        pytest.param(patch(PLAIN, SIZ, 18, b"\0\0\0\x40"), "SIZ", 6, id="tiles"),
        pytest.param(patch(PLAIN, SIZ, 34, b"\0\3"), "SIZ", 6, id="3 components, 1 entry"),
        pytest.param(patch(PLAIN, SIZ, 37, b"\2"), "SIZ", 6, id="subsampling"),
        pytest.param(patch(PLAIN, SIZ, 2, b"\0\0\0\0"), "SIZ", 6, id="no columns"),
        pytest.param(patch(PLAIN, CAP, 4, b"\x80"), "CAP", 49, id="mixed blocks"),
        pytest.param(patch(PLAIN, CAP, 5, b"\x2a"), "CAP", 49, id="irreversible allowed"),
        pytest.param(patch(PLAIN, COD, 0, b"\x08"), "COD", 59, id="coding style"),
        pytest.param(patch(PLAIN, COD, 1, b"\5"), "COD", 59, id="progression"),
        pytest.param(patch(PLAIN, COD, 4, b"\1"), "COD", 59, id="component transform"),
        pytest.param(patch(PLAIN, COD, 5, b"\x21"), "COD", 59, id="33 levels"),
        pytest.param(patch(PLAIN, COD, 5, b"\4"), "QCD", 73, id="4 levels, 16 subbands"),
        pytest.param(patch(PLAIN, COD, 6, b"\5"), "COD", 59, id="block of 8192 samples"),
        pytest.param(patch(PLAIN, COD, 8, b"\x44"), "COD", 59, id="block style"),
        pytest.param(patch(PLAIN, COD, 9, b"\2"), "COD", 59, id="wavelet"),
        pytest.param(patch(PLAIN, QCD, 0, b"\x22"), "QCD", 73, id="quantised"),
        pytest.param(patch(PLAIN, QCD, 3, b"\x91"), "QCD", 73, id="reserved bits"),
        pytest.param(patch(TLM, 0xFF55, 0, b"\1"), "TLM", 119, id="TLM out of order"),
        pytest.param(patch(TLM, 0xFF55, 1, b"\x70"), "TLM", 119, id="TLM sizes"),
        pytest.param(patch(TLM, 0xFF55, 6, b"\1"), "TLM", 157, id="TLM length"),
        pytest.param(insert(PLAIN, 115, b"\xff\x5d\0\3\0"), "QCC", 115, id="QCC"),
        pytest.param(insert(PLAIN, 115, b"\xff\x61\0\4\0\0"), "PPT", 115, id="PPT"),
        pytest.param(insert(PLAIN, 115, b"\xff\x30"), "marker", 115, id="bare marker"),
        pytest.param(insert(PLAIN, 115, b"\xff\x64\0\1"), "FF64", 115, id="length 1"),
        pytest.param(insert(PLAIN, 115, b"\xff\x64\xff\xff"), "FF64", 115, id="length too big"),
        pytest.param(insert(PLAIN, 127, b"\xff\x52\0\2"), "marker", 127, id="COD in tile"),
        pytest.param(insert(PLAIN, 127, b"\xff\x5f\0\2"), "POC", 127, id="POC in tile"),
        pytest.param(insert(PLAIN, 127, b"\xff\x58\xff\xff"), "SOD", 65664, id="PLT too long"),
        pytest.param(PLAIN[:115] + b"\xff\xd9", "SOT", 115, id="no tile-part"),
        pytest.param(PLAIN[:115] + b"\xff\xd9" + bytes(20), "marker", 115, id="EOC instead"),
        pytest.param(PLAIN[:-2] + b"\xff\xd8", "EOC", len(PLAIN) - 2, id="no EOC"),
        pytest.param(PLAIN + PLAIN, "EOC", len(PLAIN) - 2, id="two codestreams"),
    ],
)
def test_refused_with_marker_and_offset(codestream, marker, offset):
    with pytest.raises(DecodeError) as caught:
        parse(codestream)
    assert caught.value.details["marker"] == marker
    if marker != "SOD":
        assert caught.value.details["offset"] == offset
    assert f"byte {caught.value.details['offset']}" in str(caught.value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (4, (13).to_bytes(4)),
        (4, (0xFFFFFFFF).to_bytes(4)),
        (4, bytes(4)),
        (0, b"\0\1"),  # of another tile
        (8, b"\1"),  # second part first
        (9, b"\2"),  # two parts, one there
        (-2, b"\0\x0b"),
    ],
    ids=["13", "4 GiB", "0", "tile", "index", "count", "segment length"],
)
def test_damaged_tile_part_header(field, value):
    damaged = bytearray(PLAIN)
    start = 115 + 4 + field
    damaged[start : start + len(value)] = value
    with pytest.raises(DecodeError):
        parse(bytes(damaged))


def test_every_truncation_is_refused():
    boundaries = {len(PLAIN) - 1, len(PLAIN) - 2, len(PLAIN) - 3, 5000}
    boundaries.update(range(200))
    for length in boundaries:
        with pytest.raises(DecodeError):
            parse(PLAIN[:length])
        with pytest.raises(DecodeError):
            parse(PLAIN[:length] + bytes(len(PLAIN) - length))
    for part in parse(TLM).tile_parts:
        for length in (part.offset, part.offset + 5, part.data_offset, part.data_offset + 1):
            with pytest.raises(DecodeError):
                parse(TLM[:length])
            with pytest.raises(DecodeError):
                parse(TLM[:length] + b"\xff\xd9")


@pytest.mark.parametrize("position", [3, 50, 60, 80, 118, 122, 3000, -1])
def test_lost_byte_is_refused(position):
    position %= len(PLAIN)
    with pytest.raises(DecodeError):
        parse(PLAIN[:position] + PLAIN[position + 1 :])


@pytest.mark.parametrize(
    "pixel_format",
    [
        PixelFormat.from_dtype("int16", 200, 150),
        PixelFormat.from_dtype("int16", 150, 199),
        PixelFormat.from_dtype("uint16", *SHAPE),
        PixelFormat.from_dtype("int8", *SHAPE),
        PixelFormat.from_dtype("int32", *SHAPE),
        PixelFormat(*SHAPE, 16, 16, 1, samples_per_pixel=3),
        PixelFormat(*SHAPE, 32, 17, 1),
    ],
    ids=["transposed", "columns", "sign", "8 bit", "32 bit", "colour", "17 in 32"],
)
def test_contradiction_of_the_pixel_format(pixel_format):
    with pytest.raises(DecodeError, match="SIZ at byte"):
        inspect(PLAIN, pixel_format)
    with pytest.raises(DecodeError, match="SIZ at byte"):
        OpenJPHCodec().decode(PLAIN, pixel_format)
    with pytest.raises(DecodeError, match="SIZ at byte"):
        OpenJPEGCodec().decode(PLAIN, pixel_format)


def test_frame_above_the_limit_is_refused_before_it_is_allocated():
    huge = PixelFormat.from_dtype("int16", 40_000, 40_000)
    codestream = patch(PLAIN, SIZ, 2, (40_000).to_bytes(4) * 2)
    codestream = patch(codestream, SIZ, 18, (40_000).to_bytes(4) * 2)
    with pytest.raises(DecodeError, match="limit frame_bytes"):
        inspect(codestream, huge)


def test_irreversible_is_refused():
    import imagecodecs

    codestream = imagecodecs.htj2k_encode(FRAME, level=0.01, reversible=False)
    with pytest.raises(DecodeError):
        inspect(codestream)


def test_more_packets_than_bytes_are_refused():
    # One decomposition in precincts of 2x2: legal, and millions of structures in a decoder.
    import imagecodecs

    frame = np.zeros((512, 512), "int16")
    codestream = imagecodecs.htj2k_encode(frame, resolutions=1)
    start = segment_offset(codestream, COD)
    cod = bytearray(codestream[start : start + 14])
    cod[3], cod[4] = 14, 1
    codestream = codestream[:start] + bytes(cod) + b"\x11\x11" + codestream[start + 14 :]
    assert parse(codestream).coding.n_packets == 128 * 128 + 256 * 256
    with pytest.raises(DecodeError, match="packets"):
        inspect(codestream, PixelFormat.from_dtype("int16", 512, 512))


@pytest.mark.parametrize(
    ("position", "extra"),
    [
        (115, b"\xff\x64\0\x0a\0\1\xff\x90\xff\x51\xff\x52"),
        (115, b"\xff\x57\0\x05\0\x01\x02"),
        (127, b"\xff\x58\0\5\0\1\2"),
        (127, b"\xff\x64\0\6\0\1\xff\x93"),
    ],
    ids=["COM with markers in it", "PLM", "PLT", "COM in tile"],
)
def test_optional_segments_are_skipped(position, extra):
    codestream = insert(PLAIN, position, extra)
    inspect(codestream)
    assert np.array_equal(OpenJPHCodec().decode(codestream, FORMAT), FRAME)


@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize("levels", [1, 2, 5, 6, 9, 32])
def test_known_exponents_are_those_of_the_encoder(bits, levels):
    import imagecodecs

    frame = ct_like(f"uint{bits}", (20, 30))
    coding = parse(imagecodecs.htj2k_encode(frame, resolutions=levels)).coding
    found = coding.magnitude_code, coding.guard_bits, coding.exponents
    assert found == openjph_quantization(bits, levels)
    assert not quantization_problem(bits, levels, *found)


@pytest.mark.parametrize("bits", [8, 12, 16, 32])
def test_one_changed_exponent_is_noticed(bits):
    code, guard, exponents = openjph_quantization(bits, 5)
    for index in range(len(exponents)):
        for bit in range(5):
            changed = bytearray(exponents)
            changed[index] ^= 1 << bit
            assert quantization_problem(bits, 5, code, guard, bytes(changed))
    for bit in range(3):
        assert quantization_problem(bits, 5, code, guard ^ 1 << bit, exponents)
    for bit in range(5):
        assert quantization_problem(bits, 5, code ^ 1 << bit, guard, exponents)


def test_exponents_of_other_encoders_are_accepted():
    # The nominal ones: depth plus the gain of the subband, two guard bits.
    exponents = bytes([12, *[13, 13, 14] * 5])
    assert not quantization_problem(12, 5, 7, 2, exponents)
    assert "CAP allows" in quantization_problem(12, 5, 5, 2, exponents)
    lopsided = bytes([12, *[13, 13, 14] * 4, 13, 12, 14])
    assert "implausible" in quantization_problem(12, 5, 7, 2, lopsided)


@pytest.mark.parametrize("block", [(64, 64), (32, 32), (16, 64), (8, 8)], ids=str)
@pytest.mark.parametrize("order", ["LRCP", "RLCP", "RPCL", "PCRL", "CPRL"])
@pytest.mark.parametrize(("levels", "precinct"), [(3, None), (0, (32, 64))], ids=str)
def test_other_ways_to_code_are_accepted(block, order, levels, precinct):
    jph = pytest.importorskip("dicube.codecs.jph.codec", reason="dicube 0.3.0 is not installed")
    # With more than one resolution this binding reads precinct sizes that nobody gave it.
    codestream = jph.JphCodec().encode(
        FRAME,
        num_decompositions=levels,
        block_size=block,
        precinct_size=precinct,
        progression_order=order,
    )
    info = parse(bytes(codestream))
    assert info.progression == order
    assert info.coding.code_block == block[::-1]
    assert info.levels == levels
    assert info.coding.n_packets == (levels + 1 if precinct is None else 3 * 7)
    for codec in (OpenJPHCodec(), OpenJPEGCodec()):
        assert np.array_equal(codec.decode(bytes(codestream), FORMAT), FRAME)
