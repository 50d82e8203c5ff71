"""`DicomMeta`: the metadata of all slices of a series, as one object."""

from __future__ import annotations

import sys
from enum import StrEnum
from operator import index as as_index
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from dicube_core.dataset.elements import PIXEL_DATA
from dicube_core.exceptions import FrameIndexError, MetaDataError
from dicube_core.metadata import _entries
from dicube_core.metadata._edit_values import element_from_value, parse_tag, tag_name
from dicube_core.metadata._meta_store import MetaStore
from dicube_core.metadata.edits import Edit
from dicube_core.metadata.merge import (
    merge_headers,
    reorder,
    shared_entry,
    split,
    split_element,
    varying_entry,
)

if TYPE_CHECKING:
    from collections.abc import ItemsView, Mapping, Sequence

    from pydicom import Dataset

    from dicube_core.dataset.json_model import JsonDict, JsonElement
    from dicube_core.spatial.order import SortMethod

__all__ = ["DicomMeta", "ElementState"]


class ElementState(StrEnum):
    """What a slice has under a tag."""

    ABSENT = "absent"
    EMPTY = "empty"
    VALUE = "value"


class DicomMeta(MetaStore):
    """Metadata of a series: which values all slices share, and which differ.

    Parameters
    ----------
    merged_data : dict
        Tag ``"GGGGEEEE"`` -> entry, as `merge_headers` gives it or a file holds it.
    filenames : list of str, optional
        One per slice.
    slice_count : int, optional
        Number of slices. By default that of the lists in `merged_data`, of `filenames`, or 1.

    Raises
    ------
    MetaDataError
        `merged_data` is malformed; the message names the tag.

    Notes
    -----
    Tags may be given as number, keyword, ``"GGGGEEEE"``, pair or pydicom tag. What is returned
    are copies: change metadata through the methods, which record the change in `edits`, so that
    it reaches the slices' headers when the series is saved.

    Reading is safe from several threads; changing is not.
    """

    _revision = 0

    @classmethod
    def from_datasets(
        cls, datasets: Sequence[Dataset], filenames: Sequence[str] | None = None
    ) -> Self:
        """Merge pydicom data sets, one per slice; Pixel Data is left out.

        Raises
        ------
        MetaDataError
            A data set cannot be written as bytes.
        """
        from dicube_core.metadata._datasets import dataset_header

        merged = merge_headers([dataset_header(dataset) for dataset in datasets])
        return cls._of(merged, filenames, len(datasets))

    @property
    def edits(self) -> Mapping[int, Edit]:
        """What changed since the object was made or marked clean: tag number -> `Edit`."""
        return MappingProxyType(self._edits)

    @property
    def order(self) -> tuple[int, ...]:
        """Where each slice was when the object was made or marked clean."""
        return tuple(self._order)

    def mark_clean(self) -> None:
        """Forget the record of edits and sorting, because it was saved or applied."""
        if self._edits or self._order != list(range(self._slice_count)):
            self._revision += 1
        self._begin_record()

    @property
    def revision(self) -> int:
        """How often `mark_clean` forgot changes.

        Headers that were read with an earlier revision are not what the metadata says.
        """
        return self._revision

    def _begin_record(self) -> None:
        self._edits: dict[int, Edit] = {}
        self._order = list(range(self._slice_count))

    @property
    def untrusted(self) -> frozenset[str]:
        """Paths of tags (``"00081140.00081155"``) whose values may stand at wrong slices.

        Files of dicube 0.3.0 only: it sorted the slices, but not these values.
        """
        return frozenset(_entries.untrusted_paths(self._data, ""))

    def _entry(self, tag_input: object) -> dict[str, Any] | None:
        return self._entry_of(f"{parse_tag(tag_input):08X}")

    def _position(self, index: int) -> int:
        position = as_index(index)
        if not -self._slice_count <= position < self._slice_count:
            raise FrameIndexError(f"slice {position} of {self._slice_count}")
        return position % self._slice_count

    def get_values(self, tag_input: object) -> list[Any]:
        """Return the value of a tag in each slice.

        Returns
        -------
        list
            One entry per slice, None where the slice lacks the tag or has it empty (`get_state`
            tells which). A shared tag gives its list of values for each slice; otherwise single
            values are not wrapped in a list. Binary values are base64 text. A sequence gives, for
            each slice, its items in the DICOM JSON model.
        """
        entry = self._entry(tag_input)
        if entry is None:
            return [None] * self._slice_count
        return _entries.values(entry, self._slice_count)

    def get_shared_value(self, tag_input: object) -> Any:
        """Return the value that all slices share, out of its list if it is one; None if missing.

        A sequence gives its list of items.

        Raises
        ------
        MetaDataError
            The slices have different values (also a ValueError).
        """
        entry = self._entry(tag_input)
        if entry is None or not self._slice_count:
            return None
        if not _entries.is_shared(entry):
            raise MetaDataError(f"tag {tag_name(parse_tag(tag_input))} is not shared by all slices")
        return _entries.shared_value(entry)

    def get(self, tag_input: object, default: Any = None) -> Any:
        """Return the shared value, the list of values per slice, or `default` if missing."""
        if self.is_missing(tag_input):
            return default
        is_shared = self.is_shared(tag_input)
        return self.get_shared_value(tag_input) if is_shared else self.get_values(tag_input)

    def is_shared(self, tag_input: object) -> bool:
        """Whether all slices have the tag with the same value; for sequences: at every level."""
        entry = self._entry(tag_input)
        return entry is not None and _entries.is_shared(entry)

    def is_missing(self, tag_input: object) -> bool:
        """Whether no slice has a value for the tag; a sequence without items is a value."""
        entry = self._entry(tag_input)
        return entry is None or _entries.has_no_value(entry, self._slice_count)

    def get_state(self, tag_input: object, index: int) -> ElementState:
        """Tell absent, empty and present apart for one slice.

        Raises
        ------
        FrameIndexError
            There is no such slice.
        """
        position, entry = self._position(index), self._entry(tag_input)
        element = None if entry is None else split_element(entry, position)
        if element is None:
            return ElementState.ABSENT
        return ElementState.VALUE if _entries.payload(element) else ElementState.EMPTY

    def is_absent(self, tag_input: object, index: int) -> bool:
        """Whether one slice does not have the element at all."""
        return self.get_state(tag_input, index) is ElementState.ABSENT

    def get_vr(self, tag_input: object) -> str:
        """Return the VR of a tag (of the first slice with a value), empty if it is missing."""
        entry = self._entry(tag_input)
        return "" if entry is None else str(entry["vr"])

    def index(self, index: int) -> JsonDict:
        """Return one slice in the DICOM JSON model (PS3.18 annex F), as a copy.

        Raises
        ------
        FrameIndexError
            There is no such slice.
        """
        return split(self._data, self._position(index))

    def keys(self) -> list[str]:
        """Return the tags (``"GGGGEEEE"``) that any slice has, sorted."""
        return list(self._data)

    def items(self) -> ItemsView[str, dict[str, Any]]:
        """Return the tags with their merged entries, to be read only."""
        return self._data.items()

    def __len__(self) -> int:
        return len(self._data)

    def __contains__(self, tag_input: object) -> bool:
        return self._entry(tag_input) is not None

    def __getitem__(self, tag_input: object) -> tuple[Any, str | None]:
        """Return (value, 'shared'), (values per slice, 'non_shared') or (None, None)."""
        if self.is_missing(tag_input):
            return None, None
        values = self.get_values(tag_input)
        return (values[0], "shared") if self.is_shared(tag_input) else (values, "non_shared")

    def set_shared_item(self, tag_input: object, value: Any, *, vr: str | None = None) -> None:
        """Give all slices one value.

        Parameters
        ----------
        tag_input : tag
            Public, or private together with `vr`.
        value : object
            One value or a list; see `dicube_core.metadata.edits.element_from_value`.
        vr : str, optional
            Instead of the dictionary's.

        Raises
        ------
        MetaDataError
            The value does not fit the VR or the tag.
        """
        tag = _editable(tag_input)
        element = element_from_value(tag, vr or self._vr_for(tag), value)
        self._store(tag, shared_entry(element, self._slice_count), Edit(shared=element))

    def set_nonshared_item(
        self, tag_input: object, values: Sequence[Any], *, vr: str | None = None
    ) -> None:
        """Give each slice its value.

        Parameters
        ----------
        tag_input : tag
            Public, or private together with `vr`.
        values : sequence
            One per slice. None leaves an absent element absent and makes any other empty.
        vr : str, optional
            Instead of the dictionary's.

        Raises
        ------
        MetaDataError
            Not one value per slice, or a value does not fit; nothing is changed then.
        """
        tag = _editable(tag_input)
        if isinstance(values, str | bytes) or len(values) != self._slice_count:
            raise MetaDataError(
                f"{tag_name(tag)}: one value for each of {self._slice_count} slices is needed"
            )
        vr = vr or self._vr_for(tag)
        cells: list[JsonElement | None] = []
        for index, value in enumerate(values):
            if value is None and self.is_absent(tag, index):
                cells.append(None)
                continue
            try:
                cells.append(element_from_value(tag, vr, value))
            except MetaDataError as error:
                raise MetaDataError(f"slice {index}: {error.message}") from error
        if all(cell is None for cell in cells):
            return
        entry = varying_entry(cells, [{}] * self._slice_count)
        self._store(tag, entry, Edit(per_slice=tuple(cells)))

    def delete_item(self, tag_input: object) -> bool:
        """Remove a tag from all slices; return whether any slice had it."""
        tag = _editable(tag_input)
        merged = dict(self._data)
        if merged.pop(f"{tag:08X}", None) is None:
            return False
        self._merged = merged
        self._edits[tag] = Edit()
        return True

    def __delitem__(self, tag_input: object) -> None:
        if not self.delete_item(tag_input):
            raise KeyError(tag_input)

    def _store(self, tag: int, entry: dict[str, Any], edit: Edit) -> None:
        self._merged = dict(sorted({**self._data, f"{tag:08X}": entry}.items()))
        self._edits[tag] = edit

    def _vr_for(self, tag: int) -> str:
        from dicube_core.dataset._vr import is_private_creator, public_vr, resolve_ambiguous

        vr = None if tag & 0x10000 else public_vr(tag)
        if vr is None:
            vr = "LO" if is_private_creator(tag) else self.get_vr(tag)
        if not vr:
            raise MetaDataError(
                f"no dictionary has {tag_name(tag)}", suggestion="pass its VR as vr="
            )
        if " " not in vr:
            return vr
        sign = next((v for v in self.get_values(0x00280103) if v is not None), 0)
        sign = sign[0] if isinstance(sign, list) else sign
        return self.get_vr(tag) or resolve_ambiguous(
            vr, tag, explicit=False, pixel_representation=sign, first_word=lambda _: None
        )

    def sort_files(self, sort_method: SortMethod | None = None) -> list[int]:
        """Sort the slices, in place.

        Parameters
        ----------
        sort_method : SortMethod, optional
            ``INSTANCE_NUMBER_ASC`` by default, as in dicube 0.3.0.

        Returns
        -------
        list of int
            Slice ``order[i]`` became slice ``i``. Frames must be put into the same order.

        Raises
        ------
        SeriesError
            Sorting by position was asked for, and the positions do not allow it.
        """
        from dicube_core.spatial.order import SortMethod, slice_order
        from dicube_core.spatial.space import slices_from_meta

        method = SortMethod.INSTANCE_NUMBER_ASC if sort_method is None else sort_method
        order = slice_order(slices_from_meta(self), method)
        self._merged = reorder(self._data, order)
        self._order = [self._order[index] for index in order]
        self._edits = {tag: edit.reordered(order) for tag, edit in self._edits.items()}
        if self.filenames is not None:
            self.filenames = [self.filenames[index] for index in order]
        return order

    def display(self, show_shared: bool = True, show_non_shared: bool = True) -> None:
        """Print the metadata as tables, without sequences."""
        from dicube_core.metadata._display import meta_tables

        sys.stdout.write(meta_tables(self, show_shared=show_shared, show_varying=show_non_shared))

    def __repr__(self) -> str:
        loaded = "" if self._merged is None else f", {len(self._merged)} tags"
        return f"<DicomMeta {self._slice_count} slices{loaded}>"


def _editable(tag_input: object) -> int:
    tag = parse_tag(tag_input)
    group = tag >> 16
    if group <= 2 or group == 0xFFFE or tag & 0xFFFF == 0 or tag == PIXEL_DATA:
        raise MetaDataError(
            f"{tag_name(tag)} is no metadata of a slice (file meta information, group lengths and "
            "pixels are made when a slice is written)"
        )
    return tag
