"""The outcome in words."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from reliability.soak.judging import CURVES, RULE

if TYPE_CHECKING:
    from reliability.soak.growth import Growth
    from reliability.soak.judging import Curve, Trend
    from reliability.soak.running import Seen, SoakResult

__all__ = ["growth_text", "soak_dict", "soak_text"]


def _row(number: int, curve: Curve, trend: Trend) -> str:
    unit, scale, each = curve.unit, 1000.0, "in 1000 operations"
    if unit == "MiB":
        scale, each = float(1 << 20), "bytes an operation"
    middle = f"{trend.first:,.1f}, {trend.last:,.1f} {unit}".rstrip()
    slope = f"{scale * trend.slope:+.2f} ± {scale * trend.uncertainty:.2f} {each}"
    verdict = "GROWING" if trend.growing else "flat"
    if not trend.growing and trend.rise > curve.least and trend.slope > trend.uncertainty:
        verdict = "levels off"
    return f"| {number} | {curve.title} | {middle} | {slope} | {trend.rise:+.2f} | {verdict} |"


def _under_load(number: int, seen: Seen) -> str:
    late = seen.samples[len(seen.samples) // 5 :] or seen.samples
    parts = []
    for name in ("resident", "threads", "descriptors"):
        values = [getattr(sample, name) for sample in late]
        if values:
            mean = math.fsum(values) / len(values)
            parts.append(f"{name} {mean:.0f} on average, {max(values):.0f} at most")
    operations = seen.rests[-1].operations if seen.rests else 0
    held = f"; at rest malloc holds {seen.rests[-1].held:.0f} MiB" if seen.rests else ""
    return (
        f"Process {number} ({seen.label}, {operations:,} operations) under load: "
        f"{'; '.join(parts)}{held}."
    )


def soak_text(result: SoakResult) -> str:
    """Return a table of the curves, and the verdict."""
    lines = [
        f"{result.operations:,} operations ({result.children:,} in child processes) in "
        f"{result.minutes:g} minutes; equality failures: {len(result.failures)}",
        "",
        "| process | at rest | first, last tenth | slope | rise | verdict |",
        "|---|---|---|---|---|---|",
    ]
    for number, seen in enumerate(result.processes, 1):
        lines += [_row(number, CURVES[name], trend) for name, trend in seen.trends.items()]
    lines.append("")
    lines += [_under_load(number, seen) for number, seen in enumerate(result.processes, 1)]
    lines += ["", f"Rule: {RULE}."]
    lines += [text.rstrip() for text in result.failures[:20]]
    return "\n".join(lines)


def growth_text(found: list[Growth]) -> str:
    """Return a table of what was left after many operations of one kind."""
    lines = [
        "| operation | times | in use, bytes each | resident, bytes each | blocks | descriptors "
        "| threads | objects | verdict |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for one in found:
        kinds = ", ".join(f"{name} {count:+d}" for name, count in one.kinds.items()) or "none"
        lines.append(
            f"| {one.name} | {one.times} | {one.in_use_each:+.1f} | {one.resident_each:+.1f} | "
            f"{one.blocks:+d} | {one.descriptors:+d} | {one.threads:+d} | {kinds} | "
            f"{'GROWING' if one.growing else 'flat'} |"
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
        "growing": result.growing,
        "processes": [asdict(seen) for seen in result.processes],
    }
