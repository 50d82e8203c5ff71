"""Modality values, reckoned on the device (DICOM PS3.3 C.11.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import DataConsistencyError, UnsupportedKindError
from dicube_core.modality import ModalityTransform
from dicube_plugins.gpu._frames import decode_frames
from dicube_plugins.gpu._libraries import choose_library

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dicube_core.pixels import PixelFormat
    from dicube_core.reader import Reader
    from dicube_plugins.gpu._frames import DeviceFrames

__all__ = ["modality_frames", "modality_of"]


def modality_frames(
    reader: Reader,
    frames: Iterable[int] | slice | None = None,
    *,
    device: int = 0,
    dtype: str = "float32",
    library: str | None = None,
) -> Any:
    """Decode frames on a GPU, and apply slope and intercept of each frame there.

    Parameters
    ----------
    reader, frames, device
        As for `decode_frames`.
    dtype : {"float32", "float64"}
        In which is reckoned. Values equal those of `ModalityTransform.apply` of this type.
    library : {"torch", "cupy"}, optional
        Whose array is returned; by default the one that is loaded.

    Returns
    -------
    tensor or array of shape (n, rows, columns), or (n, rows, columns, 3) for colour
        On the device.

    Raises
    ------
    UnsupportedKindError
        The slices have a Modality LUT, which is applied by the CPU only.
    CodecUnavailableError, DecodeError, ChecksumError
        As `decode_frames`.
    """
    transform = transform_of(reader, dtype)
    return modality_of(decode_frames(reader, frames, device=device), transform, dtype, library)


def transform_of(reader: Reader, dtype: str) -> ModalityTransform:
    """Return the transform of a file, or refuse what is not reckoned on a device."""
    if dtype not in ("float32", "float64"):
        raise DataConsistencyError(f"dtype must be 'float32' or 'float64', not {dtype!r}")
    transform = ModalityTransform.of_reader(reader)
    if transform.has_lut:
        raise UnsupportedKindError(
            f"{reader.name}: its slices have a Modality LUT, which is not applied on a GPU",
            suggestion="take the modality values of the CPU "
            "(dicube_core.modality.ModalityValues), or stored values (decode_frames)",
        )
    return transform


def modality_of(
    decoded: DeviceFrames, transform: ModalityTransform, dtype: str, library: str | None = None
) -> Any:
    """Return the modality values of decoded frames."""
    chosen = choose_library(library, decoded.__dlpack_device__()[0])
    stored = decoded.array(chosen.name)
    form = transform.pixel_format
    if not form.has_whole_words and not form.is_colour:
        stored = _pixel_bits(chosen.cast(stored, "int32"), form)
    pairs = [transform.rescale(number) for number in decoded.numbers]
    trailing = (1,) * (len(decoded.shape) - 1)
    # Two roundings, one for each step, as the CPU does.
    values = chosen.cast(stored, dtype)
    slopes, intercepts = ([pair[n] for pair in pairs] for n in (0, 1))
    if any(slope != 1 for slope in slopes):
        values = values * chosen.numbers(slopes, dtype, values).reshape(-1, *trailing)
    if any(intercept != 0 for intercept in intercepts):
        values = values + chosen.numbers(intercepts, dtype, values).reshape(-1, *trailing)
    return values


def _pixel_bits(words: Any, form: PixelFormat) -> Any:
    """Return the bits of stored words that are the pixel; see `PixelFormat.pixel_values`.

    Words are of at most 16 bits, in 32: no other frames are decoded on a device.
    """
    lowest = form.high_bit + 1 - form.bits_stored
    if not 0 <= lowest <= form.bits_allocated - form.bits_stored:
        lowest = 0  # a HighBit that cannot be; readers count from bit 0 then
    bits = (words >> lowest) & ((1 << form.bits_stored) - 1)
    if not form.pixel_representation:
        return bits
    sign = 1 << (form.bits_stored - 1)
    return (bits ^ sign) - sign
