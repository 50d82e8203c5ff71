"""Repair files that lie on purpose, in a process of its own with little memory.

Run as ``python -m support.repair_hostile FILE FOLDER``. It prints one JSON object: how often what
came of it, what must never happen in words, and the longest time one took.
"""

from __future__ import annotations

import json
import random
import resource
import struct
import sys
import time
import warnings
from collections import Counter
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from reliability.malformed.rules import all_variants
from reliability.malformed.variant import Base

import dicube_core
from dicube_core.exceptions import DicomCubeError
from dicube_core.verify import verify_file
from support.legacy_file import legacy_file

if TYPE_CHECKING:
    from collections.abc import Iterator

_MEMORY = 3 << 30


def _numbers(
    data: bytes, start: int, stop: int, size: int, *, few: bool = False
) -> Iterator[tuple[str, bytes]]:
    """Yield a table with one number after the other at the ends of what it may be."""
    top = (1 << 8 * size) - 1
    for place in range(start, stop, size):
        old = int.from_bytes(data[place : place + size], "little")
        values = (0, 1, old + 1, old - 1, len(data), 1 << (8 * size - 2), top)
        for new in values[2::4] if few else values:
            value = (new & top).to_bytes(size, "little")
            yield f"number at {place}", data[:place] + value + data[place + size :]


def _masses(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what makes a search long: beginnings of frames in great numbers."""
    start = struct.unpack_from("<12Q", data, 12)[8]
    for filler in (b"\xff\x4f\xff\x51", b"DPCO", b"\xff\x4f\xff\x51\x00\x04\x00\x00"):
        yield "beginnings", data[: start + 8] + filler * (1 << 18)
    rng = random.Random(1)
    yield "noise", data[:600] + rng.randbytes(1 << 20)


def variants(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield all of them."""
    for variant in islice(all_variants(Base("ours", data, checksums=True)), 0, None, 40):
        yield variant.family, variant.make()
    yield from _numbers(data, 12, 116, 8)
    yield from _numbers(data, 116, 400, 4, few=True)
    yield from _masses(data)
    old = legacy_file()
    yield from _numbers(old, 12, 116, 8)
    tables = struct.unpack_from("<12Q", old, 12)
    yield from _numbers(old, tables[8], tables[8] + tables[9], 8)
    yield from _numbers(old, tables[10], tables[10] + tables[11], 8)
    yield from _masses(old)


def outcome(data: bytes, out: Path) -> str:
    """Return what came of one file; what must not happen begins with ``UN``."""
    out.unlink(missing_ok=True)
    try:
        dicube_core.repair(data, out)
    except DicomCubeError as error:
        text = str(error)
        if out.exists():
            return f"UNTIDY {text}"
        return "error" if text and "NoneType" not in text else f"UNCLEAR {text}"
    except Exception as error:  # noqa: BLE001 - what must not happen is what is looked for
        return f"UNCLEAN {type(error).__name__}: {error}"
    report = verify_file(out)
    if report.ok:
        return "repaired"
    # A codec that is not installed: its frames are kept as checksums prove them.
    failure = report.failures[0]
    return "undecoded" if "unknown codec" in failure else f"UNSOUND {failure}"


def main(path: str, folder: str) -> None:
    """Try them all."""
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    dicube_core.set_num_threads(1)
    counts: Counter[str] = Counter()
    bad: list[str] = []
    slowest = 0.0
    for name, data in variants(Path(path).read_bytes()):
        start = time.process_time()
        result = outcome(data, Path(folder) / "out.dcbs")
        slowest = max(slowest, time.process_time() - start)
        if result.startswith("UN"):
            bad.append(f"{name}: {result}")
        counts[result.split()[0]] += 1
    sys.stdout.write(json.dumps({"counts": counts, "bad": bad, "slowest": slowest}))


if __name__ == "__main__":
    main(*sys.argv[1:])
