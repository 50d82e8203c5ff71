"""Stored colour as the red, green and blue that frameworks take three samples for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from dicube_core.exceptions import MetaDataError, UnsupportedKindError
from dicube_core.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from pydicom import Dataset

    from dicube_core.metadata.meta import DicomMeta
    from dicube_core.pixels import PixelFormat

__all__ = ["PALETTE_TAGS", "Colours", "colours_of"]

_BY_STANDARD = frozenset(("YBR_FULL", "YBR_FULL_422"))
#: Descriptors, tables and segmented tables of the palette (PS3.3 C.7.9).
PALETTE_TAGS = (
    *("00281101", "00281102", "00281103"),
    *("00281201", "00281202", "00281203"),
    *("00281221", "00281222", "00281223"),
)
_READ_RAW = "read the stored values with dicube_core.open(path).frames()"


class ColourFile(Protocol):
    """What is asked of a `Reader`."""

    @property
    def name(self) -> str:
        """As errors name it."""

    @property
    def frame_count(self) -> int:
        """Number of frames."""

    @property
    def pixel_format(self) -> PixelFormat:
        """Of its frames."""

    def stored_meta(self) -> DicomMeta | None:
        """Return the metadata of the slices, which has the palettes."""


def colours_of(reader: ColourFile) -> Colours | None:
    """Return how the stored values of a file become colours, None for grey.

    Raises
    ------
    UnsupportedKindError
        Colour of a kind that nobody turns into RGB with certainty; the message names it.
    MetaDataError
        A palette is missing, or is none.
    """
    fmt = reader.pixel_format
    kind = fmt.photometric_interpretation
    if fmt.is_palette:
        return Colours(reader, fmt)
    if not fmt.is_colour:
        return None
    if kind in _BY_STANDARD and fmt.dtype_name != "uint8":
        raise UnsupportedKindError(
            f"{reader.name}: {kind} of {fmt.bits_stored} bits is not turned into RGB: decoders "
            "differ in it",
            suggestion=_READ_RAW,
        )
    if kind not in _BY_STANDARD and kind != "RGB":
        raise UnsupportedKindError(
            f"{reader.name}: colour of kind {kind} is not turned into RGB", suggestion=_READ_RAW
        )
    return Colours(reader, fmt)


@dataclass(frozen=True)
class Colours:
    """From stored values to RGB: as they are, by PS3.3 C.7.6.3.1.2, or through the palette.

    Safe for several threads.

    Parameters
    ----------
    reader : Reader or ColourFile
        Stays the caller's to close.
    pixel_format : PixelFormat
        Of its frames.
    """

    reader: ColourFile
    pixel_format: PixelFormat

    @property
    def is_identity(self) -> bool:
        """Whether the stored values are RGB."""
        return self.pixel_format.photometric_interpretation == "RGB"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(rows, columns, 3)."""
        return self.pixel_format.rows, self.pixel_format.columns, 3

    @lazy
    def dtype(self) -> np.dtype[Any]:
        """Type of a sample: as stored; for a palette, as its entries are."""
        import numpy as np

        if self.pixel_format.is_colour:
            return self.pixel_format.dtype
        depths = {self._palette_depth(frame) for frame in self._palettes}
        if len(depths) != 1:
            raise MetaDataError(
                f"{self.reader.name}: the palettes of the frames differ in depth: {sorted(depths)}",
                suggestion=_READ_RAW,
            )
        return np.dtype("uint8" if depths.pop() <= 8 else "uint16")

    def apply(
        self,
        stored: npt.NDArray[Any],
        frame: int,
        out: npt.NDArray[Any] | None = None,
    ) -> npt.NDArray[Any]:
        """Return the RGB values of a frame, or of a part of it.

        Parameters
        ----------
        stored : ndarray of shape (rows, columns) or (rows, columns, 3)
            Stored values; not changed.
        frame : int
            Which frame it is, counted from 0.
        out : ndarray of shape (rows, columns, 3), optional
            Filled and returned; of a type that holds `dtype`.

        Returns
        -------
        ndarray of shape (rows, columns, 3)
        """
        import numpy as np
        from pydicom.pixels.processing import apply_color_lut, convert_color_space

        values = self.pixel_format.pixel_values(stored)
        if not self.pixel_format.is_colour:
            rgb = apply_color_lut(values, self._dataset(frame))
        elif self.is_identity:
            rgb = values
        else:
            rgb = convert_color_space(np.ascontiguousarray(values), "YBR_FULL", "RGB")
        if out is None:
            return rgb.astype(self.dtype)
        np.copyto(out, rgb, casting="unsafe")
        return out

    # -- palette --------------------------------------------------------------------------------

    @lazy
    def _meta(self) -> DicomMeta:
        meta = self.reader.stored_meta()
        if meta is None:
            raise MetaDataError(
                f"{self.reader.name}: PALETTE COLOR, but there is no metadata with the palette"
            )
        return meta

    @lazy
    def _palettes(self) -> tuple[int, ...]:
        """Frames that stand for all palettes: the first, or every one where they differ."""
        shared = all(
            self._meta.is_shared(tag) for tag in PALETTE_TAGS if not self._meta.is_missing(tag)
        )
        return (0,) if shared else tuple(range(self.reader.frame_count))

    @lazy
    def _datasets(self) -> dict[int, Dataset]:
        return {}

    def _dataset(self, frame: int) -> Dataset:
        """Return what pydicom needs of a slice to apply its palette."""
        number = 0 if len(self._palettes) == 1 else frame
        found = self._datasets.get(number)
        if found is not None:
            return found
        from pydicom import Dataset

        model: dict[str, Any] = self._meta.index(number)
        dataset = Dataset.from_json({tag: model[tag] for tag in PALETTE_TAGS if tag in model})
        dataset.set_original_encoding(is_implicit_vr=False, is_little_endian=True)
        self._require_palette(dataset, number)
        self._datasets[number] = dataset
        return dataset

    def _require_palette(self, dataset: Dataset, frame: int) -> None:
        plain = all(
            dataset.get(f"{c}PaletteColorLookupTableData") for c in ("Red", "Green", "Blue")
        )
        segmented = all(
            dataset.get(f"Segmented{c}PaletteColorLookupTableData")
            for c in ("Red", "Green", "Blue")
        )
        described = [
            dataset.get(f"{c}PaletteColorLookupTableDescriptor") for c in ("Red", "Green", "Blue")
        ]
        good = all(hasattr(d, "__len__") and len(d) == 3 for d in described)
        if not (good and (plain or segmented)):
            raise MetaDataError(
                f"{self.reader.name}: frame {frame}: PALETTE COLOR without a whole palette",
                suggestion=_READ_RAW,
            )
        if len({tuple(d)[2] for d in described}) != 1:
            raise MetaDataError(
                f"{self.reader.name}: frame {frame}: the tables of the palette differ in depth",
                suggestion=_READ_RAW,
            )

    def _palette_depth(self, frame: int) -> int:
        return int(self._dataset(frame).RedPaletteColorLookupTableDescriptor[2])
