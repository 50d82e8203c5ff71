"""Give files to the core with every byte of them damaged, in a process of its own.

``tests/reliability/malformed`` gives more kinds of damage to more ways of reading, each in its own
process; that takes too long for every byte. This process has little memory.

Run as ``python -m support.damage PLAN FILE``. It prints one JSON object: how often what came of
which region, and what must never happen in words.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import time
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dicube_core
from dicube_core.exceptions import DicomCubeError
from dicube_core.streaming import DcbStreamingReader
from support.legacy_file import regions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_MEMORY = 3 << 30
Variant = tuple[str, bytes]


def _frames(data: bytes) -> Any:
    with dicube_core.open(data) as reader:
        return [(f.shape, f.dtype.str, f.tobytes()) for f in reader.frames()]


def _metadata(data: bytes) -> Any:
    with dicube_core.open(data) as reader:
        meta = reader.dicom_meta
        headers = None if reader.headers is None else list(reader.headers)
        return None if meta is None else json.dumps(dict(meta.items())), headers


def _facts(data: bytes) -> Any:
    with dicube_core.open(data) as reader:
        geometry = None if reader.geometry is None else reader.geometry.to_json_dict()
        header = reader.pixel_header.to_dict()
        return geometry, reader.dicom_status.value, repr(reader.pixel_format), header


def _slices(data: bytes) -> Any:
    with DcbStreamingReader(data) as stream:
        return [stream.get_dicom_for_frame(i, plain) for i in range(3) for plain in (False, True)]


def _image(data: bytes) -> Any:
    image = dicube_core.load(data)
    return image.raw_image.tobytes(), image.get_fdata().tobytes()


WAYS: dict[str, Callable[[bytes], Any]] = {
    "frames": _frames,
    "metadata": _metadata,
    "facts": _facts,
    "slices": _slices,
    "image": _image,
}


def outcome(way: str, data: bytes, expected: Any) -> str:
    """Return ``"same"``, ``"error"`` (one of the package's), ``"other"``, or what went wrong."""
    try:
        found = WAYS[way](data)
    except DicomCubeError as error:
        text = str(error)
        return "error" if text and "NoneType" not in text else f"UNCLEAR {text}"
    except Exception as error:  # noqa: BLE001 - what must not happen is what is looked for
        return f"UNCLEAN {type(error).__name__}: {error}"
    return "same" if found == expected else "other"


def flips(data: bytes) -> Iterator[Variant]:
    """Yield every byte with one bit flipped, and every bit of the numbers at the front."""
    for region, places in regions(data).items():
        for place in places:
            every = region in ("header", "frame_offsets", "frame_lengths")
            for bit in range(8) if every else (place % 8,):
                changed = bytearray(data)
                changed[place] ^= 1 << bit
                yield region, bytes(changed)


def smears(data: bytes) -> Iterator[Variant]:
    """Yield runs of bytes that were zeroed, filled, shuffled, lost, doubled or moved."""
    rng = random.Random(3)
    for region, places in regions(data).items():
        for _ in range(12):
            start = rng.randrange(places.start, max(places.start + 1, places.stop))
            size = rng.choice((1, 2, 8, 40))
            run = data[start : start + size]
            for new in (bytes(len(run)), b"\xff" * len(run), rng.randbytes(len(run)), b"", 2 * run):
                if new != run:
                    yield region, data[:start] + new + data[start + size :]
    for length in range(0, len(data), 7):
        yield "cut", data[:length]
        yield "cut and padded", data[:length] + bytes(len(data) - length)
    for extra in (b"\0", b"x" * 100, data):
        yield "appended", data + extra


PLANS = {"flips": flips, "smears": smears}


def main(plan: str, path: str) -> None:
    """Try all variants of a plan."""
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    dicube_core.set_num_threads(1)  # starting threads would take most of the time
    data = Path(path).read_bytes()
    expected = {way: WAYS[way](data) for way in WAYS}
    counts: Counter[str] = Counter()
    bad: list[str] = []
    slowest = 0.0
    for number, (region, variant) in enumerate(PLANS[plan](data)):
        start = time.perf_counter()
        for way in WAYS:
            result = outcome(way, variant, expected[way])
            if result.startswith("UNCLE"):
                bad.append(f"{region} #{number} {way}: {result}")
                result = "bad"
            counts[f"{region}/{way}/{result}"] += 1
        slowest = max(slowest, time.perf_counter() - start)
    sys.stdout.write(json.dumps({"counts": counts, "bad": bad, "slowest": slowest}))


if __name__ == "__main__":
    main(*sys.argv[1:])
