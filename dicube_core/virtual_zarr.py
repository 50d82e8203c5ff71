"""A ``.dcbs`` file as a virtual Zarr array: where each frame lies, and how it is decoded.

References in the form of kerchunk, version 1: a dictionary whose keys are those of a Zarr group
(version 2), and whose values are texts or ``[url, offset, length]``.
"""

from __future__ import annotations

import json
import os
from base64 import b64encode
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import DataConsistencyError
from dicube_core.reader import Reader
from dicube_core.urls import is_url, shown_url
from dicube_core.virtual_image import FRAME_CODEC, virtual_image

if TYPE_CHECKING:
    import numpy.typing as npt

    from dicube_core.labels import Coordinate
    from dicube_core.virtual_image import VirtualImage

__all__ = ["references"]


def references(
    source: str | os.PathLike[str], *, url: str | None = None, checksums: bool = True
) -> dict[str, Any]:
    """Return kerchunk references, by which a file is read as a Zarr group.

    The group holds ``image`` (or ``stored``, see Notes), of the axes that `xarray` names
    ``z, y, x`` (before them ``time``, ``echo`` ... of a series of several volumes; ``frame, y,
    x`` where there is no affine), and coordinates. Nothing of a frame is read to make them.

    Parameters
    ----------
    source : path or URL
        The file.
    url : str, optional
        Where readers of the references find the file; `source` itself by default, a path as
        ``file://`` and the absolute path.
    checksums : bool, optional
        Put the CRC-32 of each frame into the configuration of the codec, which then finds every
        damage, and that the file was replaced. Such arrays cannot be put together with those of
        other files, which have another configuration.

    Returns
    -------
    dict
        ``{"version": 1, "refs": {...}}``, of JSON values.

    Raises
    ------
    DicomCubeError, OSError
        The file cannot be read.
    DataConsistencyError
        `source` is a URL with a password or a signature, and `url` is not given.
    TypeError
        `source` is neither a path nor a URL: references need a place.

    Notes
    -----
    The array holds stored values, without the bits that are none of the pixel's. Where one slope
    and intercept hold for all frames they are ``scale_factor`` and ``add_offset``, which xarray
    applies in float64. Where they differ, where a Modality LUT takes their place, and for colour
    that is not RGB, it is named ``stored``: ``rescale_slope`` and ``rescale_intercept`` have a
    value per frame, and the attribute ``modality_values`` says what is to be done.
    """
    if not isinstance(source, str | os.PathLike):
        raise TypeError(
            f"references are made of a path or URL, not of {type(source).__name__}: what reads "
            "them must find the file"
        )
    place = _url_of(source) if url is None else url
    with Reader(source) as reader:
        image = virtual_image(reader, checksums=checksums)
        refs = {
            ".zgroup": _text({"zarr_format": 2}),
            ".zattrs": _text(image.series_attrs),
            **_image_entries(image, reader, place),
        }
    for coordinate in image.coordinates:
        refs |= _inline(coordinate)
    return {"version": 1, "refs": refs}


def _image_entries(image: VirtualImage, reader: Reader, url: str) -> dict[str, Any]:
    """Return the entries of the array: its description, and the place of every frame."""
    beside = [c.name for c in image.coordinates if c.dims != (c.name,)]
    attrs = image.attrs | ({"coordinates": " ".join(beside)} if beside else {})
    codec = {"id": FRAME_CODEC, **image.codec}
    entries: dict[str, Any] = {
        f"{image.name}/.zarray": _zarray(image.shape, image.chunks, image.dtype, codec),
        f"{image.name}/.zattrs": _text({"_ARRAY_DIMENSIONS": list(image.dims), **attrs}),
    }
    index = reader.container.index
    inner = ".0" * len(reader.pixel_format.shape)
    for place, frame in _places(image.labels.grid):
        key = ".".join(map(str, place)) + inner
        entries[f"{image.name}/{key}"] = [url, index.offsets[frame], index.lengths[frame]]
    return entries


def _places(grid: npt.NDArray[Any]) -> list[tuple[tuple[int, ...], int]]:
    import numpy as np

    return [(place, int(frame)) for place, frame in np.ndenumerate(grid)]


def _inline(coordinate: Coordinate) -> dict[str, str]:
    """Return a coordinate as an array whose one chunk stands in the references themselves."""
    values = coordinate.values
    little = values.astype(values.dtype.newbyteorder("<"), order="C")
    attrs = {"_ARRAY_DIMENSIONS": list(coordinate.dims), **coordinate.attrs}
    name, shape = coordinate.name, values.shape
    return {
        f"{name}/.zarray": _zarray(shape, shape, little.dtype.str, None),
        f"{name}/.zattrs": _text(attrs),
        f"{name}/{'.'.join('0' * len(shape))}": "base64:" + b64encode(little.tobytes()).decode(),
    }


def _zarray(
    shape: tuple[int, ...], chunks: tuple[int, ...], dtype: str, codec: dict[str, Any] | None
) -> str:
    return _text(
        {
            "zarr_format": 2,
            "shape": list(shape),
            "chunks": list(chunks),
            "dtype": dtype,
            "compressor": codec,
            "filters": None,
            # A number here would be taken for missing values by those who follow CF.
            "fill_value": None,
            "order": "C",
            "dimension_separator": ".",
        }
    )


def _text(value: dict[str, Any]) -> str:
    return json.dumps(value, allow_nan=False)


def _url_of(source: str | os.PathLike[str]) -> str:
    text = os.fspath(source)
    if is_url(text):
        if shown_url(text) != text:
            raise DataConsistencyError(
                f"{shown_url(text)}: the address holds what gives access (a user, a query), which "
                "would stand in the references for all to read",
                suggestion="name the place without it by url= (--url); give the same address "
                "there to have it written all the same",
            )
        return text
    # Not Path.as_uri: what reads references takes the name as it is, without %20 for a space.
    path = Path(text).absolute().as_posix()
    return f"file://{path}" if path.startswith("/") else f"file:///{path}"
