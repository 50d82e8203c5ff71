"""Small series as .dcbs files."""

from __future__ import annotations

from support.raw import text
from support.series import Kind
from support.whole import write_files

import dicube_core

KIND = Kind("ct", rows=6, columns=7)


def convert(folder, files):
    """Write a series to a .dcbs file."""
    write_files(folder / "source", files)
    dicube_core.convert(folder / "source", folder / "series.dcbs")
    return folder / "series.dcbs"


def scaled(slope, intercept):
    """Return an edit that gives slices a slope and an intercept; a list holds one per slice."""

    def edit(index, nodes):
        for tag, value in ((0x00281053, slope), (0x00281052, intercept)):
            shown = value[index] if isinstance(value, list) else value
            nodes[tag] = text(tag, "DS", str(shown))

    return edit


def placed(*heights):
    """Return an edit that puts each slice at its height, mm."""

    def edit(index, nodes):
        nodes[0x00200032] = text(0x00200032, "DS", f"0\\0\\{heights[index]}")

    return edit


def damaged(path, folder, frame):
    """Return a copy of a file, one byte of a frame changed."""
    data = bytearray(path.read_bytes())
    with dicube_core.open(path) as reader:
        offset = reader.container.index.offsets[frame]
    data[offset + 100] ^= 1
    (folder / "damaged.dcbs").write_bytes(data)
    return folder / "damaged.dcbs", offset
