"""Draw the results of the benchmarks, and put their tables into the page that shows them.

    python tests/benchmarks/plot_results.py

Reads ``docs/results/*.json``, writes ``docs/images/bench_*.svg`` and the tables in
``docs/benchmarks.md``. `run_all.py` does it after measuring.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from results_page.plots import plot
from results_page.results import Results
from results_page.tables import fill, section

_DOCS = Path(__file__).resolve().parents[2] / "docs"


def draw_all(docs: Path) -> None:
    """Draw what is in ``docs/results``, and show it in the page.

    Raises
    ------
    LookupError
        Results have no place in the page; all others are shown.
    """
    page = docs / "benchmarks.md"
    text = page.read_text(encoding="utf-8")
    homeless = []
    for path in sorted((docs / "results").glob("*.json")):
        results = Results.read(path)
        try:
            text = fill(text, results.name, section(results))
        except LookupError:
            homeless.append(results.name)
            continue
        plot(results, docs / "images" / f"bench_{results.name}.svg")
    page.write_text(text, encoding="utf-8")
    if homeless:
        raise LookupError(f"{page} has no marks <!-- table NAME --> for {', '.join(homeless)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--docs", type=Path, default=_DOCS, help="folder of the pages")
    draw_all(parser.parse_args().docs)
