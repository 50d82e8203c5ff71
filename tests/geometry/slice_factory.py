"""Synthetic slices of known geometry."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from dicube_core.spatial.planes import SliceAttributes

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)
CORONAL = (1.0, 0.0, 0.0, 0.0, 0.0, -1.0)


def rotation(angles):
    """Rotation matrix about x, then y, then z (radians)."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    rx = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    ry = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    rz = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return rz @ ry @ rx


def oblique(angles=(0.3, -0.5, 0.7)):
    turned = rotation(angles)
    return tuple(turned[:, 0].tolist() + turned[:, 1].tolist())


def make_slices(
    heights, orientation=AXIAL, origin=(-100.0, -120.0, 30.0), spacing=(0.8, 0.8), shear=0.0
):
    """Slices at `heights` mm along the normal; `shear` mm along the rows per mm of height."""
    row, column = np.array(orientation[:3]), np.array(orientation[3:])
    normal = np.cross(row, column)
    return [
        SliceAttributes(
            position=tuple((np.array(origin) + h * normal + h * shear * row).tolist()),
            orientation=orientation,
            pixel_spacing=spacing,
            slice_location=float(h),
            instance_number=index + 1,
            series_uid="1.2.3",
            rows=64,
            columns=48,
            bits_allocated=16,
            bits_stored=12,
            high_bit=11,
            pixel_representation=0,
            rescale_slope=1.0,
            rescale_intercept=-1024.0,
            slice_thickness=7.0,
            sop_instance_uid=f"1.2.3.{index + 1}",
        )
        for index, h in enumerate(heights)
    ]


def steps(count, step=2.5):
    return [step * index for index in range(count)]


def changed(slices, index, **fields):
    """The slices with some fields of one of them replaced."""
    return [replace(one, **fields) if i == index else one for i, one in enumerate(slices)]


def shifted(slices, index, offset):
    """The slices with one of them moved by `offset` mm."""
    moved = tuple(a + b for a, b in zip(slices[index].position, offset, strict=True))
    return changed(slices, index, position=moved)
