"""Malformed files on every way of reading: a sample of the suite, and a test of the sandbox.

All of it: ``python tests/reliability/malformed_files.py``.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from reliability.malformed.outcomes import unclear_reason
from reliability.malformed.selftest import EXPECTED

_COMMAND = Path(__file__).with_name("malformed_files.py")
_TIMEOUT = 900
RPCL = "stream, HTJ2K Lossless RPCL"


def run(*arguments: str) -> tuple[int, dict]:
    command = [sys.executable, str(_COMMAND), "--json", *arguments]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=_TIMEOUT)
    assert done.returncode in (0, 1), done.stderr[-3000:]
    return done.returncode, json.loads(done.stdout)


@pytest.mark.timeout(_TIMEOUT + 60)
def test_a_sample_of_every_family_on_every_probe():
    """The right data, or an error that names file and cause: nothing else, in any probe."""
    code, told = run("--per-family", "3", "--mutations", "60")
    shown = [f"{bad['place']} {bad['probe']}: {bad['text'][:300]}" for bad in told["offenders"]]
    assert not shown, "\n".join(shown)
    assert code == 0
    assert not told["blind"], "a probe that tells the same of all good files has read nothing"
    n_probes = len(told["by_probe"])
    assert n_probes > 30
    for family, counts in told["by_family"].items():
        assert counts["tried"] >= n_probes, family
    for probe, counts in told["by_probe"].items():
        # A probe that refuses all there is, or takes all, tries nothing. (One of the good files
        # alone has the RPCL form: see below.)
        if probe != RPCL:
            assert counts["clear error"], probe
            assert counts["right"], probe


def test_a_sample_of_the_form_that_one_file_has():
    code, told = run("--base", "progressive", "--probe", RPCL, "--per-family", "3")
    assert code == 0, told["offenders"]
    counts = told["by_probe"][RPCL]
    assert counts["clear error"]
    assert counts["right"]


@pytest.fixture(scope="module")
def selftest():
    suite = "reliability.malformed.selftest:misbehaving"
    code, told = run("--suite", suite, "--cpu-seconds", "2")
    assert code == 1
    return told


def test_the_sandbox_tells_every_misbehaviour_by_its_name(selftest):
    found = {
        o["probe"]: o["outcome"] for o in selftest["offenders"] if o["place"] == "base/lies/bad"
    }
    good = {"right", "clear error"}
    assert found == {name: what for name, what in EXPECTED.items() if what not in good}
    assert {name for name, what in EXPECTED.items() if what in good} <= selftest["by_probe"].keys()


def test_what_may_differ_may_differ_and_what_is_to_be_refused_must_be(selftest):
    places = {(o["place"], o["probe"]): o["outcome"] for o in selftest["offenders"]}
    assert ("base/valid/other pixels", "wrong data") not in places
    assert places["base/forbidden/bad", "reads right"] == "accepted"
    assert ("base/forbidden/bad", "refuses") not in places


def test_who_reads_all_must_refuse_damage_and_who_compares_what_contradicts(selftest):
    places = {(o["place"], o["probe"]): o["outcome"] for o in selftest["offenders"]}
    assert places["base/damage/damaged: bad", "reads all, and passes damage"] == "accepted"
    assert ("base/lies/bad", "reads all, and passes damage") not in places
    assert ("base/damage/damaged: bad", "reads right") not in places
    assert places["base/metadata/recomputed: bad", "proves what it takes"] == "wrong data"
    assert ("base/metadata/plain: bad", "proves what it takes") not in places


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("x.dcbs: frame 2 at byte 100: does not match its checksum", ""),
        ("frame 2 at byte 100: does not match its checksum", "does not name the file"),
        ("/a/x.dcbs: oh", "says no cause"),
        ("/a/x.dcbs: not valid JSON: Expecting value", "says no place"),
        ("/a/x.dcbs: frame 2: list index out of range", "internals"),
        ("/a/x.dcbs: slice_0001.dcm: 'NoneType' object is not iterable", "internals"),
        ("/a/x.dcbs: the header of GDCMImageIO(0x7f626800ffb0): no", "internals"),
        ("/a/x.dcbs: frames of PixelFormat(rows=11, columns=9)", "internals"),
        ("/a/x.dcbs: dicom_status '\x1b[31m' is not known", "control characters"),
        ("/a/x.dcbs: dicom_status '\udcff' is not known", "control characters"),
        ("/a/x.dcbs: dicom_status " + "x" * 5000, "characters long"),
    ],
)
def test_what_a_clear_text_is(text, reason):
    found = unclear_reason(text, Path("/a/x.dcbs"))
    assert reason in found
    assert bool(reason) == bool(found)
