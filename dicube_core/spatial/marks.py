"""What tells the slices at one place apart: echo, phase, time, b-value and the like.

Only a series whose places repeat is looked at, so values are kept as they are in the headers and
parsed when they are asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from functools import partial
from numbers import Real
from struct import unpack
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from dicube_core.spatial.planes import SliceAttributes

__all__ = [
    "ALWAYS_KEPT",
    "GANTRY_TILT",
    "IMAGE_TYPE",
    "MARKS",
    "MARK_TAGS",
    "SHOWN_TAGS",
    "STACK_ID",
    "Mark",
    "column",
    "sort_key",
]

IMAGE_TYPE = 0x00080008
GANTRY_TILT = 0x00181120
STACK_ID = 0x00209056
_DAY = 86400.0
_MAX_TEXT = 256


class Mark(NamedTuple):
    """One attribute that can tell slices apart."""

    keyword: str  # DICOM keyword, or the tag of a private element
    parse: Callable[[object], Hashable]
    unit: str = ""
    date: int = 0  # tag of the date that belongs to a time of day
    creator: tuple[int, str] | None = None  # element and text that make a private tag certain


def _components(value: object) -> list[object]:
    """Split a value as it comes out of a file or of the JSON model."""
    if isinstance(value, (bytes, bytearray, memoryview)):
        value = bytes(value).decode("latin-1")
    if isinstance(value, str):
        return [part.strip(" \0") for part in value[: _MAX_TEXT + 1].split("\\")]
    if isinstance(value, (Real, Mapping)) or not isinstance(value, Iterable):
        return [value]
    return [item.strip(" \0") if isinstance(item, str) else item for item in value]


def _number(item: object) -> float | None:
    """Return a finite number, None for what is none."""
    if isinstance(item, bool) or not isinstance(item, (str, Real)):
        return None
    if isinstance(item, str) and (not item.isascii() or "_" in item or len(item) > 64):
        return None
    try:
        number = float(item)
    except (ValueError, OverflowError):
        return None
    return number + 0.0 if math.isfinite(number) else None


def _numbers(value: object, first: int | None = None) -> Hashable:
    """Return one number, or a tuple of several; None where any part is none."""
    items = [_number(item) for item in _components(value)[:first]]
    if not items or len(items) > 16 or None in items:
        return None
    return items[0] if len(items) == 1 else tuple(items)


def _binary(value: object, form: str, width: int) -> Hashable:
    """Return numbers that a file holds in binary (little endian), and the JSON model does not."""
    data = bytes(value) if isinstance(value, (bytes, bytearray, memoryview)) else None
    # Some writers put text where floats belong; no float that means anything looks like text.
    is_text = form in "fd" and data and any(data) and not data.strip(b"0123456789+-.eE\\ \0")
    if data is not None and not is_text:
        if not data or len(data) % width or len(data) > 16 * width:
            return None
        value = list(unpack(f"<{len(data) // width}{form}", data))
    numbers = _numbers(value)
    if form != "f" or numbers is None:
        return numbers
    # The JSON model has the decimals of a float, the file its bits: make both the same number.
    return _rounded(numbers)


def _rounded(numbers: Hashable) -> Hashable:
    from struct import error, pack

    try:
        if isinstance(numbers, tuple):
            return unpack(f"<{len(numbers)}f", pack(f"<{len(numbers)}f", *numbers))
        return unpack("<f", pack("<f", numbers))[0]  # type: ignore[no-any-return]
    except (OverflowError, error):
        return None


def _text(value: object) -> Hashable:
    items = _components(value)
    if not all(isinstance(item, str) for item in items):
        return None
    joined = "\\".join(map(str, items))
    return joined if 0 < len(joined) <= _MAX_TEXT else None


def _day(value: object) -> float | None:
    """Return a DA value (PS3.5 table 6.2-1) as a count of days."""
    items = _components(value)
    text = items[0].replace(".", "") if len(items) == 1 and isinstance(items[0], str) else ""
    if len(text) != 8 or not (text.isascii() and text.isdecimal()):
        return None
    from datetime import date  # seldom needed, and this module is part of the cold start

    try:
        return float(date(int(text[:4]), int(text[4:6]), int(text[6:])).toordinal())
    except ValueError:
        return None


def _time_of_day(value: object) -> float | None:
    """Return a TM value, such as ``'101530.25'``, in seconds since midnight."""
    items = _components(value)
    text = items[0].replace(":", "") if len(items) == 1 and isinstance(items[0], str) else ""
    whole, _, rest = text.partition(".")
    if len(whole) not in (2, 4, 6) or not (whole + rest).isdecimal() or not text.isascii():
        return None
    hours, minutes, seconds = (int(whole[i : i + 2] or "0") for i in (0, 2, 4))
    if hours > 23 or minutes > 59 or seconds > 60 or len(rest) > 6:
        return None
    return hours * 3600 + minutes * 60 + seconds + float(f"0.{rest or 0}")


def _moment(value: object) -> float | None:
    """Return a DT value in seconds, those of different days and time zones comparable."""
    items = _components(value)
    text = items[0] if len(items) == 1 and isinstance(items[0], str) else ""
    zone = 0.0
    for sign in "+-":
        head, found, offset = text.partition(sign)
        if found:
            if len(offset) != 4 or not (offset.isascii() and offset.isdecimal()):
                return None
            zone = (int(offset[:2]) * 3600 + int(offset[2:]) * 60) * (1.0 if sign == "+" else -1.0)
            text = head
            break
    day, time = _day(text[:8]), _time_of_day(text[8:])
    return None if day is None or time is None else day * _DAY + time - zone


_float64 = partial(_binary, form="d", width=8)
_float32 = partial(_binary, form="f", width=4)
_word = partial(_binary, form="H", width=2)
_long = partial(_binary, form="I", width=4)


def _ge_b_value(value: object) -> Hashable:
    """Return the b-value out of GE's four integers: it has a marker of 1e9 added at times."""
    number = _numbers(value, 1)
    return number % 100000 if isinstance(number, float) and number >= 0 else None


_SIEMENS = (0x00190010, "SIEMENS MR HEADER")
_PHILIPS = (0x20010010, "PHILIPS IMAGING DD 001")
_GE = (0x00430010, "GEMS_PARM_01")

#: Tag -> how it is read. Private elements only where their creator is the one that defines them.
MARKS: dict[int, Mark] = {
    IMAGE_TYPE: Mark("ImageType", _text),
    0x0008002A: Mark("AcquisitionDateTime", _moment, "s"),
    0x00080032: Mark("AcquisitionTime", _time_of_day, "s", date=0x00080022),
    0x00080033: Mark("ContentTime", _time_of_day, "s", date=0x00080023),
    0x00089208: Mark("ComplexImageComponent", _text),
    0x00180060: Mark("KVP", _numbers, "kV"),
    0x00180080: Mark("RepetitionTime", _numbers, "ms"),
    0x00180081: Mark("EchoTime", _numbers, "ms"),
    0x00180082: Mark("InversionTime", _numbers, "ms"),
    0x00180086: Mark("EchoNumbers", _numbers),
    0x00181060: Mark("TriggerTime", _numbers, "ms"),
    GANTRY_TILT: Mark("GantryDetectorTilt", _numbers, "degrees"),
    0x00181210: Mark("ConvolutionKernel", _text),
    0x00181314: Mark("FlipAngle", _numbers, "degrees"),
    0x00189074: Mark("FrameAcquisitionDateTime", _moment, "s"),
    0x00189079: Mark("InversionTimes", _float64, "ms"),
    0x00189082: Mark("EffectiveEchoTime", _float64, "ms"),
    0x00189087: Mark("DiffusionBValue", _float64, "s/mm2"),
    0x00189089: Mark("DiffusionGradientOrientation", _float64),
    0x00189151: Mark("FrameReferenceDateTime", _moment, "s"),
    0x00189214: Mark("RespiratoryCyclePosition", _text),
    0x00189236: Mark("CardiacCyclePosition", _text),
    0x00200012: Mark("AcquisitionNumber", _numbers),
    0x00200100: Mark("TemporalPositionIdentifier", _numbers),
    STACK_ID: Mark("StackID", _text),
    0x00209128: Mark("TemporalPositionIndex", _long),
    0x00209153: Mark("NominalCardiacTriggerDelayTime", _float64, "ms"),
    0x00209241: Mark("NominalPercentageOfCardiacPhase", _float32, "%"),
    0x00209245: Mark("NominalPercentageOfRespiratoryPhase", _float32, "%"),
    0x00209252: Mark("ActualCardiacTriggerDelayTime", _float64, "ms"),
    0x0020930D: Mark("TemporalPositionTimeOffset", _float64, "s"),
    0x00540010: Mark("EnergyWindowVector", _word),
    0x00540020: Mark("DetectorVector", _word),
    0x00540030: Mark("PhaseVector", _word),
    0x00540050: Mark("RotationVector", _word),
    0x00540060: Mark("RRIntervalVector", _word),
    0x00540070: Mark("TimeSlotVector", _word),
    0x00540090: Mark("AngularViewVector", _word),
    0x00540100: Mark("TimeSliceVector", _word),
    0x00541300: Mark("FrameReferenceTime", _numbers, "ms"),
    0x0019100C: Mark("(0019,100C)", _numbers, "s/mm2", creator=_SIEMENS),
    0x0019100E: Mark("(0019,100E)", _float64, creator=_SIEMENS),
    0x20011003: Mark("(2001,1003)", _float32, "s/mm2", creator=_PHILIPS),
    0x00431039: Mark("(0043,1039)", _ge_b_value, "s/mm2", creator=_GE),
}

_DATES = frozenset(mark.date for mark in MARKS.values() if mark.date)
#: Looked at even where all slices share them.
ALWAYS_KEPT = frozenset(
    (GANTRY_TILT, *(mark.creator[0] for mark in MARKS.values() if mark.creator))
)
#: Everything that `column` looks at, to be collected from headers.
MARK_TAGS = frozenset(MARKS) | _DATES | ALWAYS_KEPT
#: Attributes that are worth telling along with an axis: not those that follow the clock.
SHOWN_TAGS = tuple(tag for tag, mark in MARKS.items() if mark.unit != "s" or tag == 0x0020930D)


def column(slices: Sequence[SliceAttributes], tag: int) -> list[Hashable]:
    """Return the value of one attribute in each slice, None where it has no usable one.

    Numbers are floats, several of them a tuple; times are seconds since the midnight before the
    earliest one, where the headers tell the day.
    """
    mark = MARKS[tag]
    known: dict[Hashable, Hashable] = {}
    values: list[Hashable] = []
    for one in slices:
        raw = one.marks.get(tag)
        if raw is None or (mark.creator and not _is_certain(one, mark.creator)):
            values.append(None)
            continue
        key = tuple(raw) if isinstance(raw, list) else raw
        parts = key if isinstance(key, tuple) else (key,)
        if not all(isinstance(part, (str, bytes, int, float)) for part in parts):
            values.append(None)
            continue
        typed = (type(key), key)
        if typed not in known:
            known[typed] = mark.parse(raw)
        values.append(known[typed])
    if mark.date:
        return _with_days(slices, values, mark.date)
    return _from_first_day(values) if mark.parse is _moment else values


def _is_certain(one: SliceAttributes, creator: tuple[int, str]) -> bool:
    tag, name = creator
    found = _text(one.marks.get(tag, ""))
    return isinstance(found, str) and found.upper() == name


def _with_days(
    slices: Sequence[SliceAttributes], times: Sequence[Hashable], date_tag: int
) -> list[Hashable]:
    """Add the days between the dates of slices, where every slice has a date."""
    days = [_day(one.marks.get(date_tag, "")) for one in slices]
    known = [day for day in days if day is not None]
    if len(known) < len(days) or not known:
        return list(times)
    first = min(known)
    return [
        time + (day - first) * _DAY if isinstance(time, float) and day is not None else None
        for time, day in zip(times, days, strict=True)
    ]


def _from_first_day(moments: Sequence[Hashable]) -> list[Hashable]:
    known = [one for one in moments if isinstance(one, float)]
    base = min(known, default=0.0) // _DAY * _DAY
    return [one - base if isinstance(one, float) else None for one in moments]


def sort_key(value: Hashable) -> tuple[int, tuple[tuple[int, float, str], ...]]:
    """Return what to sort values of any kind by: nothing first, numbers, tuples, then text."""
    if value is None:
        return 0, ()
    if isinstance(value, float):
        return 1, ((0, value, ""),)
    if isinstance(value, tuple):
        parts = [part for item in value for part in (*sort_key(item)[1], (-1, 0.0, ""))]
        return 2, tuple(parts)
    text = str(value)
    if text.isascii() and text.isdecimal() and len(text) < 16:
        return 3, ((0, float(text), text),)
    return 3, ((1, 0.0, text),)
