"""``dcbs convert`` with a folder of results: table, JSON, exit codes."""

from __future__ import annotations

import json
import shutil

import pytest
from click.testing import CliRunner
from support.raw import part10, text
from support.series import CT, make_series, put, slice_nodes
from support.whole import write_files

import dicube_core
from dicube_core.cli.app import dcbs


def run(*arguments):
    return CliRunner().invoke(dcbs, [str(a) for a in arguments])


def named(number, description):
    return put(text(0x00200011, "IS", str(number)), text(0x0008103E, "LO", description, "iso8859"))


@pytest.fixture
def study(tmp_path):
    folder = tmp_path / "study"
    write_files(folder / "a", make_series(4, CT, named(1, "Thorax"), series="1"))
    write_files(folder / "b", make_series(3, CT, named(2, "Head [bold]\x1b[31m"), series="2"))
    return folder


def test_a_folder_becomes_one_file_per_series(study, tmp_path):
    result = run("convert", study, tmp_path / "out", "--jobs", 1)
    assert result.exit_code == 0, result.output
    names = [path.name for path in sorted((tmp_path / "out").iterdir())]
    assert len(names) == 2
    for name in names:
        assert name in result.stdout
    assert "4 of 6x5" in result.stdout
    assert "2 converted; 7 frames converted" in result.stdout
    assert "\x1b" not in result.stdout
    assert "Head [bold]" in result.stdout
    again = run("convert", study, tmp_path / "out", "--jobs", 1)
    assert again.exit_code == 0
    assert "2 already there; 0 frames converted" in again.stdout


def test_each_file_is_proven_against_its_folder(study, tmp_path):
    assert run("convert", study, tmp_path / "out", "--jobs", 1).exit_code == 0
    report = json.loads(run("convert", study, tmp_path / "out", "--jobs", 1, "--json").stdout)
    for row in report["rows"]:
        folder = study / row["sources"][0].partition("/")[0]
        result = run("verify", tmp_path / "out" / row["file"], "--against", folder)
        assert result.exit_code == 0, result.output


def test_json_tells_of_every_file(study, tmp_path):
    (study / "notes.txt").write_text("x")
    result = run("convert", study, tmp_path / "out", "--jobs", 1, "--json")
    report = json.loads(result.stdout)
    assert result.exit_code == 0
    assert report["ok"] is True
    assert report["counts"]["converted"] == 2
    assert report["left_out"] == [{"path": "notes.txt", "reason": "not a DICOM file"}]
    told = [name for row in report["rows"] for name in row["sources"]]
    assert len(told) == 7
    assert report["rows"][0]["outcome"] == "converted"
    assert report["rows"][0]["shape"] == [4, 6, 5]


def test_json_of_one_file(study, tmp_path):
    result = run("convert", study / "a", tmp_path / "a.dcbs", "--json")
    facts = json.loads(result.stdout)
    assert facts["shape"] == [4, 6, 5]
    assert facts["file_bytes"] == (tmp_path / "a.dcbs").stat().st_size


def test_files_left_out_are_warnings(study, tmp_path):
    for number in range(5):
        (study / f"n{number}.txt").write_text("x")
    result = run("convert", study, tmp_path / "out", "--jobs", 1)
    assert result.exit_code == 0
    assert "left out n0.txt, n1.txt, n2.txt and 2 more: not a DICOM file" in result.stderr


def test_what_is_refused_or_fails_has_a_code(study, tmp_path):
    nodes = slice_nodes(0, series="7")
    nodes[0x00080016] = text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.66.4")
    (study / "seg.dcm").write_bytes(part10(nodes))
    result = run("convert", study, tmp_path / "out", "--jobs", 1)
    assert result.exit_code == 4
    assert "refused: seg.dcm: Segmentation Storage" in result.stdout
    (study / "cut.dcm").write_bytes((study / "a/IM0000.dcm").read_bytes()[:-9])
    result = run("convert", study, tmp_path / "out", "--jobs", 1)
    assert result.exit_code == 3
    assert "failed: cut.dcm: " in result.stdout
    assert "2 already there, 1 refused, 1 failed" in result.stdout


def test_copies_are_told(study, tmp_path):
    shutil.copytree(study / "a", study / "backup")
    result = run("convert", study, tmp_path / "out", "--jobs", 1)
    assert result.exit_code == 0
    assert "taken once: " in result.stdout
    assert "backup/IM0000.dcm" in result.stdout


def test_options_reach_the_tree(study, tmp_path):
    out = tmp_path / "out"
    options = ("--jobs", 1, "--name", "uid", "--no-verify", "--progressive", "--sort", "number")
    assert run("convert", study, out, *options).exit_code == 0
    assert all(path.name.startswith("1.2.826.") for path in out.iterdir())
    assert run("convert", study, out, "--jobs", 1, "--name", "uid", "--no-resume").exit_code == 4
    assert run("convert", study, out, "--jobs", 1, "--name", "uid", "--force").exit_code == 0
    result = run("convert", study, tmp_path / "one", "--jobs", 1, "--series-uid", "1.2.3")
    assert result.exit_code == 3
    assert not (tmp_path / "one").exists()


@pytest.mark.parametrize("options", [["--jobs", "2"], ["--no-split"], ["--name", "uid"]])
def test_options_of_trees_are_refused_for_one_file(study, tmp_path, options):
    result = run("convert", study / "a", tmp_path / "a.dcbs", *options)
    assert result.exit_code == 2
    assert "for a folder OUT" in result.stderr
    assert not (tmp_path / "a.dcbs").exists()


def test_a_file_is_no_folder_of_results(study, tmp_path):
    (tmp_path / "mine").write_text("precious")
    result = run("convert", study, tmp_path / "mine")
    assert result.exit_code == 5
    assert (tmp_path / "mine").read_text() == "precious"
    assert run("convert", tmp_path / "nowhere", tmp_path / "out").exit_code == 5


def test_nothing_to_convert(tmp_path):
    (tmp_path / "in").mkdir()
    result = run("convert", tmp_path / "in", tmp_path / "out")
    assert result.exit_code == 3
    assert not (tmp_path / "out").exists()


def test_a_nifti_file_is_one_file_whatever_out_is_called(study, tmp_path):
    nibabel = pytest.importorskip("nibabel")
    import numpy as np

    nibabel.save(nibabel.Nifti1Image(np.zeros((3, 4, 5), np.int16), np.eye(4)), tmp_path / "a.nii")
    assert run("convert", tmp_path / "a.nii", tmp_path / "a").exit_code == 0
    assert dicube_core.load(tmp_path / "a").shape == (5, 4, 3)
