"""What must be kept of a compressed instance, beside its frames, to make its file again.

The headers of a file describe decoded frames. Where the frames are kept as they were compressed,
this says how the source differed: its label of colour, the elements that describe fragments, and
the Basic Offset Table (PS3.5 A.4).
"""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import TYPE_CHECKING

from dicube_core.codec.registry import ENCAPSULATED
from dicube_core.container.sections import compress, decompress, dump_json, parse_json
from dicube_core.dataset.elements import EXPLICIT_LITTLE, IMPLICIT_LITTLE, walk
from dicube_core.dicom.colour import relabelled
from dicube_core.dicom.scan import PixelKind
from dicube_core.exceptions import InvalidCubeFileError, MetaDataError, UnsupportedKindError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dicube_core.dataset.elements import Encoding
    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.dicom.scan import SliceSource
    from dicube_core.dicom.series import SourceSeries

__all__ = [
    "KeptEncoding",
    "compressed_frame",
    "keep_series",
    "kept_encoding",
    "pack_kept",
    "parse_kept",
]

_PHOTOMETRIC = 0x00280004
_REMOVED = frozenset((0x7FE00000, 0x7FE00001, 0x7FE00002))
_ITEM = Struct("<HHI")
_PIXEL_DATA = b"\xe0\x7f\x10\0"
_DELIMITER = _ITEM.pack(0xFFFE, 0xE0DD, 0)
_FIELDS = ("removed", "element", "table", "photometric")


@dataclass(frozen=True, slots=True)
class KeptEncoding:
    """How one compressed instance differed from the header that is kept of it.

    Parameters
    ----------
    removed : bytes
        Elements that describe fragments, such as an Extended Offset Table.
    element : bytes
        Header of the Pixel Data element.
    table : bytes
        Value of the Basic Offset Table; both are empty where a frame had several fragments,
        which become one.
    photometric : bytes
        Value of Photometric Interpretation.
    """

    removed: bytes
    element: bytes
    table: bytes
    photometric: bytes

    def header(self, header: SliceHeader) -> SliceHeader:
        """Return a header that describes the compressed frames."""
        return relabelled(header, self.photometric) if self.photometric else header

    def head(self, header: SliceHeader) -> bytes:
        """Return the data set before Pixel Data."""
        head = self.header(header).head
        if not self.removed:
            return head
        cut = next((e.start for e in walk(head, header.encoding) if e.tag > 0x7FE00002), len(head))
        return head[:cut] + self.removed + head[cut:]

    def restored(self, header: SliceHeader, frames: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the parts of the source file, with one fragment per frame.

        Parameters
        ----------
        header : SliceHeader
            Of the instance, as it is kept.
        frames : iterable of bytes
            All its frames, in its order.
        """
        yield from (header.preamble, header.file_meta, self.head(header), self.element)
        yield _ITEM.pack(0xFFFE, 0xE000, len(self.table)) + self.table
        for frame in frames:
            yield _ITEM.pack(0xFFFE, 0xE000, len(frame))
            yield frame
        yield from (_DELIMITER, header.tail, header.rest)


def kept_encoding(source: SliceSource) -> KeptEncoding:
    """Find out what is to be kept of a compressed source.

    Raises
    ------
    UnsupportedKindError
        Its file cannot be made again.
    """
    header = source.header
    data = source.origin if isinstance(source.origin, bytes) else source.origin.read_bytes()
    start = len(header.preamble) + len(header.file_meta)
    at = source.pixel_offset - (12 if header.explicit else 8)
    head = data[start:at]
    elements = list(walk(head, header.encoding))
    removed = b"".join(head[e.start : e.stop] for e in elements if e.tag in _REMOVED)
    values = {e.tag: head[e.value : e.value_stop] for e in elements if e.tag == _PHOTOMETRIC}
    items = list(_items(_pixel_data(source, data)))
    whole = len(items) == source.frame_count + 1
    kept = KeptEncoding(
        removed, data[at : source.pixel_offset], items[0] if items else b"", values[_PHOTOMETRIC]
    )
    if not items or kept.head(header) != head:
        raise UnsupportedKindError(
            f"{header.name}: its compressed frames cannot be kept as they are",
            suggestion="convert it without keep_encoding",
            details={"path": header.name},
        )
    if not whole:
        kept = KeptEncoding(b"", kept.element, b"", kept.photometric)
    return kept


def keep_series(series: SourceSeries) -> tuple[str, bytes] | None:
    """Return the codec that keeps the frames of a series as they are, and what to store with it.

    None where no source is compressed.

    Raises
    ------
    UnsupportedKindError
        The sources are in several transfer syntaxes, or cannot be made again.
    """
    sources = series.instances
    compressed = [source for source in sources if source.kind is PixelKind.ENCAPSULATED]
    if not compressed:
        return None
    kept = [kept_encoding(source) for source in compressed]
    forms = {
        (source.header.source_syntax, entry.photometric.decode("latin-1").strip(" \0"))
        for source, entry in zip(compressed, kept, strict=True)
    }
    if len(forms) > 1 or len(compressed) < len(sources):
        listing = ", ".join(" ".join(form) for form in sorted(forms))
        more = "" if len(compressed) == len(sources) else " and uncompressed"
        raise UnsupportedKindError(
            f"sources in several forms ({listing}{more}) cannot be kept as they are in one file",
            suggestion="convert them without keep_encoding, or each form on its own",
        )
    ((syntax, photometric),) = forms
    name = f"{ENCAPSULATED}{syntax}"
    if photometric != series.pixel_format.photometric_interpretation:
        name += f":{photometric}"
    return name, pack_kept(kept)


def compressed_frame(source: SliceSource) -> bytes:
    """Return the compressed frame of a source of one frame; several fragments are joined."""
    data = source.origin if isinstance(source.origin, bytes) else source.origin.read_bytes()
    return b"".join(list(_items(_pixel_data(source, data)))[1:])


def _pixel_data(source: SliceSource, data: bytes) -> memoryview:
    if source.kind is not PixelKind.ENCAPSULATED:
        raise UnsupportedKindError(
            f"{source.header.name}: only compressed frames can be kept as they are",
            suggestion="convert it without keep_encoding",
        )
    return memoryview(data)[source.pixel_offset : source.pixel_offset + source.pixel_length]


def _items(value: memoryview) -> Iterator[bytes]:
    """Yield the Basic Offset Table and the fragments."""
    position = 0
    while position + 8 <= len(value):
        group, number, length = _ITEM.unpack_from(value, position)
        if (group, number) != (0xFFFE, 0xE000) or position + 8 + length > len(value):
            return
        yield bytes(value[position + 8 : position + 8 + length])
        position += 8 + length


def _is_sound(entry: KeptEncoding) -> bool:
    """Whether an entry is what a compressed instance may have."""
    element = entry.element
    long_form = len(element) == 12 and element[4:8] in (b"OB\0\0", b"OW\0\0", b"UN\0\0")
    header = element[:4] == _PIXEL_DATA and element[-4:] == b"\xff" * 4
    return (
        header
        and (long_form or len(element) == 8)
        and _is_removed(entry.removed, EXPLICIT_LITTLE if long_form else IMPLICIT_LITTLE)
        and not len(entry.table) % 4
        and len(entry.photometric) <= 16
        and not len(entry.photometric) % 2
    )


def _is_removed(data: bytes, encoding: Encoding) -> bool:
    """Whether these are elements that describe fragments, whole, in order and nothing else."""
    try:
        tags = [element.tag for element in walk(data, encoding)]
    except MetaDataError:
        return False
    return tags == sorted(_REMOVED.intersection(tags))


def _is_row(row: object) -> bool:
    return isinstance(row, list) and [type(text) for text in row] == [str] * len(_FIELDS)


def pack_kept(kept: Sequence[KeptEncoding]) -> bytes:
    """Pack one entry per instance; deterministic."""
    rows = [[getattr(entry, name).hex() for name in _FIELDS] for entry in kept]
    return compress(dump_json({"instances": rows}))


def parse_kept(data: bytes, count: int, where: str) -> tuple[KeptEncoding, ...]:
    """Read what `pack_kept` wrote.

    Raises
    ------
    InvalidCubeFileError
        It is damaged, or not of `count` instances.
    """
    rows = parse_json(decompress(data, where), where).get("instances")
    if not isinstance(rows, list) or not all(map(_is_row, rows)):
        raise InvalidCubeFileError(f"{where}: not a list of {len(_FIELDS)} texts per instance")
    try:
        kept = tuple(KeptEncoding(*map(bytes.fromhex, row)) for row in rows)
    except ValueError:
        raise InvalidCubeFileError(f"{where}: an entry is not hexadecimal") from None
    if any(not _is_sound(entry) for entry in kept):
        raise InvalidCubeFileError(f"{where}: an entry is no encoding of pixels")
    if len(kept) != count:
        raise InvalidCubeFileError(f"{where}: {len(kept)} encodings for {count} instances")
    return kept
