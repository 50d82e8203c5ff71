"""The frame index: where each codestream lies. Checked as a whole before any frame is read."""

from __future__ import annotations

import sys
from array import array
from dataclasses import dataclass
from itertools import accumulate, pairwise

from dicube_core.container.layout import HEADER_SIZE
from dicube_core.exceptions import InvalidCubeFileError, TruncatedFileError

__all__ = ["FrameIndex", "pack_u32", "pack_u64", "unpack_u32", "unpack_u64"]


#: From so many frames on numpy is faster than a few passes without a loop of Python's.
_MANY = 192


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
        """Tell whether frames follow each other within the file; without a loop in Python.

        False is no answer.
        """
        offsets, lengths = self.offsets, self.lengths
        if not offsets or offsets[0] < HEADER_SIZE:
            return False
        # Faster for many frames, but not worth loading for this.
        numpy = sys.modules.get("numpy") if len(offsets) > _MANY else None
        if numpy is not None:
            starts, sizes = numpy.frombuffer(offsets, "Q"), numpy.frombuffer(lengths, "Q")
            before, behind = starts[:-1], starts[1:]
            # Each start is behind the one before it, and the last frame in the file: then the
            # differences are true ones, also of numbers without a sign, and none is 0.
            return bool(
                0 < lengths[-1] <= file_size - offsets[-1]
                and b"\0" not in (behind > before).tobytes()  # faster than a reduction
                and (behind - before).tobytes() == sizes[:-1].tobytes()
            )
        # Without a gap, as writers put them.
        starts = list(accumulate(lengths, initial=offsets[0]))
        return bool(starts.pop() <= file_size and all(lengths) and starts == offsets.tolist())

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
