"""Many files verified: one that is damaged, or not there, does not stop the others."""

from __future__ import annotations

import json
import os
from pathlib import Path

import lane_tasks
import pytest
from click.testing import CliRunner
from tree_support import facts, series_files, tree_of

import dicube_core
from dicube_core.cli.app import dcbs
from dicube_core.exceptions import SeriesError
from dicube_core.trees.lanes import Lanes


def run(*arguments):
    return CliRunner().invoke(dcbs, ["verify", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path):
    """Three files in two folders, one of which is damaged, and something else."""
    tree = tree_of(
        tmp_path / "in", *(series_files(f"s{n}", str(n), facts(n, f"part {n}")) for n in (1, 2, 3))
    )
    out = tmp_path / "out"
    report = dicube_core.convert_tree(tree, out, jobs=1)
    (out / "more").mkdir()
    for row, name in zip(report.rows, ("a.dcbs", "b.dcbs", "more/c.DCBS"), strict=True):
        (out / row.file).rename(out / name)
    (out / "notes.txt").write_text("x")
    damaged = bytearray((out / "b.dcbs").read_bytes())
    damaged[-10] ^= 1
    (out / "b.dcbs").write_bytes(damaged)
    return out


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_folder_with_a_damaged_file(folder, jobs):
    seen = []
    report = dicube_core.verify_files(
        folder, jobs=jobs, progress=lambda done, total: seen.append((done, total))
    )
    assert [one.path for one in report.files] == [
        str(folder / name) for name in ("a.dcbs", "b.dcbs", "more/c.DCBS")
    ]
    assert [one.ok for one in report.files] == [True, False, True]
    assert report.counts() == {"ok": 2, "damaged": 1, "failed": 0}
    assert (report.ok, report.left_out, report.jobs) == (False, 1, jobs)
    assert seen == [(1, 3), (2, 3), (3, 3)]
    for one in report.files:
        alone = dicube_core.verify_file(one.path)
        assert vars(one.report) == vars(alone)
        assert one.file_bytes == Path(one.path).stat().st_size


def test_files_given_twice_or_not_there(folder):
    names = [folder / "more" / "c.DCBS", folder / "gone.dcbs", folder]
    report = dicube_core.verify_files([*names, folder / "a.dcbs"], jobs=1)
    assert [one.path for one in report.files] == [
        *(str(name) for name in names[:2]),
        str(folder / "a.dcbs"),
        str(folder / "b.dcbs"),
    ]
    gone = report.files[1]
    assert gone.report is None
    assert "No such file" in gone.error
    assert report.counts() == {"ok": 2, "damaged": 1, "failed": 1}


def test_nothing_to_verify(tmp_path):
    with pytest.raises(SeriesError, match=r"no \.dcbs files in"):
        dicube_core.verify_files(tmp_path)
    with pytest.raises(SeriesError, match=r"no \.dcbs files in nothing"):
        dicube_core.verify_files([])
    with pytest.raises(ValueError, match="at least 1"):
        dicube_core.verify_files(tmp_path, jobs=0)
    with pytest.raises(ValueError, match="workers stand in for"), Lanes(1) as lanes:
        dicube_core.verify_files(tmp_path, jobs=1, workers=lanes)


class Dying(Lanes):
    """Processes one of which ends in the middle of a file."""

    def map(self, function, tasks, tick=None, *, here=False):
        return super().map(lane_tasks.die_of_b, tasks, tick, here=here)


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_file_that_ends_its_process_is_named(folder):
    report = dicube_core.verify_files(folder, workers=Dying(2))
    assert report.counts() == {"ok": 2, "damaged": 0, "failed": 1}
    assert "the process that worked on it died" in report.files[1].error


def test_the_command(folder):
    result = run(folder, "--jobs", 1)
    assert result.exit_code == 1
    assert f"FAILED {folder / 'b.dcbs'}: " in result.stdout
    assert "3 files: 2 ok, 1 damaged; 9 frames decoded" in result.stdout
    assert "1 other files left out" in result.stdout
    assert run(folder / "a.dcbs", folder / "more").exit_code == 0
    report = json.loads(run(folder, "--jobs", 1, "--json").stdout)
    assert report["counts"] == {"ok": 2, "damaged": 1, "failed": 0}
    assert [one["ok"] for one in report["files"]] == [True, False, True]
    assert report["files"][1]["failures"]


def test_exit_codes_and_wrong_usage(folder, tmp_path):
    assert run(folder / "a.dcbs", folder / "gone.dcbs").exit_code == 5
    assert run(folder / "b.dcbs", folder / "gone.dcbs").exit_code == 1
    assert run(folder / "a.dcbs").stdout.strip().endswith("OK")  # one file as ever
    for options in (["--against", tmp_path], ["--series-uid", "1.2"]):
        result = run(folder, *options)
        assert result.exit_code == 2
        assert "are for one file" in result.stderr
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / "empty").exit_code == 3


class Reached(Lanes):
    """Workers that may be elsewhere."""

    remote = True
    folder = None

    def reach(self, root, out, sample):
        self.folder = root


def test_a_folder_that_is_not_there_stops_no_other_file(folder, tmp_path):
    crew = Reached(1)
    report = dicube_core.verify_files(
        [tmp_path / "gone" / "x.dcbs", folder / "a.dcbs"], workers=crew
    )
    assert report.counts() == {"ok": 1, "damaged": 0, "failed": 1}
    assert crew.folder == folder
