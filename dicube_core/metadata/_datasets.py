"""pydicom data sets to header bytes, so that they take the same path as files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.dataset._text import character_set_of
from dicube_core.dataset._vr import CHARSET_VRS
from dicube_core.dataset.elements import EXPLICIT_LITTLE, IMPLICIT_LITTLE, PIXEL_DATA, Encoding
from dicube_core.exceptions import MetaDataError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydicom import Dataset

__all__ = ["dataset_header"]


def dataset_header(dataset: Dataset) -> tuple[bytes, Encoding]:
    """Return the bytes of a data set without Pixel Data and file meta information.

    Elements that pydicom has not touched since reading a little endian file keep their bytes.

    Raises
    ------
    MetaDataError
        A value cannot be written, or has characters that its character set lacks.
    """
    from pydicom.filebase import DicomBytesIO
    from pydicom.filewriter import write_dataset

    implicit, little = dataset.original_encoding
    encoding = IMPLICIT_LITTLE if implicit and little else EXPLICIT_LITTLE
    _check_text(dataset, ("iso8859",))
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, not encoding.explicit
    charset = dataset.get("SpecificCharacterSet") or "iso8859"
    try:
        for part in (dataset[0x00030000:PIXEL_DATA], dataset[PIXEL_DATA + 1 :]):
            write_dataset(buffer, part, charset)
    except (AttributeError, TypeError, ValueError, NotImplementedError, OSError) as error:
        # OSError, too: pydicom raises it for numbers out of range, nothing is read here.
        raise MetaDataError(f"a data set cannot be written: {error}") from error
    return bytes(buffer.getvalue()), encoding


def _check_text(dataset: Dataset, codecs: Iterable[str]) -> None:
    """Refuse text that pydicom would write with question marks."""
    from pydicom.dataelem import RawDataElement

    named = dataset.get("SpecificCharacterSet")
    if named:
        names = [named] if isinstance(named, str) else list(named)
        codecs = character_set_of(names).codecs
    for element in dataset.elements():
        if isinstance(element, RawDataElement):
            continue
        if element.VR == "SQ":
            for item in element.value or ():
                _check_text(item, codecs)
        elif element.VR in CHARSET_VRS:
            for character in {c for c in str(element.value) if not c.isascii()}:
                if not any(_has(codec, character) for codec in codecs):
                    raise MetaDataError(
                        f"element {element.tag} has {character!r}, which its character set lacks",
                        suggestion="set SpecificCharacterSet to ISO_IR 192",
                    )


def _has(codec: str, character: str) -> bool:
    try:
        character.encode(codec)
    except UnicodeError:
        return False
    return True
