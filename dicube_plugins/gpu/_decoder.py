"""The seam between this package and what decodes on a device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ["DeviceDecoder", "native_problem", "without_last_axis"]


class DeviceDecoder(Protocol):
    """Decodes batches of codestreams. Nothing that it returns is believed."""

    def decode(self, codestreams: Sequence[bytes]) -> Sequence[Any]:
        """Decode a batch.

        Parameters
        ----------
        codestreams : sequence of bytes
            Each was checked.

        Returns
        -------
        sequence
            For each codestream, in the same order, an array in the memory of the device, with
            `shape`, `dtype` and DLPack, of shape (rows, columns, components); or None where it
            cannot be decoded.
        """
        ...

    def to_host(self, array: Any) -> npt.NDArray[Any]:
        """Return a copy of an array in the memory of the host."""
        ...


def native_problem(array: Any, dtype_name: str, shape: tuple[int, ...]) -> str:
    """Say what is wrong with the type and shape of a decoded array, '' if nothing is.

    Parameters
    ----------
    array
        As `DeviceDecoder.decode` returned it.
    dtype_name : str
        Expected type.
    shape : tuple of int
        (rows, columns), or (rows, columns, 3).
    """
    found = without_last_axis(tuple(array.shape), len(shape))
    if str(array.dtype) != dtype_name or found != shape:
        return f"{dtype_name} of shape {shape} expected, found {array.dtype} of {array.shape}"
    return ""


def without_last_axis(shape: tuple[int, ...], ndim: int) -> tuple[int, ...]:
    """Return a shape without the axis of the one component of a grey frame."""
    return shape[:-1] if len(shape) == ndim + 1 and shape[-1] == 1 else shape
