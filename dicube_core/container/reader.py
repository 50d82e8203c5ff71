"""Read a ``.dcbs`` file: every number checked before use, every byte against its checksum."""

from __future__ import annotations

import operator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from dicube_core.checksum import crc32
from dicube_core.container.extension import RESOLUTIONS, SLICE_HEADERS
from dicube_core.container.layout import Section
from dicube_core.container.parts import FileParts
from dicube_core.container.read_ahead import ReadAhead
from dicube_core.container.resolutions import Prefix, Resolutions, prefixes_of
from dicube_core.container.sections import decompress, parse_json
from dicube_core.exceptions import (
    ChecksumError,
    DecodeError,
    FrameIndexError,
    InvalidCubeFileError,
    MetaDataError,
)
from dicube_core.lazy import lazy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from dicube_core.source import ByteSource

__all__ = ["Container"]

#: What could hide a tag in JSON from a search for its digits: they are escaped, or in UTF-16 or 32.
_HIDES_DIGITS = (b"\\u003", b"\\u004", b"\0")


class Container(FileParts):
    """The parts of one file, as bytes and JSON; no pixel is decoded here.

    Opening reads the header, the extension directory, the pixel header and the frame index,
    usually in a single read. Of a file in a store where a request takes long it reads all that
    is no frame, in two requests at most, and keeps it. Safe for several threads.

    Parameters
    ----------
    source : ByteSource
        Where the bytes are.

    Attributes
    ----------
    header : FileHeader
        Places of the sections.
    frame_count : int
        Number of frames.
    pixel_header : dict
        The pixel header's JSON without the key of the extension.
    description : dict
        What our writer says of the frames; empty for files of other writers.
    extension : str
        ``"valid"``, ``"none"`` or ``"stale"`` (the file was saved again by a writer that keeps
        the key but drops the block; such a block is ignored).

    Raises
    ------
    InvalidCubeFileError
        The file is not valid; the message names section and byte offset.
    """

    def __init__(self, source: ByteSource) -> None:
        super().__init__(source)
        #: Frames that are read before they are asked for.
        self._ahead: list[ReadAhead] = []

    def check_all(self) -> None:
        """Read every part of the file and every frame, and compare each with its checksum.

        Raises
        ------
        ChecksumError, TruncatedFileError
            One is damaged.
        """
        self.check_parts()
        with self.reading_ahead(range(self.frame_count)):
            for frame in range(self.frame_count):
                self.codestream(frame)

    def metadata(self) -> dict[str, Any] | None:
        """Return the dicom_meta section's JSON object, None where it is empty.

        Raises
        ------
        InvalidCubeFileError, MetaDataError
            It cannot be decompressed or parsed.
        """
        loader = self.metadata_loader()
        return None if loader is None else loader()

    def metadata_loader(self) -> Callable[[], dict[str, Any]] | None:
        """Return what `metadata` would, as a function that holds the bytes and not the file."""
        data = self.section("dicom_meta")
        if not data:
            return None
        what = self._metadata_place()
        return lambda: parse_json(decompress(data, what), what, finite=False)

    def may_have(self, tag: int) -> bool:
        """Tell whether the metadata could have a tag, at any level. False is certain.

        Nothing is parsed for it, which takes far longer for a long series.
        """
        data = self.section("dicom_meta")
        if not data:
            return self.has_part(SLICE_HEADERS)  # which metadata is made of then
        text = decompress(data, self._metadata_place())
        return any(mark in text for mark in (f"{tag:08X}".encode(), *_HIDES_DIGITS))

    def _metadata_place(self) -> str:
        return f"{self.name}: dicom_meta at byte {self.header.dicom_meta.offset}"

    def space(self) -> dict[str, Any] | None:
        """Return the space section's JSON object, None where it is empty."""
        data = self.section("space")
        if not data:
            return None
        return parse_json(data, f"{self.name}: space at byte {self.header.space.offset}")

    def dicom_status(self) -> str:
        """Return the status text; empty text means consistent."""
        data = self.section("dicom_status")
        try:
            return data.decode("ascii") or "consistent"
        except UnicodeDecodeError:
            raise MetaDataError(
                f"{self.name}: dicom_status at byte {self.header.dicom_status.offset} is not text"
            ) from None

    def frame_number(self, index: int) -> int:
        """Turn an index, negative from the end, into a frame position.

        Raises
        ------
        FrameIndexError
            Out of range.
        TypeError
            Not an integer.
        """
        position, count = operator.index(index), self.frame_count
        if position < 0:
            position += count
        if not 0 <= position < count:
            raise FrameIndexError(
                f"{self.name}: frame {index} is out of range, the file has {count}",
                details={"path": self.name, "frame": index},
            )
        return position

    def codestream(self, index: int) -> bytes:
        """Return the bytes of one frame, compared with its checksum where there is one.

        Raises
        ------
        FrameIndexError
            Out of range.
        ChecksumError, DecodeError
            The bytes are not those that were written.
        """
        number = self.frame_number(index)
        offset = self.index.offsets[number]
        length = self.index.lengths[number]
        data = self._frame(offset, length) if self._ahead else self.source.read_at(offset, length)
        if self._crcs is not None and crc32(data) != self._crcs[number]:
            raise self._damaged(number, data)
        return data

    def _damaged(self, number: int, data: bytes, what: str = "") -> DamagedFrameError:
        offset = self.index.offsets[number]
        return DamagedFrameError(
            f"{self.name}: {what}frame {number} at byte {offset} ({len(data)} bytes) does not "
            "match its checksum",
            suggestion="the frame is damaged, others may be whole; restore the file",
            details={"path": self.name, "frame": number, "offset": offset},
        )

    def _frame(self, offset: int, length: int) -> bytes:
        """Read a frame, or the beginning of one, that may have been read already."""
        for ahead in tuple(self._ahead):
            data = ahead.take(Section(offset, length))
            if data is not None:
                return data
        return self.source.read_at(offset, length)

    @lazy
    def resolutions(self) -> Resolutions | None:
        """How much of each frame a lower resolution needs, None where the file does not say.

        Raises
        ------
        InvalidCubeFileError
            The table cannot be.
        """
        data = self.part(RESOLUTIONS)
        if data is None:
            return None
        return Resolutions(data, self.index.lengths, f"{self.name}: extension part RESL")

    def prefix(self, index: int, level: int) -> bytes | None:
        """Return as much of a frame as a resolution needs, compared with its own checksum.

        Parameters
        ----------
        index : int
            As in `codestream`.
        level : int
            How often the resolution is halved.

        Returns
        -------
        bytes or None
            None where the file does not say how much that is.

        Raises
        ------
        FrameIndexError, ChecksumError, DecodeError
            As `codestream`.
        InvalidCubeFileError
            The table cannot be.
        """
        number = self.frame_number(index)
        known = None if self.resolutions is None else self.resolutions.prefix(number, level)
        if known is None:
            return None
        data = self._frame(self.index.offsets[number], known.length)
        if crc32(data) != known.crc:
            raise self._damaged(number, data, f"resolution {level} of ")
        return data

    def prefixes(self, index: int, codestream: bytes) -> list[Prefix]:
        """Return the known prefixes of a frame, compared with its codestream.

        Raises
        ------
        InvalidCubeFileError
            They are not what it begins with.
        """
        number = self.frame_number(index)
        if self.resolutions is None:
            return []
        row = [prefix for prefix in self.resolutions.row(number) if prefix.length]
        if row != prefixes_of(codestream, [prefix.length for prefix in row], len(row)):
            raise InvalidCubeFileError(
                f"{self.name}: extension part RESL has checksums that are not those of frame "
                f"{number}",
                suggestion="the file is damaged or was tampered with; restore it from its source",
                details={"path": self.name, "frame": number},
            )
        return row

    @contextmanager
    def reading_ahead(self, frames: Sequence[int], level: int = 0) -> Iterator[None]:
        """Read frames before they are asked for, in few requests and several at once.

        Does nothing for files that are no further away than a disk.

        Parameters
        ----------
        frames : sequence of int
            Those that will be asked for, by their numbers, in this order.
        level : int
            How often their resolution will be halved.
        """
        if self._front.requests is None or len(frames) < 2:
            yield
            return
        places = self._places_of(frames, level)
        with ReadAhead(self.source.read_at, places, self._front.requests) as ahead:
            self._ahead.append(ahead)
            try:
                yield
            finally:
                with suppress(ValueError):  # in a process made by fork meanwhile
                    self._ahead.remove(ahead)

    def _places_of(self, frames: Sequence[int], level: int) -> Iterable[Section]:
        table = self.resolutions if level else None
        for number in frames:
            known = None if table is None else table.prefix(number, level)
            length = self.index.lengths[number] if known is None else known.length
            yield Section(self.index.offsets[number], length)


class DamagedFrameError(ChecksumError, DecodeError):
    """A codestream does not match its checksum."""
