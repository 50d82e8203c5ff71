"""Everything about GPU decoding, checked and measured on a machine that has a GPU.

    python -m pip install '.[gpu,cli,test]' torch
    python integration/check_gpu.py

Prints what the device decodes right, runs the tests, then the benchmark. The exit status is 0 if
the device is used and all tests passed; 2 where there is no GPU.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from dicube_plugins import gpu

_ROOT = Path(__file__).resolve().parents[1]
_TESTS = ("integration/test_gpu_device.py", "tests/plugins/gpu")


def main() -> int:
    """Run all of it."""
    obstacle = gpu.obstacle()
    if obstacle:
        sys.stdout.write(f"nothing was checked: {obstacle}\n")
        return 2
    found = gpu.capability()
    sys.stdout.write(f"{found.device}\n")
    for result in found.results:
        sys.stdout.write(f"  {result.outcome:8} {result.kind}: {result.message}\n")
    sys.stdout.flush()
    python = [sys.executable]
    tests = subprocess.run([*python, "-m", "pytest", "-q", *_TESTS], cwd=_ROOT, check=False)
    bench = subprocess.run([*python, "tests/benchmarks/bench_gpu.py"], cwd=_ROOT, check=False)
    return max(tests.returncode, bench.returncode)


if __name__ == "__main__":
    sys.exit(main())
