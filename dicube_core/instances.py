"""Source instances of several frames, put together again from the frames of a file or an image."""

from __future__ import annotations

import zlib
from struct import Struct
from typing import TYPE_CHECKING, Any

from dicube_core.dataset import uids
from dicube_core.dicom.colour import relabelled
from dicube_core.dicom.file_meta import PREAMBLE, file_meta_for
from dicube_core.dicom.instance import (
    encapsulated_parts,
    is_dicom_file,
    native_instance,
    restored_file,
    with_encoding,
)
from dicube_core.dicom.multiframe.agreement import require_instance_agreement
from dicube_core.dicom.stored_values import stored_bytes
from dicube_core.exceptions import FrameIndexError
from dicube_core.frames import InOrder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import numpy as np

    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.frame_map import FrameMap
    from dicube_core.pixels import PixelFormat

__all__ = ["WholeInstances"]

_ITEM = Struct("<HHI")
#: Offsets of the Basic Offset Table have 32 bits (PS3.5 A.4).
_MAX_OFFSET = 0xFFFFFFFF


class WholeInstances:
    """The instances that the frames of a file came from. Keeps no frame; safe for threads.

    Parameters
    ----------
    headers : sequence of SliceHeader
        Of the instances.
    frame_map : FrameMap
        Which frame is where.
    pixel_format : PixelFormat
        Of all frames.
    frame : callable
        ``frame(index)`` returns the stored values of a frame of the file.
    """

    def __init__(
        self,
        headers: Sequence[SliceHeader],
        frame_map: FrameMap,
        pixel_format: PixelFormat,
        frame: Callable[[int], np.ndarray[Any, Any]],
    ) -> None:
        self.headers, self.frame_map = headers, frame_map
        self._format, self._frame = pixel_format, frame

    def __len__(self) -> int:
        return self.frame_map.n_instances

    def number(self, index: int) -> int:
        """Return the number of an instance; negative ones count from the end.

        Raises
        ------
        FrameIndexError
            There is no such instance.
        """
        if not -len(self) <= index < len(self):
            raise FrameIndexError(f"instance {index} is out of range, there are {len(self)}")
        return index % len(self)

    def header(self, index: int) -> SliceHeader:
        """Return the header of an instance, once it was found to describe its frames.

        Raises
        ------
        DataConsistencyError
            It does not.
        """
        header = self.headers[index]
        require_instance_agreement(header, len(self.frame_map.frames_of(index)), self._format)
        return header

    def restored(self, index: int) -> Iterator[bytes | memoryview]:
        """Yield the parts of the source file; see `dicube_core.dicom.instance.restored_file`.

        A few frames are in memory at the same time, however many there are.
        """
        header = self.header(index)
        tail = header.tail + header.rest if header.exact else header.whole_tail
        yield from self._around(restored_file(header, b""), header.padding + tail, index)

    def native(self, index: int, syntax: str) -> Iterator[bytes | memoryview]:
        """Yield the parts of an instance in an uncompressed transfer syntax."""
        header = self._encoded(index, explicit=syntax != uids.IMPLICIT_LE)
        if syntax != uids.DEFLATED:
            tail = header.tail + header.rest if is_dicom_file(header) else header.whole_tail
            yield from self._around(native_instance(header, b""), header.padding + tail, index)
            return
        yield header.preamble or PREAMBLE
        yield file_meta_for(header, uids.DEFLATED)
        packer = zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        length = 0
        after = header.padding + header.whole_tail
        body = header.head + header.pixel_header + after
        for part in self._around(body, after, index):
            packed = packer.compress(part)
            length += len(packed)
            yield packed
        packed = packer.flush()
        yield packed + b"\0" * ((length + len(packed)) % 2)

    def encapsulated(
        self, index: int, syntax: str, codestreams: Sequence[bytes]
    ) -> Iterator[bytes]:
        """Yield the parts of a compressed instance: one fragment per frame, and their offsets.

        Parameters
        ----------
        codestreams : sequence of bytes
            Of the instance's frames, in its order.
        """
        header = self._encoded(index, explicit=True)
        if self._format.is_colour:
            header = relabelled(header, "YBR_RCT", 0)
        before, after = encapsulated_parts(header, syntax)
        yield before[: -_ITEM.size]
        offsets, position = [], 0
        for codestream in codestreams:
            offsets.append(position)
            position += _ITEM.size + len(codestream) + len(codestream) % 2
        table = b""
        if position <= _MAX_OFFSET:
            table = b"".join(offset.to_bytes(4, "little") for offset in offsets)
        yield _ITEM.pack(0xFFFE, 0xE000, len(table)) + table
        for codestream in codestreams:
            padding = b"\0" * (len(codestream) % 2)
            yield _ITEM.pack(0xFFFE, 0xE000, len(codestream) + len(padding))
            yield codestream + padding
        yield after

    def _encoded(self, index: int, *, explicit: bool) -> SliceHeader:
        bits = self._format.bits_allocated
        return with_encoding(self.header(index), explicit=explicit, bits_allocated=bits)

    def _around(self, whole: bytes, after: bytes, index: int) -> Iterator[bytes | memoryview]:
        """Yield a file that was made without pixels, with these before what comes after them."""
        yield whole[: len(whole) - len(after)]
        frames = self.frame_map.frames_of(index)
        with InOrder(lambda n: self._frame(frames[n]), len(frames)) as decoded:
            yield from _native(decoded, self._format)
        yield after


def _native(
    frames: Iterable[np.ndarray[Any, Any]], pixel_format: PixelFormat
) -> Iterator[bytes | memoryview]:
    """Yield frames as uncompressed Pixel Data has them, one after the other."""
    bits = pixel_format.native_bits
    if bits % 8 == 0:
        for frame in frames:
            yield stored_bytes(frame, pixel_format)
        return
    # Single bits go on from one frame to the next (PS3.5 8.1.1).
    held, n_held = 0, 0
    for frame in frames:
        held |= int.from_bytes(stored_bytes(frame, pixel_format), "little") << n_held
        n_held += bits
        n_bytes = n_held // 8
        yield (held & ((1 << 8 * n_bytes) - 1)).to_bytes(n_bytes, "little")
        held >>= 8 * n_bytes
        n_held -= 8 * n_bytes
    if n_held:
        yield held.to_bytes(1, "little")
