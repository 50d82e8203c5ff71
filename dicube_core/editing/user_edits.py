"""What a user sets and deletes, as a decider for `rewrite`; see ``docs/editing.md``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dicube_core.dataset._encode import encode_element, value_of
from dicube_core.dataset._vr import is_private_creator
from dicube_core.editing.paths import ElementPath, Step
from dicube_core.editing.rewrite import KEEP, REMOVE, Context, Verdict
from dicube_core.exceptions import MetaDataError
from dicube_core.metadata._edit_values import element_from_value
from dicube_core.metadata.edits import Edit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dicube_core.dataset.elements import Element
    from dicube_core.dataset.json_model import JsonElement, Level

__all__ = ["NestedEdits", "UserEdits", "parse_edits"]


@dataclass(frozen=True, slots=True)
class _Rule:
    """One path with what becomes of it: one value for all slices, or one for each; None deletes."""

    path: ElementPath
    values: tuple[JsonElement | None, ...]

    def value(self, index: int) -> JsonElement | None:
        return self.values[index] if len(self.values) > 1 else self.values[0]


@dataclass(slots=True)
class UserEdits:
    """Edits of one call.

    Parameters
    ----------
    simple : dict
        Tag of the outermost level -> edit, for `dicube_core.dicom.edited.edited_headers`.
    nested : list
        What needs `rewrite`.
    delete_private : bool
        Remove every private element, at every depth.
    matched : set of str
        Paths of `nested` that were found in some slice.
    """

    simple: dict[int, Edit] = field(default_factory=dict)
    nested: list[_Rule] = field(default_factory=list)
    delete_private: bool = False
    matched: set[str] = field(default_factory=set)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was asked for."""
        return not (self.simple or self.nested or self.delete_private)

    @property
    def needs_rewrite(self) -> bool:
        """Whether some edit is not one of a public or named element of the outermost level."""
        return bool(self.nested) or self.delete_private

    def of_slice(self, index: int, *, in_tail: bool) -> NestedEdits:
        """Return the decider for one header; nothing is added behind the pixels."""
        return NestedEdits(self, index, in_tail)

    def unmatched(self) -> tuple[str, ...]:
        """Return the nested paths that no slice has."""
        return tuple(r.path.text for r in self.nested if r.path.text not in self.matched)


def parse_edits(
    set_values: Mapping[Any, Any] | None,
    delete: Sequence[Any],
    per_slice: Mapping[Any, Sequence[Any]] | None,
    count: int,
    *,
    delete_private: bool = False,
) -> UserEdits:
    """Check what a user asked for.

    Raises
    ------
    MetaDataError
        A path names no element, or a value does not fit; the message names it.
    """
    edits = UserEdits(delete_private=delete_private)
    for given in delete:
        _add(edits, ElementPath.parse(given), (None,))
    for given, value in (set_values or {}).items():
        path = ElementPath.parse(given)
        _add(edits, path, (element_from_value(path.tag, path.value_vr(), value),))
    for given, values in (per_slice or {}).items():
        path = ElementPath.parse(given)
        if isinstance(values, str) or len(values) != count:
            raise MetaDataError(f"{path.text}: {len(values)} values for {count} slices")
        vr = path.value_vr()
        elements = (None if v is None else element_from_value(path.tag, vr, v) for v in values)
        _add(edits, path, tuple(elements))
    return edits


def _add(edits: UserEdits, path: ElementPath, values: tuple[JsonElement | None, ...]) -> None:
    # A private element goes through `rewrite`, which looks after its creator.
    if not path.is_simple or path.tag & 0x10000:
        edits.nested.append(_Rule(path, values))
    elif len(values) > 1:
        edits.simple[path.tag] = Edit(per_slice=values)
    else:
        edits.simple[path.tag] = Edit(shared=values[0])


class NestedEdits:
    """Decides for the elements of one header."""

    def __init__(self, edits: UserEdits, index: int, in_tail: bool) -> None:
        self._edits, self._index, self._in_tail = edits, index, in_tail

    def decide(self, level: Level, element: Element, vr: str, context: Context) -> Verdict:
        """Return what becomes of one element."""
        tag = element.tag
        private = bool(tag & 0x10000)
        creator = level.creator(tag) if private else ""
        for rule in self._edits.nested:
            if not _is_at(rule.path, tag, creator, context):
                continue
            self._edits.matched.add(rule.path.text)
            value = rule.value(self._index)
            if value is None:
                return REMOVE
            return Verdict(_encoded(tag, rule.path.vr or vr, value, level))
        if self._edits.delete_private and private:
            return REMOVE
        return KEEP

    def added(self, level: Level, context: Context) -> Mapping[int, bytes]:
        """Return elements that a path names and the level lacks."""
        new: dict[int, bytes] = {}
        if self._in_tail and not context:
            return new
        for rule in self._edits.nested:
            value = rule.value(self._index)
            depth = len(context)
            if value is None or rule.path.anywhere or depth >= len(rule.path.steps):
                continue
            if not all(map(_is_step, rule.path.steps, context)):
                continue
            step = rule.path.steps[depth]
            if any(step.is_at(tag, level.creator(tag)) for tag in level.elements):
                self._require_item(level, rule.path, step, depth)
                continue
            self._edits.matched.add(rule.path.text)
            new |= _inserted(level, rule.path, depth, value)
        return new

    def _require_item(self, level: Level, path: ElementPath, step: Step, depth: int) -> None:
        """Refuse to set something in an item that is not there."""
        if step.index is None or depth == len(path.steps) - 1:
            return
        tag = next(t for t in level.elements if step.is_at(t, level.creator(t)))
        element = level.elements[tag]
        count = len(level.items(element)) if level.vr(element) == "SQ" else 0
        if step.index >= count:
            raise MetaDataError(
                f"slice {self._index}: {path.text}: the sequence has {count} items",
                suggestion="items are counted from 0",
            )


def _is_step(step: Step, place: tuple[int, str, int]) -> bool:
    tag, creator, number = place
    return step.is_at(tag, creator) and step.index in (None, number)


def _is_at(path: ElementPath, tag: int, creator: str, context: Context) -> bool:
    """Whether a path means an element below `context`."""
    if not path.steps[-1].is_at(tag, creator):
        return False
    around = path.steps[:-1]
    if len(context) < len(around) or (len(context) > len(around) and not path.anywhere):
        return False
    return all(map(_is_step, around, context[len(context) - len(around) :]))


def _encoded(tag: int, vr: str, value: JsonElement, level: Level) -> bytes:
    chosen = vr if value["vr"] != "SQ" and vr not in ("SQ", "UN") else value["vr"]
    return encode_element(tag, chosen, value_of(tag, value), level.encoding, level.charset)


def _inserted(level: Level, path: ElementPath, depth: int, value: JsonElement) -> dict[int, bytes]:
    """Return the element that brings `value` into a level, with sequences of one item around it."""
    for step in reversed(path.steps[depth + 1 :]):
        if step.creator:
            raise MetaDataError(f"{path.text}: there is no private block of {step.creator!r} yet")
        value = {"vr": "SQ", "Value": [{f"{step.tag:08X}": value}]}
    if any(step.index for step in path.steps[depth:-1]):
        raise MetaDataError(f"{path.text}: the sequence has no items yet")
    step = path.steps[depth]
    tag = step.tag
    new: dict[int, bytes] = {}
    if step.creator:
        tag, new = _private_place(level, step)
    elif tag & 0x10000 and not is_private_creator(tag) and not level.creator(tag):
        raise MetaDataError(
            f"{path.text}: nobody reserved the private block",
            suggestion="name the creator: (gggg,CREATOR,ee)",
        )
    return {**new, tag: _encoded(tag, value["vr"], value, level)}


def _private_place(level: Level, step: Step) -> tuple[int, dict[int, bytes]]:
    """Return the tag in the creator's block, and the element that reserves it if it is new."""
    group = step.tag & 0xFFFF0000
    free = 0
    for block in range(0x10, 0x100):
        element = level.elements.get(group | block)
        tag = group | block << 8 | step.tag & 0xFF
        if element is None:
            free = free or block
        elif level.creator(tag) == step.creator:
            return tag, {}
    if not free:
        raise MetaDataError(f"group {group >> 16:04X} has no private block left")
    name: JsonElement = {"vr": "LO", "Value": [step.creator]}
    tag = group | free << 8 | step.tag & 0xFF
    return tag, {group | free: _encoded(group | free, "LO", name, level)}
