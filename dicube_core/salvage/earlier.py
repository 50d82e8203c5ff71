"""What an earlier repair of a file has recorded: it is kept when the file is repaired again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dicube_core.container.columns import ColumnTable
from dicube_core.container.extension import LOST_HEADERS, REPAIR_RECORD
from dicube_core.container.sections import decompress
from dicube_core.dicom.headers import HeaderTable
from dicube_core.exceptions import DicomCubeError
from dicube_core.repair_record import RepairRecord

if TYPE_CHECKING:
    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.repair_record import LostFrame
    from dicube_core.salvage.places import Places

__all__ = ["Earlier", "header_table", "read_earlier"]


@dataclass(frozen=True, slots=True)
class Earlier:
    """What earlier repairs found to be lost, and the headers of that."""

    record: RepairRecord | None = None
    headers: tuple[SliceHeader, ...] = ()

    def lost(self, first: int) -> tuple[LostFrame, ...]:
        """Return the frames that were lost then; their headers begin at row `first` now."""
        if self.record is None:
            return ()
        both = (*self.record.lost, *self.record.earlier)
        known = len(self.headers)
        return tuple(
            replace(
                one,
                header=first + one.header
                if one.header is not None and one.header < known
                else None,
            )
            for one in both
        )

    def notes(self) -> tuple[str, ...]:
        """Return what was said then, in words."""
        if self.record is None:
            return ()
        said = f"the damaged file was itself repaired: {self.record.summary()}"
        return (said, *self.record.notes)


def header_table(data: bytes, what: str) -> HeaderTable:
    """Read headers of lost slices, however many they are.

    Raises
    ------
    DicomCubeError
        It is not such a table.
    """
    return HeaderTable(data, len(ColumnTable(decompress(data, what))), what)


def read_earlier(places: Places, frame_count: int) -> Earlier:
    """Read the record of an earlier repair; what cannot be used of it is noted as lost."""
    data, rows = places.proven(REPAIR_RECORD), places.proven(LOST_HEADERS)
    record: RepairRecord | None = None
    headers: tuple[SliceHeader, ...] = ()
    what = f"{places.name}: repair record"
    try:
        record = None if data is None else RepairRecord.parse(data, frame_count, what)
    except DicomCubeError as exc:
        _note(places, REPAIR_RECORD, exc)
    try:
        headers = () if rows is None else tuple(header_table(rows, f"{what}, headers"))
    except DicomCubeError as exc:
        _note(places, LOST_HEADERS, exc)
    return Earlier(record, headers)


def _note(places: Places, tag: bytes, exc: DicomCubeError) -> None:
    where = places.entries[tag].section
    places.note(tag.decode(), where, exc.message, "left out", lost=True)
