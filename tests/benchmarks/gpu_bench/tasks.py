"""A series decoded on a device, against the CPU and a copy to the device."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from core_bench.equality import UnequalError
from core_bench.timing import Comparison, Race

import dicube_core
from dicube_core.modality import ModalityValues
from dicube_plugins.gpu._frames import decode_with
from dicube_plugins.gpu._modality import modality_of, transform_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from core_bench.outcome import Row

    from dicube_plugins.gpu._probed import ProbedDecoder

__all__ = ["Target", "time_device"]

_CPU = "CPU and copy"


@dataclass(frozen=True, slots=True)
class Target:
    """Where the values go.

    Parameters
    ----------
    library : str
        Whose arrays.
    upload, download : callable
        Return the device's copy of an array of the host, and the other way round.
    wait : callable
        Returns when the device has done all that it was asked for.
    """

    library: str
    upload: Callable[[Any], Any]
    download: Callable[[Any], Any]
    wait: Callable[[], None]


def time_device(
    name: str, path: Path, decoder: ProbedDecoder, target: Target, rounds: int
) -> list[Row]:
    """Time the device on a file, once its values were found equal to the CPU's."""
    with dicube_core.open(path) as reader:
        _check(reader, decoder, target)
        values = ModalityValues(reader)
        transform = transform_of(reader, "float32")
        everything = list(range(reader.frame_count))
        middle = [reader.frame_count // 2]
        streams = [reader.codestream(n) for n in everything]
        infos = [reader.inspect(n, stream) for n, stream in enumerate(streams)]

        def stored(frames: list[int]) -> Any:
            return decode_with(decoder, reader, frames).array(target.library)

        def modality(frames: list[int]) -> Any:
            decoded = decode_with(decoder, reader, frames)
            return modality_of(decoded, transform, "float32", target.library)

        def waited(work: Callable[[], Any]) -> Any:
            result = work()
            target.wait()
            return result

        def upload(work: Callable[[], Any]) -> Any:
            return target.upload(work())

        race = Race(name)
        for task, frames in (("series", everything), ("frame", middle)):
            race.add(f"{task} device", partial(waited, partial(stored, frames)))
            race.add(
                f"{task} cpu", partial(waited, partial(upload, partial(reader.frames, frames)))
            )
        race.add("values device", partial(waited, partial(modality, everything)))
        cpu_values = partial(values.frames, everything, "float32")
        race.add("values cpu", partial(waited, partial(upload, cpu_values)))
        race.add("bare", partial(waited, partial(decoder.decode, streams, infos)))
        race.run(rounds)
    comparisons = (
        Comparison("GPU: whole series, stored values", "series device", "series cpu", _CPU, 1),
        Comparison("GPU: whole series, modality float32", "values device", "values cpu", _CPU, 1),
        Comparison("GPU: whole series, stored values", "series device", "bare", "bare decoder"),
        Comparison("GPU: one frame", "frame device", "frame cpu", _CPU),
    )
    return [race.row(comparison) for comparison in comparisons]


def _check(reader: Any, decoder: ProbedDecoder, target: Target) -> None:
    decoded = decode_with(decoder, reader, check="all")
    if not np.array_equal(decoded.numpy(), reader.frames()):
        raise UnequalError("stored values differ")
    if not np.array_equal(target.download(decoded.array(target.library)), reader.frames()):
        raise UnequalError("stored values differ on the device")
    transform = transform_of(reader, "float32")
    found = target.download(modality_of(decoded, transform, "float32", target.library))
    if not np.array_equal(found, ModalityValues(reader).frames(None, "float32")):
        raise UnequalError("modality values differ")
