"""The value of Pixel Data, frame by frame, as encapsulated codestreams or uncompressed."""

from __future__ import annotations

from functools import partial
from math import gcd
from struct import Struct
from typing import TYPE_CHECKING, Any

from dicube_core.dataset.elements import EXPLICIT_LITTLE, PIXEL_DATA, element_header
from dicube_core.dicom.stored_values import stored_bytes
from dicube_core.exceptions import TransferSyntaxError
from dicube_core.slices import SliceProvider

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

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
    order : sequence of int, optional
        Which frames of the file, in which order; by default all as they are.
    limit : int
        Largest offset that the Basic Offset Table may hold. Where frames lie further on, it is
        empty and `extended` gives what the Extended Offset Table needs (PS3.3 C.7.6.3).
    """

    vr = "OB"
    encapsulated = True

    def __init__(
        self, reader: Reader, limit: int = _UNDEFINED, *, order: Sequence[int] | None = None
    ) -> None:
        self._reader, self._limit = reader, limit
        self._order = range(reader.frame_count) if order is None else order
        lengths = reader.container.index.lengths
        padded = [lengths[frame] + lengths[frame] % 2 for frame in self._order]
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
        return (
            self._value(self._order[index])
            if is_value
            else _ITEM.pack(0xFFFE, 0xE000, self._padded[index])
        )

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
        pixel_format = self._reader.pixel_format
        info = self._reader.inspect(index, codestream)
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
        return partial(EncapsulatedFrames, order=self._order), (self._reader, self._limit)


class NativeFrames:
    """Uncompressed frames in little endian, decoded when they are read (PS3.5 8.1.1, A.2).

    Single bits go on from one frame to the next, so there a part is as many frames as end with a
    byte.

    Parameters
    ----------
    reader : Reader
        The file.
    order : sequence of int, optional
        Which frames of the file, in which order; by default all as they are.
    pixel_header : bytes, optional
        Header of the element in Explicit VR, of which tag and VR are taken; by default Pixel Data.
    padding : bytes, optional
        What follows the frames; by default a zero where they have an odd length.
    as_header_says : bool, optional
        Colour by plane and 4:2:2 as in the source, not pixel by pixel.

    Raises
    ------
    TransferSyntaxError
        Together they are longer than an uncompressed value may be.
    """

    encapsulated = False
    extended = None
    end = b""

    def __init__(
        self,
        reader: Reader,
        *,
        order: Sequence[int] | None = None,
        pixel_header: bytes = b"",
        padding: bytes | None = None,
        as_header_says: bool = False,
    ) -> None:
        self._reader = reader
        self._order = range(reader.frame_count) if order is None else order
        self._given = (pixel_header, padding, as_header_says)
        fmt, count = reader.pixel_format, len(self._order)
        self._format = fmt if as_header_says else None
        bits = fmt.native_bits if as_header_says else 8 * fmt.n_bytes
        self._per_part = 8 // gcd(bits, 8)
        whole, left = divmod(count, self._per_part)
        self.lengths = [bits * self._per_part // 8] * whole
        if left:
            self.lengths.append(-(-bits * left // 8))
        self._n_parts = len(self.lengths)
        size = sum(self.lengths)
        self._padding = b"\0" * (size % 2) if padding is None else padding
        if self._padding:
            self.lengths.append(len(self._padding))
        self._total = size + len(self._padding)
        self.vr = "OW" if fmt.bits_allocated > 8 else "OB"
        self._tag = PIXEL_DATA
        if pixel_header:
            self.vr = pixel_header[4:6].decode("ascii")
            group, number = pixel_header[:2], pixel_header[2:4]
            self._tag = int.from_bytes(group, "little") << 16 | int.from_bytes(number, "little")
        if self._total >= _UNDEFINED:
            raise TransferSyntaxError(
                f"{reader.name}: {self._total} bytes of uncompressed frames are more than one "
                f"element takes ({_UNDEFINED - 1})",
                suggestion="ask for HTJ2K Lossless, or read the slices one by one",
            )

    @property
    def header(self) -> bytes:
        """Header of the Pixel Data element."""
        return element_header(self._tag, self.vr.encode(), self._total, EXPLICIT_LITTLE)

    def load(self, first: int, last: int) -> Sequence[bytes | memoryview]:
        """Return the values of frames, many of them decoded on several threads."""
        count = self._n_parts
        parts: list[bytes | memoryview] = [self._padding] * (last > count)
        each = self._per_part
        frames = self._order[first * each : min(last, count) * each]
        if not frames:
            return parts
        array = self._reader.frames(frames)
        if each > 1:
            groups = (array[i : i + each] for i in range(0, len(frames), each))
            return [*map(_packed, groups), *parts]
        return [*(stored_bytes(frame, self._format) for frame in array), *parts]

    def __reduce__(self) -> tuple[Any, ...]:
        pixel_header, padding, as_header_says = self._given
        made = partial(
            NativeFrames,
            order=self._order,
            pixel_header=pixel_header,
            padding=padding,
            as_header_says=as_header_says,
        )
        return made, (self._reader,)


def _packed(frames: np.ndarray[Any, Any]) -> bytes:
    """Return frames of zeros and ones as single bits, the first in the lowest (PS3.5 8.1.1)."""
    import numpy as np

    return np.packbits(frames.reshape(-1), bitorder="little").tobytes()


class WholeFile:
    """The parts of a complete Part 10 file: its head, the frames, and what ends them.

    Parameters
    ----------
    head : bytes
        Up to the Pixel Data element.
    frames : EncapsulatedFrames or NativeFrames
        Its value.
    tail : bytes
        Elements behind it.
    """

    def __init__(
        self, head: bytes, frames: EncapsulatedFrames | NativeFrames, tail: bytes = b""
    ) -> None:
        self._head, self._frames, self._tail = head, frames, tail
        self._front = head + frames.header
        self._end = frames.end + tail
        self.lengths = [len(self._front), *frames.lengths, len(self._end)]

    def load(self, first: int, last: int) -> list[bytes | memoryview]:
        """Return the front (part 0), parts of the value, and the end (the last part)."""
        final = len(self.lengths) - 1
        parts: list[bytes | memoryview] = [self._front] if first == 0 else []
        begin, stop = max(first, 1), min(last, final)
        if begin < stop:
            parts += self._frames.load(begin - 1, stop - 1)
        if last > final:
            parts.append(self._end)
        return parts

    def __reduce__(self) -> tuple[Any, ...]:
        return WholeFile, (self._head, self._frames, self._tail)
