"""Commands whose output nobody reads: the exit code still says how it went."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from contextlib import ExitStack
from pathlib import Path

import pytest

MAIN = "from dicube_core.cli import main; main()"


def run(*arguments, gone=(), stdout=subprocess.DEVNULL):
    """Run ``dcbs`` with pipes (1: stdout, 2: stderr) that nobody reads; return the exit code."""
    with ExitStack() as stack:
        pipes = {}
        for number in gone:
            read, pipes[number] = os.pipe()
            os.close(read)
            stack.callback(os.close, pipes[number])
        return subprocess.run(
            [sys.executable, "-c", MAIN, *map(str, arguments)],
            stdout=pipes.get(1, stdout),
            stderr=pipes.get(2, subprocess.DEVNULL),
            timeout=120,
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


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["info", "--help"]])
def test_nor_is_one_of_the_help(arguments):
    assert run(*arguments) == 0
    assert run(*arguments, gone=[1]) == 5


def test_without_messages_the_exit_code_is_the_same(converted, damaged, series, tmp_path):
    assert run("verify", converted, gone=[2]) == 0
    assert run("verify", damaged, gone=[2]) == 1
    assert run("info", tmp_path / "none.dcbs", gone=[2]) == 5
    assert run("info", series / "nothing", "--no-such-option", gone=[2]) == 2
    out = tmp_path / "a.dcbs"
    assert run("convert", series, out, gone=[2]) == 0
    assert out.read_bytes() == converted.read_bytes()


def test_warnings_that_nobody_reads_change_nothing(converted, series, tmp_path):
    source = tmp_path / "disk"
    shutil.copytree(series, source)
    for name in ("notes.txt", "more.csv"):  # left out, each with a line
        (source / name).write_text(name)
    assert run("convert", source, tmp_path / "a.dcbs", gone=[2]) == 0
    assert run("convert", source, tmp_path / "results", gone=[2]) == 0
    unknown = ["--delete", "**.OperatorsName", "--delete", "**.StationName"]
    assert run("edit", converted, tmp_path / "b.dcbs", *unknown, gone=[2]) == 0
    archive = tmp_path / "a.zip"
    with archive.open("wb") as stream:
        options = ["--archive", "zip", "--transfer-syntax", "explicit"]
        assert run("deliver", converted, "-", *options, gone=[2], stdout=stream) == 0
    assert zipfile.ZipFile(archive).testzip() is None


FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize(
    "arguments",
    [
        ["info", "FILE"],
        ["info", "FILE", "--json"],
        ["verify", "FILE"],
        ["references", "FILE", "-"],
        ["deliver", "FILE", "-", "--archive", "tar", "--transfer-syntax", "explicit"],
    ],
)
def test_an_output_that_is_full_is_named(converted, arguments):
    arguments = [str(converted) if one == "FILE" else one for one in arguments]
    command = [sys.executable, "-c", MAIN, *arguments]
    with FULL.open("wb") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 5
    assert done.stderr == "dcbs: error: standard output: No space left on device\n"


#: Runs the command where no file may grow beyond 20,000 bytes.
SMALL = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
from dicube_core.cli import main; main()
"""


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
def test_a_disk_that_is_full_for_the_demo_is_named_in_one_line(tmp_path):
    command = [sys.executable, "-c", SMALL, "demo", "--slices", "1", "--out", tmp_path / "out"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 5
    path = tmp_path / "out/run-001/source/IM00001.dcm"
    assert done.stderr == f"dcbs: error: {path}: File too large\n"


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
    assert subprocess.run(arguments, timeout=120, check=False).returncode == 0
    assert out.read_bytes() == converted.read_bytes()


#: Prints what the standard streams of a child are, which inherits them.
CHILD = """
import os, subprocess, sys
from dicube_core.cli import _fill_standard_streams
_fill_standard_streams()
look = "import os; [os.fstat(n) for n in (0, 1, 2)]"
sys.exit(subprocess.run([sys.executable, "-c", look], check=False).returncode)
"""


@pytest.mark.skipif(os.name != "posix", reason="descriptors of POSIX")
def test_nor_do_processes_that_are_started_have_closed_streams():
    arguments = [sys.executable, "-c", CLOSED, CHILD]
    assert subprocess.run(arguments, timeout=60, check=False).returncode == 0


@pytest.mark.skipif(os.name != "posix", reason="descriptors of POSIX")
@pytest.mark.parametrize(
    ("command", "options"),
    [("references", []), ("deliver", ["--archive", "zip", "--transfer-syntax", "explicit"])],
)
def test_what_would_be_written_to_a_closed_stream_is_an_error(converted, command, options):
    arguments = [sys.executable, "-c", CLOSED, MAIN, command, converted, "-", *options]
    assert subprocess.run(arguments, timeout=60, check=False).returncode == 5
