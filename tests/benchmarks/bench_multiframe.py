"""A frame of a multi-frame source against a slice of a single-frame series with the same pixels.

    python tests/benchmarks/bench_multiframe.py [--frames 500] [--size 256]

Both files are made here: one enhanced MR instance of so many frames, and the same frames as
single-frame images (those that the first file delivers). What is delivered is checked to be equal
before it is timed. Contestants take turns within one process; the median of the ratios is
printed, and a ratio of 1 means that frames of a multi-frame source cost nothing more. The exit
status is 0 whether the goal is met or not.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
from pydicom import dcmread

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from core_bench.command import say
from support.multiframe import enhanced, part10

import dicube_core
from dicube_core.streaming import DcbStreamingReader

EXPLICIT = "1.2.840.10008.1.2.1"
GOAL = 1.1


def make_files(folder: Path, count: int, size: int) -> tuple[Path, Path, float]:
    """Return the file of the multi-frame source, that of the series, and seconds per frame."""
    rng = np.random.default_rng(1)
    ramp = np.add.outer(np.arange(size), np.arange(size)) * 4
    frames = (ramp + rng.integers(0, 32, (count, size, size))).astype("<u2") & 0xFFF
    source = folder / "source.dcm"
    source.write_bytes(part10(enhanced(frames, own_slopes=False)))
    multi, series = folder / "multi.dcbs", folder / "series.dcbs"
    start = time.perf_counter()
    dicube_core.convert(source, multi)
    seconds = (time.perf_counter() - start) / count
    with DcbStreamingReader(multi) as reader:
        slices = [reader.get_dicom_for_frame(n, transfer_syntax=EXPLICIT) for n in range(count)]
    dicube_core.convert(slices, series)
    return multi, series, seconds


def require_equal(multi: Path, series: Path) -> None:
    """Fail unless both files deliver the same images."""
    with DcbStreamingReader(multi) as one, DcbStreamingReader(series) as other:
        assert len(one) == len(other)
        for number in range(len(one)):
            first, second = (
                dcmread(io.BytesIO(r.get_dicom_for_frame(number))) for r in (one, other)
            )
            assert first == second
            assert first.file_meta == second.file_meta


def opened(path: Path) -> float:
    """Return the seconds from nothing to the first frame, a middle one."""
    start = time.perf_counter()
    with DcbStreamingReader(path) as reader:
        reader.get_dicom_for_frame(len(reader) // 2)
    return time.perf_counter() - start


def scrolled(path: Path, again: bool) -> float:
    """Return the seconds for one frame, of all frames in turn."""
    with DcbStreamingReader(path) as reader:
        reader.get_dicom_for_frame(0)
        for _ in range(2 if again else 1):
            start = time.perf_counter()
            for number in range(len(reader)):
                reader.get_dicom_for_frame(number)
            seconds = time.perf_counter() - start
        return seconds / len(reader)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--frames", type=int, default=500)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path, help="write the ratios to this file")
    parser.add_argument("--quick", action="store_true", help="tiny frames, one round")
    given = parser.parse_args()
    if given.quick:
        given.frames, given.size, given.rounds = 6, 24, 1
    rows = []
    warnings.simplefilter("ignore")
    with tempfile.TemporaryDirectory() as folder:
        multi, series, seconds = make_files(Path(folder), given.frames, given.size)
        require_equal(multi, series)
        say(f"{given.frames} frames of {given.size}x{given.size}, 16 bits; equal in all frames")
        say(f"converting the multi-frame source: {seconds * 1e3:.2f} ms a frame")
        for name, measure in (
            ("open, and one frame", opened),
            ("each frame for the first time", lambda path: scrolled(path, again=False)),
            ("each frame again", lambda path: scrolled(path, again=True)),
        ):
            ratios, best = [], [float("inf")] * 2
            for turn in range(given.rounds):
                times = [0.0, 0.0]
                for which in (0, 1) if turn % 2 else (1, 0):
                    times[which] = measure((multi, series)[which])
                    best[which] = min(best[which], times[which])
                ratios.append(times[0] / times[1])
            ratio = statistics.median(ratios)
            verdict = "met" if ratio <= GOAL else "missed"
            row = {"task": f"multi-frame source, {name}", "against": "single-frame series"}
            rows.append({**row, "data": f"{given.frames} frames", "goal": GOAL, "ratio": ratio})
            say(
                f"{name}: {best[0] * 1e6:.0f} us, single-frame series {best[1] * 1e6:.0f} us, "
                f"ratio {ratio:.2f} (goal {GOAL}: {verdict})"
            )
    if given.json is not None:
        given.json.write_text(json.dumps(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
