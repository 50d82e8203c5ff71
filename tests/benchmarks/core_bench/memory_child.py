"""Run one task on a tiny series, then on the real one; print by how much the peak rose (bytes)."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_PROC = Path("/proc/self")


def _status(field: str) -> int:
    for line in (_PROC / "status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return 1024 * int(value.split()[0])
    raise LookupError(field)


def _ours(case: str, threads: int, work: Path) -> tuple[Callable[..., object], bool]:
    """Return the task, and whether it starts from a folder (else from a file)."""
    import dicube_core

    dicube_core.set_num_threads(threads)

    def frames(path: str) -> object:
        with dicube_core.open(path) as reader:
            return reader.frames()

    def convert(folder: str) -> object:
        return dicube_core.convert(folder, work / "memory.dcbs", verify=case == "convert")

    task = {"load": dicube_core.load, "frames": frames}.get(case, convert)
    return task, task is convert


def _dicube(case: str, threads: int, work: Path) -> tuple[Callable[..., object], bool]:
    import dicube

    dicube.set_num_threads(threads)

    def convert(folder: str) -> object:
        image = dicube.load_from_dicom_folder(folder)
        return dicube.save(image, str(work / "memory_dicube.dcbs"))

    return (dicube.load, False) if case == "dicube_load" else (convert, True)


def main() -> None:
    case, folder, file, tiny, work, threads = sys.argv[1:]
    make = _dicube if case.startswith("dicube") else _ours
    task, from_folder = make(case, int(threads), Path(work))
    if from_folder:
        task(tiny)
    else:
        tiny_file = Path(work) / f"tiny_{case}.dcbs"
        _write_tiny(case, tiny, tiny_file)
        task(str(tiny_file))
    (_PROC / "clear_refs").write_text("5")  # the peak becomes what is in memory now
    before = _status("VmRSS")
    result = task(folder if from_folder else file)
    peak = _status("VmHWM")
    del result
    sys.stdout.write(f"{peak - before}\n")


def _write_tiny(case: str, folder: str, path: Path) -> None:
    if case.startswith("dicube"):
        import dicube

        dicube.save(dicube.load_from_dicom_folder(folder), str(path))
    else:
        import dicube_core

        dicube_core.convert(folder, path)


if __name__ == "__main__":
    main()
