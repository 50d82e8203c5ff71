"""Where slices go: a folder, one file, or an archive."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

from dicube_core.atomic import AtomicFile
from dicube_core.export import write_folder
from dicube_core.file_names import safe_names
from dicube_core.frames import InOrder
from dicube_plugins.archives import ARCHIVE_SUFFIXES, open_archive, write_all

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dicube_plugins.archives import ArchiveKind, Writable

    Progress = Callable[[int, int], None]

__all__ = ["Target", "open_target"]

_DICOM_SUFFIX = ".dcm"


class Target:
    """Takes slices under names.

    Parameters
    ----------
    path : Path or None
        Folder or file to write; None for a stream.
    stream : object with a write method, optional
        Not closed.
    archive : {"zip", "tar", "tar.gz"} or None
        Kind of archive; None for a folder or one file.
    """

    def __init__(
        self, path: Path | None, stream: Writable | None, archive: ArchiveKind | None
    ) -> None:
        self.path = path
        self._stream = stream
        self._archive = archive

    @property
    def name(self) -> str:
        """Path, or a description of the stream."""
        return str(self.path) if self.path else str(getattr(self._stream, "name", "<stream>"))

    @property
    def takes_one(self) -> bool:
        """Whether it is one DICOM file."""
        path = self.path
        return not self._archive and path is not None and _suffix(path.name) == _DICOM_SUFFIX

    def write(
        self, wanted: Sequence[str], content: Callable[[int], bytes], progress: Progress | None
    ) -> tuple[str, ...]:
        """Write slices.

        Parameters
        ----------
        wanted : sequence of str
            Names; replaced by numbered ones where they may not be used as file names.
        content : callable
            ``content(position)`` returns a slice; called by several threads.
        progress : callable, optional
            Called with (slices written, slices in all).

        Returns
        -------
        tuple of str
            The names that they got.
        """
        if self.path is None or self._archive or self.takes_one:
            return self._write_file(wanted, content, progress)
        files = write_folder(wanted, content, self.path, progress)
        folder = os.path.abspath(self.path)  # noqa: PTH100 - links in it stay as they are
        return tuple(file.relative_to(folder).as_posix() for file in files)

    def _write_file(
        self, wanted: Sequence[str], content: Callable[[int], bytes], progress: Progress | None
    ) -> tuple[str, ...]:
        if self.takes_one and self.path is not None:
            with AtomicFile(self.path) as atomic:
                write_all(atomic.file, content(0))
                atomic.commit()
            return (self.path.name,)
        names = safe_names(wanted)
        with (
            self._opened() as stream,
            open_archive(stream, cast("ArchiveKind", self._archive)) as add,
            InOrder(content, len(names)) as slices,
        ):
            for number, (name, data) in enumerate(zip(names, slices, strict=True), 1):
                add(name, data)
                if progress is not None:
                    progress(number, len(names))
        return tuple(names)

    @contextmanager
    def _opened(self) -> Iterator[Writable]:
        if self._stream is not None:
            yield self._stream
        elif self.path is not None:
            with AtomicFile(self.path) as atomic:
                yield atomic.file
                atomic.commit()


def open_target(target: str | os.PathLike[str] | Writable, archive: ArchiveKind | None) -> Target:
    """Tell by name or kind what a target is; nothing is created yet.

    Raises
    ------
    TypeError, ValueError
        A stream without a kind of archive, or something else than a path or a stream.
    """
    if archive is not None and archive not in ARCHIVE_SUFFIXES.values():
        kinds = ", ".join(sorted(set(ARCHIVE_SUFFIXES.values())))
        raise ValueError(f"there are archives of kind {kinds}, not {archive!r}")
    if isinstance(target, str | os.PathLike):
        path = Path(target)
        return Target(path, None, archive or ARCHIVE_SUFFIXES.get(_suffix(path.name)))
    if not callable(getattr(target, "write", None)):
        raise TypeError(f"a path or a writable file is needed, not {type(target).__name__}")
    kind = archive or ARCHIVE_SUFFIXES.get(_suffix(str(getattr(target, "name", ""))))
    if kind is None:
        raise ValueError(
            "say what to write to the stream: archive='zip', 'tar' or 'tar.gz' (--archive)"
        )
    return Target(None, target, kind)


def _suffix(name: str) -> str:
    """Return the end of a name that says its kind."""
    folded = name.lower()
    known = (*ARCHIVE_SUFFIXES, _DICOM_SUFFIX)
    return next((suffix for suffix in known if folded.endswith(suffix)), "")
