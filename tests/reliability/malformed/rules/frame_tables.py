"""The tables that say where frames lie."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from reliability.malformed.rules._file import HEADER, SECTIONS, layout
from reliability.malformed.rules._frames import codec_of
from reliability.malformed.rules._ways import NOTHING, NUMBERS, altered, patched

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reliability.malformed.rules._file import Draft
    from reliability.malformed.variant import Base, Variant

__all__ = ["variants"]

_FAMILY = "frame tables"
#: Frames of an attacker's choice are what the file holds.
_OTHER_FRAMES = frozenset(("pixels", "slices"))


def _lies(base: Base, table: str, number: int) -> dict[int, str]:
    """Return numbers for an entry, by what they are."""
    places = layout(base)
    right = (
        places[f"frame {number}"].start
        if table == "frame_offsets"
        else len(places[f"frame {number}"])
    )
    lies = {value: f"{value:#x}" for value in NUMBERS}
    lies |= {right + step: f"its value {step:+d}" for step in (-8, -1, 1, 8)}
    lies |= {len(base.data): "the file's size", len(base.data) - right: "what the size leaves"}
    if table == "frame_offsets":
        lies |= {HEADER.size: "the header's end", HEADER.size - 1: "in the header"}
        for name in (*SECTIONS, "frame 0", "frame 1", "frame 2", "HDRS", "directory"):
            if name in places:
                lies[places[name].start] = f"that of {name}"
    return {value: what for value, what in lies.items() if 0 <= value < 2**64 and value != right}


def _entry(table: str, number: int, value: int, draft: Draft) -> None:
    (draft.offsets if table == "frame_offsets" else draft.lengths)[number] = value


def _all_offsets(draft: Draft) -> None:
    draft.offsets[:] = [draft.offsets[0]] * len(draft.offsets)


def _all_alike(draft: Draft) -> None:
    _all_offsets(draft)
    draft.lengths[:] = [draft.lengths[0]] * len(draft.lengths)


def _tables_swapped(draft: Draft) -> None:
    draft.offsets, draft.lengths = draft.lengths, draft.offsets


def _zeros(draft: Draft) -> None:
    draft.offsets[:] = draft.lengths[:] = [0] * len(draft.offsets)


def _one_byte_frames(draft: Draft) -> None:
    draft.lengths[:] = [1] * len(draft.lengths)


def _first_takes_all(draft: Draft) -> None:
    draft.lengths[0] = sum(draft.lengths)


def _into_gap(draft: Draft) -> None:
    draft.trailing = bytes(100)
    draft.offsets[-1] = draft.offsets[-1] + draft.lengths[-1]
    draft.lengths[-1] = 100


_WHOLE: tuple[tuple[str, Callable[[Draft], None], bool], ...] = (
    ("all offsets those of frame 0", _all_offsets, True),
    ("all frames are frame 0", _all_alike, True),
    ("offsets and lengths change places", _tables_swapped, True),
    ("all zeros", _zeros, True),
    ("frames of one byte", _one_byte_frames, False),
    ("frame 0 spans all", _first_takes_all, True),
    ("the last frame lies in zeros behind", _into_gap, False),
)


def variants(base: Base) -> Iterator[Variant]:
    """Yield files in which one entry, or a whole table, is another."""
    places = layout(base)
    # Kept frames are delivered as they stand, be it with a byte less.
    free = frozenset(("slices",)) if codec_of(base) in ("rle", "jpeg2000") else NOTHING
    for table in ("frame_offsets", "frame_lengths"):
        for number in range(3):
            for value, what in _lies(base, table, number).items():
                name = f"{table}[{number}] is {what}"
                if base.checksums:
                    at, new = places[table].start + 8 * number, value.to_bytes(8, "little")
                    yield from patched(base, _FAMILY, name, at, new, refused=True)
                alter = partial(_entry, table, number, value)
                yield from altered(base, _FAMILY, name, alter, may_differ=free)
    for name, alter, refused in _WHOLE:
        yield from altered(base, _FAMILY, name, alter, refused=refused, may_differ=NOTHING)
    if base.checksums:
        # Without checksums it cannot be told, and stands among what is said to be undetectable.
        yield from altered(
            base, _FAMILY, "frames in the other order", _reversed, may_differ=_OTHER_FRAMES
        )
        start = places["frame_offsets"].start
        table = base.data[start : start + 24]
        new = b"".join(table[at : at + 8] for at in (16, 8, 0))
        yield from patched(base, _FAMILY, "offsets in the other order", start, new, refused=True)


def _reversed(draft: Draft) -> None:
    draft.offsets.reverse()
    draft.lengths.reverse()
