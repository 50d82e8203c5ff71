"""Types of tensors and of the arrays that they are made of."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

__all__ = ["TensorType"]

#: torch has them, and can do next to nothing with them.
_WIDENED = {"uint16": "int32", "uint32": "int64"}
#: Floating types that numpy does not have are made of these.
_MADE_OF = np.dtype(np.float32)


class TensorType:
    """In which type values are read, and which type tensors have.

    Parameters
    ----------
    dtype : torch.dtype, numpy dtype or str, optional
        Of tensors; by default the type that holds every value of a file, where 16 and 32 bits
        without a sign become 32 and 64 bits with one.
    """

    def __init__(self, dtype: Any) -> None:
        self._tensor: torch.dtype | None = None
        self._array: np.dtype[Any] | None = None
        if isinstance(dtype, torch.dtype):
            try:
                self._array = torch.empty(0, dtype=dtype).numpy().dtype
            except TypeError:  # bfloat16 and its like
                self._tensor, self._array = dtype, _MADE_OF
        elif dtype is not None:
            self._array = np.dtype(dtype)

    def of(self, exact: np.dtype[Any]) -> np.dtype[Any]:
        """Return the type to read in, for values that `exact` holds."""
        if self._array is not None:
            return self._array
        return np.dtype(_WIDENED.get(exact.name, exact))

    def tensor(self, array: np.ndarray[Any, Any]) -> torch.Tensor:
        """Return a tensor that shares the memory of an array, where the type allows it."""
        tensor = torch.from_numpy(np.ascontiguousarray(array))
        return tensor if self._tensor is None else tensor.to(self._tensor)
