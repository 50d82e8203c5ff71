"""What is remembered of main headers never changes what is found in one."""

from __future__ import annotations

import random

import pytest
from codec_samples import ct_like

from dicube_core.codec import OpenJPHCodec
from dicube_core.codec import codestream as parser
from dicube_core.exceptions import DecodeError
from dicube_core.pixels import PixelFormat

FORMAT = PixelFormat.from_dtype("int16", 90, 120)
FRAME = ct_like("int16", FORMAT.shape)
PLAIN = OpenJPHCodec().encode(FRAME, FORMAT)
TLM = OpenJPHCodec(tlm=True).encode(FRAME, FORMAT)
SOT_WITH_LENGTH = b"\xff\x90\x00\x0a"
COM = b"\xff\x64"
END = PLAIN.find(SOT_WITH_LENGTH) + 4


def found(read, codestream):
    try:
        return read(codestream)
    except DecodeError as exc:
        return str(exc)


def agree(codestream):
    plain = found(parser._read_main_header, codestream)
    assert found(parser.main_header, codestream) == plain
    assert found(parser.main_header, memoryview(codestream)) == plain


def comment(text):
    return COM + (2 + len(text)).to_bytes(2) + text


@pytest.mark.parametrize("base", [PLAIN, TLM], ids=["plain", "tile-parts"])
def test_damaged_headers_are_read_as_if_nothing_were_remembered(base):
    chance = random.Random(11)
    agree(base)
    for _ in range(1500):
        changed = bytearray(base)
        for _ in range(chance.randint(1, 3)):
            changed[chance.randrange(END + 20)] = chance.choice((0, 255, chance.randrange(256)))
        if chance.random() < 0.2:
            del changed[chance.randrange(END + 20) :]
        agree(bytes(changed))


@pytest.mark.parametrize(
    "segment",
    [
        comment(SOT_WITH_LENGTH),
        comment(b"x" * 40 + SOT_WITH_LENGTH + b"\0" * 8),
        comment(b"x" * 508 + SOT_WITH_LENGTH),
        comment(b"x" * 2000),
        SOT_WITH_LENGTH,
    ],
)
def test_comments_that_look_like_a_tile_part(segment):
    before = PLAIN.find(b"\xff\x5c")
    agree(PLAIN[:before] + segment + PLAIN[before:])


def test_a_frame_that_passed_lets_no_other_pass():
    parser.inspected(PLAIN, FORMAT)
    with pytest.raises(DecodeError, match="SIZ"):
        parser.inspected(PLAIN, PixelFormat.from_dtype("uint16", 90, 120))
    for marker, offset in ((b"\xff\x51", 9), (b"\xff\x52", 5), (b"\xff\x5c", 5)):
        place = PLAIN.find(marker) + offset
        changed = PLAIN[:place] + bytes([PLAIN[place] ^ 0x15]) + PLAIN[place + 1 :]
        for _ in range(2):
            with pytest.raises(DecodeError):
                parser.inspected(changed, FORMAT)
