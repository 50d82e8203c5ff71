"""Deliver a whole ``.dcbs`` file as one multi-frame DICOM file that its reader reads."""

from __future__ import annotations

import os
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dicube_core.atomic import AtomicFile, is_same_file
from dicube_core.error_places import errors_name
from dicube_core.exceptions import (
    DataConsistencyError,
    DicomCubeWarning,
    TransferSyntaxError,
    UnsupportedKindError,
)
from dicube_core.reader import Reader
from dicube_plugins.archives import write_all
from dicube_plugins.delivery import Delivery, choose_for, heed_colour
from dicube_plugins.multiframe import forms_grid, whole_file
from dicube_plugins.policy import AUTO, Choice, Policy, transfer_syntax_uid

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from dicube_core.source import ByteSource
    from dicube_plugins.archives import Writable
    from dicube_plugins.capability import Capability
    from dicube_plugins.consumers.base import Consumer
    from dicube_plugins.multiframe import InstanceFile, MultiFrameFile

    WholeFile = MultiFrameFile | InstanceFile
    Source = str | os.PathLike[str] | bytes | BinaryIO | ByteSource | Reader

__all__ = ["to_multiframe"]

_DEFAULT_POLICY = Policy()
#: Consumers that leave it to their caller what to do with each frame's functional groups.
_HEEDS_EACH_FRAME = "pydicom"
_SINGLE_SLICES = "deliver single slices instead: to_dicom, or dcbs deliver without --multiframe"
#: Bytes to copy at once.
_CHUNK = 1 << 20


def to_multiframe(
    source: Source,
    target: str | os.PathLike[str] | Writable,
    transfer_syntax: str = AUTO,
    consumer: str | Consumer | Capability | None = None,
    *,
    executable: str | os.PathLike[str] | None = None,
    policy: Policy = _DEFAULT_POLICY,
) -> Delivery:
    """Write a series as one multi-frame DICOM file that a consumer reads.

    A file that holds one multi-frame instance gives that instance; others are made of all slices.

    Parameters
    ----------
    source : path, bytes, binary file, ByteSource or Reader
        The ``.dcbs`` file. A reader stays open.
    target : path-like or object with a write method
        The file to write; it is replaced as a whole or not at all. A stream is not closed.
    transfer_syntax : str
        ``auto`` leaves it to `policy`. Else ``htj2k``, ``explicit`` or a UID: exactly that is
        delivered, or an error is raised.
    consumer : str, Consumer, Capability or None
        Who is going to read the file. It is asked, with single slices, only for ``auto``.
    executable : path-like, optional
        Which installation of the consumer; see `capability_of`.
    policy : Policy
        Chooses the transfer syntax for ``auto``.

    Returns
    -------
    Delivery
        Which transfer syntax was delivered, and why.

    Raises
    ------
    TransferSyntaxError
        Multi-frame images are not delivered in it, or a frame cannot be.
    UnsupportedKindError
        Frames differ in slope and intercept, or form no regular grid, and the consumer is one
        that was seen to take what the first frame says for all; or no class of multi-frame
        images takes them.
    DicomCubeError
        The source cannot be read.

    Warns
    -----
    DicomCubeWarning
        The same, where no consumer is named.
    """
    with _reader_of(source) as reader, errors_name(reader.name):
        _heed_first_frame_readers(reader, consumer)
        _spare_source(reader, target)
        capability = None
        if transfer_syntax == AUTO:
            capability, choice = choose_for(policy, consumer, executable)
            series, choice = _whole(reader, choice, policy)
        else:
            choice = Choice(transfer_syntax_uid(transfer_syntax), "asked for by name")
            series = whole_file(reader, choice.transfer_syntax)
        name, n_bytes = _write(series, target)
        frames = tuple(range(reader.frame_count))
    names = (Path(name).name,)
    return Delivery(name, choice.transfer_syntax, choice.reason, capability, frames, names, n_bytes)


def _heed_first_frame_readers(reader: Reader, consumer: str | Consumer | Capability | None) -> None:
    """Keep series from those who would read them wrong without a word.

    ITK, SimpleITK and GDCM apply the first frame's slope to all frames, and place frames that lie
    unevenly on a grid of their own making. A probe with single slices does not show that.
    """
    if not reader.pixel_header.rescale_is_shared:
        what = "its frames differ in slope and intercept"
    elif reader.frame_count > 1 and not forms_grid(reader):
        what = "its slices form no regular grid"
    else:
        return
    message = f"{reader.name}: {what}, which many readers of multi-frame images do not heed"
    if consumer is None:
        warnings.warn(f"{message} ({_SINGLE_SLICES})", DicomCubeWarning, stacklevel=3)
        return
    name = consumer if isinstance(consumer, str) else getattr(consumer, "name", "")
    if not (name or getattr(consumer, "consumer", "")).startswith(_HEEDS_EACH_FRAME):
        raise UnsupportedKindError(message, suggestion=_SINGLE_SLICES)


def _spare_source(reader: Reader, target: str | os.PathLike[str] | Writable) -> None:
    """Refuse to replace the file that is read."""
    if not isinstance(target, str | os.PathLike):
        return
    if is_same_file(target, reader.name):
        raise DataConsistencyError(
            f"{reader.name}: it would be replaced by a DICOM file made of it",
            suggestion="give another target",
        )


def _whole(reader: Reader, choice: Choice, policy: Policy) -> tuple[WholeFile, Choice]:
    """Keep the choice if all frames can be delivered in it."""
    choice = heed_colour(choice, policy, reader)
    try:
        return whole_file(reader, choice.transfer_syntax), choice
    except TransferSyntaxError as exc:
        if choice.transfer_syntax == policy.fallback:
            raise
        choice = policy.fall_back(f"{choice.reason}; but {exc.message}")
        return whole_file(reader, choice.transfer_syntax), choice


def _write(series: WholeFile, target: str | os.PathLike[str] | Writable) -> tuple[str, int]:
    if not isinstance(target, str | os.PathLike):
        return str(getattr(target, "name", "<stream>")), _copy(series, target)
    with AtomicFile(Path(target)) as atomic:
        n_bytes = _copy(series, atomic.file)
        atomic.commit()
    return str(Path(target)), n_bytes


def _copy(series: WholeFile, target: Writable) -> int:
    n_bytes = 0
    with series.open() as file:
        while chunk := file.read(_CHUNK):
            write_all(target, chunk)
            n_bytes += len(chunk)
    return n_bytes


@contextmanager
def _reader_of(source: Source) -> Iterator[Reader]:
    if isinstance(source, Reader):
        yield source
    else:
        with Reader(source) as reader:
            yield reader
