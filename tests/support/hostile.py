"""Files that lie on purpose: every checksum is right, as an attacker would make them."""

from __future__ import annotations

import json
import tempfile
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zstandard

import dicube_core
from dicube_core.container.extension import SLICE_HEADERS
from dicube_core.container.writer import ContainerWriter, SeriesSections
from dicube_core.dicom.headers import SliceHeader, pack_headers
from support.raw import Form, us

if TYPE_CHECKING:
    from collections.abc import Iterator


def _sections(data: bytes) -> tuple[SeriesSections, list[bytes], list[SliceHeader]]:
    """Take a good file apart."""
    with dicube_core.open(data) as reader:
        container = reader.container
        parts = {tag: container.part(tag) or b"" for tag in (SLICE_HEADERS, b"WRTR")}
        description = {
            key: value
            for key, value in container.description.items()
            if key not in ("extension", "header_crc32")
        }
        sections = SeriesSections(
            dicom_status=container.section("dicom_status"),
            dicom_meta=container.section("dicom_meta"),
            space=container.section("space"),
            pixel_header=dict(container.pixel_header),
            description=description,
            extension=parts,
        )
        return (
            sections,
            [reader.codestream(i) for i in range(len(reader))],
            list(reader.headers or ()),
        )


def build(sections: SeriesSections, codestreams: list[bytes]) -> bytes:
    """Put a file together with right checksums."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.dcbs"
        with ContainerWriter(path, sections, len(codestreams)) as writer:
            for codestream in codestreams:
                writer.append(codestream)
            writer.commit()
        return path.read_bytes()


def _bomb(size: int) -> bytes:
    packer = zstandard.ZstdCompressor(level=1).compressobj(size=size)
    chunk = bytes(1 << 20)
    parts = [packer.compress(chunk) for _ in range(size >> 20)]
    return b"".join(parts) + packer.flush()


#: Changes of a good space section; a value of None takes the key out.
_SPACES: list[dict[str, Any]] = [
    *({"spacing": s} for s in ([0, 1, 1], [-1, 1, 1], [1, 1], ["a", 1, 1], [1, None, 1], 5)),
    *({"spacing": [s, 1, 1]} for s in (10**400, True, "1", [1], {}, 1e-320)),
    *({"shape": s} for s in ([17, 20, 4], [1e99, 1, 1], [-9, 11, 3], [9.0, 11.0, 3.5], [])),
    *({"x_orientation": v} for v in ([0, 0, 0], [1e300, 0, 0], [0, 1, 0], [2, 0, 0], "x")),
    *({key: None} for key in ("origin", "shape", "spacing", "z_orientation")),
]
_RAW_SPACES = [
    b"[]",
    b"{}",
    b"5",
    b"[" * 200_000,
    b'{"a":' * 100_000,
    b"\xff\xfe",
    b"1" * 100_000,
]
_DESCRIPTIONS: list[dict[str, Any]] = [
    *({"rows": v} for v in (10**9, 21, 0, -1, True, "20", None, 20.0, 10**400)),
    *({"bits_allocated": v} for v in (8, 12, 64, 32)),
    *({"bits_stored": v} for v in (0, 11, 13, 40)),
    *({"high_bit": v} for v in ("x", None, 10**30)),
    *({"pixel_representation": v} for v in (1, 7)),
    *({"codec": v} for v in ("nonsense", 5, None, [], "../x", "")),
    {"rows": 1 << 20, "columns": 1 << 20},
]
_PIXEL_HEADERS: list[dict[str, Any]] = [
    *({"RescaleSlope": v} for v in ([1.0], [1.0] * 4, [], "1", None, {}, 10**400, [None] * 3)),
    *({"PixelDtype": v} for v in ("float64", "int64", "int16", "", None, 5, "object", [])),
    *({"WindowCenter": v} for v in ("a", [1], {})),
    {"MaxVal": [[]]},
]


def _metas() -> Iterator[bytes]:
    def packed(value: Any) -> bytes:
        text = value if isinstance(value, bytes) else json.dumps(value).encode()
        return zstandard.compress(text)

    yield _bomb(1 << 30)
    yield _bomb(2 << 30)
    yield b"not zstd"
    yield packed(b"not json")
    yield packed(b"[" * 200_000)
    nested = b'{"vr":"SQ","shared":null,"Value":[{"00081140":' * 5_000
    yield packed(b'{"_merged_data":{"00081140":' + nested)
    for merged in ([], 5, None, "x", {"00080018": 5}, {"x": {}}, {"00080018": {"vr": 5}}):
        yield packed({"_merged_data": merged, "slice_count": 3})
    for count in (-1, 10**12, 2, "3", None, 1e99, True):
        yield packed({"_merged_data": {}, "slice_count": count})
    for entry in (
        {"vr": "UI", "shared": False, "Value": ["1", "2"]},
        {"vr": "UI", "shared": False, "Value": "123"},
        {"vr": "UI", "shared": True, "Value": {}},
        {"vr": "UI", "shared": "yes", "Value": []},
        {"vr": "OB", "shared": True, "InlineBinary": "!!!"},
        {"vr": "OB", "shared": True, "InlineBinary": 5},
        {"vr": "SQ", "shared": None, "Value": [5]},
        {"vr": "SQ", "shared": None, "Value": 5},
        {"vr": "zz", "shared": True, "Value": [1]},
        {"vr": "US", "shared": True, "Value": [10**30]},
        {"vr": "US", "shared": True, "Value": ["x"]},
        {"vr": "DS", "shared": True, "Value": [[[]]]},
        {"vr": "PN", "shared": True, "Value": [{"Alphabetic": 5}]},
        {"vr": "AT", "shared": True, "Value": ["zzzz"]},
    ):
        yield packed({"_merged_data": {"00080018": entry}, "slice_count": 3})


def _lies(sections: SeriesSections, headers: list[SliceHeader]) -> Iterator[SeriesSections]:
    """Yield sections of which one lies."""
    good = json.loads(sections.space)
    for change in (*_SPACES, {"spacing": [float("nan"), 1, 1]}, {"origin": [0, float("inf"), 0]}):
        space = {key: value for key, value in {**good, **change}.items() if value is not None}
        yield replace(sections, space=json.dumps(space).encode())
    yield from (replace(sections, space=raw) for raw in _RAW_SPACES)
    yield from (replace(sections, dicom_meta=meta) for meta in _metas())
    for status in (b"nonsense", b"\xff", b"consistent\0", b"x" * 10_000):
        yield replace(sections, dicom_status=status)
    for change in _DESCRIPTIONS:
        yield replace(sections, description={**sections.description, **change})
    for key in sections.description:
        less = {name: value for name, value in sections.description.items() if name != key}
        yield replace(sections, description=less)
    for change in _PIXEL_HEADERS:
        yield replace(sections, pixel_header={**sections.pixel_header, **change})
    tables = [_bomb(1 << 30), b"", b"x", zstandard.compress(b"\xff" * 50)]
    tables += [pack_headers(headers[:2]), pack_headers(headers * 2)]
    tables.append(pack_headers([replace(h, pixel_header=b"", padding=b"x") for h in headers]))
    for table in tables:
        yield replace(sections, extension={**sections.extension, SLICE_HEADERS: table})


def _changed_name(first: SeriesSections, second: SeriesSections) -> str:
    return next(f.name for f in fields(first) if getattr(first, f.name) != getattr(second, f.name))


def hostile(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield files whose sections lie, by the name of the section."""
    sections, codestreams, headers = _sections(data)
    for lie in _lies(sections, headers):
        yield _changed_name(sections, lie), build(lie, codestreams)
    for codestream in (b"x", codestreams[0][:-2], codestreams[0] + b"\0", codestreams[0] * 2):
        yield "codestream", build(sections, [codestream, *codestreams[1:]])
    yield "no frames", build(sections, [])


def contradicting(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield files whose headers describe other pixels than their frames hold."""
    sections, codestreams, headers = _sections(data)
    for node in (us(0x00280010, 99), us(0x00280101, 10), us(0x00280103, 1), us(0x00280100, 8)):
        old = next(
            Form().element(us(node.tag, value))
            for value in range(100)
            if Form().element(us(node.tag, value)) in headers[0].head
        )
        new = Form().element(node)
        changed = [replace(h, head=h.head.replace(old, new)) for h in headers]
        parts = {**sections.extension, SLICE_HEADERS: pack_headers(changed)}
        yield f"{node.tag:08X}", build(replace(sections, extension=parts), codestreams)


__all__ = ["build", "contradicting", "hostile"]
