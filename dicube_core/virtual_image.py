"""The array that the frames of a ``.dcbs`` file are to readers of Zarr, one chunk per frame."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dicube_core.labels import labels_of, rescale_coordinates
from dicube_core.modality import ModalityTransform

if TYPE_CHECKING:
    from dicube_core.labels import Coordinate, Labels
    from dicube_core.reader import Reader

__all__ = ["FRAME_CODEC", "VirtualImage", "virtual_image"]

#: Name of the codec of the chunks, in the registries of numcodecs and of zarr.
FRAME_CODEC = "dicube.frame"
_NOTE = (
    "Offsets into a .dcbs file, true as long as that file is not replaced. "
    "They need the codec 'dicube.frame' of the package dicube-plugins."
)
_NO_CHECKSUMS = (
    "The frames are not compared with checksums: only damage to their structure is found."
)


@dataclass(frozen=True, slots=True)
class VirtualImage:
    """The array that the frames of a file are, one chunk per frame.

    Parameters
    ----------
    name : str
        ``'image'`` where the values, by ``scale_factor`` and ``add_offset`` if `attrs` has them,
        are the modality values or RGB; else ``'stored'``.
    dims : tuple of str
        Names of all axes.
    shape, chunks : tuple of int
        Of the array and of a chunk.
    dtype : str
        numpy's name, little endian.
    codec : dict
        Configuration of the codec `FRAME_CODEC`.
    attrs : dict
        JSON values.
    coordinates : tuple of Coordinate
        All of numbers.
    series_attrs : dict
        JSON values; of the group.
    labels : Labels
        What it was made of.
    """

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: str
    codec: dict[str, Any]
    attrs: dict[str, Any]
    coordinates: tuple[Coordinate, ...]
    series_attrs: dict[str, Any]
    labels: Labels


def virtual_image(reader: Reader, *, checksums: bool = True) -> VirtualImage:
    """Return the array that the frames of an open file are."""
    import numpy as np

    labels, fmt = labels_of(reader), reader.pixel_format
    crcs = reader.container.frame_checksums if checksums else None
    codec = {"codec": reader.codec_name, **asdict(fmt)}
    codec |= {} if crcs is None else {"crc32": list(crcs)}
    name, attrs, per_frame = _meaning(reader, labels)
    inner = ("y", "x", "rgb" if name == "image" else "sample")[: len(fmt.shape)]
    texts = {
        f"{c.name}_values": c.values.tolist()
        for c in labels.coordinates
        if c.values.dtype.kind == "U"
    }
    series_attrs = labels.attrs | texts | {"dicube_references": _NOTE}
    if crcs is None:
        series_attrs["dicube_checksums"] = _NO_CHECKSUMS
    numbers = tuple(c for c in labels.coordinates if c.values.dtype.kind != "U")
    return VirtualImage(
        name,
        (*labels.dims, *inner),
        (*labels.grid.shape, *fmt.shape),
        (*(1 for _ in labels.grid.shape), *fmt.shape),
        np.dtype(fmt.dtype_name).newbyteorder("<").str,
        codec,
        attrs,
        (*numbers, *per_frame),
        series_attrs,
        labels,
    )


def _meaning(reader: Reader, labels: Labels) -> tuple[str, dict[str, Any], tuple[Coordinate, ...]]:
    """Return name and attributes of the array, and what of its meaning differs between frames."""
    fmt, transform = reader.pixel_format, ModalityTransform.of_reader(reader)
    attrs = dict(labels.image_attrs)
    kind = fmt.photometric_interpretation
    if fmt.is_colour or fmt.is_palette:
        if kind == "RGB":
            return "image", attrs | {"long_name": "red, green and blue"}, ()
        attrs["long_name"] = f"stored values of {kind}"
        return "stored", attrs | {"modality_values": "none: this is colour, not as RGB"}, ()
    units = {"units": labels.units} if labels.units else {}
    if transform.has_lut:
        attrs["long_name"] = "stored values"
        text = "by the Modality LUT of each slice, which references do not have"
        return "stored", attrs | {"modality_values": text}, ()
    pairs = [transform.rescale(frame) for frame in range(reader.frame_count)]
    if len(set(pairs)) == 1:
        attrs |= units | {"long_name": "modality values"}
        if not transform.is_identity:
            attrs |= {"scale_factor": pairs[0][0], "add_offset": pairs[0][1]}
        return "image", attrs, ()
    attrs["long_name"] = "stored values"
    if units:
        attrs["modality_units"] = labels.units
    attrs["modality_values"] = "stored * rescale_slope + rescale_intercept, of each frame"
    return "stored", attrs, rescale_coordinates(labels.dims, labels.grid, pairs)
