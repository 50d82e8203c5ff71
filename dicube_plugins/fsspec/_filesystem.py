"""The slices of one ``.dcbs`` file as a folder of read-only files."""

from __future__ import annotations

import errno
import io
import os
from typing import TYPE_CHECKING, Any, ClassVar, Never

from fsspec import AbstractFileSystem
from fsspec.utils import tokenize

from dicube_core.exceptions import DicomCubeError
from dicube_core.lazy import lazy
from dicube_core.streaming import DcbStreamingReader
from dicube_plugins.fsspec._names import NATIVE, frame_ending, syntax_uid
from dicube_plugins.fsspec._source import source_of

if TYPE_CHECKING:
    from dicube_core.reader import Reader

__all__ = ["DcbsFileSystem"]

#: Decoded slices that are kept; those in HTJ2K are not decoded.
_KEPT = 8
_DICOM = "dcm"


class DcbsFileSystem(AbstractFileSystem):  # type: ignore[misc]
    """Files ``000000.dcm`` ... and ``000000.j2c`` ...: slices, and their frames as stored.

    A ``.dcm`` file is what `dicube_core.dicom.DcbStreamingReader` delivers. The frames of a file
    that keeps what its sources had compressed end in ``jpg``, ``jls`` or ``rle``; those of real
    values in ``pcodec``. Sizes are exact, and worked out when they are asked for: to list a
    folder, at most a byte is read of most frames.

    Safe for several threads, if the file system below is. Pickles as its arguments.

    Parameters
    ----------
    fo : str, path or seekable binary file
        The ``.dcbs`` file; what follows ``::`` in a chained URL.
    target_protocol : str, optional
        File system of `fo`; given by fsspec for a chained URL.
    target_options : dict, optional
        Arguments of that file system.
    transfer_syntax : str, optional
        Of the ``.dcm`` files: ``'htj2k'``, ``'htj2k-rpcl'``, ``'explicit'``, ``'implicit'``,
        ``'deflated'``, or its UID; ``'native'`` is the source's own uncompressed encoding. By
        default frames are left as they are stored, where all readers take that for the same.

    Raises
    ------
    ValueError
        No file is named, or no such transfer syntax.
    StreamingError, OSError
        The file is not valid, or cannot be opened.
    """

    protocol: ClassVar[str] = "dcbs"
    root_marker: ClassVar[str] = ""
    cachable: ClassVar[bool] = False

    def __init__(
        self,
        fo: Any = "",
        target_protocol: str | None = None,
        target_options: dict[str, Any] | None = None,
        transfer_syntax: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if isinstance(fo, str) and not fo:
            raise ValueError(
                "no .dcbs file is named: write dcbs://000000.dcm::file://study.dcbs, or give fo="
            )
        self.fo = fo
        self._native = transfer_syntax == NATIVE
        self._syntax = None if self._native else syntax_uid(transfer_syntax)
        self._slices = DcbStreamingReader(
            source_of(fo, target_protocol, target_options or {}), cache_size=_KEPT
        )
        self._sizes: dict[str, int] = {}

    @classmethod
    def _strip_protocol(cls, path: str) -> str:
        text: str = super()._strip_protocol(path)
        return text.lstrip("/")

    def ukey(self, path: str) -> str:
        """Return a text that stands for a file and its content."""
        file = self._reader.container
        content = file.index, file.frame_checksums
        return str(tokenize(path, self.fo, self._syntax, self._native, content))

    def close(self) -> None:
        """Close the file below; may be called again."""
        self._slices.close()

    # -- names ----------------------------------------------------------------------------------

    @property
    def _reader(self) -> Reader:
        return self._slices.slices.reader

    @lazy
    def _ending(self) -> str:
        """Ending of the names of frames as they are stored."""
        return frame_ending(self._reader.codec_name)

    @lazy
    def _endings(self) -> tuple[str, ...]:
        """Endings of all names."""
        has_headers = self._reader.headers is not None or self._reader.dicom_meta is not None
        return (_DICOM, self._ending) if has_headers else (self._ending,)

    def _frame_of(self, path: str) -> tuple[str, int, str]:
        """Return the name, the frame and the ending of a file."""
        name = self._strip_protocol(path)
        stem, _, ending = name.partition(".")
        if stem.isascii() and stem.isdecimal() and ending in self._endings:
            frame = int(stem)
            if name == _name(frame, ending) and frame < self._reader.frame_count:
                return name, frame, ending
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)

    # -- listing --------------------------------------------------------------------------------

    def ls(self, path: str, detail: bool = True, **_: Any) -> list[Any]:
        """List the files; see `fsspec.AbstractFileSystem.ls`.

        The size of a slice that cannot be delivered is None: opening it says why.
        """
        if self._strip_protocol(path):
            name, _frame, _ending = self._frame_of(path)
            names = [name]
        else:
            frames = range(self._reader.frame_count)
            names = [_name(frame, ending) for frame in frames for ending in self._endings]
        return [self._entry(name) for name in names] if detail else names

    def info(self, path: str, **_: Any) -> dict[str, Any]:
        """Return name, size and type; see `fsspec.AbstractFileSystem.info`."""
        if not self._strip_protocol(path):
            return {"name": "", "size": 0, "type": "directory"}
        name, _frame, _ending = self._frame_of(path)
        return self._entry(name)

    def _entry(self, name: str) -> dict[str, Any]:
        size: int | None = self._sizes.get(name)
        if size is None:
            try:
                size = self._sizes[name] = self._size(name)
            except DicomCubeError:
                size = None
        return {"name": name, "size": size, "type": "file"}

    def _size(self, name: str) -> int:
        _, frame, ending = self._frame_of(name)
        if ending != _DICOM:
            return self._reader.container.index.lengths[frame]
        slices = self._slices.slices
        return slices.size(frame, slices.native_syntax(frame) if self._native else self._syntax)

    # -- reading --------------------------------------------------------------------------------

    def _open(self, path: str, mode: str = "rb", **_: Any) -> io.BytesIO:
        if mode != "rb":
            raise _read_only(path)
        return _ReadOnlyBytes(self._content(path))

    def cat_file(
        self, path: str, start: int | None = None, end: int | None = None, **_: Any
    ) -> bytes:
        """Return a file or a range of it; negative positions count from its end."""
        return self._content(path)[start:end]

    def _content(self, path: str) -> bytes:
        _, frame, ending = self._frame_of(path)
        if ending == _DICOM:
            return self._slices.get_dicom_for_frame(
                frame, force_uncompressed=self._native, transfer_syntax=self._syntax
            )
        data = self._reader.codestream(frame)
        self._reader.check_frame(frame, data)
        return data

    # -- what cannot be done --------------------------------------------------------------------

    def _refuse(self, path: str = "", *_: Any, **__: Any) -> Never:
        """Refuse to change anything."""
        raise _read_only(path)

    mkdir = makedirs = rmdir = rm = rm_file = _rm = touch = pipe_file = _refuse
    cp_file = mv = put_file = _refuse


class _ReadOnlyBytes(io.BytesIO):
    """A file to be read only."""

    @property
    def size(self) -> int:
        """Bytes of it; files of fsspec say so by this name."""
        return self.getbuffer().nbytes

    def writable(self) -> bool:
        return False

    def write(self, *_: object) -> Never:
        raise io.UnsupportedOperation("not writable")

    writelines = truncate = write


def _name(frame: int, ending: str) -> str:
    return f"{frame:06d}.{ending}"


def _read_only(path: str) -> OSError:
    return OSError(errno.EROFS, "the slices of a .dcbs file cannot be changed", path)
