"""Which VR an element has when its bytes do not say so (DICOM PS3.5 6.2.2, PS3.6)."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["CHARSET_VRS", "is_private_creator", "private_vr", "public_vr", "resolve_ambiguous"]

#: VRs whose text depends on the Specific Character Set (PS3.5 6.1.2.2).
CHARSET_VRS = frozenset(("LO", "LT", "PN", "SH", "ST", "UC", "UT"))

_LUT_DATA = 0x00283006
_WAVEFORM_TAGS = frozenset((0x54000110, 0x54000112, 0x5400100A, 0x54001010))


@lru_cache(maxsize=16384)
def public_vr(tag: int) -> str | None:
    """Return the dictionary's VR of a public tag, which may be as 'US or SS', or None."""
    from pydicom.datadict import dictionary_VR

    try:
        vr = str(dictionary_VR(tag))
    except KeyError:
        return "UL" if tag & 0xFFFF == 0 else None
    return vr if vr != "NONE" else None


def is_private_creator(tag: int) -> bool:
    """Whether `tag` reserves a block of private elements (PS3.5 7.8.1)."""
    return bool(tag & 0x10000) and 0x10 <= tag & 0xFFFF <= 0xFF


@lru_cache(maxsize=16384)
def private_vr(tag: int, creator: str) -> str | None:
    """Return the VR of a private tag known to pydicom's private dictionary, or None."""
    from pydicom.datadict import private_dictionary_VR

    try:
        return str(private_dictionary_VR(tag, creator))
    except KeyError:
        return None


def resolve_ambiguous(
    vr: str,
    tag: int,
    *,
    explicit: bool,
    pixel_representation: int,
    first_word: Callable[[int], int | None],
) -> str:
    """Settle a VR of several, such as 'US or SS', by what the data set says.

    Parameters
    ----------
    vr : str
        As in the dictionary.
    tag : int
        Tag of the element.
    explicit : bool
        Whether the data set is explicit (an element of it may still be UN).
    pixel_representation : int
        (0028,0103) of the nearest level that has it.
    first_word : callable
        First 16 bits of the value of another element of the same level, None if it has none.

    Returns
    -------
    str
        Always one VR of two letters.
    """
    if vr == "US or SS":
        return "SS" if pixel_representation else "US"
    if tag == _LUT_DATA:
        return "US" if first_word(0x00283002) == 1 else "OW"
    # Without a VR of its own, binary is OW by PS3.5 A.1 and 8.1.2; where the element was written
    # as UN in an explicit data set, 8-bit samples are OB.
    if explicit and tag in _WAVEFORM_TAGS:
        bits = first_word(0x54001004)
        return "OB" if bits is not None and bits <= 8 else "OW"
    return "OW"
