"""What `DicomMeta` stands on: merged metadata that may be loaded late, and its JSON form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

from dicube_core.error_places import errors_name
from dicube_core.exceptions import MetaDataError
from dicube_core.forks import ForkSafeLock
from dicube_core.json_numbers import finite_float
from dicube_core.metadata.merge import MergedData, check_merged, repair_legacy, split
from dicube_core.metadata.merged_check import check_slice_count, count_slices

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["MetaStore"]

#: Written by `MetaStore.to_json`: the entries are exact, nothing is to be repaired.
_EXACT_KEY = "exact"


class MetaStore:
    """Holds merged metadata and its slice count; see `DicomMeta` for the parameters."""

    def __init__(
        self,
        merged_data: Mapping[str, Any],
        filenames: Sequence[str] | None = None,
        *,
        slice_count: int | None = None,
    ) -> None:
        if slice_count is None:
            slice_count = count_slices(merged_data)
        if slice_count is None:
            slice_count = len(filenames) if filenames is not None else 1
        self._start(check_merged(merged_data, slice_count), filenames, slice_count)

    def _start(
        self, merged: MergedData | None, filenames: Sequence[str] | None, slice_count: int
    ) -> None:
        self._merged = merged
        self._loader: Callable[[], Mapping[str, Any]] | None = None
        self._unchecked: Mapping[str, Any] | None = None
        self._place = ""
        self._lock = ForkSafeLock()
        self._slice_count = check_slice_count(slice_count)
        self._begin_record()
        self.filenames = filenames

    @classmethod
    def _of(
        cls, merged: MergedData | None, filenames: Sequence[str] | None, slice_count: int
    ) -> Self:
        """Make an object of merged data that needs no check."""
        meta = cls.__new__(cls)
        meta._start(merged, filenames, slice_count)  # noqa: SLF001 - its own constructor
        return meta

    @classmethod
    def lazy(
        cls,
        loader: Callable[[], Mapping[str, Any]],
        slice_count: int,
        filenames: Sequence[str] | None = None,
        *,
        place: str = "",
    ) -> Self:
        """Make metadata that is loaded when first used.

        Parameters
        ----------
        loader : callable
            Returns the merged data; called once, by one thread.
        slice_count : int
            Number of slices.
        filenames : list of str, optional
            One per slice.
        place : str, optional
            Where it is loaded from, for messages.
        """
        meta = cls._of(None, filenames, slice_count)
        meta._loader = loader  # noqa: SLF001 - its own constructor
        meta._place = place  # noqa: SLF001 - its own constructor
        return meta

    @classmethod
    def from_json(cls, json_str: str | bytes, filenames: Sequence[str] | None = None) -> Self:
        """Read what `to_json` or dicube 0.3.0 wrote, repaired where the latter lost things.

        Raises
        ------
        MetaDataError
            Not JSON, or malformed; the message names the tag. See also `untrusted`.
        """
        try:
            # Python's JSON, which dicube 0.3.0 writes, knows NaN and Infinity; as text, which is
            # what they are in a header's model, too, they survive everywhere.
            data = json.loads(json_str, parse_constant=str, parse_float=finite_float)
        except (ValueError, RecursionError) as error:
            raise MetaDataError(f"metadata is not JSON: {error}") from error
        if not isinstance(data, dict):
            found = "null" if data is None else f"a {type(data).__name__}"
            raise MetaDataError(f"metadata is {found}, a mapping is expected")
        merged = data.get("_merged_data", data)
        if not isinstance(merged, dict):
            raise MetaDataError("metadata has no mapping _merged_data")
        count = count_slices(merged)
        stated = data.get("slice_count") if merged is not data else None
        if count is None:
            count = stated if stated is not None else len(filenames or "1")
        elif stated is not None and stated != count:
            raise MetaDataError(f"slice_count is {stated!r}, the entries have {count} values")
        if data.get(_EXACT_KEY) is not True:
            merged = repair_legacy(merged, count)
        return cls(merged, filenames, slice_count=count)

    def to_json(self) -> str:
        """Return JSON text that `from_json` and dicube 0.3.0 read.

        Raises
        ------
        MetaDataError
            It holds a number that is not finite.
        """
        data = {"_merged_data": self._data, "slice_count": self._slice_count, _EXACT_KEY: True}
        try:
            return json.dumps(data, allow_nan=False)
        except ValueError as exc:
            raise MetaDataError(
                "the metadata cannot be written as JSON, which has no NaN and no Infinity",
                suggestion="replace the value",
            ) from exc

    @property
    def filenames(self) -> list[str] | None:
        """Names of the files the slices came from, None where nobody knows."""
        loader = self._name_loader  # once: another thread may set it to None meanwhile
        if loader is not None:
            self.filenames = loader()
        return self._filenames

    @filenames.setter
    def filenames(self, names: Sequence[str] | None) -> None:
        if names is not None and len(names) != self._slice_count:
            raise MetaDataError(f"{len(names)} file names for {self._slice_count} slices")
        self._filenames = None if names is None else list(names)
        self._name_loader: Callable[[], Sequence[str]] | None = None

    def load_filenames_late(self, loader: Callable[[], Sequence[str]]) -> None:
        """Take the names from `loader`, which is called when they are first asked for."""
        self._name_loader = loader

    @property
    def _data(self) -> MergedData:
        if self._merged is None:
            unchecked = self._parsed()
            with self._lock:
                if self._merged is None:
                    with errors_name(self._place):
                        self._merged = check_merged(unchecked, self._slice_count)
                    self._loader = self._unchecked = None
        return self._merged

    def _parsed(self) -> Mapping[str, Any]:
        """Return what the loader gives; called once, and not trusted yet."""
        with self._lock:
            if self._unchecked is None:
                self._unchecked = self._merged
            if self._unchecked is None:
                self._unchecked = {} if self._loader is None else self._loader()
            return self._unchecked

    def _entry_of(self, key: str) -> dict[str, Any] | None:
        """Return one entry, without checking all others for it as long as nobody asked for them."""
        if self._merged is not None:
            return self._merged.get(key)
        unchecked = self._parsed()
        if not isinstance(unchecked, Mapping) or key not in unchecked:
            return self._data.get(key)  # absent, or not even a mapping: the full check says so
        with errors_name(self._place):
            return check_merged({key: unchecked[key]}, self._slice_count)[key]

    @property
    def merged_data(self) -> MergedData:
        """The mapping itself, to be read only."""
        return self._data

    @property
    def _merged_data(self) -> MergedData:
        # The name scripts for dicube 0.3.0 reach for.
        return self._data

    @property
    def slice_count(self) -> int:
        """Number of slices."""
        return self._slice_count

    def _begin_record(self) -> None:
        """Start recording changes; for subclasses that do."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MetaStore):
            return NotImplemented
        if (self._slice_count, self.filenames) != (other.slice_count, other.filenames):
            return False
        return self._data == other.merged_data or all(
            split(self._data, index) == split(other.merged_data, index)
            for index in range(self._slice_count)
        )

    __hash__ = None  # type: ignore[assignment]

    def __getstate__(self) -> dict[str, Any]:
        late = {"_merged": self._data, "_filenames": self.filenames}
        loaders = {"_loader": None, "_unchecked": None, "_name_loader": None}
        state = {**self.__dict__, **late, **loaders}
        del state["_lock"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._lock = ForkSafeLock()
