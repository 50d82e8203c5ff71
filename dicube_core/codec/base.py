"""What the rest of the package knows of a codec: three methods and two names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dicube_core.pixels import PixelFormat

__all__ = ["HTJ2K_LOSSLESS", "Codestream", "FrameCodec", "FrameInfo", "StoredValues"]

#: High-Throughput JPEG 2000, lossless only (DICOM PS3.5 A.4.9).
HTJ2K_LOSSLESS = "1.2.840.10008.1.2.4.201"

#: The bare encoded bytes of one frame, without a box or a DICOM fragment around them.
Codestream: TypeAlias = bytes | bytearray | memoryview

StoredValues: TypeAlias = "npt.NDArray[np.integer[Any]]"


class FrameInfo(Protocol):
    """What an encoded frame says of itself."""

    @property
    def rows(self) -> int:
        """Height."""
        ...

    @property
    def columns(self) -> int:
        """Width."""
        ...

    @property
    def components(self) -> int:
        """Samples per pixel."""
        ...

    @property
    def precision(self) -> int:
        """Bits per sample."""
        ...

    @property
    def signed(self) -> bool:
        """Whether the samples are two's complement."""
        ...

    @property
    def n_bytes(self) -> int:
        """Length without padding."""
        ...


@runtime_checkable
class FrameCodec(Protocol):
    """Encodes and decodes single frames, without any loss.

    All methods may be called from several threads at once on one object, also in a process made
    by fork. A codec keeps nothing of the frames it has seen.
    """

    @property
    def name(self) -> str:
        """Name in the registry, such as ``htj2k``."""
        ...

    @property
    def transfer_syntax_uid(self) -> str:
        """Transfer syntax of a DICOM instance that holds such a codestream; empty if none does."""
        ...

    def encode(self, frame: StoredValues, pixel_format: PixelFormat) -> bytes:
        """Encode one frame.

        Parameters
        ----------
        frame : ndarray of shape (rows, columns)
            Stored values of the type that `pixel_format` names, in any byte order and memory
            layout. Values outside of ``bits_stored`` are kept.
        pixel_format : PixelFormat
            Description of the frame.

        Returns
        -------
        bytes
            The codestream; the same bytes for the same values, on every call.

        Raises
        ------
        DataConsistencyError
            `frame` does not have the shape or type that `pixel_format` says.
        EncodeError
            The encoder failed.
        CodecUnavailableError
            The backend cannot encode, or is not installed.
        """
        ...

    def inspect(self, codestream: Codestream, pixel_format: PixelFormat) -> FrameInfo:
        """Check the structure of a codestream against `pixel_format`, without decoding it.

        Raises
        ------
        DecodeError
            The codestream is damaged, or is not a lossless image of this size, depth and sign.
            The message names the marker and its byte offset.
        """
        ...

    def decode(
        self,
        codestream: Codestream,
        pixel_format: PixelFormat,
        out: StoredValues | None = None,
        level: int = 0,
    ) -> StoredValues:
        """Inspect, then decode one frame to stored values.

        Parameters
        ----------
        codestream : bytes-like
            Exactly one codestream; it must not change during the call.
        pixel_format : PixelFormat
            Description of the frame.
        out : ndarray of shape (rows, columns), optional
            C-contiguous, writable array of the frame's type in native byte order. It is filled
            and returned; after an error its content is undefined.
        level : int, optional
            How often to halve the resolution, from 0 to the decompositions of the codestream.
            The result (and `out`) then has ``ceil(rows / 2**level)`` rows and
            ``ceil(columns / 2**level)`` columns. Values are within the depth of the codestream,
            though the low-pass filter overshoots. Of what cannot be averaged (indices of a
            palette, words with something else in spare bits) every ``2**level``-th is given.

        Returns
        -------
        ndarray of shape (rows, columns)
            `out` if given, else a new array.

        Raises
        ------
        DecodeError
            `inspect` or the decoder found damage.
        DataConsistencyError
            `out` or `level` does not fit.
        CodecUnavailableError
            The backend is not installed or cannot do this.

        Notes
        -----
        Damage inside the compressed data often decodes to wrong values without an error in any
        decoder: only a checksum finds it.
        """
        ...
