"""Who wrote a codestream, as it says itself (ITU-T T.800 A.9.2)."""

from __future__ import annotations

from struct import Struct

__all__ = ["written_by_openjph"]

_COM, _SOT = 0xFF64, 0xFF90
#: Registration (Latin text), then what OpenJPH writes of itself.
_OPENJPH = b"\x00\x01OpenJPH"
_unpack = Struct(">HH").unpack_from


def written_by_openjph(codestream: bytes) -> bool:
    """Tell whether a codestream says that OpenJPH wrote it.

    OpenJPH codes each block in one pass. Other encoders may add passes of refinement, of which
    decoders for GPUs have made wrong values without an error.

    Parameters
    ----------
    codestream : bytes
        Checked: its main header is whole.
    """
    position = 2
    while position + 4 <= len(codestream):
        marker, length = _unpack(codestream, position)
        if marker == _SOT:
            return False
        if marker == _COM and codestream.startswith(_OPENJPH, position + 4):
            return True
        position += 2 + length
    return False
