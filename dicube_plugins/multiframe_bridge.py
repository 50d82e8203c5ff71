"""Deliver a whole ``.dcbs`` file as one multi-frame DICOM file that its reader reads."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dicube_core.atomic import AtomicFile
from dicube_core.exceptions import TransferSyntaxError
from dicube_core.reader import Reader
from dicube_plugins.archives import write_all
from dicube_plugins.delivery import Delivery, choose_for
from dicube_plugins.multiframe import MultiFrameFile
from dicube_plugins.policy import AUTO, Choice, Policy, transfer_syntax_uid

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from dicube_core.source import ByteSource
    from dicube_plugins.archives import Writable
    from dicube_plugins.capability import Capability
    from dicube_plugins.consumers.base import Consumer

    Source = str | os.PathLike[str] | bytes | BinaryIO | ByteSource | Reader

__all__ = ["to_multiframe"]

_DEFAULT_POLICY = Policy()
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
    DicomCubeError
        The source cannot be read, or no class of multi-frame images takes it.
    """
    with _reader_of(source) as reader:
        capability = None
        if transfer_syntax == AUTO:
            capability, choice = choose_for(policy, consumer, executable)
            series, choice = _whole(reader, choice, policy)
        else:
            choice = Choice(transfer_syntax_uid(transfer_syntax), "asked for by name")
            series = MultiFrameFile(reader, choice.transfer_syntax)
        name, n_bytes = _write(series, target)
        frames = tuple(range(reader.frame_count))
    names = (Path(name).name,)
    return Delivery(name, choice.transfer_syntax, choice.reason, capability, frames, names, n_bytes)


def _whole(reader: Reader, choice: Choice, policy: Policy) -> tuple[MultiFrameFile, Choice]:
    """Keep the choice if all frames can be delivered in it."""
    try:
        return MultiFrameFile(reader, choice.transfer_syntax), choice
    except TransferSyntaxError as exc:
        if choice.transfer_syntax == policy.fallback:
            raise
        choice = policy.fall_back(f"{choice.reason}; but {exc.message}")
        return MultiFrameFile(reader, choice.transfer_syntax), choice


def _write(series: MultiFrameFile, target: str | os.PathLike[str] | Writable) -> tuple[str, int]:
    if not isinstance(target, str | os.PathLike):
        return str(getattr(target, "name", "<stream>")), _copy(series, target)
    with AtomicFile(Path(target)) as atomic:
        n_bytes = _copy(series, atomic.file)
        atomic.commit()
    return str(Path(target)), n_bytes


def _copy(series: MultiFrameFile, target: Writable) -> int:
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
