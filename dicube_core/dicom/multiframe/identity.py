"""Names of frames that are images of their own: derived, and the same each time."""

from __future__ import annotations

from hashlib import sha256

__all__ = ["derived_uid", "frame_name"]


def derived_uid(source_uid: bytes, number: int) -> str:
    """Return the SOP Instance UID of one frame (PS3.5 B.2: a UUID below 2.25).

    Parameters
    ----------
    source_uid : bytes
        Of the instance; whatever identifies it, if it has none.
    number : int
        Frame number, 1-based.
    """
    digest = sha256(b"dicube frame\0" + source_uid.rstrip(b"\0 ") + b"\0%d" % number).digest()
    value = int.from_bytes(digest[:16], "big")
    # Version 8 and variant of RFC 9562: a UUID of one's own making.
    value = value & ~(0xF << 76) | 8 << 76
    value = value & ~(0x3 << 62) | 2 << 62
    return f"2.25.{value}"


def frame_name(name: str, number: int) -> str:
    """Return the name of a frame's file, beside the one of its instance.

    Parameters
    ----------
    name : str
        Of the instance, with forward slashes.
    number : int
        Frame number, 1-based.
    """
    folder, slash, file = name.rpartition("/")
    stem, dot, extension = file.rpartition(".")
    if not stem:
        stem, dot, extension = file, "", ""
    return f"{folder}{slash}{stem}_frame_{number:05d}{dot}{extension}"
