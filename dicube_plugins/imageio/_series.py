"""Make a series of arrays and what is said of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any

import numpy as np

from dicube_core.exceptions import DataConsistencyError, MetaDataError

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    from dicube_core.geometry import Geometry
    from dicube_core.image import DicomCubeImage

__all__ = ["SeriesOptions", "make_image"]

#: Follow from the array and the other arguments; anything else here would contradict them.
_MADE = frozenset(
    {
        "SOPInstanceUID",
        "InstanceNumber",
        "SamplesPerPixel",
        "PhotometricInterpretation",
        "PlanarConfiguration",
        "Rows",
        "Columns",
        "BitsAllocated",
        "BitsStored",
        "HighBit",
        "PixelRepresentation",
        "NumberOfFrames",
        "RescaleSlope",
        "RescaleIntercept",
        "ModalityLUTSequence",
        "PixelSpacing",
        "SpacingBetweenSlices",
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "SmallestImagePixelValue",
        "LargestImagePixelValue",
        "Modality",
        "PatientName",
        "PatientID",
        "PixelData",
        "FloatPixelData",
        "DoubleFloatPixelData",
    }
)


@dataclass(frozen=True)
class SeriesOptions:
    """What is said of the arrays; see `DcbsPlugin.write`."""

    spacing: tuple[float, float, float] | None
    geometry: Geometry | None
    modality: str
    patient_name: str
    patient_id: str
    rescale_slope: float | list[float]
    rescale_intercept: float | list[float]
    metadata: Mapping[str, Any] | None
    verify: bool
    progressive: bool

    def __post_init__(self) -> None:
        if self.spacing is not None:
            if self.geometry is not None:
                raise DataConsistencyError("give spacing or geometry, which holds a spacing itself")
            object.__setattr__(self, "spacing", _checked_spacing(self.spacing))
        for name in ("rescale_slope", "rescale_intercept"):
            object.__setattr__(self, name, _checked_numbers(name, getattr(self, name)))


def _checked_spacing(value: Any) -> tuple[float, ...]:
    try:
        found = tuple(float(v) for v in value)
    except (TypeError, ValueError):
        found = ()
    if len(found) != 3 or not all(isfinite(v) and v > 0 for v in found):
        raise DataConsistencyError(
            f"spacing is {value!r}; three positive numbers are needed, mm between frames, rows and "
            "columns"
        )
    return found


def _checked_numbers(name: str, value: Any) -> float | list[float]:
    try:
        if isinstance(value, Sequence | np.ndarray) and not isinstance(value, str):
            found: float | list[float] = [float(v) for v in value]
        else:
            found = float(value)
    except (TypeError, ValueError):
        found = float("nan")
    if not all(map(isfinite, found if isinstance(found, list) else [found])):
        raise DataConsistencyError(f"{name} is {value!r}; a number is needed, or one per frame")
    return found


def make_image(frames: npt.NDArray[Any], options: SeriesOptions) -> DicomCubeImage:
    """Return the series that arrays and options describe.

    Parameters
    ----------
    frames : ndarray of shape (frames, rows, columns) or (frames, rows, columns, 3)
        Stored values.
    options : SeriesOptions
        What they mean.

    Raises
    ------
    DataConsistencyError, MetaDataError
        The options do not fit the frames.
    """
    from dicube_core.image import DicomCubeImage
    from dicube_core.pixel_header import PixelDataHeader

    name = frames.dtype.newbyteorder("=").name
    if frames.ndim == 4 and (options.rescale_slope, options.rescale_intercept) != (1.0, 0.0):
        raise DataConsistencyError(
            "rescale_slope and rescale_intercept were given for colour, which has neither"
        )
    header = PixelDataHeader(
        RescaleSlope=options.rescale_slope,
        RescaleIntercept=options.rescale_intercept,
        OriginalPixelDtype=name,
        PixelDtype=name,
    )
    image = DicomCubeImage(frames, header, space=options.geometry)
    meta = image.init_meta(options.modality, options.patient_name, options.patient_id)
    if options.spacing is not None:
        # Distances without a place: nobody said where the patient is, so there is no affine.
        between, *within = options.spacing
        meta.set_shared_item("PixelSpacing", within)
        meta.set_shared_item("SpacingBetweenSlices", between)
    for tag, value in (options.metadata or {}).items():
        keyword = _keyword(tag)
        if keyword in _MADE:
            raise MetaDataError(
                f"metadata: {keyword} follows from the array and the other arguments",
                suggestion="leave it out; spacing, geometry, modality, patient_name, patient_id, "
                "rescale_slope and rescale_intercept are arguments of their own",
            )
        meta.set_shared_item(tag, value)
    return image


def _keyword(tag: Any) -> str:
    """Return the keyword of a tag in any form; what is no tag is refused when it is set."""
    from pydicom.datadict import keyword_for_tag
    from pydicom.tag import Tag

    try:
        return keyword_for_tag(Tag(tag))
    except (ValueError, TypeError, OverflowError):
        return str(tag)
