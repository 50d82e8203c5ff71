"""The value of Pixel Data, frame by frame, as encapsulated codestreams or uncompressed."""

from __future__ import annotations

import sys
from struct import Struct
from typing import TYPE_CHECKING, Any

from dicube_core.dataset.elements import EXPLICIT_LITTLE, PIXEL_DATA, element_header
from dicube_core.exceptions import TransferSyntaxError
from dicube_core.slices import SliceProvider

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicube_core.reader import Reader

__all__ = ["EncapsulatedFrames", "NativeFrames", "WholeFile"]

_ITEM = Struct("<HHI")
_UNDEFINED = 0xFFFFFFFF
SEQUENCE_END = _ITEM.pack(0xFFFE, 0xE0DD, 0)


class EncapsulatedFrames:
    """Basic Offset Table, then one item per frame with its codestream (DICOM PS3.5 A.4).

    What stands behind them, the Sequence Delimitation Item, is not part of it: pydicom holds such
    values without it, and writes it.

    Parameters
    ----------
    reader : Reader
        The file.
    limit : int
        Largest offset that the Basic Offset Table may hold. Where frames lie further on, it is
        empty and `extended` gives what the Extended Offset Table needs (PS3.3 C.7.6.3).
    """

    vr = "OB"
    encapsulated = True

    def __init__(self, reader: Reader, limit: int = _UNDEFINED) -> None:
        self._reader, self._limit = reader, limit
        padded = [length + length % 2 for length in reader.container.index.lengths]
        offsets, position = [], 0
        for length in padded:
            offsets.append(position)
            position += 8 + length
        self._in_basic = offsets[-1] < limit
        table = b"".join(o.to_bytes(4, "little") for o in offsets) if self._in_basic else b""
        self._table = _ITEM.pack(0xFFFE, 0xE000, len(table)) + table
        self._offsets = offsets
        self._padded = padded
        # Headers of items are parts of their own. Readers stop without a word where a header
        # cannot be read (pydicom's iterators do), so damage must show up behind it.
        self.lengths = [len(self._table)]
        for length in padded:
            self.lengths += (_ITEM.size, length)
        self._inspected: set[int] = set()

    @property
    def extended(self) -> tuple[bytes, bytes] | None:
        """Values of Extended Offset Table and its Lengths, where the basic one is too small.

        Lengths are those of the items' values, padding included, as pydicom writes them.
        """
        if self._in_basic:
            return None
        return (
            b"".join(offset.to_bytes(8, "little") for offset in self._offsets),
            b"".join(length.to_bytes(8, "little") for length in self._padded),
        )

    @property
    def header(self) -> bytes:
        """Header of the Pixel Data element."""
        return element_header(PIXEL_DATA, b"OB", _UNDEFINED, EXPLICIT_LITTLE)

    @property
    def end(self) -> bytes:
        """What ends the element in a file."""
        return SEQUENCE_END

    def load(self, first: int, last: int) -> list[bytes]:
        """Return the offset table (part 0), and header and value of items (two parts each)."""
        return [self._part(number) for number in range(first, last)]

    def _part(self, number: int) -> bytes:
        if not number:
            return self._table
        index, is_value = divmod(number - 1, 2)
        return self._value(index) if is_value else _ITEM.pack(0xFFFE, 0xE000, self._padded[index])

    def _value(self, index: int) -> bytes:
        codestream = self._reader.codestream(index)
        if index not in self._inspected:
            self._require_deliverable(index, codestream)
            # Where a checksum shows that the bytes are the same, one inspection is enough.
            if self._reader.validated:
                self._inspected.add(index)
        return codestream + b"\0" if len(codestream) % 2 else codestream

    def _require_deliverable(self, index: int, codestream: bytes) -> None:
        """Never hand out what is not what the label says (PS3.5 8.2.14)."""
        info = self._reader.inspect(index, codestream)
        pixel_format = self._reader.pixel_format
        if info.precision == pixel_format.bits_stored == pixel_format.high_bit + 1 <= 16:
            return
        if SliceProvider(self._reader).compressed(index) is None:
            raise TransferSyntaxError(
                f"{self._reader.name}: frame {index} cannot be delivered as HTJ2K Lossless: it is "
                "deeper than 16 bits, or has data in the bits beside the pixel",
                suggestion="ask for Explicit VR Little Endian",
                details={"path": self._reader.name, "frame": index},
            )

    def __reduce__(self) -> tuple[Any, ...]:
        return EncapsulatedFrames, (self._reader, self._limit)


class NativeFrames:
    """Uncompressed frames in little endian, decoded when they are read (PS3.5 8.1.1, A.2).

    Parameters
    ----------
    reader : Reader
        The file.

    Raises
    ------
    TransferSyntaxError
        Together they are longer than an uncompressed value may be.
    """

    encapsulated = False
    extended = None
    end = b""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        size, count = reader.pixel_format.n_bytes, reader.frame_count
        odd = size * count % 2
        self.lengths = [size] * count + [1] * odd
        self._total = size * count + odd
        self.vr = "OW" if reader.pixel_format.bits_allocated > 8 else "OB"
        if self._total >= _UNDEFINED:
            raise TransferSyntaxError(
                f"{reader.name}: {self._total} bytes of uncompressed frames are more than one "
                f"element takes ({_UNDEFINED - 1})",
                suggestion="ask for HTJ2K Lossless, or read the slices one by one",
            )

    @property
    def header(self) -> bytes:
        """Header of the Pixel Data element."""
        return element_header(PIXEL_DATA, self.vr.encode(), self._total, EXPLICIT_LITTLE)

    def load(self, first: int, last: int) -> Sequence[bytes | memoryview]:
        """Return the values of frames, many of them decoded on several threads."""
        count = self._reader.frame_count
        frames = range(first, min(last, count))
        parts: list[bytes | memoryview] = [b"\0"] * (last > count)
        if not frames:
            return parts
        array = self._reader.frames(frames)
        if sys.byteorder == "big":
            array = array.byteswap()
        return [*(frame.data.cast("B") for frame in array), *parts]

    def __reduce__(self) -> tuple[Any, ...]:
        return NativeFrames, (self._reader,)


class WholeFile:
    """The parts of a complete Part 10 file: its head, the frames, and what ends them.

    Parameters
    ----------
    head : bytes
        Up to the Pixel Data element.
    frames : EncapsulatedFrames or NativeFrames
        Its value.
    """

    def __init__(self, head: bytes, frames: EncapsulatedFrames | NativeFrames) -> None:
        self._head, self._frames = head, frames
        self._front = head + frames.header
        self.lengths = [len(self._front), *frames.lengths, len(frames.end)]

    def load(self, first: int, last: int) -> list[bytes | memoryview]:
        """Return the front (part 0), parts of the value, and the end (the last part)."""
        final = len(self.lengths) - 1
        parts: list[bytes | memoryview] = [self._front] if first == 0 else []
        begin, stop = max(first, 1), min(last, final)
        if begin < stop:
            parts += self._frames.load(begin - 1, stop - 1)
        if last > final:
            parts.append(self._frames.end)
        return parts

    def __reduce__(self) -> tuple[Any, ...]:
        return WholeFile, (self._head, self._frames)
