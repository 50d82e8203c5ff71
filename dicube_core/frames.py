"""Encode and decode many frames on a few threads, in order and in bounded memory."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count, islice
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Self, TypeVar

from dicube_core.exceptions import EncodeError
from dicube_core.settings import get_num_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np

    from dicube_core.codec.base import FrameCodec
    from dicube_core.pixels import PixelFormat

    Array = np.ndarray[tuple[Any, ...], np.dtype[np.integer[Any]]]
    LoadFrame = Callable[[int, Array], tuple[Array, bytes | None]]

__all__ = ["EncodedFrames", "InOrder", "run_frames", "same_values"]

T = TypeVar("T")


def run_frames(
    work: Callable[[int, int], None], frames: Sequence[int], n_threads: int | None = None
) -> None:
    """Call ``work(position, frame)`` for every frame, on the configured number of threads.

    The first error stops the others and is raised.

    Parameters
    ----------
    work : callable
        Called once for each frame, in any order.
    frames : sequence of int
        What `work` is called with, beside the position in the sequence.
    n_threads : int, optional
        Another number of threads.
    """
    n_threads = min(n_threads or get_num_threads(), len(frames))
    if n_threads <= 1:
        for position, frame in enumerate(frames):
            work(position, frame)
        return
    # Threads draw the next frame themselves: no queue, no future per frame.
    ticket = count()
    lock = threading.Lock()
    failed = threading.Event()

    def loop() -> None:
        while not failed.is_set():
            with lock:
                position = next(ticket)
            if position >= len(frames):
                return
            try:
                work(position, frames[position])
            except BaseException:
                failed.set()
                raise

    helpers: list[Future[None]] = []
    with ThreadPoolExecutor(n_threads - 1, thread_name_prefix="dicube-decode") as pool:
        try:
            helpers += (pool.submit(loop) for _ in range(n_threads - 1))
            loop()
        except BaseException:
            failed.set()  # also where an interrupt came between two frames
            raise
    # Popped: an error that knows this frame, and stays in it, would keep the array of all frames
    # until the garbage collector comes.
    while helpers:
        helpers.pop().result()


class InOrder(Generic[T]):
    """Results of a piece of work for each of many items, in order, worked out ahead on threads.

    A context manager to iterate over once: work starts on entering it, and its threads have
    stopped on leaving it. At most two results per thread are waiting at any time.

    Parameters
    ----------
    work : callable
        ``work(index)``, called on the configured number of threads.
    count : int
        Number of items.
    """

    def __init__(self, work: Callable[[int], T], count: int) -> None:
        self._work = work
        self._n_threads = max(1, min(get_num_threads(), count))
        self._waiting = iter(range(count))
        self._window: deque[Future[T]] = deque()

    def _submit(self, n_items: int) -> None:
        for index in islice(self._waiting, n_items):
            self._window.append(self._pool.submit(self._work, index))

    def __enter__(self) -> Self:
        self._pool = ThreadPoolExecutor(self._n_threads, thread_name_prefix="dicube-ahead")
        self._submit(2 * self._n_threads)
        return self

    def __iter__(self) -> Iterator[T]:
        while self._window:
            result = self._window.popleft().result()
            self._submit(1)
            yield result

    def __exit__(self, *exc: object) -> None:
        self._pool.shutdown(wait=True, cancel_futures=True)


class EncodedFrame(NamedTuple):
    """A codestream, and how much of it each lower resolution needs, where that was asked for."""

    codestream: bytes
    ends: tuple[int, ...] = ()


class EncodedFrames(InOrder[EncodedFrame]):
    """The codestreams of all frames; see `InOrder`.

    Parameters
    ----------
    load : callable
        ``load(index, scratch)`` returns a frame's stored values: in `scratch`, of shape
        (rows, columns), which it may fill, or in an array of its own. With them it returns None,
        or a codestream, inspected by the codec, that is to be kept as it is.
    frame_count : int
        Number of frames.
    codec : FrameCodec
        Encoder and decoder.
    pixel_format : PixelFormat
        Of all frames.
    verify : bool
        Decode every codestream and compare it with what was loaded.
    resolutions : bool
        Find out where the resolutions of the codestreams end.

    Raises
    ------
    EncodeError
        While iterating: a codestream does not decode to the frame it was made from.

    Notes
    -----
    At most two codestreams and two frames per thread are in memory at any time.
    """

    def __init__(
        self,
        load: LoadFrame,
        frame_count: int,
        codec: FrameCodec,
        pixel_format: PixelFormat,
        *,
        verify: bool = True,
        resolutions: bool = False,
    ) -> None:
        encoder = _Encoder(load, codec, pixel_format, verify, resolutions)
        super().__init__(encoder.encode, frame_count)


class _Encoder:
    """Load, encode and verify one frame, in buffers that each thread uses again."""

    def __init__(
        self,
        load: LoadFrame,
        codec: FrameCodec,
        pixel_format: PixelFormat,
        verify: bool,
        resolutions: bool,
    ) -> None:
        self._load, self._codec, self._format, self._verify = load, codec, pixel_format, verify
        self._resolutions = resolutions
        self._local = threading.local()

    def _scratch(self, name: str) -> Array:
        import numpy as np

        buffer: Array | None = getattr(self._local, name, None)
        if buffer is None:
            buffer = np.empty(self._format.shape, self._format.dtype)
            setattr(self._local, name, buffer)
        return buffer

    def encode(self, index: int) -> EncodedFrame:
        frame, codestream = self._load(index, self._scratch("frame"))
        if codestream is None:
            codestream = self._codec.encode(frame, self._format)
        if self._verify:
            self._compare(index, codestream, frame)
        if not self._resolutions:
            return EncodedFrame(codestream)
        from dicube_core.codec.resolutions import proven_ends

        return EncodedFrame(codestream, proven_ends(codestream, self._codec, self._format))

    def _compare(self, index: int, codestream: bytes, frame: Array) -> None:
        decoded = self._codec.decode(codestream, self._format, out=self._scratch("decoded"))
        if not same_values(decoded, frame):
            raise EncodeError(
                f"frame {index} does not decode to the values that were encoded",
                suggestion="nothing was written; report the versions of imagecodecs and numpy",
                details={"frame": index},
            )


def same_values(first: Array, second: Array) -> bool:
    """Compare two frames; of real values every bit, since NaN is not equal to itself."""
    import numpy as np

    if (first.shape, first.dtype.kind) != (second.shape, second.dtype.kind):
        return np.array_equal(first, second)
    if first.dtype.kind == "f":
        if first.dtype.itemsize != second.dtype.itemsize:
            return False
        kind = f"u{first.dtype.itemsize}"
        first, second = (
            np.ascontiguousarray(a, a.dtype.newbyteorder("=")).view(kind) for a in (first, second)
        )
    return np.array_equal(first, second)
