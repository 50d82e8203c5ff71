"""One header per frame of a series whose instances hold several frames, made when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import accumulate
from typing import TYPE_CHECKING, overload

from dicube_core.dicom.headers import HeaderTable, SliceHeader, pack_headers
from dicube_core.dicom.multiframe.identity import frame_name
from dicube_core.dicom.multiframe.kinds import is_multiframe
from dicube_core.dicom.multiframe.single import SingleFrames
from dicube_core.exceptions import MetaDataError, UnsupportedKindError

if TYPE_CHECKING:
    from dicube_core.frame_map import FrameMap

__all__ = ["DerivedHeaders", "frame_names", "instance_counts"]

#: Instances whose functional groups are kept resolved.
_KEPT = 64


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


class DerivedHeaders(Sequence[SliceHeader]):
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
        self._first = list(accumulate(counts, initial=1))
        self._resolved: dict[int, SingleFrames | SliceHeader] = {}

    def __len__(self) -> int:
        return self.frame_map.frame_count

    @overload
    def __getitem__(self, index: int) -> SliceHeader: ...
    @overload
    def __getitem__(self, index: slice) -> list[SliceHeader]: ...
    def __getitem__(self, index: int | slice) -> SliceHeader | list[SliceHeader]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        frame = range(len(self))[index]
        instance, number = self.frame_map.instance(frame), self.frame_map.number(frame)
        source = self._source(instance)
        if isinstance(source, SliceHeader):
            return source
        try:
            return source.header(number)
        except (MetaDataError, UnsupportedKindError) as exc:
            name = self.instances[instance].name
            raise type(exc)(
                f"{name}: frame {number}: {exc.message}",
                suggestion=exc.suggestion,
                details={**exc.details, "path": name, "frame": number},
            ) from exc

    def __iter__(self) -> Iterator[SliceHeader]:
        return (self[i] for i in range(len(self)))

    def _source(self, instance: int) -> SingleFrames | SliceHeader:
        found = self._resolved.get(instance)
        if found is not None:
            return found
        header = self.instances[instance]
        made: SingleFrames | SliceHeader = header
        if is_multiframe(header):
            count = len(self.frame_map.frames_of(instance))
            made = SingleFrames(header, count, self._native_bits, self._first[instance])
        if len(self._resolved) >= _KEPT:
            self._resolved.clear()  # frames come instance by instance, mostly
        self._resolved[instance] = made
        return made

    def groups(self) -> Iterator[tuple[list[int], list[bytes | list[bytes]]]]:
        """Yield headers with the same elements, as `HeaderTable.groups` does."""
        return self.table().groups()

    def table(self) -> HeaderTable:
        """Return all headers as a packed table; made anew by each call."""
        return HeaderTable(pack_headers(list(self)), len(self), "headers of the frames")
