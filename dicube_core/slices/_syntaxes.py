"""Transfer syntaxes in which slices are delivered."""

from __future__ import annotations

from dicube_core.dataset import uids
from dicube_core.exceptions import TransferSyntaxError

__all__ = ["COMPRESSED", "OFFERED_SYNTAXES", "not_offered"]

#: Transfer syntaxes in which slices are delivered.
OFFERED_SYNTAXES = {
    uids.HTJ2K_LOSSLESS: "HTJ2K Lossless",
    uids.HTJ2K_LOSSLESS_RPCL: "HTJ2K Lossless RPCL",
    uids.EXPLICIT_LE: "Explicit VR Little Endian",
    uids.IMPLICIT_LE: "Implicit VR Little Endian",
    uids.DEFLATED: "Deflated Explicit VR Little Endian",
}
COMPRESSED = (uids.HTJ2K_LOSSLESS, uids.HTJ2K_LOSSLESS_RPCL)


def not_offered(syntax: str) -> TransferSyntaxError:
    """Return the error for a transfer syntax that none of `OFFERED_SYNTAXES` is."""
    return TransferSyntaxError(
        f"slices are not delivered in transfer syntax {syntax!r}; choose one of "
        + ", ".join(f"{uid} ({name})" for uid, name in OFFERED_SYNTAXES.items())
    )
