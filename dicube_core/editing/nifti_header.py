"""Free text in the header of a NIfTI source, which is kept as it was (NIfTI-1 and NIfTI-2)."""

from __future__ import annotations

from dicube_core.dataset._text import UTF8
from dicube_core.editing.leaves import Change, Leaf
from dicube_core.exceptions import UnsupportedKindError

__all__ = ["blanked"]

#: Size of the header -> (field, offset, length) of what holds text of anybody's choice.
_FIELDS = {
    348: (
        ("data_type", 4, 10),
        ("db_name", 14, 18),
        ("descrip", 148, 80),
        ("aux_file", 228, 24),
        ("intent_name", 328, 16),
    ),
    540: (("descrip", 240, 80), ("aux_file", 320, 24), ("intent_name", 508, 16)),
}


def blanked(header: bytes) -> tuple[bytes, list[Change]]:
    """Return a NIfTI header without its texts and extensions, and what was changed.

    Raises
    ------
    UnsupportedKindError
        It is neither NIfTI-1 nor NIfTI-2.
    """
    size = next((n for n in _FIELDS if n in _sizes(header)), 0)
    if len(header) < size or not size:
        raise UnsupportedKindError("the source header kept in the file is of no known kind")
    new, found = bytearray(header), []
    fields = [*_FIELDS[size], ("extensions", size, len(header) - size)]
    for name, start, length in fields:
        old = header[start : start + length]
        if any(old):
            new[start : start + length] = bytes(length)
            vr = "OB" if name == "extensions" else "UT"
            value = old if vr == "OB" else old.split(b"\0")[0]
            place = f"NIfTI header: {name}"
            found.append(Change(Leaf(place, vr, value, UTF8), Leaf(place, vr, b"", UTF8)))
    return bytes(new), found


def _sizes(header: bytes) -> tuple[int, int]:
    return int.from_bytes(header[:4], "little"), int.from_bytes(header[:4], "big")
