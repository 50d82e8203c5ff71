"""Overlays with several frames (PS3.3 C.9.3), of which a single frame has one or none."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.dicom.multiframe.kinds import frames_text
from dicube_core.dicom.multiframe.pieces import element, text_of, value_of
from dicube_core.exceptions import MetaDataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dicube_core.dataset.elements import Encoding

__all__ = ["Overlays"]

_ROWS, _COLUMNS, _FRAMES, _ORIGIN, _DATA = 0x0010, 0x0011, 0x0015, 0x0051, 0x3000


class Overlays:
    """The overlay planes of one instance that go from frame to frame.

    Overlays without a number of frames are of all frames and stay as they are.
    """

    def __init__(self, top: Mapping[int, bytes], encoding: Encoding, frame_count: int) -> None:
        self._encoding = encoding
        self._planes: list[tuple[int, int, int, int, bytes, dict[int, bytes]]] = []
        groups = sorted({tag & 0xFFFF0000 for tag in top if 0x6000 <= tag >> 16 <= 0x601E})
        for group in groups:
            if group | _FRAMES not in top or frame_count < 2:
                continue
            self._planes.append(self._plane(top, group))

    def _plane(
        self, top: Mapping[int, bytes], group: int
    ) -> tuple[int, int, int, int, bytes, dict[int, bytes]]:
        encoding = self._encoding
        count = frames_text(text_of(top[group | _FRAMES], encoding))
        rows, columns = (
            int.from_bytes(value_of(top.get(group | n), encoding)[:2], "little")
            for n in (_ROWS, _COLUMNS)
        )
        origin = value_of(top.get(group | _ORIGIN), encoding)
        first = int.from_bytes(origin[:2], "little") if origin else 1
        data = value_of(top.get(group | _DATA), encoding)
        bits = rows * columns
        if data and len(data) * 8 < bits * count:
            raise MetaDataError(
                f"overlay ({group >> 16:04X},3000) holds {len(data)} bytes, {count} frames of "
                f"{rows}x{columns} bits need {-(-bits * count // 8)}"
            )
        pieces = {tag: piece for tag, piece in top.items() if tag & 0xFFFF0000 == group}
        return group, first, count, bits, data, pieces

    def of_frame(self, number: int) -> dict[int, bytes]:
        """Return the elements of the overlays of one frame; empty ones where it has none."""
        result: dict[int, bytes] = {}
        for group, first, count, bits, data, pieces in self._planes:
            place = number + 1 - first
            if not 0 <= place < count:
                result.update(dict.fromkeys(pieces, b""))
                continue
            result[group | _FRAMES] = element(group | _FRAMES, b"IS", b"1", self._encoding)
            if group | _ORIGIN in pieces:
                one = (1).to_bytes(2, "little")
                result[group | _ORIGIN] = element(group | _ORIGIN, b"US", one, self._encoding)
            if data:
                start = place * bits
                cut = int.from_bytes(data[start // 8 : -(-(start + bits) // 8)], "little")
                cut = cut >> start % 8 & ((1 << bits) - 1)
                value = cut.to_bytes(-(-bits // 8), "little")
                vr = pieces[group | _DATA][4:6] if self._encoding.explicit else b"OW"
                value += b"\0" * (len(value) % 2)
                result[group | _DATA] = element(group | _DATA, vr, value, self._encoding)
        return result
