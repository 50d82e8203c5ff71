"""Print, as JSON, the bytes that open readers take."""

from __future__ import annotations

import gc
import json
import sys
import tracemalloc
from pathlib import Path

from dicube_core.streaming import DcbStreamingReader


def _resident() -> int:
    gc.collect()
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return 1024 * int(line.split()[1])
    raise LookupError("VmRSS")


def _use(path: str) -> None:
    with DcbStreamingReader(path) as stream:
        stream.get_dicom_for_frame(0)


def _readers(path: str, count: int) -> dict[str, float]:
    """Return resident bytes per reader, after opening them, and after one slice of each."""
    before = _resident()
    readers = [DcbStreamingReader(path) for _ in range(count)]
    opened = _resident()
    for reader in readers:
        reader.get_dicom_for_frame(0)
    used = _resident()
    return {"opened": (opened - before) / count, "used once": (used - before) / count}


def _long(path: str, _: int) -> dict[str, float]:
    """Return the bytes that one reader holds; too few to be seen among resident pages."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    with DcbStreamingReader(path):
        gc.collect()
        held = tracemalloc.get_traced_memory()[0] - before
    return {"opened": held}


def main() -> None:
    case, path, count = sys.argv[1:]
    _use(path)  # whatever is loaded on first use is not charged to a reader
    found = (_readers if case == "readers" else _long)(path, int(count))
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
