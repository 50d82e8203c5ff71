"""Functional groups: what frames say for themselves, and what all say (DICOM PS3.3 C.7.6.16).

Elements are moved as they are where every slice has them and they are what the macro demands.
What a macro demands besides is added; the slices' own elements then stay among the Unassigned
Converted Attributes, so that nothing is lost.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicube_plugins.multiframe._columns import all_numbers
from dicube_plugins.multiframe._elements import ITEM_START, sequence, text, value_of, words
from dicube_plugins.multiframe._values import numbers_of, text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicube_plugins.multiframe._columns import Column, Columns
    from dicube_plugins.multiframe._kind import Kind

__all__ = ["HOMES", "Group", "functional_groups"]

#: Element of the slices -> the functional group that it moves to (0: the item itself).
HOMES = {
    0x00180050: 0x00289110,
    0x00180088: 0x00289110,
    0x00200032: 0x00209113,
    0x00200037: 0x00209116,
    0x00280030: 0x00289110,
    0x00281050: 0x00289132,
    0x00281051: 0x00289132,
    0x00281055: 0x00289132,
    0x00281052: 0x00289145,
    0x00281053: 0x00289145,
    0x00281054: 0x00289145,
    0x00281056: 0x00289132,
    0x00082218: 0x00209071,
    0x00409096: 0,
}
_DATE, _TIME = re.compile(r"\d{8}"), re.compile(r"\d{2}(\d{2}(\d{2}(\.\d{1,6})?)?)?")
_DATE_TIME = re.compile(r"\d{14}(\.\d{1,6})?([+-]\d{4})?")


@dataclass(frozen=True, slots=True)
class Group:
    """One functional group sequence, as bytes.

    Parameters
    ----------
    tag : int
        Tag of the sequence.
    shared : bytes or None
        The sequence, where all frames have just this one.
    values : list of bytes
        Else the sequence of each frame.
    """

    tag: int
    shared: bytes | None
    values: list[bytes]


class Builder:
    """Makes the groups of one series, and notes which elements moved into them.

    Attributes
    ----------
    groups : list of Group
        What was made.
    moved : set of int
        Tags of the slices' elements that are in the groups as they are, for all slices.
    spoken_for : set of int
        Tags whose meaning the groups give, so that the top level must not give it again.
    """

    def __init__(self, columns: Columns, kind: Kind, count: int) -> None:
        self.columns, self.kind, self.count = columns, kind, count
        self.groups: list[Group] = []
        self.moved: set[int] = set()
        self.spoken_for: set[int] = set()

    def add(self, tag: int, parts: Sequence[Column | bytes | list[bytes]]) -> None:
        """Add a group of one item with these elements, given by ascending tag."""
        ready: list[bytes | list[bytes]] = []
        for part in parts:
            if isinstance(part, list):
                ready.append(part[0] if len(set(part)) == 1 else part)
                continue
            if isinstance(part, bytes):
                ready.append(part)
                continue
            self.moved.add(part.tag)
            self.spoken_for.add(part.tag)
            values = [value for value in part.values if value is not None]
            ready.append(values if part.shared is None else part.shared)
        if all(isinstance(part, bytes) for part in ready):
            content = b"".join(part for part in ready if isinstance(part, bytes))
            self.groups.append(Group(tag, sequence(tag, [content]), []))
            return
        rows = zip(
            *([part] * self.count if isinstance(part, bytes) else part for part in ready),
            strict=True,
        )
        self.groups.append(Group(tag, None, [sequence(tag, [b"".join(row)]) for row in rows]))

    def usable(self, tag: int, vr: bytes, numbers: int) -> Column | None:
        """Return a column that every slice has, as so many numbers."""
        column = self.columns.get(tag)
        return column if all_numbers(column, vr, numbers) else None

    def measures(self) -> None:
        """Pixel Measures (C.7.6.16.2.1)."""
        tags = (0x00180050, 0x00180088)
        found = [c for c in (self.usable(tag, b"DS", 1) for tag in tags) if c is not None]
        self.add(0x00289110, [*found, self.columns[0x00280030]])

    def plane(self) -> None:
        """Plane Position and Plane Orientation (C.7.6.16.2.3 and .4), as the slices say them."""
        self.add(0x00209113, [self.columns[0x00200032]])
        self.add(0x00209116, [self.columns[0x00200037]])

    def windows(self) -> None:
        """Frame VOI LUT with windows (C.7.6.16.2.10b), where every slice has valid ones."""
        center, width = self.columns.get(0x00281050), self.columns.get(0x00281051)
        if center is None or width is None or not _are_windows(center, width, self.count):
            return
        if not self.kind.legacy_converted and None not in (center.shared, width.shared):
            return  # Secondary Capture says shared windows at its top level
        more = [
            column
            for tag, vr in ((0x00281055, b"LO"), (0x00281056, b"CS"))
            if (column := self.columns.get(tag)) is not None and column.in_all and column.vr == vr
        ]
        self.add(0x00289132, [center, width, *more])

    def values(self) -> None:
        """Pixel Value Transformation (C.7.6.16.2.9); what a slice does not say is 1 and 0."""
        intercept, slope, kind = (
            self.columns.get(tag) for tag in (0x00281052, 0x00281053, 0x00281054)
        )
        if not self.kind.legacy_converted:
            if self.kind.has_lut or (intercept is None and slope is None):
                return
            if all(c is None or c.shared is not None for c in (intercept, slope)):
                return  # said once at the top level
        parts: list[Column | bytes | list[bytes]] = []
        for tag, column, neutral in ((0x00281052, intercept, "0"), (0x00281053, slope, "1")):
            self.spoken_for.add(tag)
            if column is not None and all_numbers(column, b"DS", 1):
                parts.append(column)
            else:
                parts.append([_number(tag, column, i, neutral) for i in range(self.count)])
        if (
            kind is not None
            and kind.in_all
            and kind.vr == b"LO"
            and all(map(text_of, kind.distinct()))
        ):
            parts.append(kind)
        else:
            # PS3.3 C.8.2.1: values of CT are Hounsfield units unless it says otherwise.
            units = "HU" if self.kind.modality == "CT" and slope is not None else "US"
            parts.append(text(0x00281054, b"LO", units))
            self.spoken_for.add(0x00281054)
        self.add(0x00289145, parts)

    def content(self, *, stack: bool) -> None:
        """Frame Content (C.7.6.16.2.2), never shared: when acquired, and the place in the stack."""
        frames = range(self.count)
        parts = [self._moments()]
        if stack:
            parts.append([text(0x00209056, b"SH", "1")] * self.count)
            parts.append([words(0x00209057, b"UL", i + 1) for i in frames])
        numbers = self.columns.get(0x00200012)
        parsed = [numbers_of(numbers.at(i)) if numbers else () for i in frames]
        if all(len(n) == 1 and n[0].is_integer() and 0 <= n[0] <= 0xFFFF for n in parsed):
            parts.append([words(0x00209156, b"US", int(n[0])) for n in parsed])
        if stack:
            parts.append([words(0x00209157, b"UL", 1, i + 1) for i in frames])
        given = [part for part in parts if part]
        if given or self.kind.legacy_converted:
            rows = zip(*given, strict=True) if given else [()] * self.count
            self.groups.append(
                Group(0x00209111, None, [sequence(0x00209111, [b"".join(row)]) for row in rows])
            )

    def _moments(self) -> list[bytes]:
        """Return Frame Acquisition DateTime of all frames, none where a slice lacks it."""
        at = [self.columns.get(tag) for tag in (0x0008002A, 0x00080022, 0x00080032)]
        found = []
        for i in range(self.count):
            whole, date, time = (text_of(column.at(i)) if column else "" for column in at)
            if not _DATE_TIME.fullmatch(whole):
                if not (_DATE.fullmatch(date) and _TIME.fullmatch(time)):
                    return []
                whole = date + time
            found.append(text(0x00189074, b"DT", whole))
        return found

    def frame_types(self, kinds: list[tuple[str, ...]]) -> None:
        """CT, MR or PET Image Frame Type (C.8.15.3.1, C.8.13.5.1, C.8.22.5.1)."""
        types = [text(0x00089007, b"CS", *values) for values in kinds]
        self.add(self.kind.frame_type, [types, *frame_description().values()])

    def anatomy(self) -> None:
        """Frame Anatomy (C.7.6.16.2.8), where every slice has a code for its region."""
        region = self.columns.get(0x00082218)
        if region is None or not region.in_all or region.vr != b"SQ":
            return
        if not all(value_of(data).startswith(ITEM_START) for data in region.distinct()):
            return
        side = [_side(self.columns, i) for i in range(self.count)]
        if all(side):
            self.add(0x00209071, [region, [text(0x00209072, b"CS", one) for one in side]])

    def real_world(self) -> None:
        """Real World Value Mapping (C.7.6.16.2.11): the slices' sequence is the group."""
        column = self.columns.get(0x00409096)
        if column is None or not column.in_all or column.vr != b"SQ":
            return
        values = [value for value in column.values if value is not None]
        self.groups.append(Group(column.tag, column.shared, values))
        self.moved.add(column.tag)
        self.spoken_for.add(column.tag)


def frame_description() -> dict[int, bytes]:
    """Return Pixel Presentation, Volumetric Properties and their fellow (C.8.16.2), by tag."""
    return {
        0x00089205: text(0x00089205, b"CS", "MONOCHROME"),
        0x00089206: text(0x00089206, b"CS", "VOLUME"),
        0x00089207: text(0x00089207, b"CS", "NONE"),
    }


def functional_groups(
    columns: Columns, kind: Kind, count: int, *, stack: bool, types: list[tuple[str, ...]]
) -> Builder:
    """Make the functional groups that the class takes and the slices give.

    Parameters
    ----------
    columns : Columns
        Elements of the slices.
    kind : Kind
        Class of the image.
    count : int
        Number of frames.
    stack : bool
        Whether the frames form a regular grid, in order, so that they have a place in a stack.
    types : list of tuple of str
        Frame Type of each frame.
    """
    builder = Builder(columns, kind, count)
    if kind.spatial:
        builder.measures()
        builder.plane()
    builder.content(stack=stack)
    builder.values()
    builder.windows()
    if kind.legacy_converted:
        builder.frame_types(types)
        builder.anatomy()
        builder.real_world()
    return builder


def _are_windows(center: Column, width: Column, count: int) -> bool:
    if not (center.in_all and width.in_all and center.vr == width.vr == b"DS"):
        return False
    pairs = {(center.at(i), width.at(i)) for i in range(count)}
    lengths = {(len(numbers_of(first)), len(numbers_of(second))) for first, second in pairs}
    return all(first == second > 0 for first, second in lengths)


def _number(tag: int, column: Column | None, index: int, neutral: str) -> bytes:
    """Return slope or intercept of one frame, the neutral one where its slice says none."""
    given = text_of(column.at(index)) if column is not None else ""
    return text(tag, b"DS", given or neutral)


def _side(columns: Columns, index: int) -> str:
    """Return Frame Laterality: what the slice says, unpaired where it says nothing."""
    for tag in (0x00200062, 0x00200060):
        column = columns.get(tag)
        given = text_of(column.at(index)) if column is not None else ""
        if given:
            return given if given in ("R", "L", "U", "B") else ""
    return "U"
