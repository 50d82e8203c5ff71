"""One header per frame of a series whose instances hold several frames, made when asked for."""

from __future__ import annotations

import re
from itertools import accumulate
from typing import TYPE_CHECKING

from dicube_core.dataset.elements import walk
from dicube_core.dicom.headers import HeaderSequence, HeaderTable, SliceHeader, pack_headers
from dicube_core.dicom.multiframe.identity import frame_name
from dicube_core.dicom.multiframe.kinds import is_multiframe
from dicube_core.dicom.multiframe.single import SingleFrames
from dicube_core.exceptions import MetaDataError, UnsupportedKindError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dicube_core.frame_map import FrameMap

__all__ = ["DerivedHeaders", "frame_names", "instance_counts"]

#: Instances whose functional groups are kept resolved.
_KEPT = 64
_INSTANCE_NUMBER = 0x00200013


def instance_counts(frame_map: FrameMap) -> list[int]:
    """Return the number of frames of each instance."""
    return [len(frame_map.frames_of(i)) for i in range(frame_map.n_instances)]


def frame_names(instances: Sequence[SliceHeader], frame_map: FrameMap) -> list[str]:
    """Return the name of each frame's header without making it."""
    multi = [(header.name, is_multiframe(header)) for header in instances]
    result = []
    for instance, number in zip(frame_map.instances, frame_map.numbers, strict=True):
        name, several = multi[instance]
        result.append(frame_name(name, number + 1) if several else name)
    return result


def _instance_number(header: SliceHeader) -> int | None:
    for found in walk(header.head, header.encoding, until=_INSTANCE_NUMBER + 1):
        if found.tag == _INSTANCE_NUMBER:
            text = header.head[found.value : found.value_stop].decode("latin-1").strip(" \0")
            return int(text) if re.fullmatch(r"[+-]?[0-9]{1,12}", text) else None
    return None


class DerivedHeaders(HeaderSequence):
    """Single-frame headers of the frames of a file. Safe for threads.

    A frame of an instance that has but this one, and no functional groups, has the header of its
    source.

    Parameters
    ----------
    instances : sequence of SliceHeader
        Headers of the source instances.
    frame_map : FrameMap
        Which frame is where.
    native_bits : int
        Bits of one frame in uncompressed DICOM.

    Raises
    ------
    MetaDataError, UnsupportedKindError
        When a header is asked for whose instance is not of so many frames, or cannot be resolved.
    """

    def __init__(
        self, instances: Sequence[SliceHeader], frame_map: FrameMap, native_bits: int
    ) -> None:
        self.instances, self.frame_map = instances, frame_map
        self._native_bits = native_bits
        counts = instance_counts(frame_map)
        self._counts = counts
        self._numbers: list[int] | None = None
        self._resolved: dict[int, SingleFrames | SliceHeader] = {}

    def __len__(self) -> int:
        return self.frame_map.frame_count

    def _header(self, frame: int) -> SliceHeader:
        instance, number = self.frame_map.instance(frame), self.frame_map.number(frame)
        try:
            source = self._source(instance)
            return source if isinstance(source, SliceHeader) else source.header(number)
        except (MetaDataError, UnsupportedKindError) as exc:
            # A table that was read from a file says which.
            place = getattr(self.instances, "place", "")
            name = ": ".join(filter(None, (place, self.instances[instance].name)))
            raise type(exc)(
                f"{name}: frame {number}: {exc.message}",
                suggestion=exc.suggestion,
                details={**exc.details, "path": name, "frame": number},
            ) from exc

    def _source(self, instance: int) -> SingleFrames | SliceHeader:
        found = self._resolved.get(instance)
        if found is not None:
            return found
        header = self.instances[instance]
        made: SingleFrames | SliceHeader = header
        if is_multiframe(header):
            count = len(self.frame_map.frames_of(instance))
            made = SingleFrames(header, count, self._native_bits, self._first_numbers()[instance])
        if len(self._resolved) >= _KEPT:
            self._resolved.clear()  # frames come instance by instance, mostly
        self._resolved[instance] = made
        return made

    def _first_numbers(self) -> list[int]:
        """Return the Instance Number of the first frame of each instance.

        Instances that stand for themselves keep theirs, so those of the others keep clear of them.
        """
        if self._numbers is not None:
            return self._numbers
        plain = [
            count == 1 and not is_multiframe(header)
            for count, header in zip(self._counts, self.instances, strict=True)
        ]
        first = list(accumulate(self._counts, initial=1))
        if any(plain):
            taken = {
                number
                for header, alone in zip(self.instances, plain, strict=True)
                if alone and (number := _instance_number(header)) is not None
            }
            ranges = [
                range(start, start + count)
                for start, count, alone in zip(first, self._counts, plain, strict=False)
                if not alone
            ]
            if any(number in own for number in taken for own in ranges):
                derived = [0 if alone else n for n, alone in zip(self._counts, plain, strict=True)]
                first = list(accumulate(derived, initial=max(0, *taken) + 1))
        self._numbers = first
        return first

    def groups(self) -> Iterator[tuple[list[int], list[bytes | list[bytes]]]]:
        """Yield headers with the same elements, as `HeaderTable.groups` does."""
        return self.table().groups()

    def table(self) -> HeaderTable:
        """Return all headers as a packed table; made anew by each call."""
        return HeaderTable(pack_headers(list(self)), len(self), "headers of the frames")
