"""Find every file of a tree, in a fixed order."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dicube_core.dicom.gather import is_regular

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["TreeFile", "walk_tree"]


@dataclass(frozen=True, slots=True)
class TreeFile:
    """One entry of the tree.

    Parameters
    ----------
    path : str
        Below the root, with forward slashes; ``.`` for the root itself.
    problem : str
        Why it cannot be read, empty where it can.
    hard : bool
        Whether the problem is an error of the system, rather than the kind of the entry.
    """

    path: str
    problem: str = ""
    hard: bool = False


def walk_tree(
    root: Path, excluded: Path | None = None, only: str | None = None
) -> Iterator[TreeFile]:
    """Yield every file below a folder, sorted by name in each folder.

    Parameters
    ----------
    root : Path
        A folder; links to folders below it are not followed.
    excluded : Path, optional
        A folder that is passed over (where the results go).
    only : str, optional
        Just this file of the root.
    """
    if only is not None:
        yield _entry(root / only, root)
        return
    passed = None if excluded is None else Path(os.path.realpath(excluded))
    failed: list[TreeFile] = []
    for folder, folders, files in os.walk(root, onerror=_noting(failed, root)):
        folders.sort()
        below = Path(folder)
        linked = [name for name in folders if (below / name).is_symlink()]
        folders[:] = [
            name
            for name in folders
            if name not in linked and Path(os.path.realpath(below / name)) != passed
        ]
        for name in linked:
            yield TreeFile(_relative(below / name, root), "a link to a folder, not followed")
        for name in sorted(files):
            yield _entry(below / name, root)
        yield from failed
        failed.clear()
    yield from failed


def _noting(failed: list[TreeFile], root: Path) -> Callable[[OSError], None]:
    def note(error: OSError) -> None:
        path = _relative(Path(error.filename or root), root)
        failed.append(TreeFile(path, error.strerror or str(error), hard=True))

    return note


def _entry(path: Path, root: Path) -> TreeFile:
    name = _relative(path, root)
    try:
        regular = is_regular(path)
    except OSError as exc:
        return TreeFile(name, exc.strerror or str(exc), hard=True)
    # A FIFO or device must never be opened: reading it may not end.
    return TreeFile(name, "" if regular else "not a regular file")


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix()
