"""Compare two data sets element by element, as pydicom reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.dataelem import DataElement, RawDataElement

__all__ = ["dataset_differences"]

#: Pixels are compared as values. Offset tables describe fragments that another form has not.
#: So does the length of their group, which a compressed form cannot state.
_NOT_COMPARED = frozenset((0x7FE00000, 0x7FE00010, 0x7FE00001, 0x7FE00002, 0x7FE00008, 0x7FE00009))
#: Bytes per number where pydicom leaves a value as the bytes of the file.
_WORDS = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}
#: What a change of transfer syntax changes in the file meta information (PS3.10 7.1).
_META_MAY_DIFFER = frozenset((0x00020000, 0x00020001, 0x00020010, 0x00020012, 0x00020013))


def dataset_differences(
    expected: Dataset, found: Dataset, may_differ: frozenset[int] = frozenset()
) -> tuple[int, list[str]]:
    """Compare two data sets with their file meta information, all levels of nesting.

    Values are compared as the bytes in the file where both have the same byte order, so that
    padding and the spelling of numbers count too.

    Parameters
    ----------
    expected, found : Dataset
        The source, and what was made of it.
    may_differ : frozenset of int
        Tags of the top level that are not compared.

    Returns
    -------
    count : int
        Elements compared.
    differences : list of str
        One line each; empty if there are none.
    """
    differences: list[str] = []
    count = _compare(expected, found, "", _NOT_COMPARED | may_differ, differences)
    meta, other = getattr(expected, "file_meta", None), getattr(found, "file_meta", None)
    if meta is not None and other is not None:
        count += _compare(meta, other, "", _META_MAY_DIFFER, differences, additions=True)
    return count, differences


def _compare(
    expected: Dataset,
    found: Dataset,
    path: str,
    skipped: frozenset[int],
    differences: list[str],
    *,
    additions: bool = False,
) -> int:
    count = 0
    tags = {int(tag) for tag in expected.keys()} - skipped  # noqa: SIM118 - a Dataset, not a dict
    others = {int(tag) for tag in found.keys()} - skipped  # noqa: SIM118
    for tag in sorted(tags | others):
        name = f"{path}({tag >> 16:04X},{tag & 0xFFFF:04X})"
        if tag not in others:
            differences.append(f"{name} is lost")
        elif tag not in tags:
            if not additions:
                differences.append(f"{name} was not in the source")
        else:
            count += 1 + _compare_element(expected, found, tag, name, differences)
    return count


def _compare_element(
    expected: Dataset, found: Dataset, tag: int, name: str, differences: list[str]
) -> int:
    raw, other_raw = expected.get_item(tag), found.get_item(tag)
    if tag & 0xFFFF == 0 and _is_implicit(raw) != _is_implicit(other_raw):
        return 0  # a group length counts bytes, which are others in the other encoding
    same_bytes = _raw_bytes(raw) is not None and _raw_bytes(raw) == _raw_bytes(other_raw)
    if same_bytes and _same_endian(raw, other_raw) and _vr(raw) == _vr(other_raw):
        return 0
    element, other = expected[tag], found[tag]
    if element.VR != other.VR:
        differences.append(f"{name} has VR {other.VR}, the source {element.VR}")
        return 0
    if element.VR == "SQ":
        items, other_items = list(element.value or []), list(other.value or [])
        if len(items) != len(other_items):
            differences.append(f"{name} has {len(other_items)} items, the source {len(items)}")
            return 0
        return sum(
            _compare(item, other_item, f"{name}[{number}]", frozenset(), differences)
            for number, (item, other_item) in enumerate(zip(items, other_items, strict=True))
        )
    if _comparable(raw, other_raw) and not same_bytes:
        differences.append(f"{name} has other bytes than the source")
    elif not _equal_values(element, other, swapped=_other_order(raw, other_raw)):
        differences.append(f"{name} is {str(other.value)[:60]!r}, the source {element.value!r:.60}")
    return 0


def _raw_bytes(element: Any) -> bytes | None:
    """Return the value as it lies in the file, None where pydicom has parsed it already."""
    value = getattr(element, "value", None) if hasattr(element, "is_raw") else None
    return value if isinstance(value, bytes) and element.is_raw else None


def _is_implicit(element: Any) -> bool | None:
    """Return whether the element was read without VR, None where pydicom has parsed it already."""
    result: bool | None = getattr(element, "is_implicit_VR", None)
    return result


def _vr(element: DataElement | RawDataElement) -> str | None:
    return element.VR


def _same_endian(first: Any, second: Any) -> bool:
    return bool(first.is_little_endian == second.is_little_endian)


def _comparable(first: Any, second: Any) -> bool:
    if _raw_bytes(first) is None or _raw_bytes(second) is None:
        return False
    return _same_endian(first, second)


def _other_order(first: Any, second: Any) -> bool:
    """Return whether one of the two was read from big endian, so that words of bytes differ."""
    orders = {getattr(element, "is_little_endian", True) for element in (first, second)}
    return len(orders) > 1


def _equal_values(first: DataElement, second: DataElement, *, swapped: bool) -> bool:
    if swapped and isinstance(first.value, bytes) and isinstance(second.value, bytes):
        width = _WORDS.get(first.VR, 1)
        words = [first.value[i : i + width][::-1] for i in range(0, len(first.value), width)]
        return b"".join(words) == second.value
    if first.value == second.value:
        return bool(_spelling(first.value) == _spelling(second.value))
    # NaN is not equal to itself, but it may be the same NaN.
    return repr(first.value) == repr(second.value)


def _spelling(value: Any) -> Any:
    """Return the text a number was read from, since DS and IS may be spelt in many ways."""
    if isinstance(value, list | tuple) or type(value).__name__ == "MultiValue":
        return [_spelling(item) for item in value]
    return getattr(value, "original_string", None)
