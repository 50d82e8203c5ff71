"""The headers of a series, element by element instead of slice by slice.

Most elements of a series are the same in all slices. Our files store these once, so that here the
cost is one step per different element, not one per element and slice.
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING

from dicube_core.dataset.elements import EXPLICIT_LITTLE, LONG_VRS, walk
from dicube_core.dicom.headers import HeaderTable
from dicube_core.dicom.instance import with_encoding
from dicube_core.exceptions import MetaDataError
from dicube_plugins.multiframe._implicit import explicit_group
from dicube_plugins.multiframe._values import numbers_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dicube_core.dicom.headers import SliceHeader

__all__ = ["Column", "Columns", "all_numbers", "read_columns"]

_UNDEFINED = 0xFFFFFFFF
_SHORT = Struct("<H").unpack_from
_LONG = Struct("<I").unpack_from
#: What one group of slices says: the element that all have, or one per slice of the group.
_Found = dict[int, "bytes | list[bytes]"]


@dataclass(frozen=True, slots=True)
class Column:
    """One element in all slices, as bytes of Explicit VR Little Endian, header included.

    Parameters
    ----------
    tag : int
        Its tag.
    shared : bytes or None
        The element, where all slices have just this one.
    values : tuple of (bytes or None)
        Else the element of each slice, None for slices without; empty if `shared` is given.
    """

    tag: int
    shared: bytes | None
    values: tuple[bytes | None, ...] = ()

    @property
    def vr(self) -> bytes:
        """Its VR; empty where slices lack it or disagree."""
        if self.shared is not None:
            return self.shared[4:6]
        found = {value[4:6] if value else b"" for value in self.values}
        return found.pop() if len(found) == 1 else b""

    @property
    def in_all(self) -> bool:
        """Whether every slice has it."""
        return self.shared is not None or None not in self.values

    def distinct(self) -> set[bytes]:
        """Return the different elements."""
        if self.shared is not None:
            return {self.shared}
        return {value for value in self.values if value is not None}

    def at(self, index: int) -> bytes | None:
        """Return the element of one slice."""
        return self.values[index] if self.shared is None else self.shared

    def unshared(self, count: int) -> Column:
        """Return the same with one value for each of `count` slices."""
        return self if self.shared is None else Column(self.tag, None, (self.shared,) * count)


Columns = dict[int, Column]


def all_numbers(column: Column | None, vr: bytes, count: int) -> bool:
    """Whether every slice has this element, as `count` numbers."""
    if column is None or not column.in_all or column.vr != vr:
        return False
    return all(len(numbers_of(data)) == count for data in column.distinct())


def read_columns(headers: Sequence[SliceHeader], bits_allocated: int, name: str) -> Columns:
    """Return the elements of all slices but Pixel Data, by ascending tag.

    Parameters
    ----------
    headers : HeaderTable or sequence of SliceHeader
        One per slice. Implicit ones are made explicit. Of an element that a slice has twice the
        last counts, as for pydicom.
    bits_allocated : int
        Of the frames, which settles the VR of their pixel data.
    name : str
        The file, put in front of errors.

    Raises
    ------
    MetaDataError
        A header is not a data set.
    """
    groups: list[tuple[list[int], _Found]] = []
    try:
        if isinstance(headers, HeaderTable):
            for rows, pieces in headers.groups():
                if rows:
                    groups += _of_group(headers, rows, pieces, bits_allocated)
        else:
            groups = [([i], _of_slice(header, bits_allocated)) for i, header in enumerate(headers)]
    except MetaDataError as exc:
        raise MetaDataError(f"{name}: {exc.message}", details=exc.details) from exc
    merged = _whole(groups[0][1]) if len(groups) == 1 else _merge(groups, len(headers))
    return dict(sorted(merged.items()))


def _of_slice(header: SliceHeader, bits_allocated: int) -> _Found:
    header = with_encoding(header, explicit=True, bits_allocated=bits_allocated)
    return {
        e.tag: part[e.start : e.stop]
        for part in (header.head, header.whole_tail)
        for e in walk(part)
    }


def _of_group(
    headers: HeaderTable, rows: list[int], pieces: list[bytes | list[bytes]], bits_allocated: int
) -> list[tuple[list[int], _Found]]:
    """Return the elements of slices whose headers have the same elements."""
    first = headers[rows[0]]
    if first.rest:
        return [([row], _of_slice(headers[row], bits_allocated)) for row in rows]
    varying: dict[int, list[bytes]] = {}
    position = 0
    for piece in pieces:
        if isinstance(piece, bytes):
            position += len(piece)
        else:
            varying[position] = piece
            position += len(piece[0])
    tail = position - len(first.tail)
    head = tail - len(first.padding) - len(first.pixel_header) - len(first.head)
    if not first.explicit:
        group = explicit_group(first, varying, head, tail, bits_allocated)
        if group is not None:
            return [(rows, group)]
        return [([row], _of_slice(headers[row], bits_allocated)) for row in rows]
    found: _Found = {}
    for start, part in ((head, first.head), (tail, first.tail)):
        for tag, data, values in _elements(part, start, varying):
            found[tag] = data if values is None else _checked(values, tag)
    return [(rows, found)]


def _elements(
    part: bytes, start: int, varying: dict[int, list[bytes]]
) -> Iterator[tuple[int, bytes, list[bytes] | None]]:
    """Yield the elements of the first slice, with those of the other slices where they differ."""
    inside = sum(start <= place < start + len(part) for place in varying)
    for element in walk(part, EXPLICIT_LITTLE):
        data = part[element.start : element.stop]
        values = varying.get(start + element.start) if inside else None
        if values is not None:
            inside -= 1
            if values[0] != data:
                raise MetaDataError(
                    f"slice headers: ({element.tag >> 16:04X},{element.tag & 0xFFFF:04X}) is not "
                    "cut where the elements are"
                )
        yield element.tag, data, values
    if inside:
        raise MetaDataError("slice headers: they are not cut where the elements are")


def _checked(values: list[bytes], tag: int) -> list[bytes]:
    """Refuse a piece that is not one element of this tag."""
    raw = (tag >> 16 | (tag & 0xFFFF) << 16).to_bytes(4, "little")
    for value in values:
        long = value[4:6] in LONG_VRS
        start = 12 if long else 8
        good = len(value) >= start and value.startswith(raw)
        if good:
            (length,) = _LONG(value, 8) if long else _SHORT(value, 6)
            if length == _UNDEFINED and long:
                good = next(walk(value)).stop == len(value)
            else:
                good = start + length == len(value)
        if not good:
            raise MetaDataError(
                f"slice headers: ({tag >> 16:04X},{tag & 0xFFFF:04X}) of a slice is not one element"
            )
    return values


def _whole(found: _Found) -> Columns:
    """Return the columns of the only group."""
    return {
        tag: Column(tag, data) if isinstance(data, bytes) else Column(tag, None, tuple(data))
        for tag, data in found.items()
    }


def _merge(groups: list[tuple[list[int], _Found]], count: int) -> Columns:
    """Put the columns of several groups together."""
    columns = {}
    for tag in {tag for _, found in groups for tag in found}:
        values: list[bytes | None] = [None] * count
        for rows, found in groups:
            data = found.get(tag)
            if data is not None:
                each = [data] * len(rows) if isinstance(data, bytes) else data
                for row, value in zip(rows, each, strict=True):
                    values[row] = value
        first = values[0]
        same = first is not None and all(value == first for value in values)
        columns[tag] = Column(tag, first) if same else Column(tag, None, tuple(values))
    return columns
