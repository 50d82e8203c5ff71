"""Texts that are no JSON, or too deep, or odd, in every section that holds JSON."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import zstandard

from reliability.malformed.rules._file import Part, parts_of
from reliability.malformed.rules._ways import changed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from reliability.malformed.rules._file import Parts
    from reliability.malformed.variant import Base, Variant

__all__ = ["variants"]

_FAMILY = "JSON text"
_DEEP = 100_000


def _extra(before: bytes, after: bytes, text: bytes) -> bytes:
    """Put a key in front whose value is as given."""
    return b'{"zz":' + before + after + b"," + text[1:]


def _nested(opening: bytes, closing: bytes, depth: int, text: bytes) -> bytes:
    return _extra(opening * depth, b"1" + closing * depth, text)


def _doubled(text: bytes) -> bytes:
    return text[:-1] + b"," + text[1:]


def _second_null(text: bytes) -> bytes:
    """Repeat the first key with another value: the last one counts, or none."""
    key = next(iter(json.loads(text)))
    return text[:-1] + b"," + json.dumps(key).encode() + b":null}"


def _constant(value: bytes, _: bytes) -> bytes:
    return value


def _encoded(codec: str, text: bytes) -> bytes:
    return text.decode().encode(codec)


def _around(before: bytes, after: bytes, text: bytes) -> bytes:
    return before + text + after


def _cut(part: float, text: bytes) -> bytes:
    return text[: int(len(text) * part)]


def _single_quotes(text: bytes) -> bytes:
    return text.replace(b'"', b"'")


def _without_first(text: bytes) -> bytes:
    return text[1:]


_TEXTS: dict[str, Callable[[bytes], bytes]] = {
    **{
        f"{v[:12].decode('latin-1')!r} alone": partial(_constant, v)
        for v in (b"[]", b"{}", b"5", b"null", b"true", b'"x"', b"{", b"}", b"[", b"nul", b"\0")
    },
    "digits": partial(_constant, b"1" * 100_000),
    "blanks": partial(_constant, b" " * 100_000),
    "random bytes": partial(_constant, bytes(range(1, 256))),
    **{
        f"{what} {depth} deep": partial(_nested, opening, closing, depth)
        for depth in (150, 900, 5000, _DEEP)
        for what, opening, closing in (
            ("arrays", b"[", b"]"),
            ("objects", b'{"a":', b"}"),
        )
    },
    "arrays never closed": partial(_constant, b"[" * 200_000),
    "objects never closed": partial(_constant, b'{"a":' * _DEEP),
    "an invalid byte in a text": partial(_extra, b'"\xff\xfe', b'"'),
    "an overlong sequence": partial(_extra, b'"\xc0\x80', b'"'),
    "a surrogate in UTF-8": partial(_extra, b'"\xed\xa0\x80', b'"'),
    "an escaped lone surrogate": partial(_extra, b'"\\ud800', b'"'),
    "a control character": partial(_extra, b'"\x01', b'"'),
    "an unknown escape": partial(_extra, b'"\\x', b'"'),
    "a number with a leading zero": partial(_extra, b"01", b""),
    "a hexadecimal number": partial(_extra, b"0x1", b""),
    "many digits": partial(_extra, b"9" * 5000, b""),
    "a huge exponent": partial(_extra, b"1e999999999", b""),
    "NaN in a key nobody reads": partial(_extra, b"NaN", b""),
    "every key twice": _doubled,
    "the first key again, null": _second_null,
    "a byte order mark": partial(_around, b"\xef\xbb\xbf", b""),
    "garbage behind": partial(_around, b"", b"x"),
    "a zero behind": partial(_around, b"", b"\0"),
    "a second document": partial(_around, b"", b"{}"),
    "a comma behind": partial(_around, b"", b","),
    "blanks around": partial(_around, b" \n" * 1000, b" \n" * 1000),
    "UTF-16": partial(_encoded, "utf-16"),
    "UTF-16 without a mark": partial(_encoded, "utf-16-le"),
    "UTF-32": partial(_encoded, "utf-32"),
    **{f"cut at {part}": partial(_cut, part) for part in (0.1, 0.5, 0.9, 0.99)},
    "single quotes": _single_quotes,
    "without the first bracket": _without_first,
}


def _section(name: str, rule: Callable[[bytes], bytes], parts: Parts) -> Parts:
    return replace(parts, **{name: rule(getattr(parts, name))})


def _packed(rule: Callable[[bytes], bytes], data: bytes) -> bytes:
    return zstandard.compress(rule(zstandard.decompress(data)))


def _metadata(rule: Callable[[bytes], bytes], parts: Parts) -> Parts:
    return replace(parts, dicom_meta=_packed(rule, parts.dicom_meta))


def _extension(tag: bytes, packed: bool, rule: Callable[[bytes], bytes], parts: Parts) -> Parts:
    def new(part: Part) -> Part:
        if part.tag != tag or part.payload is None:
            return part
        payload = _packed(rule, part.payload) if packed else rule(part.payload)
        return replace(part, payload=payload)

    return replace(parts, extension=tuple(map(new, parts.extension)))


def variants(base: Base) -> Iterator[Variant]:
    """Yield files with odd texts in the space, the pixel header, the metadata, WRTR, ENCP."""
    parts = parts_of(base)
    targets: dict[str, Callable[[Callable[[bytes], bytes]], Callable[[Parts], Parts]]] = {
        "space": lambda rule: partial(_section, "space", rule),
        "pixel_header": lambda rule: partial(_section, "pixel_header", rule),
        "dicom_meta": lambda rule: partial(_metadata, rule),
        "WRTR": lambda rule: partial(_extension, b"WRTR", False, rule),
        "ENCP": lambda rule: partial(_extension, b"ENCP", True, rule),
    }
    tags = {part.tag.decode() for part in parts.extension}
    # What a text says that is JSON after all is as valid as what stood there.
    free = {
        "space": frozenset(("geometry", "facts")),
        "pixel_header": frozenset(("facts",)),
        "dicom_meta": frozenset(("metadata", "facts")),
    }
    if not base.checksums:  # whose slices are made of it
        free["dicom_meta"] |= {"slices", "headers"}
    for target, change in targets.items():
        present = bool(getattr(parts, target)) if target.islower() else target in tags
        for name, rule in _TEXTS.items() if present else ():
            yield from changed(
                base,
                _FAMILY,
                f"{target}: {name}",
                change(rule),
                may_differ=free.get(target, frozenset(("facts",))),
                damaged=name in ("every key twice", "UTF-16", "cut at 0.9"),
            )
    status = {
        "a word of none": b"nonsense",
        "not ASCII": b"\xff",
        "capitals": b"CONSISTENT",
        "a zero behind": parts.dicom_status + b"\0",
        "a blank behind": parts.dicom_status + b" ",
        "cut": parts.dicom_status[:-1],
        "long": b"x" * 10_000,
        "control characters": b"\x1b[2Jconsistent",
        "ours twice": parts.dicom_status * 2,
    }
    for name, text in status.items():
        change_status = partial(_section, "dicom_status", partial(_constant, text))
        yield from changed(base, _FAMILY, f"dicom_status: {name}", change_status, damaged=True)
