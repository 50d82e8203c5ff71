"""Where a file of an fsspec file system is: what is kept of it, and given to other processes."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import fsspec

from dicube_core.exceptions import InvalidCubeFileError
from dicube_core.urls import shown_url
from dicube_plugins.remote._choice import missing

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = ["Address", "FileOf", "Place", "plain"]


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
            raise missing(f"{self.name}: {exc}", scheme) from exc
        except (ValueError, TypeError) as exc:
            raise InvalidCubeFileError(
                f"{self.name}: fsspec does not take this address: {plain(exc)}"
            ) from exc
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
    """Return what an error says without queries of addresses, which may have a signature."""
    text = f"{type(error).__name__}: {error}"
    words = (shown_url(word) if "://" in word else word for word in text.split())
    return " ".join(words)[:300]
