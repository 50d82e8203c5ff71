"""One way after another in which headers of real series are awkward."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace

from support.raw import Node, text, us
from support.series import CT_STORAGE, ROOT, Edit, Kind, put, slice_nodes

CASES: dict[str, Edit] = {}
_Maker = Callable[[int, dict[int, Node]], None]


def case(function: _Maker) -> _Maker:
    """Enter an edit of slices under its name."""
    CASES[function.__name__] = function
    return function


def shared(name: str, *nodes: Node) -> None:
    """Enter elements that all slices get."""
    CASES[name] = put(*nodes)


def uid_item(number: int, *more: Node) -> list[Node]:
    """Return an item that refers to an instance."""
    return [
        text(0x00081150, "UI", CT_STORAGE),
        text(0x00081155, "UI", f"{ROOT}.77.{number}"),
        *more,
    ]


SOURCE_IMAGES = 0x00082112
BLOCK = text(0x00290010, "LO", "SOME VENDOR 01")

# Sequences.
shared("sequence_3_items", Node(SOURCE_IMAGES, "SQ", [uid_item(n) for n in range(3)]))
shared("sequence_without_items", Node(SOURCE_IMAGES, "SQ", []))
shared("sequence_empty_item", Node(SOURCE_IMAGES, "SQ", [[], uid_item(1), []]))
for _undefined in (False, True):
    for _items in (False, True):
        shared(
            f"sequence_undefined_{_undefined}_items_{_items}".lower(),
            Node(
                SOURCE_IMAGES,
                "SQ",
                [
                    uid_item(1, Node(0x0040A170, "SQ", [uid_item(2)], _undefined, _items)),
                    uid_item(3),
                ],
                _undefined,
                _items,
            ),
        )


@case
def sequence_value_per_slice(index: int, nodes: dict[int, Node]) -> None:
    nodes[SOURCE_IMAGES] = Node(SOURCE_IMAGES, "SQ", [uid_item(index), uid_item(100 - index)])


@case
def sequence_count_per_slice(index: int, nodes: dict[int, Node]) -> None:
    items = [uid_item(10 * index + n) for n in range(index)]
    nodes[SOURCE_IMAGES] = Node(SOURCE_IMAGES, "SQ", items, undefined=index % 2 == 0)


@case
def sequence_in_some_slices(index: int, nodes: dict[int, Node]) -> None:
    if index in (1, 2):
        nodes[SOURCE_IMAGES] = Node(SOURCE_IMAGES, "SQ", [uid_item(index)])


@case
def sequence_nested_varying(index: int, nodes: dict[int, Node]) -> None:
    code = [text(0x00080100, "SH", f"CODE{index}"), text(0x00080104, "LO", "meaning")]
    deep = Node(0x0040A043, "SQ", [code] * (1 + index % 2))
    middle = Node(0x0040A170, "SQ", [[deep], [text(0x00080102, "SH", "DCM")]][: 1 + index % 2])
    nodes[SOURCE_IMAGES] = Node(SOURCE_IMAGES, "SQ", [uid_item(index, middle), uid_item(5)])


@case
def sequence_element_absent_in_some_items(index: int, nodes: dict[int, Node]) -> None:
    with_it = [text(0x00080100, "SH", "A"), text(0x00080104, "LO", f"of {index}")]
    items = [with_it, with_it[:1], [with_it[0], Node(0x00080104, "LO")]]
    nodes[0x0008103F] = Node(0x0008103F, "SQ", items[index % 3 :])


@case
def sequence_20_deep(index: int, nodes: dict[int, Node]) -> None:
    inner = [text(0x00080100, "SH", f"LEAF{index}")]
    for _ in range(20):
        inner = [Node(0x0040A730, "SQ", [inner])]
    nodes[0x0040A730] = inner[0]


@case
def un_sequence_undefined(index: int, nodes: dict[int, Node]) -> None:
    # PS3.5 6.2.2 note 2: implicit inside, written by software that did not know the tag.
    item = struct.pack("<HHI", 0x0029, 0x1010, 2) + b"%02d" % index
    value = struct.pack("<HHI", 0xFFFE, 0xE000, len(item)) + item
    nodes[BLOCK.tag] = BLOCK
    nodes[0x00291001] = Node(0x00291001, "SQ", [[text(0x00291010, "LO", f"{index}")]], True)
    nodes[0x00291002] = Node(0x00291002, "UN", value)


# Binary.
@case
def private_binary_per_slice(index: int, nodes: dict[int, Node]) -> None:
    nodes[BLOCK.tag] = BLOCK
    nodes[0x00291010] = Node(0x00291010, "OB", bytes(range(64)) + bytes([index, 255 - index]))


@case
def private_binary_sizes(index: int, nodes: dict[int, Node]) -> None:
    size = (0, 2, 7_680, 70_000)[index % 4]
    nodes[BLOCK.tag] = BLOCK
    nodes[0x00291010] = Node(0x00291010, "OB", bytes((n * 7 + index) % 251 for n in range(size)))
    nodes[0x00291020] = Node(0x00291020, "UN", bytes((n + index) % 256 for n in range(size)))


shared("private_binary_20000", BLOCK, Node(0x00291010, "OB", bytes(range(250)) * 80))
shared("ow_with_odd_words", Node(0x00281201, "OW", bytes(range(26))))


@case
def overlay_per_slice(index: int, nodes: dict[int, Node]) -> None:
    nodes |= {
        node.tag: node
        for node in (
            us(0x60000010, 6),
            us(0x60000011, 5),
            text(0x60000040, "CS", "G"),
            Node(0x60000050, "SS", struct.pack("<2h", 1, 1)),
            us(0x60000100, 1),
            us(0x60000102, 0),
            Node(0x60003000, "OW", bytes([index, 17, 3 * index, 0])),
        )
    }


# Absent, empty, value.
_VARIED = {
    "text": text(0x00081030, "LO", "Chest"),
    "number": text(0x00180060, "DS", "120.000"),
    "integer": text(0x00181151, "IS", "0300"),
    "uid": text(0x0020000D, "UI", f"{ROOT}.9"),
    "name": text(0x00081048, "PN", "Who^Ever"),
    "us": us(0x00280106, 7),
    "sequence": Node(0x0008103F, "SQ", [uid_item(1)]),
    "binary": Node(0x00281201, "OW", b"\1\2\3\4"),
    "double": Node(0x00189087, "FD", struct.pack("<d", 1.25)),
}


def _varied(name: str, pattern: str) -> None:
    node = _VARIED[name]

    def edit(index: int, nodes: dict[int, Node]) -> None:
        state = pattern[index % len(pattern)]
        nodes.pop(node.tag, None)
        if state != "a":
            empty: bytes | list[list[Node]] = b"" if isinstance(node.value, bytes) else []
            nodes[node.tag] = node if state == "v" else Node(node.tag, node.vr, empty)

    CASES[f"{name}_{pattern}"] = edit


for _name in _VARIED:
    _varied(_name, "aev")
for _pattern in ("avvv", "vvva", "evvv", "vvve", "aaae", "vaaa"):
    _varied("text", _pattern)
    _varied("number", _pattern)


@case
def number_of_values_varies(index: int, nodes: dict[int, Node]) -> None:
    nodes[0x00281050] = text(0x00281050, "DS", "\\".join(["40.0"] * (index % 3 + 1)))
    nodes[0x00281051] = text(0x00281051, "DS", "\\".join(["400"] * (index % 3 + 1)))


@case
def vr_varies(index: int, nodes: dict[int, Node]) -> None:
    nodes[BLOCK.tag] = BLOCK
    vr, value = (("LO", b"12"), ("DS", b"12"), ("UN", b"12"), ("US", b"\x0c\0"))[index % 4]
    nodes[0x00291030] = Node(0x00291030, vr, value)


# Text: character sets, spellings, padding.
def _names(name: str, term: str, codec: str, person: str, description: str) -> None:
    shared(
        f"charset_{name}",
        text(0x00080005, "CS", term),
        text(0x00100010, "PN", person, codec),
        text(0x00081030, "LO", description, codec),
        Node(
            0x00081110,
            "SQ",
            [[text(0x00081030, "LO", description, codec)], [text(0x00080100, "SH", "A")]],
        ),
    )


_names("utf8", "ISO_IR 192", "utf-8", "Wáng^小東=王^小東=", "胸部 ÄÖÜ ✓")
_names("latin1", "ISO_IR 100", "latin-1", "Äneas^Rüdiger", "Thorax Übersicht")
_names("cyrillic", "ISO_IR 144", "iso8859_5", "Люкceмбypг", "грудь")  # noqa: RUF001
_names("gb18030", "GB18030", "gb18030", "Wang^XiaoDong=王^小东=", "胸部")
_names("gbk", "GBK", "gbk", "Wang=王", "胸部")
_names("greek", "ISO_IR 126", "iso8859_7", "Διονυσιος", "θώρακας")
_names("thai", "ISO_IR 166", "iso8859_11", "นามสกุล", "ทรวงอก")
_JAPANESE = b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B"
shared(
    "charset_iso2022",
    text(0x00080005, "CS", "\\ISO 2022 IR 87"),
    Node(0x00100010, "PN", _JAPANESE + b" " * (len(_JAPANESE) % 2)),
)
shared("charset_undeclared", Node(0x00080005, "CS"), Node(0x00081030, "LO", b"\xdcbers "))
shared("charset_unknown", text(0x00080005, "CS", "ISO_IR 999"), Node(0x00081030, "LO", b"\xdcb"))
shared("charset_broken_utf8", text(0x00080005, "CS", "ISO_IR 192"), Node(0x00081030, "LO", b"\xff"))


@case
def charset_per_slice(index: int, nodes: dict[int, Node]) -> None:
    term, codec = (("ISO_IR 100", "latin-1"), ("ISO_IR 192", "utf-8"))[index % 2]
    nodes[0x00080005] = text(0x00080005, "CS", term)
    nodes[0x00100010] = text(0x00100010, "PN", "Müller^Jörg", codec)


@case
def charset_in_item(index: int, nodes: dict[int, Node]) -> None:
    own = [text(0x00080005, "CS", "ISO_IR 192"), text(0x00081030, "LO", f"Über {index}", "utf-8")]
    nodes[0x00081110] = Node(0x00081110, "SQ", [own, [text(0x00081030, "LO", "Ü", "latin-1")]])


_SPELLINGS = {
    "zeros": "1.50000",
    "leading_space": " 1.5",
    "plus": "+1.5",
    "exponent": "1.5E+00",
    "no_leading_zero": ".5",
    "minus_zero": "-0",
    "long": "0.30000000000000004441",
    "not_a_number": "abc",
    "nan": "NaN",
    "comma": "1,5",
    "empty_part": "1.5\\\\2",
}
for _name, _value in _SPELLINGS.items():
    shared(f"ds_{_name}", text(0x00180060, "DS", _value))
for _value in ("007", "+7", " 7 ", "1.50", "99999999999", "seven"):
    shared(f"is_{_value.strip()}", text(0x00181151, "IS", _value))


@case
def ds_spelling_per_slice(index: int, nodes: dict[int, Node]) -> None:
    nodes[0x00180060] = text(0x00180060, "DS", ("120", "120.0", "1.2e2", "120.")[index % 4])


shared("odd_length", Node(0x00081030, "LO", b"odd"), Node(0x00081155, "UI", b"1.2"))
shared("padded_with_null", Node(0x00081030, "LO", b"odd\0"), Node(0x00100030, "DA", b"\0\0"))
shared("padded_twice", Node(0x00081030, "LO", b"odd   "), Node(0x00081155, "UI", b"1.2.3\0\0\0"))
shared("uid_padded_with_space", Node(0x00081155, "UI", b"1.2.3 "))
shared("name_of_carets", text(0x00100010, "PN", "^^^^"))
shared("backslash_in_text", text(0x00104000, "LT", "a\\b\r\nc"), text(0x00081030, "LO", "a\\\\b"))
shared("text_64k", text(0x0040A160, "UT", "lorem " * 12_000), text(0x00080119, "UC", "x" * 70_000))
shared("dates", text(0x00080021, "DA", "2024.01.31"), text(0x00080031, "TM", "25:61"))
shared("the_word_none", text(0x00081030, "LO", "None"), text(0x00200060, "CS", "NONE"))

# Structure.
shared(
    "group_lengths",
    Node(0x00080000, "UL", struct.pack("<I", 4711)),
    Node(0x00280000, "UL", struct.pack("<I", 1)),
    Node(0x7FE00000, "UL", struct.pack("<I", 72)),
)
shared("trailing_padding", Node(0xFFFCFFFC, "OB", bytes(130)))
shared("signature_after_pixels", Node(0xFFFAFFFA, "SQ", [[us(0x04000005, 1)]], True, True))


@case
def private_after_pixels(index: int, nodes: dict[int, Node]) -> None:
    nodes[0x7FE10010] = text(0x7FE10010, "LO", "SOME VENDOR 01")
    nodes[0x7FE11001] = Node(0x7FE11001, "OB", bytes([index, 1, 2, 3]))
    if index == 2:
        nodes[0x7FE11002] = text(0x7FE11002, "LO", "only here")


@case
def pixels_longer_than_frame(index: int, nodes: dict[int, Node]) -> None:
    pixels = nodes[0x7FE00010]
    assert isinstance(pixels.value, bytes)
    nodes[0x7FE00010] = replace(pixels, value=pixels.value + bytes([index]) * 6)


shared(
    "private_blocks",
    text(0x00290010, "LO", "SIEMENS CSA HEADER"),
    text(0x00290011, "LO", "SIEMENS MEDCOM HEADER"),
    text(0x00291008, "CS", "IMAGE NUM 4"),
    Node(0x00291010, "OB", b"SV10" + bytes(400)),
    Node(0x00291110, "SQ", [[text(0x00291131, "LO", "4.0.1")]], True),
    text(0x00211001, "LO", "no creator"),
    text(0x00210010, "LO", "ÉTAT"[1:]),
)


@case
def private_blocks_move(index: int, nodes: dict[int, Node]) -> None:
    # The same private element, reserved in another block of another slice.
    block = 0x10 + index % 2
    nodes[0x00290000 + block] = text(0x00290000 + block, "LO", "SOME VENDOR 01")
    tag = 0x00290001 | block << 8
    nodes[tag] = text(tag, "LO", f"value {index}")


shared(
    "binary_numbers",
    Node(0x00189087, "FD", struct.pack("<2d", float("nan"), float("inf"))),
    Node(0x00186028, "FD", struct.pack("<d", -0.0)),
    Node(0x00720076, "OL", bytes(range(8))),
    Node(0x00720073, "OD", struct.pack("<2d", 1e300, -0.0)),
    Node(0x00720067, "OF", struct.pack("<2f", 0.1, float("nan"))),
    Node(0x00720075, "OV", bytes(range(16))),
    Node(0x00720082, "SV", struct.pack("<2q", -(1 << 63), (1 << 63) - 1)),
    Node(0x00720083, "UV", struct.pack("<Q", (1 << 64) - 1)),
    Node(0x0072006A, "PN", b"A^B=C=D "),
    Node(0x00720074, "FD", struct.pack("<d", 0.1)),
    Node(0x00280009, "AT", struct.pack("<4H", 0x0018, 0x1063, 0x0018, 0x1065)),
    Node(0x0072006E, "LT", b"http://x "),
    Node(0x00186020, "SL", struct.pack("<i", -5)),
)
shared("vr_un_for_known", Node(0x00180060, "UN", b"120 "), Node(0x00081030, "UN", b"Chest "))
shared("vr_wrong_for_known", text(0x00180060, "LO", "120"), text(0x00200011, "SH", "4"))
shared("unknown_tag", text(0x00180003, "LO", "what is this"), Node(0x00091001, "UN", b"\1\2\3\4"))
shared("retired_tags", text(0x00080010, "SH", "ACR-NEMA 2.0"), us(0x00280005, 2))
shared("command_tag_in_item", Node(SOURCE_IMAGES, "SQ", [[text(0x00080100, "SH", "X")]]))
shared(
    "many_values",
    text(0x00181012, "DA", "20200101\\20200102"),
    text(0x30060050, "DS", "\\".join(f"{n / 7:.3f}" for n in range(5000))),
)


@case
def modality_lut_per_slice(index: int, nodes: dict[int, Node]) -> None:
    for tag in (0x00281052, 0x00281053):
        del nodes[tag]
    table = struct.pack("<4096H", *((n * 13 + index) % 65536 for n in range(4096)))
    lut = [us(0x00283002, 4096, 0, 16), text(0x00283004, "LO", "HU"), Node(0x00283006, "OW", table)]
    nodes[0x00283000] = Node(0x00283000, "SQ", [lut])


@case
def rescale_per_slice(index: int, nodes: dict[int, Node]) -> None:
    nodes[0x00281053] = text(0x00281053, "DS", f"{0.5 + index / 7:.10f}")


@case
def rescale_in_some_slices(index: int, nodes: dict[int, Node]) -> None:
    if index % 2:
        del nodes[0x00281052], nodes[0x00281053]


@case
def rescale_absent(index: int, nodes: dict[int, Node]) -> None:
    del nodes[0x00281052], nodes[0x00281053]


@case
def identifiers_absent(index: int, nodes: dict[int, Node]) -> None:
    for tag in (0x00080018, 0x0020000E, 0x00200013):
        nodes.pop(tag, None)
    if index == 1:
        del nodes[0x00080016]


@case
def smallest_pixel_value_varies(index: int, nodes: dict[int, Node]) -> None:
    nodes[0x00280106] = us(0x00280106, index)
    nodes[0x00280107] = us(0x00280107, 65_000 + index)


@case
def pixels_odd_and_unpadded(index: int, nodes: dict[int, Node]) -> None:
    kind = Kind("odd", 8, 8, rows=7, columns=5)
    nodes |= {
        tag: node for tag, node in slice_nodes(index, kind).items() if tag >> 16 in (0x28, 0x7FE0)
    }
    nodes[0x7FE00010] = Node(0x7FE00010, "OB", kind.frame(index).tobytes())


@case
def pixels_of_16_bits_in_ob(index: int, nodes: dict[int, Node]) -> None:
    nodes[0x7FE00010] = replace(nodes[0x7FE00010], vr="OB")


@case
def pixels_of_8_bits_in_ow(index: int, nodes: dict[int, Node]) -> None:
    kind = Kind("u8", 8, 8, rows=7, columns=5)
    nodes |= {
        tag: node for tag, node in slice_nodes(index, kind).items() if tag >> 16 in (0x28, 0x7FE0)
    }
    nodes[0x7FE00010] = replace(nodes[0x7FE00010], vr="OW")


@case
def slope_is_the_last_and_short(index: int, nodes: dict[int, Node]) -> None:
    nodes[0x00281053] = text(0x00281053, "DS", "2")


@case
def windows_differ(index: int, nodes: dict[int, Node]) -> None:
    nodes[0x00281050] = text(0x00281050, "DS", ("40\\50", "x", "", "1e400")[index % 4])
    nodes[0x00281051] = text(0x00281051, "DS", ("400\\500", "1", "2", "3")[index % 4])


@case
def everything_at_once(index: int, nodes: dict[int, Node]) -> None:
    for name in (
        *("sequence_nested_varying", "private_binary_sizes", "overlay_per_slice", "text_aev"),
        *("private_blocks_move", "charset_per_slice", "group_lengths", "trailing_padding"),
        *("private_after_pixels", "rescale_per_slice", "ds_spelling_per_slice"),
    ):
        CASES[name](index, nodes)
