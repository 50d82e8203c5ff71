"""From stored values to modality values: what the numbers of a frame mean (DICOM PS3.3 C.11.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import DataConsistencyError, MetaDataError
from dicube_core.frames import run_frames

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy as np
    import numpy.typing as npt

    from dicube_core.metadata.meta import DicomMeta
    from dicube_core.pixel_header import PixelDataHeader
    from dicube_core.pixels import PixelFormat
    from dicube_core.reader import Reader

__all__ = ["ModalityTransform", "ModalityValues"]

_MODALITY_LUT = 0x00283000
#: What pydicom needs of a slice to apply its Modality LUT.
_LUT_KEYWORDS = ("LUTDescriptor", "LUTData")
_LUT_TAGS = ("00280103", "00281052", "00281053", "00283000")
_INTEGERS = ("uint8", "uint16", "uint32"), ("int8", "int16", "int32")


@dataclass(frozen=True, slots=True)
class ModalityTransform:
    """Rescale slope and intercept of every frame, or the Modality LUT in their place.

    Parameters
    ----------
    pixel_header : PixelDataHeader
        Slope and intercept; lists where frames differ (PET).
    pixel_format : PixelFormat
        Bit fields of the stored values. Bits outside of BitsStored take no part.
    lut_meta : DicomMeta or None
        Metadata of the slices if they have a Modality LUT, which replaces slope and intercept.
    """

    pixel_header: PixelDataHeader
    pixel_format: PixelFormat
    lut_meta: DicomMeta | None = None

    @classmethod
    def of(
        cls,
        pixel_header: PixelDataHeader,
        pixel_format: PixelFormat,
        dicom_meta: DicomMeta | None,
    ) -> ModalityTransform:
        """Make the transform that a file or an image describes."""
        # A sequence without items has no LUT.
        grey = not (pixel_format.is_colour or pixel_format.real)
        has_lut = grey and dicom_meta is not None and any(dicom_meta.get_values(_MODALITY_LUT))
        return cls(pixel_header, pixel_format, dicom_meta if has_lut else None)

    @classmethod
    def of_reader(cls, reader: Reader) -> ModalityTransform:
        """Make the transform of a file, whatever was done to its `Reader.dicom_meta` since.

        Metadata is parsed only if it may have a LUT: for a long series, that takes longer than
        decoding a frame.
        """
        meta = reader.stored_meta() if reader.container.may_have(_MODALITY_LUT) else None
        return cls.of(reader.pixel_header, reader.pixel_format, meta)

    @property
    def has_lut(self) -> bool:
        """Whether values go through a Modality LUT."""
        return self.lut_meta is not None

    @property
    def is_identity(self) -> bool:
        """Whether modality values are the pixel's stored values."""
        return not self.has_lut and self._pairs() == {(1.0, 0.0)}

    def _pairs(self) -> set[tuple[float, float]]:
        """Return all different (slope, intercept)."""
        header = self.pixel_header
        lengths = [
            len(v) for v in (header.RescaleSlope, header.RescaleIntercept) if isinstance(v, list)
        ]
        return {self.rescale(i) for i in range(max(lengths, default=1))}

    def rescale(self, frame: int) -> tuple[float, float]:
        """Return (slope, intercept) of a frame; an absent slope is 1, an absent intercept 0.

        Colour has neither, whatever its header says.
        """
        if self.pixel_format.is_colour:
            return 1.0, 0.0
        slope, intercept = self.pixel_header.rescale(frame)
        return (1.0 if self.pixel_header.RescaleSlope is None else slope), intercept

    @property
    def exact_dtype(self) -> np.dtype[Any]:
        """Type that holds every modality value exactly.

        Colour, and real values without slope and intercept, are their own modality values. For
        whole slopes and intercepts, an integer type that takes whatever BitsStored can say;
        the type of the stored values where they are the modality values. This is the type that
        GDCM and ITK choose for such files too. Else float64.
        """
        import numpy as np

        if self.is_identity:
            return self.pixel_format.dtype
        pairs = self._pairs()
        real = self.pixel_format.real
        if self.has_lut or real or not all(v.is_integer() for pair in pairs for v in pair):
            return np.dtype("float64")
        bits = self.pixel_format.bits_stored
        low = -(1 << (bits - 1)) if self.pixel_format.pixel_representation else 0
        ends = [
            int(slope) * stored + int(intercept)
            for slope, intercept in pairs
            for stored in (low, low + (1 << bits) - 1)
        ]
        for name in _INTEGERS[min(ends) < 0]:
            if np.iinfo(name).min <= min(ends) and max(ends) <= np.iinfo(name).max:
                return np.dtype(name)
        return np.dtype("float64")

    def apply(
        self,
        stored: npt.NDArray[Any],
        frame: int,
        dtype: npt.DTypeLike,
        out: npt.NDArray[Any] | None = None,
    ) -> npt.NDArray[Any]:
        """Return the modality values of one frame.

        Parameters
        ----------
        stored : ndarray of shape (rows, columns)
            Stored values; not changed.
        frame : int
            Which frame it is, counted from 0.
        dtype : dtype
            A floating type, in which is then reckoned, or `exact_dtype` or a wider integer; in
            any byte order.
        out : ndarray of shape (rows, columns), optional
            Of `dtype`; filled and returned. May be `stored` itself.
        """
        import numpy as np

        if out is None:
            out = np.empty(stored.shape, dtype)
        kind = np.dtype(dtype).newbyteorder("=")  # numpy reckons in no other
        if self.lut_meta is not None:
            out[...] = self._through_lut(stored, frame)
            return out
        values = self.pixel_format.pixel_values(stored)
        slope, intercept = (
            np.float64(v).astype(kind) if kind.kind == "f" else np.int64(v).astype(kind)
            for v in self.rescale(frame)
        )
        # Integers are reckoned modulo their width; what fits the type in the end is right.
        if slope != 1:
            values = np.multiply(values, slope, out=out, dtype=kind, casting="unsafe")
        if intercept != 0:
            values = np.add(values, intercept, out=out, dtype=kind, casting="unsafe")
        if values is not out:
            np.copyto(out, values, casting="unsafe")
        return out

    def _through_lut(self, stored: npt.NDArray[Any], frame: int) -> npt.NDArray[Any]:
        """Apply a slice's Modality LUT (PS3.3 C.11.1); it replaces slope and intercept."""
        from pydicom import Dataset
        from pydicom.pixels.processing import apply_modality_lut

        if self.lut_meta is None:  # the caller looked
            raise MetaDataError("there is no metadata to take a modality LUT from")
        model: dict[str, Any] = self.lut_meta.index(frame)
        values = self.pixel_format.pixel_values(stored)
        what = f"frame {frame}: the Modality LUT Sequence (0028,3000) cannot be applied"
        advice = "read the stored values instead"
        try:
            dataset = Dataset.from_json({tag: model[tag] for tag in _LUT_TAGS if tag in model})
            dataset.set_original_encoding(is_implicit_vr=False, is_little_endian=True)
            items = dataset.get("ModalityLUTSequence") or ()
            lacking = [k for item in items for k in _LUT_KEYWORDS if k not in item]
            if not lacking:
                return apply_modality_lut(values, dataset)
        except Exception as exc:
            raise MetaDataError(f"{what}: its item is malformed", suggestion=advice) from exc
        raise MetaDataError(f"{what}: it has no {' and no '.join(lacking)}", suggestion=advice)


class ModalityValues:
    """The frames of an open file as modality values, decoded when asked for.

    Safe for several threads. Pickles with its reader.

    Parameters
    ----------
    reader : Reader
        Stays the caller's to close.

    Attributes
    ----------
    transform : ModalityTransform
        From stored to modality values.
    dtype : dtype
        `ModalityTransform.exact_dtype`: integers where every value is whole, else float64.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        self.transform = ModalityTransform.of_reader(reader)
        self.dtype = self.transform.exact_dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """(frames, rows, columns), or (frames, rows, columns, 3) for colour."""
        return self.reader.shape

    @property
    def is_identity(self) -> bool:
        """Whether modality values are the stored values."""
        return self.transform.is_identity

    def rescale(self, frame: int) -> tuple[float, float]:
        """Return (slope, intercept) of a frame."""
        return self.transform.rescale(frame)

    def frame(
        self,
        index: int,
        dtype: npt.DTypeLike | None = None,
        out: npt.NDArray[Any] | None = None,
    ) -> npt.NDArray[Any]:
        """Return the modality values of one frame; see `frames`.

        Parameters
        ----------
        index : int
            Negative values count from the end.
        dtype : dtype, optional
            As in `frames`.
        out : ndarray of shape (rows, columns), optional
            Filled and returned.

        Returns
        -------
        ndarray of shape (rows, columns)
        """
        number = self.reader.container.frame_number(index)
        kind = self._kind(dtype)
        same = kind == self.reader.dtype
        out = _fitting(out, self.reader.pixel_format.shape, kind)
        stored = self.reader.frame(number, out=out if same and out.flags.c_contiguous else None)
        if stored is out and self.is_identity and self.reader.pixel_format.has_whole_words:
            return out
        return self.transform.apply(stored, number, kind, out)

    def frames(
        self,
        frames: Iterable[int] | slice | None = None,
        dtype: npt.DTypeLike | None = None,
        out: npt.NDArray[Any] | None = None,
    ) -> npt.NDArray[Any]:
        """Return the modality values of many frames, worked out on the configured threads.

        Parameters
        ----------
        frames : range, slice or iterable of int, optional
            Which, in which order; all by default. Negative values count from the end.
        dtype : dtype, optional
            `dtype` of this object by default; or a floating type, in which is then reckoned, or
            an integer type that holds `dtype`.
        out : ndarray of shape (n, rows, columns), optional
            Filled and returned.

        Returns
        -------
        ndarray of shape (n, rows, columns)

        Raises
        ------
        DataConsistencyError
            `out` does not fit, or `dtype` does not hold the values.
        FrameIndexError
            An index is out of range.
        DecodeError, ChecksumError
            A frame is damaged; the message names it and its byte offset.
        """
        chosen = self.reader.frame_numbers(frames)
        kind = self._kind(dtype)
        target = _fitting(out, (len(chosen), *self.reader.pixel_format.shape), kind)
        _ = self.reader.codec  # made once, not by every thread

        def work(position: int, index: int) -> None:
            self.frame(index, kind, target[position])

        run_frames(work, chosen)
        return target

    def _kind(self, dtype: npt.DTypeLike | None) -> np.dtype[Any]:
        import numpy as np

        kind = self.dtype if dtype is None else np.dtype(dtype)
        holds = kind.kind == "f" or (kind.kind in "iu" and np.can_cast(self.dtype, kind, "safe"))
        if not holds:
            raise DataConsistencyError(
                f"{self.reader.name}: {kind} does not hold the modality values, which are "
                f"{self.dtype}",
                suggestion="a floating type, or an integer type that holds them, is needed",
            )
        return kind


def _fitting(
    out: npt.NDArray[Any] | None, shape: tuple[int, ...], kind: np.dtype[Any]
) -> npt.NDArray[Any]:
    """Return `out` if it fits, or a new array."""
    import numpy as np

    if out is None:
        return np.empty(shape, kind)
    if out.shape != shape or out.dtype != kind:
        raise DataConsistencyError(
            f"out has shape {out.shape} and type {out.dtype}; shape {shape} and type {kind} are "
            "needed"
        )
    return out
