"""Deliver the slices of a ``.dcbs`` file to a program in a form that it was shown to read."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import contextmanager
from operator import index as as_index
from typing import TYPE_CHECKING

from dicube_core.error_places import errors_name
from dicube_core.exceptions import FrameIndexError, TransferSyntaxError
from dicube_core.frames import run_frames
from dicube_core.reader import Reader
from dicube_core.slices import SliceProvider
from dicube_core.streaming import DcbStreamingReader
from dicube_plugins.delivery import Delivery, choose_for, heed_colour
from dicube_plugins.policy import AUTO, Choice, Policy, transfer_syntax_uid
from dicube_plugins.targets import open_target

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterator, Sequence
    from typing import BinaryIO, SupportsIndex

    from dicube_core.source import ByteSource
    from dicube_plugins.archives import ArchiveKind, Writable
    from dicube_plugins.capability import Capability
    from dicube_plugins.consumers.base import Consumer

    Source = str | os.PathLike[str] | bytes | BinaryIO | ByteSource | Reader | DcbStreamingReader

__all__ = ["Delivery", "to_dicom"]

_DEFAULT_POLICY = Policy()


def to_dicom(
    source: Source,
    target: str | os.PathLike[str] | Writable,
    transfer_syntax: str = AUTO,
    consumer: str | Consumer | Capability | None = None,
    frames: SupportsIndex | slice | Iterable[SupportsIndex] | None = None,
    *,
    executable: str | os.PathLike[str] | None = None,
    archive: ArchiveKind | None = None,
    policy: Policy = _DEFAULT_POLICY,
    progress: Callable[[int, int], None] | None = None,
) -> Delivery:
    """Write slices as DICOM files that a consumer reads.

    Parameters
    ----------
    source : path, bytes, binary file, ByteSource, Reader or DcbStreamingReader
        The ``.dcbs`` file. Readers stay open.
    target : path-like or object with a write method
        A folder, new or empty, that appears with all files or not at all; a path that ends in
        ``.dcm``, for one slice; or a path that ends in ``.zip``, ``.tar``, ``.tar.gz`` or
        ``.tgz``. Files are replaced as a whole or not at all. A stream gets an archive, slice by
        slice; it is not closed.
    transfer_syntax : str
        ``auto`` leaves it to `policy`. Else a UID, or ``htj2k``, ``explicit``, ``implicit``,
        ``deflated`` or ``htj2k-rpcl``: exactly that is delivered, or an error is raised.
    consumer : str, Consumer, Capability or None
        Who is going to read the slices. It is asked only for ``auto``.
    frames : int, slice or iterable of int, optional
        Which slices, in which order; all by default. Negative values count from the end.
    executable : path-like, optional
        Which installation of the consumer; see `capability_of`.
    archive : {"zip", "tar", "tar.gz"}, optional
        Kind of archive, where the name of the target does not say it.
    policy : Policy
        Chooses the transfer syntax for ``auto``.
    progress : callable, optional
        Called with (slices written, slices in all).

    Returns
    -------
    Delivery
        Which transfer syntax was delivered, and why.

    Raises
    ------
    TransferSyntaxError
        Not offered, or a slice cannot be delivered in it.
    FrameIndexError
        A frame is out of range.
    FileExistsError
        The target folder is not empty.
    ValueError, TypeError
        Arguments that do not fit each other.
    DicomCubeError
        The source cannot be read.

    Notes
    -----
    At most two slices per thread are in memory. The bytes of folder, zip and tar are the same on
    every call with the same source, frames and transfer syntax; those of ``tar.gz`` depend on the
    build of zlib, too.
    """
    asked = None if transfer_syntax == AUTO else transfer_syntax_uid(transfer_syntax)
    where = open_target(target, archive)
    with _provider_of(source) as provider, errors_name(provider.reader.name):
        numbers = _numbers(frames, provider.reader.frame_count)
        if where.takes_one and len(numbers) != 1:
            raise ValueError(
                f"{where.name} takes one slice, not {len(numbers)}: name one with "
                "frames= (--frames), or give a folder or an archive"
            )
        capability = None
        if asked is not None:
            choice = Choice(asked, "asked for by name")
        else:
            capability, choice = choose_for(policy, consumer, executable)
            choice = _deliverable(choice, policy, provider, numbers)
        sizes = [0] * len(numbers)

        def content(position: int) -> bytes:
            data = provider.instance(numbers[position], choice.transfer_syntax)
            sizes[position] = len(data)
            return data

        headers = provider.headers
        names = where.write([headers[n].name for n in numbers], content, progress)
    return Delivery(
        where.name, choice.transfer_syntax, choice.reason, capability, numbers, names, sum(sizes)
    )


@contextmanager
def _provider_of(source: Source) -> Iterator[SliceProvider]:
    if isinstance(source, DcbStreamingReader):
        yield source.slices
    elif isinstance(source, Reader):
        yield SliceProvider(source)
    else:
        with Reader(source) as reader:
            yield SliceProvider(reader)


def _numbers(
    frames: SupportsIndex | slice | Iterable[SupportsIndex] | None, count: int
) -> tuple[int, ...]:
    """Return frame numbers from 0, each at most once."""
    if frames is None:
        frames = range(count)
    elif isinstance(frames, slice):
        frames = range(*frames.indices(count))
    numbers: dict[int, None] = {}
    for frame in map(as_index, frames if isinstance(frames, Iterable) else [frames]):
        if not -count <= frame < count:
            raise FrameIndexError(
                f"frame {frame} is out of range, the file has {count}", details={"frame": frame}
            )
        if frame % count in numbers:
            raise ValueError(f"frame {frame % count} is named twice")
        numbers[frame % count] = None
    if not numbers:
        raise ValueError("no frame is named")
    return tuple(numbers)


def _deliverable(
    choice: Choice, policy: Policy, provider: SliceProvider, numbers: Sequence[int]
) -> Choice:
    """Keep the choice if all slices can be delivered in it: a series is not mixed."""
    choice = heed_colour(choice, policy, provider.reader)
    if choice.transfer_syntax == policy.fallback:
        return choice
    try:
        run_frames(lambda _, number: _try(provider, number, choice.transfer_syntax), numbers)
    except TransferSyntaxError as exc:
        return policy.fall_back(f"{choice.reason}; but {exc.message}")
    return choice


def _try(provider: SliceProvider, number: int, transfer_syntax: str) -> None:
    provider.instance(number, transfer_syntax)
