"""torch, CuPy and numpy, as far as frames are put together and reckoned with by them."""

from __future__ import annotations

import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol

from dicube_core.exceptions import DataConsistencyError, MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["ArrayLibrary", "choose_library"]

_ON_HOST = 1  # kDLCPU
_SIGNED = {"uint16": "int16", "uint32": "int32"}


class ArrayLibrary(Protocol):
    """What is needed of a library of arrays."""

    name: str

    def take(self, exporter: Any) -> Any:
        """Return an array that shares the memory of an exporter."""
        ...

    def cast(self, array: Any, dtype_name: str) -> Any:
        """Return the values in another type; `array` itself where it is of that type."""
        ...

    def stack(self, arrays: Sequence[Any]) -> Any:
        """Return a new array with one more axis in front, once it is complete."""
        ...

    def numbers(self, values: Sequence[float], dtype_name: str, like: Any) -> Any:
        """Return numbers as an array beside another."""
        ...


class _Numpy:
    name = "numpy"

    def take(self, exporter: Any) -> Any:
        import numpy as np

        return np.asarray(exporter)

    def cast(self, array: Any, dtype_name: str) -> Any:
        return array.astype(dtype_name, copy=False)

    def stack(self, arrays: Sequence[Any]) -> Any:
        import numpy as np

        return np.stack(arrays)

    def numbers(self, values: Sequence[float], dtype_name: str, like: Any) -> Any:
        import numpy as np

        return np.array(values, dtype_name)


class _Torch:
    """torch knows integers of 16 and 32 bits without a sign, but few operations on them.

    So the same bits are taken for integers with a sign, wherever something is done with them.
    """

    name = "torch"

    def take(self, exporter: Any) -> Any:
        import torch

        return torch.from_dlpack(exporter)

    def cast(self, array: Any, dtype_name: str) -> Any:
        import torch

        dtype = getattr(torch, dtype_name)
        if array.dtype == dtype:
            return array
        if array.dtype == torch.uint16:
            array = array.view(torch.int16).to(torch.int32) & 0xFFFF
        signed = _SIGNED.get(dtype_name)
        # Of wider types nothing but the lowest bits is taken.
        return array.to(dtype) if signed is None else array.to(getattr(torch, signed)).view(dtype)

    def stack(self, arrays: Sequence[Any]) -> Any:
        import torch

        dtype = arrays[0].dtype
        signed = getattr(torch, _SIGNED.get(str(dtype).removeprefix("torch."), ""), dtype)
        result = torch.stack([array.view(signed) for array in arrays]).view(dtype)
        if result.is_cuda:
            # The frames are freed by another library, on a stream of its own.
            torch.cuda.current_stream(result.device).synchronize()
        return result

    def numbers(self, values: Sequence[float], dtype_name: str, like: Any) -> Any:
        import torch

        return torch.tensor(values, dtype=getattr(torch, dtype_name), device=like.device)


class _Cupy:
    name = "cupy"

    def take(self, exporter: Any) -> Any:
        import cupy

        return cupy.from_dlpack(exporter)

    def cast(self, array: Any, dtype_name: str) -> Any:
        return array.astype(dtype_name, copy=False)

    def stack(self, arrays: Sequence[Any]) -> Any:
        import cupy

        with arrays[0].device:
            result = cupy.stack(list(arrays))
            cupy.cuda.get_current_stream().synchronize()
        return result

    def numbers(self, values: Sequence[float], dtype_name: str, like: Any) -> Any:
        import cupy

        with like.device:
            return cupy.array(values, dtype_name)


_LIBRARIES: dict[str, ArrayLibrary] = {
    "torch": _Torch(),
    "cupy": _Cupy(),
    "numpy": _Numpy(),
}


def choose_library(name: str | None, device_type: int) -> ArrayLibrary:
    """Return the library of this name, or the one that fits the memory.

    Parameters
    ----------
    name : {"torch", "cupy", "numpy"} or None
        None takes torch or CuPy for a device, whichever is loaded, else installed.
    device_type : int
        As DLPack has it.

    Raises
    ------
    MissingDependencyError
        It is not installed.
    DataConsistencyError
        numpy is asked for, and the frames are on a device.
    """
    if name is None and device_type == _ON_HOST:
        name = "numpy"
    if name is None:
        choices = ("torch", "cupy")
        loaded = [one for one in choices if one in sys.modules]
        name = next(iter([*loaded, *(one for one in choices if find_spec(one))]), None)
    if name == "numpy" and device_type != _ON_HOST:
        raise DataConsistencyError(
            "frames in the memory of a GPU are no array of numpy",
            suggestion="take a copy on the host by numpy()",
        )
    if name is None or name not in _LIBRARIES or find_spec(name) is None:
        raise MissingDependencyError(
            f"arrays on a GPU need {name or 'torch or CuPy'}, which is not installed",
            suggestion="python -m pip install 'dicube-plugins[torch]', or cupy-cuda12x",
        )
    return _LIBRARIES[name]
