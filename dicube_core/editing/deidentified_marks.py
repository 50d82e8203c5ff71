"""What a de-identified data set says of itself (DICOM PS3.15 E.1.1, PS3.3 C.12.1.1.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicube_core.dataset._encode import encode_element
from dicube_core.dataset.json_model import dataset_to_json
from dicube_core.editing.profile import EDITION, Option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dicube_core.dataset.elements import Element
    from dicube_core.dataset.json_model import Level

__all__ = ["MARKS", "mark_element"]

_REMOVED, _METHOD, _CODES, _DATES = 0x00120062, 0x00120063, 0x00120064, 0x00280303
#: Patient Identity Removed, De-identification Method and its codes, and what became of dates.
MARKS: Mapping[int, str] = {_REMOVED: "CS", _METHOD: "LO", _CODES: "SQ", _DATES: "CS"}

#: CID 7050.
_BASIC = ("113100", "Basic Application Confidentiality Profile")
_OPTION_CODES = {
    Option.CLEAN_DESCRIPTORS: ("113105", "Clean Descriptors Option"),
    Option.FULL_DATES: (
        "113106",
        "Retain Longitudinal Temporal Information Full Dates Option",
    ),
    Option.MODIFIED_DATES: (
        "113107",
        "Retain Longitudinal Temporal Information Modified Dates Option",
    ),
    Option.RETAIN_PATIENT: ("113108", "Retain Patient Characteristics Option"),
    Option.RETAIN_DEVICE: ("113109", "Retain Device Identity Option"),
    Option.RETAIN_UIDS: ("113110", "Retain UIDs Option"),
    Option.SAFE_PRIVATE: ("113111", "Retain Safe Private Option"),
    Option.RETAIN_INSTITUTION: ("113112", "Retain Institution Identity Option"),
}


def mark_element(
    tag: int, level: Level, options: frozenset[Option], present: Element | None
) -> bytes:
    """Return one of `MARKS`; what earlier de-identifications said of methods stays in front."""
    vr = MARKS[tag]
    values: list[Any]
    if tag == _REMOVED:
        values = ["YES"]
    elif tag == _DATES:
        values = [_dates(options)]
    else:
        earlier = _earlier(level, present)
        ours = [f"dicube-plugins, PS3.15 {EDITION} Basic Profile"]
        new: list[Any] = ours if tag == _METHOD else _codes(options)
        values = [*earlier, *(value for value in new if value not in earlier)]
    return encode_element(tag, vr, values, level.encoding, level.charset)


def _dates(options: frozenset[Option]) -> str:
    if Option.FULL_DATES in options:
        return "UNMODIFIED"
    return "MODIFIED" if Option.MODIFIED_DATES in options else "REMOVED"


def _codes(options: frozenset[Option]) -> list[dict[str, Any]]:
    chosen = [_BASIC, *(code for option, code in _OPTION_CODES.items() if option in options)]
    return [
        {
            "00080100": {"vr": "SH", "Value": [value]},
            "00080102": {"vr": "SH", "Value": ["DCM"]},
            "00080104": {"vr": "LO", "Value": [meaning]},
        }
        for value, meaning in chosen
    ]


def _earlier(level: Level, present: Element | None) -> list[Any]:
    if present is None or present.value == present.value_stop:
        return []
    # With the character set in front, so that text of it is read right.
    around = (level.elements.get(0x00080005), present)
    part = b"".join(level.data[e.start : e.stop] for e in around if e is not None)
    model = dataset_to_json(part, level.encoding)
    return [value for value in model[f"{present.tag:08X}"].get("Value", []) if value]
