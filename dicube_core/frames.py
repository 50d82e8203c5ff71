"""Encode and decode many frames on a few threads, in order and in bounded memory."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import EncodeError
from dicube_core.settings import get_num_threads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import numpy as np

    from dicube_core.codec.base import FrameCodec
    from dicube_core.pixels import PixelFormat

    Array = np.ndarray[tuple[Any, ...], np.dtype[np.integer[Any]]]

__all__ = ["encode_frames", "run_frames"]


def run_frames(work: Callable[[int, int], None], frames: Sequence[int]) -> None:
    """Call ``work(position, frame)`` for every frame, on the configured number of threads.

    The first error stops the others and is raised.
    """
    n_threads = min(get_num_threads(), len(frames))
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

    with ThreadPoolExecutor(n_threads - 1, thread_name_prefix="dicube-decode") as pool:
        helpers = [pool.submit(loop) for _ in range(n_threads - 1)]
        loop()
    for helper in helpers:
        helper.result()


def encode_frames(
    load: Callable[[int, Array], bytes | None],
    frame_count: int,
    codec: FrameCodec,
    pixel_format: PixelFormat,
    *,
    verify: bool = True,
) -> Iterator[bytes]:
    """Yield the codestreams of all frames in order.

    Parameters
    ----------
    load : callable
        ``load(index, out)`` fills `out` of shape (rows, columns) with a frame's stored values.
        It may return a codestream, inspected by the codec, that is to be kept as it is.
    frame_count : int
        Number of frames.
    codec : FrameCodec
        Encoder and decoder.
    pixel_format : PixelFormat
        Of all frames.
    verify : bool
        Decode every codestream and compare it with what was loaded.

    Raises
    ------
    EncodeError
        A codestream does not decode to the frame it was made from.

    Notes
    -----
    At most two frames per thread are in memory at any time.
    """
    encoder = _Encoder(load, codec, pixel_format, verify)
    n_threads = max(1, min(get_num_threads(), frame_count))
    window: deque[Future[bytes]] = deque()
    pool = ThreadPoolExecutor(n_threads, thread_name_prefix="dicube-encode")
    try:
        for index in range(frame_count):
            window.append(pool.submit(encoder.encode, index))
            if len(window) >= 2 * n_threads:
                yield window.popleft().result()
        while window:
            yield window.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class _Encoder:
    """Load, encode and verify one frame, in buffers that each thread uses again."""

    def __init__(
        self,
        load: Callable[[int, Array], bytes | None],
        codec: FrameCodec,
        pixel_format: PixelFormat,
        verify: bool,
    ) -> None:
        self._load, self._codec, self._format, self._verify = load, codec, pixel_format, verify
        self._local = threading.local()

    def _scratch(self, name: str) -> Array:
        import numpy as np

        buffer: Array | None = getattr(self._local, name, None)
        if buffer is None:
            buffer = np.empty(self._format.shape, self._format.dtype)
            setattr(self._local, name, buffer)
        return buffer

    def encode(self, index: int) -> bytes:
        frame = self._scratch("frame")
        codestream = self._load(index, frame)
        if codestream is None:
            codestream = self._codec.encode(frame, self._format)
        if self._verify:
            self._compare(index, codestream, frame)
        return codestream

    def _compare(self, index: int, codestream: bytes, frame: Array) -> None:
        import numpy as np

        decoded = self._codec.decode(codestream, self._format, out=self._scratch("decoded"))
        if not np.array_equal(decoded, frame):
            raise EncodeError(
                f"frame {index} does not decode to the values that were encoded",
                suggestion="nothing was written; report the versions of imagecodecs and numpy",
                details={"frame": index},
            )
