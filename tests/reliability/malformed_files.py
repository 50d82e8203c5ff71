"""Give malformed files to every way of reading, and print what came of it.

``python tests/reliability/malformed_files.py`` runs everything. It ends with code 1 if anything
came but the right data or a clear error.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Processes are forked: libraries must not start threads of their own before.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS"):
    os.environ[_name] = "1"
sys.path.insert(0, str(Path(__file__).parents[1]))

import json  # noqa: E402
import time  # noqa: E402
from typing import TYPE_CHECKING  # noqa: E402

import click  # noqa: E402

import dicube_core  # noqa: E402
from reliability.malformed import limits  # noqa: E402
from reliability.malformed.run import (  # noqa: E402
    blind_facets,
    expectations,
    run_one,
    run_suite,
    warm_up,
)
from reliability.malformed.suite import Suite, load_suite  # noqa: E402
from reliability.malformed.table import Tally, markdown, print_tables  # noqa: E402

if TYPE_CHECKING:
    from reliability.malformed.outcomes import Expected


@click.command()
@click.option("--base", "bases", multiple=True, help="Only variants of this good file.")
@click.option("--family", "families", multiple=True, help="Only this row of the table.")
@click.option("--probe", "probes", multiple=True, help="Only probes whose name begins so.")
@click.option("--per-family", type=click.IntRange(1), help="So many variants of each family.")
@click.option("--seed", type=int, default=1, show_default=True, help="Of the mutations.")
@click.option(
    "--mutations", type=click.IntRange(0), default=200, show_default=True, help="Random ones."
)
@click.option("--only", metavar="PLACE", help="Run BASE/FAMILY/NAME in this process.")
@click.option("--workers", type=click.IntRange(1), help="Processes at a time.")
@click.option("--cpu-seconds", type=click.IntRange(1), help="Processor time of one probe.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option("--write", type=click.Path(path_type=Path), help="Write the tables as Markdown.")
@click.option("--list", "listed", is_flag=True, help="Print the names of all variants.")
@click.option(
    "--suite",
    "suite_name",
    default="reliability.malformed.suite:whole_suite",
    help="MODULE:FUNCTION that makes bases, variants and probes.",
)
def main(
    *,
    bases: tuple[str, ...],
    families: tuple[str, ...],
    probes: tuple[str, ...],
    per_family: int | None,
    seed: int,
    mutations: int,
    only: str | None,
    workers: int | None,
    cpu_seconds: int | None,
    as_json: bool,
    write: Path | None,
    listed: bool,
    suite_name: str,
) -> None:
    """Try malformed files on every way of reading."""
    dicube_core.set_num_threads(1)
    if cpu_seconds is not None:
        limits.CPU_SECONDS = cpu_seconds
    suite = load_suite(suite_name, seed, mutations).narrowed(bases, families, probes, per_family)
    if listed:
        click.echo("\n".join(f"{v.base}/{v.family}/{v.name}" for v in suite.variants))
        return
    _check_names(suite)
    count = workers or len(os.sched_getaffinity(0))
    warm_up(suite)
    start = time.monotonic()
    expected, bad = expectations(suite, count)
    tally = Tally()
    if only is not None:
        for result in run_one(suite, only, probes, expected):
            click.echo(f"{result.probe}: {result.outcome.value}: {result.text} {result.facets}")
        return
    for result in bad:
        tally.add(result)
    interrupted = not _run_all(suite, expected, count, tally)
    seconds = time.monotonic() - start
    if write is not None:
        write.write_text(markdown(tally), "utf-8")
    if as_json:
        refusals = {f"{b}: {p}": e.refusal for (b, p), e in expected.items() if e.refusal}
        told = {"skipped": suite.skipped, "refusals": refusals, "seconds": seconds}
        told["blind"] = blind_facets(expected)
        click.echo(json.dumps({**tally.to_dict(), **told}, indent=2))
    else:
        _print(tally, suite, seconds)
    sys.exit(130 if interrupted else int(bool(tally.offenders)))


def _run_all(
    suite: Suite, expected: dict[tuple[str, str], Expected], count: int, tally: Tally
) -> bool:
    """Count what comes of the suite; False if it was interrupted: what was tried is told."""
    try:
        for result in run_suite(suite, expected, count):
            tally.add(result)
            if not result.good:  # a whole run takes an hour: this cannot wait for its table
                click.echo(f"{result.place} {result.probe}: {result.text}", err=True)
    except KeyboardInterrupt:
        return False
    return True


def _check_names(suite: Suite) -> None:
    places = [(v.base, v.family, v.name) for v in suite.variants]
    twice = (
        {place for place in places if places.count(place) > 1}
        if len(set(places)) < len(places)
        else set()
    )
    if twice:
        raise click.ClickException(f"names of variants must be unique: {sorted(twice)[:5]}")


def _print(tally: Tally, suite: Suite, seconds: float) -> None:
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else 150)
    print_tables(tally, console)
    for text in suite.skipped:
        click.echo(f"left out: {text}")
    click.echo(
        f"{tally.variant_count} malformed files, {len(suite.probes)} probes, {seconds:.0f} s: "
        f"{len(tally.offenders)} of anything else than the right data or a clear error"
    )


if __name__ == "__main__":
    main()
