"""The pixel header: what the stored values mean, as the base format keeps it."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from typing import Any

from dicube_core.exceptions import MetaDataError
from dicube_core.json_numbers import finite_float
from dicube_core.pixels import STORED_TYPES

__all__ = ["PixelDataHeader"]

_FIELDS = (
    "RescaleSlope",
    "RescaleIntercept",
    "OriginalPixelDtype",
    "PixelDtype",
    "WindowCenter",
    "WindowWidth",
    "MaxVal",
    "MinVal",
)
#: What a file has to say of its frames.
_NEEDED = ("RescaleSlope", "RescaleIntercept", "PixelDtype")


@dataclass
class PixelDataHeader:
    """Rescale, type and window of the stored values.

    Parameters
    ----------
    RescaleSlope, RescaleIntercept : float or list of float
        ``modality value = stored value * slope + intercept`` (PS3.3 C.11.1.1.2). A list holds
        one number per frame, where frames differ (PET).
    OriginalPixelDtype, PixelDtype : str
        numpy names of the source's and of the stored type.
    WindowCenter, WindowWidth : float, optional
        First window of the first frame.
    MaxVal, MinVal : float, optional
        Range before quantisation, in files whose source was real-valued.
    Extras : dict
        Keys that this package does not know; they survive a load and save.
    """

    RescaleSlope: float | list[float] = 1.0
    RescaleIntercept: float | list[float] = 0.0
    OriginalPixelDtype: str = "uint16"
    PixelDtype: str = "uint16"
    WindowCenter: float | None = None
    WindowWidth: float | None = None
    MaxVal: float | None = None
    MinVal: float | None = None
    Extras: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields and extras in one mapping."""
        return {name: getattr(self, name) for name in _FIELDS} | self.Extras

    @classmethod
    def from_dict(cls, d: dict[str, Any]) -> PixelDataHeader:
        """Make a header of a mapping; keys it does not know go to `Extras`.

        Raises
        ------
        MetaDataError
            A value has the wrong type or is not finite.
        """
        known = {name: d[name] for name in _FIELDS if name in d}
        for name, value in known.items():
            _check(name, value)
        return cls(**known, Extras={k: v for k, v in d.items() if k not in _FIELDS})

    @classmethod
    def stored(cls, d: dict[str, Any], frame_count: int) -> PixelDataHeader:
        """Make the header of a file's mapping, in which nothing that decides values may lack.

        Every writer puts it there: without it, values and their type would be a guess.

        Raises
        ------
        MetaDataError
            As of `from_dict` and `check_frame_count`, or a key is missing.
        """
        lacking = [name for name in _NEEDED if name not in d]
        if lacking:
            raise MetaDataError(
                f"pixel header: {' and '.join(lacking)} missing",
                suggestion="the file is damaged; restore it from its source",
            )
        header = cls.from_dict(d)
        header.check_frame_count(frame_count)
        return header

    def to_json(self) -> str:
        """Return the mapping as JSON text."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, json_str: str) -> PixelDataHeader:
        """Make a header of JSON text.

        Raises
        ------
        MetaDataError
            Not a JSON object, or as of `from_dict`.
        """
        try:
            value = json.loads(json_str, parse_float=finite_float)
        except (ValueError, RecursionError) as exc:
            raise MetaDataError(f"pixel header: not valid JSON: {exc}") from exc
        if not isinstance(value, dict):
            raise MetaDataError("pixel header: a JSON object is expected")
        return cls.from_dict(value)

    def rescale(self, frame: int) -> tuple[float, float]:
        """Return (slope, intercept) of one frame."""
        return _of_frame(self.RescaleSlope, frame), _of_frame(self.RescaleIntercept, frame)

    @property
    def rescale_is_shared(self) -> bool:
        """Whether all frames have one slope and one intercept."""
        return not isinstance(self.RescaleSlope, list | tuple) and not isinstance(
            self.RescaleIntercept, list | tuple
        )

    def check_frame_count(self, frame_count: int) -> None:
        """Refuse per-frame lists of another length.

        Raises
        ------
        MetaDataError
            Names the field.
        """
        for name in ("RescaleSlope", "RescaleIntercept"):
            value = getattr(self, name)
            if isinstance(value, list | tuple) and len(value) != frame_count:
                raise MetaDataError(
                    f"pixel header: {name} has {len(value)} numbers for {frame_count} frames"
                )


def _of_frame(value: float | list[float] | None, frame: int) -> float:
    if isinstance(value, list | tuple):
        return float(value[frame])
    return 0.0 if value is None else float(value)


def _is_number(value: object) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and abs(value) <= sys.float_info.max  # integers may be larger than any float
    )


def _check(name: str, value: object) -> None:
    if name in ("RescaleSlope", "RescaleIntercept"):
        good = _is_number(value) or (
            isinstance(value, list) and value != [] and all(map(_is_number, value))
        )
    elif name.endswith("Dtype"):
        good = isinstance(value, str) and (name == "OriginalPixelDtype" or value in STORED_TYPES)
    else:
        good = value is None or _is_number(value)
    if not good:
        text = repr(value)
        raise MetaDataError(f"pixel header: {name} is {text[:80]}, which has no meaning there")
