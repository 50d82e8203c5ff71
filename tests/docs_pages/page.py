"""A page: its code blocks, and the script that they are together.

All Python blocks of a page run in order in one process. A shell block runs only where the line
before it is ``<!-- run -->``. A block after ``<!-- not run: reason -->`` is left out. A page that
needs modules which it does not import says so in ``<!-- needs: name, name -->``.
"""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

__all__ = ["DOCS", "HERMETIC", "ROOT", "Block", "Page", "all_pages"]

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
#: Modules that the README's test command installs.
HERMETIC = frozenset(
    {
        *("dicube_core", "dicube_plugins", "numpy", "pydicom", "zstandard", "imagecodecs"),
        *("pluggy", "click", "rich", "PIL", "nibabel", "SimpleITK", "imageio"),
    }
)
#: Packages of ours that import a framework; its name, where that is not theirs.
_BEHIND = {
    "simpleitk": "SimpleITK",
    "remote": "urllib3",
    "gpu": "nvidia",
    **dict.fromkeys(("nibabel", "itk", "imageio", "monai", "torchio", "torch"), ""),
    **dict.fromkeys(("xarray", "zarr", "fsspec", "napari", "dask"), ""),
}
_MARK = re.compile(r"<!-- (.*?) -->")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block.

    Parameters
    ----------
    language : str
        As the fence says.
    code : str
        Its lines.
    line : int
        Number of its first line in the page, from 1.
    mark : str
        The comment in the line before it, empty if there is none.
    """

    language: str
    code: str
    line: int
    mark: str = ""

    @property
    def is_run(self) -> bool:
        """Whether it is part of the page's script."""
        if self.mark.startswith("not run:"):
            return False
        return self.language == "python" or (self.language == "sh" and self.mark == "run")


@dataclass(frozen=True, slots=True)
class Page:
    """A page by the name of its file below ``docs/``, such as ``nibabel.md``."""

    name: str
    text: str

    @classmethod
    def read(cls, name: str) -> Page:
        """Read it."""
        return cls(name, (DOCS / name).read_text(encoding="utf-8"))

    @property
    def blocks(self) -> list[Block]:
        """All fenced blocks, in order."""
        found: list[Block] = []
        lines = self.text.splitlines()
        start = None
        for number, line in enumerate(lines):
            if not line.startswith("```"):
                continue
            if start is None:
                start = number
                continue
            before = _MARK.fullmatch(lines[start - 1].strip()) if start else None
            mark = before.group(1).strip() if before else ""
            code = "\n".join(lines[start + 1 : number])
            found.append(Block(lines[start][3:].strip(), code, start + 2, mark))
            start = None
        return found

    @property
    def script(self) -> str:
        """Its code as one script, in which each line has the number that it has in the page."""
        lines = [""] * len(self.text.splitlines())
        for block in self.blocks:
            if block.is_run and block.language == "python":
                code = block.code.splitlines()
                lines[block.line - 1 : block.line - 1 + len(code)] = code
            elif block.is_run:
                # Not again in processes that import the main module.
                run = f"__import__('subprocess').run(['bash', '-euc', {block.code!r}], check=True)"
                lines[block.line - 1] = f"if __name__ == '__main__': {run}"
        return "\n".join(lines) + "\n"

    @property
    def needs(self) -> frozenset[str]:
        """Top-level modules that it imports, or says that it needs."""
        found: set[str] = set()
        for block in self.blocks:
            if block.is_run and block.language == "python":
                found |= _imported(block.code)
        for text in re.findall(r"<!-- needs: (.*?) -->", self.text):
            found |= {name.strip() for name in text.split(",")}
        return frozenset(found - sys.stdlib_module_names)

    @property
    def missing(self) -> list[str]:
        """Modules that it needs and that are not installed."""
        return sorted(name for name in self.needs if find_spec(name) is None)

    @property
    def is_hermetic(self) -> bool:
        """Whether it runs with what the README's test command installs."""
        return self.needs <= HERMETIC


def _imported(code: str) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module]
        else:
            continue
        for name in names:
            top, _, rest = name.partition(".")
            found.add(top)
            package = rest.partition(".")[0]
            if top == "dicube_plugins" and package in _BEHIND:
                found.add(_BEHIND[package] or package)
    return found


def all_pages() -> list[Page]:
    """Return all pages that have something to run."""
    names = sorted(path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md"))
    pages = [Page.read(name) for name in names if not name.startswith("_build/")]
    return [page for page in pages if any(block.is_run for block in page.blocks)]
