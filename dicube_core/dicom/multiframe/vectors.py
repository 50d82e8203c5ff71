"""Attributes with one value per frame outside of functional groups (PS3.3 C.7.6.6, C.8.4.8)."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from dicube_core.dicom.multiframe.pieces import element, items_of, level, text_of, value_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dicube_core.dataset.elements import Encoding

__all__ = ["Vectors"]

#: Vectors of decimal strings: frame times, slice locations.
_DECIMAL_VECTORS = (0x00181065, 0x00182005)
#: Vectors of 16-bit numbers: energy windows, detectors, phases, slices and the like of NM.
_WORD_VECTORS = (
    *(0x00540010, 0x00540020, 0x00540030, 0x00540050, 0x00540060, 0x00540070),
    *(0x00540080, 0x00540090, 0x00540100),
)
_OFFSETS = 0x3004000C  # GridFrameOffsetVector
_POSITION, _ORIENTATION = 0x00200032, 0x00200037
_SPACING_BETWEEN = 0x00180088
_DETECTORS, _DETECTOR_VECTOR, _SLICE_VECTOR = 0x00540022, 0x00540020, 0x00540080
_NM = "1.2.840.10008.5.1.4.1.1.20"
_DS_LENGTH = 16


class Vectors:
    """The vectors of one instance. Immutable, safe for threads.

    Parameters
    ----------
    top : mapping of tag to bytes
        The elements of the instance's top level.
    encoding : Encoding
        Of these.
    frame_count : int
        Frames of the instance; vectors of another length are left as they are.
    """

    def __init__(self, top: Mapping[int, bytes], encoding: Encoding, frame_count: int) -> None:
        self._encoding, self._count = encoding, frame_count
        self._texts: dict[int, list[str]] = {}
        for tag in (*_DECIMAL_VECTORS, _OFFSETS):
            values = text_of(top.get(tag), encoding).split("\\")
            if tag in top and len(values) == frame_count:
                self._texts[tag] = values
        self._has_offsets = _OFFSETS in top
        self._words = {
            tag: value
            for tag in _WORD_VECTORS
            if tag in top and len(value := value_of(top[tag], encoding)) == 2 * frame_count
        }
        self._offsets = self._texts.pop(_OFFSETS, None)
        self._position = _decimals(text_of(top.get(_POSITION), encoding), 3)
        self._orientation = _decimals(text_of(top.get(_ORIENTATION), encoding), 6)
        self._detectors = self._detector_planes(top)
        self._slice_spacing = self._reconstructed_spacing(top)

    def of_frame(self, number: int) -> dict[int, bytes]:
        """Return the elements of one frame that take the place of vectors."""
        encoding = self._encoding
        result = {
            tag: element(tag, b"DS", values[number].strip().encode("latin-1"), encoding)
            for tag, values in self._texts.items()
        }
        for tag, value in self._words.items():
            result[tag] = element(tag, b"US", value[2 * number : 2 * number + 2], encoding)
        if self._offsets is not None:
            position = self._dose_position(number)
            if position is not None:
                result[_POSITION] = _position_element(position, encoding)
        elif self._detectors:
            result.update(self._detector_plane(number))
        return result

    @property
    def is_unplaced(self) -> bool:
        """Whether offsets are there that do not say where each frame lies."""
        return self._has_offsets and not self.replaced

    @property
    def replaced(self) -> tuple[int, ...]:
        """Tags that the frames have no use for: offsets that became positions."""
        return (_OFFSETS,) if self._offsets is not None and self._dose_position(0) else ()

    def _dose_position(self, number: int) -> Sequence[Decimal] | None:
        """Return the place of a dose plane (PS3.3 C.8.8.3.2).

        Offsets begin with zero and count from the position along the normal, or they are
        patient coordinates along z themselves.
        """
        position, orientation = self._position, self._orientation
        offsets = _decimals("\\".join(self._offsets or ()), self._count)
        if position is None or orientation is None or offsets is None:
            return None
        normal = _normal(orientation)
        if offsets[0] == 0:
            return [p + n * offsets[number] for p, n in zip(position, normal, strict=True)]
        if offsets[0] == position[2] and abs(normal[2]) == 1:
            return [position[0], position[1], offsets[number]]
        return None

    def _detector_planes(
        self, top: Mapping[int, bytes]
    ) -> list[tuple[Sequence[Decimal] | None, Sequence[Decimal] | None]]:
        if _DETECTORS not in top or _POSITION in top:
            return []
        from dicube_core.dataset.elements import walk

        piece, encoding = top[_DETECTORS], self._encoding
        planes: list[tuple[Sequence[Decimal] | None, Sequence[Decimal] | None]] = []
        for item in items_of(piece, next(walk(piece, encoding)), encoding):
            inner = level(item, encoding)
            planes.append(
                (
                    _decimals(text_of(inner.get(_POSITION), encoding), 3),
                    _decimals(text_of(inner.get(_ORIENTATION), encoding), 6),
                )
            )
        return planes

    def _reconstructed_spacing(self, top: Mapping[int, bytes]) -> Decimal | None:
        """Return the distance of reconstructed slices, None for projections."""
        kind = text_of(top.get(0x00080008), self._encoding).split("\\")
        if len(kind) < 3 or not kind[2].startswith("RECON"):
            return None
        found = _decimals(text_of(top.get(_SPACING_BETWEEN), self._encoding), 1)
        return found[0] if found else None

    def _detector_plane(self, number: int) -> dict[int, bytes]:
        """Return the plane of a reconstructed slice (PS3.3 C.8.4.11, C.8.4.15)."""
        if self._slice_spacing is None:
            return {}
        detector = 1
        if _DETECTOR_VECTOR in self._words:
            detector = int.from_bytes(
                self._words[_DETECTOR_VECTOR][2 * number : 2 * number + 2], "little"
            )
        if not 1 <= detector <= len(self._detectors) or _SLICE_VECTOR not in self._words:
            return {}
        position, orientation = self._detectors[detector - 1]
        if position is None or orientation is None:
            return {}
        place = int.from_bytes(self._words[_SLICE_VECTOR][2 * number : 2 * number + 2], "little")
        step = self._slice_spacing * (place - 1)
        moved = [p + n * step for p, n in zip(position, _normal(orientation), strict=True)]
        text = "\\".join(str(value) for value in orientation)
        return {
            _POSITION: _position_element(moved, self._encoding),
            _ORIENTATION: element(_ORIENTATION, b"DS", text.encode(), self._encoding),
        }


def _decimals(text: str, count: int) -> list[Decimal] | None:
    """Return decimal strings as they are written, None unless there are so many finite ones."""
    try:
        values = [Decimal(part.strip()) for part in text.split("\\")]
    except InvalidOperation:
        return None
    if len(values) != count or not all(v.is_finite() and abs(v) < 10**9 for v in values):
        return None
    return values


def _normal(orientation: Sequence[Decimal]) -> list[Decimal]:
    rx, ry, rz, cx, cy, cz = orientation
    return [ry * cz - rz * cy, rz * cx - rx * cz, rx * cy - ry * cx]


def _position_element(position: Sequence[Decimal], encoding: Encoding) -> bytes:
    text = "\\".join(_text(value) for value in position)
    return element(_POSITION, b"DS", text.encode(), encoding)


def _text(value: Decimal) -> str:
    """Return a decimal string of at most 16 characters (PS3.5 6.2)."""
    value = value.normalize() + 0
    text = f"{value:f}"
    if len(text) <= _DS_LENGTH:
        return text
    digits = _DS_LENGTH - 1 - len(text.split(".", maxsplit=1)[0])
    text = f"{value:.{max(0, digits)}f}"
    return text if len(text) <= _DS_LENGTH else f"{value:.9e}"
