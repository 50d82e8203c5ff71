"""Every field of the fixed header, with every number that it should not have."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from reliability.malformed.rules._file import HEADER, SECTIONS, parts_of
from reliability.malformed.rules._ways import NOTHING, NUMBERS, altered, patched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliability.malformed.rules._file import Draft
    from reliability.malformed.variant import Base, Variant

__all__ = ["variants"]

_FAMILY = "header fields"
_NAMES = [f"{name} {what}" for name in SECTIONS for what in ("offset", "length")] + ["frame count"]
_MAGICS = (
    b"DCMCUBEA",
    b"DCMCUBEL",
    b"DCMCUBE\0",
    b"dcmcubes",
    bytes(8),
    b"SEBUCMCD",
    b"DICM\0\0\0\0",
)
_VERSIONS = (0, 2, 255, 1 << 24, 2**31, 2**32 - 1)
#: A section of length 0 is absent, and a file without it as valid as the one with it.
_ABSENT = {
    "dicom_status length": frozenset(("facts",)),
    "dicom_meta length": frozenset(("metadata", "geometry", "facts")),
    "space length": frozenset(("geometry", "facts")),
}
#: Headers and slices of files without headers of their own are made of these sections.
_ABSENT_PLAIN = {
    **_ABSENT,
    "dicom_meta length": frozenset(("metadata", "headers", "slices", "geometry", "facts")),
    "space length": frozenset(("geometry", "slices", "facts")),
}


def _lies(base: Base, number: int) -> dict[int, str]:
    """Return numbers for a field, by what they are."""
    numbers = HEADER.unpack_from(base.data)[2:]
    right = numbers[number]
    lies = {value: f"{value:#x}" for value in NUMBERS}
    for step in (-8, -1, 1, 8):
        lies[right + step] = f"its value {step:+d}"
    for value, what in (
        (right * 2, "twice its value"),
        (len(base.data), "the file's size"),
        (len(base.data) + 1, "the file's size +1"),
        (len(base.data) - right, "what the file's size leaves"),
        (10**8, "10**8"),
        (HEADER.size, "the header's end"),
        (HEADER.size - 1, "in the header"),
    ):
        lies.setdefault(value, what)
    if number < 12 and not number % 2:
        for other, name in enumerate(SECTIONS):
            lies.setdefault(numbers[2 * other], f"that of {name}")
    lies = {value: what for value, what in lies.items() if 0 <= value < 2**64 and value != right}
    # A section that is absent lies nowhere.
    absent = number < 12 and not numbers[number | 1]
    return {} if absent and not number % 2 else lies


def _set_number(number: int, value: int, draft: Draft) -> None:
    draft.numbers[number] = value


def _set(name: str, value: bytes | int, draft: Draft) -> None:
    setattr(draft, name, value)


def variants(base: Base) -> Iterator[Variant]:
    """Yield files in which one field of the header is another."""
    for number, field in enumerate(_NAMES):
        for value, what in _lies(base, number).items():
            name = f"{field} is {what}"
            absent = _ABSENT if base.checksums else _ABSENT_PLAIN
            free = absent.get(field, NOTHING) if value == 0 else NOTHING
            if base.checksums:
                new = value.to_bytes(8, "little")
                yield from patched(base, _FAMILY, name, 12 + 8 * number, new, refused=True)
            alter = partial(_set_number, number, value)
            yield from altered(base, _FAMILY, name, alter, may_differ=free)
    for magic in _MAGICS:
        name = f"magic is {magic!r}"
        if base.checksums:
            yield from patched(base, _FAMILY, name, 0, magic, refused=True)
        yield from altered(base, _FAMILY, name, partial(_set, "magic", magic), refused=True)
    for version in _VERSIONS:
        name = f"version is {version:#x}"
        if base.checksums:
            new = version.to_bytes(4, "little")
            yield from patched(base, _FAMILY, name, 8, new, refused=True)
        yield from altered(base, _FAMILY, name, partial(_set, "version", version), refused=True)
    for first in range(6):
        for second in range(first):
            name = f"{SECTIONS[second]} and {SECTIONS[first]} change places"
            yield from altered(base, _FAMILY, name, partial(_swap, first, second))
            name = f"{SECTIONS[first]} lies where {SECTIONS[second]} does"
            yield from altered(base, _FAMILY, name, partial(_same, first, second), refused=True)
    name = "no frames and no tables"
    yield from altered(base, _FAMILY, name, _no_frames, refused=bool(parts_of(base).frames))


def _swap(first: int, second: int, draft: Draft) -> None:
    one, two = slice(2 * first, 2 * first + 2), slice(2 * second, 2 * second + 2)
    draft.numbers[one], draft.numbers[two] = draft.numbers[two], draft.numbers[one]


def _same(first: int, second: int, draft: Draft) -> None:
    if draft.numbers[2 * first + 1] and draft.numbers[2 * second + 1]:
        draft.numbers[2 * first] = draft.numbers[2 * second]


def _no_frames(draft: Draft) -> None:
    draft.numbers[12] = draft.numbers[9] = draft.numbers[11] = 0
