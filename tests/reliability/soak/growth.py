"""Do one thing thousands of times, and count what is left."""

from __future__ import annotations

import gc
import math
import pickle
import random
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dicube_core
from dicube_core.codec.native_errors import call_native
from dicube_core.exceptions import DecodeError
from dicube_core.slice_cache import SliceCache
from dicube_core.streaming import DcbStreamingReader
from reliability.soak import operations
from reliability.soak.operations import Shared
from reliability.soak.resting import rest_now, settle_interpreter

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["LOOPS", "Growth", "measure", "measure_work", "shared_of"]

#: What may be left of memory in use (the chunks that each thread has at hand, tables that grow
#: once), and of resident memory, which is the allocator's affair.
_BYTES_EACH = 40.0
_SLACK, _RESIDENT_SLACK = 64 << 10, 16 << 20
#: Blocks of Python that may be left: caches of the interpreter and of libraries that fill.
_BLOCKS = 500


@dataclass(frozen=True, slots=True)
class Growth:
    """What was left.

    Parameters
    ----------
    name : str
        What was done.
    times : int
        How often.
    in_use_each, resident_each : float
        Growth of what ``malloc`` has given out (0 where it does not say), and of resident memory,
        bytes per time.
    blocks : int
        More blocks given out by Python's own allocator (objects of up to 512 bytes).
    descriptors, threads : int
        More than before.
    kinds : dict
        Type -> how many more objects, where there is at least one for every ten times.
    growing : bool
        Anything of this.
    """

    name: str
    times: int
    in_use_each: float
    resident_each: float
    blocks: int
    descriptors: int
    threads: int
    kinds: dict[str, int]
    growing: bool


def _open_close(shared: Shared, _: random.Random) -> None:
    with dicube_core.open(shared.subjects[1].path) as reader:
        reader.codestream(0)


def _stream_open_close(shared: Shared, _: random.Random) -> None:
    with DcbStreamingReader(shared.subjects[1].path) as stream:
        stream.get_dicom_for_frame(0)


def _never_closed(shared: Shared, _: random.Random) -> None:
    dicube_core.open(shared.subjects[1].path).frame(0)


def _cache(shared: Shared, rng: random.Random) -> None:
    cache: SliceCache[int] = SliceCache(bytes, max_items=4, max_bytes=1000)
    for _ in range(8):
        cache.get(rng.randrange(9))
    cache.close()


def _cache_error(_: Shared, __: random.Random) -> None:
    def fail(key: int) -> bytes:
        raise DecodeError(f"{key} {dicube_core.__version__}")

    cache = SliceCache(fail, max_items=4, max_bytes=1000)
    for key in range(3):
        try:
            cache.get(key)
        except DecodeError:
            continue
    cache.close()


def _native_error(_: Shared, __: random.Random) -> None:
    def fail() -> None:
        raise RuntimeError("as the library does")

    try:
        call_native(fail, DecodeError)
    except DecodeError:
        return


def _pickle(shared: Shared, _: random.Random) -> None:
    reader = shared.readers[shared.subjects[1].name]
    pickle.loads(pickle.dumps(reader)).close()


def _meta(shared: Shared, _: random.Random) -> None:
    with dicube_core.open(shared.subjects[1].path) as reader:
        assert reader.dicom_meta is not None
        pickle.loads(pickle.dumps(reader.dicom_meta)).get_values(0x00200013)


#: What is done -> (how, how many times it is done less often than the light ones).
LOOPS: dict[str, tuple[Callable[[Shared, random.Random], None], int]] = {
    "open, read a codestream, close": (_open_close, 1),
    "stream: open, one slice, close": (_stream_open_close, 1),
    "open and decode, never closed": (_never_closed, 1),
    "damaged frames": (operations.error_damaged, 2),
    "misuse: six errors": (operations.error_misuse, 2),
    "pickle a reader": (_pickle, 1),
    "parse and pickle metadata": (_meta, 4),
    "cache of slices": (_cache, 1),
    "cache whose loads fail": (_cache_error, 1),
    "errors of the native library": (_native_error, 1),
    "frames on several threads": (operations.own_frames, 10),
    "slices of a shared stream": (operations.shared_slice, 2),
    "load": (operations.loaded, 40),
    "convert and save": (operations.converted, 100),
    "verify": (operations.verified, 40),
    "nibabel": (operations.nibabel_voxels, 5),
    "pydicom": (operations.pydicom_frame, 5),
    "SimpleITK": (operations.simpleitk_image, 40),
}


def _kinds() -> Counter[str]:
    return Counter(type(one).__name__ for one in gc.get_objects())


def measure(shared: Shared, name: str, times: int) -> Growth:
    """Do one thing a fifth as often to warm up, then `times` times; count before and after."""
    return measure_work(shared, name, LOOPS[name][0], times)


def measure_work(
    shared: Shared, name: str, work: Callable[[Shared, random.Random], None], times: int
) -> Growth:
    """As `measure`, for any work."""
    rng = random.Random(5)
    # The series are visited once at least, so that what is kept of each is there before.
    for _ in range(max(60, times // 5)):
        work(shared, rng)
    _kinds()  # fills caches of its own
    before, kinds = rest_now(), _kinds()
    for _ in range(times):
        work(shared, rng)
    after, more = rest_now(), _kinds() - kinds
    grown = {name: count for name, count in more.items() if count > max(20, times // 10)}
    in_use, resident = (
        0.0 if math.isnan(new) else (new - old) * (1 << 20)
        for old, new in (
            (before.in_use, after.in_use),
            (before.resident, after.resident),
        )
    )
    blocks = after.blocks - before.blocks
    growing = (
        bool(grown)
        or after.descriptors > before.descriptors
        or after.threads > before.threads
        or blocks > max(_BLOCKS, times // 4)
        or (in_use > _SLACK and in_use / times > _BYTES_EACH)
        or (resident > _RESIDENT_SLACK and resident / times > _BYTES_EACH)
    )
    return Growth(
        name,
        times,
        in_use / times,
        resident / times,
        blocks,
        after.descriptors - before.descriptors,
        after.threads - before.threads,
        grown,
        growing,
    )


def shared_of(subjects: list[object], folder: Path) -> Shared:
    """Return shared readers that write into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    shared = Shared(subjects, folder)  # type: ignore[arg-type]
    # What a stream keeps for each slice (a few headers) is there before anything is counted.
    for subject in shared.subjects:
        for syntax, slices in subject.slices.items():
            for index in range(len(slices)):
                if index != subject.damaged:
                    shared.streams[subject.name].get_dicom_for_frame(
                        index, transfer_syntax=syntax or None
                    )
    settle_interpreter()
    return shared
