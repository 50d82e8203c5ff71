"""The curves as a picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from reliability.soak.running import Seen, SoakResult
    from reliability.soak.sampling import Sample

__all__ = ["draw"]

#: Attribute -> title, and whether it is also seen under load.
_PANELS = {
    "resident": ("Resident memory, MiB", True),
    "in_use": ("Memory in use (malloc), MiB", False),
    "blocks": ("Blocks of Python, thousands", False),
    "threads": ("Threads", True),
    "descriptors": ("Open descriptors", True),
    "rate": ("Operations per second, all compared", True),
}


#: Stretches of time that a picture tells apart.
_STRETCHES = 90


def _stretches(samples: list[Sample]) -> list[list[Sample]]:
    """Cut a curve into stretches that can be told apart."""
    size = max(2, -(-len(samples) // _STRETCHES))
    return [samples[at : at + size] for at in range(0, len(samples) - size + 1, size)]


def _rate(samples: list[Sample], wide: int = 3) -> tuple[list[float], list[float]]:
    ends = [part[0] for part in _stretches(samples)]
    pairs = list(zip(ends[:-wide], ends[wide:], strict=True))
    when = [(a.seconds + b.seconds) / 120 for a, b in pairs]
    return when, [(b.operations - a.operations) / (b.seconds - a.seconds) for a, b in pairs]


def _curve(axis: Any, seen: Seen, name: str, under_load: bool, colour: str) -> None:
    if name == "rate":
        axis.plot(*_rate(seen.samples), lw=1, color=colour)
        return
    if under_load:
        parts = _stretches(seen.samples)
        when = [part[0].seconds / 60 for part in parts]
        least, most = ([f(getattr(s, name) for s in part) for part in parts] for f in (min, max))
        axis.fill_between(when, least, most, alpha=0.2, lw=0, color=colour)
    scale = 1e-3 if name == "blocks" else 1.0
    values = [scale * getattr(rest, name) for rest in seen.rests]
    if not any(map(math.isnan, values)):
        when = [rest.seconds / 60 for rest in seen.rests]
        axis.plot(when, values, lw=1.5, color=colour)


def draw(result: SoakResult, path: Path) -> None:
    """Write the picture; its kind is told by the name."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "dicube"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 3, figsize=(12, 6), sharex=True, layout="constrained")
    for axis, (name, (title, under_load)) in zip(axes.flat, _PANELS.items(), strict=True):
        axis.set_title(title, loc="left", fontsize=10)
        for number, seen in enumerate(result.processes):
            _curve(axis, seen, name, under_load, f"C{number}")
            axis.plot([], [], color=f"C{number}", label=seen.label)
        axis.set_ylim(0, 1.08 * axis.get_ylim()[1])
        axis.grid(alpha=0.3)
    for axis in axes[1]:
        axis.set_xlabel("minutes")
    axes[0, 0].legend(fontsize=8, loc="lower right")
    figure.suptitle(
        f"{result.operations:,} operations in {result.minutes:g} minutes, "
        f"{len(result.failures)} failures (lines: at rest; pale: from least to most under load)",
        fontsize=11,
    )
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)
