"""docs/commands.md names all commands and exit codes; commands on all pages are ones that exist."""

from __future__ import annotations

import itertools
import re
import shlex

import click
import pytest

from dicube_core.cli.app import dcbs
from dicube_core.cli.exits import EXIT_HELP
from docs_pages.page import DOCS, Page

TEXT = Page.read("commands.md").text


def test_all_commands_are_there():
    named = re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)
    assert sorted(named) == sorted(dcbs.list_commands(click.Context(dcbs)))


def test_exit_codes_are_those_of_the_help():
    lines = re.sub(r"\n {7}(?=\S)", " ", EXIT_HELP)  # some go on in the next one
    told = re.findall(r"^  (\d+) +(.*)$", lines, re.MULTILINE)
    assert told
    assert re.findall(r"^\| (\d+) \| (.*) \|$", TEXT, re.MULTILINE) == told


def words_of(line: str) -> list[str]:
    """Return the arguments of a command, without comments, pipes, and what may be left out."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|><&;")
    lexer.whitespace_split = True
    words = list(itertools.takewhile(lambda word: word not in {"|", ">", "&&", ";"}, lexer))
    return [word for word in words if not word.startswith("[")]


@pytest.mark.parametrize("name", sorted(path.name for path in DOCS.glob("*.md")))
def test_commands_on_a_page_are_ones_that_dcbs_takes(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "salt.bin").write_bytes(bytes(32))
    for block in Page.read(name).blocks:
        calls = re.findall(r"^dcbs (.*)$", block.code, re.MULTILINE)
        for call in calls if block.language == "sh" else ():
            command, *arguments = words_of(call)
            found = dcbs.get_command(click.Context(dcbs), command)
            assert found is not None, call
            if command != "exec":  # which hands everything on
                found.make_context(command, arguments).close()
