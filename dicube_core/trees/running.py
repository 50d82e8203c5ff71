"""Convert a whole tree: find, read, group, plan, convert, report."""

from __future__ import annotations

import errno
import os
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from dicube_core.exceptions import SeriesError
from dicube_core.settings import get_num_threads
from dicube_core.temporaries import sweep_leftovers
from dicube_core.trees.converting import Done, run_job
from dicube_core.trees.finding import Found
from dicube_core.trees.grouping import group_instances
from dicube_core.trees.lanes import Lanes
from dicube_core.trees.naming import NAME_MODES
from dicube_core.trees.planning import JobOptions, plan_jobs
from dicube_core.trees.report import Outcome, TreeReport, error_text
from dicube_core.trees.rows import report_rows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dicube_core.spatial.order import SortMethod
    from dicube_core.trees.naming import NameMode
    from dicube_core.trees.planning import Job
    from dicube_core.trees.workers import Workers

    Progress = Callable[[str, int, int], None]

__all__ = ["convert_tree", "require_jobs"]

#: From so many files on, several processes are worth starting.
_MANY_FILES = 256


def convert_tree(
    source: str | os.PathLike[str],
    out_folder: str | os.PathLike[str],
    *,
    jobs: int | None = None,
    workers: Workers | None = None,
    verify: bool = True,
    resume: bool = True,
    force: bool = False,
    split: bool = True,
    name: NameMode = "description",
    series_uid: str | None = None,
    sort_method: SortMethod | None = None,
    progressive: bool = False,
    keep_encoding: bool = False,
    progress: Progress | None = None,
) -> TreeReport:
    """Convert every series below a folder to a ``.dcbs`` file of its own.

    Instances belong together by Study and Series Instance UID, in whichever folders they are.
    NIfTI files become one file each. Nothing in `source` is changed, nothing in `out_folder`
    is deleted, and every file found is accounted for in the report. How series are split, named
    and found again is told in ``docs/converting.md``.

    Parameters
    ----------
    source : path-like
        A folder, read with its sub-folders, or one file.
    out_folder : path-like
        Created when the first file is written. If it lies below `source`, it is not read.
    jobs : int, optional
        Processes that read and convert. By default as many as `get_num_threads` says, which are
        also the threads that all of them have together; and 1 where there are few files. With 1,
        or where there is but one thing to do, everything happens in this process. With more, the
        worker processes import the main module of the program, as `multiprocessing` does: a
        script needs ``if __name__ == "__main__":``.
    workers : Workers, optional
        Who reads and converts instead, such as `dicube_plugins.dask.DaskWorkers`; without `jobs`.
    verify : bool
        Decode every frame after encoding and compare it with the source (default).
    resume : bool
        Where a file is there already, compare the headers in it with the sources byte for byte
        and leave it if they are the same (default). Else it is refused, unless `force`.
    force : bool
        Replace whatever is there; but no file that holds more than the sources, as long as some
        file of the tree cannot be read.
    split : bool
        Separate localizers, and orientations, of one series (default). Frames that cannot share
        a file are separated in any case.
    name : {"description", "number", "uid"}
        What names are made from.
    series_uid : str, optional
        Convert only series with this Series Instance UID.
    sort_method, progressive, keep_encoding
        As in `convert`. Where encodings are kept, each transfer syntax of a series becomes a file.
    progress : callable, optional
        Called with (``"reading"`` or ``"converting"``, done, in all): files, then frames.

    Returns
    -------
    TreeReport
        One row per file, and what is in none. A series that is refused or fails does not stop
        the others; nor does a worker process that dies.

    Raises
    ------
    SeriesError
        There is nothing to convert: neither DICOM nor NIfTI files.
    OSError
        `source` is not there, or `out_folder` cannot be made.
    ValueError
        An argument is none of those above.
    WorkersError
        No worker can be had, they do not fit, or all are gone. What was done stays; the next call
        goes on from there.
    """
    start = time.perf_counter()
    root, only = _root(Path(source))
    out = _out(Path(out_folder))
    require_jobs(jobs, workers)
    if name not in NAME_MODES:
        raise ValueError(f"name must be one of {', '.join(NAME_MODES)}, not {name!r}")
    found = Found()
    found.sort_files(root, out, only)
    with workers or Lanes(_n_jobs(jobs, found.weight)) as crew:
        if crew.remote:
            root, out = root.absolute(), out.absolute()
        crew.reach(root, out, None if found.sample is None else root / found.sample)
        found.read(crew, root, None if progress is None else partial(progress, "reading"))
        found.keep_series(series_uid)
        if not found.instances and not found.unreadable and not found.nifti:
            raise _nothing(root, found, series_uid)
        incomplete = any(not one.refused for one in found.unreadable)
        options = JobOptions(
            verify=verify,
            progressive=progressive,
            keep_encoding=keep_encoding,
            sort_method=sort_method,
            existing="replace" if force else "resume" if resume else "refuse",
            incomplete=incomplete,
        )
        parts = group_instances(found.instances, split=split, keep_encoding=keep_encoding)
        planned = [part for part in parts if not part.refusal]
        tasks = plan_jobs(str(root), str(out), planned, found.nifti, mode=name, options=options)
        if crew.remote:
            tasks = [_repeatable(task) for task in tasks]
        if tasks:
            out.mkdir(parents=True, exist_ok=True)
        done = _run(crew, tasks, progress)
        # What workers that died had begun, unless another has removed it to do it again.
        sweep_leftovers(out, [Path(task.out).name for task in tasks])
        n_jobs = crew.jobs
    rows = tuple(report_rows(parts, found.unreadable, tasks, done))
    left_out = tuple(sorted(found.left_out))
    return TreeReport(root, out, rows, left_out, time.perf_counter() - start, n_jobs)


def require_jobs(jobs: int | None, workers: Workers | None) -> None:
    """Refuse numbers of processes that cannot be."""
    if jobs is not None and jobs < 1:
        raise ValueError(f"number of jobs must be at least 1, not {jobs}")
    if jobs is not None and workers is not None:
        raise ValueError("jobs is the number of processes here, which workers stand in for")


def _repeatable(job: Job) -> Job:
    """Let a job that must not find its file be begun again after it has written it itself."""
    if job.options.existing != "refuse" or os.path.lexists(job.out):
        return job
    return replace(job, options=replace(job.options, existing="resume"))


def _root(source: Path) -> tuple[Path, str | None]:
    """Return the folder, and the name of the one file to read of it."""
    if not source.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(source))
    return (source, None) if source.is_dir() else (source.parent, source.name)


def _out(out: Path) -> Path:
    if out.exists() and not out.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(out))
    return out


def _n_jobs(jobs: int | None, weight: int) -> int:
    if jobs is not None:
        return jobs
    # Fewer files are converted in the time that processes take to start.
    return get_num_threads() if weight >= _MANY_FILES else 1


def _nothing(root: Path, found: Found, series_uid: str | None) -> SeriesError:
    if series_uid is not None:
        return SeriesError(f"no instance in {root} has Series Instance UID {series_uid!r}")
    return SeriesError(
        f"neither DICOM nor NIfTI files in {root}; {len(found.left_out)} other files were left out",
        suggestion="give the folder that holds the series",
    )


def _run(crew: Workers, jobs: Sequence[Job], progress: Progress | None) -> dict[int, Done]:
    """Do all jobs, the largest first, so that none is left for one processor at the end."""
    total = sum(job.frames for job in jobs)
    finished = shown = 0
    results: dict[int, Done] = {}

    def tick(under_way: int) -> None:
        nonlocal shown
        shown = max(shown, min(finished + under_way, total))
        if progress is not None:
            progress("converting", shown, total)

    order = sorted(jobs, key=lambda job: (-job.source_bytes, job.number))
    for job, result in crew.map(run_job, order, tick):
        finished += job.frames
        results[job.number] = (
            Done(Outcome.FAILED, error_text(result)) if isinstance(result, Exception) else result
        )
        tick(0)
    return results
