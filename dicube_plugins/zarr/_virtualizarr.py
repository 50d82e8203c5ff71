"""The parser by which VirtualiZarr makes a virtual dataset of a ``.dcbs`` file."""

from __future__ import annotations

from typing import Any

import numpy as np
from virtualizarr.manifests import ChunkManifest, ManifestArray, ManifestGroup, ManifestStore
from virtualizarr.manifests.utils import create_v3_array_metadata

from dicube_core.path_source import changed_file, short_read
from dicube_core.reader import Reader
from dicube_core.virtual_image import FRAME_CODEC, virtual_image

__all__ = ["DcbsParser"]

#: What obstore says of an object that is not the same for another one in its place.
_VERSION = ("size", "e_tag", "last_modified", "version")


class DcbsParser:
    """A parser of VirtualiZarr: ``open_virtual_dataset(url, registry, parser=DcbsParser())``.

    The dataset holds the values only, virtually: a ``.dcbs`` file has no array of coordinates
    that could be pointed at. Those of ``xarray.open_dataset(path)`` can be assigned to it.

    Parameters
    ----------
    checksums : bool, optional
        As of `dicube_core.references`; off, for only arrays whose codecs are the same can be put
        together, which is what virtual datasets are made for.
    """

    def __init__(self, *, checksums: bool = False) -> None:
        self.checksums = checksums

    def __call__(self, url: str, registry: Any) -> ManifestStore:
        """Return the store of one file.

        Parameters
        ----------
        url : str
            Where the file is, such as ``file:///data/study.dcbs`` or ``s3://bucket/study.dcbs``.
        registry : obspec_utils.registry.ObjectStoreRegistry
            Has a store that reads from there.

        Raises
        ------
        DicomCubeError
            The file is not valid, or was replaced while it was read.
        """
        store, path = registry.resolve(url)
        source = _StoreSource(store, path, url)
        with Reader(source) as reader:
            image = virtual_image(reader, checksums=self.checksums)
            metadata = create_v3_array_metadata(
                shape=image.shape,
                data_type=np.dtype(image.dtype),
                chunk_shape=image.chunks,
                codecs=[{"name": FRAME_CODEC, "configuration": image.codec}],
                dimension_names=image.dims,
                attributes=image.attrs,
            )
            manifest = _manifest(reader, image.labels.grid, len(image.shape), url)
        source.require_unchanged()
        array = ManifestArray(metadata=metadata, chunkmanifest=manifest)
        group = ManifestGroup(arrays={image.name: array}, attributes=image.series_attrs)
        return ManifestStore(group=group, registry=registry)


def _manifest(reader: Reader, grid: Any, n_axes: int, url: str) -> ChunkManifest:
    index = reader.container.index
    shape = (*grid.shape, *(1 for _ in range(n_axes - grid.ndim)))
    offsets, lengths = (
        np.array([table[frame] for frame in grid.ravel().tolist()], np.uint64).reshape(shape)
        for table in (index.offsets, index.lengths)
    )
    paths = np.full(shape, url, dtype=np.dtypes.StringDType())
    return ChunkManifest.from_arrays(paths=paths, offsets=offsets, lengths=lengths)


class _StoreSource:
    """Ranges of one object of an obstore store."""

    def __init__(self, store: Any, path: str, url: str) -> None:
        self.name = url
        self._store, self._path = store, path
        self._head: dict[str, Any] = dict(store.head(path))

    def size(self) -> int:
        """Return the size that the object had when this was made."""
        return int(self._head["size"])

    def require_unchanged(self) -> None:
        """Refuse an object that is another one now: parts of both may have been read."""
        now = self._store.head(self._path)
        if any(now.get(name) != self._head.get(name) for name in _VERSION):
            raise changed_file(self.name)

    def read_at(self, offset: int, length: int) -> bytes:
        """Return exactly `length` bytes from `offset`."""
        if not length:
            return b""
        data = bytes(self._store.get_range(self._path, start=offset, length=length))
        if len(data) != length:
            raise short_read(self.name, offset, length, len(data))
        return data
