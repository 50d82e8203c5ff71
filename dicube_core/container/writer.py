"""Write a ``.dcbs`` file: streaming, atomic, the same bytes for the same input."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from dicube_core.atomic import AtomicFile
from dicube_core.checksum import crc32
from dicube_core.container.extension import (
    CRITICAL,
    CRITICAL_PARTS,
    FRAME_CHECKSUMS,
    PIXEL_HEADER_KEY,
    RESOLUTIONS,
    WRITER,
    Directory,
    Entry,
    directory_size,
)
from dicube_core.container.front_copy import pack_front_copy, with_front_copy
from dicube_core.container.index import pack_u32, pack_u64
from dicube_core.container.layout import HEADER_SIZE, SECTION_NAMES, FileHeader, Section
from dicube_core.container.resolutions import pack_resolutions, prefixes_of, table_size
from dicube_core.container.sections import dump_json
from dicube_core.exceptions import DataConsistencyError
from dicube_core.temporaries import Discarding

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from dicube_core.container.resolutions import Prefix

__all__ = ["ContainerWriter", "SeriesSections"]


@dataclass(frozen=True, slots=True)
class SeriesSections:
    """Everything of a file but its frames.

    Parameters
    ----------
    dicom_status, dicom_meta, space : bytes
        The base sections as they are stored (metadata already compressed).
    pixel_header : dict
        JSON object; the key of the extension is added by the writer.
    description : dict
        What readers must know of the frames before they touch one; goes under that key.
    extension : dict
        Four-byte tag to payload of the extension block.
    """

    dicom_status: bytes
    dicom_meta: bytes
    space: bytes
    pixel_header: dict[str, Any]
    description: dict[str, Any]
    extension: dict[bytes, bytes] = field(default_factory=dict)


class ContainerWriter(Discarding):
    """Append codestreams one by one; the file appears under its name on `commit`.

    All sections stand before the frames and their sizes are known beforehand, so only the frame
    tables and the directory are filled in at the end. Not safe for several threads at once.

    Parameters
    ----------
    path : path-like
        The target, replaced atomically.
    sections : SeriesSections
        Everything but the frames.
    frame_count : int
        Number of frames that will be appended.
    levels : int
        Resolutions below the full one whose ends are kept for each frame; see `append`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        sections: SeriesSections,
        frame_count: int,
        *,
        levels: int = 0,
    ) -> None:
        self._sections = sections
        self._frame_count = frame_count
        self._levels = levels
        self._prefixes: list[list[Prefix]] = []
        self._offsets: list[int] = []
        self._lengths: list[int] = []
        self._crcs: list[int] = []
        self._layout()
        self._atomic = AtomicFile(path)
        try:
            self._atomic.file.write(bytes(self._first_frame))
        except BaseException:
            self._atomic.discard()
            raise

    def _layout(self) -> None:
        """Place the directory, its payloads, the six sections and the first frame."""
        table = table_size(self._frame_count, self._levels) if self._levels else 0
        payloads = self._payloads(bytes(4 * self._frame_count), bytes(table))
        n_entries = len(payloads) + len(SECTION_NAMES) + 1
        position = HEADER_SIZE + directory_size(n_entries)
        self._places: dict[bytes, Section] = {}
        for tag, payload in payloads.items():
            self._places[tag] = Section(position, len(payload))
            position += len(payload)
        extension_length = position - HEADER_SIZE
        # The CRC of the header has not been computed yet; its width is fixed instead.
        draft = self._pixel_header(extension_length, 0)
        sizes = {
            "dicom_status": len(self._sections.dicom_status),
            "dicom_meta": len(self._sections.dicom_meta),
            "space": len(self._sections.space),
            "pixel_header": len(draft),
            "frame_offsets": 8 * self._frame_count,
            "frame_lengths": 8 * self._frame_count,
        }
        placed = {}
        for name in SECTION_NAMES:
            placed[name] = Section(position, sizes[name])
            position += sizes[name]
        self._header = FileHeader(**placed, frame_count=self._frame_count)
        self._header_crc = crc32(self._header.pack())
        self._pixel_header_bytes = self._pixel_header(extension_length, self._header_crc)
        self._first_frame = position

    def _payloads(self, checksums: bytes, resolutions: bytes) -> dict[bytes, bytes]:
        """Return the parts of the extension in their order.

        Those that can be made again stand first: the beginning of a file is what is overwritten
        most easily, and so its first 512 bytes can be lost without any loss.
        """
        rest = dict(self._sections.extension)
        first = {WRITER: rest.pop(WRITER)} if WRITER in rest else {}
        first[FRAME_CHECKSUMS] = checksums
        if self._levels:
            first[RESOLUTIONS] = resolutions
        return {**first, **rest}

    def _pixel_header(self, extension_length: int, header_crc: int) -> bytes:
        key = {
            "extension": [HEADER_SIZE, extension_length],
            "header_crc32": 0,
            **self._sections.description,
        }
        text = dump_json({**self._sections.pixel_header, PIXEL_HEADER_KEY: key})
        mark = b'"header_crc32":0'
        # Ten characters, so that the length does not depend on the value.
        head, _, tail = text.rpartition(mark)
        return head + b'"header_crc32":' + b"%10d" % header_crc + tail

    def append(self, codestream: bytes, ends: Sequence[int] = ()) -> None:
        """Write the next frame.

        Parameters
        ----------
        codestream : bytes
            Complete.
        ends : sequence of int, optional
            How much of it is needed where the resolution is halved once, twice, and so on.
        """
        position = self._offsets[-1] + self._lengths[-1] if self._offsets else self._first_frame
        if len(self._offsets) == self._frame_count:
            raise DataConsistencyError(f"more than the announced {self._frame_count} frames")
        self._atomic.file.write(codestream)
        self._offsets.append(position)
        self._lengths.append(len(codestream))
        self._crcs.append(crc32(codestream))
        if self._levels:
            self._prefixes.append(prefixes_of(codestream, ends, self._levels))

    def commit(self, inspect: Callable[[BinaryIO], None] | None = None) -> None:
        """Fill in the tables and put the file under its name.

        Parameters
        ----------
        inspect : callable, optional
            Called with the complete file, open for reading, before it appears. What it raises
            leaves the target as it was.

        Raises
        ------
        DataConsistencyError
            Fewer frames than announced; the target stays as it was.
        """
        if len(self._offsets) != self._frame_count:
            raise DataConsistencyError(
                f"{len(self._offsets)} of the announced {self._frame_count} frames were written"
            )
        base = {
            "dicom_status": self._sections.dicom_status,
            "dicom_meta": self._sections.dicom_meta,
            "space": self._sections.space,
            "pixel_header": self._pixel_header_bytes,
            "frame_offsets": pack_u64(self._offsets),
            "frame_lengths": pack_u64(self._lengths),
        }
        resolutions = pack_resolutions(self._prefixes, self._levels)
        payloads = self._payloads(pack_u32(self._crcs), resolutions)
        entries = {
            tag: Entry(self._places[tag], crc32(payload), CRITICAL * (tag in CRITICAL_PARTS))
            for tag, payload in payloads.items()
        }
        for name, section in self._header.sections():
            entries[Directory.base_tag(name)] = Entry(section, crc32(base[name]))
        frames_end = sum(self._lengths) + self._first_frame
        directory = Directory(entries, frames_end, self._frame_count, self._header_crc)
        copy = pack_front_copy(directory, self._header, self._pixel_header_bytes)
        self._atomic.file.write(copy)
        directory = with_front_copy(directory, copy)
        front = (self._header.pack(), directory.pack(), *payloads.values(), *base.values())
        self._atomic.file.seek(0)
        self._atomic.file.write(b"".join(front))
        if inspect is not None:
            inspect(self._atomic.file)
        self._atomic.commit()

    def discard(self) -> None:
        """Leave the target as it was; does nothing after `commit`."""
        self._atomic.discard()
