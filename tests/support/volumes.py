"""Series of several volumes: every slice at every step of a dimension, under shuffled names."""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from support.raw import Node, part10, text
from support.series import CT, ROOT, Kind, slice_nodes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

Marks = dict[int, Node]
MR_STORAGE = "1.2.840.10008.5.1.4.1.1.4"
AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)


@dataclass(frozen=True)
class Frame:
    """Which slice of which volume a frame is."""

    volume: int
    place: int
    number: int  # InstanceNumber - 1, and what its pixels are made of


def fd(tag: int, *values: float) -> Node:
    """Return 64-bit floats."""
    return Node(tag, "FD", struct.pack(f"<{len(values)}d", *values))


def fl(tag: int, *values: float) -> Node:
    """Return 32-bit floats."""
    return Node(tag, "FL", struct.pack(f"<{len(values)}f", *values))


def ul(tag: int, *values: int) -> Node:
    """Return unsigned 32-bit numbers."""
    return Node(tag, "UL", struct.pack(f"<{len(values)}I", *values))


def marks(*nodes: Node) -> Marks:
    return {node.tag: node for node in nodes}


def cross(orientation: Sequence[float]) -> tuple[float, float, float]:
    rx, ry, rz, cx, cy, cz = orientation
    return ry * cz - rz * cy, rz * cx - rx * cz, rx * cy - ry * cx


def decimals(*values: float) -> str:
    return "\\".join(f"{value:.10g}" for value in values)


def make_volumes(
    volumes: int,
    places: int,
    mark: Callable[[Frame], Marks],
    *,
    kind: Kind = CT,
    orientation: Sequence[float] = AXIAL,
    step: Sequence[float] | None = None,
    number: Callable[[int, int], int] | None = None,
    leave_out: Callable[[Frame], bool] = lambda _: False,
    seed: int = 0,
    series: str = "1",
) -> dict[str, bytes]:
    """Return a series as files; ImageComments say which frame each is.

    Parameters
    ----------
    volumes, places : int
        Every place is imaged in every volume.
    mark : callable
        Elements that a frame has over a plain slice.
    step : sequence of float, optional
        mm from slice to slice; 2.5 mm along the normal by default.
    number : callable, optional
        (volume, place) to InstanceNumber - 1; volume after volume by default.
    leave_out : callable, optional
        Frames that the series lacks.
    seed : int
        Of the shuffling of names and order.
    """
    normal = cross(orientation)
    step = step or [2.5 * value for value in normal]
    number = number or (lambda volume, place: volume * places + place)
    frames = [
        Frame(volume, place, number(volume, place))
        for volume in range(volumes)
        for place in range(places)
    ]
    frames = [frame for frame in frames if not leave_out(frame)]
    rng = random.Random(seed)
    names = [f"f{i:04d}" for i in range(len(frames))]
    rng.shuffle(names)
    rng.shuffle(frames)
    files = {}
    for name, frame in zip(names, frames, strict=True):
        nodes = slice_nodes(frame.number, kind, series=series)
        origin = (-12.5, 20.25, -30.0)
        position = [o + frame.place * s for o, s in zip(origin, step, strict=True)]
        nodes |= marks(
            text(0x00080016, "UI", MR_STORAGE),
            text(0x00080018, "UI", f"{ROOT}.{series}.{frame.number + 1}"),
            text(0x00080060, "CS", "MR"),
            text(0x00204000, "LT", f"volume {frame.volume} place {frame.place}"),
            text(0x00200032, "DS", decimals(*position)),
            text(0x00200037, "DS", decimals(*orientation)),
            text(
                0x00201041,
                "DS",
                decimals(sum(p * n for p, n in zip(position, normal, strict=True))),
            ),
        )
        nodes |= mark(frame)
        files[name] = part10(nodes)
    return files
