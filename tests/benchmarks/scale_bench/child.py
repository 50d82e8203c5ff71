"""Do one thing to one series, as a worker with one thread does, and print as JSON what it took."""

from __future__ import annotations

import json
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path

import distributed  # noqa: F401 - a worker has it in memory too

import dicube_core
from dicube_core.trees.finding import Found
from dicube_core.trees.grouping import group_instances
from dicube_core.trees.lanes import Lanes
from dicube_plugins.dask import histogram

_PROC = Path("/proc/self")
_EDGES = range(-1024, 3073)


def convert(folder: Path, _: Path, out: Path) -> object:
    return dicube_core.convert(folder, out / "x.dcbs")


def convert_unverified(folder: Path, _: Path, out: Path) -> object:
    return dicube_core.convert(folder, out / "x.dcbs", verify=False)


def again(folder: Path, file: Path, out: Path) -> object:
    return dicube_core.convert_tree(folder, out / "there", jobs=1)


def headers(folder: Path, _: Path, out: Path) -> object:
    """Find and group, as the process that plans does."""
    with Lanes(1) as lanes:
        found = Found()
        found.sort_files(folder, out, None)
        found.read(lanes, folder, None)
        return group_instances(found.instances, split=True)


def verify(_: Path, file: Path, __: Path) -> object:
    report = dicube_core.verify_file(file)
    if not report.ok:
        raise RuntimeError(report.failures)
    return report


def statistics(_: Path, file: Path, __: Path) -> object:
    counted = histogram([file], _EDGES, scheduler="sync")
    if counted.failed:
        raise RuntimeError(counted.failed)
    return counted


def metadata(_: Path, file: Path, __: Path) -> object:
    with dicube_core.open(file) as reader:
        meta = reader.dicom_meta
        return (
            reader.shape,
            reader.geometry,
            reader.dicom_status,
            dict(meta.items() if meta else ()),
        )


def middle(_: Path, file: Path, __: Path) -> object:
    with dicube_core.open(file) as reader:
        return reader.frame(reader.frame_count // 2)


def nothing(_: Path, __: Path, ___: Path) -> object:
    return None


TASKS = {
    "headers": headers,
    "convert": convert,
    "convert, unverified": convert_unverified,
    "again": again,
    "verify": verify,
    "statistics": statistics,
    "metadata": metadata,
    "middle slice": middle,
    "nothing": nothing,
}


def _field(file: str, name: str) -> int:
    for line in (_PROC / file).read_text().splitlines():
        key, _, value = line.partition(":")
        if key == name:
            return int(value.split()[0])
    raise LookupError(name)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    task, tiny, tiny_file, folder, file = sys.argv[1:]
    dicube_core.set_num_threads(1)
    with tempfile.TemporaryDirectory(dir=Path(file).parent) as work:
        out = Path(work)
        run = TASKS[task]
        run(Path(tiny), Path(tiny_file), out)  # everything is imported now
        if task == "again":
            shutil.rmtree(out / "there")
            dicube_core.convert_tree(folder, out / "there", jobs=1)
        (out / "x.dcbs").unlink(missing_ok=True)
        (_PROC / "clear_refs").write_text("5")  # the peak becomes what is in memory now
        before = _cpu(), _field("io", "rchar"), _field("io", "wchar"), time.perf_counter()
        run(Path(folder), Path(file), out)
        wall = time.perf_counter() - before[3]
        found = {
            "cpu_s": _cpu() - before[0],
            "wall_s": wall,
            "bytes_in": _field("io", "rchar") - before[1],
            "bytes_out": _field("io", "wchar") - before[2],
            "peak_bytes": 1024 * _field("status", "VmHWM"),
        }
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main()
