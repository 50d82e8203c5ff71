"""Every key of the plain JSON sections, with every type that it should not have."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from reliability.malformed.rules._file import parts_of
from reliability.malformed.rules._json import WRONG, dumped, places, replaced
from reliability.malformed.rules._ways import NOTHING, changed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliability.malformed.rules._file import Parts
    from reliability.malformed.variant import Base, Variant

__all__ = ["may_differ_in_header", "variants"]

#: Numbers and texts that mean nothing to the frames, as valid as those before.
_SHOWN = frozenset(("facts",))
_SCALES = frozenset(("facts", "pixels", "slices"))
_PLACE = frozenset(("geometry", "facts"))


def may_differ_in_header(path: tuple[str | int, ...], *, checksums: bool) -> frozenset[str]:
    """Return what another value at a place of the pixel header may change."""
    key = path[0]
    if key in ("RescaleSlope", "RescaleIntercept"):
        # Metadata of a file of 0.3.0 is shown with the rescale that the pixel header has.
        return _SCALES if checksums else _SCALES | {"metadata", "headers"}
    if key in ("WindowCenter", "WindowWidth", "MaxVal", "MinVal", "OriginalPixelDtype"):
        # Slices of a file without headers of its own are made from what it says.
        return _SHOWN if checksums else _SHOWN | {"slices"}
    if path[-1] in ("high_bit", "photometric_interpretation"):
        return _SHOWN
    return NOTHING


def _with_value(section: str, path: tuple[str | int, ...], value: Any, parts: Parts) -> Parts:
    document = json.loads(getattr(parts, section))
    text = dumped(replaced(document, path, value))
    for key in ("header_crc32", "extension"):
        if key in path:  # as it is, not made right when the file is put together
            text = text.replace(f'"{key}":'.encode(), f'"{key}" :'.encode())
    return replace(parts, **{section: text})


def _of_section(base: Base, section: str) -> Iterator[Variant]:
    family = f"JSON types: {section.replace('_', ' ')}"
    document = json.loads(getattr(parts_of(base), section))
    for path in places(document):
        where = ".".join(map(str, path))
        for what, value in WRONG.items():
            free = _PLACE if _may_be(path, value) else NOTHING
            if section == "pixel_header":
                free = may_differ_in_header(path, checksums=base.checksums)
            if what == "removed" and isinstance(path[-1], int):
                continue
            if isinstance(value, bool) or value != _value(document, path):
                change = partial(_with_value, section, path, value)
                yield from changed(
                    base,
                    family,
                    f"{where} is {what}",
                    change,
                    may_differ=free,
                    damaged=what in ("removed", "0", "text"),
                )


def _may_be(path: tuple[str | int, ...], value: Any) -> bool:
    """Tell whether a number of the space is another one that a series may have there."""
    if isinstance(value, bool) or not isinstance(value, int | float) or len(path) != 2:
        return False
    if path[0] == "origin":
        return -1e309 < value < 1e309
    if path[0] == "spacing":
        return 1e-6 < value < 1e6
    # A denormal is as good as a 0.
    return path[0] != "shape" and (value == -1 or abs(value) < 1e-300)


def _value(document: Any, path: tuple[str | int, ...]) -> Any:
    for key in path:
        document = document[key]
    return document


def variants(base: Base) -> Iterator[Variant]:
    """Yield files with one value of another type in the space or the pixel header."""
    parts = parts_of(base)
    for section in ("space", "pixel_header"):
        if getattr(parts, section):
            yield from _of_section(base, section)
