"""Run a program of Python's world in this process, with the adapters of its frameworks on."""

from __future__ import annotations

import runpy
import sys
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import MissingDependencyError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.metadata import EntryPoint

__all__ = ["find_program", "run_script"]

_MODULE = "-m"


def run_script(name: str, arguments: Sequence[str]) -> int | str | None:
    """Run a console script, a Python file or a module in this process.

    Each adapter is installed when the program imports the adapter's framework, so frameworks that
    it does not use cost nothing. They stay installed; this is for processes that end afterwards.

    Parameters
    ----------
    name : str
        A console script that is installed in this environment (``nib-ls``), or a Python file
        (``script.py``), or ``-m``.
    arguments : sequence of str
        For the program; after ``-m`` its first is the name of the module.

    Returns
    -------
    int, str or None
        What the program returned, as `sys.exit` takes it. A program that exits by itself raises
        `SystemExit`.

    Raises
    ------
    MissingDependencyError
        There is no such program in this environment.
    """
    program, shown, rest = find_program(name, arguments)
    from dicube_plugins.auto import wait_for_imports

    wait_for_imports()
    kept = sys.argv, list(sys.path)
    sys.argv = [shown, *rest]
    try:
        result: int | str | None = program()
        return result
    finally:
        sys.argv, sys.path[:] = kept[0], kept[1]


def find_program(
    name: str, arguments: Sequence[str]
) -> tuple[Callable[[], Any], str, Sequence[str]]:
    """Return what runs a program, the name it goes by, and its arguments; imports nothing of it.

    Raises
    ------
    MissingDependencyError
        There is no such program in this environment.
    """
    if name == _MODULE and arguments and _is_module(arguments[0]):
        return _module(arguments[0]), arguments[0], arguments[1:]
    if name.endswith(".py") and Path(name).is_file():
        return _file(name), name, arguments
    found = sorted(entry_points(group="console_scripts", name=name), key=lambda e: e.value)
    if not found:
        shown = arguments[0] if name == _MODULE and arguments else name
        raise MissingDependencyError(
            f"{shown} is no console script of this Python environment ({sys.prefix}), no Python "
            "file, and after -m no module",
            suggestion="install the package that brings it beside this one",
        )
    return _console_script(found[0]), name, arguments


def _console_script(entry_point: EntryPoint) -> Callable[[], Any]:
    def run() -> Any:
        return entry_point.load()()

    return run


def _is_module(name: str) -> bool:
    """Tell whether there is a module; one in the current folder counts, as for ``python -m``."""
    sys.path.insert(0, str(Path.cwd()))
    try:
        return find_spec(name) is not None
    except (ImportError, ValueError):
        return False
    finally:
        sys.path.pop(0)


def _module(name: str) -> Callable[[], Any]:
    def run() -> None:
        sys.path.insert(0, str(Path.cwd()))
        runpy.run_module(name, run_name="__main__", alter_sys=True)

    return run


def _file(name: str) -> Callable[[], Any]:
    def run() -> None:
        sys.path.insert(0, str(Path(name).resolve().parent))
        # As Python does it: `__file__` stays right if the program changes its folder.
        runpy.run_path(str(Path(name).absolute()), run_name="__main__")

    return run
