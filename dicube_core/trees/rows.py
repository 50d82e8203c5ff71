"""Put the rows of a report together."""

from __future__ import annotations

from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from dicube_core.trees.converting import Done
from dicube_core.trees.grouping import plane_name
from dicube_core.trees.report import Outcome, TreeRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from dicube_core.trees.grouping import Part
    from dicube_core.trees.instances import NoInstance
    from dicube_core.trees.planning import Job

__all__ = ["report_rows"]

_IN_FILE = (Outcome.CONVERTED, Outcome.ALREADY_THERE)


def report_rows(
    parts: Sequence[Part],
    unreadable: Iterable[NoInstance],
    jobs: Sequence[Job],
    done: Mapping[int, Done],
) -> Iterator[TreeRow]:
    """Yield the rows in the order that `TreeReport` tells.

    Parameters
    ----------
    parts : sequence of Part
        All of them; those without a refusal have the first jobs, in the same order.
    unreadable : iterable of NoInstance
        Files whose headers could not be read.
    jobs : sequence of Job
        The plan.
    done : mapping
        Job number to result.
    """
    waiting = iter(jobs)
    for part in parts:
        if part.refusal:
            yield _part_row(part, None, Done(Outcome.REFUSED, part.refusal))
        else:
            job = next(waiting)
            yield _part_row(part, job, done[job.number])
    for broken in sorted(unreadable, key=lambda one: one.path):
        outcome = Outcome.REFUSED if broken.refused else Outcome.FAILED
        yield _row(Done(outcome, broken.reason), sources=(broken.path,))
    for job in waiting:
        path = job.sources[0].path
        yield _row(
            done[job.number],
            job,
            modality="NIFTI",
            description=path.rpartition("/")[2],
            sources=(path,),
        )


def _part_row(part: Part, job: Job | None, done: Done) -> TreeRow:
    words = ["localizer"] * part.localizer + [plane_name(part.orientation)]
    copies = tuple((copy.path, original.path) for copy, original in part.copies)
    in_file = done.outcome in _IN_FILE
    # Whether they are equal is known only where the file was made.
    unproven = () if in_file else tuple(copy for copy, _ in copies)
    return _row(
        done,
        job,
        study=part.key.study,
        series=part.key.series,
        modality=part.modality,
        number=part.number,
        description=part.description,
        part=" ".join(filter(None, words)),
        source_bytes=sum(one.size for one in part.instances),
        sources=(*(one.path for one in part.instances), *unproven),
        copies=copies if in_file else (),
    )


def _row(done: Done, job: Job | None = None, **fields: Any) -> TreeRow:
    in_file = done.outcome in _IN_FILE
    texts = dict.fromkeys(("study", "series", "modality", "number", "description", "part"), "")
    values: dict[str, Any] = {
        **texts,
        "source_bytes": 0 if job is None else job.source_bytes,
        **fields,
    }
    return TreeRow(
        file=PurePath(job.out).name if job is not None and in_file else "",
        shape=done.shape,
        dtype=done.dtype,
        file_bytes=done.file_bytes,
        seconds=done.seconds,
        outcome=done.outcome,
        reason=done.reason,
        status=done.status,
        findings=done.findings,
        **values,
    )
