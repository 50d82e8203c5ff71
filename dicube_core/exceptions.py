"""The error tree.

Every error raised on purpose by this package is a `DicomCubeError`. The four children are the
documented classes of the ``.dcbs`` ecosystem; finer classes derive from them and from the
built-in exception that fits, so that ``except IndexError`` or ``except ImportError`` work as
usual. `OSError` (missing file, no permission, disk full) passes through unchanged.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing import Self

__all__ = [
    "ChecksumError",
    "CodecError",
    "CodecUnavailableError",
    "DataConsistencyError",
    "DecodeError",
    "DicomCubeError",
    "DicomCubeWarning",
    "EncodeError",
    "FrameIndexError",
    "GeometryError",
    "InvalidCubeFileError",
    "MetaDataError",
    "MissingDependencyError",
    "ReaderClosedError",
    "SeriesError",
    "SettingsError",
    "StreamingError",
    "TransferSyntaxError",
    "TruncatedFileError",
    "UnsupportedKindError",
    "UnsupportedVersionError",
    "VerificationError",
    "WorkersError",
]


#: No file decides how long an error is, or what a terminal does with it.
_LONGEST = 2000
_HEAD, _TAIL = 1400, 400


def _readable(text: str) -> str:
    """Return a text without control characters, the middle left out where it is too long."""
    if len(text) > _LONGEST:
        text = f"{text[:_HEAD]} [{len(text) - _HEAD - _TAIL} characters] {text[-_TAIL:]}"
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in "\n\t" else ascii(c)[1:-1] for c in text)


def _names(text: str, place: str) -> bool:
    """Tell whether a place stands in a text as a whole; a mere word has a colon behind it."""
    behind = r"(?![\w\\/-]|\.\w)" if re.search(r"\W", place) else r"(?=['\":])"
    return re.search(rf"(?<![\w.\\/-]){re.escape(place)}{behind}", text) is not None


class DicomCubeError(Exception):
    """Root of all errors of this package.

    Parameters
    ----------
    message : str
        What happened, where, expected against found.
    context : str, optional
        The operation, put in front of the message.
    suggestion : str, optional
        The one action that helps, put behind it.
    details : dict, optional
        Structured facts (path, frame, byte offset ...), kept in `details`.
    """

    def __init__(
        self,
        message: str = "",
        context: str | None = None,
        suggestion: str | None = None,
        details: dict[str, Any] | None = None,
    ) -> None:
        self.message = message = _readable(message)
        self.context = context
        self.suggestion = suggestion
        self.details = dict(details or {})
        # args carries all four, so that the error survives pickling between processes.
        super().__init__(message, context, suggestion, self.details)

    def add_place(self, place: str) -> Self:
        """Put a place, such as the name of a file, in front of the message if it names it not yet.

        A file called ``a`` is not named by any text that has an "a" in it, nor ``a.dcbs`` by one
        on ``data.dcbs``.
        """
        place = _readable(place)
        text = f"{self.context}: {self.message}" if self.context else self.message
        if not _names(text, place):
            self.message = _readable(f"{place}: {self.message}")
            self.args = (self.message, *self.args[1:])
        return self

    def __str__(self) -> str:
        text = f"{self.context}: {self.message}" if self.context else self.message
        return f"{text} ({self.suggestion})" if self.suggestion else text


class DicomCubeWarning(UserWarning):
    """Something the caller can act on, such as files left out of a series."""


class InvalidCubeFileError(DicomCubeError, ValueError):
    """The bytes are not a valid ``.dcbs`` file, or are damaged."""


class UnsupportedVersionError(InvalidCubeFileError):
    """The file says a format version or a critical feature that this package does not know."""


class TruncatedFileError(InvalidCubeFileError):
    """The file is shorter (or longer) than it says, or a section lies outside of it."""


class ChecksumError(InvalidCubeFileError):
    """Stored bytes do not match their checksum."""


class CodecError(DicomCubeError, RuntimeError):
    """Encoding or decoding a frame failed."""


class EncodeError(CodecError):
    """A frame could not be encoded, or did not decode to what was encoded."""


class DecodeError(CodecError):
    """A codestream is damaged or contradicts the file's own description of it."""


class CodecUnavailableError(CodecError, ImportError):
    """No installed backend handles this codec."""


class MetaDataError(DicomCubeError, ValueError):
    """Metadata is missing, unreadable or contradicts itself."""


class DataConsistencyError(DicomCubeError, ValueError):
    """Arrays and their description do not fit each other."""


class SeriesError(DataConsistencyError):
    """The given files do not form exactly one series; the message lists what was found."""


class UnsupportedKindError(DataConsistencyError, NotImplementedError):
    """A kind of image that cannot be kept whole, refused by its name."""


class FrameIndexError(DicomCubeError, IndexError):
    """A frame index is out of range."""


class GeometryError(DataConsistencyError):
    """The slices form no regular grid, so there is no affine that would be true."""


class TransferSyntaxError(DataConsistencyError):
    """A slice cannot be delivered in the transfer syntax that was asked for."""


class VerificationError(DataConsistencyError):
    """A round trip was not identical; nothing was kept of it."""


class StreamingError(DicomCubeError, RuntimeError):
    """A slice could not be delivered by a streaming reader."""


class ReaderClosedError(StreamingError, ValueError):
    """The reader was used after `close`."""


class SettingsError(DicomCubeError, ValueError):
    """A limit or setting, of the program or of its environment, cannot be what was said."""


class WorkersError(DicomCubeError, RuntimeError):
    """The processes that are to do the work cannot be had, do not fit, or are gone."""


class MissingDependencyError(DicomCubeError, ImportError):
    """An optional package is needed; the message names the extra to install."""
