"""Make sure that the headers describe the frames, and that shared elements are truly the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.dicom.pixel_fields import pixel_format_of, rescale_of
from dicube_core.exceptions import DataConsistencyError, DicomCubeError
from dicube_plugins.multiframe._elements import value_of
from dicube_plugins.multiframe._values import means_the_same

if TYPE_CHECKING:
    from dicube_core.reader import Reader
    from dicube_plugins.multiframe._columns import Columns

__all__ = ["creator_of", "require_agreement", "separated"]

_CHARSET = 0x00080005
#: What `pixel_format_of` and `rescale_of` look at.
_PIXEL_TAGS = (
    *(0x00280002, 0x00280004, 0x00280006, 0x00280010, 0x00280011),
    *(0x00280100, 0x00280101, 0x00280102, 0x00280103),
    *(0x00281052, 0x00281053),
)


def require_agreement(columns: Columns, reader: Reader) -> None:
    """Refuse headers that describe other pixels than the file has, as `SliceProvider` does."""
    if reader.headers is None:
        return  # made of what the file says
    found = [columns[tag] for tag in _PIXEL_TAGS if tag in columns]
    same = all(column.shared is not None for column in found)
    shared_rescale = reader.pixel_header.rescale_is_shared
    for index in range(1 if same and shared_rescale else reader.frame_count):
        values = {c.tag: value_of(data) for c in found if (data := c.at(index)) is not None}
        where = f"{reader.name}: the header of slice {index}"
        try:
            described, rescale = pixel_format_of(values, where), rescale_of(values)
        except DicomCubeError as exc:
            raise DataConsistencyError(f"{where}: {exc.message}") from exc
        expected = reader.pixel_header.rescale(index)
        if described != reader.pixel_format or rescale != expected:
            raise DataConsistencyError(
                f"{where} describes {described} with slope and intercept {rescale}, the frames "
                f"are {reader.pixel_format} with {expected}",
                suggestion="edit the pixels and their description together, through a new image",
            )


def separated(columns: Columns, count: int) -> Columns:
    """Return the columns, with no element shared that does not mean the same in all slices.

    Equal bytes mean something else in another character set, or under another private creator.
    """
    charset = columns.get(_CHARSET)
    mixed = charset is not None and charset.shared is None
    result = {}
    for tag, column in columns.items():
        if column.shared is not None and (
            (mixed and not means_the_same(column.shared)) or _creator_varies(columns, tag)
        ):
            column = column.unshared(count)  # noqa: PLW2901 - the same column, told apart
        result[tag] = column
    return result


def creator_of(tag: int) -> int:
    """Return the tag of the private creator that a private element belongs to, else 0."""
    if not tag & 0x10000 or tag & 0xFFFF < 0x1000:
        return 0
    return tag & 0xFFFF0000 | (tag >> 8 & 0xFF)


def _creator_varies(columns: Columns, tag: int) -> bool:
    creator = columns.get(creator_of(tag))
    return creator is not None and creator.shared is None
