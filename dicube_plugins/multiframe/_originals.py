"""The slices' own data sets, put together again from a multi-frame image of ours."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import Tag

from dicube_core.exceptions import MetaDataError
from dicube_plugins.multiframe._group_lengths import lengths_by_frame, restore_lengths
from dicube_plugins.multiframe._groups import HOMES
from dicube_plugins.multiframe._head import CREATOR, KEPT, LENGTHS, MARK, REFERENCES

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["original_datasets"]

_SHARED, _PER_FRAME = 0x52009229, 0x52009230
_UNASSIGNED_SHARED, _UNASSIGNED, _SOURCE = 0x00209170, 0x00209171, 0x00209172
_CHARSET = 0x00080005
#: SOP Class and Instance UID of a slice, and where its frame names them.
_SOURCES = {0x00080016: 0x00081150, 0x00080018: 0x00081155}


def original_datasets(dataset: Dataset) -> Iterator[Dataset]:
    """Yield the data sets of the slices that a multi-frame image was made of, in frame order.

    Parameters
    ----------
    dataset : Dataset
        A multi-frame image made by this package: as read from a ``.dcbs`` file, or written to a
        DICOM file in Explicit VR and read again. Its pixel data are not looked at, so it may have
        been decompressed meanwhile. Elements that were changed since come out as they are now.

    Yields
    ------
    Dataset
        All elements of one slice but Pixel Data and the file meta information. Independent of
        `dataset`.

    Raises
    ------
    MetaDataError
        The image is not one of ours, or what says how to find the elements was removed from it,
        such as all its private elements.
    """
    kept = _kept_tags(dataset)
    text = str(dataset[LENGTHS].value) if LENGTHS in dataset else ""
    lengths = lengths_by_frame(text) if text else {}
    shared = _only_item(dataset, _SHARED)
    if shared is None or _PER_FRAME not in dataset:
        raise MetaDataError("the multi-frame image has no functional groups")
    for index, frame in enumerate(dataset[_PER_FRAME].value):
        original = _one(dataset, shared, frame, kept)
        restore_lengths(original, lengths, index)
        yield original


def _kept_tags(dataset: Dataset) -> list[int]:
    """Return the tags that the image holds as the slices had them."""
    if MARK not in dataset or dataset[MARK].value != CREATOR or KEPT not in dataset:
        raise MetaDataError(
            f"the data set has no private block {CREATOR!r}, which says how the elements of the "
            "slices are found",
            suggestion="take the image as it was read from the .dcbs file, with its private "
            "elements",
        )
    value = dataset[KEPT].value
    if isinstance(value, bytes):  # written without VRs, and read without knowing this one
        words = [int.from_bytes(value[i : i + 2], "little") for i in range(0, len(value), 2)]
        return [group << 16 | number for group, number in zip(words[::2], words[1::2], strict=True)]
    return [int(tag) for tag in (value if hasattr(value, "__iter__") else [value])]


def _only_item(dataset: Dataset, tag: int) -> Dataset | None:
    """Return the item of a sequence of one, None where there is none."""
    items = dataset[tag].value if tag in dataset else None
    return items[0] if items else None


def _one(dataset: Dataset, shared: Dataset, frame: Dataset, kept: list[int]) -> Dataset:
    """Put one slice's data set together."""
    found: dict[int, DataElement | RawDataElement] = {}
    for tag in kept:
        element = _kept_element(dataset, shared, frame, tag)
        if element is not None:
            found[tag] = element
    for group in (shared, frame):
        for tag, private in REFERENCES.items():
            if MARK in group and group[MARK].value == CREATOR and private in group:
                found[tag] = _renamed(group.get_item(private), tag)
    for group, tag in ((shared, _UNASSIGNED_SHARED), (frame, _UNASSIGNED)):
        item = _only_item(group, tag)
        if item is not None:
            found |= {int(key): item.get_item(key) for key in item.keys()}  # noqa: SIM118
    charset_of = _only_item(frame, _UNASSIGNED)
    if charset_of is None or _CHARSET not in charset_of:
        charset_of = dataset
    original = Dataset()
    encodings = charset_of._character_set  # noqa: SLF001 - there is no other way to hand it on
    original.set_original_encoding(False, True, encodings)
    for tag in sorted(found):
        element = found[tag]
        original[tag] = copy.deepcopy(element) if isinstance(element, DataElement) else element
    return original


def _kept_element(
    dataset: Dataset, shared: Dataset, frame: Dataset, tag: int
) -> DataElement | RawDataElement | None:
    """Return an element from where the image keeps it."""
    if tag in _SOURCES:
        source = _only_item(frame, _SOURCE)
        if source is None or _SOURCES[tag] not in source:
            return None
        return _renamed(source.get_item(_SOURCES[tag]), tag)
    for group in (frame, shared):
        home = HOMES.get(tag)
        place = group if home == 0 else _only_item(group, home) if home else None
        if place is not None and tag in place:
            return place.get_item(tag)
    return dataset.get_item(tag) if tag in dataset else None


def _renamed(element: DataElement | RawDataElement, tag: int) -> DataElement | RawDataElement:
    """Return the same element under another tag."""
    if isinstance(element, RawDataElement):
        return element._replace(tag=Tag(tag))
    renamed = copy.deepcopy(element)
    renamed.tag = Tag(tag)
    return renamed
