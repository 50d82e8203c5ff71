"""Verify many files: in this process, in several, or on a cluster."""

from __future__ import annotations

import errno
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import SeriesError
from dicube_core.settings import get_num_threads
from dicube_core.trees._worker import teller
from dicube_core.trees.lanes import Lanes
from dicube_core.trees.report import error_text
from dicube_core.trees.running import require_jobs
from dicube_core.trees.walking import walk_tree
from dicube_core.urls import is_url, path_or_url, shown
from dicube_core.verify import VerifyReport, verify_file

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from dicube_core.trees.workers import Workers

__all__ = ["VerifiedFile", "VerifyFilesReport", "verify_files"]

#: From so many files on, several processes are worth starting.
_MANY_FILES = 64


@dataclass(frozen=True, slots=True)
class VerifiedFile:
    """What was found out about one file.

    Parameters
    ----------
    path : str
        As it was given, or below the folder that was.
    file_bytes : int
        Its size, 0 where it cannot be opened, or is no file of this machine's.
    seconds : float
        Time that it took.
    report : VerifyReport or None
        None where it could not be looked at.
    error : str
        Why not: it is not there, may not be read, or ended the process that looked at it.
    """

    path: str
    file_bytes: int
    seconds: float
    report: VerifyReport | None
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether it is proven to be whole."""
        return self.report is not None and self.report.ok

    @property
    def failures(self) -> list[str]:
        """What is wrong with it, one line each."""
        return [self.error] if self.report is None else self.report.failures

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values, for JSON."""
        report = VerifyReport(self.path, failures=self.failures)
        return {
            **(self.report or report).to_dict(),
            "path": self.path,
            "file_bytes": self.file_bytes,
            "seconds": self.seconds,
            "error": self.error,
        }


@dataclass(frozen=True, slots=True)
class VerifyFilesReport:
    """What was found out about many files.

    Parameters
    ----------
    files : tuple of VerifiedFile
        In the order in which they were given; those of a folder by name.
    left_out : int
        Files below the folders that do not end in ``.dcbs``.
    seconds : float
        Of everything.
    jobs : int
        Processes that worked on it.
    """

    files: tuple[VerifiedFile, ...]
    left_out: int
    seconds: float
    jobs: int

    @property
    def ok(self) -> bool:
        """Whether all files are proven to be whole."""
        return all(one.ok for one in self.files)

    def counts(self) -> dict[str, int]:
        """Return the number of files by what they are: whole, damaged, or not looked at."""
        found = [("ok" if f.ok else "damaged") if f.report else "failed" for f in self.files]
        return {name: found.count(name) for name in ("ok", "damaged", "failed")}

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values, for JSON."""
        return {
            "ok": self.ok,
            "counts": self.counts(),
            "seconds": self.seconds,
            "jobs": self.jobs,
            "left_out": self.left_out,
            "files": [one.to_dict() for one in self.files],
        }


def verify_files(
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    jobs: int | None = None,
    workers: Workers | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> VerifyFilesReport:
    """Check every checksum of many files, and decode all their frames, as `verify_file` does.

    Parameters
    ----------
    paths : path-like, or iterable of path-like
        Files, also by address as for `open`, and folders, below which all files that end in
        ``.dcbs`` are taken. Links to folders are not followed.
    jobs : int, optional
        Processes. By default as many as `get_num_threads` says, and 1 where there are few files;
        more than 1 import the main module, as those of `convert_tree`.
    workers : Workers, optional
        Who verifies instead, such as `dicube_plugins.dask.DaskWorkers`; without `jobs`.
    progress : callable, optional
        Called with (files verified, files in all).

    Returns
    -------
    VerifyFilesReport
        Damage is listed in it. A file that is damaged, not there, or ends the process that
        looks at it, does not stop the others.

    Raises
    ------
    SeriesError
        There is no ``.dcbs`` file in the folders.
    OSError
        A folder cannot be read.
    ValueError
        An argument is none of those above.
    WorkersError
        No worker can be had, they do not fit, or all are gone.
    """
    start = time.perf_counter()
    require_jobs(jobs, workers)
    many = [paths] if isinstance(paths, str | os.PathLike) else list(paths)
    names, left_out = _names([path_or_url(path) for path in many])
    if not names:
        raise SeriesError(
            f"no .dcbs files in {', '.join(map(str, many)) or 'nothing'}",
            suggestion="give the files, or the folder that holds them",
        )
    found: dict[int, VerifiedFile] = {}
    with workers or Lanes(_n_jobs(jobs, len(names))) as crew:
        tasks = list(enumerate(map(_absolute, names) if crew.remote else names))
        folders = (Path(name).parent for _, name in tasks if not is_url(name))
        # One that is not here either is told of with its files.
        folder = next(filter(Path.is_dir, folders), None)
        if folder is not None:
            crew.reach(folder, None, None)
        for (number, _), result in crew.map(verify_task, tasks):
            name = str(shown(names[number]))
            found[number] = (
                VerifiedFile(name, 0, 0.0, None, error_text(result))
                if isinstance(result, Exception)
                else VerifiedFile(name, *result)
            )
            if progress is not None:
                progress(len(found), len(names))
        n_jobs = crew.jobs
    files = tuple(found[number] for number in range(len(names)))
    return VerifyFilesReport(files, left_out, time.perf_counter() - start, n_jobs)


def _names(paths: list[Path | str]) -> tuple[list[str], int]:
    """Return the files, each once, and the number of those passed over."""
    names: dict[str, None] = {}
    left_out = 0
    for path in paths:
        if isinstance(path, str) or not path.is_dir():
            names[str(path)] = None
            continue
        for file in walk_tree(path):
            if file.hard:
                raise OSError(errno.EIO, file.problem, str(path / file.path))
            if file.problem or not file.path.lower().endswith(".dcbs"):
                left_out += 1
            else:
                names[str(path / file.path)] = None
    return list(names), left_out


def _absolute(name: str) -> str:
    return name if is_url(name) else str(Path(name).absolute())


def _n_jobs(jobs: int | None, n_files: int) -> int:
    if jobs is not None:
        return jobs
    return get_num_threads() if n_files >= _MANY_FILES else 1


def verify_task(task: tuple[int, str]) -> tuple[int, float, VerifyReport | None, str]:
    """Return the size, the seconds, the report, and the error of the system if there was one."""
    start = time.perf_counter()
    path, say = task[1], teller()
    try:
        size = 0 if is_url(path) else Path(path).stat().st_size
        report = verify_file(path, lambda done, _: say(done))
    except (OSError, MemoryError) as exc:
        return 0, time.perf_counter() - start, None, error_text(exc)
    return size, time.perf_counter() - start, report, ""
