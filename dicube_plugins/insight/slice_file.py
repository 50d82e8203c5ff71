"""One slice's header as a DICOM file that ITK itself can read, so that its words are its own.

How ITK puts an element into words depends on its version and on GDCM's dictionary. Nobody says it
as ITK does but ITK.
"""

from __future__ import annotations

import os
import re
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from struct import Struct
from typing import TYPE_CHECKING

from dicube_core.dataset.elements import PIXEL_DATA, element_header, walk
from dicube_core.dicom.instance import native_instance
from dicube_core.error_places import errors_name
from dicube_core.slices import SliceProvider

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.reader import Reader

__all__ = ["SliceFile", "SliceHeaders", "readable_file", "reason_of"]

#: Where an object lies in memory says nothing to who reads an error.
_ADDRESS = re.compile(r"\(0x[0-9a-fA-F]+\)")
_US = Struct("<H")
#: BitsAllocated, BitsStored, HighBit and PixelRepresentation of the most common kind.
_COMMON_KIND = {0x00280100: 16, 0x00280101: 16, 0x00280102: 15, 0x00280103: 0}


class SliceHeaders:
    """The headers of an open file's slices. Safe for several threads.

    Parameters
    ----------
    reader : Reader
        Stays the caller's to close.
    """

    def __init__(self, reader: Reader) -> None:
        self._slices = None if reader.dicom_meta is None else SliceProvider(reader)
        self._format = reader.pixel_format
        self._name = reader.name

    def file(self, frame: int) -> SliceFile | None:
        """Return the header of a slice; None if there is no DICOM metadata."""
        if self._slices is None:
            return None
        pixels = self._format
        with errors_name(self._name):
            header = self._slices.headers[frame]
        n_samples = pixels.native_bits // pixels.bits_allocated
        return SliceFile(self._name, header, pixels.native_length, n_samples)


@dataclass(frozen=True, slots=True)
class SliceFile:
    """A slice with black pixels.

    Parameters
    ----------
    place : str
        Name of the file that it is of; errors have it.
    header : SliceHeader
        Everything but the frame.
    n_bytes, n_samples : int
        Size of the frame in uncompressed DICOM, and how many numbers it holds.
    """

    place: str
    header: SliceHeader
    n_bytes: int
    n_samples: int

    def data(self) -> bytes:
        """Return it as a DICOM file.

        Raises
        ------
        MetaDataError
            The header is damaged.
        """
        with errors_name(self.place):
            return native_instance(self.header, bytes(self.n_bytes))

    def described_anew(self) -> tuple[bytes, dict[str, str]]:
        """Return it as a DICOM file of another pixel kind, and what was said of its own.

        GDCM refuses even the headers of some kinds that a file may hold.

        Returns
        -------
        tuple of (bytes, dict)
            The file, and the entries of the elements that were changed in it: key to text.

        Raises
        ------
        MetaDataError
            The header is damaged.
        """
        with errors_name(self.place):
            return self._described_anew()

    def _described_anew(self) -> tuple[bytes, dict[str, str]]:
        header, entries = self.header, {}
        head = bytearray(header.head)
        for element in walk(header.head, header.encoding):
            value = _COMMON_KIND.get(element.tag)
            if value is not None and element.value_stop - element.value == _US.size:
                (own,) = _US.unpack_from(head, element.value)
                entries[f"{element.tag >> 16:04x}|{element.tag & 0xFFFF:04x}"] = str(own)
                _US.pack_into(head, element.value, value)
        n_bytes = self.n_samples * 2
        changed = replace(
            header,
            head=bytes(head),
            pixel_header=element_header(PIXEL_DATA, b"OW", n_bytes, header.encoding),
            padding=b"",
            exact=False,
        )
        return native_instance(changed, bytes(n_bytes)), entries


def reason_of(error: RuntimeError) -> str:
    """Return what ITK says last in an error: before it stand lines of its source."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return _ADDRESS.sub("", lines[-1] if lines else "no reason given")


@contextmanager
def readable_file(data: bytes) -> Iterator[str]:
    """Give bytes a path for as long as the context lasts.

    Headers hold names of patients, so they stay in memory where the system can do that (Linux).
    Elsewhere the file can be read by the user alone, and is gone afterwards.
    """
    descriptor = _memory_file(data)
    if descriptor is not None:
        try:
            yield _path_of(descriptor)
        finally:
            os.close(descriptor)
        return
    with tempfile.TemporaryDirectory(prefix="dcbs-") as folder:
        target = Path(folder) / "slice.dcm"
        target.write_bytes(data)
        yield str(target)


def _path_of(descriptor: int) -> str:
    return f"/proc/self/fd/{descriptor}"


def _memory_file(data: bytes) -> int | None:
    """Return a file that is nowhere but in memory, None where there is no such thing."""
    if not hasattr(os, "memfd_create"):
        return None
    try:
        descriptor = os.memfd_create("slice")
    except OSError:
        return None
    with suppress(OSError):
        with os.fdopen(descriptor, "wb", closefd=False) as file:
            file.write(data)
        if Path(_path_of(descriptor)).exists():
            return descriptor
    os.close(descriptor)
    return None
