"""Who does the tasks is asked for by an interface, and cleaned up after."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tree_support import facts, file_bytes, series_files, tree_of

import dicube_core
from dicube_core.temporaries import FILE_ENDING, sweep_leftovers, temporary_path, try_lock
from dicube_core.trees import running
from dicube_core.trees._worker import tell, teller, telling
from dicube_core.trees.lanes import Lanes
from dicube_core.trees.planning import Job, JobOptions

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def tree(tmp_path) -> Path:
    return tree_of(
        tmp_path / "in", *(series_files(f"s{n}", str(n), facts(n, f"part {n}")) for n in (1, 2))
    )


class Elsewhere(Lanes):
    """Processes of this machine that are treated as if they were on others."""

    remote = True
    batch = 2

    def reach(self, root, out, sample):
        self.reached = (root, out, sample)


def test_workers_of_the_caller_do_the_same(tree, tmp_path, monkeypatch):
    dicube_core.convert_tree(tree, tmp_path / "one", jobs=1)
    monkeypatch.chdir(tmp_path)
    workers = Elsewhere(2)
    report = dicube_core.convert_tree("in", "two", workers=workers)
    assert report.jobs == 2
    assert file_bytes(tmp_path / "one") == file_bytes(tmp_path / "two")
    root, out, sample = workers.reached
    assert (root, out) == (tmp_path / "in", tmp_path / "two")
    assert sample.is_file()
    with pytest.raises(ValueError, match="workers stand in for"):
        dicube_core.convert_tree(tree, tmp_path / "one", jobs=2, workers=workers)


def test_a_job_may_find_what_it_wrote_itself(tmp_path):
    job = Job(0, "", ".", (), (), str(tmp_path / "x.dcbs"), 1, False, JobOptions(existing="refuse"))
    assert running._repeatable(job).options.existing == "resume"
    (tmp_path / "x.dcbs").touch()
    assert running._repeatable(job) is job
    other = replace(job, options=JobOptions(existing="replace"), out=str(tmp_path / "y.dcbs"))
    assert running._repeatable(other) is other


def test_leftovers_of_many_targets_are_swept_at_once(tmp_path):
    long = "x" * 140 + ".dcbs"
    mine = [temporary_path(tmp_path / name, FILE_ENDING) for name in ("a.dcbs", "b.dcbs", long)]
    others = [temporary_path(tmp_path / "c.dcbs", FILE_ENDING), tmp_path / ".a.dcbs.dcbs-12.tmp"]
    at_work = temporary_path(tmp_path / "a.dcbs", FILE_ENDING)
    for path in (*mine, *others, at_work):
        path.write_bytes(b"half")
    with at_work.open("r+b") as file:
        if try_lock(file.fileno()) is None:
            pytest.skip("this file system has no locks")
        sweep_leftovers(tmp_path, ["a.dcbs", "b.dcbs", long])
        assert {p.name for p in tmp_path.iterdir()} == {p.name for p in (*others, at_work)}
    sweep_leftovers(tmp_path, ["a.dcbs"])
    assert not at_work.exists()
    sweep_leftovers(tmp_path / "nowhere", ["a.dcbs"])


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
def test_a_run_sweeps_what_a_worker_that_died_had_begun(tree, tmp_path):
    out = tmp_path / "out"
    report = dicube_core.convert_tree(tree, out, jobs=1)
    left = temporary_path(out / report.rows[0].file, FILE_ENDING)
    begun = []

    def begin(stage, done, total):
        if stage == "converting" and not begun:
            begun.append(left.write_bytes(b"half"))

    dicube_core.convert_tree(tree, out, jobs=1, progress=begin)
    assert begun
    assert not left.exists()


def test_tasks_that_share_a_process_tell_for_themselves():
    seen: dict[str, list[int]] = {"a": [], "b": []}
    both = threading.Barrier(2)

    def task(name: str) -> None:
        with telling(seen[name].append):
            both.wait(30)
            tell(len(name))
            helper = threading.Thread(target=teller(), args=(ord(name),))
            helper.start()
            helper.join()
            both.wait(30)

    threads = [threading.Thread(target=task, args=(name,)) for name in seen]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == {"a": [1, ord("a")], "b": [1, ord("b")]}
    tell(3)  # of nobody: goes to the process, which has no listener
    assert seen == {"a": [1, ord("a")], "b": [1, ord("b")]}
