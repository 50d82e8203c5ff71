"""Folders with something odd about them: those that must come back whole, and those refused."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from support.raw import EXPLICIT_LE, IMPLICIT_LE, Form, Node, part10, text, us
from support.series import CT, Kind, make_series, slice_nodes

if TYPE_CHECKING:
    from collections.abc import Callable

Files = dict[str, bytes]

#: name -> (files that make the series, files beside it that are left out)
WHOLE: dict[str, tuple[Files, Files]] = {}
#: name -> (files, words that the error must say)
REFUSED: dict[str, tuple[Files, str]] = {}


def _position(nodes: dict[int, Node], x: float, y: float, z: float) -> None:
    nodes[0x00200032] = text(0x00200032, "DS", f"{x:.6f}\\{y:.6f}\\{z:.6f}")


def whole(name: str, files: Files, beside: Files | None = None) -> None:
    WHOLE[name] = (files, beside or {})


def edited(name: str, count: int = 4) -> Callable[[Callable[[int, dict[int, Node]], None]], None]:
    """Enter a series made by an edit of every slice."""

    def enter(edit: Callable[[int, dict[int, Node]], None]) -> None:
        whole(name, make_series(count, edit=edit))

    return enter


@edited("gap", 5)
def _gap(index: int, nodes: dict[int, Node]) -> None:
    _position(nodes, 0, 0, 2.5 * (index if index < 3 else index + 2))


@edited("tilt", 5)
def _tilt(index: int, nodes: dict[int, Node]) -> None:
    angle = math.radians(15)
    cosines = f"1\\0\\0\\0\\{math.cos(angle):.6f}\\{-math.sin(angle):.6f}"
    nodes[0x00200037] = text(0x00200037, "DS", cosines)
    _position(nodes, 0, 0, 2.5 * index)


@edited("uneven")
def _uneven(index: int, nodes: dict[int, Node]) -> None:
    _position(nodes, 0, 0, 2.5 * index + 0.3 * (index % 2))


@edited("left_handed")
def _left(index: int, nodes: dict[int, Node]) -> None:
    _position(nodes, 0, 0, -2.5 * index)


@edited("equal_positions")
def _equal(index: int, nodes: dict[int, Node]) -> None:
    _position(nodes, 0, 0, 2.5 * (index // 2))


@edited("all_equal")
def _all_equal(index: int, nodes: dict[int, Node]) -> None:
    _position(nodes, 0, 0, 0)
    nodes[0x00200013] = text(0x00200013, "IS", "1")


@edited("equal_instances")
def _same_uid(index: int, nodes: dict[int, Node]) -> None:
    nodes[0x00080018] = text(0x00080018, "UI", "1.2.3.4")


@edited("instance_number_missing")
def _no_number(_: int, nodes: dict[int, Node]) -> None:
    del nodes[0x00200013]


@edited("instance_number_missing_in_some")
def _some_number(index: int, nodes: dict[int, Node]) -> None:
    if index % 2:
        nodes[0x00200013] = Node(0x00200013, "IS")


@edited("instance_number_not_a_number")
def _odd_number(index: int, nodes: dict[int, Node]) -> None:
    nodes[0x00200013] = text(0x00200013, "IS", f"A{index}")


@edited("no_geometry")
def _no_geometry(_: int, nodes: dict[int, Node]) -> None:
    for tag in (0x00200032, 0x00200037, 0x00280030, 0x00201041, 0x00180050):
        del nodes[tag]


@edited("nothing_to_sort_by")
def _unsortable(_: int, nodes: dict[int, Node]) -> None:
    for tag in (0x00200032, 0x00200037, 0x00200013):
        del nodes[tag]


@edited("localizer_among_slices")
def _mixed_orientation(index: int, nodes: dict[int, Node]) -> None:
    if index == 0:
        nodes[0x00200037] = text(0x00200037, "DS", "0\\1\\0\\0\\0\\-1")


@edited("orientation_not_unit")
def _not_unit(_: int, nodes: dict[int, Node]) -> None:
    nodes[0x00200037] = text(0x00200037, "DS", "1.01\\0\\0\\0\\0.99\\0")


@edited("position_not_numbers")
def _bad_position(index: int, nodes: dict[int, Node]) -> None:
    nodes[0x00200032] = text(0x00200032, "DS", ("1\\2", "NaN\\0\\0", "", "a\\b\\c")[index])


@edited("spacing_zero")
def _zero_spacing(_: int, nodes: dict[int, Node]) -> None:
    nodes[0x00280030] = text(0x00280030, "DS", "0\\0")


whole("single_slice", make_series(1))
whole("forty_slices", make_series(40))
whole("names_with_brackets", make_series(3, name="series [1]/IM *{}".replace("*", "#")))
whole("names_long", make_series(3, name="x" * 180 + "{:04d}"))
whole("names_not_ascii", make_series(3, name="Aufnahme ü – 画像 {}.dcm"))  # noqa: RUF001
whole("names_without_suffix", make_series(3, name="{}"))
whole("nested_folders", make_series(4, name="a/b{0}/c/IM{0}"))
whole(
    "files_beside",
    make_series(3),
    {
        "README.txt": b"not DICOM, but long enough to be looked at" * 20,
        "empty": b"",
        "short": b"\x08\0",
        "image.png": b"\x89PNG\r\n\x1a\n" + bytes(500),
        "deep/er/notes.json": b'{"0008": 1}' * 30,
        "DICOMDIR": part10(
            {0x00080016: text(0x00080016, "UI", "1.2.840.10008.1.3.10")}, EXPLICIT_LE
        ),
    },
)


def _without_preamble(syntax: str, *, meta: bool) -> Files:
    return {f"IM{i}": part10(slice_nodes(i), syntax, preamble=b"", meta=meta) for i in range(3)}


whole("no_preamble", _without_preamble(EXPLICIT_LE, meta=True))
whole("no_preamble_no_meta_explicit", _without_preamble(EXPLICIT_LE, meta=False))
whole("no_preamble_no_meta_implicit", _without_preamble(IMPLICIT_LE, meta=False))
whole(
    "preamble_in_use",
    {
        f"IM{i}": part10(slice_nodes(i), preamble=b"II*\0" + bytes(range(124)) + b"DICM")
        for i in range(3)
    },
)
whole(
    "preamble_per_slice",
    {f"IM{i}": part10(slice_nodes(i), preamble=bytes([i]) * 128 + b"DICM") for i in range(3)},
)
whole(
    "explicit_and_implicit",
    {f"IM{i}": part10(slice_nodes(i), (EXPLICIT_LE, IMPLICIT_LE)[i % 2]) for i in range(4)},
)


def _meta_variant(change: Callable[[bytes], bytes]) -> Files:
    files = {}
    for i in range(3):
        data = part10(slice_nodes(i))
        start = 132
        stop = start + 12 + int.from_bytes(data[140:144], "little")
        files[f"IM{i}"] = data[:start] + change(data[start:stop]) + data[stop:]
    return files


whole("meta_group_length_wrong", _meta_variant(lambda meta: meta[:8] + b"\x10\0\0\0" + meta[12:]))
whole("meta_group_length_missing", _meta_variant(lambda meta: meta[12:]))
whole(
    "meta_with_private_information",
    _meta_variant(
        lambda meta: (
            meta
            + Form().element(text(0x00020100, "UI", "1.2.3"))
            + Form().element(Node(0x00020102, "OB", bytes(range(40))))
        )
    ),
)
whole(
    "elements_out_of_order",
    {
        f"IM{i}": part10(
            {},
            trailer=b"".join(
                Form().element(node)
                for node in sorted(
                    slice_nodes(i).values(), key=lambda node: (node.tag >= 0x7FE00010, node.tag % 7)
                )
            ),
        )
        for i in range(3)
    },
)


def _two_series() -> Files:
    second = make_series(2, series="2", name="B{}")
    return make_series(3, name="A{}") | second


def _mixed(first: Kind, second: Kind) -> Files:
    return make_series(2, first, name="A{}") | make_series(2, second, name="B{}")


def _kind(*changes: Node, without: tuple[int, ...] = ()) -> Files:
    def edit(_: int, nodes: dict[int, Node]) -> None:
        nodes.update({node.tag: node for node in changes})
        for tag in without:
            del nodes[tag]

    return make_series(2, edit=edit)


_PIXELS = Node(0x7FE00010, "OW", bytes(6 * 5 * 3 * 2))
_FLOATS = Node(0x7FE00008, "OF", bytes(6 * 5 * 4))
REFUSED |= {
    "two_series": (_two_series(), "several series"),
    "mixed_sizes": (_mixed(CT, Kind("larger", rows=7)), "6x5"),
    "mixed_bits_stored": (_mixed(CT, Kind("deeper", stored=16)), "16/12"),
    "mixed_bits_allocated": (_mixed(CT, Kind("less", 8, 8)), "8/8"),
    "mixed_sign": (_mixed(CT, Kind("signed", signed=True)), "unsigned"),
    "mixed_photometric": (_mixed(CT, Kind("m1", photometric="MONOCHROME1")), "MONOCHROME1"),
    "colour": (_kind(us(0x00280002, 3), text(0x00280004, "CS", "RGB"), _PIXELS), "colour"),
    "colour_ybr": (
        _kind(us(0x00280002, 3), text(0x00280004, "CS", "YBR_FULL_422"), _PIXELS),
        "colour",
    ),
    "hsv": (_kind(us(0x00280002, 3), text(0x00280004, "CS", "HSV"), _PIXELS), "HSV"),
    "multi_frame_cut": (_kind(text(0x00280008, "IS", "4"), _PIXELS), "4 frames of 6x5"),
    "signed_bit": (_kind(us(0x00280100, 1), us(0x00280101, 1), us(0x00280103, 1)), "one-bit"),
    "float": (_kind(_FLOATS, without=(0x7FE00010,)), "values of 32 bits"),
    "double": (_kind(Node(0x7FE00009, "OD", bytes(240)), without=(0x7FE00010,)), "of 64 bits"),
    "sixty_four_bits": (_kind(us(0x00280100, 64), us(0x00280101, 64)), "64-bit"),
    "twelve_bits_allocated": (_kind(us(0x00280100, 12)), "12-bit"),
    "bits_stored_too_large": (_kind(us(0x00280101, 17)), "BitsStored 17"),
    "no_pixels": (_kind(without=(0x7FE00010,)), "without pixel data"),
    "no_rows": (_kind(without=(0x00280010,)), "Rows"),
    "no_bits_stored": (_kind(without=(0x00280101,)), "BitsStored"),
    "no_photometric": (_kind(without=(0x00280004,)), "Photometric"),
    "too_few_pixels": (_kind(Node(0x7FE00010, "OW", bytes(58))), "58 bytes"),
    "slope_not_a_number": (_kind(text(0x00281053, "DS", "abc")), "RescaleSlope"),
    "slope_infinite": (_kind(text(0x00281053, "DS", "1e999")), "RescaleSlope"),
    "only_other_files": ({"a.txt": b"text" * 50, "b": b""}, "no DICOM file"),
    "cut_in_header": ({n: d[:400] for n, d in make_series(2).items()}, "byte 400"),
    "cut_in_pixels": ({n: d[:-10] for n, d in make_series(2).items()}, "Pixel Data"),
    "cut_after_preamble": ({n: d[:140] for n, d in make_series(2).items()}, "140"),
}
