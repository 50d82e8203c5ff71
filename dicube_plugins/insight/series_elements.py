"""Metadata in ITK's words to DICOM metadata, as far as it is true of a whole series."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.exceptions import MetaDataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dicube_core.metadata.meta import DicomMeta

__all__ = ["IDENTIFIERS", "add_series_elements", "decoded_texts", "unicode_texts"]

_CHARACTER_SET = "0008|0005"
_UTF8 = "ISO_IR 192"
#: What DICOM says once per patient, study, series or device (PS3.3 C.7.1 to C.7.3 and C.7.5). All
#: else is said of single slices, or of the acquisition of pixels that may have been changed since.
_OF_A_SERIES = frozenset(
    f"{group}|{element}"
    for group, elements in {
        "0008": "0020 0021 0030 0031 0050 0070 0080 0081 0090 "
        "1010 1030 103e 1040 1048 1050 1060 1070 1080 1090",
        "0010": "0021 0030 0032 0040 1000 1001 1010 1020 1030 2160 2180 21b0 4000",
        "0018": "0015 1000 1020 1030 5100",
        "0020": "000d 0010 0011 0060",
    }.items()
    for element in elements.split()
)
#: Identify the original series and its coordinates; only on request, as a new series is written.
IDENTIFIERS = frozenset(("0020|000e", "0020|0052"))


def decoded_texts(entries: Mapping[str, str]) -> dict[str, str]:
    """Return texts as people read them.

    ITK hands on the bytes of a file in the file's own character set (PS3.5 6.1); Python's binding
    takes them for UTF-8, and keeps what is none as lone surrogates.
    """
    from pydicom.charset import convert_encodings, decode_bytes
    from pydicom.valuerep import TEXT_VR_DELIMS

    named = entries.get(_CHARACTER_SET, "").strip()
    if not named and all(map(_is_unicode, entries.values())):
        return dict(entries)  # set by a program, not read from a file
    encodings = convert_encodings([part.strip() for part in named.split("\\")])
    return {
        key: decode_bytes(text.encode("utf-8", "surrogateescape"), encodings, TEXT_VR_DELIMS)
        for key, text in entries.items()
    }


def unicode_texts(entries: Mapping[str, str]) -> Mapping[str, str]:
    """Return texts that can be given to ITK from Python, which takes nothing but UTF-8.

    They are as they were where that is so. Else they are decoded, and the entry that names their
    character set says UTF-8 (``ISO_IR 192``).
    """
    if all(map(_is_unicode, entries.values())):
        return entries
    return decoded_texts(entries) | {_CHARACTER_SET: _UTF8}


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def add_series_elements(meta: DicomMeta, entries: Mapping[str, str], *, identifiers: bool) -> None:
    """Put what holds for a whole series into its metadata.

    Parameters
    ----------
    meta : DicomMeta
        Changed.
    entries : mapping
        Keys ``gggg|eeee``, texts decoded.
    identifiers : bool
        Whether `IDENTIFIERS` are kept too.

    Raises
    ------
    MetaDataError
        A text is no value of its element; the message names the key.
    """
    if not all(text.isascii() for text in entries.values()):
        meta.set_shared_item("SpecificCharacterSet", _UTF8)
    for given, text in entries.items():
        key = given.lower()
        if not text.strip(" \0"):
            continue
        if key in _OF_A_SERIES or (identifiers and key in IDENTIFIERS):
            try:
                meta.set_shared_item(key.replace("|", ""), text.rstrip(" \0"))
            except MetaDataError as exc:
                raise MetaDataError(
                    f"metadata {given!r}: {exc.message}",
                    suggestion="correct it with SetMetaData, or take it out",
                ) from exc
