"""The table of a run, for people, for programs and for the documentation."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from reliability.malformed.outcomes import GOOD, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from rich.console import Console

    from reliability.malformed.outcomes import Result

__all__ = ["Tally", "markdown", "print_tables"]

_HEADINGS = ("tried", "right", "clear error", "anything else")


class Tally:
    """Counts of outcomes by probe and by family; keeps whatever must not be."""

    def __init__(self) -> None:
        self.by_probe: defaultdict[str, Counter[Outcome]] = defaultdict(Counter)
        self.by_family: defaultdict[str, Counter[Outcome]] = defaultdict(Counter)
        self.variants: defaultdict[str, set[str]] = defaultdict(set)
        self.offenders: list[Result] = []

    def add(self, result: Result) -> None:
        """Count a result."""
        self.by_probe[result.probe][result.outcome] += 1
        self.by_family[result.family][result.outcome] += 1
        self.variants[result.family].add(result.place)
        if not result.good:
            self.offenders.append(result)

    @property
    def variant_count(self) -> int:
        """Number of malformed files."""
        return sum(map(len, self.variants.values()))

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as plain values, for JSON."""

        def plain(counts: dict[str, Counter[Outcome]]) -> dict[str, dict[str, int]]:
            return {name: dict(_cells(own)) for name, own in counts.items()}

        return {
            "variants": self.variant_count,
            "by_probe": plain(self.by_probe),
            "by_family": plain(self.by_family),
            "offenders": [
                {
                    "place": bad.place,
                    "probe": bad.probe,
                    "outcome": bad.outcome.value,
                    "text": bad.text,
                }
                for bad in self.offenders
            ],
        }


def _cells(counts: Counter[Outcome]) -> list[tuple[str, int]]:
    bad = {outcome: n for outcome, n in counts.items() if outcome not in GOOD}
    numbers = (
        sum(counts.values()),
        counts[Outcome.RIGHT],
        counts[Outcome.CLEAR],
        sum(bad.values()),
    )
    return [*zip(_HEADINGS, numbers, strict=True), *((o.value, n) for o, n in sorted(bad.items()))]


def _rows(counts: dict[str, Counter[Outcome]]) -> Iterable[list[str]]:
    for name, own in counts.items():
        *numbers, (_, bad) = _cells(own)[: len(_HEADINGS)]
        split = ", ".join(f"{n} {what}" for what, n in _cells(own)[len(_HEADINGS) :])
        last = f"{bad}: {split}" if bad else "0"
        yield [name, *(str(n) for _, n in numbers), last]
    total: Counter[Outcome] = Counter()
    for own in counts.values():
        total += own
    yield ["all", *(str(n) for _, n in _cells(total)[: len(_HEADINGS)])]


def print_tables(tally: Tally, console: Console) -> None:
    """Print counts by probe and by family, and what must not be, so that it can be run again."""
    from rich.table import Table
    from rich.text import Text

    def show(first: str, counts: dict[str, Counter[Outcome]], name: Callable[[str], str]) -> None:
        table = Table(box=None, pad_edge=False)
        table.add_column(first, overflow="fold")
        for heading in _HEADINGS:
            table.add_column(heading, justify="right", overflow="fold")
        for row in _rows(counts):
            style = "red" if row[-1] != "0" else None
            table.add_row(Text(name(row[0])), *map(Text, row[1:]), style=style)
        console.print(table)
        console.print()

    show("probe", tally.by_probe, str)
    show("family", tally.by_family, lambda name: _counted(name, tally))
    for bad in tally.offenders:
        text = f'--only "{bad.place}" --probe "{bad.probe}": {bad.outcome.value}: {bad.text}'
        shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)
        console.print(Text(shown, style="red"), soft_wrap=True)


def _counted(family: str, tally: Tally) -> str:
    count = len(tally.variants[family]) if family in tally.variants else tally.variant_count
    return f"{family} ({count})"


def markdown(tally: Tally) -> str:
    """Return both tables as Markdown."""
    lines = []
    for first, counts in (("probe", tally.by_probe), ("family (files)", tally.by_family)):
        lines += [f"| {first} | {' | '.join(_HEADINGS)} |", "|---|" + "---|" * len(_HEADINGS)]
        for row in _rows(counts):
            name = row[0] if first == "probe" else _counted(row[0], tally)
            lines.append(f"| {' | '.join((name, *row[1:]))} |")
        lines.append("")
    return "\n".join(lines)
