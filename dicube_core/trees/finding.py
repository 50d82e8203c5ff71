"""Read a whole tree: what each of its files is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.trees.instances import Instance, NoInstance, read_chunk, shared_facts
from dicube_core.trees.planning import Source
from dicube_core.trees.report import error_text
from dicube_core.trees.walking import walk_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from dicube_core.trees.instances import Facts
    from dicube_core.trees.workers import Workers

__all__ = ["Found"]

#: Below this number of files, they are read before the first worker is ready to help.
_READ_HERE = 2048
_NIFTI = (".nii", ".nii.gz")


class Found:
    """The files of a tree by what they are."""

    def __init__(self) -> None:
        self.files: list[str] = []
        self.instances: list[Instance] = []
        self.nifti: list[Source] = []
        self.unreadable: list[NoInstance] = []
        self.left_out: list[tuple[str, str]] = []

    def sort_files(self, root: Path, out: Path, only: str | None) -> None:
        """Tell NIfTI by its name; everything else is looked at."""
        for file in walk_tree(root, out, only):
            if file.hard:
                self.unreadable.append(NoInstance(file.path, file.problem, dicom=True))
            elif file.problem:
                self.left_out.append((file.path, file.problem))
            elif file.path.lower().endswith(_NIFTI):
                self._add_nifti(root, file.path)
            else:
                self.files.append(file.path)

    @property
    def weight(self) -> int:
        """Number of files to read, one volume counted as many of them."""
        return len(self.files) + 32 * len(self.nifti)

    def _add_nifti(self, root: Path, path: str) -> None:
        try:
            status = (root / path).stat()
        except OSError as exc:  # it was there a moment ago
            problem = exc.strerror or str(exc)
            self.unreadable.append(NoInstance(path, problem, dicom=True))
            return
        self.nifti.append(Source(path, status.st_size, status.st_mtime_ns))

    @property
    def sample(self) -> str | None:
        """Name of one of the files, None where there is none."""
        return next(iter(self.files), self.nifti[0].path if self.nifti else None)

    def read(
        self, workers: Workers, root: Path, progress: Callable[[int, int], None] | None
    ) -> None:
        """Read the headers of all files but NIfTI."""
        total, done = len(self.files), 0
        known: dict[Facts, Facts] = {}
        batch = workers.batch
        chunks = [tuple(self.files[i : i + batch]) for i in range(0, total, batch)]
        again: list[tuple[str, tuple[str, ...]]] = []
        workers.warm()
        here = total < _READ_HERE
        for (_, paths), result in workers.map(
            read_chunk, [(str(root), c) for c in chunks], here=here
        ):
            if isinstance(result, Exception):
                # One of them is too much for a worker; the others are not to suffer from it.
                again += [(str(root), (path,)) for path in paths]
                continue
            self._add(result, known)
            done += len(paths)
            if progress is not None:
                progress(done, total)
        for (_, paths), result in workers.map(read_chunk, again):
            if isinstance(result, Exception):
                self.unreadable.append(NoInstance(paths[0], error_text(result), dicom=True))
            else:
                self._add(result, known)
        self.files = []

    def _add(self, results: Sequence[Instance | NoInstance], known: dict[Facts, Facts]) -> None:
        self.instances += shared_facts((r for r in results if isinstance(r, Instance)), known)
        for result in results:
            if isinstance(result, NoInstance):
                if result.dicom:
                    self.unreadable.append(result)
                else:
                    self.left_out.append((result.path, result.reason))

    def keep_series(self, series_uid: str | None) -> None:
        """Leave out everything but one series, where one is asked for."""
        if series_uid is None:
            return
        others = [i.path for i in self.instances if i.facts.series != series_uid]
        others += [source.path for source in self.nifti]
        self.left_out += [(path, "not of the series asked for") for path in others]
        self.instances = [i for i in self.instances if i.facts.series == series_uid]
        self.nifti = []
