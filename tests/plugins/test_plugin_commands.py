"""``dcbs doctor``, ``dcbs deliver`` and ``dcbs export --for``, as a user runs them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pydicom
import pytest
from fake_consumers import fake_consumer

import dicube_core
from dicube_core.dataset import uids

#: Names of the entry points that the package declares.
OURS = tuple(e.name for e in entry_points(group="dicube") if e.dist.name == "dicube-plugins")
OUR_ADAPTERS = {
    e.name
    for e in entry_points(group="dicube")
    if e.dist.name == "dicube-plugins" and e.value.startswith("dicube_plugins.adapters.")
}

PLUGIN = """
from dicube_plugins import Consumer, hookimpl
@hookimpl
def dicube_consumers():
    return [Consumer(*values) for values in {consumers!r}]
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run ``dcbs`` where a plugin gives a consumer that is right, and one that is not."""
    site = tmp_path_factory.mktemp("site")
    values = []
    for kind in ("right", "zeros"):
        fake = fake_consumer(site / kind, kind, f"fake-{kind}")
        values.append((fake.name, fake.description, fake.command))
    (site / "dicube_fakes.py").write_text(PLUGIN.format(consumers=values))
    info = site / "fakes-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: fakes\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[dicube]\nfakes = dicube_fakes\nbad = no_such_module\n")
    cache = tmp_path_factory.mktemp("cache")

    def dcbs(*arguments, text=True):
        return subprocess.run(
            [
                sys.executable,
                "-c",
                "from dicube_core.cli import main; main()",
                *map(str, arguments),
            ],
            capture_output=True,
            text=text,
            check=False,
            timeout=120,
            env={
                **os.environ,
                "PYTHONPATH": str(site),
                "XDG_CACHE_HOME": str(cache),
                "PYTHONWARNINGS": "error",
            },
        )

    return dcbs


def syntaxes(folder):
    files = (path for path in Path(folder).rglob("*") if path.is_file())
    return {pydicom.dcmread(path).file_meta.TransferSyntaxUID for path in files}


def test_the_entry_points_are_installed():
    assert {e.name for e in entry_points(group="dicube.commands")} >= {"deliver", "doctor"}
    assert {e.name for e in entry_points(group="dicube.command_options")} >= {"export"}


def test_help_lists_the_commands(run):
    done = run("--help")
    assert "deliver" in done.stdout
    assert "doctor" in done.stdout
    assert "--for" in run("export", "--help").stdout
    assert "--nifti" in run("export", "--help").stdout


def test_doctor_prints_matrix_and_evidence(run):
    done = run("doctor", "--consumer", "fake-right", "--consumer", "fake-zeros")
    assert done.returncode == 0
    assert done.stderr == ""
    rows = [line.split() for line in done.stdout.splitlines() if line.startswith("│ fake")]
    assert [[cell for cell in row if cell != "│"] for row in rows] == [
        ["fake-right", "1.2", "equal", "equal", "equal"],
        ["fake-zeros", "equal", "wrong", "wrong"],
    ]
    assert "all 1280 values of 5 slices are equal" in done.stdout
    assert "all are zero" in done.stdout
    assert sys.executable in done.stdout
    assert "plugin bad (fakes 1.0): failed: ModuleNotFoundError" in done.stdout
    assert "\x1b" not in done.stdout


def test_doctor_prints_json_and_remembers(run):
    first = json.loads(run("doctor", "--json", "--consumer", "fake-right").stdout)
    again = json.loads(run("doctor", "--json", "--consumer", "fake-right").stdout)
    fresh = json.loads(run("doctor", "--json", "--refresh", "--consumer", "fake-right").stdout)
    (consumer,) = again["consumers"]
    assert consumer["consumer"] == "fake-right"
    assert [r["outcome"] for r in consumer["results"]] == ["equal"] * 3
    assert [r["transfer_syntax"] for r in consumer["results"]][1] == uids.HTJ2K_LOSSLESS
    assert consumer["from_cache"]
    assert not fresh["consumers"][0]["from_cache"]
    assert first["consumers"][0]["probed_at"] == consumer["probed_at"]
    states = {p["name"]: p["state"] for p in again["plugins"]}
    assert states == dict.fromkeys([*OURS, "fakes"], "loaded") | {"bad": "failed"}


def test_plugins_prints_adapters_and_plugins(run):
    done = run("plugins")
    assert done.returncode == 0
    assert done.stderr == ""
    for name in (*OURS, "fakes"):
        assert name in done.stdout
    assert "ModuleNotFoundError" in done.stdout
    assert "\x1b" not in done.stdout
    answer = json.loads(run("plugins", "--json").stdout)
    assert {one["name"]: one["state"] for one in answer["plugins"]}["bad"] == "failed"
    adapters = {one["name"]: one for one in answer["adapters"]}
    assert set(adapters) == OUR_ADAPTERS
    for adapter in adapters.values():
        there = find_spec(adapter["framework"]) is not None
        assert adapter["state"] == ("available" if there else "missing")
        assert adapter["changes"] == []


def test_plugins_can_be_blocked_by_the_environment(run, monkeypatch):
    monkeypatch.setenv("DICUBE_BLOCK_PLUGINS", "itk")
    answer = json.loads(run("plugins", "--json").stdout)
    assert {one["name"]: one["state"] for one in answer["plugins"]}["itk"] == "blocked"
    assert "itk" not in {one["name"] for one in answer["adapters"]}


@pytest.mark.parametrize(
    ("asked", "syntax"),
    [
        (("--for", "fake-right"), uids.HTJ2K_LOSSLESS),
        (("--for", "fake-zeros"), uids.EXPLICIT_LE),
        (("--transfer-syntax", "htj2k"), uids.HTJ2K_LOSSLESS),
        ((), uids.EXPLICIT_LE),
    ],
)
def test_deliver_writes_one_multiframe_file(run, series_file, sources, tmp_path, asked, syntax):
    target = tmp_path / "all.dcm"
    done = run("deliver", series_file, target, "--multiframe", *asked, "--json")
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert (answer["transfer_syntax"], answer["frames"]) == (syntax, [0, 1, 2, 3, 4])
    assert answer["n_bytes"] == target.stat().st_size
    dataset = pydicom.dcmread(target)
    assert dataset.file_meta.TransferSyntaxUID == syntax
    assert np.array_equal(dataset.pixel_array, dicube_core.load(series_file).raw_image)
    piped = run("deliver", series_file, "-", "--multiframe", *asked, text=False)
    assert piped.stdout == target.read_bytes()


def test_doctor_asks_all_consumers_and_says_which_are_missing(run, tmp_path):
    done = run("doctor", "--json", "--python", sys.executable)
    consumers = {c["consumer"]: c for c in json.loads(done.stdout)["consumers"]}
    assert {"pydicom", "pydicom:gdcm", "gdcm", "SimpleITK", "itk", "dcm2niix"} < set(consumers)
    outcomes = {r["outcome"] for c in consumers.values() for r in c["results"]}
    assert outcomes <= {"equal", "wrong", "error", "missing", "control-failed"}
    pydicom_results = [r["outcome"] for r in consumers["pydicom"]["results"]]
    assert pydicom_results == ["equal"] * 3  # pylibjpeg-openjpeg is a dependency


def test_doctor_refuses_a_name_nobody_has(run):
    done = run("doctor", "--consumer", "nobody")
    assert done.returncode == 2
    assert "nobody" in done.stderr
    assert "SimpleITK" in done.stderr


@pytest.mark.parametrize(
    ("consumer", "syntax"),
    [
        ("fake-right", uids.HTJ2K_LOSSLESS),
        ("fake-zeros", uids.EXPLICIT_LE),
        ("nobody", uids.EXPLICIT_LE),
    ],
)
@pytest.mark.parametrize("command", ["export", "deliver"])
def test_slices_are_made_for_a_consumer(run, series_file, tmp_path, command, consumer, syntax):
    done = run(command, series_file, tmp_path / "out", "--for", consumer)
    assert done.returncode == 0, done.stderr
    assert syntaxes(tmp_path / "out") == {syntax}
    assert syntax in done.stdout
    assert consumer in done.stdout
    assert len(done.stdout.splitlines()) == 1


def test_export_without_the_options_is_as_it_was(run, series_file, sources, tmp_path):
    done = run("export", series_file, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert {p.name: p.read_bytes() for p in (tmp_path / "out").iterdir()} == sources
    assert done.stdout == f"{tmp_path / 'out'}: 5 DICOM files\n"
    refused = run("export", series_file, tmp_path / "x.nii", "--nifti", "--for", "fake-right")
    assert refused.returncode == 2
    assert not (tmp_path / "x.nii").exists()


def test_deliver_takes_names_frames_and_archives(run, series_file, tmp_path):
    target = tmp_path / "out.zip"
    done = run(
        "deliver", series_file, target, "--transfer-syntax", "implicit", "--frames", "0-1,4",
        "--json",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert answer["transfer_syntax"] == uids.IMPLICIT_LE
    assert answer["frames"] == [0, 1, 4]
    with zipfile.ZipFile(target) as opened:
        assert opened.namelist() == answer["names"]
    refused = run("deliver", series_file, target)
    assert refused.returncode == 5
    assert "--force" in refused.stderr
    assert run("deliver", series_file, target, "--force").returncode == 0
    size = target.stat().st_size
    assert run("export", series_file, target, "--for", "fake-right").returncode == 5
    assert target.stat().st_size == size


def test_deliver_writes_an_archive_to_a_pipe(run, series_file):
    done = run("deliver", series_file, "-", "--archive", "tar", "--for", "fake-right", text=False)
    assert done.returncode == 0, done.stderr
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as opened:
        assert len(opened.getnames()) == 5
    assert uids.HTJ2K_LOSSLESS.encode() in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["out.dcm"], 2, "takes one slice"),
        (["-"], 2, "archive"),
        (["out", "--frames", "7"], 3, "out of range"),
        (["out", "--frames", "0-999999999999"], 3, "frame 5 is out of range"),
        (["out", "--frames", "a-b"], 2, "no number"),
        (["out", "--frames", "1,1"], 2, "twice"),
        (["out", "--transfer-syntax", "jpeg"], 4, "not delivered"),
        (["out", "--transfer-syntax", "htj2k-rpcl"], 4, "RPCL"),
        (["out.dcm", "--multiframe", "--frames", "1"], 2, "all slices"),
        (["out.dcm", "--multiframe", "--transfer-syntax", "implicit"], 4, "not delivered"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(run, series_file, tmp_path, arguments, code, said):
    target = arguments[0] if arguments[0] == "-" else tmp_path / arguments[0]
    done = run("deliver", series_file, target, *arguments[1:])
    assert done.returncode == code, done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not list(tmp_path.iterdir())
