"""Where the frames of a ``.dcbs`` file lie in space, and which of them belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.exceptions import InvalidCubeFileError
from dicube_core.lazy import lazy
from dicube_core.reader._description import DescribedFile
from dicube_core.spatial.refusal import no_true_affine

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dicube_core.geometry import Geometry
    from dicube_core.metadata.meta import DicomMeta
    from dicube_core.spatial.dimensions import Dimensions
    from dicube_core.spatial.findings import GeometryReport

__all__ = ["PlacedFile"]


class PlacedFile(DescribedFile):
    """An open file with all that is known of the places of its frames."""

    def require_geometry(self) -> Geometry:
        """Return `geometry`, for what cannot do without.

        Raises
        ------
        GeometryError
            The slices form no regular grid; the message says why, and how to read them anyway.
        """
        geometry = self.geometry
        if geometry is not None:
            return geometry
        report = self.report()
        findings = [] if report is None else [finding.message for finding in report.findings]
        raise no_true_affine(self.name, findings)

    def report(self) -> GeometryReport | None:
        """Return all findings on order and geometry, None where the file has no DICOM metadata.

        Raises
        ------
        InvalidCubeFileError
            The metadata speaks of frames of another size.
        """
        from dicube_core.metadata.report import report_of

        meta = self.dicom_meta
        if meta is None:
            return None
        self._require_frame_size(meta)
        return report_of(meta)

    def _require_frame_size(self, meta: DicomMeta) -> None:
        """Refuse metadata of other frames: grids are made of it, and frames put into them."""
        for keyword, size in zip(("Rows", "Columns"), self.pixel_format.shape, strict=False):
            if meta.is_shared(keyword):
                said = [meta.get_shared_value(keyword)]
            else:
                said = meta.get_values(keyword)
            wrong = [value for value in said if value not in (None, size)]
            if wrong:
                raise InvalidCubeFileError(
                    f"{self.name}: the metadata says {keyword} {wrong[0]!s:.40}, the frames have "
                    f"{size}",
                    suggestion="the file is damaged or was tampered with; restore it from its "
                    "source",
                )

    @lazy
    def dimensions(self) -> Dimensions | None:
        """Which frames make which volume, where the series has several (echoes, time points ...).

        None for a single volume, and where the file has no DICOM metadata. Made of the metadata;
        no frame is read.
        """
        report = self.report()
        return None if report is None else report.dimensions

    @property
    def volume_geometry(self) -> Geometry | None:
        """The regular grid that each volume of the series forms: `geometry` of a single one.

        None where the slices of a volume form none, or volumes lie in different places (see
        `Dimensions.geometry_of`).
        """
        return self.geometry if self.dimensions is None else self.dimensions.geometry

    def sheared_affine(self) -> npt.NDArray[np.float64] | None:
        """Return the 4x4 matrix from (frame, row, column, 1) to LPS mm, gantry tilt included.

        Returns
        -------
        ndarray of shape (4, 4), or None
            Only where nothing but a tilt withholds `geometry` (or, of a series of several
            volumes, `volume_geometry`). Its first column is not perpendicular to the others,
            which most programs that read an affine take for granted.
        """
        report = self.report()
        if report is None:
            return None
        volumes = report.dimensions
        if volumes is not None:
            return None if volumes.sheared is None else volumes.sheared.affine
        return report.sheared_affine
