"""Files of every kind for labelled arrays, and what is in them."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "plugins"))

from conftest_series import write_series
from support.metadata_cases import CASES
from support.raw import text
from support.series import Kind, make_series
from support.volumes import AXIAL, CORONAL, SAGITTAL, make_volumes, marks

__all__ = ["KINDS_HERE", "ct_file", "lut_file", "pet_file", "stacks_file"]

#: Kinds whose codestreams differ in depth, sign or spare bits.
KINDS_HERE = (
    Kind("u12", rows=9, columns=7),
    Kind("i12", signed=True, rows=9, columns=7),
    Kind("u16", stored=16, rows=9, columns=7),
    Kind("i16", stored=16, signed=True, rows=9, columns=7),
    Kind("u8", 8, 8, rows=9, columns=7),
    Kind("u8_in_16", 16, 8, rows=9, columns=7),
    Kind("i8", 8, 8, signed=True, rows=9, columns=7),
    Kind("u32", 32, 32, rows=9, columns=7),
    Kind("i17_in_32", 32, 17, signed=True, rows=9, columns=7),
    Kind("u12_in_32", 32, 12, rows=9, columns=7),
    Kind("overlay", fill="overlay", rows=9, columns=7),
    Kind("unextended", signed=True, fill="unextended", rows=9, columns=7),
    Kind("high_bit", stored=10, high=13, rows=9, columns=7),
    Kind("mono1", 8, 8, photometric="MONOCHROME1", rows=9, columns=7),
)


def ct_file(folder, kind, count=4):
    """Return a CT file with slope 1 and intercept -1024."""
    return write_series(folder, make_series(count, kind))


def pet_file(folder, count=4):
    """Return a file with a slope for each slice, and the slopes."""
    slopes = [0.5 + 0.125 * index for index in range(count)]

    def edit(index, nodes):
        nodes[0x00281053] = text(0x00281053, "DS", str(slopes[index]))
        nodes[0x00080060] = text(0x00080060, "CS", "PT")
        nodes[0x00541001] = text(0x00541001, "CS", "BQML")

    return write_series(folder, make_series(count, edit=edit)), slopes


def lut_file(folder):
    """Return a file with a Modality LUT for each slice."""
    kind = Kind("lut", 8, 4, rows=4, columns=4)
    return write_series(folder, make_series(4, kind, CASES["modality_lut_per_slice"]))


def stacks_file(folder):
    """Return a localiser: three stacks of three slices, perpendicular to each other."""
    files = {}
    for number, orientation in enumerate((AXIAL, SAGITTAL, CORONAL)):

        def mark(frame, shift=3 * number):
            return marks(
                text(0x00080018, "UI", f"1.2.826.0.1.3680043.9.9999.1.{frame.number + shift + 1}"),
                text(0x00200013, "IS", str(frame.number + shift + 1)),
            )

        made = make_volumes(
            1, 3, mark, orientation=orientation, number=lambda _, z, s=number: z + 3 * s
        )
        files |= {f"{number}{name}": data for name, data in made.items()}
    return write_series(folder, files)


def modality_of(path):
    """Return all modality values, in float64."""
    import dicube_core

    return np.asarray(dicube_core.load(path).get_fdata("float64"))
