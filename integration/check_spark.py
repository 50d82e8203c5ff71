"""Jobs on a local Spark: what its workers read is what the core reads, and damage is an error.

    python -m pip install '.[xarray,zarr,test]' kerchunk aiohttp pyspark pyarrow
    python integration/check_spark.py

Needs Java. Not part of the tests, as pyspark weighs half a gigabyte. The exit status is 0 if all
is right, 1 if anything is not (it is named), 2 where something is missing.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pandas as pd

    from dicube_core import Reader

_MODULES = ("pyspark", "pyarrow", "pandas", "xarray", "zarr", "kerchunk", "aiohttp")


def _obstacle() -> str:
    missing = [name for name in _MODULES if find_spec(name) is None]
    if missing:
        return f"{', '.join(missing)} is not installed"
    home = os.environ.get("JAVA_HOME")
    if shutil.which("java") is None and not (home and Path(home, "bin", "java").exists()):
        return "there is no Java (java in PATH, or JAVA_HOME)"
    return ""


def _session(folder: Path) -> Any:
    from pyspark.sql import SparkSession

    os.environ["PYSPARK_PYTHON"] = sys.executable
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.local.dir": str(folder),
        "spark.sql.warehouse.dir": str(folder / "warehouse"),
        "spark.log.level": "OFF",
        "spark.ui.showConsoleProgress": "false",
    }
    # Four tries of each task: else a worker that dies in local mode is the end of the job.
    builder = SparkSession.builder.master("local[2,4]").appName("check_spark")
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


class Checks:
    """All checks, on one session; each raises where something is not right."""

    def __init__(self, spark: Any, folder: Path) -> None:
        import engine_tasks
        from engine_files import EngineFiles
        from pyspark import cloudpickle

        cloudpickle.register_pickle_by_value(engine_tasks)
        cloudpickle.register_pickle_by_value(sys.modules[__name__])
        self.spark, self.context, self.folder = spark, spark.sparkContext, folder
        self.tasks, self.files = engine_tasks, EngineFiles.make(folder)

    def all(self) -> list[Callable[[], None]]:
        return [
            self.paths_and_ranges_of_frames,
            self.readers_in_closures_and_broadcast,
            self.xarray_datasets,
            self.references_over_http,
            self.tables_of_pandas,
            self.damage_is_an_error,
            self.files_that_were_replaced,
            self.workers_that_are_killed,
            self.what_the_page_shows,
        ]

    def _each(self, function: Callable[[int], Any], partitions: int = 4) -> Any:
        """Return what workers give for every frame, as one array."""
        import numpy as np

        numbers = range(self.tasks.COUNT)
        return np.stack(self.context.parallelize(numbers, partitions).map(function).collect())

    def _sent(self, reader: Reader) -> Callable[[int], Any]:
        """Return what reads a frame by a reader that each worker is sent once."""
        sent = self.context.broadcast(reader)

        def frame_of(number: int) -> Any:
            return sent.value.frame(number)

        return frame_of

    def paths_and_ranges_of_frames(self) -> None:
        import numpy as np

        path, half = str(self.files.ct), self.tasks.COUNT // 2

        def read(parts: Iterable[tuple[str, range]]) -> Iterator[Any]:
            import dicube_core

            for name, numbers in parts:
                with dicube_core.open(name) as reader:
                    yield from (reader.frame(number) for number in numbers)

        parts = [(path, range(half)), (path, range(half, 2 * half))]
        found = self.context.parallelize(parts, 2).mapPartitions(read).collect()
        np.testing.assert_array_equal(np.stack(found), self.files.stored)

    def readers_in_closures_and_broadcast(self) -> None:
        import numpy as np

        import dicube_core

        with dicube_core.open(self.files.ct) as reader:
            frame_of = self._sent(reader)
            np.testing.assert_array_equal(self._each(reader.frame), self.files.stored)
        np.testing.assert_array_equal(self._each(frame_of), self.files.stored)
        (again,) = self.context.parallelize([str(self.files.ct)]).map(dicube_core.open).collect()
        np.testing.assert_array_equal(again.frames(), self.files.stored)

    def xarray_datasets(self) -> None:
        import numpy as np
        import xarray as xr

        slice_of = self.tasks.slice_of
        for path, expected in (
            (self.files.ct, self.files.modality),
            (self.files.pet, self.files.activity),
        ):
            for dataset in (xr.open_dataset(path), xr.open_dataset(path, chunks={})):
                sent = self.context.broadcast(dataset)
                found = self._each(lambda number, sent=sent: slice_of(sent.value, number))
                np.testing.assert_array_equal(found, expected)

    def references_over_http(self) -> None:
        import numpy as np
        from support.web_server import serving

        import dicube_core

        by_references, by_zarr = self.tasks.by_references, self.tasks.by_zarr
        with serving(self.files.ct.read_bytes(), path="/study.dcbs") as server:
            sent = self.context.broadcast(dicube_core.references(server.url))
            found = self._each(lambda number: by_references(sent.value, number))
            np.testing.assert_array_equal(found, self.files.modality)
            found = self._each(lambda number: by_zarr(sent.value, "http", number))
            np.testing.assert_array_equal(found, self.files.stored)

    def tables_of_pandas(self) -> None:
        import dicube_core

        path = str(self.files.ct)

        def read(tables: Iterator[pd.DataFrame]) -> Iterator[pd.DataFrame]:
            for table in tables:
                with dicube_core.open(path) as reader:
                    frames = [reader.frame(number).tobytes() for number in table["number"]]
                yield table.assign(frame=frames)

        numbers = self.spark.range(self.tasks.COUNT).withColumnRenamed("id", "number")
        table = numbers.repartition(3).mapInPandas(read, "number long, frame binary").toPandas()
        found = b"".join(map(bytes, table.sort_values("number")["frame"]))
        _require(found == self.files.stored.tobytes(), "frames in a table are other ones")

    def damage_is_an_error(self) -> None:
        import dicube_core
        from dicube_core.exceptions import ChecksumError

        number, value_or_error = self.tasks.DAMAGED, self.tasks.value_or_error
        with dicube_core.open(self.files.damaged) as reader:
            text = f"damaged.dcbs: frame {number} at byte"
            self._require_error(lambda: self._each(reader.frame), text)
        refs = dicube_core.references(self.files.damaged)
        by_references = self.tasks.by_references
        self._require_error(
            lambda: self._each(lambda number: by_references(refs, number)), "none of the 8 frames"
        )
        paths = [str(self.files.ct), str(self.files.damaged)]
        right, error = self.context.parallelize(paths, 2).map(value_or_error).collect()
        _require(right == self.files.stored[number].sum(), "another sum")
        _require(isinstance(error, ChecksumError), f"{error!r} is no ChecksumError")
        _require(error.details["frame"] == number, f"{error.details} names another frame")

    def files_that_were_replaced(self) -> None:
        from engine_files import replace_by

        import dicube_core

        path = self.folder / "x.dcbs"
        replace_by(path, self.files.ct)
        with dicube_core.open(path) as reader:
            frame_of = self._sent(reader)
        replace_by(path, self.files.pet)
        text = "x.dcbs: another file has this name"
        self._require_error(lambda: self._each(frame_of), text)

    def workers_that_are_killed(self) -> None:
        import numpy as np

        import dicube_core

        mark, dying_once = self.folder / "died", self.tasks.dying_once
        with dicube_core.open(self.files.ct) as reader:
            found = self._each(lambda number: dying_once(str(mark), reader, number))
        _require(mark.exists(), "no worker died")
        np.testing.assert_array_equal(found, self.files.stored)

    def what_the_page_shows(self) -> None:
        """Run the block of ``docs/engines.md``, which finds this session, and compare."""
        import numpy as np
        from docs_pages.page import Page

        import dicube_core
        from dicube_core.phantom import write_phantom_series

        write_phantom_series(self.folder / "series", 24, size=64)
        path = self.folder / "study.dcbs"
        dicube_core.convert(self.folder / "series", path)
        (block,) = [b for b in Page.read("engines.md").blocks if "check_spark" in b.mark]
        _require("/data/study.dcbs" in block.code, "the block names another file")
        names: dict[str, Any] = {"__name__": "__main__"}
        code = block.code.replace("/data/study.dcbs", str(path))
        exec(compile(code, "docs/engines.md", "exec"), names)
        with dicube_core.open(path) as reader:
            frames = reader.frames()
        table = names["table"].toPandas().sort_values("frame")
        _require(table["frame"].tolist() == [*range(24)], "other frames")
        np.testing.assert_array_equal(table["highest"], frames.max((1, 2)))
        np.testing.assert_array_equal(table["mean"], [frame.mean() for frame in frames])
        values = dicube_core.load(path).get_fdata()
        expected = [(z, int((values[z] > 200).sum())) for z in range(24)]
        _require(sorted(names["counts"]) == expected, "other counts")

    @staticmethod
    def _require_error(action: Callable[[], object], text: str) -> None:
        from py4j.protocol import Py4JError
        from pyspark.errors import PySparkException

        try:
            action()
        except (Py4JError, PySparkException) as exc:
            _require(text in str(exc), f"an error without {text!r}: {str(exc)[-500:]}")
        else:
            raise AssertionError(f"no error that says {text!r}")


def _require(right: object, otherwise: str) -> None:
    if not right:
        raise AssertionError(otherwise)


def main() -> int:
    """Run all of it."""
    obstacle = _obstacle()
    if obstacle:
        sys.stdout.write(f"nothing was checked: {obstacle}\n")
        return 2
    import pyspark

    failed = 0
    with tempfile.TemporaryDirectory(prefix="spark") as name:
        spark = _session(Path(name))
        try:
            sys.stdout.write(f"Spark {pyspark.__version__}, two workers on this machine\n")
            for check in Checks(spark, Path(name)).all():
                try:
                    check()
                except Exception as exc:  # noqa: BLE001 - whatever it is, it is told
                    failed += 1
                    outcome = f"FAILED: {type(exc).__name__}: {exc}"
                else:
                    outcome = "right"
                sys.stdout.write(f"  {check.__name__.replace('_', ' ')}: {outcome}\n")
                sys.stdout.flush()
        finally:
            spark.stop()
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
