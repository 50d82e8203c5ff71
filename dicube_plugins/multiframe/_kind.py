"""Which class of multi-frame image a series becomes (DICOM PS3.3 A.8, A.70 to A.72)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicube_core.exceptions import UnsupportedKindError
from dicube_plugins.multiframe._columns import all_numbers
from dicube_plugins.multiframe._elements import ITEM_START, value_of
from dicube_plugins.multiframe._values import conforms, text_of

if TYPE_CHECKING:
    from dicube_core.pixels import PixelFormat
    from dicube_plugins.multiframe._columns import Column, Columns

__all__ = ["Kind", "choose_kind", "require_class_for"]

_ONE_BY_ONE = "read the slices one by one, with dicube_core.dicom.DcbStreamingReader"
_MODALITY_LUT = 0x00283000
_BYTE = "1.2.840.10008.5.1.4.1.1.7.2"
_WORD = "1.2.840.10008.5.1.4.1.1.7.3"
_TRUE_COLOUR = "1.2.840.10008.5.1.4.1.1.7.4"


@dataclass(frozen=True, slots=True)
class Kind:
    """A class of multi-frame images.

    Parameters
    ----------
    sop_class : str
        SOP Class UID.
    modality : str
        To say where the source does not.
    frame_type : int
        Tag of the functional group with the frame type; 0 for Secondary Capture.
    bits : tuple of int
        BitsAllocated that the class takes.
    spatial : bool
        Whether frames have a place: position, orientation and spacing, in one frame of reference.
    has_lut : bool
        Whether values go through a Modality LUT, which replaces slope and intercept.
    """

    sop_class: str
    modality: str
    frame_type: int
    bits: tuple[int, ...]
    spatial: bool = True
    has_lut: bool = False

    @property
    def legacy_converted(self) -> bool:
        """Whether it is one of the Legacy Converted Enhanced classes."""
        return self.frame_type != 0


#: SOP class of the slices -> what they become.
_CONVERTED = {
    "1.2.840.10008.5.1.4.1.1.2": Kind("1.2.840.10008.5.1.4.1.1.2.2", "CT", 0x00189329, (16,)),
    "1.2.840.10008.5.1.4.1.1.4": Kind("1.2.840.10008.5.1.4.1.1.4.4", "MR", 0x00189226, (8, 16)),
    "1.2.840.10008.5.1.4.1.1.128": Kind("1.2.840.10008.5.1.4.1.1.128.1", "PT", 0x00189751, (16,)),
}


def require_class_for(pixel_format: PixelFormat, name: str) -> None:
    """Refuse frames that no class of multi-frame images takes, by their kind.

    Parameters
    ----------
    pixel_format : PixelFormat
        Of the frames.
    name : str
        The file, put in front of errors.

    Raises
    ------
    UnsupportedKindError
        They are real numbers, single bits, deeper than 16 bits, palette indices, or colour other
        than RGB of 8 bits.
    """
    bits, photometric = pixel_format.bits_allocated, pixel_format.photometric_interpretation
    if pixel_format.real:
        kind = f"real numbers of {bits} bits"
    elif bits == 1:
        kind = "single bits"
    elif bits > 16:
        kind = f"of {bits} bits"
    elif pixel_format.is_colour and (bits, photometric) != (8, "RGB"):
        kind = f"{photometric} of {bits} bits"
    elif not (pixel_format.is_colour or photometric.startswith("MONOCHROME")):
        kind = photometric or "without a photometric interpretation"
    else:
        return
    raise UnsupportedKindError(
        f"{name}: frames that are {kind} fit no class of multi-frame images"
        if not kind.startswith("of")
        else f"{name}: frames {kind} fit no class of multi-frame images",
        suggestion=_ONE_BY_ONE,
    )


def choose_kind(columns: Columns, pixel_format: PixelFormat, name: str) -> Kind:
    """Return the class for a series.

    Parameters
    ----------
    columns : Columns
        Elements of the slices.
    pixel_format : PixelFormat
        Of the frames.
    name : str
        The file, put in front of errors.

    Returns
    -------
    Kind
        Legacy Converted Enhanced CT, MR or PET for slices of these three that all have a place;
        else Multi-frame Grayscale Byte or Word, or True Color Secondary Capture.

    Raises
    ------
    UnsupportedKindError
        No class takes these frames (`require_class_for`), or Modality LUTs differ or are none.
    """
    require_class_for(pixel_format, name)
    bits = pixel_format.bits_allocated
    if pixel_format.is_colour:
        return Kind(_TRUE_COLOUR, "OT", 0, (bits,), _has_place(columns))
    lut = _modality_lut(columns)
    if lut is not None and not (
        lut.shared is not None and lut.vr == b"SQ" and conforms(_MODALITY_LUT, lut.shared)
    ):
        raise UnsupportedKindError(
            f"{name}: the Modality LUT differs between slices, or is not a sequence with content; "
            "no multi-frame image can say that",
            suggestion=_ONE_BY_ONE,
        )
    spatial = _has_place(columns)
    sop_class = columns.get(0x00080016)
    shared = "" if sop_class is None else text_of(sop_class.shared)
    kind = _CONVERTED.get(shared)
    if kind is not None and spatial and bits in kind.bits and lut is None:
        return kind
    return Kind(_BYTE if bits == 8 else _WORD, "OT", 0, (bits,), spatial, lut is not None)


def _modality_lut(columns: Columns) -> Column | None:
    """Return the Modality LUT, None where slices have none, or a sequence without items."""
    lut = columns.get(_MODALITY_LUT)
    if lut is None or not any(value_of(data).startswith(ITEM_START) for data in lut.distinct()):
        return None
    return lut


def _has_place(columns: Columns) -> bool:
    """Whether all slices say where they are, in one frame of reference."""
    reference = columns.get(0x00200052)
    return (
        (reference is None or reference.shared is not None)
        and all_numbers(columns.get(0x00200032), b"DS", 3)
        and all_numbers(columns.get(0x00200037), b"DS", 6)
        and all_numbers(columns.get(0x00280030), b"DS", 2)
    )
