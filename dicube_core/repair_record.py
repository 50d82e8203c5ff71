"""What a repaired file says of the damage: which slices were lost, and what is left of them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from dicube_core.container.sections import compress, decompress, dump_json, parse_json
from dicube_core.exceptions import InvalidCubeFileError

__all__ = ["DamagedPart", "LostFrame", "RepairRecord"]

_VERSION = 1


@dataclass(frozen=True, slots=True)
class LostFrame:
    """A frame of the damaged file that could not be saved.

    Parameters
    ----------
    frame : int
        Its number there, 0-based.
    offset, length : int
        Where it lay, in bytes; -1 where that is not known either.
    sop_instance_uid : str
        Of its source instance; empty where no header says it.
    instance_frame : int or None
        Its number in an instance of several frames, as DICOM counts: from 1.
    position : tuple of float or None
        Image Position (Patient), LPS mm, where its header survives.
    cause : str
        What is wrong.
    header : int or None
        Its instance's row among the headers of lost slices, None where that was lost, too.
    """

    frame: int
    offset: int
    length: int
    sop_instance_uid: str
    instance_frame: int | None
    position: tuple[float, ...] | None
    cause: str
    header: int | None


@dataclass(frozen=True, slots=True)
class DamagedPart:
    """A part of the damaged file, other than a frame, that was not as it was written.

    Parameters
    ----------
    name : str
        As in ``docs/format.md``.
    offset, length : int
        Where it lay, in bytes; -1 where that is not known.
    cause, outcome : str
        What is wrong, and what became of it.
    lost : bool
        Whether something of it could not be made again.
    """

    name: str
    offset: int
    length: int
    cause: str
    outcome: str
    lost: bool


@dataclass(frozen=True, slots=True)
class RepairRecord:
    """What a repair found; kept in the repaired file if anything was lost.

    Parameters
    ----------
    source_frames : int
        Frames of the damaged file: ``len(frames) + len(lost)``.
    checksums : bool
        Whether the damaged file had checksums. Without them, damage inside the packets of a
        frame, and inside metadata that can still be parsed, could not be noticed.
    headers : str
        ``original``: byte for byte; ``rebuilt``: made of the merged metadata, so with the same
        elements and values, but not the same bytes; ``none``: the file has none.
    frames : tuple of int
        For each frame of the repaired file, its number in the damaged one.
    separated : tuple of int
        Those of them (numbers in the damaged file) that are images of their own now, because
        other frames of their instance were lost.
    lost : tuple of LostFrame
        The others.
    damaged : tuple of DamagedPart
        Everything else that was damaged.
    notes : tuple of str
        What else is to be known, in words.
    earlier : tuple of LostFrame
        Frames that earlier repairs of the file had lost; their numbers are those of the file
        that was damaged then.
    """

    source_frames: int
    checksums: bool
    headers: str
    frames: tuple[int, ...]
    separated: tuple[int, ...] = ()
    lost: tuple[LostFrame, ...] = ()
    damaged: tuple[DamagedPart, ...] = ()
    notes: tuple[str, ...] = ()
    earlier: tuple[LostFrame, ...] = ()

    @property
    def anything_lost(self) -> bool:
        """Whether the repaired file holds less than the damaged one did when it was whole."""
        return bool(self.lost) or any(part.lost for part in self.damaged)

    def to_dict(self) -> dict[str, Any]:
        """Return the record as plain values, for JSON."""
        return asdict(self)

    def summary(self) -> str:
        """Return one line for people."""
        text = f"{len(self.frames)} of {self.source_frames} frames saved"
        numbers = [str(one.frame) for one in self.lost]
        if numbers:
            text += f", lost: {', '.join(numbers[:20])}{' ...' if len(numbers) > 20 else ''}"
        parts = [part.name for part in self.damaged if part.lost]
        if parts:
            text += f"; lost of the rest: {', '.join(parts)}"
        if not self.checksums:
            text += "; the damaged file had no checksums, so damage may have gone unnoticed"
        return text

    def pack(self) -> bytes:
        """Return the record as the file has it (``docs/format.md``, part ``REPR``)."""
        return compress(dump_json({"version": _VERSION, **asdict(self)}))

    @classmethod
    def parse(cls, data: bytes, frame_count: int, what: str) -> RepairRecord:
        """Read a stored record.

        Raises
        ------
        InvalidCubeFileError, MetaDataError
            It is damaged, or not of `frame_count` frames.
        """
        stored = parse_json(decompress(data, what), what)
        try:
            lost = tuple(_lost(one) for one in stored["lost"])
            damaged = tuple(DamagedPart(**one) for one in stored["damaged"])
            record = cls(
                int(stored["source_frames"]),
                stored["checksums"] is True,
                str(stored["headers"]),
                tuple(int(n) for n in stored["frames"]),
                tuple(int(n) for n in stored["separated"]),
                lost,
                damaged,
                tuple(str(note) for note in stored["notes"]),
                tuple(_lost(one) for one in stored.get("earlier", ())),
            )
        except (KeyError, TypeError, ValueError, OverflowError) as exc:
            raise InvalidCubeFileError(f"{what}: not a record of a repair: {exc}") from exc
        if len(record.frames) != frame_count:
            raise InvalidCubeFileError(
                f"{what}: it is of {len(record.frames)} frames, the file has {frame_count}"
            )
        return record


def _lost(stored: dict[str, Any]) -> LostFrame:
    position = stored["position"]
    place = None if position is None else tuple(float(number) for number in position)
    return LostFrame(**{**stored, "position": place})
