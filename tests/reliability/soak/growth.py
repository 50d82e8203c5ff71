"""Do one thing thousands of times, and count what is left."""

from __future__ import annotations

import gc
import os
import pickle
import random
import threading
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import dicube_core
from dicube_core.codec.native_errors import call_native
from dicube_core.exceptions import DecodeError
from dicube_core.slice_cache import SliceCache
from dicube_core.streaming import DcbStreamingReader
from reliability.soak import operations
from reliability.soak.operations import Shared

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["LOOPS", "Growth", "measure"]

#: Memory that may be left, beyond what the allocator keeps anyway.
_BYTES_EACH = 40.0
_SLACK = 16 << 20


@dataclass(frozen=True, slots=True)
class Growth:
    """What was left.

    Parameters
    ----------
    name : str
        What was done.
    times : int
        How often.
    memory_each : float
        Growth of resident memory, bytes per time.
    descriptors, threads : int
        More than before.
    kinds : dict
        Type -> how many more objects, where there is at least one for every ten times.
    growing : bool
        Anything of this.
    """

    name: str
    times: int
    memory_each: float
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


def _resident() -> int:
    pages = Path("/proc/self/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _settled() -> tuple[int, int, int, Counter[str]]:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and any(
        thread.name.startswith("dicube") for thread in threading.enumerate()
    ):
        time.sleep(0.01)
    gc.collect()
    kinds = Counter(type(one).__name__ for one in gc.get_objects())
    descriptors = len(list(Path("/proc/self/fd").iterdir()))
    return _resident(), descriptors, threading.active_count(), kinds


def measure(shared: Shared, name: str, times: int) -> Growth:
    """Do one thing a tenth as often to warm up, then `times` times; count before and after."""
    work, _ = LOOPS[name]
    rng = random.Random(5)
    # The series are visited once at least, so that what is kept of each is there before.
    for _ in range(max(60, times // 5)):
        work(shared, rng)
    memory, descriptors, threads, kinds = _settled()
    for _ in range(times):
        work(shared, rng)
    after = _settled()
    grown = {n: c - kinds[n] for n, c in after[3].items() if c - kinds[n] > max(20, times // 10)}
    more = after[0] - memory
    growing = bool(grown) or after[1] > descriptors or after[2] > threads
    growing = growing or (more > _SLACK and more / times > _BYTES_EACH)
    return Growth(
        name, times, more / times, after[1] - descriptors, after[2] - threads, grown, growing
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
    return shared
