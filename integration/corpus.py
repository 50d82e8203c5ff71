"""Every file of pydicom's bundled set and of the package pydicom-data, converted and proven.

    python integration/corpus.py [--write docs/corpus.md] [--jobs 2] [--seeds 5]

Each file is taken as a series of its own: `convert`, then `verify_against`, in a worker process
with limits of time and memory. What comes of it is either whole (the source comes back byte for
byte, or normalised), or refused by its name. Anything else is a FAULT, and the exit status is 1.

With ``--seeds`` all of it is converted again under other hash seeds, from folders of other names,
in other orders, and the folders that hold several images as series of several files: every
``.dcbs`` file must have the same bytes each time.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import importlib.util
import json
import os
import random
import re
import selectors
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import groupby
from pathlib import Path
from typing import Any

TIME_LIMIT = 120.0  # seconds, for one file converted and verified
MEMORY_LIMIT = 6 << 30
_NOT_DATA = (".py", ".pyc", ".json", ".cfg")
#: Words of an error that tells of this package's inside rather than of the file.
_UNCLEAR = re.compile(r"NoneType|object has no attribute|Traceback|KeyError|to unpack|\n|^\s*$")
_MANY_ALIKE = 10
_FAULT = "FAULT"
_NOTES = (
    "Frames that no decoder reads: `JPEG-lossy.dcm` has a scan header (SOS) that ends its "
    "spectral selection at 0,",
    "where ITU-T T.81 B.2.3 demands 63. `JPEG2000-embedded-sequence-delimiter.dcm` has the bytes "
    "of a sequence delimiter",
    "in its SIZ marker, on purpose: the codestream says that it is 3,722,445,056 pixels wide.",
)


def require_corpus() -> None:
    """Raise ImportError naming what is missing."""
    for module, package in (
        ("data_store", "pydicom-data"),
        ("libjpeg", "pylibjpeg-libjpeg"),
        ("jpeg_ls", "pyjpegls"),
    ):
        if importlib.util.find_spec(module) is None:
            raise ImportError(f"{package} is not installed")


def corpus_files() -> dict[str, Path]:
    """Return every file: name shown -> path."""
    import data_store
    import pydicom.data

    roots = {
        "": Path(pydicom.data.__file__).parent,
        "pydicom-data/": Path(data_store.__file__).parent / "data",
    }
    return {
        prefix + path.relative_to(root).as_posix(): path
        for prefix, root in roots.items()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix not in _NOT_DATA
    }


def corpus_series(files: dict[str, Path]) -> dict[str, list[Path]]:
    """Return the folders of the bundled media that hold several images: name -> paths."""
    found: dict[str, list[Path]] = {}
    for name, path in files.items():
        if name.startswith("test_files/dicomdirtests/") and path.suffix == "":
            found.setdefault(name.rpartition("/")[0], []).append(path)
    return {name: paths for name, paths in found.items() if len(paths) > 1}


# --- What a worker does ---------------------------------------------------------------------------


def _kind(path: Path) -> str:
    """Describe a file by what pydicom reads of it."""
    import pydicom
    from pydicom.uid import UID

    try:
        dataset = pydicom.dcmread(path, force=True, stop_before_pixels=True)
    except Exception as error:  # noqa: BLE001 - whatever pydicom raises for what is no DICOM
        return f"pydicom: {type(error).__name__}"
    syntax = dataset.file_meta.get("TransferSyntaxUID")
    if not syntax and not dataset.get("SOPClassUID") and "Rows" not in dataset:
        return "(no file meta information)" if len(dataset) > 1 else ""
    uid = dataset.get("SOPClassUID") or dataset.file_meta.get("MediaStorageSOPClassUID")
    parts = [UID(uid).name if uid else "(no SOP class)", UID(syntax).name if syntax else "(none)"]
    if "Rows" in dataset:
        photometric = dataset.get("PhotometricInterpretation", "(no photometric interpretation)")
        allocated, stored = dataset.get("BitsAllocated"), dataset.get("BitsStored")
        frames = str(dataset.get("NumberOfFrames") or 1)
        parts += [photometric, f"{allocated}/{stored} bits"]
        parts += [f"{frames} frames"] if frames != "1" else []
    return " / ".join(map(str, parts))


def _pydicom_reads_pixels(path: Path) -> bool:
    from pydicom import dcmread
    from pydicom.pixels.utils import pixel_array

    try:
        dataset = dcmread(path, force=True)
        if dataset.get("PixelData") and "TransferSyntaxUID" not in dataset.file_meta:
            return "Rows" in dataset and "PhotometricInterpretation" in dataset
        return bool(pixel_array(dataset).size)
    except Exception:  # noqa: BLE001 - any error means that it does not
        return False


def _refusal(error: Exception, path: Path) -> tuple[str, str]:
    """Return what a refusal says without the file's name, and whether it says it well."""
    from dicube_core.exceptions import DicomCubeError, UnsupportedKindError

    said = str(error)
    if not isinstance(error, DicomCubeError):
        return _FAULT, f"{type(error).__name__}: {said}"
    if _UNCLEAR.search(said):
        return _FAULT, f"unclear error: {said!r}"
    if path.name not in said:
        return _FAULT, f"the error does not name the file: {said}"
    if not isinstance(error, UnsupportedKindError) and _pydicom_reads_pixels(path):
        return _FAULT, f"pydicom reads an image from it: {said}"
    text = error.message.replace(f"no DICOM file in {path}: {path.name} is ", "")
    text = text.replace(f"{path.name}: ", "")
    text = text.removesuffix(" cannot be kept whole by this version").strip(" ,")
    # What decoders say differs between their versions.
    return "refused", re.sub(r"(cannot be decoded): .*", r"\1 by any decoder", text)


def _converted(source: Any, target: Path) -> None:
    import dicube_core

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        dicube_core.convert(source, target)


def _proven(path: Path, target: Path) -> tuple[str, str]:
    import dicube_core

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        report = dicube_core.verify_against(target, path)
    if not report.ok:
        return _FAULT, "verification: " + "; ".join(report.failures[:3])
    if not report.values_compared or report.frames_decoded != report.frame_count:
        return _FAULT, "verification compared nothing"
    if report.byte_identical not in (0, report.slices_compared):
        return _FAULT, f"{report.byte_identical} of {report.slices_compared} are byte-identical"
    return "whole", "exact" if report.byte_identical else "normalised"


def _try(task: dict[str, Any]) -> dict[str, str]:
    """Convert one file, or several as one series; prove it if the task says so."""
    paths = [Path(path) for path in task["paths"]]
    source: Any = paths[0] if len(paths) == 1 else paths
    target = Path(task["folder"]) / "x.dcbs"
    outcome, detail, digest = "whole", "", ""
    try:
        _converted(source, target)
    except Exception as error:  # noqa: BLE001 - a wrong kind of error is a finding
        outcome, detail = _refusal(error, paths[0])
        # Which file of several is named depends on their order.
        digest = f"{type(error).__name__}: {error if len(paths) == 1 else ''}"
        digest = digest.replace(str(paths[0].parent), "")
    else:
        digest = hashlib.sha256(target.read_bytes()).hexdigest()
        if task["prove"]:
            outcome, detail = _proven(paths[0], target)
    kind = _kind(paths[0]) if task["prove"] else ""
    return {"kind": kind, "outcome": outcome, "detail": detail, "digest": digest}


def _work() -> None:
    """Answer tasks, one JSON text a line, until there are no more."""
    with contextlib.suppress(ImportError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
    # Decoders write to the standard output; answers must not get mixed with that.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    warnings.simplefilter("ignore")
    for line in sys.stdin:
        answers.write(json.dumps(_try(json.loads(line))) + "\n")
        answers.flush()


# --- Workers and their limits ---------------------------------------------------------------------


class Worker:
    """A process that tries one file after the other; a new one takes the place of a lost one."""

    def __init__(self, seed: int) -> None:
        self._environment = {**os.environ, "PYTHONHASHSEED": str(seed)}
        self._process: subprocess.Popen[bytes] | None = None

    def ask(self, task: dict[str, Any]) -> dict[str, str]:
        """Return what came of a task; a crash, or too much time, is a FAULT."""
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            process.stdin.write(json.dumps(task).encode() + b"\n")
            process.stdin.flush()
        except BrokenPipeError:
            return self._lost("the process died before it began")
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            ready = selector.select(TIME_LIMIT)
        if not ready:
            return self._lost(f"more than {TIME_LIMIT:.0f} seconds")
        line = process.stdout.readline()
        if not line:
            return self._lost("the process died")
        answer: dict[str, str] = json.loads(line)
        return answer

    def _start(self) -> subprocess.Popen[bytes]:
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=self._environment,
        )
        return self._process

    def _lost(self, why: str) -> dict[str, str]:
        status = self.close()
        return {"kind": "", "outcome": _FAULT, "detail": f"{why} (status {status})", "digest": why}

    def close(self) -> int | None:
        """End the process."""
        process, self._process = self._process, None
        if process is None:
            return None
        process.kill()
        with contextlib.suppress(BrokenPipeError), process:
            pass
        return process.wait()


@dataclass
class Row:
    """What came of one file."""

    name: str
    kind: str
    outcome: str
    detail: str
    digest: str = ""
    count: int = 1

    @property
    def words(self) -> str:
        return f"{self.outcome}: {self.detail}"


@dataclass
class Corpus:
    """All files, and what came of them."""

    rows: list[Row] = field(default_factory=list)
    #: Files and series whose bytes differed between two passes, one line each.
    unstable: list[str] = field(default_factory=list)

    @property
    def faults(self) -> list[str]:
        """What is neither whole nor refused by its name."""
        found = [f"{row.name}: {row.detail}" for row in self.rows if row.outcome == _FAULT]
        return found + self.unstable


def _pass(tasks: list[tuple[str, list[Path]]], seed: int, jobs: int, *, prove: bool) -> list[Row]:
    """Try everything once, in the order given."""
    workers = [Worker(seed) for _ in range(jobs)]
    free, lock = list(workers), threading.Lock()

    def one(name: str, paths: list[Path]) -> Row:
        with lock:
            worker = free.pop()
        try:
            with tempfile.TemporaryDirectory(prefix="corpus") as folder:
                given = paths if prove else _moved(paths, Path(folder), seed)
                task = {"paths": [str(path) for path in given], "folder": folder, "prove": prove}
                return Row(name, **worker.ask(task))
        finally:
            with lock:
                free.append(worker)

    try:
        with ThreadPoolExecutor(jobs) as pool:
            return list(pool.map(lambda task: one(*task), tasks))
    finally:
        for worker in workers:
            worker.close()


def _moved(paths: list[Path], folder: Path, seed: int) -> list[Path]:
    """Return links to files in a folder of another name, in another order.

    The names of the files themselves stay: a ``.dcbs`` file keeps them, to give them back.
    """
    order = random.Random(f"{seed} {paths[0].name}")
    inner = folder / f"{order.getrandbits(64):x}"
    inner.mkdir()
    links = [inner / path.name for path in paths]
    for path, link in zip(paths, links, strict=True):
        shutil.copyfile(path, link)
    order.shuffle(links)
    return links


def examine(jobs: int = 2, seeds: int = 5) -> Corpus:
    """Try everything; convert it again under `seeds` hash seeds."""
    files = corpus_files()
    singles = [(name, [path]) for name, path in files.items()]
    # The largest first, so that no process is left alone with one at the end.
    by_size = sorted(singles, key=lambda task: -task[1][0].stat().st_size)
    rows = {row.name: row for row in _pass(by_size, 0, jobs, prove=True)}
    corpus = Corpus([rows[name] for name in files])
    several = list(corpus_series(files).items())
    known = {name: row.digest for name, row in rows.items() if row.digest}
    for seed in range(1, seeds + 1):
        tasks = [*singles, *several]
        random.Random(seed).shuffle(tasks)
        for row in _pass(tasks, seed, jobs, prove=False):
            if known.setdefault(row.name, row.digest) != row.digest:
                corpus.unstable.append(f"{row.name}: other bytes under hash seed {seed}")
    return corpus


# --- What is printed ------------------------------------------------------------------------------


def _merged(rows: list[Row]) -> list[Row]:
    """Put files of one folder together of which many are of one kind and outcome."""
    merged = []
    for (folder, kind, words), group in groupby(
        rows, key=lambda row: (row.name.rpartition("/")[0], row.kind, row.words)
    ):
        found = list(group)
        if len(found) < _MANY_ALIKE or not words.startswith("refused"):
            merged += found
        else:
            first = found[0]
            merged.append(Row(f"{folder}/*", kind, first.outcome, first.detail, count=len(found)))
    return merged


def table(corpus: Corpus) -> str:
    """Return the outcomes as the text of ``docs/corpus.md``."""
    totals = Counter(row.words if row.outcome == "whole" else row.outcome for row in corpus.rows)
    lines = [
        "# What becomes of every file that pydicom has",
        "",
        "Written by `python integration/corpus.py --write docs/corpus.md`: all files that "
        f"pydicom {version('pydicom')} brings",
        "along, and all of the package pydicom-data, each converted as a series of its own and "
        "proven with `verify_against`.",
        "*Exact*: the source file comes back byte for byte. *Normalised*: a source that was "
        "compressed, deflated or big",
        "endian comes back with the same elements and values, uncompressed and little endian. "
        "*Refused*: nothing was",
        "written, and the error says this.",
        "",
        "| Outcome | Files |",
        "|---|---|",
        *(f"| {words} | {count} |" for words, count in sorted(totals.items(), reverse=True)),
        f"| all | {len(corpus.rows)} |",
        "",
        "| File | Kind | Outcome |",
        "|---|---|---|",
    ]
    for row in _merged(corpus.rows):
        name = row.name if row.count == 1 else f"{row.name} ({row.count} files)"
        lines.append(f"| {name} | {row.kind or '-'} | {row.words.replace('|', ' ')} |")
    return "\n".join([*lines, "", *_NOTES]) + "\n"


def documented_version(text: str) -> str:
    """Return the version of pydicom whose files a document is about."""
    found = re.search(r"pydicom ([\d.]+\w*) ", text)
    return found.group(1) if found else ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--write", type=Path, help="also write what is printed to this file")
    parser.add_argument("--jobs", type=int, default=2, help="processes at the same time")
    parser.add_argument("--seeds", type=int, default=5, help="hash seeds to convert under again")
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        _work()
        return 0
    require_corpus()
    begun = time.monotonic()
    corpus = examine(arguments.jobs, arguments.seeds)
    text = table(corpus)
    sys.stdout.write(text)
    if arguments.write:
        arguments.write.write_text(text, encoding="utf-8")
    for fault in corpus.faults:
        sys.stderr.write(f"{_FAULT} {fault}\n")
    sys.stderr.write(
        f"{len(corpus.rows)} files, {len(corpus.faults)} faults, {arguments.seeds} more hash "
        f"seeds, {time.monotonic() - begun:.0f} s\n"
    )
    return 1 if corpus.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
