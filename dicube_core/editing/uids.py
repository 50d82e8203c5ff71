"""New UIDs and dates that follow from a secret, so that files edited apart still agree."""

from __future__ import annotations

import hmac
from datetime import date, timedelta
from functools import lru_cache

__all__ = ["MIN_SALT", "date_shift", "new_uid", "shifted"]

#: Bytes; less could be found by trying.
MIN_SALT = 16
_STANDARD_ROOT = "1.2.840.10008"
_YEARS = 10


@lru_cache(maxsize=1 << 16)
def new_uid(uid: str, salt: bytes) -> str:
    """Return the UID that stands for another: always the same one for the same salt.

    Parameters
    ----------
    uid : str
        UIDs of the standard itself (1.2.840.10008: SOP classes, transfer syntaxes, coding
        schemes) are returned as they are; they name no instance.
    salt : bytes
        Secret. Without it, nobody can tell which UID stands for which.

    Returns
    -------
    str
        A UUID-derived UID (PS3.5 B.2), version 8 (RFC 9562), of the HMAC-SHA-256 of the UID.
    """
    if not uid or uid == _STANDARD_ROOT or uid.startswith(f"{_STANDARD_ROOT}."):
        return uid
    number = int.from_bytes(hmac.digest(salt, b"uid:" + uid.encode(), "sha256")[:16], "big")
    number = number & ~(0xF << 76) | 8 << 76
    number = number & ~(0x3 << 62) | 2 << 62
    return f"2.25.{number}"


def date_shift(patient: str, salt: bytes) -> int:
    """Return by how many days the dates of one patient are moved: 1 to 3,652 into the past.

    All studies of a patient move alike, so that the time between them stays.
    """
    number = int.from_bytes(hmac.digest(salt, b"date:" + patient.encode(), "sha256")[:8], "big")
    return -(1 + number % (_YEARS * 365 + 2))


def shifted(text: str, days: int) -> str | None:
    """Move a DA or DT value by whole days; None where it is no date or leaves the calendar.

    The time of day and the offset from UTC stay (PS3.15 E.3.6 lets them).
    """
    digits, rest = text[:8], text[8:]
    if len(digits) != 8 or not digits.isdecimal() or not digits.isascii():
        return None
    try:
        day = date(int(digits[:4]), int(digits[4:6]), int(digits[6:])) + timedelta(days)
    except (ValueError, OverflowError):
        return None
    return f"{day:%Y%m%d}".rjust(8, "0") + rest
