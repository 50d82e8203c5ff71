"""napari shows ``.dcbs`` files. Found by its entry point; nothing has to be switched on.

napari itself is not imported here: npe2, which finds readers, is enough to use this one.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from dicube_plugins.sniff import is_dcbs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["get_reader"]


def get_reader(path: str | Sequence[str]) -> Callable[..., list[tuple[Any, ...]]] | None:
    """Return what reads these files, None where one of them is no ``.dcbs`` file.

    Parameters
    ----------
    path : str, or several of them
        What is to be opened.

    Returns
    -------
    callable or None
        Takes what was given here (and ignores it), and returns layers as napari knows them: one
        for each file, or one for each stack of slices that has a place of its own.
    """
    paths = [path] if isinstance(path, str) else list(path)
    if not paths or not all(map(is_dcbs, paths)):
        return None
    return partial(_read, paths)


def _read(paths: Sequence[str], _path: object = None) -> list[tuple[Any, ...]]:
    from dicube_plugins.napari._layers import layers_of

    return [layer for path in paths for layer in layers_of(path)]
