"""Damaged frames: an error or the right pixels, and never a crash or a hang.

Where a decoder is let loose on damage, that happens in another process with a time limit.
"""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from codec_samples import DATA, bit_range, ct_like, header_positions

from dicube_core.codec import OpenJPEGCodec, OpenJPHCodec
from dicube_core.exceptions import DecodeError
from dicube_core.pixels import PixelFormat

SHAPE = (70, 90)

_FLIP_ALL = """
    import json, sys
    sys.path.insert(0, sys.argv[1])
    import numpy as np
    from codec_samples import ct_like, header_positions
    from dicube_core.codec import OpenJPEGCodec, OpenJPHCodec, check, parse
    from dicube_core.exceptions import DecodeError
    from dicube_core.pixels import PixelFormat

    tlm, dtype, shape = sys.argv[2] == "tlm", sys.argv[3], (70, 90)
    frame = ct_like(dtype, shape)
    pixel_format = PixelFormat.from_dtype(dtype, *shape)
    decoder = OpenJPEGCodec() if sys.argv[2] == "openjpeg" else OpenJPHCodec()
    codestream = OpenJPHCodec(tlm=tlm).encode(frame, pixel_format)
    outcome = {"refused": 0, "decoder": 0, "same": 0, "wrong": []}
    for position in header_positions(codestream):
        for bit in range(8):
            damaged = bytearray(codestream)
            damaged[position] ^= 1 << bit
            try:
                check(parse(damaged), pixel_format)
            except DecodeError:
                outcome["refused"] += 1
                continue
            print(position, bit, file=sys.stderr, flush=True)
            try:
                decoded = decoder.decode(damaged, pixel_format)
            except DecodeError:
                outcome["decoder"] += 1
                continue
            if np.array_equal(decoded, frame):
                outcome["same"] += 1
            else:
                outcome["wrong"].append((position, bit))
    print(json.dumps(outcome))
"""


def run_python(code, *arguments, timeout=60):
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), str(Path(__file__).parent), *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    return result.stdout


@pytest.mark.parametrize("variant", ["plain", "tlm", "openjpeg"])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint16"])
def test_every_flipped_header_bit(variant, dtype):
    outcome = json.loads(run_python(_FLIP_ALL, variant, dtype))
    assert outcome["wrong"] == []
    # Comment, capabilities, larger tile, order of packets and the like do not touch the pixels.
    assert outcome["refused"] > 3 * outcome["same"] > 0
    n_bytes = 129 if variant != "tlm" else 171 + 5 * 14
    total = outcome["refused"] + outcome["same"] + outcome["decoder"]
    assert total == 8 * n_bytes


def test_wide_samples_flipped_header_bits():
    outcome = json.loads(run_python(_FLIP_ALL, "plain", "int32"))
    assert outcome["wrong"] == []


def test_depth_bit_between_the_two_allowed_depths_is_the_known_gap():
    # 12 of 16 bits: one bit turns the depth byte from 12 into 16. Both are allowed, so only the
    # checksum of the frame notices. If this fails, the note in the parser's docstring is outdated.
    pixel_format = PixelFormat(*SHAPE, 16, 12, 0)
    frame = ct_like("uint16", SHAPE)
    codestream = bytearray(OpenJPHCodec().encode(frame, pixel_format))
    codestream[42] ^= 0b100
    assert not np.array_equal(OpenJPHCodec().decode(codestream, pixel_format), frame)


_RANDOM = """
    import collections, sys
    sys.path.insert(0, sys.argv[1])
    import numpy as np
    from codec_samples import ct_like, header_positions
    from dicube_core.codec import OpenJPEGCodec, OpenJPHCodec
    from dicube_core.exceptions import DecodeError
    from dicube_core.pixels import PixelFormat

    rng = np.random.default_rng(5)
    pixel_format = PixelFormat.from_dtype("int16", 70, 90)
    frame = ct_like("int16", (70, 90))
    decoder = OpenJPEGCodec() if sys.argv[2] == "openjpeg" else OpenJPHCodec()
    samples = [OpenJPHCodec(tlm=tlm).encode(frame, pixel_format) for tlm in (False, True)]
    headers = [header_positions(sample) for sample in samples]
    seen = collections.Counter()
    for number in range(1500):
        sample, header = samples[number % 2], headers[number % 2]
        damaged = bytearray(sample)
        if number % 3 == 0:
            for position in rng.choice(header, rng.integers(2, 5)):
                damaged[position] = rng.integers(256)
        elif number % 3 == 1:
            position = rng.integers(header[-1] + 1, len(damaged) - 40)
            damaged[position : position + 32] = rng.bytes(32)
        else:
            position = rng.integers(header[-1] + 1, len(damaged) - 520)
            damaged[position : position + 512] = bytes(512)
        print(number, file=sys.stderr, flush=True)
        try:
            decoded = decoder.decode(damaged, pixel_format)
        except DecodeError:
            seen["error"] += 1
        else:
            same = np.array_equal(decoded, frame)
            seen["same" if same else "header" if number % 3 == 0 else "body"] += 1
    print(seen["error"], seen["same"], seen["header"])
"""


@pytest.mark.parametrize("backend", ["openjph", "openjpeg"])
def test_random_damage_never_crashes(backend):
    errors, same, wrong_by_header = map(int, run_python(_RANDOM, backend).split())
    assert errors > 500
    assert same > 0
    assert wrong_by_header == 0


@pytest.mark.parametrize("codec", [OpenJPHCodec(), OpenJPEGCodec()], ids=lambda codec: codec.name)
class TestStructure:
    """What needs no process of its own: the parser stops it before a decoder runs."""

    pixel_format = PixelFormat.from_dtype("int16", *SHAPE)

    def codestream(self, shape=SHAPE):
        return OpenJPHCodec().encode(
            ct_like("int16", shape), PixelFormat.from_dtype("int16", *shape)
        )

    def test_cut_and_padded(self, codec):
        whole = self.codestream()
        for length in (0, 1, 2, 60, 129, 130, len(whole) // 2, len(whole) - 1):
            with pytest.raises(DecodeError):
                codec.decode(whole[:length], self.pixel_format)
            with pytest.raises(DecodeError):
                codec.decode(whole[:length].ljust(len(whole), b"\0"), self.pixel_format)

    def test_lost_byte(self, codec):
        whole = self.codestream()
        for position in (*range(0, 140, 7), 2000, len(whole) - 3):
            with pytest.raises(DecodeError):
                codec.decode(whole[:position] + whole[position + 1 :], self.pixel_format)

    def test_slice_of_another_size(self, codec):
        for shape in ((90, 70), (70, 91), (140, 180)):
            with pytest.raises(DecodeError, match="SIZ"):
                codec.decode(self.codestream(shape), self.pixel_format)

    def test_nothing_is_written_to_out(self, codec):
        out = np.full(SHAPE, 77, "int16")
        with pytest.raises(DecodeError):
            codec.decode(self.codestream()[:-2], self.pixel_format, out=out)
        assert (out == 77).all()


def test_depths_decode_the_same_in_files_of_both_kinds():
    # As 0.3.0 writes (container depth) and as we do (stored depth), under one description.
    low, high = bit_range(12, signed=False)
    frame = np.random.default_rng(0).integers(low, high, SHAPE, dtype="uint16", endpoint=True)
    narrow, whole = PixelFormat(*SHAPE, 16, 12, 0), PixelFormat.from_dtype("uint16", *SHAPE)
    codec = OpenJPHCodec()
    for pixel_format in (narrow, whole):
        codestream = codec.encode(frame, pixel_format)
        assert np.array_equal(codec.decode(codestream, narrow), frame)


def test_frames_of_dicube_0_3_0():
    path = DATA / "ct_heart_10.by_dicube_0_3_0.dcbs"
    if not path.exists():
        pytest.skip(f"{path.name} is not beside the checkout")
    content = path.read_bytes()
    numbers = np.frombuffer(content, "<u8", 13, offset=12)
    count = int(numbers[12])
    offsets = np.frombuffer(content, "<u8", count, offset=int(numbers[8]))
    lengths = np.frombuffer(content, "<u8", count, offset=int(numbers[10]))
    pixel_format = PixelFormat.from_dtype("int16", 512, 512)
    view = memoryview(content)
    for offset, length in zip(offsets.tolist(), lengths.tolist(), strict=True):
        codestream = view[offset : offset + length]
        decoded = OpenJPHCodec().decode(codestream, pixel_format)
        assert decoded.min() >= -1024
        # The same bytes come out of our encoder, whose version is in the comment.
        again = OpenJPHCodec().encode(decoded, pixel_format)
        assert again[115:] == bytes(codestream[115:])
        assert header_positions(codestream) == list(range(129))
    assert np.array_equal(OpenJPEGCodec().decode(codestream, pixel_format), decoded)
