"""Where a consumer is installed, and in which versions."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dicube_plugins._process import describe_status, run_limited

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dicube_plugins.consumers.base import Consumer

__all__ = ["Installation", "executable_for", "find_installation"]

_SECONDS = 60
_LIST_VERSIONS = """
import json
from importlib.metadata import distributions
print(json.dumps([[d.metadata["Name"], d.version] for d in distributions() if d.metadata["Name"]]))
"""


@dataclass(frozen=True, slots=True)
class Installation:
    """One installation of a consumer.

    Parameters
    ----------
    python : str
        Interpreter that runs the probe.
    executable : str
        The consumer's program, or `python` again for a library. Empty where there is none.
    versions : mapping of str to str
        Distributions of the consumer that are there, the most telling first; for programs also
        what they say of themselves.
    missing : str
        Why there is none; else empty.
    """

    python: str
    executable: str
    versions: Mapping[str, str]
    missing: str = ""

    def fingerprint(self) -> list[object]:
        """Return what changes whenever the installation does."""
        return [stamp(self.python), stamp(self.executable), sorted(self.versions.items())]


def executable_for(consumer: Consumer, python: str | os.PathLike[str]) -> str | None:
    """Return what to ask of a consumer in the environment of an interpreter.

    That is the interpreter itself for a library, and for a program the one beside it; None where
    none is there.
    """
    if not consumer.program:
        return os.fspath(python)
    found = shutil.which(os.fspath(python)) or os.fspath(python)
    return shutil.which(consumer.program, path=str(Path(found).parent))


def find_installation(
    consumer: Consumer, executable: str | os.PathLike[str] | None = None
) -> Installation:
    """Find a consumer.

    Parameters
    ----------
    consumer : Consumer
        Who.
    executable : path-like, optional
        For a library, the interpreter it is installed for; by default the running one. For a
        program, its path; by default it is looked for in the search path, then beside the
        running interpreter.
    """
    if executable is not None:
        wanted = os.fspath(executable)
        path = shutil.which(wanted)
        if path is None:
            return Installation(sys.executable, wanted, {}, f"{wanted} is not an executable file")
        path = os.path.abspath(path)  # noqa: PTH100 - links stay: they say which environment it is
    elif consumer.program:
        name = consumer.program
        path = shutil.which(name) or shutil.which(name, path=sysconfig.get_path("scripts"))
        if path is None:
            missing = f"no program {name} in the search path"
            return Installation(sys.executable, "", {}, missing)
    else:
        path = sys.executable
    if consumer.program:
        # Programs from PyPI are scripts beside the interpreter that they belong to.
        return Installation(sys.executable, path, _said_version(path, consumer))
    listing, failure = _output([path, "-I", "-c", _LIST_VERSIONS])
    if failure:
        return Installation(path, path, {}, f"{path} does not list its packages: {failure}")
    return Installation(path, path, _versions(listing, consumer))


def _versions(listing: str, consumer: Consumer) -> dict[str, str]:
    """Return the versions of a consumer's distributions."""
    # Reversed, as the first that is found is the one that is imported.
    installed = {_folded(name): version for name, version in reversed(json.loads(listing))}
    named = {name: installed.get(_folded(name)) for name in consumer.distributions}
    return {name: version for name, version in named.items() if version is not None}


def _folded(name: str) -> str:
    return name.lower().replace("-", "_").replace(".", "_")


def _said_version(program: str, consumer: Consumer) -> dict[str, str]:
    """Return the first line with a digit that a program says when asked for its version."""
    if not consumer.version_args:
        return {}
    text, _ = _output([program, *consumer.version_args])
    line = next((line for line in text.splitlines() if any(map(str.isdigit, line))), "")
    return {consumer.program: line.strip()[:200]} if line else {}


def _output(command: Sequence[str]) -> tuple[str, str]:
    """Return what a command printed, and why it failed, if it did."""
    with tempfile.TemporaryFile() as file:
        try:
            status = run_limited(
                command,
                _SECONDS,
                folder=None,
                stdout=file.fileno(),
                stderr=subprocess.STDOUT,
            )
        except OSError as exc:
            return "", str(exc)
        file.seek(0)
        text = file.read(1 << 20).decode("utf-8", "replace")
    if status is None:
        return text, f"no answer within {_SECONDS} s"
    return text, "" if status == 0 else f"{describe_status(status)}: {text.strip()[-300:]}"


def stamp(path: str) -> list[object]:
    """Return path, modification time and size of a file; links are followed for the latter two."""
    try:
        found = Path(path).stat()
    except OSError:
        return [path]
    return [path, found.st_mtime_ns, found.st_size]
