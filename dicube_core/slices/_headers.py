"""Headers of the slices of an open file, in the encoding that a transfer syntax wants."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from dicube_core.dataset import uids
from dicube_core.dicom.agreement import require_agreement
from dicube_core.dicom.colour import relabelled
from dicube_core.dicom.instance import encapsulated_parts, with_encoding
from dicube_core.exceptions import DicomCubeError, MetaDataError
from dicube_core.kept_values import KeptValues
from dicube_core.lazy import lazy

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.dicom.legacy import MadeHeaders
    from dicube_core.reader import Reader

__all__ = ["DeliveredHeaders"]

#: Bytes of headers to keep in the form in which they are joined with a codestream. Making them
#: takes as long as all the rest.
_PARTS_BYTES = 2 << 20
#: Bytes of headers to keep whose VRs were made explicit or implicit, which takes many times as
#: long as all the rest. The file may hold these headers packed in a hundredth of it.
_CONVERTED_BYTES = 32 << 20


class DeliveredHeaders:
    """Headers that were found to describe their frames. Keeps those that took work to make.

    Safe for several threads and after fork: no lock is held.
    """

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._converted: KeptValues[tuple[int, bool], SliceHeader] = KeptValues(
            _CONVERTED_BYTES, attrgetter("n_bytes")
        )
        self._agreed: set[int] = set()
        self._native: dict[int, str] = {}
        self._parts: KeptValues[tuple[int, str], tuple[bytes, bytes]] = KeptValues(
            _PARTS_BYTES, _total
        )

    @property
    def all(self) -> Sequence[SliceHeader]:
        """The originals, or made once from the merged metadata.

        Raises
        ------
        MetaDataError
            The file has no DICOM metadata.
        """
        stored = self._reader.headers
        return self._made if stored is None else stored

    @lazy
    def _made(self) -> MadeHeaders:
        from dicube_core.dicom.legacy import MadeHeaders

        meta = self._reader.dicom_meta
        if meta is None:
            raise MetaDataError(
                f"{self._reader.name}: the file has no DICOM metadata",
                suggestion="load it, call init_meta on the image, and save it again",
            )
        return MadeHeaders(meta, self._reader.pixel_format, self._reader.name)

    def agreeing(self, number: int) -> SliceHeader:
        """Return a header as it is stored, once it was found to describe its frame.

        Raises
        ------
        DataConsistencyError
            It does not.
        """
        header = self.all[number]
        reader = self._reader
        if reader.headers is not None and number not in self._agreed:
            try:
                require_agreement(header, number, reader.pixel_format, reader.pixel_header)
            except DicomCubeError as exc:
                exc.add_place(reader.name)
                raise
            self._agreed.add(number)
        return header

    def encoded(self, number: int, *, explicit: bool) -> SliceHeader:
        """Return a header with explicit or implicit VRs; some that were converted are kept."""
        key = (number, explicit)
        converted = self._converted.get(key)
        if converted is not None:
            return converted
        header = self.agreeing(number)
        if header.explicit == explicit:
            return header
        bits = self._reader.pixel_format.bits_allocated
        result = with_encoding(header, explicit=explicit, bits_allocated=bits)
        return self._converted.add(key, result)

    def native_syntax(self, number: int) -> str:
        """Return the uncompressed transfer syntax that takes no conversion."""
        syntax = self._native.get(number)
        if syntax is None:
            syntax = uids.EXPLICIT_LE if self.all[number].explicit else uids.IMPLICIT_LE
            self._native[number] = syntax
        return syntax

    def around(self, number: int, syntax: str) -> tuple[bytes, bytes]:
        """Return what comes before and behind the codestream of a slice in an instance."""
        key = (number, syntax)
        parts = self._parts.get(key)
        if parts is None:
            header = self.encoded(number, explicit=True)
            if self._reader.pixel_format.is_colour:
                # RGB through the reversible transform is what decoders take for such a codestream
                # (PS3.5 8.2.4); nothing else of the description changes.
                header = relabelled(header, "YBR_RCT", 0)
            parts = self._parts.add(key, encapsulated_parts(header, syntax))
        return parts


def _total(parts: tuple[bytes, bytes]) -> int:
    return len(parts[0]) + len(parts[1])
