"""One way to look at files and images: values of frames at a lower resolution, and their meaning.

Nothing here holds more frames than it is asked for, and each only at the resolution asked for.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from dicube_core.colours import PALETTE_TAGS, colours_of
from dicube_core.exceptions import (
    CodecUnavailableError,
    DataConsistencyError,
    DecodeError,
    MetaDataError,
)
from dicube_core.frames import run_frames
from dicube_core.image import DicomCubeImage
from dicube_core.lazy import lazy
from dicube_core.modality import ModalityTransform
from dicube_core.spatial.refusal import no_true_affine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    import numpy.typing as npt

    from dicube_core.geometry import Geometry
    from dicube_core.metadata.meta import DicomMeta
    from dicube_core.pixels import PixelFormat
    from dicube_core.reader import Reader
    from dicube_core.spatial.dimensions import Dimensions
    from dicube_core.spatial.findings import GeometryReport

__all__ = ["SeriesView"]


class SeriesView:
    """Frames of an open file or of an image as they are to be shown.

    Parameters
    ----------
    series : Reader or DicomCubeImage
        Stays the caller's. A file is read as it is, whatever was done to the metadata object of
        its reader.
    """

    def __init__(self, series: Reader | DicomCubeImage) -> None:
        self.series = series
        self._image = series if isinstance(series, DicomCubeImage) else None

    # -- what is there --------------------------------------------------------------------------

    @property
    def _reader(self) -> Reader:
        if isinstance(self.series, DicomCubeImage):
            raise DataConsistencyError("an image in memory has no reader")
        return self.series

    @property
    def name(self) -> str:
        """Path of the file, or a word for an image."""
        return "image" if self._image is not None else self._reader.name

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return self.series.frame_count

    @property
    def pixel_format(self) -> PixelFormat:
        """Size and bit fields."""
        return self.series.pixel_format

    @property
    def meta(self) -> DicomMeta | None:
        """Metadata of the slices."""
        return self.series.dicom_meta

    def first_value(self, tag: int) -> Any:
        """Return the value of a tag in the first slice, None where it has none.

        Metadata is parsed only if some slice may have it.

        Raises
        ------
        DicomCubeError
            The metadata is damaged.
        """
        if self._image is None and not self._reader.container.may_have(tag):
            return None
        values = [] if self.meta is None else self.meta.get_values(tag)
        first = values[0] if values else None
        # A list holds the values that all slices share.
        return first[0] if isinstance(first, list) and len(first) == 1 else first

    @lazy
    def report(self) -> GeometryReport | None:
        """All findings, None where there is no metadata."""
        if self._image is None:
            return self._reader.report()
        from dicube_core.metadata.report import report_of

        if self._image.report is not None:
            return self._image.report
        meta = self._image.dicom_meta
        return None if meta is None else report_of(meta)

    @property
    def geometry(self) -> Geometry | None:
        """The grid of all frames."""
        return self._reader.geometry if self._image is None else self._image.space

    @lazy
    def dimensions(self) -> Dimensions | None:
        """The volumes of the series, where it has several."""
        if self.geometry is not None:
            return None  # one grid takes all frames
        if self._image is not None:
            return self._image.dimensions
        return None if self.report is None else self.report.dimensions

    @property
    def colour(self) -> bool:
        """Whether it is shown in colour."""
        return self.pixel_format.is_colour or self._is_palette

    @lazy
    def _is_palette(self) -> bool:
        if not self.pixel_format.is_palette:
            return False
        if self._image is None:
            return True
        # An image in memory that lost its metadata has no palette either.
        meta = self.meta
        return meta is not None and not all(map(meta.is_missing, PALETTE_TAGS))

    @property
    def inverted(self) -> bool:
        """Whether the lowest values are white (PS3.3 C.7.6.3.1.2)."""
        return self.pixel_format.photometric_interpretation == "MONOCHROME1"

    @lazy
    def in_plane_spacing(self) -> tuple[float, float] | None:
        """Mm between rows and between columns, None where nobody says it for all frames.

        It may be known where slices form no regular grid.

        Raises
        ------
        DicomCubeError
            The metadata is damaged: another aspect would be shown as if it were the right one.
        """
        if self.geometry is not None:
            return self.geometry.spacing[1:]
        if self.meta is None or not self.meta.is_shared("PixelSpacing"):
            return None
        from dicube_core.spatial.planes import SliceAttributes

        value = self.meta.get_shared_value("PixelSpacing")
        found = SliceAttributes.from_values({0x00280030: value}).pixel_spacing
        good = found is not None and all(math.isfinite(one) and one > 0 for one in found)
        return found if good else None

    # -- volumes --------------------------------------------------------------------------------

    @property
    def volume_count(self) -> int:
        """Number of volumes; 1 where the frames are not told apart."""
        dimensions = self.dimensions
        return 1 if dimensions is None or not dimensions.is_regular else dimensions.volume_count

    def volume(self, number: int = 0) -> tuple[Sequence[int], Geometry]:
        """Return the frames of one volume, in the order of its slices, and its grid in space.

        Raises
        ------
        GeometryError
            Its slices form no regular grid; the message says why.
        DataConsistencyError
            There is no volume of this number.
        """
        if not 0 <= number < self.volume_count:
            raise DataConsistencyError(
                f"{self.name}: there is no volume {number}: there are {self.volume_count}, "
                "counted from 0"
            )
        if self.geometry is not None:
            return range(self.frame_count), self.geometry
        dimensions = self.dimensions
        if dimensions is not None and dimensions.is_regular:
            count = dimensions.slice_count
            frames = dimensions.frames[number * count : (number + 1) * count]
            geometries = dimensions.geometries
            geometry = geometries[number * len(geometries) // self.volume_count]
            if geometry is not None:
                return frames, geometry
        report = self.report
        findings = [] if report is None else [finding.message for finding in report.findings]
        raise no_true_affine(self.name, findings)

    # -- values ---------------------------------------------------------------------------------

    @lazy
    def levels(self) -> int:
        """How often a codestream can be halved without decoding all of it."""
        if self._image is not None:
            return 0
        try:
            return self._reader.levels
        except DecodeError:
            return 0  # the first frame is damaged; the others are whole in full

    def level_for(self, width: float, wanted: float) -> int:
        """Return how often `width` pixels can be halved to be still as many as are wanted."""
        return max(0, int(math.log2(max(1.0, width / max(1.0, wanted)))))

    def stored(self, index: int, level: int = 0) -> npt.NDArray[Any]:
        """Return a frame of ``ceil(size / 2**level)``, whatever its codec can do.

        Of those that have no lower resolution every ``2**level``-th pixel is taken.
        """
        if self._image is not None:
            full: npt.NDArray[Any] = self._image.raw_image[index]
        else:
            decoded = min(level, self.levels)
            try:
                full = self._reader.frame(index, decoded)
                level -= decoded
            except (DataConsistencyError, CodecUnavailableError):
                # It has fewer resolutions than the first one, or its decoder knows the full one
                # only.
                full = self._reader.frame(index)
        step = 1 << level
        return full[::step, ::step]

    @lazy
    def transform(self) -> ModalityTransform:
        """From stored to modality values."""
        if self._image is None:
            return ModalityTransform.of_reader(self._reader)
        image = self._image
        return ModalityTransform.of(image.pixel_header, image.pixel_format, image.dicom_meta)

    def shown(self, index: int, level: int = 0) -> npt.NDArray[Any]:
        """Return a frame to be shown.

        Returns
        -------
        ndarray of float64, shape (rows, columns), or of uint8, shape (rows, columns, 3)
            Modality values, or red, green and blue.
        """
        stored = self.stored(index, level)
        if self._is_palette:
            colours = self._palette(stored, index)
            return (colours >> 8).astype("uint8") if colours.dtype.itemsize > 1 else colours
        if self.pixel_format.is_colour:
            return _rgb(stored, self.pixel_format)
        return self.transform.apply(stored, index, "float64")

    @lazy
    def _palette(self) -> Callable[[npt.NDArray[Any], int], npt.NDArray[Any]]:
        colours = colours_of(self._reader if self._image is None else _InMemory(self._image))
        if colours is None:  # the caller looked
            raise MetaDataError(f"{self.name}: there is no palette")
        return colours.apply

    def many(self, frames: Sequence[int], level: int = 0) -> npt.NDArray[Any]:
        """Return many frames to be shown, worked out on the configured number of threads."""
        results: list[Any] = [None] * len(frames)
        self.each(frames, level, results.__setitem__)
        import numpy as np

        return np.stack(results)

    def each(
        self, frames: Sequence[int], level: int, take: Callable[[int, npt.NDArray[Any]], Any]
    ) -> None:
        """Call ``take(position, frame)`` for many frames; nothing else keeps them."""
        # Made once, not by every thread.
        _ = self.pixel_format, self.levels, self._is_palette or self.transform
        if self._image is not None:
            run_frames(lambda place, index: take(place, self.shown(index, level)), frames)
            return
        with self._reader.reading_ahead(frames, min(level, self.levels)):
            run_frames(lambda place, index: take(place, self.shown(index, level)), frames)


class _InMemory:
    """An image, as far as palettes are concerned."""

    name = "image"

    def __init__(self, image: DicomCubeImage) -> None:
        self.frame_count, self.pixel_format = image.frame_count, image.pixel_format
        self._meta = image.dicom_meta

    def stored_meta(self) -> DicomMeta | None:
        """Return the metadata of the slices."""
        return self._meta


def _rgb(frame: npt.NDArray[Any], pixel_format: PixelFormat) -> npt.NDArray[np.uint8]:
    """Return a colour frame as RGB of 8 bits (PS3.3 C.7.6.3.1.2)."""
    import numpy as np

    low = -(1 << (pixel_format.bits_stored - 1)) if pixel_format.pixel_representation else 0
    scale = 255 / ((1 << pixel_format.bits_stored) - 1)
    values = (pixel_format.pixel_values(frame).astype(np.float32) - low) * np.float32(scale)
    if pixel_format.photometric_interpretation != "RGB":
        y, blue, red = values[..., 0], values[..., 1] - 128, values[..., 2] - 128
        values = np.stack(
            (y + 1.402 * red, y - 0.344136 * blue - 0.714136 * red, y + 1.772 * blue), axis=-1
        )
    shown: npt.NDArray[np.uint8] = np.rint(np.clip(values, 0, 255)).astype(np.uint8)
    return shown
