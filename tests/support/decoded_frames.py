"""Which frames are decoded."""

from __future__ import annotations

from dicube_core.reader import Reader

__all__ = ["note_decoded_frames"]


def note_decoded_frames(monkeypatch) -> list[int]:
    """Return a list that grows by the index of every frame that a reader decodes from now on."""
    numbers = []
    original = Reader.frame

    def frame(self, index, *args, **kwargs):
        numbers.append(index)
        return original(self, index, *args, **kwargs)

    monkeypatch.setattr(Reader, "frame", frame)
    return numbers
