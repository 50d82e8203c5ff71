"""Commands whose output nobody reads: the exit code still says how it went."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import ExitStack

import pytest

MAIN = "from dicube_core.cli import main; main()"


def run(*arguments, gone=()):
    """Run ``dcbs`` with pipes (1: stdout, 2: stderr) that nobody reads; return the exit code."""
    with ExitStack() as stack:
        pipes = {}
        for number in gone:
            read, pipes[number] = os.pipe()
            os.close(read)
            stack.callback(os.close, pipes[number])
        return subprocess.run(
            [sys.executable, "-c", MAIN, *map(str, arguments)],
            stdout=pipes.get(1, subprocess.DEVNULL),
            stderr=pipes.get(2, subprocess.DEVNULL),
            timeout=60,
            check=False,
        ).returncode


@pytest.fixture(scope="module")
def damaged(converted, tmp_path_factory):
    path = tmp_path_factory.mktemp("unread") / "cut.dcbs"
    path.write_bytes(converted.read_bytes()[:-100])
    return path


@pytest.mark.parametrize("command", ["info", "verify"])
def test_a_reader_that_has_gone_is_no_damage(converted, command):
    assert run(command, converted) == 0
    assert run(command, converted, gone=[1]) == 5


def test_without_messages_the_exit_code_is_the_same(converted, damaged, series, tmp_path):
    assert run("verify", converted, gone=[2]) == 0
    assert run("verify", damaged, gone=[2]) == 1
    assert run("info", tmp_path / "none.dcbs", gone=[2]) == 5
    assert run("info", series / "nothing", "--no-such-option", gone=[2]) == 2
    out = tmp_path / "a.dcbs"
    assert run("convert", series, out, gone=[2]) == 0
    assert out.read_bytes() == converted.read_bytes()


#: Starts the command with standard streams that are closed, as ``2>&-`` does.
CLOSED = """
import os, sys
for number in (0, 1, 2):
    os.close(number)
os.execv(sys.executable, [sys.executable, "-c", sys.argv[1], *sys.argv[2:]])
"""
#: ... and writes to the standard error as a library in C does, once the output is open.
CHATTY = """
import os
from dicube_core.container.writer import ContainerWriter
append = ContainerWriter.append
def chatty(self, *frame):
    append(self, *frame)
    for number in (1, 2):
        os.write(number, b"warning: something in C" * 5)
ContainerWriter.append = chatty
from dicube_core.cli import main; main()
"""


@pytest.mark.skipif(os.name != "posix", reason="descriptors of POSIX")
def test_what_a_library_prints_never_ends_up_in_the_file(converted, series, tmp_path):
    out = tmp_path / "a.dcbs"
    arguments = [sys.executable, "-c", CLOSED, CHATTY, "convert", series, out]
    assert subprocess.run(arguments, timeout=60, check=False).returncode == 0
    assert out.read_bytes() == converted.read_bytes()
