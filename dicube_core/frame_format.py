"""Find out how the frames of a file lie in memory, before one of them is touched."""

from __future__ import annotations

from contextlib import nullcontext, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dicube_core.codec.frame_limit import require_within_limit
from dicube_core.exceptions import InvalidCubeFileError, MetaDataError, UnsupportedKindError
from dicube_core.pixels import PixelFormat

if TYPE_CHECKING:
    from dicube_core.container.reader import Container
    from dicube_core.geometry import Geometry
    from dicube_core.pixel_header import PixelDataHeader

__all__ = ["described_format", "frame_format"]


def frame_format(
    container: Container, pixel_header: PixelDataHeader, geometry: Geometry | None
) -> PixelFormat:
    """Return frame size and bit fields.

    Files of other writers do not say them in one place: the size is taken from the space or the
    metadata, and as a last resort from the first codestream. `geometry` is for them; None where
    our own writer described the frames, or the file has none.

    Raises
    ------
    InvalidCubeFileError
        The file contradicts itself, or asks for frames beyond the limit.
    """
    described = container.description
    try:
        if described:
            result = described_format(described, pixel_header.PixelDtype)
        else:
            merged = _merged_metadata(container, needed=geometry is None)
            size = _frame_size(container, geometry, merged)
            result = PixelFormat.from_dtype(pixel_header.PixelDtype, *size)
            result = replace(result, photometric_interpretation=_photometric(merged))
    except (MetaDataError, UnsupportedKindError) as exc:
        raise InvalidCubeFileError(f"{container.name}: pixel header: {exc.message}") from exc
    space_size = _size_in_space(container) if geometry is None else geometry.shape[1:]
    if space_size not in (None, result.shape[:2]):
        raise InvalidCubeFileError(
            f"{container.name}: frames are {result.shape[:2]}, the space says {space_size}"
        )
    require_within_limit(result, InvalidCubeFileError, container.name)
    return result


def _size_in_space(container: Container) -> tuple[object, ...] | None:
    """Return rows and columns as the space has them, None where it has none."""
    shape = (container.space() or {}).get("shape")
    return tuple(shape[1::-1]) if isinstance(shape, list) else None


def _frame_size(
    container: Container, geometry: Geometry | None, merged: dict[str, Any]
) -> tuple[int, int]:
    told = _size_in_metadata(merged)
    if geometry is not None:
        size = (geometry.shape[1], geometry.shape[2])
        if told not in (None, size):
            raise InvalidCubeFileError(
                f"{container.name}: the space says that frames are {size}, the metadata {told}",
                suggestion="the file is damaged; restore it from its source",
            )
        return size
    if told is not None:
        return told
    if not container.frame_count:
        raise MetaDataError("the file has no frames and does not say their size")
    from dicube_core.codec.codestream import parse

    info = parse(container.codestream(0))
    return info.rows, info.columns


def described_format(described: dict[str, Any], dtype_name: str) -> PixelFormat:
    """Return the pixel format as our writer put it into the file.

    Raises
    ------
    MetaDataError, UnsupportedKindError
        The description is not complete, contradicts the type, or cannot be.
    """
    result = PixelFormat(
        rows=_integer(described, "rows"),
        columns=_integer(described, "columns"),
        bits_allocated=_integer(described, "bits_allocated"),
        bits_stored=_integer(described, "bits_stored"),
        pixel_representation=_integer(described, "pixel_representation"),
        high_bit=_high_bit(described),
        photometric_interpretation=_text(described, "photometric_interpretation"),
        samples_per_pixel=_integer({"samples_per_pixel": 1, **described}, "samples_per_pixel"),
        planar_configuration=_integer(
            {"planar_configuration": 0, **described}, "planar_configuration"
        ),
        real=described.get("real", False) is True,
    )
    if result.dtype_name != dtype_name:
        raise MetaDataError(f"PixelDtype {dtype_name} contradicts {result.dtype_name}")
    return result


def _integer(described: dict[str, Any], name: str) -> int:
    value = described.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise MetaDataError(f"{name} is {value!r}, an integer is expected")
    if not 0 <= value < 1 << 32:
        raise MetaDataError(f"{name} is not in 0 to 4294967295")
    return value


def _high_bit(described: dict[str, Any]) -> int:
    value = _integer(described, "high_bit")
    if not 0 <= value < 1 << 16:  # what the element of a source may say (PS3.5 6.2, US)
        raise MetaDataError(f"high_bit is {value}, 0 to 65535 is expected")
    return value


def _text(described: dict[str, Any], name: str) -> str:
    value = described.get(name)
    if not isinstance(value, str):
        raise MetaDataError(f"{name} is {value!r}, a text is expected")
    return value


def _shared_value(merged: dict[str, Any], tag: str) -> object:
    entry = merged.get(tag)
    value = entry.get("Value") if isinstance(entry, dict) else None
    if not isinstance(value, list) or not value:
        return None
    return value[0] if all(item == value[0] for item in value) else None


def _merged_metadata(container: Container, *, needed: bool) -> dict[str, Any]:
    """Return the entries of the metadata, none where it is damaged and not needed.

    Damaged metadata is an error to whom it matters; the frames can be read without.
    """
    metadata = None
    with nullcontext() if needed else suppress(InvalidCubeFileError, MetaDataError):
        metadata = container.metadata()
    found = (metadata or {}).get("_merged_data", metadata)
    return found if isinstance(found, dict) else {}


def _photometric(merged: dict[str, Any]) -> str:
    """Return the photometric interpretation of a file that tells it in its metadata only."""
    found = _shared_value(merged, "00280004")
    return found if isinstance(found, str) else "MONOCHROME2"


def _size_in_metadata(merged: dict[str, Any]) -> tuple[int, int] | None:
    rows, columns = (_shared_value(merged, tag) for tag in ("00280010", "00280011"))
    if isinstance(rows, int) and isinstance(columns, int) and rows and columns:
        return rows, columns
    return None
