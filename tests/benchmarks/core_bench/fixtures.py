"""One series in all the forms that the tasks start from, made once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import dicube_core

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from core_bench.series import SourceFolder

__all__ = ["Fixture"]


@dataclass(frozen=True, slots=True)
class Fixture:
    """Source folder, the file each package makes of it, and room for output.

    Parameters
    ----------
    source : SourceFolder
        Files of the series.
    work : Path
        Folder for output.
    ours, theirs : Path
        ``.dcbs`` files of the series; `theirs` does not exist without dicube.
    dicube : module or None
        The incumbent.
    threads : int
        As set in both packages.
    """

    source: SourceFolder
    work: Path
    ours: Path
    theirs: Path
    dicube: Any | None
    threads: int

    @classmethod
    def make(cls, source: SourceFolder, work: Path, dicube: Any | None, threads: int) -> Fixture:
        """Convert the series with both packages."""
        ours, theirs = work / f"{source.name}.ours.dcbs", work / f"{source.name}.theirs.dcbs"
        dicube_core.convert(source.folder, ours)
        fixture = cls(source, work, ours, theirs, dicube, threads)
        if dicube is not None:
            dicube.save(fixture.their_folder_image(), str(theirs))
        return fixture

    @property
    def volume(self) -> np.ndarray:
        """Stored values of the series as our reader gives them."""
        with dicube_core.open(self.ours) as reader:
            return reader.frames()

    @property
    def codestreams(self) -> list[bytes]:
        """Encoded frames of our file."""
        with dicube_core.open(self.ours) as reader:
            return [reader.codestream(index) for index in range(len(reader))]

    def their_folder_image(self) -> Any:
        """Read the folder with the incumbent, in the order that is our default."""
        method = self.dicube.SortMethod.POSITION_RIGHT_HAND
        return self.dicube.load_from_dicom_folder(str(self.source.folder), method)

    def target(self, name: str) -> str:
        """Return a path for output."""
        return str(self.work / f"{self.source.name}.{name}.dcbs")
