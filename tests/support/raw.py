"""Write data sets byte by byte, with every oddity that real files have.

Nothing here comes from the package under test, and nothing is corrected on the way: what a test
asks for is what the file holds.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

EXPLICIT_LE = "1.2.840.10008.1.2.1"
IMPLICIT_LE = "1.2.840.10008.1.2"
EXPLICIT_BE = "1.2.840.10008.1.2.2"
DEFLATED = "1.2.840.10008.1.2.1.99"
PIXEL_DATA = 0x7FE00010
PREAMBLE = bytes(128) + b"DICM"

_LONG = ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")
_WIDTH = {"US": 2, "SS": 2, "OW": 2, "AT": 2, "UL": 4, "SL": 4, "FL": 4, "OF": 4, "OL": 4}
_WIDTH |= {"FD": 8, "OD": 8, "SV": 8, "UV": 8, "OV": 8}
_UNDEFINED = 0xFFFFFFFF


@dataclass(frozen=True)
class Node:
    """One element. `value` is little-endian bytes, or a list of items (lists of nodes)."""

    tag: int
    vr: str
    value: bytes | Sequence[Sequence[Node]] = b""
    undefined: bool = False
    items_undefined: bool = False


def text(tag: int, vr: str, value: str, charset: str = "ascii") -> Node:
    """Return a text element, padded to an even length as PS3.5 6.2 says."""
    data = value.encode(charset)
    return Node(tag, vr, data + (b"\0" if vr == "UI" else b" ") * (len(data) % 2))


def us(tag: int, *values: int) -> Node:
    """Return unsigned 16-bit numbers."""
    return Node(tag, "US", struct.pack(f"<{len(values)}H", *values))


@dataclass(frozen=True)
class Form:
    """How a data set is written."""

    implicit: bool = False
    big: bool = False
    width: int = 0

    @property
    def mark(self) -> str:
        return ">" if self.big else "<"

    def tag(self, tag: int) -> bytes:
        return struct.pack(self.mark + "HH", tag >> 16, tag & 0xFFFF)

    def header(self, tag: int, vr: str, length: int) -> bytes:
        if self.implicit or not vr:
            return self.tag(tag) + struct.pack(self.mark + "I", length)
        if vr in _LONG:
            return self.tag(tag) + vr.encode() + b"\0\0" + struct.pack(self.mark + "I", length)
        return self.tag(tag) + vr.encode() + struct.pack(self.mark + "H", length)

    def element(self, node: Node) -> bytes:
        if not isinstance(node.value, bytes):
            content = b"".join(self._item(item, node.items_undefined) for item in node.value)
            if node.undefined:
                end = self.header(0xFFFEE0DD, "", 0)
                return self.header(node.tag, node.vr, _UNDEFINED) + content + end
            return self.header(node.tag, node.vr, len(content)) + content
        value = node.value
        width = self.width or _WIDTH.get(node.vr, 1)
        if self.big and width > 1:
            value = b"".join(value[i : i + width][::-1] for i in range(0, len(value), width))
        return self.header(node.tag, node.vr, len(value)) + value

    def _item(self, nodes: Iterable[Node], undefined: bool) -> bytes:
        content = b"".join(map(self.element, nodes))
        if undefined:
            end = self.header(0xFFFEE00D, "", 0)
            return self.header(0xFFFEE000, "", _UNDEFINED) + content + end
        return self.header(0xFFFEE000, "", len(content)) + content

    def dataset(self, nodes: dict[int, Node]) -> bytes:
        # Writers of big endian swap 32-bit pixels whole, whatever OW says.
        cells = nodes[0x00280100].value if 0x00280100 in nodes else b""
        wide = replace(self, width=4) if cells == b"\x20\0" else self
        return b"".join(
            (wide if tag == PIXEL_DATA else self).element(nodes[tag]) for tag in sorted(nodes)
        )


FORMS = {
    EXPLICIT_LE: Form(),
    IMPLICIT_LE: Form(implicit=True),
    EXPLICIT_BE: Form(big=True),
    DEFLATED: Form(),
}


def file_meta(nodes: dict[int, Node], syntax: str, extra: Sequence[Node] = ()) -> bytes:
    """Return group 0002 as another vendor's software would write it."""
    elements = [Node(0x00020001, "OB", b"\0\1")]
    for tag, source in ((0x00020002, 0x00080016), (0x00020003, 0x00080018)):
        if source in nodes:
            elements.append(replace(nodes[source], tag=tag))
    elements += [
        text(0x00020010, "UI", syntax),
        text(0x00020012, "UI", "1.2.826.0.1.3680043.9.9999.1"),
        text(0x00020013, "SH", "SOME_VENDOR 1.0"),
        text(0x00020016, "AE", "SCANNER"),
        *extra,
    ]
    body = b"".join(map(Form().element, elements))
    return Form().element(Node(0x00020000, "UL", struct.pack("<I", len(body)))) + body


def part10(
    nodes: dict[int, Node],
    syntax: str = EXPLICIT_LE,
    *,
    preamble: bytes = PREAMBLE,
    meta: bool = True,
    trailer: bytes = b"",
) -> bytes:
    """Return a file; `trailer` is appended to the data set as it is."""
    data = FORMS[syntax].dataset(nodes) + trailer
    if syntax == DEFLATED:
        packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
        data = packer.compress(data) + packer.flush()
        data += b"\0" * (len(data) % 2)
    return preamble + (file_meta(nodes, syntax) if meta else b"") + data


def encapsulated(
    nodes: dict[int, Node],
    syntax: str,
    codestream: bytes,
    *,
    fragments: int = 1,
    offset_table: bool = False,
    extended: bool = False,
) -> bytes:
    """Return a file whose one frame is compressed (PS3.5 A.4), in one fragment or more."""
    form = Form()
    codestream += b"\0" * (len(codestream) % 2)
    step = -(-len(codestream) // fragments // 2) * 2
    cuts = [codestream[i : i + step] for i in range(0, len(codestream), step)]
    table = bytes(4) if offset_table else b""
    items = [table, *cuts]
    value = b"".join(form.header(0xFFFEE000, "", len(data)) + data for data in items)
    value = form.header(PIXEL_DATA, "OB", _UNDEFINED) + value + form.header(0xFFFEE0DD, "", 0)
    if extended:
        nodes = nodes | {
            tag: Node(tag, "OV", number.to_bytes(8, "little"))
            for tag, number in ((0x7FE00001, 0), (0x7FE00002, len(codestream)))
        }
    before = {tag: node for tag, node in nodes.items() if tag < PIXEL_DATA}
    after = {tag: node for tag, node in nodes.items() if tag > PIXEL_DATA}
    data = form.dataset(before) + value + form.dataset(after)
    return PREAMBLE + file_meta(nodes, syntax) + data
