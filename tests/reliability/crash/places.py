"""Places that are full, forbidden, gone or something else than they seem."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import signal
import subprocess
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reliability.crash.bench import Bench
from reliability.crash.children import DONE, REFUSED, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from reliability.crash.children import Ended
    from reliability.crash.writers import Writer

_NOBODY = 65534


@dataclass
class PlaceCounts:
    """Counts over the writers in one kind of place."""

    counts: Counter[str]
    problems: list[str]


def _settle(bench: Bench, ended: Ended, result: PlaceCounts, *, next_save: bool = True) -> None:
    """Judge a run that may have been refused: the old then, the new else."""
    verdict = bench.judge()
    result.counts["runs"] += 1
    result.counts["refused" if ended.code == REFUSED else "done"] += 1
    result.counts[verdict.state] += 1
    problem = ""
    if ended.code not in (DONE, REFUSED):
        problem = f"unclean end: {ended.message[-900:]}"
    elif not verdict.ok:
        problem = verdict.state
    elif ended.code == DONE and verdict.state != "new" and "cache" not in bench.writer.name:
        problem = "said to be done, and is not"
    elif ended.code == REFUSED and (verdict.litter or verdict.state == "new"):
        problem = f"refused ({ended.message}), but {verdict}"
    elif ended.code == REFUSED and ".dcbs-" in ended.message:
        problem = f"names the temporary file: {ended.message}"
    if next_save and not problem:
        following, after = bench.next_save()
        if following.code != DONE or after.state != "new" or after.litter:
            problem = f"next save: {following.message} {after}"
    if problem:
        result.problems.append(f"{bench.writer.name}: {problem}")


@contextlib.contextmanager
def small_disk(folder: Path, options: str) -> Iterator[bool]:
    """Mount a file system in memory, where that is allowed."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if (
        shutil.which("mount") is None
        or subprocess.run(mount, capture_output=True, check=False).returncode
    ):
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", str(folder)], check=True)


def full_disk(writers: list[Writer], inputs: Path, folder: Path, steps: int) -> PlaceCounts | None:
    """Leave less and less room; None where file systems cannot be mounted."""
    result = PlaceCounts(Counter(), [])
    with small_disk(folder / "disk", "size=8m") as mounted:
        if not mounted:
            return None
        for writer in writers:
            bench = Bench(writer, inputs, folder / "disk" / "area")
            filler = folder / "disk" / "filler"
            need = sum(len(data or b"") for _, data in bench.clean.values()) // 4096 + 4
            for step in range(steps):
                bench.prepare()
                room = os.statvfs(folder / "disk")
                pages = max(0, room.f_bavail - need * step // steps)
                filler.write_bytes(bytes(4096 * pages))
                ended = run(bench.work)
                filler.unlink()
                _settle(bench, ended, result)
            shutil.rmtree(bench.area)
    return result


def no_inodes(writers: list[Writer], inputs: Path, folder: Path) -> PlaceCounts | None:
    """Leave room for bytes, but for no more files than a few."""
    result = PlaceCounts(Counter(), [])
    with small_disk(folder / "inodes", "size=8m,nr_inodes=40") as mounted:
        if not mounted:
            return None
        for writer in writers:
            bench = Bench(writer, inputs, folder / "inodes" / "area")
            many = folder / "inodes" / "many"
            for left in (0, 1, 3):
                bench.prepare()
                many.mkdir()
                free = os.statvfs(folder / "inodes").f_favail
                for number in range(free - left):
                    (many / str(number)).touch()
                ended = run(bench.work)
                shutil.rmtree(many)
                _settle(bench, ended, result)
            shutil.rmtree(bench.area)
    return result


def size_limit(writers: list[Writer], inputs: Path, folder: Path, steps: int) -> PlaceCounts:
    """Limit the size of files (RLIMIT_FSIZE); Python ignores the signal, so it is an error."""
    result = PlaceCounts(Counter(), [])
    for writer in writers:
        bench = Bench(writer, inputs, folder / "area")
        largest = max(len(data or b"") for _, data in bench.clean.values())
        for step in range(steps):
            limit = largest * step // steps

            def limited(bench: Bench = bench, limit: int = limit) -> None:
                signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
                bench.work()

            bench.prepare()
            _settle(bench, run(limited), result)
    return result


def read_only_folder(writers: list[Writer], inputs: Path, folder: Path) -> PlaceCounts:
    """Forbid writing in the folder, for a user who is not root."""
    result = PlaceCounts(Counter(), [])
    for writer in writers:
        bench = Bench(writer, inputs, folder / "area")
        inside = bench.area / writer.target if writer.parts else bench.area

        def as_nobody(bench: Bench = bench) -> None:
            if os.getuid() == 0:
                os.setgid(_NOBODY)
                os.setuid(_NOBODY)
            bench.work()

        bench.prepare()
        inside.chmod(0o555)
        ended = run(as_nobody)
        inside.chmod(bench.before[writer.target][0] if writer.parts else 0o755)
        if ended.code == DONE and "cache" not in writer.name:
            result.problems.append(f"{writer.name}: written into a read-only folder")
        _settle(bench, ended, result)
    return result


def _moved_away(area: Path) -> None:
    area.rename(area.with_name("moved"))


def _link_instead(area: Path) -> None:
    area.rename(area.with_name("moved"))
    area.with_name("elsewhere").mkdir()
    area.symlink_to("elsewhere")


def _file_instead(area: Path) -> None:
    area.rename(area.with_name("moved"))
    area.write_text("a file now")


ROBBERIES: dict[str, Callable[[Path], None]] = {
    "folder moved away": _moved_away,
    "link in its place": _link_instead,
    "file in its place": _file_instead,
}


def robbed_folder(
    writers: list[Writer], inputs: Path, folder: Path, robbery: Callable[[Path], None]
) -> PlaceCounts:
    """Take the folder away in the middle of the save: when the temporary sibling is written to."""
    result = PlaceCounts(Counter(), [])
    for writer in writers:
        if writer.parts:
            continue  # its folder is its own
        bench = Bench(writer, inputs, folder / "area")
        bench.prepare()
        ended = run(lambda bench=bench: _robbed(bench, robbery))
        problem = _put_back(bench)
        verdict = bench.judge()
        result.counts["runs"] += 1
        result.counts["refused" if ended.code == REFUSED else "done"] += 1
        result.counts[verdict.state] += 1
        if ended.code not in (REFUSED, DONE) or not verdict.ok:
            problem = f"{ended.code} {ended.message} {verdict.state}"
        elif ended.code == DONE and "cache" not in writer.name:
            problem = "said to be done"
        # What lies in the folder that was moved is removed by the next save into it.
        following, after = bench.next_save()
        if after.litter or following.code != DONE:
            problem = f"next save: {following.message} {after}"
        if problem:
            result.problems.append(f"{writer.name}: {problem}")
    return result


def _put_back(bench: Bench) -> str:
    """Move the folder back; return what was written into what stood in its place."""
    area = bench.area
    elsewhere, moved = area.with_name("elsewhere"), area.with_name("moved")
    strays = list(elsewhere.glob("**/*"))
    if area.is_dir() and not area.is_symlink():
        strays += list(area.iterdir())
    _remove(area)
    _remove(elsewhere)
    moved.rename(area)
    return f"wrote {strays}" if strays else ""


def _robbed(bench: Bench, robbery: Callable[[Path], None]) -> None:
    """Run a writer that is robbed at the first flush to the disk, with all bytes written."""
    real, done = os.fsync, []

    def fsync(descriptor: int) -> None:
        if not done:
            done.append(True)
            robbery(bench.area)
        real(descriptor)

    os.fsync = fsync
    bench.work()


def _remove(path: Path) -> None:
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.is_dir():
        shutil.rmtree(path)
