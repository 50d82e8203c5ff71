"""From instances to parts: what goes to one file each."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dicube_core.spatial.order import ORIENTATION_TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dicube_core.pixels import PixelFormat
    from dicube_core.spatial.planes import Orientation
    from dicube_core.trees.instances import Instance

__all__ = ["Part", "SeriesKey", "group_instances", "plane_name"]


@dataclass(frozen=True, slots=True, order=True)
class SeriesKey:
    """What makes a series.

    Parameters
    ----------
    study, series : str
        Study and Series Instance UID.
    folder : str
        Where the Series Instance UID is missing, the folder; else empty.
    """

    study: str
    series: str
    folder: str = ""


@dataclass(frozen=True, slots=True)
class Part:
    """Instances of a series that share one file.

    Parameters
    ----------
    key : SeriesKey
        Their series.
    modality, number, description : str
        What most of them say.
    pixel_format : PixelFormat or None
        Of all of them; None where `refusal` says why there is none.
    localizer : bool
        Whether they are localizers (False where series are not split).
    syntax : str
        Transfer syntax of all of them, where compressed frames are to be kept; else empty.
    orientation : tuple of float or None
        The smallest of theirs, all others being within the tolerance; None where they have none
        or are not split.
    instances : tuple of Instance
        Sorted by path.
    copies : tuple of (copy, original)
        Instances with the UID of one of the part; whether they are equal is still to be found
        out by reading them.
    refusal : str
        Why it is not converted.
    """

    key: SeriesKey
    modality: str
    number: str
    description: str
    pixel_format: PixelFormat | None
    localizer: bool
    syntax: str
    orientation: Orientation | None
    instances: tuple[Instance, ...]
    copies: tuple[tuple[Instance, Instance], ...] = ()
    refusal: str = ""

    @property
    def identity(self) -> str:
        """Text that tells the part from all others, in every tree and on every run."""
        fields = [self.key.study, self.key.series, self.key.folder, format_line(self.pixel_format)]
        # Anchors of two parts differ by more than the tolerance, so their four decimals differ.
        rounded = [f"{round(v, 4) + 0.0:.4f}" for v in self.orientation or ()]
        marks = ["localizer" if self.localizer else "", *rounded]
        return json.dumps([*fields, *marks, *([self.syntax] if self.syntax else [])])


def format_line(pixel_format: PixelFormat | None) -> str:
    """Return what instances of one file have in common, in words."""
    if pixel_format is None:
        return ""
    f = pixel_format
    sign = "signed" if f.pixel_representation else "unsigned"
    kind = f"real {f.bits_allocated}" if f.real else f"{f.bits_allocated}"
    line = (
        f"{f.rows}x{f.columns}, {kind}/{f.bits_stored}/{f.high_bit} bits {sign}, "
        f"{f.photometric_interpretation}"
    )
    if f.samples_per_pixel == 1:
        return line
    return f"{line} x{f.samples_per_pixel} planar {f.planar_configuration}"


def plane_name(orientation: Orientation | None) -> str:
    """Return ``axial``, ``coronal``, ``sagittal`` or ``oblique``; empty without orientation."""
    if orientation is None:
        return ""
    rx, ry, rz, cx, cy, cz = orientation
    normal = (abs(ry * cz - rz * cy), abs(rz * cx - rx * cz), abs(rx * cy - ry * cx))
    largest = max(normal)
    # More than 25 degrees away from every axis of the patient, or no plane at all.
    if not largest > 0.9:
        return "oblique"
    return ("sagittal", "coronal", "axial")[normal.index(largest)]


def group_instances(
    instances: Iterable[Instance], *, split: bool, keep_encoding: bool = False
) -> list[Part]:
    """Sort instances into parts.

    Parameters
    ----------
    instances : iterable of Instance
        In any order; it does not influence the result.
    split : bool
        Also separate localizers, and orientations. What cannot share a file is always separated.
    keep_encoding : bool
        Compressed frames are to be kept as they are, so that each transfer syntax needs a file.

    Returns
    -------
    list of Part
        By study, series number and series.
    """
    series: defaultdict[SeriesKey, list[Instance]] = defaultdict(list)
    for one in sorted(instances, key=lambda one: one.path):
        facts = one.facts
        folder = "" if facts.series else one.path.rpartition("/")[0] or "."
        series[SeriesKey(facts.study, facts.series, folder)].append(one)
    parts = [
        part
        for key, members in series.items()
        for part in _parts(key, members, split, keep_encoding)
    ]
    return sorted(parts, key=_rank)


def _rank(part: Part) -> tuple[Any, ...]:
    digits = part.number.lstrip("+")
    number = int(digits) if digits.isdecimal() and digits.isascii() and len(digits) < 13 else 0
    return (part.key.study, number, part.key, bool(part.refusal), part.identity, part.refusal)


def _parts(key: SeriesKey, members: list[Instance], split: bool, keep_encoding: bool) -> list[Part]:
    kept, copies, conflicts = _by_uid(members)
    anchors = _anchors({one.facts.orientation for one in kept}) if split else {}
    groups: defaultdict[tuple[Any, ...], list[Instance]] = defaultdict(list)
    for one in kept:
        facts = one.facts
        if facts.refusal:
            group: tuple[Any, ...] = (None, False, "", None, facts.refusal)
        else:
            localizer = split and facts.localizer
            anchor = anchors.get(facts.orientation)
            syntax = facts.syntax if keep_encoding else ""
            group = (facts.pixel_format, localizer, syntax, anchor, "")
        groups[group].append(one)
    return [_part(key, group, chosen, copies, conflicts) for group, chosen in groups.items()]


def _part(
    key: SeriesKey,
    group: tuple[Any, ...],
    chosen: list[Instance],
    copies: dict[str, list[Instance]],
    conflicts: dict[str, str],
) -> Part:
    pixel_format, localizer, syntax, orientation, refusal = group
    if not refusal:
        refusal = next((conflicts[one.uid] for one in chosen if one.uid in conflicts), "")
    facts = [one.facts for one in chosen]
    return Part(
        key=key,
        modality=_usual(f.modality for f in facts),
        number=_usual(f.number for f in facts),
        description=_usual(f.description for f in facts),
        pixel_format=pixel_format,
        localizer=localizer,
        syntax=syntax,
        orientation=orientation,
        instances=tuple(chosen),
        copies=tuple((copy, one) for one in chosen for copy in copies.get(one.uid, ())),
        refusal=refusal,
    )


def _by_uid(
    members: Sequence[Instance],
) -> tuple[list[Instance], dict[str, list[Instance]], dict[str, str]]:
    """Return the instances to keep, their possible copies by UID, and UIDs that mean two things.

    Instances that differ in size or in what planning knows are different, and all stay: each part
    that one of them is in is refused. The others are compared byte by byte before conversion.
    """
    by_uid: defaultdict[str, list[Instance]] = defaultdict(list)
    for one in members:
        if one.uid:
            by_uid[one.uid].append(one)
    copies: dict[str, list[Instance]] = {}
    conflicts: dict[str, str] = {}
    dropped: set[int] = set()
    for uid, same in by_uid.items():
        first, *others = same
        different = [o for o in others if (o.size, o.facts) != (first.size, first.facts)]
        if different:
            conflicts[uid] = (
                f"two instances with one SOP Instance UID and other contents: {first.path} and "
                f"{different[0].path}"
            )
        elif others:
            copies[uid] = others
            dropped.update(map(id, others))
    return [one for one in members if id(one) not in dropped], copies, conflicts


def _anchors(orientations: set[Orientation | None]) -> dict[Orientation | None, Orientation]:
    """Map each orientation to the smallest one that it agrees with (as ordering does)."""
    anchors: dict[Orientation | None, Orientation] = {}
    chosen: list[Orientation] = []
    for one in sorted(o for o in orientations if o is not None):
        for anchor in chosen:
            distances = (abs(a - b) for a, b in zip(anchor, one, strict=True))
            if max(distances) <= ORIENTATION_TOLERANCE:
                anchors[one] = anchor
                break
        else:
            chosen.append(one)
            anchors[one] = one
    return anchors


def _usual(values: Iterable[str]) -> str:
    """Return the most frequent text, the smallest of several."""
    counts = Counter(values)
    return min(counts, key=lambda text: (-counts[text], text))
