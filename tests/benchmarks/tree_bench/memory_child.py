"""Convert a tiny tree, then the real one; print, as JSON, how far memory rose."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import dicube_core

_PROC = Path("/proc/self")


def _status(field: str) -> int:
    for line in (_PROC / "status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return 1024 * int(value.split()[0])
    raise LookupError(field)


def main() -> None:
    tiny, source, out, threads = sys.argv[1:]
    dicube_core.set_num_threads(int(threads))
    dicube_core.convert_tree(tiny, f"{out}_tiny", jobs=1)  # everything is imported now
    (_PROC / "clear_refs").write_text("5")  # the peak becomes what is in memory now
    before = _status("VmRSS")
    report = dicube_core.convert_tree(source, out, jobs=1)
    peak = _status("VmHWM")
    if not report.ok:
        raise RuntimeError(f"not converted: {report.rows}")
    sys.stdout.write(json.dumps({"above": max(0, peak - before), "peak": peak}))


if __name__ == "__main__":
    main()
