"""What a set of series takes on disk, form by form, metadata included."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core_bench.outcome import Row, single_row

from training_bench.forms import METADATA_BESIDE, size_of

if TYPE_CHECKING:
    from training_bench.forms import Forms

__all__ = ["storage_rows"]


def storage_rows(series: list[Forms], name: str) -> list[Row]:
    """Return our size in proportion to each other form, the smallest first.

    The goal is to be the smallest of all. Headers that a form does not hold are counted as
    compressed JSON beside it.
    """
    sizes: dict[str, int] = {}
    for form in series[0].paths:
        sizes[form] = sum(size_of(forms.paths[form]) for forms in series)
        if form in METADATA_BESIDE:
            sizes[form] += sum(size_of(forms.metadata) for forms in series if forms.metadata)
    ours = sizes.pop(".dcbs")
    task = f"storage of {len(series)} series"
    return [
        single_row(name, task, form, ours / 1e6, size / 1e6, goal=1, unit="MB")
        for form, size in sorted(sizes.items(), key=lambda item: item[1])
    ]
