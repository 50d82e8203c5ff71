"""The curves as a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from reliability.soak.running import SoakResult
    from reliability.soak.sampling import Sample

__all__ = ["draw"]


def _rate(samples: list[Sample], window: int = 10) -> tuple[list[float], list[float]]:
    pairs = list(zip(samples[:-window], samples[window:], strict=True))
    when = [(a.seconds + b.seconds) / 120 for a, b in pairs]
    return when, [(b.operations - a.operations) / (b.seconds - a.seconds) for a, b in pairs]


def draw(result: SoakResult, path: Path) -> None:
    """Write the picture; its kind is told by the name."""
    import matplotlib as mpl

    mpl.use("Agg")
    mpl.rcParams["svg.hashsalt"] = "dicube"
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots(2, 2, figsize=(10, 6), sharex=True, layout="constrained")
    titles = {
        "rss": "Resident memory, MiB",
        "threads": "Threads",
        "descriptors": "Open descriptors",
        "rate": "Operations per second, all compared",
    }
    for axis, (name, title) in zip(axes.flat, titles.items(), strict=True):
        axis.set_title(title, loc="left", fontsize=10)
        for number, samples in enumerate(result.samples):
            label = f"process {number + 1}"
            if name == "rate":
                axis.plot(*_rate(samples), lw=1, label=label)
                continue
            when = [s.seconds / 60 for s in samples]
            axis.plot(when, [getattr(s, name) for s in samples], lw=0.7, alpha=0.6, label=label)
            trend = result.trends[number].get(name) if result.trends else None
            if trend is not None:
                ends = np.array([min(0.2 * result.minutes, 1.5), when[-1]])
                middle = ends.mean()
                axis.plot(ends, trend.mean + trend.slope * (ends - middle), "k--", lw=1)
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    for axis in axes[1]:
        axis.set_xlabel("minutes")
    axes[0, 0].legend(fontsize=8, loc="lower right")
    figure.suptitle(
        f"{result.operations:,} operations in {result.minutes:g} minutes, "
        f"{len(result.failures)} failures (dashed: fitted line after the warm-up)",
        fontsize=11,
    )
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None)
    plt.close(figure)
