"""Other Python environments: made once, kept in the user's cache, never changed afterwards.

What is tested there is the project's wheel, unpacked by pip into a folder of the test's own and put
on the path: environments stay clean, and several tests may use one at the same time.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

from dicube_plugins.cache import cache_folder

__all__ = ["CORE", "ROOT", "build_wheel", "environment_with", "run", "run_python", "unpack_wheel"]

ROOT = Path(__file__).resolve().parents[1]
_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
#: What the project itself needs, with the codec of real values.
CORE = [*_PROJECT["dependencies"], *_PROJECT["optional-dependencies"]["real"]]
#: Written last: an environment without it was not finished.
_COMPLETE = "complete.txt"


def interpreter_of(folder: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    return folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def environment_with(*requirements: str) -> Path:
    """Return the interpreter of an environment with these requirements; skip where pip fails."""
    key = "\n".join((*sorted(requirements), sys.version))
    folder = cache_folder() / "integration" / hashlib.sha256(key.encode()).hexdigest()[:16]
    if not (folder / _COMPLETE).exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        _make(folder, requirements)
    return interpreter_of(folder)


def _make(folder: Path, requirements: tuple[str, ...]) -> None:
    part = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        venv.create(part, with_pip=True)
        command = [interpreter_of(part), "-m", "pip", "install", "-q", *requirements]
        done = subprocess.run(command, capture_output=True, text=True, timeout=280, check=False)
        if done.returncode:
            pytest.skip(f"{requirements} is not installed and cannot be: {done.stderr[-300:]}")
        (part / _COMPLETE).write_text("\n".join(requirements))
        try:
            part.replace(folder)
        except OSError:
            if not (folder / _COMPLETE).exists():  # else another process was quicker
                raise
    finally:
        shutil.rmtree(part, ignore_errors=True)


def build_wheel(folder: Path) -> Path:
    """Build the project's wheel in a folder; skip where that cannot be done."""
    pytest.importorskip("build")
    run([sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT])
    (wheel,) = folder.glob("*.whl")
    return wheel


def unpack_wheel(wheel: Path, site: Path) -> Path:
    """Return the folder with what pip installs of a wheel."""
    run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", site, wheel])
    return site


def run_python(python: Path, site: Path, *arguments: str | Path, cwd: Path) -> str:
    """Run an interpreter with an unpacked wheel, away from the checkout; return what it printed."""
    kept = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    return run([python, *arguments], cwd=cwd, env={**kept, "PYTHONPATH": str(site)})


def run(command: list[str | Path], **options: object) -> str:
    """Run a command and return what it printed; fail with what it said where it fails."""
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        **options,
    )
    assert done.returncode == 0, f"{command}: {done.stdout[-1500:]}{done.stderr[-3000:]}"
    return done.stdout
