"""Words of the file system: transfer syntaxes, and endings of file names."""

from __future__ import annotations

import re

from dicube_core.codec.registry import ENCAPSULATED
from dicube_core.dataset import uids
from dicube_core.exceptions import TransferSyntaxError
from dicube_core.slices import OFFERED_SYNTAXES

__all__ = ["NATIVE", "frame_ending", "syntax_uid"]

_SYNTAXES = {
    "htj2k": uids.HTJ2K_LOSSLESS,
    "htj2k-rpcl": uids.HTJ2K_LOSSLESS_RPCL,
    "explicit": uids.EXPLICIT_LE,
    "implicit": uids.IMPLICIT_LE,
    "deflated": uids.DEFLATED,
}
NATIVE = "native"
#: Endings of names of frames as they are stored, by the end of the transfer syntax's UID.
_ENDINGS = {
    **dict.fromkeys(("4.201", "4.202", "4.203", "4.90", "4.91"), "j2c"),
    **dict.fromkeys(("4.50", "4.51", "4.57", "4.70"), "jpg"),
    **dict.fromkeys(("4.80", "4.81"), "jls"),
    "5": "rle",
}
_UID_ROOT = "1.2.840.10008.1.2."


def frame_ending(codec_name: str) -> str:
    """Return the ending of names of frames as they are stored."""
    if codec_name.startswith("htj2k"):
        return "j2c"
    if codec_name.startswith(ENCAPSULATED):
        uid = codec_name.removeprefix(ENCAPSULATED).removeprefix(_UID_ROOT)
        return _ENDINGS.get(uid, "frame")
    return codec_name if re.fullmatch(r"[a-z0-9]{1,16}", codec_name) else "frame"


def syntax_uid(text: str | None) -> str | None:
    """Return the UID of a transfer syntax that slices are delivered in, None for None.

    Raises
    ------
    TransferSyntaxError
        There is none of this name.
    """
    if text is None:
        return None
    uid = _SYNTAXES.get(text, text)
    if uid not in OFFERED_SYNTAXES:
        names = ", ".join((*_SYNTAXES, NATIVE))
        raise TransferSyntaxError(
            f"slices are not delivered in transfer syntax {text!r}; choose one of {names}, or a UID"
        )
    return uid
