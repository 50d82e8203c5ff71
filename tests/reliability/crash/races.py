"""Many writers of one target, and readers while they write."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from reliability.crash.area import look
from reliability.crash.children import DONE, Child, run

if TYPE_CHECKING:
    from pathlib import Path


def _make(folder: Path, count: int) -> list[bytes]:
    """Write so many different files; return their bytes."""
    import numpy as np

    import dicube_core

    found = []
    for number in range(count):
        image = dicube_core.DicomCubeImage(
            np.full((3, 64, 64), number, np.uint16), dicube_core.PixelDataHeader()
        )
        dicube_core.save(image, folder / f"{number}.dcbs")
        found.append((folder / f"{number}.dcbs").read_bytes())
    return found


def _save_often(inputs: Path, number: int, target: Path, rounds: int) -> None:
    import dicube_core

    image = dicube_core.load(inputs / f"{number}.dcbs")
    for _ in range(rounds):
        dicube_core.save(image, target)


def _save_in_threads(inputs: Path, target: Path, rounds: int) -> None:
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            _save_often(inputs, number, target, rounds)
        except BaseException as exc:  # noqa: BLE001 - told by the child
            failed.append(exc)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def _read_until(target: Path, stop: Path) -> str:
    """Load as long as the stop sign is not there; return how often. All frames are equal."""
    import dicube_core

    count = 0
    while not stop.exists():
        values = dicube_core.load(target).raw_image
        if values.min() != values.max():
            raise ValueError("parts of two files in one image")
        count += 1
    return str(count)


def race(folder: Path, rounds: int) -> tuple[Counter[str], list[str]]:
    """Let processes and threads write one target, with readers in between."""
    folder.mkdir()
    inputs, area, stop = folder / "inputs", folder / "area", folder / "stop"
    inputs.mkdir()
    area.mkdir()
    made = run(lambda: str(len(_make(inputs, 4))))
    if made.code != DONE:
        raise SystemExit(made.message)
    contents = {(inputs / f"{n}.dcbs").read_bytes() for n in range(4)}
    target = area / "a.dcbs"
    target.write_bytes((inputs / "0.dcbs").read_bytes())
    readers = [Child(lambda: _read_until(target, stop)) for _ in range(2)]
    writers = [Child(lambda n=n: _save_often(inputs, n, target, rounds)) for n in range(3)]
    writers += [Child(lambda: _save_in_threads(inputs, target, rounds))]
    ended = [child.wait() for child in writers]
    stop.touch()
    ended += [child.wait() for child in readers]
    problems = [f"{one.code}: {one.message}" for one in ended if one.code != DONE]
    state, litter = look(area)
    if set(state) != {"a.dcbs"} or state["a.dcbs"][1] not in contents:
        problems.append("the target is none of the files")
    if litter:
        problems.append(f"litter: {litter}")
    reads = sum(int(one.message) for one in ended[-2:] if one.code == DONE)
    return Counter(saves=rounds * 7, reads=reads), problems


def race_folders(inputs: Path, folder: Path, rounds: int) -> tuple[Counter[str], list[str]]:
    """Let processes export to one folder: one of them makes it, the others are refused."""
    import dicube_core
    from dicube_core.export import export_file

    folder.mkdir()

    def export(round_: int) -> None:
        with dicube_core.open(inputs / "series.dcbs") as reader:
            export_file(reader, folder / str(round_))

    counts: Counter[str] = Counter()
    problems = []
    for round_ in range(rounds):
        children = [Child(lambda r=round_: export(r)) for _ in range(3)]
        ended = [child.wait() for child in children]
        winners = sum(one.code == DONE for one in ended)
        counts["won"] += winners
        refused = sum(one.message.startswith("FileExistsError") for one in ended)
        counts["refused"] += refused
        files = len(list((folder / str(round_)).iterdir()))
        if (winners, refused, files) != (1, 2, 4):
            problems.append(f"{winners} winners, {files} files: {[e.message for e in ended]}")
    problems += [f"litter: {path}" for path in folder.iterdir() if path.name.startswith(".")]
    return counts, problems


def race_trees(inputs: Path, folder: Path, rounds: int) -> tuple[Counter[str], list[str]]:
    """Let two processes convert one tree into one folder."""
    from dicube_core.trees.report import Outcome
    from dicube_core.trees.running import convert_tree

    def convert(out: Path) -> None:
        report = convert_tree(inputs / "tree", out, jobs=1)
        if not report.ok:
            raise OSError(report.of(Outcome.FAILED)[0].reason)

    folder.mkdir()
    alone = folder / "alone"
    ended = run(lambda: convert(alone))
    if ended.code != DONE:
        raise SystemExit(ended.message)
    expected, _ = look(alone)
    problems = []
    for round_ in range(rounds):
        out = folder / str(round_)
        children = [Child(lambda out=out: convert(out)) for _ in range(2)]
        time.sleep(0.002 * round_)
        problems += [e.message for e in (c.wait() for c in children) if e.code != DONE]
        state, litter = look(out)
        if state != expected or litter:
            problems.append(f"round {round_}: {sorted(state)} {litter}")
    return Counter(runs=2 * rounds, files=len(expected) * rounds), problems
