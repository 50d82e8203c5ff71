"""Changes of whole files whose checksums are right, and of the tables in them."""

from __future__ import annotations

from dataclasses import replace
from struct import Struct
from typing import TYPE_CHECKING

from dicube_core.container.columns import ColumnTable, pack_table
from dicube_core.container.extension import KEPT_ENCODING, SLICE_HEADERS
from dicube_core.container.sections import compress, decompress
from dicube_core.dicom.headers import HeaderTable, SliceHeader
from dicube_core.exceptions import DicomCubeError
from reliability.fuzz.mutate_codestream import mutate_codestream
from reliability.fuzz.mutate_dicom import changed_dataset
from reliability.fuzz.mutate_json import mutate_json
from reliability.fuzz.parts import Parts, put_together, take_apart, with_right_checksums

if TYPE_CHECKING:
    from random import Random

    from reliability.fuzz.target import Plain

__all__ = ["mutate_columns", "mutate_file", "mutate_headers"]

#: As in the format document: flags, lengths of the parts.
_LENGTHS = Struct("<BHHIIIIII")
_FIELDS = ("preamble", "file_meta", "pixel_header", "padding", "tail", "source_syntax", "rest")


def _unpacked(data: bytes) -> bytes:
    try:
        return decompress(data, "")
    except DicomCubeError:
        return b""


def mutate_file(data: bytes, max_size: int, rng: Random, plain: Plain) -> bytes:
    """Change one piece of a file and put it together, or change it anyhow with right checksums."""
    choice = rng.random()
    parts = take_apart(data)
    if choice < 0.1 or (parts is None and choice < 0.5):
        return plain(data, max_size)
    if choice < 0.25 or parts is None:
        return with_right_checksums(plain(data, max_size))
    return put_together(_changed_parts(parts, max_size, rng, plain))


def _changed_parts(parts: Parts, max_size: int, rng: Random, plain: Plain) -> Parts:
    kind = rng.choice(("json", "json", "meta", "meta", "extension", "frames", "frames", "status"))
    if kind == "json":
        name = rng.choice(("pixel_header", "pixel_header", "space"))
        return parts.with_section(name, mutate_json(parts.sections[name], max_size, rng, plain))
    if kind == "meta":
        text = mutate_json(_unpacked(parts.sections["dicom_meta"]), max_size, rng, plain)
        return parts.with_section("dicom_meta", compress(text))
    if kind == "extension" and parts.extension:
        tag = rng.choice(sorted(parts.extension))
        return parts.with_part(tag, _changed_part(tag, parts.extension[tag], max_size, rng, plain))
    if kind == "status":
        return parts.with_section("dicom_status", plain(parts.sections["dicom_status"], 64))
    return replace(parts, frames=_changed_frames(parts.frames, max_size, rng, plain))


def _changed_part(tag: bytes, data: bytes, max_size: int, rng: Random, plain: Plain) -> bytes:
    if tag == SLICE_HEADERS:
        return compress(mutate_headers(_unpacked(data), max_size, rng, plain))
    if tag == KEPT_ENCODING:
        return compress(mutate_json(_unpacked(data), max_size, rng, plain))
    return plain(data, len(data) + 16)


def _changed_frames(
    frames: tuple[bytes, ...], max_size: int, rng: Random, plain: Plain
) -> tuple[bytes, ...]:
    changed = list(frames)
    if not changed:
        return ()
    number = rng.randrange(len(changed))
    kind = rng.randrange(6)
    if kind == 0:
        del changed[number]
    elif kind == 1:
        changed.append(changed[number])
    elif kind == 2:
        other = rng.randrange(len(changed))
        changed[number], changed[other] = changed[other], changed[number]
    else:
        changed[number] = mutate_codestream(changed[number], max_size, rng, plain) or b"\0"
    return tuple(changed)


def mutate_headers(data: bytes, max_size: int, rng: Random, plain: Plain) -> bytes:
    """Change one header of a table (uncompressed), or the table."""
    try:
        count = int.from_bytes(data[:4], "little")
        headers = list(HeaderTable(compress(data), count, ""))
    except (DicomCubeError, UnicodeDecodeError):
        return plain(data, max_size)
    choice = rng.random()
    if choice < 0.25 or not headers or len(headers) > 64:
        return mutate_columns(data, max_size, rng, plain)
    number = rng.randrange(len(headers))
    headers[number] = _changed_header(headers[number], rng, plain)
    # Each row in one piece: `pack_headers` refuses what is no data set.
    return pack_table([(None, [_row(header)]) for header in headers])


def _row(header: SliceHeader) -> bytes:
    name = header.name.encode("utf-8", "surrogateescape")
    pieces = [name, header.source_syntax.encode("latin-1"), header.preamble, header.file_meta]
    pieces += [header.head, header.pixel_header, header.padding, header.tail]
    flags = header.explicit | header.exact << 1 | bool(header.rest) << 2
    return b"".join((_LENGTHS.pack(flags, *map(len, pieces)), *pieces, header.rest))


def _changed_header(header: SliceHeader, rng: Random, plain: Plain) -> SliceHeader:
    kind = rng.randrange(4)
    if kind < 2:
        head = changed_dataset(header.head, header.encoding, rng, plain)
        return replace(header, head=head)
    if kind == 2:
        return replace(
            header,
            explicit=header.explicit ^ (rng.random() < 0.3),
            exact=header.exact ^ (rng.random() < 0.3),
            source_syntax=rng.choice((header.source_syntax, "", "1.2.840.10008.1.2", "x")),
        )
    name = rng.choice(_FIELDS)
    old = getattr(header, name)
    if isinstance(old, str):
        return replace(header, **{name: plain(old.encode("latin-1"), 80).decode("latin-1")})
    return replace(header, **{name: plain(old, len(old) + 32)})


def mutate_columns(data: bytes, max_size: int, rng: Random, plain: Plain) -> bytes:
    """Change one row of a table, or its bytes."""
    if rng.random() < 0.4:
        return plain(data, max_size)
    try:
        table = ColumnTable(data)
    except DicomCubeError:
        return plain(data, max_size)
    rows = [table.row(i) for i in range(min(len(table), 64))]
    if not rows:
        return plain(data, max_size)
    number = rng.randrange(len(rows))
    rows[number] = plain(rows[number], len(rows[number]) + 16)
    return pack_table([(rng.randrange(2), [row[:9], row[9:]]) for row in rows])
