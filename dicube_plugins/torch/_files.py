"""A data set of samples of several files, file after file."""

from __future__ import annotations

import os
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from torch.utils.data import Dataset

from dicube_core.exceptions import DataConsistencyError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

__all__ = ["SamplesOfFiles", "paths_of"]


def paths_of(files: Sequence[str | os.PathLike[str]]) -> list[str]:
    """Return paths as text.

    Raises
    ------
    TypeError
        It is a single path, whose characters would be taken for files.
    """
    if isinstance(files, str | os.PathLike):
        raise TypeError(f"files are several paths, not one: [{files!r}]")
    return [os.fspath(path) for path in files]


class SamplesOfFiles(Dataset[Any]):  # type: ignore[misc] # torch is not looked at for types
    """Numbers the samples of files.

    Parameters
    ----------
    counts : iterable of int
        Samples of each file.
    """

    def __init__(self, counts: Iterable[int]) -> None:
        self._ends = list(accumulate(counts))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[Any]:
        """Yield all samples; an `IndexError` while one is made is an error, and not the end."""
        return (self[number] for number in range(len(self)))

    def samples_of_files(self) -> list[range]:
        """Return the samples of each file."""
        return [range(a, b) for a, b in zip([0, *self._ends], self._ends, strict=False)]

    def _require_same(self, name: str, found: object, expected: object) -> None:
        """Refuse a file that another one took the place of since its samples were counted."""
        if found != expected:
            raise DataConsistencyError(
                f"{name}: {found}, and {expected} when the data set was made: the file was "
                "replaced since",
                suggestion="make the data set again",
            )

    def _find(self, index: int) -> tuple[int, int, int]:
        """Return the number of a sample, its file, and its number within the file.

        Raises
        ------
        IndexError
            There is no such sample.
        """
        number = int(index) + len(self) if index < 0 else int(index)
        if not 0 <= number < len(self):
            raise IndexError(f"sample {index} of {len(self)}")
        file = bisect_right(self._ends, number)
        return number, file, number - (self._ends[file - 1] if file else 0)
