"""Pixel Data that stay in the ``.dcbs`` file until somebody reads them."""

from __future__ import annotations

import io
import operator
import os
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from pydicom.dataelem import DataElement

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["LazyPixelData", "LazyPixelDataElement", "one_value"]

_PIXEL_DATA = 0x7FE00010


class LazyPixelData(io.BufferedIOBase):
    """The value of Pixel Data as a read-only file that has a length and can be sliced.

    Every thread has a position of its own. Closing it closes nothing else.

    Parameters
    ----------
    file : io.BufferedIOBase
        Where the bytes come from. Its position, too, is one per thread; it is moved at will.
    source : str, optional
        Absolute path of the ``.dcbs`` file, if it is not in memory.
    """

    def __init__(self, file: io.BufferedIOBase, source: str | None = None) -> None:
        super().__init__()
        self._file = file
        self.source = source
        self._length = file.seek(0, os.SEEK_END)
        self._own = threading.local()

    def again(self) -> LazyPixelData:
        """Return another file over the same bytes, at its beginning."""
        return LazyPixelData(self._file, self.source)

    def readable(self) -> bool:
        """Return True."""
        return not self.closed

    def seekable(self) -> bool:
        """Return True."""
        return not self.closed

    def tell(self) -> int:
        """Return the position of the calling thread."""
        position: int = getattr(self._own, "position", 0)
        return position

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Set the position of the calling thread."""
        if whence not in (os.SEEK_SET, os.SEEK_CUR, os.SEEK_END):
            raise ValueError(f"whence must be 0, 1 or 2, not {whence!r}")
        base = (0, self.tell(), self._length)[whence]
        position = base + operator.index(offset)
        if position < 0:
            raise ValueError(f"negative position {position}")
        self._own.position = position
        return position

    def read(self, size: int | None = -1, /) -> bytes:
        """Read up to `size` bytes; all that are left for None or a negative number.

        Raises
        ------
        DicomCubeError
            A frame is damaged or cannot be read; the message names it.
        """
        if self.closed:
            raise ValueError("the file was closed")
        start = self.tell()
        self._file.seek(start)
        data = self._file.read(size)
        self._own.position = start + len(data)
        return data

    def read1(self, size: int = -1, /) -> bytes:
        """Do as `read`."""
        return self.read(size)

    def __len__(self) -> int:
        return self._length

    def __bytes__(self) -> bytes:
        """Return all bytes; the position stays."""
        return self._range(0, self._length)

    def __getitem__(self, key: int | slice) -> int | bytes:
        """Return a byte or a range of bytes, as `bytes` does; the position stays."""
        if not isinstance(key, slice):
            number = range(self._length)[key]
            return self._range(number, number + 1)[0]
        start, stop, step = key.indices(self._length)
        if step == 1:
            return self._range(start, max(start, stop))
        chosen = range(start, stop, step)
        if not chosen:
            return b""
        low, high = min(chosen[0], chosen[-1]), max(chosen[0], chosen[-1])
        return self._range(low, high + 1)[chosen[0] - low :: step]

    def _range(self, start: int, stop: int) -> bytes:
        self._file.seek(start)
        return self._file.read(stop - start)

    def __reduce__(self) -> tuple[Any, ...]:
        return LazyPixelData, (self._file, self.source)

    def __deepcopy__(self, memo: dict[int, Any]) -> LazyPixelData:
        return self.again()

    def __repr__(self) -> str:
        return f"<{self._length} bytes, read when needed>"


class _Pin(threading.local):
    """Whether the running code needs one and the same object as the value."""

    active = False


_pin = _Pin()


@contextmanager
def one_value() -> Iterator[None]:
    """Let elements return one and the same object as their value, in this thread."""
    _pin.active = True
    try:
        yield
    finally:
        _pin.active = False


class LazyPixelDataElement(DataElement):
    """Pixel Data whose value is a new `LazyPixelData` for everyone who asks for it.

    pydicom's iterators read on from where they stand and leave the position there when they are
    given up. With one file for all, whoever reads next would take the bytes of a frame for the
    offset table, and return other frames than asked for.

    Parameters
    ----------
    vr : str
        OB or OW.
    value : LazyPixelData
        The value.
    encapsulated : bool
        Whether it holds items, in an element of undefined length.
    """

    def __init__(self, vr: str, value: LazyPixelData, *, encapsulated: bool) -> None:
        super().__init__(_PIXEL_DATA, vr, value, is_undefined_length=encapsulated)

    @property
    def value(self) -> Any:
        """The value: a file at its beginning, or whatever was set since."""
        value = self._value
        if not isinstance(value, LazyPixelData):
            return value
        if _pin.active:
            value.seek(0)
            return value
        return value.again()

    @value.setter
    def value(self, value: Any) -> None:
        DataElement.value.fset(self, value)  # type: ignore[attr-defined]

    @property
    def is_lazy(self) -> bool:
        """Whether the pixels still lie in the file."""
        return isinstance(self._value, LazyPixelData)

    @property
    def source(self) -> str | None:
        """Absolute path of the file in which the pixels still lie, None if they do in none."""
        return self._value.source if isinstance(self._value, LazyPixelData) else None

    def to_json_dict(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        """Return the DICOM JSON model of the element, for which all bytes are read."""
        if not self.is_lazy:
            return super().to_json_dict(*args, **kwargs)
        read = DataElement(self.tag, self.VR, self.value.read())
        read.is_undefined_length = self.is_undefined_length
        return read.to_json_dict(*args, **kwargs)
