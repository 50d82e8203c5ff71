"""Do one job: in a worker process, or in this one."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from dicube_core.dicom.gather import Gathered
from dicube_core.dicom.scan import scan
from dicube_core.dicom.series import build_series
from dicube_core.exceptions import (
    DataConsistencyError,
    DicomCubeError,
    SeriesError,
    UnsupportedKindError,
)
from dicube_core.ingest import convert
from dicube_core.temporaries import remove_leftovers
from dicube_core.trees._worker import tell
from dicube_core.trees.existing import State, compare_nifti, compare_series
from dicube_core.trees.report import Outcome, error_text

if TYPE_CHECKING:
    from dicube_core.dicom.scan import SliceSource
    from dicube_core.spatial.findings import GeometryReport
    from dicube_core.trees.existing import Existing
    from dicube_core.trees.planning import Job, Source

__all__ = ["Done", "run_job"]

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a job; fields as in `TreeRow`."""

    outcome: Outcome
    reason: str = ""
    shape: tuple[int, ...] = ()
    dtype: str = ""
    file_bytes: int = 0
    seconds: float = 0.0
    status: str = ""
    findings: tuple[str, ...] = ()


class _ExistsError(DicomCubeError):
    """The target is there, and is not to be replaced."""


def run_job(job: Job) -> Done:
    """Convert one series, or find that it is converted; never raises for what files hold."""
    start = time.perf_counter()
    try:
        done = _nifti(job) if job.nifti else _series(job)
    except (UnsupportedKindError, SeriesError, _ExistsError) as exc:
        done = Done(Outcome.REFUSED, error_text(exc))
    except (DicomCubeError, OSError, MemoryError) as exc:
        done = Done(Outcome.FAILED, error_text(exc))
    return replace(done, seconds=time.perf_counter() - start)


def _series(job: Job) -> Done:
    gathered = Gathered(tuple(_rescan(job, source) for source in job.sources), ())
    for copy, index in job.copies:
        _require_copy(job, copy, job.sources[index])
    out = Path(job.out)
    compared = _may_stay(out, job)
    if compared or (job.options.incomplete and out.exists()):
        series = build_series(gathered, job.options.sort_method)
        existing = compare_series(out, series, progressive=job.options.progressive)
        if not compared:
            _require_no_more(out, existing)
        elif _is_there(out, existing):
            return _there(out, series.report)
    options = job.options
    converted = convert(
        gathered,
        out,
        sort_method=options.sort_method,
        verify=options.verify,
        progressive=options.progressive,
        keep_encoding=options.keep_encoding,
        progress=lambda done, _: tell(done),
    )
    return _done(Outcome.CONVERTED, converted.shape, converted.dtype_name, out, converted.report)


def _nifti(job: Job) -> Done:
    (source,) = job.sources
    path, out = Path(job.root, source.path), Path(job.out)
    if _may_stay(out, job) and _is_there(out, compare_nifti(out, path)):
        return _there(out, None)
    options = job.options
    converted = convert(
        path,
        out,
        verify=options.verify,
        progressive=options.progressive,
        progress=lambda done, total: tell(0 if done < total else 1),
    )
    return _done(Outcome.CONVERTED, converted.shape, converted.dtype_name, out, converted.report)


def _rescan(job: Job, source: Source) -> SliceSource:
    """Read a header again: planning kept only what it needed of it."""
    tell(0)
    path = PurePosixPath(source.path)
    name = path.relative_to(job.folder).as_posix() if job.folder != "." else source.path
    found = scan(Path(job.root, source.path), name)
    if (found.size, found.modified) != (source.size, source.modified):
        raise DataConsistencyError(f"{source.path}: the file changed since the tree was read")
    return found


def _require_copy(job: Job, copy: Source, original: Source) -> None:
    """Check that two files with one SOP Instance UID are the same, byte for byte."""
    with (
        Path(job.root, copy.path).open("rb") as one,
        Path(job.root, original.path).open("rb") as other,
    ):
        while True:
            tell(0)
            first, second = one.read(_CHUNK), other.read(_CHUNK)
            if first != second:
                raise SeriesError(
                    f"two instances with one SOP Instance UID and other contents: "
                    f"{original.path} and {copy.path}"
                )
            if not first:
                return


def _may_stay(out: Path, job: Job) -> bool:
    """Return whether a file is there that is to be compared with the sources."""
    existing = job.options.existing
    if out.is_symlink():
        raise _exists(out, "is a link, which may lead out of the folder")
    if existing == "replace" or not out.exists():
        return False
    if existing == "refuse":
        raise _exists(out, "it is not to be looked at")
    return True


def _is_there(out: Path, existing: Existing) -> bool:
    if existing.state in (State.OTHER, State.MORE):
        raise _exists(out, existing.reason)
    return existing.state is State.SAME


def _require_no_more(out: Path, existing: Existing) -> None:
    """Refuse to replace what may hold a file of the tree that could not be read this time."""
    if existing.state is State.MORE:
        raise _ExistsError(
            f"{out.name} exists, and {existing.reason}, while some files of the tree could not be "
            "read",
            suggestion="make those readable (they are listed as failed), or move it away",
        )


def _exists(out: Path, reason: str) -> _ExistsError:
    return _ExistsError(
        f"{out.name} exists, and {reason}", suggestion="move it away, or replace it by --force"
    )


def _there(out: Path, report: GeometryReport | None) -> Done:
    from dicube_core.reader import Reader

    remove_leftovers(out)  # nothing is written, which would do so: of a run that was killed
    with Reader(out) as reader:
        shape, dtype = reader.shape, reader.pixel_format.dtype_name
    return _done(Outcome.ALREADY_THERE, shape, dtype, out, report)


def _done(
    outcome: Outcome,
    shape: tuple[int, ...],
    dtype: str,
    out: Path,
    report: GeometryReport | None,
) -> Done:
    return Done(
        outcome,
        shape=shape,
        dtype=dtype,
        file_bytes=out.stat().st_size,
        status="" if report is None else report.status.value,
        findings=() if report is None else tuple(f.message for f in report.findings),
    )
