"""Damaged codestreams against each decoder, called directly and as this package calls it.

    python tests/reliability/codec_damage.py [--samples 200] [--data ../shared/data]

For every kind of damage, each decoder gets the same damaged frames in a process of its own with
little memory and time. Printed are counts of error / wrong pixels without an error / same pixels /
crash / hang, what structure and checksum notice, and what is left of wrong pixels after structure
and decoder. It fails where this package's decoding crashes, hangs, or keeps back an error of the
library.
"""

from __future__ import annotations

import argparse
import json
import random
import select
import subprocess
import sys
from collections import Counter
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
_MEMORY, _SECONDS = 4 << 30, 5.0
_GENERATED = 6


@lru_cache(maxsize=2)
def samples(source: str) -> tuple[list[bytes], list[Any], Any]:
    """Return codestreams, their frames and their format: generated, or of a folder of DICOM."""
    from dicube_core.codec import OpenJPHCodec
    from dicube_core.pixels import PixelFormat

    if source:
        import dicube_core

        image = dicube_core.load_from_dicom_folder(source)
        frames = list(image.raw_image)
        pixel_format = PixelFormat.from_dtype(frames[0].dtype.name, *frames[0].shape)
    else:
        pixel_format = PixelFormat(192, 224, 16, 12, 0)
        y, x = np.mgrid[:192, :224]
        frames = [
            (
                1000
                + 400 * np.sin(x / 30 + n) * np.cos(y / 20)
                + np.random.default_rng(n).normal(0, 20, x.shape)
            ).astype("uint16")
            for n in range(_GENERATED)
        ]
    codec = OpenJPHCodec()
    return [codec.encode(frame, pixel_format) for frame in frames], frames, pixel_format


def _header_end(data: bytes) -> int:
    return data.index(b"\xff\x93") + 2


def _flip(data: bytes, at: int, bit: int) -> bytes:
    return data[:at] + bytes((data[at] ^ 1 << bit,)) + data[at + 1 :]


def _over(data: bytes, at: int, new: bytes) -> bytes:
    return data[:at] + new + data[at + len(new) :]


#: Name -> function of a generator, a codestream and another one.
DAMAGES: dict[str, Any] = {
    "1 bit, packet data": lambda r, d, _: _flip(
        d, r.randrange(_header_end(d), len(d) - 2), r.randrange(8)
    ),
    "1 bit, headers": lambda r, d, _: _flip(d, r.randrange(_header_end(d)), r.randrange(8)),
    "16 random bytes": lambda r, d, _: _over(
        d, r.randrange(_header_end(d), len(d) - 20), r.randbytes(16)
    ),
    "512-byte sector zeroed": lambda r, d, _: _over(
        d, r.randrange(_header_end(d), len(d) - 520), bytes(512)
    ),
    "4 KiB from elsewhere": lambda r, d, o: _over(
        d, r.randrange(max(1, len(d) - 4100)), o[1000 : 1000 + min(4096, len(d) - 4100)]
    ),
    "cut short": lambda r, d, _: d[: r.randrange(len(d) // 10, len(d))],
    "cut, padded with zeros": lambda r, d, _: d[: r.randrange(len(d) // 10, len(d) - 4)].ljust(
        len(d), b"\0"
    ),
    "1 byte lost": lambda r, d, _: (lambda at: d[:at] + d[at + 1 :])(r.randrange(len(d) - 2)),
    "another valid slice": lambda _r, _d, o: o,
}


def damaged(row: str, number: int, source: str) -> tuple[bytes, bytes, Any, Any]:
    """Return one damaged codestream, the whole one, its frame and format; always the same."""
    codestreams, frames, pixel_format = samples(source)
    rng = random.Random(f"{row} {number}")
    index = number % len(codestreams)
    other = codestreams[(index + 1) % len(codestreams)]
    data = codestreams[index]
    return DAMAGES[row](rng, data, other), data, frames[index], pixel_format


def _bare_openjph(data: bytes, _: Any) -> Any:
    import imagecodecs

    return imagecodecs.htj2k_decode(data)


def _told_openjph(data: bytes, _: Any) -> Any:
    """Call OpenJPH with its errors let through, and without looking at the structure first."""
    import imagecodecs

    from dicube_core.codec.native_errors import call_native
    from dicube_core.exceptions import DecodeError

    return call_native(lambda: imagecodecs.htj2k_decode(data), DecodeError)


def _bare_openjpeg(data: bytes, _: Any) -> Any:
    import openjpeg

    return openjpeg.decode(data, j2k_format=0)


def _ours(data: bytes, pixel_format: Any) -> Any:
    from dicube_core.codec import OpenJPHCodec

    return OpenJPHCodec().decode(data, pixel_format)


def _ours_openjpeg(data: bytes, pixel_format: Any) -> Any:
    from dicube_core.codec import OpenJPEGCodec

    return OpenJPEGCodec().decode(data, pixel_format)


DECODERS: dict[str, Callable[[bytes, Any], Any]] = {
    "imagecodecs": _bare_openjph,
    "OpenJPH": _told_openjph,
    "openjpeg": _bare_openjpeg,
    "ours": _ours,
    "ours, openjpeg": _ours_openjpeg,
}


def child(row: str, decoder: str, start: int, count: int, source: str) -> None:
    """Print one letter per sample, in a process that may die of it."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    for number in range(start, count):
        data, _, frame, pixel_format = damaged(row, number, source)
        try:
            found = DECODERS[decoder](data, pixel_format)
            letter = "s" if np.array_equal(found, frame) else "w"
        except Exception:  # noqa: BLE001 - of any library
            letter = "e"
        sys.stdout.write(letter)
        sys.stdout.flush()


def outcomes(row: str, decoder: str, count: int, source: str) -> str:
    """Return a letter per sample: error, wrong, same, crash or hang."""
    found = ""
    while len(found) < count:
        command = [sys.executable, __file__, "--child"]
        command.append(json.dumps([row, decoder, len(found), count, source]))
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert process.stdout is not None
        limit = 120.0  # the first answer takes importing and encoding too
        while True:
            ready, _, _ = select.select([process.stdout], [], [], limit)
            letters = process.stdout.read1(count) if ready else b""  # type: ignore[attr-defined]
            if not letters:
                break
            found += letters.decode()
            limit = _SECONDS
        process.kill()
        process.wait()
        process.stdout.close()
        if len(found) < count:
            found += "c" if ready else "h"
    return found


def noticed(row: str, count: int, source: str) -> tuple[str, int]:
    """Return which samples the structure refuses ("r" or "."), and how many the CRC notices."""
    from dicube_core.checksum import crc32
    from dicube_core.codec import check, parse
    from dicube_core.exceptions import DecodeError

    letters, by_crc = "", 0
    for number in range(count):
        data, whole, _, pixel_format = damaged(row, number, source)
        by_crc += crc32(data) != crc32(whole)
        try:
            check(parse(data), pixel_format)
            letters += "."
        except DecodeError:
            letters += "r"
    return letters, by_crc


def judge(row: str, count: int, source: str = "") -> tuple[dict[str, Any], list[str]]:
    """Return one row of the table, and what must not be."""
    found = {name: outcomes(row, name, count, source) for name in DECODERS}
    structure, by_crc = noticed(row, count, source)
    line: dict[str, Any] = {
        name: "/".join(str(Counter(letters)[kind]) for kind in "ewsch")
        for name, letters in found.items()
    }
    line |= {"structure": structure.count("r"), "CRC-32": by_crc, "left": found["ours"].count("w")}
    bad = []
    for name, library in (("ours", "OpenJPH"), ("ours, openjpeg", "openjpeg")):
        own = found[name]
        if set(own) & set("ch"):
            bad.append(f"{row}: {name} crashed or hung")
        for number, (letter, theirs) in enumerate(zip(own, found[library], strict=True)):
            if theirs == "e" and letter != "e":
                bad.append(f"{row} #{number}: {name} kept back an error of {library}")
            if structure[number] == "r" and letter != "e":
                bad.append(f"{row} #{number}: {name} decoded what its structure forbids")
    if not row.startswith("1 bit, h") and by_crc < count - found["imagecodecs"].count("s"):
        bad.append(f"{row}: the checksum noticed {by_crc} of {count}")
    return line, bad


def main(arguments: list[str] | None = None) -> int:
    """Print the tables; return 1 where something is that must not be."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--samples", type=int, default=200)
    parser.add_argument("--data", type=Path, default=_DATA, help="folder with real series")
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        child(*json.loads(options.child))
        return 0
    real = options.data / "ct_heart_10"
    bad: list[str] = []
    for source in ("", *([str(real)] if real.is_dir() else [])):
        sys.stdout.write(f"{Path(source).name or 'generated'}, {options.samples} per row\n")
        sys.stdout.write("damage | " + " | ".join((*DECODERS, "structure", "CRC-32", "left\n")))
        for row in DAMAGES:
            line, wrong = judge(row, options.samples, source)
            bad += wrong
            sys.stdout.write(" | ".join((row, *map(str, line.values()))) + "\n")
            sys.stdout.flush()
    sys.stdout.write("".join(f"BAD {text}\n" for text in bad) or "nothing that must not be\n")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
