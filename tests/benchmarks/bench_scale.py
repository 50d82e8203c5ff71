"""What a series costs a worker, and what a million of them cost so many workers.

    python tests/benchmarks/bench_scale.py --rounds 5 --json scale.json

Every task runs in a process of its own with one thread, in turn, on generated series of realistic
size and on the shared ones where they are at hand. Then a tree is converted and verified by the
workers of a local dask cluster and by as many processes, checked to be equal first. The files are
in the page cache: the costs are those of processors, and the bytes are what a store must deliver.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

from core_bench.command import say
from core_bench.report import environment, table
from core_bench.series import find_series

import dicube_core
from dicube_core.phantom import write_phantom_series


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    shared = Path(__file__).resolve().parents[3] / "shared" / "data"
    parser.add_argument("--data", type=Path, default=shared, help="folder with real series")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", type=Path, help="write everything to this file")
    parser.add_argument("--work", type=Path, help="folder for temporary files")
    parser.add_argument("--series", type=int, default=1_000_000, help="series of the plan")
    parser.add_argument("--workers", type=int, default=100, help="workers of the plan")
    parser.add_argument("--quick", action="store_true", help="tiny series, one round")
    return parser.parse_args()


def main() -> None:
    arguments = _arguments()
    try:
        from dicube_plugins.dask import DaskWorkers
    except ImportError as exc:
        sys.exit(f"{exc.name} is not installed: pip install 'dicube-plugins[dask]'")
    from scale_bench.clusters import compare, cost_of_a_task
    from scale_bench.costs import Sample, cost_table, measure_costs
    from scale_bench.plan import plan_table
    from tree_bench.trees import make_tree

    quick = arguments.quick
    rounds = 1 if quick else arguments.rounds
    facts = environment(dicube_core.get_num_threads(), rounds)
    say("\n".join(f"{name}: {value}" for name, value in facts.items()))
    with tempfile.TemporaryDirectory(dir=arguments.work) as folder:
        work = Path(folder)
        write_phantom_series(work / "tiny", 2, size=32)
        tiny = Sample.of("tiny", work / "tiny", work)
        slices, size = (6, 64) if quick else (200, 512)
        name = f"generated_{slices}"
        write_phantom_series(work / name, slices, size=size)
        samples = [Sample.of(name, work / name, work)]
        if not quick:
            found = find_series(arguments.data, work, quick=False)
            samples += [
                Sample.of(one.name, one.folder, work) for one in found if one.name[:2] == "ct"
            ]
        costs = measure_costs(samples, tiny, rounds)
        say(cost_table(samples, costs))
        say("\n" + plan_table(samples[0], costs, arguments.series, arguments.workers) + "\n")
        jobs = 2
        tree = make_tree(work / "tree", *((2, 3, 32) if quick else (10, 80, 512)))
        with DaskWorkers("local", jobs=jobs) as workers:
            rows = compare(tree, work, workers, jobs, rounds)
            task_s = cost_of_a_task(workers, 50 if quick else 2000)
    say(table(rows))
    say(f"a task of no work: {1e3 * task_s:.2f} ms of the process with scheduler and client")
    if arguments.json is not None:
        found_rows = [{**row.to_dict(), "data": row.series} for row in rows]
        document = {"facts": facts, "rows": found_rows, "task_s": task_s}
        document["costs"] = [asdict(cost) for cost in costs]
        arguments.json.write_text(json.dumps(document, indent=1, default=str))


if __name__ == "__main__":
    main()
