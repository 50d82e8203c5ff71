"""The place of a voxel grid in the patient (DICOM PS3.3 C.7.6.2.1.1).

One class describes a regular, rectangular grid. It exists only where such a grid is true: every
instance maps voxel indices to patient millimetres without a made-up number in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dicube_core._geometry_checks import (
    ORTHOGONALITY_TOLERANCE,
    UNIT_TOLERANCE,
    Vector,
    checked_axes,
    checked_shape,
    checked_spacing,
    checked_vector,
    dot,
    show,
)
from dicube_core.exceptions import MetaDataError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["ORTHOGONALITY_TOLERANCE", "UNIT_TOLERANCE", "AxisOrder", "Geometry", "Vector"]

AxisOrder = Literal["zyx", "xyz"]

_SPACE_KEYS = ("shape", "origin", "spacing", "x_orientation", "y_orientation", "z_orientation")


@dataclass(frozen=True, slots=True)
class Geometry:
    """A regular rectangular grid of voxels in the patient, in LPS millimetres.

    Immutable, hashable, picklable and safe to share between threads. All values are plain Python
    numbers; numpy is imported by the matrix properties only.

    Parameters
    ----------
    shape : tuple of int
        Length of each array axis, by default (frames, rows, columns).
    origin : tuple of float
        Centre of voxel (0, 0, 0) in patient LPS mm (ImagePositionPatient of the first frame).
    spacing : tuple of float
        mm between neighbours along each array axis, by default (between frames, between rows,
        between columns). DICOM's PixelSpacing holds the last two in this order.
    axes : tuple of tuple of float
        ``axes[i]`` is the unit vector along which index i grows. With frames first that is
        (step to the next frame, step to the next row, step to the next column); the last and the
        middle one are the first and second half of ImageOrientationPatient. The frame axis may
        run against the cross product of the other two (left-handed).
    axis_order : {'zyx', 'xyz'}, optional
        'zyx': array axes are (frames, rows, columns), as everywhere in this package. 'xyz':
        (columns, rows, frames), made by `reverse_axis_order` for NIfTI and ITK.

    Raises
    ------
    MetaDataError
        A value is of the wrong type or length, not finite, a spacing not positive, a direction
        not a unit vector (`UNIT_TOLERANCE`), or two axes not perpendicular
        (`ORTHOGONALITY_TOLERANCE`); the message names the field and the value.
    """

    shape: tuple[int, int, int]
    origin: Vector
    spacing: Vector
    axes: tuple[Vector, Vector, Vector]
    axis_order: AxisOrder = "zyx"

    def __post_init__(self) -> None:
        if self.axis_order not in ("zyx", "xyz"):
            raise MetaDataError(
                f"geometry axis_order must be 'zyx' or 'xyz', found {show(self.axis_order)}"
            )
        object.__setattr__(self, "shape", checked_shape(self.shape))
        object.__setattr__(self, "origin", checked_vector("origin", self.origin))
        object.__setattr__(self, "spacing", checked_spacing(self.spacing))
        object.__setattr__(self, "axes", checked_axes(self.axes))

    # -- matrices -------------------------------------------------------------------------------

    @property
    def direction(self) -> npt.NDArray[np.float64]:
        """3x3 matrix whose column i is the unit vector of array axis i, LPS."""
        import numpy as np

        return np.array(self.axes, dtype=np.float64).T.copy()

    @property
    def affine(self) -> npt.NDArray[np.float64]:
        """4x4 matrix from (frame, row, column, 1), or this object's axis order, to LPS mm."""
        import numpy as np

        matrix = np.eye(4)
        matrix[:3, :3] = self.direction * np.array(self.spacing)
        matrix[:3, 3] = self.origin
        return matrix

    @property
    def affine_ras(self) -> npt.NDArray[np.float64]:
        """As `affine`, to RAS mm: left and posterior become right and anterior."""
        matrix = self.affine
        # LPS and RAS differ in the sign of the *patient* x and y, which are rows of the matrix.
        # Negating columns instead would be a different volume for any oblique orientation.
        matrix[:2] = 0.0 - matrix[:2]
        return matrix

    @property
    def affine_xyz(self) -> npt.NDArray[np.float64]:
        """4x4 matrix from (column, row, frame, 1) to LPS mm, whatever the axis order."""
        return self.in_axis_order("xyz").affine

    @property
    def affine_xyz_ras(self) -> npt.NDArray[np.float64]:
        """4x4 matrix from (column, row, frame, 1) to RAS mm: the affine of a NIfTI file."""
        return self.in_axis_order("xyz").affine_ras

    @property
    def is_right_handed(self) -> bool:
        """Whether frames advance along (row direction) x (column direction)."""
        (rx, ry, rz), (cx, cy, cz), step = self.in_axis_order("xyz").axes
        normal = (ry * cz - rz * cy, rz * cx - rx * cz, rx * cy - ry * cx)
        return dot(normal, step) > 0

    def frame_position(self, index: int) -> Vector:
        """Return the ImagePositionPatient of frame `index` (0-based, not bounds-checked), in mm."""
        frame_axis = 0 if self.axis_order == "zyx" else 2
        x, y, z = self.origin
        dx, dy, dz = self.axes[frame_axis]
        distance = index * self.spacing[frame_axis]
        return x + distance * dx, y + distance * dy, z + distance * dz

    # -- the names of the Space class of dicube 0.3.0 -------------------------------------------

    @property
    def x_orientation(self) -> Vector:
        """Direction of array axis 0: of frames, unless the axis order is 'xyz'."""
        return self.axes[0]

    @property
    def y_orientation(self) -> Vector:
        """Direction of array axis 1."""
        return self.axes[1]

    @property
    def z_orientation(self) -> Vector:
        """Direction of array axis 2: of columns, unless the axis order is 'xyz'."""
        return self.axes[2]

    def reverse_axis_order(self) -> Geometry:
        """Return the same grid with the array axes in reversed order."""
        order: AxisOrder = "xyz" if self.axis_order == "zyx" else "zyx"
        return Geometry(self.shape[::-1], self.origin, self.spacing[::-1], self.axes[::-1], order)

    def in_axis_order(self, order: AxisOrder) -> Geometry:
        """Return the same grid in the given axis order (itself, if it has it already)."""
        return self if self.axis_order == order else self.reverse_axis_order()

    def to_nifti_affine(self) -> npt.NDArray[np.float64]:
        """Return `affine_ras`, in this object's axis order.

        The affine of a NIfTI file is that of ``reverse_axis_order()``. dicube 0.3.0 negates
        columns where rows belong, and so agrees only where the x, y, z array axes are parallel
        to those of the patient.
        """
        return self.affine_ras

    def to_dicom_orientation(self) -> tuple[float, float, float, float, float, float]:
        """Return ImageOrientationPatient, for either axis order.

        dicube 0.3.0 gives the frame direction first when the axis order is z, y, x.
        """
        row, column, _ = self.in_axis_order("xyz").axes
        return (*row, *column)

    def to_json(self) -> str:
        """Return JSON text in **this object's** axis order, as dicube 0.3.0's class does.

        What files hold is `to_json_dict`, equal to ``reverse_axis_order().to_json()`` here.
        """
        return json.dumps(_space_dict(self))

    @classmethod
    def from_space(cls, space: object) -> Geometry:
        """Make a geometry from any object with the attributes of a Space.

        Parameters
        ----------
        space : object
            Has shape, origin, spacing, x_orientation, y_orientation and z_orientation, all in
            array order (frames, rows, columns), such as `spacetransformer.Space` in dicube 0.3.0
            images. A `Geometry` comes back itself, reversed if its axis order is 'xyz'.

        Raises
        ------
        MetaDataError
            An attribute is absent, or no `Geometry` can have its value.
        """
        if isinstance(space, cls):
            return space.in_axis_order("zyx")
        missing = [key for key in _SPACE_KEYS if not hasattr(space, key)]
        if missing:
            raise MetaDataError(
                f"{type(space).__name__} is no geometry: it lacks {', '.join(missing)}"
            )
        return cls._from_values({key: getattr(space, key) for key in _SPACE_KEYS})

    # -- the space section of a file ------------------------------------------------------------

    def to_json_dict(self) -> dict[str, list[int] | list[float]]:
        """Return what the space section of a ``.dcbs`` file holds: axes in x, y, z order.

        Numbers survive ``json.dumps`` and ``json.loads`` bit for bit.
        """
        return _space_dict(self.in_axis_order("xyz"))

    @classmethod
    def from_json_dict(cls, data: object) -> Geometry:
        """Make a geometry from the parsed space section of a file (axes in x, y, z order).

        Unknown keys are ignored.

        Raises
        ------
        MetaDataError
            A key is absent, or no `Geometry` can have its value.
        """
        if not isinstance(data, Mapping):
            raise MetaDataError(f"space section must be a JSON object, found {show(data)}")
        missing = [key for key in _SPACE_KEYS if key not in data]
        if missing:
            raise MetaDataError(f"space section lacks {', '.join(missing)}")
        return cls._from_values(data, "xyz").in_axis_order("zyx")

    @classmethod
    def _from_values(cls, values: Mapping[str, object], order: AxisOrder = "zyx") -> Geometry:
        # Checked one by one here, so that a message has the name the value goes by in `values`.
        x, y, z = (checked_vector(key, values[key]) for key in _SPACE_KEYS[3:])
        shape = checked_shape(values["shape"])
        origin = checked_vector("origin", values["origin"])
        return cls(shape, origin, checked_spacing(values["spacing"]), (x, y, z), order)


def _space_dict(geometry: Geometry) -> dict[str, list[int] | list[float]]:
    """Return the attributes of a Space in the axis order of `geometry`."""
    x, y, z = geometry.axes
    return {
        "shape": list(geometry.shape),
        "origin": list(geometry.origin),
        "spacing": list(geometry.spacing),
        "x_orientation": list(x),
        "y_orientation": list(y),
        "z_orientation": list(z),
    }
