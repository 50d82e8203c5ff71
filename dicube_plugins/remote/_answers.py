"""What a server answered: which version of which bytes, or why not."""

from __future__ import annotations

import errno
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Part", "Version", "no_address", "part_of", "refusal", "version_of"]

_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})")


@dataclass(frozen=True, slots=True)
class Version:
    """What tells a version of a file from others.

    Parameters
    ----------
    size : int
        Bytes.
    etag, modified : str
        As the server has them; empty where it has none.
    checksum : int or None
        CRC-32, of files that were read whole because there is neither.
    """

    size: int
    etag: str = ""
    modified: str = ""
    checksum: int | None = None

    @property
    def conditions(self) -> dict[str, str]:
        """Headers with which a server refuses (412) to answer from another version."""
        if self.etag and not self.etag.startswith("W/"):
            return {"If-Match": self.etag}
        return {"If-Unmodified-Since": self.modified} if self.modified else {}

    @property
    def is_told(self) -> bool:
        """Whether more than the size is known."""
        return bool(self.etag or self.modified)


@dataclass(frozen=True, slots=True)
class Part:
    """The range that an answer says it is, and the size of the whole."""

    start: int
    stop: int
    size: int


def version_of(headers: Mapping[str, str], size: int) -> Version:
    """Return the version that an answer is of."""
    return Version(size, headers.get("ETag", ""), headers.get("Last-Modified", ""))


def part_of(headers: Mapping[str, str]) -> Part | None:
    """Return what a 206 says it is (RFC 9110, 14.4); None where it says nothing that helps."""
    found = _RANGE.fullmatch(headers.get("Content-Range", "").strip())
    if found is None:
        return None
    start, last, size = map(int, found.groups())
    return Part(start, last + 1, size) if start <= last < size else None


def no_address(name: str) -> OSError:
    """Return the error of what is no address of the web."""
    text = "this is no web address (in a user or password, '/' is written %2F, '@' %40)"
    return OSError(errno.EINVAL, text, name)


def refusal(name: str, status: int, reason: str) -> OSError:
    """Return the error of a status that no further try will change."""
    said = f"the server says {status} {reason}".rstrip()
    if status in (404, 410):
        hint = "is the address right? Some servers say so of what may not be read, too"
        return FileNotFoundError(errno.ENOENT, f"{said} ({hint})", name)
    if status in (401, 403, 407):
        hint = (
            "give what gives access, remote_source(url, headers={'Authorization': ...}), or an "
            "address signed anew, as that of before may be out of date"
        )
        return PermissionError(errno.EACCES, f"{said} ({hint})", name)
    return OSError(errno.EIO, said, name)
