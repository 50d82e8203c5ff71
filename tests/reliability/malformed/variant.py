"""What a rule makes, and what a probe tells: the words that both sides share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

__all__ = ["FACETS", "Base", "Probe", "Variant"]

#: What a probe may tell of a file: stored values, delivered slices (every byte), merged metadata,
#: headers of the slices, place and spacing, what stored values become (modality values, volumes
#: in their order), and the rest of what is shown of a file.
FACETS = ("pixels", "slices", "metadata", "headers", "geometry", "values", "facts")


@dataclass(frozen=True, slots=True)
class Base:
    """A good file that variants are made of.

    Attributes
    ----------
    name : str
        ``"ours"``, ``"legacy"`` (the base layout alone, no checksums), ``"colour"`` ...
    data : bytes
        The file.
    checksums : bool
        Whether it carries any.
    """

    name: str
    data: bytes
    checksums: bool


@dataclass(frozen=True, slots=True)
class Variant:
    """One malformed file.

    Attributes
    ----------
    base : str
        Name of its base.
    family : str
        Row of the table: ``"truncation"``, ``"header fields"``, ``"zstd bombs"`` ...
    name : str
        Unique within base and family; says what was changed, and where.
    make : callable
        Returns the bytes; called in the process that runs the probe.
    refused : bool
        Every probe must refuse the file (default: the right data are right as well, as where
        nothing is read of what was changed).
    may_differ : frozenset of str
        Facets that may show the changed value, because it is as valid as the one before and no
        checksum tells them apart. Empty for whatever can be told.
    nothing_to_compare : bool
        What `Probe.proves` is compared with is not in the file.
    """

    base: str
    family: str
    name: str
    make: Callable[[], bytes]
    refused: bool = False
    may_differ: frozenset[str] = frozenset()
    nothing_to_compare: bool = False

    @property
    def plain(self) -> bool:
        """Whether the base has no checksums, and no headers of its own."""
        return self.name.startswith("plain: ")

    @property
    def under_checksums(self) -> bool:
        """Whether bytes changed whose checksums did not."""
        return self.name.startswith("damaged: ") or self.family == "mutations"


@dataclass(frozen=True, slots=True)
class Probe:
    """One way of reading a file.

    Attributes
    ----------
    name : str
        Row of the table: ``"load"``, ``"stream, uncompressed"``, ``"nibabel"`` ...
    read : callable
        ``read(path, folder)`` reads the file at `path` as a user would, may write into the empty
        `folder`, and returns a digest for each facet it saw.
    errors : tuple of exception types
        Beside `DicomCubeError`: what this way of reading is documented to raise, such as the
        framework's own error for what is no file of ours. Of a file that begins like one of ours,
        only our own errors are clear.
    reads_all : bool
        Whether it reads every byte, so that no damage under checksums may pass it.
    proves : frozenset of str
        Facets that it compares with what else the file holds: they never differ, but where there
        is nothing to compare them with.
    """

    name: str
    read: Callable[[Path, Path], Mapping[str, str]]
    errors: tuple[type[BaseException], ...] = ()
    reads_all: bool = False
    proves: frozenset[str] = frozenset()
