"""Our errors as ITK's users catch them: whatever fails there is a `RuntimeError`."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from dicube_core.exceptions import (
    ChecksumError,
    DataConsistencyError,
    DicomCubeError,
    FrameIndexError,
    GeometryError,
    InvalidCubeFileError,
    MetaDataError,
    MissingDependencyError,
    TruncatedFileError,
    UnsupportedVersionError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = [
    "ItkChecksumError",
    "ItkDataConsistencyError",
    "ItkError",
    "ItkFrameIndexError",
    "ItkGeometryError",
    "ItkInvalidCubeFileError",
    "ItkMetaDataError",
    "ItkMissingDependencyError",
    "ItkTruncatedFileError",
    "ItkUnsupportedVersionError",
    "itk_errors",
]


class ItkError(DicomCubeError, RuntimeError):
    """An error of ours that ITK's users catch as `RuntimeError`."""


class ItkInvalidCubeFileError(InvalidCubeFileError, ItkError):
    """As its first base."""


class ItkUnsupportedVersionError(UnsupportedVersionError, ItkError):
    """As its first base."""


class ItkTruncatedFileError(TruncatedFileError, ItkError):
    """As its first base."""


class ItkChecksumError(ChecksumError, ItkError):
    """As its first base."""


class ItkMetaDataError(MetaDataError, ItkError):
    """As its first base."""


class ItkDataConsistencyError(DataConsistencyError, ItkError):
    """As its first base."""


class ItkGeometryError(GeometryError, ItkError):
    """As its first base."""


class ItkFrameIndexError(FrameIndexError, ItkError):
    """As its first base."""


class ItkMissingDependencyError(MissingDependencyError, ItkError):
    """As its first base."""


_TWINS: dict[type[DicomCubeError], type[ItkError]] = {
    DicomCubeError: ItkError,
    InvalidCubeFileError: ItkInvalidCubeFileError,
    UnsupportedVersionError: ItkUnsupportedVersionError,
    TruncatedFileError: ItkTruncatedFileError,
    ChecksumError: ItkChecksumError,
    MetaDataError: ItkMetaDataError,
    DataConsistencyError: ItkDataConsistencyError,
    GeometryError: ItkGeometryError,
    FrameIndexError: ItkFrameIndexError,
    MissingDependencyError: ItkMissingDependencyError,
}


@contextmanager
def itk_errors() -> Iterator[None]:
    """Turn our errors into such that are a `RuntimeError` too, with all they say.

    Those of the codec are one already.
    """
    try:
        yield
    except DicomCubeError as exc:
        if isinstance(exc, RuntimeError):
            raise
        twin = next(_TWINS[kind] for kind in type(exc).__mro__ if kind in _TWINS)
        raise twin(exc.message, exc.context, exc.suggestion, exc.details) from exc
