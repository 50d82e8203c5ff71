"""Find out whether a file that is there is what a conversion would write: by proof, not by name.

A file holds the headers of its sources byte for byte, and their names. So it needs no list of what
was done beside it, which could be lost, or tell of another file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING

from dicube_core.codec.codestream import rpcl_obstacle
from dicube_core.dicom.gather import Gathered
from dicube_core.exceptions import DicomCubeError
from dicube_core.reader import Reader
from dicube_core.trees._worker import tell
from dicube_core.verify import verify_against

if TYPE_CHECKING:
    from pathlib import Path

    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.dicom.scan import SliceSource
    from dicube_core.dicom.series import SourceSeries

__all__ = ["Existing", "State", "compare_nifti", "compare_series"]


class State(Enum):
    """What a file that is there has to do with the sources."""

    SAME = "same"
    #: All of it is in the sources too, so that nothing is lost by writing it anew.
    CONTAINED = "contained"
    #: It holds an instance that the sources lack.
    MORE = "more"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Existing:
    """What was found out; `reason` says in words what is other."""

    state: State
    reason: str = ""


def compare_series(path: Path, series: SourceSeries, *, progressive: bool) -> Existing:
    """Compare a file with the instances that it would be made from.

    The headers are compared byte for byte, their names and order too. Pixels are compared where a
    source was modified after the file was written, and else not read.

    Parameters
    ----------
    series : SourceSeries
        As scanned, in final order.
    progressive : bool
        Whether the file must be.
    """
    written = path.stat().st_mtime_ns
    try:
        with Reader(path) as reader:
            stored = list(reader.instance_headers or ())
            frame_map = reader.frame_map
            is_progressive = not progressive or _is_progressive(reader)
    except DicomCubeError as exc:
        return Existing(State.OTHER, f"it cannot be read: {exc.message}")
    if not stored:
        return Existing(State.OTHER, "it was not made from DICOM files by this program")
    by_header = {_unnamed(source.header): source for source in series.instances}
    kept = [by_header.get(_unnamed(header)) for header in stored]
    if any(source is None for source in kept):
        missing = next(h.name for h, s in zip(stored, kept, strict=True) if s is None)
        return Existing(State.MORE, f"it holds {missing}, which is not among the sources")
    sources = [source for source in kept if source is not None]
    if any(source.modified > written for source in sources):
        problem = _other_pixels(path, sources)
        if problem:
            return Existing(State.OTHER, f"it has other contents than the sources: {problem}")
    same_order = stored == [source.header for source in series.instances]
    if same_order and frame_map == series.frame_map and is_progressive:
        return Existing(State.SAME)
    return Existing(State.CONTAINED)


def _unnamed(header: SliceHeader) -> SliceHeader:
    return replace(header, name="")


def _is_progressive(reader: Reader) -> bool:
    return not any(
        rpcl_obstacle(reader.inspect(index, reader.codestream(index)))
        for index in range(min(1, reader.frame_count))
    )


def _other_pixels(path: Path, sources: list[SliceSource]) -> str:
    gathered = Gathered(tuple(sources), ())
    report = verify_against(path, gathered, second_decoder=False, progress=_step)
    return "" if report.ok else report.failures[0]


def _step(_done: int, _total: int) -> None:
    tell(0)


def compare_nifti(path: Path, source: Path) -> Existing:
    """Compare a file with a NIfTI volume: the header, and every voxel."""
    import numpy as np

    from dicube_core.io import load
    from dicube_core.nifti import load_from_nifti

    try:
        stored = load(path)
    except DicomCubeError as exc:
        return Existing(State.OTHER, f"it cannot be read: {exc.message}")
    image = load_from_nifti(source)
    same = (
        stored.source_header == image.source_header
        and stored.pixel_header == image.pixel_header
        and stored.dtype == image.dtype
        and np.array_equal(stored.raw_image, image.raw_image)
    )
    if same:
        return Existing(State.SAME)
    return Existing(State.OTHER, "it has other contents than the source")
