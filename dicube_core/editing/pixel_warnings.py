"""What pixels may show that no edit of metadata removes; they are never changed here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.editing.leaves import leaves
from dicube_core.exceptions import UnsupportedKindError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dicube_core.dicom.headers import SliceHeader

__all__ = ["pixel_warnings"]

_CLASS, _MODALITY = 0x00080016, 0x00080060
_BURNED_IN, _RECOGNIZABLE = 0x00280301, 0x00280302
_SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
#: Modalities whose images often show text of the device or a face.
_OFTEN_BURNED_IN = frozenset(("US", "ES", "XC", "GM", "OP", "OT", "SC", "XA", "RF", "DG", "DOC"))


def pixel_warnings(headers: Iterable[SliceHeader], *, accept_burned_in: bool) -> list[str]:
    """Return what a person has to look at in the pixels.

    Raises
    ------
    UnsupportedKindError
        BurnedInAnnotation is YES in some slice, and that was not accepted.
    """
    found: dict[str, int] = {}
    for index, header in enumerate(headers):
        values = _values(header)
        if "YES" in values.get(_BURNED_IN, ()) and not accept_burned_in:
            raise UnsupportedKindError(
                f"slice {index} ({header.name}): BurnedInAnnotation is YES: text is part of the "
                "pixels, which are not changed",
                suggestion="de-identify its pixels first, or give --accept-burned-in",
                details={"slice": index, "kind": "burned-in annotation"},
            )
        for text in _of_slice(values):
            found[text] = found.get(text, 0) + 1
    return [f"{text} ({count} slices)" for text, count in found.items()]


def _values(header: SliceHeader) -> dict[int, list[str]]:
    """Return the values of the outermost level that matter here, and of all overlay planes."""
    found: dict[int, list[str]] = {}
    for leaf in leaves(header.head, header.encoding):
        if len(leaf.place) != 1:
            continue
        tag = leaf.tag
        if tag in (_CLASS, _MODALITY, _BURNED_IN, _RECOGNIZABLE):
            found[tag] = leaf.texts() if leaf.is_text else []
        elif tag >> 24 == 0x60 and tag & 0xFFFF in (0x0100, 0x3000):
            found[tag] = [str(int.from_bytes(leaf.value[:2], "little"))]
    return found


def _of_slice(values: dict[int, list[str]]) -> list[str]:
    texts = []
    if "YES" in values.get(_BURNED_IN, ()):
        texts.append("BurnedInAnnotation is YES: text in the pixels was not removed")
    elif "NO" not in values.get(_BURNED_IN, ()):
        sop_class = "".join(values.get(_CLASS, ()))
        modality = "".join(values.get(_MODALITY, ()))
        if sop_class.startswith(_SECONDARY_CAPTURE):
            texts.append("a secondary capture may have text in its pixels")
        elif modality in _OFTEN_BURNED_IN:
            texts.append(f"images of modality {modality} may have text in their pixels")
    if "YES" in values.get(_RECOGNIZABLE, ()):
        texts.append("RecognizableVisualFeatures is YES: the patient may be recognised")
    for tag, value in values.items():
        data = tag & 0xFFFF0000 | 0x3000
        if tag >> 24 == 0x60 and tag & 0xFFFF == 0x0100 and value != ["1"] and data not in values:
            texts.append(f"overlay {tag >> 16:04X} lies in the pixels' spare bits and was kept")
    return texts
