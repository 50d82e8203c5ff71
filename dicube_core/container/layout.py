"""The fixed header: 116 bytes, little endian (``docs/format.md``, part 1). No I/O."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from struct import Struct
from typing import NamedTuple

from dicube_core.exceptions import (
    InvalidCubeFileError,
    TruncatedFileError,
    UnsupportedVersionError,
)

__all__ = ["HEADER_SIZE", "MAGIC", "SECTION_NAMES", "VERSION", "FileHeader", "Section"]

MAGIC = b"DCMCUBES"
VERSION = 1
_RESERVED = {
    b"DCMCUBEA": "archive (.dcba)",
    b"DCMCUBEL": "lossy (.dcbl)",
    b"DCMCUBE\0": "base (.dcb)",
}
_STRUCT = Struct("<8sI13Q")
HEADER_SIZE = _STRUCT.size  # 116

SECTION_NAMES = (
    "dicom_status",
    "dicom_meta",
    "space",
    "pixel_header",
    "frame_offsets",
    "frame_lengths",
)


class Section(NamedTuple):
    """Absolute position and length of a part of the file, in bytes."""

    offset: int
    length: int

    @property
    def stop(self) -> int:
        """One past the last byte."""
        return self.offset + self.length


@dataclass(frozen=True, slots=True)
class FileHeader:
    """Where the six sections lie, and how many frames there are."""

    dicom_status: Section
    dicom_meta: Section
    space: Section
    pixel_header: Section
    frame_offsets: Section
    frame_lengths: Section
    frame_count: int

    @property
    def places(self) -> tuple[Section, ...]:
        """The sections, in the order of the header."""
        return (
            self.dicom_status,
            self.dicom_meta,
            self.space,
            self.pixel_header,
            self.frame_offsets,
            self.frame_lengths,
        )

    def sections(self) -> list[tuple[str, Section]]:
        """Return the sections with their names, in the order of the header."""
        return list(zip(SECTION_NAMES, self.places, strict=True))

    def pack(self) -> bytes:
        """Return the 116 bytes."""
        numbers = [n for _, s in self.sections() for n in (s.offset, s.length)]
        return _STRUCT.pack(MAGIC, VERSION, *numbers, self.frame_count)

    @classmethod
    def unpack(cls, data: bytes) -> FileHeader:
        """Read the numbers of 116 bytes as they are, for whoever has another proof of them."""
        _, _, *numbers, frame_count = _STRUCT.unpack(data[:HEADER_SIZE])
        pairs = zip(SECTION_NAMES, numbers[::2], numbers[1::2], strict=True)
        places = {section_name: Section(*place) for section_name, *place in pairs}
        return cls(**places, frame_count=frame_count)

    @classmethod
    def parse(cls, data: bytes, file_size: int, name: str) -> FileHeader:
        """Read the header and check every number in it against the size of the file.

        Raises
        ------
        InvalidCubeFileError
            Not a ``.dcbs`` file, an unknown version, or a section that cannot be.
        """
        if data[: len(MAGIC)] != MAGIC:
            _refuse_magic(data, name)
        if len(data) < HEADER_SIZE:
            raise TruncatedFileError(
                f"{name}: the header needs {HEADER_SIZE} bytes, the file has {len(data)}",
                details={"path": name, "offset": len(data)},
            )
        _, version, *numbers, frame_count = _STRUCT.unpack(data[:HEADER_SIZE])
        if version != VERSION:
            raise UnsupportedVersionError(
                f"{name}: format version {version} at byte 8, this package reads version {VERSION}",
                suggestion="upgrade dicube-plugins, or restore the file if it is damaged",
                details={"path": name, "offset": 8},
            )
        pairs = zip(SECTION_NAMES, numbers[::2], numbers[1::2], strict=True)
        places = {section_name: Section(*place) for section_name, *place in pairs}
        header = cls(**places, frame_count=frame_count)
        header._check(file_size, name)
        return header

    def _check(self, file_size: int, name: str) -> None:
        # By place, so that one pass tells whether all lie in the file and none in another.
        position = HEADER_SIZE
        for offset, length in sorted(self.places):
            if length:
                if offset < position:
                    break
                position = offset + length
        else:
            tables = self.frame_offsets.length == self.frame_lengths.length == 8 * self.frame_count
            if position <= file_size and tables:
                return
        self._refuse(file_size, name)

    def _refuse(self, file_size: int, name: str) -> None:
        """Say what cannot be."""
        used = []
        for position, (section_name, section) in enumerate(self.sections()):
            if section.length == 0:
                continue
            if section.offset < HEADER_SIZE or section.stop > file_size:
                raise TruncatedFileError(
                    f"{name}: section {section_name} (header byte {12 + 16 * position}) spans "
                    f"bytes {section.offset} to {section.stop}, outside of {HEADER_SIZE} to "
                    f"{file_size}",
                    suggestion="the file is cut or damaged; restore it from its source",
                    details={"path": name, "section": section_name, "offset": section.offset},
                )
            used.append((section.offset, section.stop, section_name))
        for (_, stop, first), (start, _, second) in pairwise(sorted(used)):
            if start < stop:
                raise InvalidCubeFileError(
                    f"{name}: sections {first} and {second} overlap at byte {start}",
                    details={"path": name, "section": second, "offset": start},
                )
        for section_name in ("frame_offsets", "frame_lengths"):
            found = getattr(self, section_name).length
            if found != 8 * self.frame_count:
                raise InvalidCubeFileError(
                    f"{name}: section {section_name} has {found} bytes, {self.frame_count} frames "
                    f"(header byte 108) need {8 * self.frame_count}",
                    details={"path": name, "section": section_name, "offset": 108},
                )


def _refuse_magic(data: bytes, name: str) -> None:
    found = data[: len(MAGIC)]
    if found in _RESERVED:
        raise UnsupportedVersionError(
            f"{name}: the {_RESERVED[found]} variant of the format is reserved and was never "
            "defined; only .dcbs is readable",
            details={"path": name, "offset": 0},
        )
    if not found:
        raise TruncatedFileError(f"{name}: the file is empty", details={"path": name, "offset": 0})
    if len(found) < len(MAGIC) and MAGIC.startswith(found):
        raise TruncatedFileError(
            f"{name}: the file ends inside the magic at byte {len(found)}",
            details={"path": name, "offset": len(found)},
        )
    raise InvalidCubeFileError(
        f"{name}: not a .dcbs file, it starts with {found!r} instead of {MAGIC!r}",
        suggestion="DICOM folders and NIfTI files are converted with 'dcbs convert'",
        details={"path": name, "offset": 0},
    )
