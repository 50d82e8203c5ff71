"""``dcbs edit`` as a user meets it."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

import dicube_core
from dicube_core.cli.app import dcbs


def run(*arguments):
    return CliRunner().invoke(dcbs, [str(a) for a in arguments])


def test_a_path_that_names_nothing(converted, tmp_path):
    result = run("edit", converted, tmp_path / "out.dcbs", "--delete", "**.NoteNumber")
    assert result.exit_code == 3
    assert "names no element" in result.stderr
    assert not list(tmp_path.iterdir())


@pytest.fixture
def arguments(converted, tmp_path):
    return ["edit", converted, tmp_path / "out.dcbs", "--set", "PatientName=Roe^R"]


def test_report_and_table(arguments, converted, tmp_path):
    report = tmp_path / "audit.json"
    result = run(*arguments, "--delete", "**.Allergies", "--report", report, "--show-values")
    assert result.exit_code == 0, result.output
    assert "PatientName (0010,0010)" in result.stdout
    assert "12 frames copied as they were" in result.stdout
    (change,) = json.loads(report.read_text())["changes"]
    assert change["action"] == "replaced"
    assert change["slices"] == 12
    assert change["new"] == ["Roe^R"]
    with dicube_core.open(tmp_path / "out.dcbs") as new, dicube_core.open(converted) as old:
        assert [new.codestream(i) for i in range(12)] == [old.codestream(i) for i in range(12)]
    assert "no slice has **.Allergies" in result.stderr
    assert run(*arguments).exit_code == 5
    assert "give --force" in run(*arguments).stderr
    assert run(*arguments, "--force").exit_code == 0


def test_in_place(converted, tmp_path):
    path = tmp_path / "a.dcbs"
    path.write_bytes(converted.read_bytes())
    assert run("edit", path, "--in-place", "--set", "PatientID=P1").exit_code == 0
    assert dicube_core.load_meta(path).get_shared_value("PatientID") == "P1"


def test_deidentify(converted, tmp_path):
    pytest.importorskip("dicomanonymizer")
    salt, out = tmp_path / "salt", tmp_path / "out.dcbs"
    salt.write_bytes(b"0123456789abcdef")
    result = run(
        *("edit", converted, out, "--deidentify", "basic", "--uid-salt", salt),
        *("--option", "retain-device", "--option", "retain-full-dates"),
    )
    assert result.exit_code == 0, result.output
    assert "removed values looked for in" in result.stdout
    assert dicube_core.load_meta(out).get_shared_value("PatientIdentityRemoved") == "YES"


@pytest.mark.parametrize(
    "wrong",
    [
        ["--in-place"],
        ["--set", "PatientName"],
        ["--option", "retain-uids"],
        ["--deidentify", "total"],
        ["--deidentify", "basic", "--option", "retain-everything"],
    ],
)
def test_wrong_usage(converted, tmp_path, wrong):
    result = run("edit", converted, tmp_path / "out.dcbs", *wrong)
    assert result.exit_code == 2
    assert not (tmp_path / "out.dcbs").exists()


def test_options_are_those_of_the_profile():
    from dicube_core.cli.edit import _OPTIONS
    from dicube_core.editing.profile import Option

    assert set(_OPTIONS) == {option.value for option in Option}


def test_an_empty_file_is_no_salt(converted, tmp_path):
    salt = tmp_path / "salt.bin"
    salt.touch()
    out = tmp_path / "out.dcbs"
    done = run("edit", converted, out, "--deidentify", "basic", "--uid-salt", salt)
    assert done.exit_code == 2
    assert f"{salt} is empty" in done.stderr
    assert not out.exists()
