"""From the costs of one series to those of a million."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scale_bench.costs import Cost, Sample

__all__ = ["plan_table"]

_HOUR = 3600.0


def plan_table(sample: Sample, costs: list[Cost], n_series: int, n_workers: int) -> str:
    """Return what all series take, on workers of one thread each that wait for nothing.

    Parameters
    ----------
    sample : Sample
        What each series is like.
    costs : list of Cost
        Those of other series are passed over.
    n_series, n_workers : int
        How many there are.
    """
    lines = [
        f"| {n_series:,} series like {sample.name}, {n_workers} workers of 1 thread | CPU hours "
        "| hours | read TB | written TB | read MB/s | tasks/s |",
        "|---|---|---|---|---|---|---|",
    ]
    for cost in costs:
        if cost.data != sample.name or cost.task == "nothing":
            continue
        cpu = cost.cpu_s * n_series
        wall = max(cpu / n_workers, 1e-9)
        read, written = cost.bytes_in * n_series, cost.bytes_out * n_series
        lines.append(
            f"| {cost.task} | {cpu / _HOUR:,.0f} | {wall / _HOUR:,.2f} | {read / 1e12:,.2f} "
            f"| {written / 1e12:,.2f} | {read / wall / 1e6:,.0f} | {n_series / wall:,.0f} |"
        )
    return "\n".join(lines)
