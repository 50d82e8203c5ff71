"""The table of original headers, read and written from ``docs/format.md``."""

from __future__ import annotations

from dataclasses import replace
from struct import Struct, unpack_from
from typing import TYPE_CHECKING

import zstandard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from reliability.malformed.rules._file import Parts

__all__ = ["LENGTHS", "column_fields", "rows_of", "table_of", "with_part", "with_rows"]

#: Flags and lengths at the start of a row.
LENGTHS = Struct("<BHHIIIIII")
_PIECE = Struct("<BQ")


def column_fields(table: bytes) -> Iterator[tuple[str, int, int]]:
    """Yield name, place and width of every number of a table's directory."""
    n_rows, n_groups = unpack_from("<II", table)
    yield from (("rows", 0, 4), ("groups", 4, 4))
    for number in range(n_rows):
        yield f"group of row {number}", 8 + 4 * number, 4
    position = 8 + 4 * n_rows
    for group in range(n_groups):
        members, pieces = unpack_from("<II", table, position)
        yield f"members of group {group}", position, 4
        yield f"pieces of group {group}", position + 4, 4
        position += 8
        for number in range(pieces):
            yield f"kind of piece {group}.{number}", position, 1
            yield f"length of piece {group}.{number}", position + 1, 8
            position += _PIECE.size
        if not members:
            return
    yield "the first bytes of the payload", position, 4


def rows_of(table: bytes) -> list[bytes]:
    """Return the rows of a sound table."""
    n_rows, n_groups = unpack_from("<II", table)
    groups = unpack_from(f"<{n_rows}I", table, 8)
    position = 8 + 4 * n_rows
    told: list[tuple[int, list[tuple[int, int]]]] = []
    for _ in range(n_groups):
        members, pieces = unpack_from("<II", table, position)
        position += 8
        kinds = [_PIECE.unpack_from(table, position + _PIECE.size * i) for i in range(pieces)]
        position += _PIECE.size * pieces
        told.append((members, kinds))
    rows: list[bytes] = [b""] * n_rows
    for group, (members, kinds) in enumerate(told):
        numbers = [row for row in range(n_rows) if groups[row] == group]
        for kind, length in kinds:
            sizes: Sequence[int] = [length] * members
            if kind == 2:
                sizes = unpack_from(f"<{members}I", table, position)
                position += 4 * members
            for row, size in zip(numbers, sizes, strict=True):
                rows[row] += table[position : position + size]
                position += 0 if kind == 0 else size
            position += length if kind == 0 else 0
    return rows


def table_of(rows: Sequence[bytes]) -> bytes:
    """Return a table in which every row is a group with one piece."""
    head = Struct(f"<II{len(rows)}I").pack(len(rows), len(rows), *range(len(rows)))
    for row in rows:
        head += Struct("<II").pack(1, 1) + _PIECE.pack(0, len(row))
    return head + b"".join(rows)


def with_part(tag: bytes, change: Callable[[bytes], bytes], parts: Parts) -> Parts:
    """Return a file with another payload in an extension part."""
    extension = tuple(
        replace(part, payload=change(part.payload or b"")) if part.tag == tag else part
        for part in parts.extension
    )
    return replace(parts, extension=extension)


def with_rows(parts: Parts, change: Callable[[int, bytes], bytes]) -> Parts:
    """Return a file with other rows in its table of headers."""

    def new(packed: bytes) -> bytes:
        rows = rows_of(zstandard.decompress(packed))
        found = [change(number, row) for number, row in enumerate(rows)]
        return packed if found == rows else zstandard.compress(table_of(found))

    return with_part(b"HDRS", new, parts)
