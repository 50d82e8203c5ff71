"""The frame index: where each codestream lies. Checked as a whole before any frame is read."""

from __future__ import annotations

import sys
from array import array
from dataclasses import dataclass
from itertools import pairwise
from operator import add, ge

from dicube_core.container.layout import HEADER_SIZE
from dicube_core.exceptions import InvalidCubeFileError, TruncatedFileError

__all__ = ["FrameIndex", "pack_u32", "pack_u64", "unpack_u32", "unpack_u64"]


def pack_u64(values: list[int]) -> bytes:
    """Return little-endian 64-bit numbers."""
    return _pack("Q", values)


def pack_u32(values: list[int]) -> bytes:
    """Return little-endian 32-bit numbers."""
    return _pack("I", values)


def unpack_u32(data: bytes) -> array[int]:
    """Read little-endian 32-bit numbers."""
    return _unpack("I", data)


def unpack_u64(data: bytes) -> array[int]:
    """Read little-endian 64-bit numbers."""
    return _unpack("Q", data)


def _pack(code: str, values: list[int]) -> bytes:
    numbers = array(code, values)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tobytes()


def _unpack(code: str, data: bytes) -> array[int]:
    numbers = array(code, b"")
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


@dataclass(frozen=True, slots=True)
class FrameIndex:
    """Absolute offset and length of every codestream."""

    offsets: array[int]
    lengths: array[int]

    @classmethod
    def parse(cls, offsets: bytes, lengths: bytes, file_size: int, name: str) -> FrameIndex:
        """Read both tables; every frame must lie in the file and share no byte with another.

        Raises
        ------
        InvalidCubeFileError
            Names the first frame that does not.
        """
        index = cls(_unpack("Q", offsets), _unpack("Q", lengths))
        if index._is_one_run(file_size):
            return index
        # Writers append frames one after the other, so one pass usually settles everything.
        position, in_order = HEADER_SIZE, True
        for number, (offset, length) in enumerate(zip(index.offsets, index.lengths, strict=True)):
            stop = offset + length
            if length == 0 or offset < HEADER_SIZE or stop > file_size:
                raise TruncatedFileError(
                    f"{name}: frame {number} spans bytes {offset} to {stop}, outside of "
                    f"{HEADER_SIZE} to {file_size}, or is empty",
                    suggestion="the file is cut or damaged; restore it from its source",
                    details={"path": name, "frame": number, "offset": offset},
                )
            in_order = in_order and offset >= position
            position = stop
        if not in_order:
            index._refuse_overlaps(name)
        return index

    def _is_one_run(self, file_size: int) -> bool:
        """Tell whether frames follow each other within the file; without a loop in Python."""
        if not self.offsets or self.offsets[0] < HEADER_SIZE or not min(self.lengths):
            return False
        numpy = sys.modules.get("numpy")  # ten times faster, but not worth loading for this
        if numpy is not None:
            starts, sizes = (numpy.frombuffer(t, "Q") for t in (self.offsets, self.lengths))
            if starts.max() > file_size or sizes.max() > file_size:
                return False  # sums could be beyond 64 bits
            ends = starts + sizes
            return bool(ends[-1] <= file_size and (starts[1:] >= ends[:-1]).all())
        stops = list(map(add, self.offsets, self.lengths))
        return stops[-1] <= file_size and all(map(ge, self.offsets[1:], stops))

    def _refuse_overlaps(self, name: str) -> None:
        numbers = range(len(self))
        spans = sorted(zip(self.offsets, self.lengths, numbers, strict=True))
        for (offset, length, first), (start, _, second) in pairwise(spans):
            if start < offset + length:
                raise InvalidCubeFileError(
                    f"{name}: frames {first} and {second} overlap at byte {start}",
                    details={"path": name, "frame": second, "offset": start},
                )

    def __len__(self) -> int:
        return len(self.offsets)
