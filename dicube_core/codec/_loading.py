"""imagecodecs, loaded so that a process forked meanwhile can load it too."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

from dicube_core.exceptions import CodecUnavailableError
from dicube_core.forks import LOADING

__all__ = ["load_imagecodecs"]

_NOT_LOADED = SimpleNamespace()


def load_imagecodecs(attribute: str, purpose: str) -> Any:
    """Return imagecodecs with one of its attributes loaded. Thread-safe.

    It loads them when they are first asked for, under a lock of its own that a fork must not find
    taken; see `dicube_core.forks.LoadingLock`.

    Raises
    ------
    CodecUnavailableError
        It is not installed; the message begins with `purpose`.
    """
    try:
        if attribute not in vars(sys.modules.get("imagecodecs") or _NOT_LOADED):
            with LOADING:
                import imagecodecs

                getattr(imagecodecs, attribute)
        import imagecodecs
    except ImportError as exc:
        raise CodecUnavailableError(
            f"{purpose} imagecodecs",
            suggestion="python -m pip install 'imagecodecs>=2026.1.14'",
        ) from exc
    return imagecodecs
