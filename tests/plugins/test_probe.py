"""What a probe says of consumers that behave, misbehave, or are not there."""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from fake_consumers import BODIES, fake_consumer, fake_program

from dicube_core.dataset import uids
from dicube_plugins.capability import PROBED, Capability, Outcome
from dicube_plugins.consumers.base import PROGRAM, Consumer
from dicube_plugins.installation import executable_for, find_installation
from dicube_plugins.probe import probe

RAW, HTJ2K, RPCL = PROBED


def ask(consumer, executable=None, timeout=60.0):
    return probe(consumer, find_installation(consumer, executable), timeout)


def outcomes(capability):
    return [r.outcome for r in capability.results]


def test_the_control_is_uncompressed_and_comes_first():
    assert (uids.EXPLICIT_LE, uids.HTJ2K_LOSSLESS, uids.HTJ2K_LOSSLESS_RPCL) == PROBED


@pytest.mark.parametrize("kind", ["right", "floats"])
def test_right_values_are_equal(tmp_path, kind):
    found = ask(fake_consumer(tmp_path, kind))
    assert outcomes(found) == [Outcome.EQUAL] * 3
    assert all(found.reads(syntax) for syntax in PROBED)
    assert "1280 values of 5 slices" in found.result(HTJ2K).message
    assert found.executable == sys.executable
    assert found.conclusive
    assert not found.reads(uids.DEFLATED)


EXPECTED = {
    "zeros": (Outcome.WRONG, "all are zero"),
    "one_off": (Outcome.WRONG, "1 of 256 values differ"),
    "too_few": (Outcome.WRONG, "255 values instead of 256"),
    "texts": (Outcome.WRONG, "256 of 256 values differ"),
    "transposed": (Outcome.WRONG, "values differ"),
    "raw_only": (Outcome.ERROR, "no codec"),
    "one_fails": (Outcome.ERROR, "1 of 5 slices; signed 12-bit: odd one"),
    "crash": (Outcome.ERROR, "SIGSEGV): about to crash"),
    "crash_after_answer": (Outcome.ERROR, "SIGSEGV"),
    "garbage": (Outcome.ERROR, "no valid answer (exit status 0)"),
    "list_answer": (Outcome.ERROR, "no valid answer"),
    "odd_entries": (Outcome.ERROR, "unsigned 16-bit: 7"),
    "endless": (Outcome.ERROR, "too long"),
    "silent": (Outcome.ERROR, "no valid answer"),
}


@pytest.mark.parametrize("kind", EXPECTED)
def test_what_is_not_equal_is_never_said_to_be_read(tmp_path, kind):
    found = ask(fake_consumer(tmp_path, kind))
    outcome, message = EXPECTED[kind]
    assert outcomes(found) == [Outcome.EQUAL, outcome, outcome]
    assert message in found.result(HTJ2K).message
    assert found.reads(RAW)
    assert not found.reads(HTJ2K)
    assert not found.reads(RPCL)


def test_every_kind_of_fake_is_tested():
    others = {"right", "floats", "blind", "hang", "missing"}
    assert set(BODIES) == set(EXPECTED) | others


def test_a_consumer_that_hangs_is_killed_with_its_children(tmp_path):
    found = ask(fake_consumer(tmp_path, "hang"), timeout=12)
    assert outcomes(found) == [Outcome.EQUAL, Outcome.ERROR, Outcome.EQUAL]
    assert found.result(HTJ2K).message == "no answer within 12 s"
    assert not found.conclusive
    if Path("/proc/self").exists():
        state = Path("/proc", (tmp_path / "child").read_text(), "stat")
        deadline = time.monotonic() + 60
        with suppress(OSError):  # it has ended
            while state.read_text().split()[2] != "Z":
                assert time.monotonic() < deadline
                time.sleep(0.05)


def test_without_the_control_nothing_is_shown(tmp_path):
    found = ask(fake_consumer(tmp_path, "blind"))
    assert outcomes(found) == [Outcome.WRONG, Outcome.CONTROL_FAILED, Outcome.CONTROL_FAILED]
    assert "uncompressed slices: wrong" in found.result(HTJ2K).message
    assert len((tmp_path / "calls").read_text().splitlines()) == 1


def test_a_library_that_is_not_installed_is_missing(tmp_path):
    found = ask(fake_consumer(tmp_path, "missing"))
    assert outcomes(found) == [Outcome.MISSING] * 3
    assert found.result(HTJ2K).message == "No module named fake"
    assert not found.conclusive


def test_a_program_that_is_not_there_is_missing():
    consumer = Consumer("nothing", "", (PROGRAM,), program="no-such-program-anywhere")
    found = ask(consumer)
    assert outcomes(found) == [Outcome.MISSING] * 3
    assert "no-such-program-anywhere" in found.results[0].message
    assert found.executable == ""


def test_an_interpreter_that_is_not_there_is_missing(tmp_path):
    consumer = fake_consumer(tmp_path, "right")
    found = ask(consumer, tmp_path / "no" / "python")
    assert outcomes(found) == [Outcome.MISSING] * 3
    assert "is not an executable file" in found.results[0].message


def test_an_interpreter_that_is_none_is_missing(tmp_path):
    liar = tmp_path / "python"
    liar.write_text("#!/bin/sh\necho hello\nexit 1\n")
    liar.chmod(0o755)
    found = ask(fake_consumer(tmp_path / "c", "right"), liar)
    assert outcomes(found) == [Outcome.MISSING] * 3
    assert "does not list its packages" in found.results[0].message


def test_a_program_that_is_not_executable_code_is_an_error(tmp_path):
    program = tmp_path / "tool"
    program.write_bytes(b"\x7fELF but not really")
    program.chmod(0o755)
    found = ask(Consumer("tool", "", (PROGRAM,), program="tool"), program)
    assert outcomes(found) == [Outcome.ERROR, Outcome.CONTROL_FAILED, Outcome.CONTROL_FAILED]
    assert "cannot be started" in found.results[0].message
    assert not found.conclusive


def test_a_program_is_found_in_the_search_path_and_says_its_version(tmp_path, monkeypatch):
    consumer = fake_program(tmp_path, "raw_only", version="7.25")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    found = ask(consumer)
    assert found.executable == str(tmp_path / "fake-tool")
    assert found.versions == {"fake-tool": "fake-tool v7.25"}
    assert found.title == "fake-tool 7.25"
    assert outcomes(found) == [Outcome.EQUAL, Outcome.ERROR, Outcome.ERROR]


def test_a_given_program_is_asked_instead_of_the_one_in_the_path(tmp_path, monkeypatch):
    fake_program(tmp_path / "first", "raw_only")
    consumer = fake_program(tmp_path / "second", "right")
    monkeypatch.setenv("PATH", str(tmp_path / "first"), prepend=os.pathsep)
    assert outcomes(ask(consumer))[1] is Outcome.ERROR
    assert outcomes(ask(consumer, tmp_path / "second" / "fake-tool"))[1] is Outcome.EQUAL


def test_a_program_is_looked_for_beside_the_interpreter(tmp_path):
    consumer = fake_program(tmp_path, "right")
    python = tmp_path / "python"
    assert executable_for(consumer, python) == str(tmp_path / "fake-tool")
    assert executable_for(consumer, tmp_path / "elsewhere" / "python") is None
    assert executable_for(fake_consumer(tmp_path, "right"), python) == str(python)


def test_versions_are_those_of_the_interpreter_that_is_asked(tmp_path):
    from importlib.metadata import version

    consumer = fake_consumer(tmp_path, "right", distributions=("NumPy", "no_such_package"))
    found = ask(consumer)
    assert found.versions == {"NumPy": version("numpy"), "fake": "1.2"}


def test_each_transfer_syntax_runs_in_a_process_and_a_folder_of_its_own(tmp_path):
    ask(fake_consumer(tmp_path, "right"))
    calls = [line.split() for line in (tmp_path / "calls").read_text().splitlines()]
    processes, folders = zip(*calls, strict=True)
    assert len(set(processes)) == len(set(folders)) == 3
    assert str(os.getpid()) not in processes
    assert not any(Path(folder).exists() for folder in folders)


def test_results_survive_as_json(tmp_path):
    import json

    found = ask(fake_consumer(tmp_path, "zeros"))
    assert Capability.from_dict(json.loads(json.dumps(found.to_dict()))) == found
