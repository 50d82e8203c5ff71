"""Group lengths of the slices: (gggg,0000), which the standard retired (DICOM PS3.5 7.2).

They count the bytes of a group as it stood in the slice, so they mean nothing where its elements
are moved, and pydicom drops them on writing, inside sequences too. To give them back, they are
written down as lines of text: the frame (0-based, ``*`` for all), the path, and the number. For
example ``* 00081084[0].00080000 980`` is (0008,0000) of the first item of (0008,1084).
"""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

from dicube_core.dataset.elements import EXPLICIT_LITTLE, walk
from dicube_core.dataset.elements import iter_items as items_of
from dicube_core.exceptions import MetaDataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pydicom.dataset import Dataset

    from dicube_plugins.multiframe._columns import Columns

__all__ = ["lengths_by_frame", "restore_lengths", "take_group_lengths"]

#: What an explicit group length looks like behind its group number.
_MARK = b"\0\0UL\4\0"
_LINE = re.compile(r"(\*|\d+) ((?:[0-9A-F]{8}\[\d+\]\.)*)([0-9A-F]{4}0000) (\d+)")
_STEP = re.compile(r"([0-9A-F]{8})\[(\d+)\]")
#: Frame (None for all) -> [(path as (tag, item), tag, number)].
_Lengths = dict["int | None", list[tuple[list[tuple[int, int]], int, int]]]


def take_group_lengths(columns: Columns) -> tuple[Columns, list[str]]:
    """Return the columns without group lengths at their top level, and all of them as lines."""
    left: Columns = {}
    lines: list[str] = []
    for tag, column in columns.items():
        for frame, data in _each(column.shared, column.values):
            if data is not None and _MARK in data:
                # A value that only looks like a sequence stays as it is, and has no lengths.
                with contextlib.suppress(MetaDataError):
                    lines += [f"{frame} {path} {number}" for path, number in _found(data)]
        plain = all(data[4:8] == b"UL\4\0" for data in column.distinct())
        if tag & 0xFFFF or not plain:
            left[tag] = column
    return left, lines


def _each(
    shared: bytes | None, values: tuple[bytes | None, ...]
) -> Iterable[tuple[object, bytes | None]]:
    return enumerate(values) if shared is None else [("*", shared)]


def _found(data: bytes, depth: int = 0) -> Iterator[tuple[str, int]]:
    """Yield path and number of the group lengths in a run of elements."""
    for element in walk(data, depth=depth):
        if (
            not element.tag & 0xFFFF
            and element.vr == b"UL"
            and element.value_stop - element.value == 4
        ):
            yield (
                f"{element.tag:08X}",
                int.from_bytes(data[element.value : element.value_stop], "little"),
            )
        elif element.vr == b"SQ" and _MARK in data[element.value : element.value_stop]:
            for number, item in enumerate(items_of(data, element, EXPLICIT_LITTLE, depth)):
                for path, length in _found(data[item.value : item.value_stop], depth + 1):
                    yield f"{element.tag:08X}[{number}].{path}", length


def lengths_by_frame(text: str) -> _Lengths:
    """Parse the lines.

    Raises
    ------
    MetaDataError
        A line is not as this module writes it.
    """
    found: _Lengths = {}
    for line in text.split("\n"):
        match = _LINE.fullmatch(line.strip())
        if match is None:
            raise MetaDataError(f"the list of group lengths has the line {line[:80]!r}")
        frame, path, tag, number = match.groups()
        steps = [(int(step, 16), int(item)) for step, item in _STEP.findall(path)]
        key = None if frame == "*" else int(frame)
        found.setdefault(key, []).append((steps, int(tag, 16), int(number)))
    return found


def restore_lengths(dataset: Dataset, lengths: _Lengths, frame: int) -> None:
    """Put the group lengths of a slice back where they are missing."""
    for steps, tag, number in (*lengths.get(None, ()), *lengths.get(frame, ())):
        level: Dataset | None = dataset
        for step, position in steps:
            items = level[step].value if level is not None and step in level else []
            level = items[position] if position < len(items) else None
        if level is not None and tag not in level:
            level.add_new(tag, "UL", number)
