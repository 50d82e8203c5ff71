"""Run one task on a tiny series, then once on the real one; print time and peak memory.

Started in a process of its own. After the run on the tiny series everything is imported, so that
what is left is the task itself: seconds, and the bytes by which the peak rose above what was in
memory before.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    Task = Callable[[str], object]

_PROC = Path("/proc/self")


def _status(field: str) -> int:
    for line in (_PROC / "status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return 1024 * int(value.split()[0])
    raise LookupError(field)


def _our_task(case: str, threads: int, target: str) -> Task:
    import dicube_core

    dicube_core.set_num_threads(threads)

    def pixels(path: str) -> object:
        with dicube_core.open(path) as reader:
            return reader.frames()

    def convert(folder: str) -> object:
        return dicube_core.convert(folder, target, verify=case == "convert")

    return {"load": dicube_core.load, "pixels": pixels}.get(case, convert)


def _their_task(case: str, threads: int, target: str) -> Task:
    import dicube

    dicube.set_num_threads(threads)

    def convert(folder: str) -> object:
        return dicube.save(dicube.load_from_dicom_folder(folder), target)

    return dicube.load if case == "dicube_load" else convert


def _bare_task(case: str, threads: int, file: str) -> Task:
    """Encode or decode frames that are in memory already, in a pool that is there already."""
    from concurrent.futures import ThreadPoolExecutor

    import imagecodecs
    import numpy as np

    import dicube_core

    with dicube_core.open(file) as reader:
        frames = reader.frames()
        codestreams = [reader.codestream(index) for index in range(len(reader))]
    pool = ThreadPoolExecutor(threads)

    def encode(index: int) -> int:
        return len(imagecodecs.htj2k_encode(frames[index]))

    def run(path: str) -> object:
        if path != file:
            return imagecodecs.htj2k_encode(np.zeros((32, 32), np.uint16))
        if case == "bare_encode":
            return list(pool.map(encode, range(len(frames))))
        out = np.empty_like(frames)
        list(
            pool.map(
                lambda i: imagecodecs.htj2k_decode(codestreams[i], out=out[i]), range(len(out))
            )
        )
        return out

    return run


def main() -> None:
    case, threads, tiny, source, target = sys.argv[1:]
    if case.startswith("bare"):
        task = _bare_task(case, int(threads), source)
    else:
        make = _their_task if case.startswith("dicube") else _our_task
        task = make(case, int(threads), target)
    task(tiny)
    Path(target).unlink(missing_ok=True)
    # Threads of linear algebra libraries spin for a while after they were started.
    time.sleep(0.15)
    (_PROC / "clear_refs").write_text("5")  # the peak becomes what is in memory now
    before = _status("VmRSS")
    start = time.perf_counter()
    result = task(source)
    seconds = time.perf_counter() - start
    peak = _status("VmHWM")
    del result
    sys.stdout.write(json.dumps({"seconds": seconds, "bytes": max(0, peak - before)}))


if __name__ == "__main__":
    main()
