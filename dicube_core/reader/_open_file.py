"""A ``.dcbs`` file while it is open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicube_core.container.extension import WRITER
from dicube_core.container.reader import Container
from dicube_core.container.sections import parse_json
from dicube_core.exceptions import InvalidCubeFileError, MetaDataError
from dicube_core.lazy import lazy
from dicube_core.path_source import PathSource, replaced_file
from dicube_core.pixel_header import PixelDataHeader
from dicube_core.source import open_source, requests_of

if TYPE_CHECKING:
    import os
    from typing import BinaryIO, Self

    from dicube_core.source import ByteSource

__all__ = ["OpenFile"]


class OpenFile:
    """The source and its container: opened, closed, pickled; see `Reader`."""

    def __init__(self, source: str | os.PathLike[str] | bytes | BinaryIO | ByteSource) -> None:
        self._given = source
        self._source = open_source(source)
        self._owned = self._source is not source
        try:
            self._container = Container(self._source)
            stored = self._container.pixel_header
            self.pixel_header = PixelDataHeader.stored(stored, self.frame_count)
        except MetaDataError as exc:
            self.close()
            raise InvalidCubeFileError(
                exc.message, suggestion=exc.suggestion, details=exc.details
            ).add_place(self.name) from exc
        except BaseException:
            self.close()
            raise

    @property
    def name(self) -> str:
        """Path of the file, or a description of the source."""
        return str(getattr(self._source, "name", "<source>"))

    @property
    def container(self) -> Container:
        """The file's sections as stored."""
        return self._container

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return self._container.frame_count

    @property
    def validated(self) -> bool:
        """Whether the file has checksums, so that damage cannot go unnoticed."""
        return self._container.validated

    @lazy
    def writer(self) -> str:
        """Name and version of the program that wrote the file, empty where it does not say."""
        data = self._container.part(WRITER)
        where = f"{self.name}: extension part WRTR"
        return "" if data is None else str(parse_json(data, where).get("writer", ""))

    def close(self) -> None:
        """Close what the reader opened; may be called again."""
        if self._owned:
            close = getattr(self._source, "close", None)
            if close is not None:
                close()

    def __len__(self) -> int:
        return self.frame_count

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __reduce__(self) -> tuple[Any, ...]:
        if isinstance(self._given, bytes):
            return type(self), (self._given,)
        if isinstance(self._source, PathSource):
            source, owned = self._source.__reduce__()[1][0], True
        elif requests_of(self._source) is not None:
            source, owned = self._source, self._owned
        else:
            raise TypeError("only a reader opened from a path, address or bytes can be pickled")
        return _opened_again, (type(self), source, owned, self._container.mark)


def _opened_again(
    kind: type[OpenFile], source: str | ByteSource, owned: bool, mark: tuple[int, ...]
) -> OpenFile:
    """Open what was pickled; frames, places and values of another file are not to be mixed up."""
    reader = kind(source)
    reader._owned = owned  # noqa: SLF001 - its own
    if reader.container.mark != mark:
        reader.close()
        raise replaced_file(reader.name)
    return reader
