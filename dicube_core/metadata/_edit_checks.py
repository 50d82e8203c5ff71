"""Make sure that edited headers say what was meant, and that nothing else changed with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicube_core.dataset._text import CHARACTER_SET
from dicube_core.dataset._vr import is_private_creator
from dicube_core.dataset.json_model import JsonConverter, Level, dataset_to_json
from dicube_core.exceptions import MetaDataError
from dicube_core.metadata._edit_values import tag_name

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from dicube_core.dataset.elements import Encoding
    from dicube_core.dataset.json_model import JsonElement

__all__ = ["require_others_unchanged", "require_said"]

#: Elements that say how others are read: character set, sign of US/SS, kind of LUT Data.
_CONTEXT = frozenset((CHARACTER_SET, 0x00280103, 0x00283002, 0x54001004))


def require_others_unchanged(
    before: bytes, after: bytes, encoding: Encoding, edited: Collection[int]
) -> None:
    """Check that the elements of a data set which were not edited still say the same.

    Raises
    ------
    MetaDataError
        One says something else, or is private and left without its creator.
    """
    if not any(tag in _CONTEXT or is_private_creator(tag) for tag in edited):
        return  # nothing says how others are read
    old, new = dataset_to_json(before, encoding), dataset_to_json(after, encoding)
    keys = {f"{tag:08X}" for tag in edited}
    changed = sorted(key for key in old if key not in keys and old[key] != new.get(key))
    orphans = sorted(_orphans(Level(after, encoding)) - _orphans(Level(before, encoding)))
    if changed:
        raise MetaDataError(
            f"the edit would change what {tag_name(int(changed[0], 16))} says "
            f"({len(changed)} elements in all)",
            suggestion="set these elements, too, or leave the character set, "
            "PixelRepresentation or private creator as it is",
        )
    if orphans:
        raise MetaDataError(
            f"private element {tag_name(orphans[0])} would be left without its creator",
            suggestion="delete the private elements together with their creator",
        )


def _orphans(level: Level) -> set[int]:
    """Return the private elements whose block nobody reserved."""
    return {
        tag
        for tag in level.elements
        if tag & 0x10000 and tag & 0xFFFF > 0xFF and not level.creator(tag)
    }


def require_said(
    after: bytes, encoding: Encoding, wanted: Mapping[int, JsonElement | None]
) -> None:
    """Check that an edited data set says of the edited elements what was meant.

    Parameters
    ----------
    after : bytes
        The edited data set as a whole, but for Pixel Data.
    encoding : Encoding
        How it is encoded.
    wanted : mapping of tag to (dict or None)
        What the elements shall be in the JSON model, None for those that it shall not have.

    Raises
    ------
    MetaDataError
        One would read as something else: its VR is one that readers take for another, it is not
        said in an implicit data set, or the tag stands there a second time.
    """
    level = Level(after, encoding)
    elements = (level.elements[tag] for tag in wanted if tag in level.elements)
    found = JsonConverter().select(level, elements)
    for tag, element in wanted.items():
        seen = found.get(f"{tag:08X}")
        if seen == element or (
            seen is not None and element is not None and _is_as_good(seen, element, encoding)
        ):
            continue
        raise MetaDataError(
            f"element {tag_name(tag)} would read as {_shown(seen)}, not {_shown(element)}",
            suggestion="give it the VR that the dictionary has for it",
        )


def _is_as_good(seen: JsonElement, wanted: JsonElement, encoding: Encoding) -> bool:
    """Whether an implicit data set says it, which has no VRs: readers know them, or see bytes."""
    if encoding.explicit:
        return False
    return seen.get("vr") == "UN" or _payload(seen) == _payload(wanted)


def _payload(element: JsonElement) -> Any:
    return {key: value for key, value in element.items() if key != "vr"}


def _shown(element: JsonElement | None) -> str:
    if element is None:
        return "absent"
    value = repr(element.get("Value", element.get("InlineBinary", "")))
    return f"{element.get('vr')} {value if len(value) <= 80 else value[:80] + '...'}".rstrip("' ")
