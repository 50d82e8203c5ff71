"""Which frames that were found cannot be decoded."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from dicube_core.codec.registry import get_codec
from dicube_core.exceptions import CodecUnavailableError, DicomCubeError
from dicube_core.frames import run_frames

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dicube_core.salvage.content import Content
    from dicube_core.salvage.frames import FoundFrames
    from dicube_core.salvage.places import Places

__all__ = ["undecodable"]


def undecodable(
    places: Places,
    found: FoundFrames,
    content: Content,
    frames: Sequence[int],
    progress: Callable[[int, int], None] | None,
) -> dict[int, str]:
    """Return the frames that cannot be decoded, and why.

    Where the codec is not installed, frames that their checksum proves are taken as they are.

    Raises
    ------
    CodecUnavailableError
        It is not, and there are no checksums.
    """
    bad: dict[int, str] = {}
    try:
        codec = get_codec(content.codec_name)
    except CodecUnavailableError as exc:
        if not places.checked:
            raise
        content.notes.append(f"frames were not decoded: {exc.message}")
        return bad
    unavailable: list[str] = []
    lock = threading.Lock()
    done = 0

    def decode(_: int, frame: int) -> None:
        nonlocal done
        place = found.places[frame]
        try:
            if place is not None:
                codec.decode(places.read(place), content.pixel_format)
        except CodecUnavailableError as exc:
            if not places.checked:
                raise
            with lock:
                unavailable.append(exc.message)
        except DicomCubeError as exc:
            with lock:
                bad[frame] = f"cannot be decoded: {exc.message}"
        with lock:
            done += 1
            if progress is not None:
                progress(done, len(frames))

    run_frames(decode, frames)
    if unavailable:
        content.notes.append(f"frames were not decoded: {unavailable[0]}")
    return bad
