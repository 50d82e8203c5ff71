"""The outcome in words."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from reliability.soak.sampling import RULE

if TYPE_CHECKING:
    from reliability.soak.growth import Growth
    from reliability.soak.running import SoakResult

__all__ = ["growth_text", "soak_dict", "soak_text"]

_UNITS = {"rss": "MiB", "threads": "", "descriptors": "", "blocks": ""}


def soak_text(result: SoakResult) -> str:
    """Return a table of the curves, and the verdict."""
    lines = [
        f"{result.operations} operations ({result.children} in child processes) in "
        f"{result.minutes:g} minutes; equality failures: {len(result.failures)}",
        "",
        "| process | curve | mean | slope per minute | rise | verdict |",
        "|---|---|---|---|---|---|",
    ]
    for number, trends in enumerate(result.trends, 1):
        for name, trend in trends.items():
            unit = f" {_UNITS[name]}".rstrip()
            lines.append(
                f"| {number} | {name} | {trend.mean:.1f}{unit} | "
                f"{trend.slope:+.3f} ± {trend.uncertainty:.3f} | {trend.rise:+.2f} | "
                f"{'GROWING' if trend.growing else 'flat'} |"
            )
    lines += ["", f"Rule: {RULE}."]
    lines += [text.rstrip() for text in result.failures[:20]]
    return "\n".join(lines)


def growth_text(found: list[Growth]) -> str:
    """Return a table of what was left after many operations of one kind."""
    lines = [
        "| operation | times | memory, bytes each | descriptors | threads | objects | verdict |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in found:
        kinds = ", ".join(f"{name} {count:+d}" for name, count in one.kinds.items()) or "none"
        lines.append(
            f"| {one.name} | {one.times} | {one.memory_each:+.1f} | {one.descriptors:+d} | "
            f"{one.threads:+d} | {kinds} | {'GROWING' if one.growing else 'flat'} |"
        )
    return "\n".join(lines)


def soak_dict(result: SoakResult) -> dict[str, Any]:
    """Return the outcome as plain values."""
    return {
        "minutes": result.minutes,
        "operations": result.operations,
        "operations_in_children": result.children,
        "failures": result.failures,
        "ok": result.ok,
        "trends": [{n: asdict(t) for n, t in trends.items()} for trends in result.trends],
        "samples": [[asdict(sample) for sample in own] for own in result.samples],
    }
