"""What the beginning of a file says: whether it is DICOM, and how its data set is encoded.

Writers leave out the preamble, the file meta information or parts of it (PS3.10 7.1), or encode
the data set in another way than they say. Where that can be told from the first element it is
read as it is, by the rules that pydicom goes by, and kept as it is.
"""

from __future__ import annotations

from itertools import islice

from dicube_core.dataset import uids
from dicube_core.dataset.elements import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    LONG_VRS,
    SHORT_VRS,
    Encoding,
    NeedMoreBytesError,
    looks_explicit,
    walk,
)
from dicube_core.exceptions import MetaDataError

__all__ = ["TRANSFER_SYNTAX", "encoding_found", "no_data_set", "read_file_meta"]

TRANSFER_SYNTAX, _MEDIA_STORAGE_CLASS = 0x00020010, 0x00020002
#: Groups that a data set without VRs may begin with: commands, file meta information, identifying.
_FIRST_GROUPS = frozenset((0x0000, 0x0002, 0x0004, 0x0008, 0x0010, 0x0018, 0x0020, 0x0028))
#: Elements that are looked at before a file without preamble is taken for a data set.
_LOOKED_AT = 3
_GZIP = b"\x1f\x8b\x08"


def no_data_set(front: bytes, size: int) -> str:
    """Say why a file without preamble is no DICOM data set, by its first elements; '' if it is.

    Parameters
    ----------
    front : bytes
        The first bytes of the file.
    size : int
        Of the whole file.
    """
    if front.startswith(_GZIP):
        return "not a DICOM file but one packed with gzip; unpack it first"
    group = int.from_bytes(front[:2], "little")
    encoding = encoding_found(front, 0, "")
    if len(front) < 8 or not (encoding.explicit or group in _FIRST_GROUPS):
        return "not a DICOM file"
    last = -1
    try:
        for element in islice(walk(front, encoding), _LOOKED_AT):
            if element.tag <= last:
                return "not a DICOM file"
            last = element.tag
    except NeedMoreBytesError as exc:
        return "not a DICOM file" if exc.needed > size else ""
    except MetaDataError:
        return "not a DICOM file"
    return ""


def read_file_meta(front: bytes, start: int) -> tuple[str, str, int]:
    """Return Transfer Syntax UID, Media Storage SOP Class UID and where the data set starts.

    The UIDs are empty where the file does not say them. The length of the group is not believed.

    Raises
    ------
    MetaDataError
        An element of group 0002 is not well-formed, or two contradict each other.
    """
    said: dict[int, str] = {}
    position = start
    # Group 0002 alone is walked: it is always explicit, what follows it may not be.
    while front[position : position + 2] == b"\x02\x00":
        element = next(walk(front, EXPLICIT_LITTLE, position))
        if element.tag in (TRANSFER_SYNTAX, _MEDIA_STORAGE_CLASS):
            value = front[element.value : element.value_stop].decode("latin-1").rstrip(" \0")
            if said.setdefault(element.tag, value) != value:  # some readers go by the last
                raise MetaDataError(
                    f"byte {position}: element (0002,{element.tag & 0xFFFF:04X}) is there twice, "
                    f"as {said[element.tag]!r} and {value!r}"
                )
        position = element.stop
    return said.get(TRANSFER_SYNTAX, ""), said.get(_MEDIA_STORAGE_CLASS, ""), position


def encoding_found(front: bytes, start: int, syntax: str) -> Encoding:
    """Return how the data set at `start` is encoded.

    Parameters
    ----------
    front : bytes
        The first bytes of the file.
    start : int
        Where the data set begins.
    syntax : str
        Transfer Syntax UID, empty where the file does not say it. It is believed but for whether
        elements have VRs, which the first of them shows.
    """
    if syntax == uids.EXPLICIT_BE:
        return EXPLICIT_BIG
    vr = front[start + 4 : start + 6]
    known = vr in SHORT_VRS or vr in LONG_VRS
    if not syntax:
        if not known:
            return IMPLICIT_LITTLE
        # Groups at the beginning of a data set have small numbers.
        group = front[start : start + 2]
        return EXPLICIT_BIG if group < group[::-1] else EXPLICIT_LITTLE
    if syntax == uids.IMPLICIT_LE:
        return EXPLICIT_LITTLE if known else IMPLICIT_LITTLE
    if len(vr) < 2 or syntax == uids.DEFLATED or looks_explicit(front, start):
        return EXPLICIT_LITTLE
    return IMPLICIT_LITTLE
