"""On how many threads a process decodes that may be one of several workers."""

from __future__ import annotations

import sys
from typing import Any

from dicube_core.settings import get_num_threads

__all__ = ["threads_here"]


def threads_here() -> int:
    """Return on how many threads to decode: those configured, or a data loader worker's share.

    The workers of torch's ``DataLoader`` would else start as many threads each as there are
    processors. torch is asked only where it is imported already: a worker has done so.
    """
    module: Any = sys.modules.get("torch.utils.data")
    ask = getattr(module, "get_worker_info", None)
    info = None if ask is None else ask()
    return get_num_threads() if info is None else max(1, get_num_threads() // info.num_workers)
