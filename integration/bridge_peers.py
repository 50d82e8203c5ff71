"""Files to deliver, and consumers to read what was delivered; shared by the tests of the bridge."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import dicube_core
from dicube_core.phantom import write_phantom_series
from dicube_plugins import known_consumers, to_dicom
from dicube_plugins.consumers.base import PROGRAM, PYTHON
from dicube_plugins.installation import find_installation

if TYPE_CHECKING:
    from collections.abc import Sequence

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
LEGACY = "ct_heart_10.by_dicube_0_3_0.dcbs"
#: A generated series, two real ones, and a file of dicube 0.3.0.
FILES = ("phantom", "ct_heart_10", "ct_body_60", LEGACY)
FORMS = {"htj2k": "1.2.840.10008.1.2.4.201", "explicit": "1.2.840.10008.1.2.1"}


@dataclass(frozen=True)
class Given:
    """A .dcbs file, and the folder it was made from (None for the file of 0.3.0)."""

    file: Path
    source: Path | None


def given_file(name: str, folder: Path) -> Given:
    """Return a file to deliver, or skip where it needs data that is not here."""
    if name == "phantom":
        source = folder / "source"
        write_phantom_series(source, 3, size=128)
    else:
        source = DATA / name
        if not source.exists():
            pytest.skip(f"shared data {name} is not here")
        if name == LEGACY:
            return Given(source, None)
    dicube_core.convert(source, folder / "x.dcbs")
    return Given(folder / "x.dcbs", source)


def chosen_frames(file: Path) -> list[int]:
    """Return the first frame, one in the middle, and the last."""
    with dicube_core.open(file) as reader:
        return [0, reader.frame_count // 2, reader.frame_count - 1]


def deliver_apart(given: Given, form: str, folder: Path) -> list[Path]:
    """Deliver the chosen frames, each into a folder of its own."""
    paths = []
    for frame in chosen_frames(given.file):
        delivery = to_dicom(given.file, folder / form / str(frame), form, frames=frame)
        assert delivery.transfer_syntax == FORMS[form]
        paths.append(folder / form / str(frame) / delivery.names[0])
    return paths


def truth(given: Given) -> tuple[list[Any], list[Any]]:
    """Return the stored and the modality values of the chosen frames."""
    image = dicube_core.load(given.file)
    frames = chosen_frames(given.file)
    modality = image.get_fdata("float64")
    return [image.raw_image[f] for f in frames], [modality[f] for f in frames]


def read_by(
    name: str, paths: Sequence[Path], folder: Path, executable: str | Path | None = None
) -> list[Any]:
    """Let a consumer read whole slices, in its own process, as in a probe."""
    consumer = known_consumers()[name]
    installation = find_installation(consumer, executable)
    if installation.missing:
        pytest.skip(f"{name} is not installed: {installation.missing}")
    known = {PYTHON: installation.python, PROGRAM: installation.executable}
    command = [known.get(part, part) for part in consumer.command]
    folder.mkdir()
    answer = folder / "answer.json"
    done = subprocess.run(
        [*command, answer, *paths],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(answer.read_text())
    if "missing" in found:
        pytest.skip(f"{name} is not installed: {found['missing']}")
    assert [item.get("error") for item in found["slices"]] == [None] * len(paths)
    return [np.array(item["values"]) for item in found["slices"]]


def run_python(executable: Path, *arguments: str) -> str:
    """Run an interpreter and return what it printed."""
    done = subprocess.run(
        [executable, "-I", *arguments], capture_output=True, text=True, timeout=600, check=True
    )
    return done.stdout.strip()
