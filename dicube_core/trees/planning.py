"""From parts and NIfTI files to jobs: what is converted to which file."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from posixpath import commonpath, dirname
from typing import TYPE_CHECKING, Literal

from dicube_core.exceptions import DataConsistencyError
from dicube_core.trees.naming import nifti_stem, part_stem, unique_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicube_core.spatial.order import SortMethod
    from dicube_core.trees.grouping import Part
    from dicube_core.trees.naming import NameMode

__all__ = ["Job", "JobOptions", "Source", "plan_jobs"]


@dataclass(frozen=True, slots=True)
class JobOptions:
    """How all jobs of a tree are done.

    Parameters
    ----------
    verify, progressive, keep_encoding : bool
        As in `convert`.
    sort_method : SortMethod or None
        As in `convert`.
    existing : {"resume", "replace", "refuse"}
        What to do where the file is there: find out whether it is what would be written;
        replace it; or leave it alone.
    incomplete : bool
        Some file of the tree is DICOM, or may be, and could not be read: nothing is replaced that
        may hold it.
    """

    verify: bool = True
    progressive: bool = False
    keep_encoding: bool = False
    sort_method: SortMethod | None = None
    existing: Literal["resume", "replace", "refuse"] = "resume"
    incomplete: bool = False


@dataclass(frozen=True, slots=True)
class Source:
    """A file as the scan found it: path below the root, bytes, nanoseconds."""

    path: str
    size: int
    modified: int


@dataclass(frozen=True, slots=True)
class Job:
    """One file to write.

    Parameters
    ----------
    number : int
        Place in the plan.
    root : str
        Folder of the tree.
    folder : str
        Deepest folder below it that holds all sources, ``.`` for the root; what the file says of
        its sources' names is below this, as if the folder had been converted alone.
    sources : tuple of Source
        One per instance, sorted by path.
    copies : tuple of (Source, index)
        Files that must equal the source of this index.
    out : str
        The file.
    frames : int
        Expected; for progress only.
    nifti : bool
        Whether the source is NIfTI.
    options : JobOptions
        The same for all.
    """

    number: int
    root: str
    folder: str
    sources: tuple[Source, ...]
    copies: tuple[tuple[Source, int], ...]
    out: str
    frames: int
    nifti: bool
    options: JobOptions

    @property
    def source_bytes(self) -> int:
        """Bytes of all sources."""
        return sum(source.size for source in self.sources)


def plan_jobs(
    root: str,
    out_folder: str,
    parts: Sequence[Part],
    nifti: Sequence[Source],
    *,
    mode: NameMode,
    options: JobOptions,
) -> list[Job]:
    """Return one job per part and NIfTI file, in their order.

    Raises
    ------
    DataConsistencyError
        Two of them would have the same name: never without a collision of hashes.
    """
    stems = [(part_stem(part, mode), part.identity) for part in parts]
    stems += [(nifti_stem(source.path), f"NIfTI\n{source.path}") for source in nifti]
    names = unique_names(stems)
    twice = [name for name, count in Counter(map(str.lower, names)).items() if count > 1]
    if twice:
        raise DataConsistencyError(f"several files would be called {twice[0]}")
    jobs = []
    for number, name in enumerate(names):
        is_nifti = number >= len(parts)
        out = f"{out_folder}/{name}"
        if is_nifti:
            source = nifti[number - len(parts)]
            folder = dirname(source.path) or "."
            jobs.append(Job(number, root, folder, (source,), (), out, 1, is_nifti, options))
        else:
            jobs.append(_part_job(number, root, parts[number], out, options))
    return jobs


def _part_job(number: int, root: str, part: Part, out: str, options: JobOptions) -> Job:
    instances = part.instances
    place = {id(one): index for index, one in enumerate(instances)}
    return Job(
        number=number,
        root=root,
        folder=commonpath([dirname(one.path) for one in instances]) or ".",
        sources=tuple(Source(one.path, one.size, one.modified) for one in instances),
        copies=tuple(
            (Source(copy.path, copy.size, copy.modified), place[id(original)])
            for copy, original in part.copies
        ),
        out=out,
        frames=sum(one.frames for one in instances),
        nifti=False,
        options=options,
    )
