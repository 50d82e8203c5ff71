"""What a series can have several volumes of, and which attributes prove it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from dicube_core.spatial.marks import IMAGE_TYPE

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

__all__ = ["AXES", "Axis", "AxisSpec", "Labels", "counted", "listed_values", "value_text"]


class AxisSpec(NamedTuple):
    """One kind of dimension.

    The attributes stand in the order of trust. The first of them that fills a grid is taken.
    Several tags in one entry are one value together.
    """

    name: str
    words: tuple[str, str]  # one, several
    by_value: tuple[tuple[int, ...], ...]  # each volume has one value of its own
    by_order: tuple[int, ...] = ()  # values differ from slice to slice, but order the repeats


_B_VALUES = (0x00189087, 0x0019100C, 0x20011003, 0x00431039)
_DIRECTIONS = (0x00189089, 0x0019100E)
_CLOCKS = (0x0008002A, 0x00189074, 0x00189151, 0x00080032)

#: Outermost first; also the order in which they are looked for. What describes an image comes
#: before the clock, for every image has a time of its own, whatever else it differs in.
AXES: tuple[AxisSpec, ...] = (
    AxisSpec("image_type", ("image type", "image types"), ((0x00089208,), (IMAGE_TYPE,))),
    AxisSpec("energy_window", ("energy window", "energy windows"), ((0x00540010,),)),
    AxisSpec("detector", ("detector", "detectors"), ((0x00540020,),)),
    AxisSpec("rotation", ("rotation", "rotations"), ((0x00540050,),)),
    AxisSpec("view", ("angular view", "angular views"), ((0x00540090,),)),
    AxisSpec("tube_voltage", ("tube voltage", "tube voltages"), ((0x00180060,),)),
    AxisSpec("kernel", ("convolution kernel", "convolution kernels"), ((0x00181210,),)),
    AxisSpec("echo", ("echo", "echoes"), ((0x00180086,), (0x00189082,), (0x00180081,))),
    AxisSpec(
        "inversion_time",
        ("inversion time", "inversion times"),
        ((0x00180082,), (0x00189079,)),
    ),
    AxisSpec("flip_angle", ("flip angle", "flip angles"), ((0x00181314,),)),
    AxisSpec("repetition_time", ("repetition time", "repetition times"), ((0x00180080,),)),
    AxisSpec("b_value", ("b-value", "b-values"), tuple((tag,) for tag in _B_VALUES)),
    AxisSpec(
        "diffusion",
        ("diffusion weighting", "diffusion weightings"),
        tuple((b, direction) for direction in _DIRECTIONS for b in _B_VALUES),
    ),
    AxisSpec(
        "direction",
        ("gradient direction", "gradient directions"),
        tuple((tag,) for tag in _DIRECTIONS),
    ),
    AxisSpec("rr_interval", ("R-R interval", "R-R intervals"), ((0x00540060,),)),
    AxisSpec(
        "phase",
        ("cardiac phase", "cardiac phases"),
        ((0x00209241,), (0x00540030,), (0x00209153,), (0x00189236,)),
    ),
    AxisSpec(
        "respiratory_phase",
        ("respiratory phase", "respiratory phases"),
        ((0x00209245,), (0x00189214,)),
    ),
    AxisSpec(
        "time",
        ("time point", "time points"),
        (
            *((0x00200100,), (0x00209128,), (0x0020930D,), (0x00540070,), (0x00540100,)),
            *((0x00541300,), (0x00200012,)),
        ),
    ),
    AxisSpec(
        "phase", ("cardiac phase", "cardiac phases"), ((0x00181060,),), (0x00181060, 0x00209252)
    ),
    AxisSpec(
        "time",
        ("time point", "time points"),
        tuple((tag,) for tag in _CLOCKS),
        (0x00541300, *_CLOCKS, 0x00200012),
    ),
    AxisSpec(
        "content_time", ("time of creation", "times of creation"), ((0x00080033,),), (0x00080033,)
    ),
)


class Labels(NamedTuple):
    """Values of another attribute that goes along with an axis, one per step of it."""

    keyword: str
    unit: str
    values: tuple[Hashable, ...]


@dataclass(frozen=True, slots=True)
class Axis:
    """One dimension of a series beside the slices.

    Parameters
    ----------
    name : str
        Such as ``'echo'`` or ``'time'``; the name that `Dimensions.frames_of` takes.
    keyword : str
        DICOM keyword of the attribute that proves it; several, or the tag of a private element.
    unit : str
        Unit of `values`, empty where they have none.
    values : tuple
        Ascending, one per step: floats, texts, or tuples of them (None for a part that a header
        lacks, as the direction of a b = 0 image). Times of day are seconds since the midnight
        before the first.
    words : tuple of str
        What to call one step and several.
    varies : bool
        The attribute differs from slice to slice within a volume, and only puts the images of
        each place in order; `values` are those of the first place.
    also : tuple of Labels
        Other attributes that go along with this axis, such as EchoTime with EchoNumbers.
    """

    name: str
    keyword: str
    unit: str
    values: tuple[Hashable, ...]
    words: tuple[str, str]
    varies: bool = False
    also: tuple[Labels, ...] = ()

    def __len__(self) -> int:
        return len(self.values)

    def __str__(self) -> str:
        head = counted(len(self), self.words)
        if self.varies:
            return f"{head} (in the order of {self.keyword})"
        return f"{head} ({self.keyword} {listed_values(self.values, self.unit)})"


def counted(number: int, words: tuple[str, str]) -> str:
    """Return a number with its noun, such as ``'4 echoes'``."""
    return f"{number} {words[number != 1]}"


def listed_values(values: Sequence[Hashable], unit: str) -> str:
    """Return values as words, the first and the last of many."""
    texts = [value_text(value) for value in values]
    if len(texts) > 5:
        texts = [*texts[:2], "...", texts[-1]]
    return ", ".join(texts) + (f" {unit}" if unit and unit != "s" else "")


def value_text(value: Hashable) -> str:
    """Return one value of an axis as words."""
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, tuple):
        return f"({', '.join(map(value_text, value))})"
    return "none" if value is None else str(value)
