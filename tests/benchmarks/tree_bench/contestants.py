"""Three ways from a tree of DICOM files to compressed volumes."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dicube_core

if TYPE_CHECKING:
    from collections.abc import Callable

    from tree_bench.trees import Tree

__all__ = ["Contestants", "find_dcm2niix"]

_MAIN = "from dicube_core.cli import main; main()"


def find_dcm2niix() -> str | None:
    """Return the program, also where the environment is not on the path.

    None where there is no nibabel to read what it writes.
    """
    if find_spec("nibabel") is None:
        return None
    beside = Path(sys.executable).parent / "dcm2niix"
    return str(beside) if beside.exists() else shutil.which("dcm2niix")


class Contestants:
    """What is timed, by name; each run writes to a folder that was not there before.

    Parameters
    ----------
    tree : Tree
        What is converted.
    work : Path
        Where results go.
    dicube : module or None
        dicube 0.3.0.
    jobs : int
        Processes where there are several.
    """

    def __init__(self, tree: Tree, work: Path, dicube: Any | None, jobs: int) -> None:
        self.tree, self._work, self._dicube, self._jobs = tree, work, dicube, jobs
        self._program = find_dcm2niix()

    def out(self, name: str) -> Path:
        """Return where a contestant's results are."""
        return self._work / f"out_{name}"

    def clear(self, name: str) -> None:
        """Make the folder of a contestant's results new."""
        shutil.rmtree(self.out(name), ignore_errors=True)
        self.out(name).mkdir()

    def all(self) -> dict[str, Callable[[], object]]:
        """Return what is installed: name to a run."""
        found: dict[str, Callable[[], object]] = {
            "one": partial(self._ours, "one", 1, 1, verify=True),
            "threads": partial(self._ours, "threads", 1, self._jobs, verify=True),
            "many": partial(self._ours, "many", self._jobs, self._jobs, verify=True),
            "many_unverified": partial(
                self._ours, "many_unverified", self._jobs, self._jobs, verify=False
            ),
            "command": partial(self._command, "command", "--verify"),
            "command_unverified": partial(self._command, "command_unverified", "--no-verify"),
            "again": self._again,
        }
        if self._dicube is not None:
            found["dicube"] = self._theirs
        if self._program is not None:
            found["dcm2niix"] = self._dcm2niix
        return found

    def _ours(self, name: str, jobs: int, threads: int, *, verify: bool) -> object:
        before = dicube_core.get_num_threads()
        dicube_core.set_num_threads(threads)
        try:
            return dicube_core.convert_tree(
                self.tree.root, self.out(name), jobs=jobs, verify=verify
            )
        finally:
            dicube_core.set_num_threads(before)

    def _command(self, name: str, *options: str) -> None:
        arguments = ["convert", self.tree.root, self.out(name), "--jobs", self._jobs, *options]
        _run([sys.executable, "-c", _MAIN, *map(str, arguments)])

    def _again(self) -> object:
        """Find out that everything is there; `many` has made it."""
        return dicube_core.convert_tree(self.tree.root, self.out("many"), jobs=self._jobs)

    def _theirs(self) -> None:
        for folder in self.tree.folders:
            image = self._dicube.load_from_dicom_folder(str(folder))
            self._dicube.save(image, str(self.out("dicube") / f"{folder.name}.dcbs"))

    def _dcm2niix(self) -> None:
        out = str(self.out("dcm2niix"))
        command = [self._program, "-z", "y", "-b", "n", "-f", "%f_%j", "-o", out]
        _run([*command, str(self.tree.root)])


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command[0]}: {done.stdout[-500:]}{done.stderr[-500:]}")
