"""Results as Markdown tables, and a page in which they stand between marks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from results_page.results import Result, Results

__all__ = ["fill", "markdown_table", "number", "section"]

_FACTS = ("processor", "cpus", "threads", "python", "imagecodecs", "dicube")


def number(ratio: float, goal: float | None) -> str:
    """Return a ratio with as many digits as say something."""
    if goal is not None and abs(goal - 1) < 0.02 and abs(ratio - 1) < 0.02:
        return f"{ratio:.4f}"  # sizes that are nearly the same
    return f"{ratio:.2f}" if ratio >= 0.1 else f"{ratio:.2g}"


def markdown_table(results: Results) -> str:
    """Return the table, with what it was measured on below it."""
    data = results.data
    lines = [["task", "against", "goal", *data], ["---"] * (3 + len(data))]
    for task in results.tasks:
        rows = [results.row(task, name) for name in data]
        goals = {row.goal for row in rows if row is not None and row.goal is not None}
        goal = " / ".join(f"≤ {value:.4g}" for value in sorted(goals))
        lines.append([*task, goal, *map(_cell, rows)])
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    facts = [f"{name} {results.environment[name]}" for name in _FACTS if _known(results, name)]
    return table + (f"\n\nMeasured with: {', '.join(facts)}." if facts else "")


def _known(results: Results, name: str) -> bool:
    return results.environment.get(name) not in (None, "")


def _cell(row: Result | None) -> str:
    if row is None or row.ratio is None:
        return ""
    text = number(row.ratio, row.goal)
    return f"**{text}**" if row.is_missed else text


def section(results: Results) -> str:
    """Return what stands in the page: the picture, and the table."""
    picture = f"![Ratios of bench_{results.name}](images/bench_{results.name}.svg)"
    return f"{picture}\n\n{markdown_table(results)}"


def fill(page: str, name: str, text: str) -> str:
    """Return a page with a text between ``<!-- table NAME -->`` and ``<!-- end NAME -->``.

    Raises
    ------
    LookupError
        There is not exactly one such place.
    """
    pattern = rf"(<!-- table {name} -->\n).*?(<!-- end {name} -->)"
    filled, count = re.subn(
        pattern, lambda found: f"{found[1]}\n{text}\n\n{found[2]}", page, flags=re.DOTALL
    )
    if count != 1:
        raise LookupError(f"{count} places for the table {name!r}")
    return filled
