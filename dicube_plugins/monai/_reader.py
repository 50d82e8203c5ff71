"""MONAI's interface of image readers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from monai.data.image_reader import ImageReader
from monai.data.utils import is_supported_format, orientation_ras_lps
from monai.utils import MetaKeys, SpaceKeys, ensure_tuple

from dicube_core.exceptions import DataConsistencyError
from dicube_core.reader import Reader
from dicube_plugins.volume import LazyVolume
from dicube_plugins.volume.facts import metadata_facts
from dicube_plugins.volume.urls import as_given

if TYPE_CHECKING:
    import os
    from collections.abc import Sequence

    import numpy.typing as npt

    from dicube_plugins.volume.lazy_volume import Values

__all__ = ["DcbsReader"]


class DcbsReader(ImageReader):  # type: ignore[misc] # MONAI is not looked at for types
    """Reads ``.dcbs`` files for `monai.transforms.LoadImage`.

    Arrays are (x, y, z), with one more axis for several volumes, or for the red, green and blue
    of colour; affines go to RAS mm: what `NibabelReader` gives for the same series as NIfTI.
    Pickles; used by worker processes, started by fork or spawn.

    Parameters
    ----------
    channel_dim : int or "no_channel", optional
        As for `NibabelReader`: which axis of the array is that of channels. By default the last
        one, where there are more than x, y and z.
    values : {"modality", "stored"}
        Modality values, each slice by its own slope and intercept or Modality LUT; or values as
        they are stored. Colour is RGB in both cases.
    dtype : dtype, optional
        Of the array; by default one that holds every value exactly: integers of 8 or 16 bits,
        float32 instead of wider integers where that is exact. `LoadImage` turns it into its own
        ``dtype`` (float32) afterwards.
    sheared : bool
        For a gantry tilt: take the true affine, whose third axis is not perpendicular.
    affine_lps_to_ras : bool
        False leaves the affine in LPS mm, as for `ITKReader`.
    series_meta : bool
        Put attributes of study, series and device into the metadata, under their DICOM keywords;
        no name or number of the patient is among them.
    **kwargs
        Of other readers, which `LoadImage` gives to all; without effect.

    Notes
    -----
    A series without a true grid is refused by `get_data` with a `GeometryError`: no affine is
    made up.
    """

    def __init__(
        self,
        channel_dim: str | int | None = None,
        values: Values = "modality",
        dtype: npt.DTypeLike | None = None,
        *,
        sheared: bool = False,
        affine_lps_to_ras: bool = True,
        series_meta: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__()
        if values not in ("modality", "stored"):
            raise ValueError(f"values are 'modality' or 'stored', not {values!r}")
        self.channel_dim = math.nan if channel_dim == "no_channel" else channel_dim
        self.values: Values = values
        self.dtype = None if dtype is None else np.dtype(dtype)
        self.sheared = sheared
        self.affine_lps_to_ras = affine_lps_to_ras
        self.series_meta = series_meta

    def verify_suffix(self, filename: Sequence[Any] | Any) -> bool:
        """Tell whether all file names end in ``.dcbs``."""
        return bool(is_supported_format(filename, ["dcbs"]))

    def read(self, data: Sequence[Any] | Any, **kwargs: Any) -> Any:
        """Open files; no frame is decoded.

        Parameters
        ----------
        data : path, URL, or sequence of them
            Several files are given as channels of one image by `get_data`.
        **kwargs
            Without effect.

        Returns
        -------
        Reader, or list of Reader
            A list for several files.

        Raises
        ------
        InvalidCubeFileError
            Not a valid ``.dcbs`` file.
        OSError
            It cannot be opened.
        """
        readers = [Reader(as_given(path)) for path in ensure_tuple(data)]
        return readers if len(readers) > 1 else readers[0]

    def get_data(self, img: Any) -> tuple[npt.NDArray[Any], dict[str, Any]]:
        """Decode files, and say where their voxels lie.

        Parameters
        ----------
        img : Reader or sequence of Reader
            From `read`.

        Returns
        -------
        array : ndarray of shape (x, y, z), (x, y, z, ...) or (channels, x, y, z)
            C-contiguous. Channels only for several files.
        meta : dict
            ``affine``, ``original_affine``, ``space``, ``spatial_shape``, ``spacing`` (mm) and
            ``original_channel_dim``, as the readers of MONAI have them.

        Raises
        ------
        GeometryError
            The slices form no regular grid; the message says why, and how to read them anyway.
        UnsupportedKindError
            Colour of a kind that is not turned into RGB.
        DataConsistencyError
            Files that are to be channels of one image differ in shape or affine.
        DecodeError, ChecksumError
            A frame is damaged; the message names it and its byte offset.
        """
        arrays = []
        meta: dict[str, Any] = {}
        for reader in ensure_tuple(img):
            volume = self.volume(reader)
            found = self.meta(volume)
            if meta:
                _require_same_place(meta, found, volume.name)
            else:
                meta = found
            arrays.append(volume.read(dtype=self.dtype or volume.float_dtype, order="C"))
            if arrays[-1].ndim != arrays[0].ndim:
                raise DataConsistencyError(
                    f"{volume.name}: shape {arrays[-1].shape}, the first file has "
                    f"{arrays[0].shape}: one has channels of its own (colour, or several volumes)",
                    suggestion="load the files under keys of their own",
                )
        if len(arrays) == 1:
            return arrays[0], meta
        if not math.isnan(channel := meta[MetaKeys.ORIGINAL_CHANNEL_DIM]):
            return np.concatenate(arrays, axis=int(channel)), meta
        meta[MetaKeys.ORIGINAL_CHANNEL_DIM] = 0
        return np.stack(arrays), meta

    def volume(self, source: Reader | str | os.PathLike[str]) -> LazyVolume:
        """Return a file as a lazy array, with the options of this reader."""
        return LazyVolume(source, values=self.values, sheared=self.sheared)

    def meta(self, volume: LazyVolume) -> dict[str, Any]:
        """Return the metadata that MONAI wants of an image."""
        affine = volume.affine.copy()
        if not self.affine_lps_to_ras:
            affine = orientation_ras_lps(affine)
        axes = volume.ndim + (volume.samples > 1)
        size = list(volume.shape)
        channel: float = math.nan if axes == 3 else -1
        if self.channel_dim is not None:
            channel = float(self.channel_dim)
            if not math.isnan(channel):
                channel = int(channel)
                size = [*volume.shape, *([volume.samples] if volume.samples > 1 else [])]
                del size[channel]
        meta: dict[str, Any] = {
            MetaKeys.AFFINE: affine,
            MetaKeys.ORIGINAL_AFFINE: affine.copy(),
            MetaKeys.SPACE: SpaceKeys.RAS if self.affine_lps_to_ras else SpaceKeys.LPS,
            MetaKeys.SPATIAL_SHAPE: np.asarray(size[:3]),
            MetaKeys.ORIGINAL_CHANNEL_DIM: channel,
            "spacing": np.asarray(volume.spacing),
        }
        if self.series_meta:
            meta |= metadata_facts(volume.reader.dicom_meta)
        return meta


def _require_same_place(first: dict[str, Any], other: dict[str, Any], name: str) -> None:
    """Refuse files whose voxels do not lie upon each other."""
    for key in (MetaKeys.SPATIAL_SHAPE, MetaKeys.AFFINE):
        if first[key].shape != other[key].shape or not np.allclose(first[key], other[key]):
            raise DataConsistencyError(
                f"{name}: its {key} differs from that of the first file: {other[key].tolist()}, "
                f"not {first[key].tolist()}",
                suggestion="files can be channels of one image only where their voxels lie upon "
                "each other; load them under keys of their own, and resample",
            )
