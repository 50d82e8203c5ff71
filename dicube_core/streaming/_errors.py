"""Errors of a slice that was asked for, in the class that callers of streaming readers expect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.exceptions import (
    DicomCubeError,
    FrameIndexError,
    StreamingError,
    TransferSyntaxError,
)

if TYPE_CHECKING:
    from types import TracebackType

__all__ = ["SliceErrors"]

#: Errors that reach the caller as they are.
_DOCUMENTED = (StreamingError, TransferSyntaxError, FrameIndexError)


class SliceErrors:
    """Have whatever keeps a slice from being read leave the block as a `StreamingError`.

    Not made with `contextlib.contextmanager`, which takes five times as long.

    Parameters
    ----------
    index : int
        The slice.
    name : str
        Name of the file.
    """

    __slots__ = ("_index", "_name")

    def __init__(self, index: int, name: str) -> None:
        self._index, self._name = index, name

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(value, _DOCUMENTED):
            return
        # Kept nowhere: an error knows the frames that it passed, and with them their arrays.
        if isinstance(value, DicomCubeError):
            raise StreamingError(
                f"slice {self._index}: {value.message}",
                suggestion=value.suggestion,
                details={**value.details, "frame": self._index},
            ).add_place(self._name) from value
        if isinstance(value, OSError):
            raise StreamingError(
                f"slice {self._index} cannot be read: {value}", details={"frame": self._index}
            ).add_place(self._name) from value
