"""Run a suite: first the good files, then all the others against them."""

from __future__ import annotations

import contextlib
import importlib
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from reliability.malformed.outcomes import BASE, Expected
from reliability.malformed.sandbox import (
    Task,
    in_child,
    read_variant,
    run_tasks,
    scratch_folder,
)
from reliability.malformed.variant import Variant

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from reliability.malformed.outcomes import Result
    from reliability.malformed.suite import Suite
    from reliability.malformed.variant import Base

__all__ = ["blind_facets", "expectations", "run_one", "run_suite", "warm_up"]


def _good(base: Base) -> Variant:
    return Variant(base.name, BASE, base.name, lambda: base.data)


def warm_up(suite: Suite) -> None:
    """Import here, once, whatever the probes import; nothing else of them happens here."""

    def names() -> list[str]:
        with tempfile.TemporaryDirectory(dir=scratch_folder()) as folder:
            tries = [base.data for base in suite.bases[:2]]
            for data in (*tries, b"no file of ours" * 100):
                variant = Variant("", BASE, "", lambda: data)  # noqa: B023 - not called later
                for probe in suite.probes:
                    read_variant(probe, variant, data, Path(folder), None)
        return sorted(sys.modules)

    for name in in_child(names) or ():
        if name not in sys.modules and name != "__mp_main__":
            with contextlib.suppress(Exception):  # it is imported again where it is needed
                importlib.import_module(name)


def expectations(
    suite: Suite, workers: int
) -> tuple[dict[tuple[str, str], Expected], list[Result]]:
    """Run all probes on the good files; return what they tell, and what is not as it should be."""
    expected, bad = {}, []
    tasks = (Task(_good(base), suite.probes) for base in suite.bases)
    for result in run_tasks(tasks, workers):
        expected[result.base, result.probe] = Expected(result.facets, result.text)
        if not result.good:
            bad.append(result)
    return expected, bad


def blind_facets(expected: dict[tuple[str, str], Expected]) -> list[str]:
    """Return what a probe tells alike of all good files: of such it has seen nothing."""
    told: dict[str, list[str]] = {}
    for (_, probe), good in expected.items():
        for facet, digest in (good.facets or {}).items():
            told.setdefault(f"{probe}: {facet}", []).append(digest)
    return sorted(name for name, found in told.items() if len(found) > 1 == len(set(found)))


def run_suite(
    suite: Suite, expected: dict[tuple[str, str], Expected], workers: int
) -> Iterator[Result]:
    """Run all probes on all variants."""
    yield from run_tasks((Task(v, suite.probes, expected) for v in suite.variants), workers)


def run_one(
    suite: Suite, place: str, probes: Sequence[str], expected: dict[tuple[str, str], Expected]
) -> Iterator[Result]:
    """Run some probes on one variant in this process, so that a debugger sees what happens."""
    from reliability.malformed.limits import set_limits

    variants = [v for v in suite.variants if f"{v.base}/{v.family}/{v.name}" == place]
    if not variants:
        raise SystemExit(f"there is no variant {place!r}")
    data = variants[0].make()
    set_limits()
    with tempfile.TemporaryDirectory(dir=scratch_folder()) as folder:
        for probe in suite.probes:
            if not probes or probe.name.startswith(tuple(probes)):
                yield read_variant(probe, variants[0], data, Path(folder), expected)
