"""One picture for each benchmark: ratios on a logarithmic axis, with goals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import matplotlib as mpl

mpl.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from results_page.results import Results

__all__ = ["plot"]

#: Readable on white and on black.
_INK, _FAINT, _MET, _MISSED = "#808080", "#80808055", "#2f9e8f", "#e0762f"
_MARKERS = "oDs^vPX*"
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "dicube",  # the same picture of the same results
    "font.family": "sans-serif",
    "font.size": 9,
    **dict.fromkeys(
        ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), _INK
    ),
}


def plot(results: Results, path: Path) -> None:
    """Draw results into an SVG file."""
    tasks = [task for task in results.tasks if any(results.row(task, d) for d in results.data)]
    with plt.rc_context(_STYLE):
        figure, axes = plt.subplots(figsize=(8, 1.1 + 0.27 * len(tasks)))
        for height, task in enumerate(reversed(tasks)):
            _draw_task(axes, height, task, results)
        axes.axvline(1, color=_INK, linewidth=1)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_yticks(range(len(tasks)), [f"{t} / {a}" for t, a in reversed(tasks)])
        axes.set_ylim(-0.7, len(tasks) - 0.3)
        axes.set_xlabel("ours / the other: left of 1 is faster or smaller")
        axes.grid(axis="x", color=_FAINT, linewidth=0.5)
        axes.set_axisbelow(True)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.tick_params(axis="y", length=0)
        _legend(axes, results)
        figure.savefig(path, transparent=True, bbox_inches="tight", metadata={"Date": None})
        plt.close(figure)
    lines = [line.rstrip() for line in path.read_text(encoding="utf-8").splitlines()]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _draw_task(axes: Axes, height: int, task: tuple[str, str], results: Results) -> None:
    for marker, data in zip(_MARKERS, results.data, strict=False):
        row = results.row(task, data)
        if row is None or row.ratio is None:
            continue
        if row.goal is not None:
            axes.plot(row.goal, height, "|", color=_INK, markersize=11, markeredgewidth=1.6)
        colour = _MISSED if row.is_missed else _MET
        axes.plot(row.ratio, height, marker, color=colour, markersize=5.5)


def _legend(axes: Axes, results: Results) -> None:
    def mark(marker: str, colour: str, label: str) -> Line2D:
        return Line2D([], [], marker=marker, linestyle="", color=colour, label=label)

    handles = [
        mark(marker, _INK, data) for marker, data in zip(_MARKERS, results.data, strict=False)
    ]
    handles += [mark("s", _MET, "goal met, or none"), mark("s", _MISSED, "missed")]
    handles.append(mark("|", _INK, "goal"))
    axes.legend(handles=handles, ncols=4, frameon=False, loc="lower left", bbox_to_anchor=(0, 1.0))
