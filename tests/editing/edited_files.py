"""Series with planted identifiers, and what a file says after an edit."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from support.raw import EXPLICIT_LE, Node, text
from support.series import CT, make_series, put
from support.whole import write_files

import dicube_core
from dicube_core.container.sections import decompress

if TYPE_CHECKING:
    from pathlib import Path

NAME, PATIENT = "Zmudzinski^Walburga", "PID-77341-Q"
OWN_UID = "1.2.826.0.1.3680043.9.9999.555.1"
SALT = b"a secret that nobody else knows!"


def nested(depth: int, leaf: Node, **form: bool) -> Node:
    """Return `leaf` within `depth` sequences."""
    node = leaf
    for _ in range(depth):
        node = Node(0x00400275, "SQ", [[node]], **form)
    return node


def planted(index: int, nodes: dict[int, Node]) -> None:
    """Put one patient's name, ID and UIDs everywhere a data set has room for them."""
    name, patient = text(0x00100010, "PN", NAME), text(0x00100020, "LO", PATIENT)
    referenced = Node(
        0x00081140,
        "SQ",
        [[text(0x00081155, "UI", f"{OWN_UID}.{index}"), name], [text(0x00081155, "UI", OWN_UID)]],
        undefined=True,
        items_undefined=True,
    )
    inner = Node(0x00081140, "SQ", [[text(0x00081155, "UI", OWN_UID)]])
    unknown = Node(0x00321064, "UN", [[name, patient]], undefined=True)
    for node in (
        name,
        patient,
        referenced,
        unknown,
        Node(0x00081115, "SQ", [[inner, text(0x0020000E, "UI", OWN_UID)]]),
        Node(0x00400275, "SQ", [[nested(3, patient), text(0x00400007, "LO", f"for {NAME}")]]),
        text(0x00290010, "LO", "SOME VENDOR"),
        Node(0x00291010, "UN", f"{NAME} {index}".encode().ljust(32, b" ")),
        Node(0x00291020, "OB", PATIENT.encode() + bytes(range(40)) + b"\0"),
        text(0x00104000, "LT", f"seen by {NAME}, number {PATIENT}"),
    ):
        nodes[node.tag] = node


def converted(
    folder: Path,
    edit=planted,
    *,
    count: int = 3,
    syntax: str = EXPLICIT_LE,
    name: str = "IM{:04d}.dcm",
) -> Path:
    """Convert a series; return the file."""
    source = write_files(folder / "source", make_series(count, CT, edit, syntax, name=name))
    path = folder / "series.dcbs"
    dicube_core.convert(source, path)
    return path


def plain(folder: Path, *nodes: Node) -> Path:
    """Convert a series with some more elements."""
    return converted(folder, put(*nodes))


def codestreams(path: Path) -> list[str]:
    """Return the SHA-256 of every frame as it is stored."""
    with dicube_core.open(path) as reader:
        return [hashlib.sha256(reader.codestream(i)).hexdigest() for i in range(reader.frame_count)]


def all_bytes(path: Path) -> bytes:
    """Return the bytes of a file, and those of the sections it holds compressed."""
    with dicube_core.open(path) as reader:
        parts = [path.read_bytes()]
        if reader.headers is not None:
            parts.append(decompress(reader.headers.packed, "headers"))
        meta = reader.container.section("dicom_meta")
        if meta:
            parts.append(decompress(meta, "dicom_meta"))
    return b"\n".join(parts)


def slices(path: Path):
    """Return every slice as pydicom reads it."""
    import io

    import pydicom

    from dicube_core.dicom import DcbStreamingReader

    with DcbStreamingReader(path) as stream:
        return [
            pydicom.dcmread(io.BytesIO(stream.get_dicom_for_frame(i, True)))
            for i in range(stream.get_frame_count())
        ]
