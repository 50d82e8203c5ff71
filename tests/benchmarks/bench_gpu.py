"""Decoding on a GPU, against decoding by the CPU and copying to the GPU.

    python tests/benchmarks/bench_gpu.py --data ../shared/data

Needs a GPU, nvImageCodec (``pip install 'dicube-plugins[gpu]'``) and torch with CUDA. Where one of
them is missing it says so, and measures nothing; the exit status is 0 then, too. Values are found
equal before anything is timed. Contestants take turns.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core_bench.report import environment
from core_bench.series import find_series
from gpu_bench.tasks import Target, time_device

import dicube_core
from dicube_core.exceptions import CodecUnavailableError
from dicube_plugins.gpu import capability
from dicube_plugins.gpu._session import probed_decoder

if TYPE_CHECKING:
    from core_bench.outcome import Row

_SHARED_DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
_HEAD = (
    "| data | task | against | ratio | goal | ours ms | other ms |\n|---|---|---|---|---|---|---|"
)


def markdown(rows: list[Row]) -> str:
    """Return the rows as a table."""
    lines = [_HEAD]
    for row in rows:
        goal = "" if row.goal is None else f"<= {row.goal:g}"
        lines.append(
            f"| {row.series} | {row.task} | {row.against} | {row.ratio:.2f} | {goal} | "
            f"{row.ours:.1f} | {row.other:.1f} |"
        )
    return "\n".join(lines)


def as_values(rows: list[Row]) -> list[dict[str, Any]]:
    """Return the rows for the page of plots."""
    return [
        {"task": r.task, "against": r.against, "goal": r.goal, "ratio": r.ratio, "data": r.series}
        for r in rows
    ]


def _target(device: int) -> Target:
    """Return torch on the device, or say why there is none."""
    try:
        import torch
    except ImportError:
        raise CodecUnavailableError("torch is not installed") from None
    if not torch.cuda.is_available():
        raise CodecUnavailableError("this torch has no CUDA")
    where = torch.device("cuda", device)
    return Target(
        "torch",
        lambda array: torch.from_numpy(array).to(where),
        lambda tensor: tensor.cpu().numpy(),
        lambda: torch.cuda.synchronize(where),
    )


def main(arguments: list[str] | None = None) -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=_SHARED_DATA, help="folder with real series")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--device", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the rows to this file")
    parser.add_argument("--quick", action="store_true", help="one small series, one round")
    options = parser.parse_args(arguments)
    rows: list[Row] = []
    rounds = 1 if options.quick else options.rounds
    facts = environment(dicube_core.get_num_threads(), rounds)
    sys.stdout.write("\n".join(f"{name}: {value}" for name, value in facts.items()) + "\n")
    try:
        decoder, target = probed_decoder(options.device), _target(options.device)
    except CodecUnavailableError as exc:
        sys.stdout.write(f"no GPU was measured: {exc}\n")
    else:
        sys.stdout.write(f"{capability(options.device).device}\n")
        with tempfile.TemporaryDirectory() as folder:
            for source in find_series(options.data, Path(folder), quick=options.quick):
                path = Path(folder) / f"{source.name}.dcbs"
                dicube_core.convert(source.folder, path)
                rows += time_device(source.name, path, decoder, target, rounds)
        sys.stdout.write(f"equal: every value of every series\n{markdown(rows)}\n")
    if options.json is not None:
        options.json.write_text(json.dumps(as_values(rows), indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
