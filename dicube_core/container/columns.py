"""Many nearly equal byte strings as a table: what all rows share is stored once.

A row is a byte string cut into pieces. Rows whose pieces mean the same, as told by a key of the
caller's, form a group. In a group, a piece that is equal in all rows is stored once; the others
become columns, so that similar values lie side by side, which is what a compressor wants. One
row is put together again by joining a few slices, without touching the others.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from struct import Struct
from struct import error as struct_error
from typing import TYPE_CHECKING, NamedTuple

from dicube_core.container.index import pack_u32, unpack_u32
from dicube_core.exceptions import MetaDataError

if TYPE_CHECKING:
    from array import array
    from collections.abc import Hashable, Iterator, Sequence

__all__ = ["ColumnTable", "pack_table"]

_COUNTS = Struct("<II")
_GROUP = Struct("<II")
_PIECE = Struct("<BQ")
_SHARED, _FIXED, _VARIABLE = range(3)


def pack_table(rows: Sequence[tuple[Hashable, Sequence[bytes]]]) -> bytes:
    """Pack rows of pieces.

    Parameters
    ----------
    rows : sequence of (key, pieces)
        Rows with equal keys must have equally many pieces.

    Returns
    -------
    bytes
        Uncompressed table, deterministic.
    """
    groups: dict[Hashable, list[int]] = {}
    for number, (key, _) in enumerate(rows):
        groups.setdefault(key, []).append(number)
    group_of = [0] * len(rows)
    directory: list[bytes] = []
    payload: list[bytes] = []
    for group, members in enumerate(groups.values()):
        for number in members:
            group_of[number] = group
        pieces = _pack_group([rows[number][1] for number in members], payload)
        directory.append(_GROUP.pack(len(members), len(pieces)) + b"".join(pieces))
    head = _COUNTS.pack(len(rows), len(groups)) + pack_u32(group_of)
    return b"".join((head, *directory, *payload))


def _pack_group(members: list[Sequence[bytes]], payload: list[bytes]) -> list[bytes]:
    """Append the group's bytes to `payload`; return its piece records."""
    pieces: list[bytes] = []
    run: list[bytes] = []

    def end_run() -> None:
        if run:
            shared = b"".join(run)
            pieces.append(_PIECE.pack(_SHARED, len(shared)))
            payload.append(shared)
            run.clear()

    for values in zip(*members, strict=True):
        if all(value == values[0] for value in values):
            run.append(values[0])
            continue
        end_run()
        width = len(values[0])
        if all(len(value) == width for value in values):
            pieces.append(_PIECE.pack(_FIXED, width))
        else:
            lengths = [len(value) for value in values]
            pieces.append(_PIECE.pack(_VARIABLE, sum(lengths)))
            payload.append(pack_u32(lengths))
        payload.extend(values)
    end_run()
    return pieces


def _members(group_of: array[int], n_groups: int) -> tuple[Sequence[int], list[int]]:
    """Return the position of each row in its group, and how many rows each group has."""
    if n_groups == 1 and not any(group_of):  # nearly all series; a loop takes time
        return range(len(group_of)), [len(group_of)]
    counts = [0] * n_groups
    members = []
    for group in group_of:
        if group >= n_groups:
            raise ValueError(f"a row is of group {group} of {n_groups}")
        members.append(counts[group])
        counts[group] += 1
    return members, counts


class _Piece(NamedTuple):
    """Where the values of one piece begin in the table, and how far apart they are.

    `bounds` and `lengths` are given where widths vary, and take the place of the others. At first
    `bounds` is that of the first value only.
    """

    offset: int
    width: int
    stride: int
    bounds: tuple[int, ...]
    lengths: array[int] | None

    def whole(self) -> _Piece:
        """Return the same with all `bounds`."""
        if self.lengths is None:
            return self
        return self._replace(bounds=tuple(accumulate(self.lengths, initial=self.offset)))


class ColumnTable:
    """Random access to the rows of a packed table. Immutable, safe for threads.

    Raises
    ------
    MetaDataError
        The bytes are not such a table.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        try:
            self._parse()
        except struct_error:
            raise MetaDataError(f"header table of {len(data)} bytes is cut") from None
        except ValueError as exc:
            raise MetaDataError(f"header table of {len(data)} bytes is malformed: {exc}") from exc

    def _parse(self) -> None:
        data = self._data
        n_rows, n_groups = _COUNTS.unpack_from(data, 0)
        position = _COUNTS.size
        if 4 * n_rows > len(data) or _GROUP.size * n_groups > len(data):
            raise ValueError(f"{n_rows} rows in {n_groups} groups cannot be")
        group_of = unpack_u32(data[position : position + 4 * n_rows])
        position += 4 * n_rows
        shapes = []
        for _ in range(n_groups):
            n_members, n_pieces = _GROUP.unpack_from(data, position)
            position += _GROUP.size
            if position + _PIECE.size * n_pieces > len(data):
                raise ValueError(f"{n_pieces} pieces cannot be")
            shapes.append((n_members, position, n_pieces))
            position += _PIECE.size * n_pieces
        self._groups: list[list[_Piece]] = []
        #: The same once more than the first row was asked for, which is often all.
        self._whole: list[list[_Piece] | None] = [None] * n_groups
        for n_members, records, n_pieces in shapes:
            pieces, position = self._parse_pieces(n_members, records, n_pieces, position)
            self._groups.append(pieces)
        if position != len(data):
            raise ValueError(f"it ends at byte {position}")
        self._group_of = group_of
        self._member_of, counts = _members(group_of, n_groups)
        if counts != [shape[0] for shape in shapes]:
            raise ValueError("the groups do not have the members they say")

    def _parse_pieces(
        self, n_members: int, records: int, n_pieces: int, position: int
    ) -> tuple[list[_Piece], int]:
        data = self._data
        pieces = []
        directory = data[records : records + n_pieces * _PIECE.size]
        for number, (kind, length) in enumerate(_PIECE.iter_unpack(directory)):
            bounds: tuple[int, ...] = ()
            lengths = None
            stride, total = 0, length
            if kind == _FIXED:
                stride, total = length, length * n_members
            elif kind == _VARIABLE:
                lengths = unpack_u32(data[position : position + 4 * n_members])
                position += 4 * n_members
                bounds = tuple(accumulate(lengths[:1], initial=position))
                if len(lengths) != n_members or sum(lengths) != length:
                    raise ValueError(f"column {number} is not as long as its values")
            elif kind != _SHARED:
                raise ValueError(f"unknown kind of piece {kind}")
            if position + total > len(data):
                raise ValueError(f"piece {number} lies outside")
            pieces.append(_Piece(position, length, stride, bounds, lengths))
            position += total
        return pieces, position

    def __len__(self) -> int:
        return len(self._group_of)

    def row(self, index: int) -> bytes:
        """Return one row, whole."""
        group, member = self._group_of[index], self._member_of[index]
        data = self._data
        parts = []
        pieces = self._pieces(group) if member else self._groups[group]
        for offset, width, stride, bounds, _ in pieces:
            if bounds:
                parts.append(data[bounds[member] : bounds[member + 1]])
            else:
                start = offset + member * stride
                parts.append(data[start : start + width])
        return b"".join(parts)

    def _pieces(self, group: int) -> list[_Piece]:
        """Return the pieces of a group, with all their bounds; threads may work them out twice."""
        pieces = self._whole[group]
        if pieces is None:
            pieces = self._whole[group] = [piece.whole() for piece in self._groups[group]]
        return pieces

    def groups(self) -> Iterator[tuple[list[int], list[bytes | list[bytes]]]]:
        """Yield each group: the numbers of its rows, and its pieces in order.

        A piece is one byte string that all rows of the group have, or a list of one per row.
        Pieces that were shared side by side when the table was packed come as one.
        """
        members: list[list[int]] = [[] for _ in self._groups]
        for number, group in enumerate(self._group_of):
            members[group].append(number)
        data = self._data
        for group, rows in enumerate(members):
            count = len(rows)
            found: list[bytes | list[bytes]] = []
            for offset, width, stride, bounds, _ in self._pieces(group):
                if bounds:
                    found.append([data[a:b] for a, b in pairwise(bounds)])
                elif stride:
                    stop = offset + count * stride
                    found.append([data[a : a + width] for a in range(offset, stop, stride)])
                else:
                    found.append(data[offset : offset + width])
            yield rows, found
