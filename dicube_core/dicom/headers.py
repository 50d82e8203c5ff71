"""A slice's file without its pixels: the original bytes, in parts that can be put together again.

Restoring a slice is concatenation, so nothing of it depends on understanding its elements.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import overload

from dicube_core.container.columns import ColumnTable, pack_table
from dicube_core.container.sections import compress, decompress
from dicube_core.dataset.elements import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    Encoding,
    element_header,
    walk,
)
from dicube_core.error_places import errors_name
from dicube_core.exceptions import DicomCubeError, MetaDataError

__all__ = ["HeaderTable", "SliceHeader", "pack_headers"]

# Lengths of: name, source syntax, preamble, file meta, head, pixel header, padding, tail.
_LENGTHS = Struct("<BHHIIIIII")
_EXPLICIT = 1
_EXACT = 2
#: What follows the tail of such a header is its `rest`.
_REST = 4


@dataclass(frozen=True, slots=True)
class SliceHeader:
    """Everything of one DICOM file but the frame's stored values.

    Parameters
    ----------
    preamble : bytes
        128 bytes and ``DICM``, or empty where the source had none.
    file_meta : bytes
        The source's group 0002, or empty.
    head : bytes
        Data set before the Pixel Data element, little endian.
    pixel_header : bytes
        Header of the Pixel Data element in its uncompressed form.
    padding : bytes
        What the uncompressed Pixel Data value holds after the frame.
    tail : bytes
        Data set after Pixel Data.
    explicit : bool
        Explicit or Implicit VR Little Endian, for `head`, `pixel_header` and `tail`.
    exact : bool
        Whether the parts and the frame, joined, are the source file byte for byte. Else the
        source was compressed, deflated or big endian, and was normalised to Explicit VR Little
        Endian.
    source_syntax : str
        Transfer Syntax UID of the source, empty where it had no file meta information.
    name : str
        Path of the source file below the folder that was read, with forward slashes.
    rest : bytes
        What the file holds behind the data set and is no whole element: one that was cut, zeros
        that fill a block, fewer bytes than an element has. Empty in nearly all files.
    """

    preamble: bytes
    file_meta: bytes
    head: bytes
    pixel_header: bytes
    padding: bytes
    tail: bytes
    explicit: bool
    exact: bool
    source_syntax: str
    name: str
    rest: bytes = b""

    @property
    def n_bytes(self) -> int:
        """Bytes of what may be large of it."""
        return sum(map(len, (self.file_meta, self.head, self.padding, self.tail, self.rest)))

    @property
    def encoding(self) -> Encoding:
        """How `head` and `tail` are encoded."""
        return EXPLICIT_LITTLE if self.explicit else IMPLICIT_LITTLE

    @property
    def pixel_tag(self) -> int:
        """Tag of the pixel element: Pixel Data, Float or Double Float Pixel Data."""
        group, number = self.pixel_header[:2], self.pixel_header[2:4]
        return int.from_bytes(group, "little") << 16 | int.from_bytes(number, "little")

    @property
    def dataset(self) -> bytes:
        """The data set without Pixel Data."""
        return self.head + self.whole_tail

    @property
    def whole_tail(self) -> bytes:
        """`tail`, and what `rest` holds as readers see it: a last element as long as it is."""
        rest = self.rest
        if len(rest) < 8:
            return self.tail
        if not rest.strip(b"\0"):
            return self.tail + rest[: len(rest) // 8 * 8]
        element = next(walk(rest, self.encoding, until=0))
        value = rest[element.value :]
        header = element_header(element.tag, element.vr, len(value), self.encoding)
        return b"".join((self.tail, header, value))


def pack_headers(headers: Sequence[SliceHeader]) -> bytes:
    """Pack the headers of a series, compressed together; deterministic."""
    if isinstance(headers, HeaderTable):
        return headers.packed
    return compress(pack_table([_row(header) for header in headers]))


def _row(header: SliceHeader) -> tuple[tuple[object, ...], list[bytes]]:
    """Cut a header into pieces: one per element, so that equal elements are stored once."""
    name = header.name.encode("utf-8", "surrogateescape")
    syntax = header.source_syntax.encode("latin-1")  # as it was read
    flags = _EXPLICIT * header.explicit | _EXACT * header.exact | _REST * bool(header.rest)
    lengths = _LENGTHS.pack(
        flags,
        len(name),
        len(syntax),
        len(header.preamble),
        len(header.file_meta),
        len(header.head),
        len(header.pixel_header),
        len(header.padding),
        len(header.tail),
    )
    key: list[object] = [flags]
    pieces = [lengths, name, syntax, header.preamble]
    _cut(header.file_meta, EXPLICIT_LITTLE, key, pieces)
    _cut(header.head, header.encoding, key, pieces)
    pieces += [header.pixel_header, header.padding]
    _cut(header.tail, header.encoding, key, pieces)
    if header.rest:
        pieces.append(header.rest)
    return tuple(key), pieces


def _cut(data: bytes, encoding: Encoding, key: list[object], pieces: list[bytes]) -> None:
    for element in walk(data, encoding):
        key.append(element.tag)
        pieces.append(data[element.start : element.stop])
    key.append(None)


class HeaderSequence(Sequence[SliceHeader]):
    """Headers that are put together when they are asked for, one by one."""

    def _header(self, number: int) -> SliceHeader:
        """Return one of them; `number` is in range."""
        raise NotImplementedError

    @overload
    def __getitem__(self, index: int) -> SliceHeader: ...
    @overload
    def __getitem__(self, index: slice) -> list[SliceHeader]: ...
    def __getitem__(self, index: int | slice) -> SliceHeader | list[SliceHeader]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(index)
        return self._header(index % len(self))

    def __iter__(self) -> Iterator[SliceHeader]:
        return (self[i] for i in range(len(self)))


class HeaderTable(HeaderSequence):
    """Headers of a series as they were packed, each put together when asked for.

    Immutable, safe for threads. Takes a few bytes per slice in memory.

    Raises
    ------
    InvalidCubeFileError, MetaDataError
        The bytes are not such a table, or not of `count` slices.
    """

    def __init__(self, data: bytes, count: int, what: str) -> None:
        table = decompress(data, what)
        with errors_name(what):
            self._table = ColumnTable(table)
        self._what = what
        #: The bytes the table was made of.
        self.packed = data
        if len(self._table) != count:
            raise MetaDataError(f"{what}: headers of {len(self._table)} slices for {count} frames")

    @property
    def place(self) -> str:
        """The file and the part of it that the table was read from, as errors name it."""
        return self._what

    def __len__(self) -> int:
        return len(self._table)

    def _header(self, number: int) -> SliceHeader:
        try:
            return self._parse(self._table.row(number), number)
        except DicomCubeError as exc:
            exc.add_place(self._what)
            raise

    def groups(self) -> Iterator[tuple[list[int], list[bytes | list[bytes]]]]:
        """Yield the slices whose headers have the same elements, and the pieces of these headers.

        See `ColumnTable.groups`. Every element of a header is a piece of its own, or lies within
        a piece that all slices of the group share. This is what to use to look at a few elements
        of many slices: what all share is looked at once.
        """
        return self._table.groups()

    def _parse(self, row: bytes, index: int) -> SliceHeader:
        if len(row) < _LENGTHS.size:
            raise MetaDataError(f"{self._what}: header of slice {index} is cut")
        flags, *lengths = _LENGTHS.unpack_from(row)
        # Stored order: name, syntax, preamble, file meta, head, pixel header, padding, tail.
        parts = []
        position = _LENGTHS.size
        for length in lengths:
            parts.append(row[position : position + length])
            position += length
        rest = row[position:] if flags & _REST else b""
        if position + len(rest) != len(row):
            raise MetaDataError(
                f"{self._what}: header of slice {index} has {len(row)} bytes, not {position}"
            )
        name, syntax, preamble, file_meta, head, pixel_header, padding, tail = parts
        return SliceHeader(
            preamble=preamble,
            file_meta=file_meta,
            head=head,
            pixel_header=pixel_header,
            padding=padding,
            tail=tail,
            explicit=bool(flags & _EXPLICIT),
            exact=bool(flags & _EXACT),
            source_syntax=syntax.decode("latin-1"),
            name=name.decode("utf-8", "surrogateescape"),
            rest=rest,
        )
