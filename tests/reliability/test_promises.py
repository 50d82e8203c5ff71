"""Every promise of ``docs/reliability.md`` points to tests that are there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
#: A test file, and one of its tests.
TEST = re.compile(r"`((?:tests|integration)/[\w/]+\.py)(?:::(\w+))?`")
COMMAND = re.compile(r"python ((?:tests|integration)/[\w/]+\.py)")


def promises():
    """Return the rows of the tables of promises: number, cells."""
    rows = (line for line in TEXT.splitlines() if re.match(r"\| [A-Z]\d+ \|", line))
    cells = ([cell.strip() for cell in row.split("|")[1:-1]] for row in rows)
    return {row[0]: row for row in cells}


def functions(path):
    """Return the names of the test functions of a file, those in classes as well."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_there_are_promises():
    assert len(promises()) >= 20


@pytest.mark.parametrize("number", promises())
def test_a_promise_names_its_tests(number):
    found = TEST.findall(promises()[number][-1])
    assert found, promises()[number]
    for path, name in found:
        assert name, f"{path}: say which test"
        assert name in functions(path), (path, name)


def test_everything_that_the_document_names_is_there():
    for path, name in TEST.findall(TEXT):
        assert (ROOT / path).is_file(), path
        assert not name or name in functions(path), (path, name)
    for path in COMMAND.findall(TEXT):
        assert (ROOT / path).is_file(), path
