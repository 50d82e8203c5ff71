"""The status of a series in one word, as dicube 0.3.0 has it, derived from all findings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.spatial.finding_kinds import DicomStatus, status_of
from dicube_core.spatial.findings import assess
from dicube_core.spatial.space import get_space_from_DicomMeta, slices_from_meta

if TYPE_CHECKING:
    from dicube_core.spatial.space import MetaLike

__all__ = ["DicomStatus", "get_dicom_status", "get_space_from_DicomMeta", "status_of"]


def get_dicom_status(meta: MetaLike) -> DicomStatus:
    """Return the gravest oddity of a series from its metadata.

    Parameters
    ----------
    meta : MetaLike
        Such as `DicomMeta`. The order of its slices does not matter.

    Raises
    ------
    MetaDataError
        A tag has not one value per slice.

    Notes
    -----
    The checks and their order are those of dicube 0.3.0, with these differences on purpose:

    - A tag that only some slices lack counts as missing. 0.3.0 says missing or non-uniform by
      the last slice, or raises.
    - One InstanceNumber in all slices is `DUPLICATE_INSTANCE_NUMBERS`; 0.3.0 raises.
    - Gaps are found in descending series, too.
    - Lengths and cosines that agree as far as their text goes are equal: PixelSpacing and
      ImageOrientationPatient within 1e-4, positions within a hundredth of a pixel.
    - RescaleSlope or RescaleIntercept alone can be non-uniform.
    - `INCONSISTENT` where 0.3.0 says `CONSISTENT` although there is no true geometry: tilt, shift
      in the plane, uneven steps, directions that are no directions, no ImagePositionPatient.
    - The usual step is the median; 0.3.0 takes the larger of median and mean.
    """
    return assess(slices_from_meta(meta)).status
