"""The header of a ``.dcbs`` image: a mapping of what is known, and nibabel's header interface."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import TYPE_CHECKING, Any

import numpy as np
from nibabel.spatialimages import SpatialHeader

from dicube_plugins.volume.facts import metadata_facts, pixel_facts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Self

    import numpy.typing as npt

    from dicube_core.metadata.meta import DicomMeta
    from dicube_plugins.nibabel._series import Series

__all__ = ["DcbsHeader"]

#: NIfTI's code of coordinates of the scanner, for scripts that ask for it.
_SCANNER = 1
#: NIfTI's code for millimetres.
_MILLIMETRES = 2
#: NIfTI's codes for units of time.
_TIME = {"unknown": 0, "sec": 8}


class DcbsHeader(SpatialHeader, Mapping[str, Any]):
    """Shape, spacing, type of the voxels, and facts of the series.

    As a mapping it has ``shape``, ``zooms`` (mm), ``dtype``, ``units``, NIfTI's ``dim`` and
    ``pixdim`` and, as long as it belongs to the voxels of a file, what the stored values are and
    attributes of study and series under their DICOM keywords. Those of the metadata are read when
    first asked for. The mapping is read-only; shape, spacing and type have nibabel's setters.

    Parameters
    ----------
    data_dtype : dtype
        Type of the voxels as nibabel gives them.
    shape : sequence of int
        (x, y, z), or more.
    zooms : sequence of float, optional
        mm between voxels along x, y and z; steps along the others.
    """

    def __init__(
        self,
        data_dtype: npt.DTypeLike = np.float32,
        shape: Sequence[int] = (0,),
        zooms: Sequence[float] | None = None,
    ) -> None:
        self._series: Series | None = None
        self._facts: dict[str, Any] | None = None
        self._matrix: npt.NDArray[np.float64] | None = None
        #: (slope, intercept) that the values came from; an array made of them may have them, too.
        self.scale_hint: tuple[float, float] | None = None
        #: Whether somebody asked for the type that the voxels are to be stored in.
        self.dtype_chosen = False
        super().__init__(data_dtype, shape, zooms)
        self.dtype_chosen = False

    @classmethod
    def of_series(cls, series: Series) -> Self:
        """Make the header of a file."""
        header = cls(np.float32, series.shape, series.zooms)
        header._series, header._matrix = series, series.affine
        return header

    @property
    def series(self) -> Series | None:
        """The file whose voxels the header describes, None if it describes others."""
        return self._series

    @property
    def dicom_meta(self) -> DicomMeta | None:
        """Merged DICOM metadata of all slices, None where there is none."""
        return None if self._series is None else self._series.reader.dicom_meta

    def detach(self) -> None:
        """Forget the file: the voxels are no longer those that its metadata describes."""
        if self._series is None:
            return
        self._dtype = self.get_data_dtype()
        self.scale_hint = self._series.scale_factors
        self._series = self._facts = None

    # -- nibabel's interface --------------------------------------------------------------------

    def get_data_dtype(self) -> np.dtype[Any]:
        """Return the type of the voxels: as stored, float64 where they are scaled, or as set.

        It is the type that a conversion to another format stores them in, so that it loses
        nothing.
        """
        if self._series is not None and not self.dtype_chosen:
            return self._series.voxel_dtype
        return self._dtype

    def set_data_dtype(self, dtype: npt.DTypeLike) -> None:
        """Ask for the type that the voxels are to be stored in."""
        super().set_data_dtype(dtype)
        self.dtype_chosen = True

    def set_affine(self, affine: npt.NDArray[np.float64]) -> None:
        """Take over the image's affine, (x, y, z) to RAS mm, and its spacing."""
        series = self._series
        self._matrix = np.array(affine, np.float64)
        zooms = list(self.get_zooms())
        if series is not None and np.array_equal(affine, series.affine):
            spacing = series.zooms[:3]
        else:
            spacing = tuple(np.sqrt(np.square(self._matrix[:3, :3]).sum(axis=0)).tolist())
        count = min(len(zooms), 3)
        zooms[:count] = spacing[:count]
        self.set_zooms(zooms)

    def get_best_affine(self) -> npt.NDArray[np.float64]:
        """Return the image's affine, or one made of shape and spacing where it has none."""
        if self._matrix is None:
            return np.asarray(self.get_base_affine())
        return self._matrix.copy()

    def get_sform(self, coded: bool = False) -> Any:
        """Return the affine, with ``coded`` also NIfTI's code of scanner coordinates."""
        return (self.get_best_affine(), _SCANNER) if coded else self.get_best_affine()

    get_qform = get_sform

    def get_xyzt_units(self) -> tuple[str, str]:
        """Return the units of space and time, as the NIfTI header does."""
        return "mm", "unknown" if self._series is None else self._series.time_unit

    def get_slope_inter(self) -> tuple[None, None]:
        """Return (None, None), as the header of a loaded NIfTI file does.

        The image's data is scaled already; `DcbsArrayProxy.slope` and ``inter`` are the factors.
        """
        return None, None

    def as_analyze_map(self) -> dict[str, Any]:
        """Return what a NIfTI header takes over besides shape, spacing and type."""
        return {"xyzt_units": _MILLIMETRES + _TIME[self.get_xyzt_units()[1]]}

    def copy(self) -> Self:
        """Return an independent header of the same file."""
        other = copy(self)  # all values are immutable, or replaced and never changed
        if self._matrix is not None:
            other._matrix = self._matrix.copy()  # noqa: SLF001 - it is of the same class
        return other

    # -- mapping --------------------------------------------------------------------------------

    def _grid(self) -> dict[str, Any]:
        shape, zooms = self.get_data_shape(), self.get_zooms()
        # In the types that NIfTI has, so that programs find equal what is equal.
        dim = np.ones(8, np.int16 if max(shape, default=0) < 1 << 15 else np.int64)
        pixdim = np.ones(8, np.float32)
        dim[0], pixdim[0] = len(shape), self._handedness()
        dim[1 : len(shape) + 1], pixdim[1 : len(shape) + 1] = shape[:7], zooms[:7]
        return {
            "shape": shape,
            "zooms": zooms,
            "dtype": self.get_data_dtype(),
            "units": "mm",
            "dim": dim,
            "pixdim": pixdim,
        }

    def _handedness(self) -> float:
        """Return NIfTI's qfac, which it keeps in ``pixdim[0]``."""
        x, y, z = self.get_best_affine()[:3, :3].T.tolist()
        normal = (x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2], x[0] * y[1] - x[1] * y[0])
        return -1.0 if sum(a * b for a, b in zip(normal, z, strict=True)) < 0 else 1.0

    def _about_the_series(self) -> dict[str, Any]:
        if self._series is None:
            return {}
        if self._facts is None:
            reader = self._series.reader
            self._facts = pixel_facts(reader) | metadata_facts(reader.dicom_meta)
        return self._facts

    def __getitem__(self, key: str) -> Any:
        grid = self._grid()
        return grid[key] if key in grid else self._about_the_series()[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._grid() | self._about_the_series())

    def __len__(self) -> int:
        return len(self._grid() | self._about_the_series())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, DcbsHeader):
            return _comparable(self) == _comparable(other)
        return super().__eq__(other)

    __hash__ = None  # type: ignore[assignment]

    def __str__(self) -> str:
        lines = (f"{key:<26}: {value}" for key, value in self.items())
        return "\n".join((f"{type(self).__name__}", *lines))


def _comparable(header: DcbsHeader) -> dict[str, Any]:
    return {k: v.tolist() if isinstance(v, np.ndarray) else v for k, v in header.items()}
