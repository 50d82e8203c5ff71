"""The files that the pages take for granted.

Every page has ``series/`` (a CT of 24 slices of 64x64), ``study.dcbs`` and ``series.dcbs`` (the
same), and ``study.nii.gz`` where nibabel is installed. What else a page names is made for it.
"""

from __future__ import annotations

import shutil
from importlib.util import find_spec
from typing import TYPE_CHECKING

from support.multiframe import enhanced, frames_of, part10
from support.raw import text
from support.volumes import make_volumes, marks
from support.whole import write_files

import dicube_core
from dicube_core.phantom import write_phantom_series

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from docs_pages.page import Page

__all__ = ["prepare"]


def _common(folder: Path) -> None:
    write_phantom_series(folder / "series", 24, size=64)
    dicube_core.convert(folder / "series", folder / "study.dcbs")
    shutil.copy(folder / "study.dcbs", folder / "series.dcbs")
    if find_spec("nibabel"):
        dicube_core.save_to_nifti(dicube_core.load(folder / "study.dcbs"), folder / "study.nii.gz")


def _echoes(path: Path) -> None:
    files = make_volumes(4, 20, lambda f: marks(text(0x00180086, "IS", str(f.volume + 1))))
    dicube_core.convert(write_files(path.parent / "echoes", files), path)


def _tilted(path: Path) -> None:
    files = make_volumes(1, 3, lambda _: {}, step=(0.0, 0.5, 2.5))
    dicube_core.convert(write_files(path.parent / "tilted", files), path)


def _cine(path: Path) -> None:
    source = path.with_suffix(".dcm")
    source.write_bytes(part10(enhanced(frames_of(9), own_slopes=False)))
    dicube_core.convert(source, path)


def _three_slices(path: Path) -> None:
    write_phantom_series(path.parent / "three", 3, size=64)
    dicube_core.convert(path.parent / "three", path)


def _damaged(path: Path) -> None:
    data = bytearray((path.parent / "study.dcbs").read_bytes())
    with dicube_core.open(path.parent / "study.dcbs") as reader:
        place = bytes(data).index(reader.codestream(5))
    data[place + 40] ^= 0xFF
    path.write_bytes(data)


def _disk(folder: Path) -> None:
    for seed in range(2):
        write_phantom_series(folder / f"patient{seed}", 3, size=64, seed=seed)


def _salt(path: Path) -> None:
    path.write_bytes(bytes(range(32)))


#: Name in a page -> what makes it.
_MAKERS: dict[str, Callable[[Path], None]] = {
    "echoes.dcbs": _echoes,
    "tilted.dcbs": _tilted,
    "cine.dcbs": _cine,
    "in.dcbs": _three_slices,
    "damaged.dcbs": _damaged,
    "DISK": _disk,
    "salt.bin": _salt,
}


def prepare(folder: Path, page: Page) -> Path:
    """Make the files of a page in a folder, and return this."""
    _common(folder)
    code = "\n".join(block.code for block in page.blocks if block.is_run)
    for name, make in _MAKERS.items():
        if name in code:
            make(folder / name)
    return folder
