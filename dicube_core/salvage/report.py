"""What a repair did, for whoever asked for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from dicube_core.repair_record import DamagedPart, LostFrame, RepairRecord

__all__ = ["RepairReport"]


@dataclass(frozen=True, slots=True)
class RepairReport:
    """What `repair` did.

    Parameters
    ----------
    path : str
        The damaged file.
    out : Path
        The new one.
    record : RepairRecord
        What was kept, and what was lost.
    unattributed : tuple of (offset, length)
        What looks like a frame in the damaged file, with a number that nothing proves; not kept.
    copied : bool
        Nothing was found damaged, and the new file is a copy, byte for byte.
    """

    path: str
    out: Path
    record: RepairRecord
    unattributed: tuple[tuple[int, int], ...] = ()
    copied: bool = False

    @property
    def frame_count(self) -> int:
        """Frames of the damaged file: those kept and those lost."""
        return self.record.source_frames

    @property
    def frames(self) -> tuple[int, ...]:
        """For each frame of the new file, its number in the damaged one."""
        return self.record.frames

    @property
    def lost(self) -> tuple[LostFrame, ...]:
        """The frames that were not kept."""
        return self.record.lost

    @property
    def damaged(self) -> tuple[DamagedPart, ...]:
        """Everything else that was damaged."""
        return self.record.damaged

    @property
    def anything_lost(self) -> bool:
        """Whether the new file holds less than the damaged one did when it was whole."""
        return self.record.anything_lost

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values, for JSON."""
        return {
            "path": self.path,
            "out": str(self.out),
            "copied": self.copied,
            "anything_lost": self.anything_lost,
            **self.record.to_dict(),
            "unattributed": [list(place) for place in self.unattributed],
        }
