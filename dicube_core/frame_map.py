"""Which frame of which source instance each frame of a file is."""

from __future__ import annotations

from dataclasses import dataclass, field
from struct import Struct
from typing import TYPE_CHECKING

from dicube_core.container.index import pack_u32, unpack_u32
from dicube_core.exceptions import InvalidCubeFileError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["FrameMap"]

_COUNTS = Struct("<II")


@dataclass(frozen=True, slots=True)
class FrameMap:
    """Frames of a file whose source instances hold several frames each (PS3.3 C.7.6.6).

    Parameters
    ----------
    instances : tuple of int
        Per frame of the file: its instance, 0-based, in the order of the stored headers.
    numbers : tuple of int
        Per frame of the file: its number in that instance, 0-based.
    n_instances : int
        Number of instances.

    Raises
    ------
    InvalidCubeFileError
        An instance does not have each of its frames exactly once, or has none.
    """

    instances: tuple[int, ...]
    numbers: tuple[int, ...]
    n_instances: int
    _frames: tuple[tuple[int, ...], ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_frames", _frames_by_instance(self))

    @property
    def frame_count(self) -> int:
        """Number of frames of the file."""
        return len(self.instances)

    def instance(self, frame: int) -> int:
        """Return the instance that a frame of the file belongs to."""
        return self.instances[frame]

    def number(self, frame: int) -> int:
        """Return the number of a frame of the file in its instance, 0-based."""
        return self.numbers[frame]

    def frames_of(self, instance: int) -> tuple[int, ...]:
        """Return the frames of the file that make up an instance, in the instance's order."""
        return self._frames[instance]

    def reordered(self, order: Sequence[int]) -> FrameMap:
        """Return the map of the same frames in another order of the file."""
        return FrameMap(
            tuple(self.instances[i] for i in order),
            tuple(self.numbers[i] for i in order),
            self.n_instances,
        )

    @classmethod
    def of_counts(cls, counts: Sequence[int]) -> FrameMap:
        """Return the map of instances with so many frames each, one after the other."""
        pairs = [(i, n) for i, count in enumerate(counts) for n in range(count)]
        return cls(tuple(i for i, _ in pairs), tuple(n for _, n in pairs), len(counts))

    def pack(self) -> bytes:
        """Return the map as the file has it (``docs/format.md``, part ``FRAM``)."""
        pairs = [n for pair in zip(self.instances, self.numbers, strict=True) for n in pair]
        return _COUNTS.pack(self.frame_count, self.n_instances) + pack_u32(pairs)

    @classmethod
    def parse(cls, data: bytes, frame_count: int, what: str) -> FrameMap:
        """Read a stored map.

        Parameters
        ----------
        data : bytes
            As from `pack`; every number in it is checked.
        frame_count : int
            Frames of the file.
        what : str
            Put in front of errors.

        Raises
        ------
        InvalidCubeFileError
            It is cut, or does not give each frame of each instance exactly once.
        """
        if len(data) != _COUNTS.size + 8 * frame_count:
            raise InvalidCubeFileError(
                f"{what}: {len(data)} bytes, {frame_count} frames need "
                f"{_COUNTS.size + 8 * frame_count}"
            )
        frames, n_instances = _COUNTS.unpack_from(data)
        if frames != frame_count or n_instances > frame_count:
            raise InvalidCubeFileError(
                f"{what}: it is of {frames} frames in {n_instances} instances, the file has "
                f"{frame_count} frames"
            )
        pairs = unpack_u32(data[_COUNTS.size :])
        try:
            return cls(tuple(pairs[::2]), tuple(pairs[1::2]), n_instances)
        except InvalidCubeFileError as exc:
            raise InvalidCubeFileError(f"{what}: {exc.message}") from exc


def _frames_by_instance(frame_map: FrameMap) -> tuple[tuple[int, ...], ...]:
    """Turn the map round, and find out whether that can be done."""
    instances, numbers = frame_map.instances, frame_map.numbers
    if len(instances) != len(numbers):
        raise InvalidCubeFileError(f"{len(instances)} instances for {len(numbers)} frame numbers")
    found: list[dict[int, int]] = [{} for _ in range(frame_map.n_instances)]
    for frame, (instance, number) in enumerate(zip(instances, numbers, strict=True)):
        if not 0 <= instance < frame_map.n_instances:
            raise InvalidCubeFileError(
                f"frame {frame} is said to be of instance {instance} of {frame_map.n_instances}"
            )
        if number in found[instance]:
            raise InvalidCubeFileError(
                f"frames {found[instance][number]} and {frame} are both said to be frame {number} "
                f"of instance {instance}"
            )
        found[instance][number] = frame
    result = []
    for instance, frames in enumerate(found):
        count = len(frames)
        if not count or min(frames) != 0 or max(frames) != count - 1:
            raise InvalidCubeFileError(
                f"instance {instance} has {count} frames that are not numbered 0 to {count - 1}"
            )
        result.append(tuple(frames[number] for number in range(count)))
    return tuple(result)
