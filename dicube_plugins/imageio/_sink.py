"""Write the arrays that imageio hands over, one by one or all at once."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from imageio.core.request import RETURN_BYTES, URI_FILENAME

from dicube_core.exceptions import DataConsistencyError
from dicube_plugins.imageio._series import make_image

if TYPE_CHECKING:
    import numpy.typing as npt

    from dicube_core.image import DicomCubeImage
    from dicube_plugins.imageio._series import SeriesOptions

__all__ = ["SeriesSink"]


class SeriesSink:
    """Takes the arrays of one file, and writes them. Not safe for several threads.

    Parameters
    ----------
    request : imageio.core.Request
        Where the file goes.
    """

    def __init__(self, request: Any) -> None:
        self._request = request
        self._parts: list[npt.NDArray[Any]] = []
        self._options: SeriesOptions | None = None

    @property
    def is_waiting(self) -> bool:
        """Whether there are images that `finish` would write."""
        return bool(self._parts)

    def add(
        self, frames: npt.NDArray[Any], options: SeriesOptions, *, is_part: bool
    ) -> bytes | None:
        """Take an array of shape (frames, rows, columns).

        Parameters
        ----------
        is_part : bool
            It is one of several: written by `finish`, unless the bytes are to be returned.

        Returns
        -------
        bytes or None
            The file, if it goes nowhere else.
        """
        if self._options is not None and not (is_part and self._parts):
            raise DataConsistencyError(
                "a .dcbs file holds one series, and this one was written already",
                suggestion="write all slices in one call, or one 2-D image after another",
            )
        if self._parts:
            self._require_alike(frames, options)
        self._options = options
        returns = _returns_bytes(self._request)
        if is_part and not returns:
            self._parts.append(frames.copy())
            return None
        data = self._write(frames, options)
        return data if returns else None

    def _require_alike(self, frames: npt.NDArray[Any], options: SeriesOptions) -> None:
        first = self._parts[0]
        if (frames.shape, frames.dtype) != (first.shape, first.dtype):
            raise DataConsistencyError(
                f"image {len(self._parts)} is {frames.shape[1:]} {frames.dtype}, image 0 is "
                f"{first.shape[1:]} {first.dtype}; slices of a series are alike"
            )
        if options != self._options:
            raise DataConsistencyError(
                f"image {len(self._parts)} was given with other arguments than image 0"
            )

    def finish(self) -> None:
        """Write the images that were added one by one."""
        if self._parts and self._options is not None:
            frames, self._parts = np.concatenate(self._parts), []
            self._write(frames, self._options)

    def _write(self, frames: npt.NDArray[Any], options: SeriesOptions) -> bytes | None:
        request, image = self._request, make_image(frames, options)
        if request._uri_type == URI_FILENAME:  # noqa: SLF001 - so do all plugins of imageio
            _save(image, request.get_local_filename(), options)
            return None
        data = _encoded(image, options)
        request.get_file().write(data)
        return data


def _returns_bytes(request: Any) -> bool:
    return isinstance(request.raw_uri, str) and request.raw_uri.startswith(RETURN_BYTES)


def _save(image: DicomCubeImage, path: str, options: SeriesOptions) -> None:
    """Write a file, which appears whole or not at all."""
    from dicube_core.saving import save_image

    save_image(image, path, verify=options.verify, progressive=options.progressive)


def _encoded(image: DicomCubeImage, options: SeriesOptions) -> bytes:
    with tempfile.TemporaryDirectory(prefix="dcbs-") as folder:
        path = Path(folder) / "series.dcbs"
        _save(image, str(path), options)
        return path.read_bytes()
