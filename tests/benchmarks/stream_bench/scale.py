"""Many readers in one process, and one file of very many frames."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from core_bench.outcome import single_row
from core_bench.timing import Comparison, Race

import dicube_core
from dicube_core.container.index import FrameIndex
from dicube_core.streaming import DcbStreamingReader

if TYPE_CHECKING:
    from core_bench.fixtures import Fixture
    from core_bench.outcome import Row

__all__ = ["measure_long_file", "measure_readers"]

_CHILD = Path(__file__).with_name("scale_child.py")


def measure_readers(fixture: Fixture, count: int) -> list[Row]:
    """Return the memory of open readers, each, relative to what stands before the first frame."""
    with dicube_core.open(fixture.ours) as reader:
        front = min(reader.container.index.offsets)
    found = _child("readers", fixture.ours, count)
    return [
        single_row(
            fixture.source.name,
            f"memory of a reader, {count} {state}",
            "file headers",
            found[state] / 1e3,
            front / 1e3,
            goal=None,
            unit="kB",
        )
        for state in ("opened", "used once")
    ]


def measure_long_file(work: Path, count: int, rounds: int) -> list[Row]:
    """Return time and memory of opening a file of `count` frames, relative to its index."""
    path = work / f"long_{count}.dcbs"
    _write_long_file(path, count)
    series = f"{count} frames"
    with dicube_core.open(path) as reader:
        header = reader.container.header
        size, data = path.stat().st_size, path.read_bytes()
    tables = [data[s.offset : s.stop] for s in (header.frame_offsets, header.frame_lengths)]
    race = Race(series)
    race.add("open", partial(_open, path))
    race.add("first", partial(_first, path))
    race.add("index", lambda: FrameIndex.parse(*tables, size, "index"))
    race.run(rounds)
    memory = _child("long", path, count)["opened"]
    return [
        race.row(Comparison("open a long file", "open", "index", "index alone", 2.0)),
        single_row(
            series,
            "memory of a long file, open",
            "index",
            memory / 1e3,
            sum(map(len, tables)) / 1e3,
            goal=2.0,
            unit="kB",
        ),
        race.row(Comparison("long file, open to first slice", "first", "index", "index alone")),
    ]


def _child(case: str, path: Path, count: int) -> dict[str, float]:
    command = [sys.executable, str(_CHILD), case, str(path), str(count)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"memory of {case}: {done.stderr.strip()}")
    result: dict[str, float] = json.loads(done.stdout)
    return result


def _write_long_file(path: Path, count: int) -> None:
    values = np.random.default_rng(3).integers(0, 4096, (16, 64, 64), dtype=np.uint16)
    array = np.concatenate([values] * -(-count // 16))[:count]
    header = dicube_core.PixelDataHeader(PixelDtype="uint16")
    image = dicube_core.DicomCubeImage(array, header)
    image.init_meta(modality="CT", patient_name="Long^File", patient_id="LONG")
    dicube_core.save(image, path, verify=False)


def _open(path: Path) -> None:
    DcbStreamingReader(path).close()


def _first(path: Path) -> None:
    with DcbStreamingReader(path) as stream:
        stream.get_dicom_for_frame(0)
