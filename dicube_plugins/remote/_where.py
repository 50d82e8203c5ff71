"""Where a file of an fsspec file system is: what is kept of it, and given to other processes."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import fsspec

from dicube_core.exceptions import InvalidCubeFileError
from dicube_core.urls import shown_url
from dicube_plugins.remote._choice import missing

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = ["Address", "FileOf", "Place", "cause_of", "plain"]

#: A user and a password, in a text that is no address.
_USER = re.compile(r"[^\s\"'/@:]+:[^\s\"'/@]+@(?=\S)")
#: Errors behind an error that are looked at.
_MOST_CAUSES = 32


class Place(Protocol):
    """Something that finds a file in the process that asks."""

    @property
    def name(self) -> str:
        """What messages call it; nothing that gives access is in it."""
        ...

    def find(self) -> tuple[AbstractFileSystem, str]:
        """Return a file system of this process, and the path in it."""
        ...


@dataclass(frozen=True, slots=True)
class Address:
    """An address, or a chain of such, and options of its file system."""

    url: str = field(repr=False)
    storage_options: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        """The address, as it may be shown."""
        return shown_url(self.url)

    def find(self) -> tuple[AbstractFileSystem, str]:
        """Return the file system that fsspec has for it."""
        try:
            found: tuple[AbstractFileSystem, str] = fsspec.core.url_to_fs(
                self.url, **self.storage_options
            )
        except ImportError as exc:
            scheme = self.url.partition("://")[0].rpartition("::")[2].lower()
            raise missing(f"{self.name}: {exc}", scheme) from cause_of(exc)
        except (ValueError, TypeError) as exc:
            raise InvalidCubeFileError(
                f"{self.name}: fsspec does not take this address: {plain(exc)}"
            ) from cause_of(exc)
        return found


@dataclass(frozen=True, slots=True)
class FileOf:
    """A path in a file system that the caller has."""

    system: AbstractFileSystem
    path: str
    #: Whose connections and open files the file system has.
    process: int = field(default_factory=os.getpid, repr=False)

    @property
    def name(self) -> str:
        """The path, with the scheme of the file system."""
        return shown_url(str(self.system.unstrip_protocol(self.path)))

    def find(self) -> tuple[AbstractFileSystem, str]:
        """Return the file system; in a process made by fork another one like it."""
        given = self.system
        if self.process == os.getpid():
            return given, self.path
        if any(map(_is_open_file, (*given.storage_args, *given.storage_options.values()))):
            raise InvalidCubeFileError(
                f"{self.name}: the process was forked since the file that its file system is in "
                "was opened, and shares its position with the other process",
                suggestion="give that file by its path, or open it in each process",
                details={"path": self.name},
            )
        return type(given)(*given.storage_args, **given.storage_options), self.path


def _is_open_file(argument: object) -> bool:
    """Tell whether an argument of a file system is a file that the caller has opened."""
    return callable(getattr(argument, "read", None)) and callable(getattr(argument, "seek", None))


def plain(error: BaseException) -> str:
    """Return what an error says without what gives access: users, queries of addresses."""
    return _without_access(f"{type(error).__name__}: {error}")[:300]


def cause_of(error: BaseException) -> BaseException | None:
    """Return an error as the cause of another, None where it says what gives access.

    Whoever logs an error logs its cause, too, and what was the cause of that.
    """
    told: BaseException | None = error
    for _ in range(_MOST_CAUSES):
        if told is None:
            return error
        text = str(told)
        if _without_access(text) != " ".join(text.split()):
            break
        told = told.__cause__ or (None if told.__suppress_context__ else told.__context__)
    return None


def _without_access(text: str) -> str:
    words = (shown_url(word) if "://" in word else _USER.sub("", word) for word in text.split())
    return " ".join(words)
