"""A scheduler and two workers, really there: the same files as on one machine, whatever dies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("distributed")

import dask_tasks
from dask_cluster import cluster, wait_until
from distributed import Client
from trees.holding import RUN, finished, held, held_environment, temporary
from trees.holding import wait_until as wait_for
from trees.tree_support import BIG, facts, file_bytes, series_files, tree_of

import dicube_core
from dicube_core.exceptions import WorkersError
from dicube_core.trees.report import Outcome
from dicube_core.trees.workers import WorkerDiedError
from dicube_plugins.dask import DaskWorkers, map_series

N_SERIES = 8


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    groups = (
        series_files(f"s{n}", str(n), facts(n, f"part {n}"), count=30, kind=BIG)
        for n in range(1, N_SERIES + 1)
    )
    return tree_of(root, *groups)


@pytest.fixture(scope="module")
def once(tree, tmp_path_factory) -> tuple[Path, dicube_core.TreeReport]:
    out = tmp_path_factory.mktemp("once")
    return out, dicube_core.convert_tree(tree, out, jobs=1)


@pytest.fixture(scope="module")
def expected(once) -> dict[str, bytes]:
    return file_bytes(once[0])


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """A scheduler and two workers, each under a nanny that starts it again when it dies."""
    with cluster(tmp_path_factory.mktemp("cluster"), 2) as made:
        yield made


def rows(report: dicube_core.TreeReport) -> list[dict]:
    found = report.to_dict()["rows"]
    for row in found:
        del row["seconds"]
    return found


def start(*arguments, hold: Path | None = None) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", RUN, *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=None if hold is None else held_environment(hold),
    )


def finish(process: subprocess.Popen) -> tuple[int, str, str]:
    try:
        stdout, stderr = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, stdout, stderr


def process_ids(address: str) -> list[int]:
    with Client(address, timeout=30, set_as_default=False) as client:
        return list(client.run(dask_tasks.here).values())


def gone(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return True
    return False


def two_workers(address: str) -> bool:
    with Client(address, timeout=30, set_as_default=False) as client:
        return len(client.nthreads()) == 2


def test_the_same_files_and_report_as_on_one_machine(two, tree, once, expected, tmp_path):
    seen = []
    out = tmp_path / "box" / "out"
    with DaskWorkers(two.address, patience=30) as workers:
        report = dicube_core.convert_tree(
            tree, out, workers=workers, progress=lambda *step: seen.append(step)
        )
        assert file_bytes(out) == expected
        assert rows(report) == rows(once[1])
        assert report.jobs == 2
        assert ("converting", 30 * N_SERIES, 30 * N_SERIES) in seen
        again = dicube_core.convert_tree(tree, out, workers=workers)
        assert again.counts()["already there"] == N_SERIES
        untouched = dicube_core.convert_tree(tree, out, workers=workers, resume=False)
        assert untouched.counts()["refused"] == N_SERIES
        verified = dicube_core.verify_files(out, workers=workers)
        assert verified.counts() == {"ok": N_SERIES, "damaged": 0, "failed": 0}
    assert file_bytes(out) == expected
    assert not temporary(tmp_path)  # the mark that the workers looked for


def test_the_commands(two, tree, expected, tmp_path):
    out = tmp_path / "out"
    code, stdout, stderr = finish(start("convert", tree, out, "--dask", two.file, "--json"))
    assert code == 0, stderr
    assert json.loads(stdout)["counts"]["converted"] == N_SERIES
    assert file_bytes(out) == expected
    damaged = sorted(out.iterdir())[1]
    damaged.write_bytes(damaged.read_bytes()[:-100])
    code, stdout, stderr = finish(start("verify", out, "--dask", two.address, "--jobs", 2))
    assert code == 1, stderr
    assert f"FAILED {damaged}: " in stdout
    assert f"{N_SERIES} files: {N_SERIES - 1} ok, 1 damaged" in stdout


def test_a_worker_that_is_killed_in_the_middle(two, tree, expected, tmp_path):
    out = tmp_path / "out"
    ids = process_ids(two.address)
    with held(two.hold, out, 1):
        process = start("convert", tree, out, "--dask", two.address, "--json")
        wait_for(lambda: finished(out) and len(temporary(out)) == 2, process)
        os.kill(ids[0], signal.SIGKILL)
    code, stdout, stderr = finish(process)
    assert code == 0, stderr
    counts = json.loads(stdout)["counts"]
    # The one that died may have been done, and not have come to say so.
    assert counts["converted"] + counts["already there"] == N_SERIES
    assert counts["already there"] <= 1
    assert file_bytes(out) == expected  # temporary ones would be seen
    wait_until(lambda: two_workers(two.address))


def test_an_interrupt_stops_the_workers_and_leaves_no_litter(two, tree, expected, tmp_path):
    out = tmp_path / "out"
    with held(two.hold, out, 1):
        process = start("convert", tree, out, "--dask", two.address)
        wait_for(lambda: finished(out) and temporary(out), process)
        os.killpg(process.pid, signal.SIGINT)
        code, stdout, stderr = finish(process)
    assert code == 130, stdout + stderr
    assert stderr.strip() == "dcbs: interrupted"
    assert not temporary(out)
    assert not temporary(tmp_path)
    assert 0 < len(finished(out)) < N_SERIES
    code, stdout, stderr = finish(start("convert", tree, out, "--dask", two.address))
    assert code == 0, stderr
    assert file_bytes(out) == expected


def test_settings_travel_and_are_put_back(two):
    before = dicube_core.get_limits()
    with Client(two.address, timeout=30, set_as_default=False) as client:
        own = client.run(dask_tasks.settings, 0)
        try:
            dicube_core.set_limits(frame_bytes=12345678)
            with DaskWorkers(client, threads=3) as workers:
                found = [result for _, result in workers.map(dask_tasks.settings, range(6))]
        finally:
            dicube_core.set_limits(frame_bytes=before.frame_bytes)
        assert len(found) == 6
        for threads, limits in found:
            assert threads == 3
            assert limits["frame_bytes"] == 12345678
        assert client.run(dask_tasks.settings, 0) == own


def test_progress_comes_from_the_workers(two, tmp_path):
    mark = tmp_path / "enough"

    def look(done):
        if done > 10:
            mark.touch()

    with DaskWorkers(two.address) as workers:
        list(workers.map(dask_tasks.count_until, [str(mark)], look))
    assert mark.exists()


def test_no_more_tasks_at_once_than_asked_for(two):
    with DaskWorkers(two.address, jobs=1) as workers:
        started = time.monotonic()
        assert len(list(workers.map(dask_tasks.slow, [4, 4, 4]))) == 3
        # Not a measurement: three that wait 0.2 s each, one after the other.
        assert time.monotonic() - started >= 0.6
        assert workers.jobs == 1


_POISON = """
import os, signal
from dicube_core.ingest import convert as whole
from dicube_core.trees import converting
def convert(source, out, *, progress, **options):
    def killing(done, total):
        if {part!r} in str(out) and done == 5:
            os.kill({process}, signal.SIGKILL)
        progress(done, total)
    return whole(source, out, progress=killing, **options)
converting.convert = convert
"""


def poison(folder: Path, part: str, process: object = "os.getpid()") -> tuple[str, str]:
    """Return options of a worker in which a process is killed in the middle of a series."""
    path = folder / f"poison_{part}.py"
    path.write_text(_POISON.format(part=part, process=process))
    return "--preload", str(path)


def test_a_task_that_kills_its_workers_is_named_and_not_tried_for_ever(tree, expected, tmp_path):
    files = []
    for name in ("a", "poison", "b", "c"):
        files.append(tmp_path / f"{name}.dcbs")
        dicube_core.convert(tree / "s1", files[-1])
    options = poison(tmp_path, "part_3")
    with (
        cluster(tmp_path / "cluster", 2, *options, allowed_failures=0) as made,
        DaskWorkers(made.address, patience=30) as workers,
    ):
        results = dict(workers.map(dask_tasks.die_on_three, range(8)))
        assert isinstance(results.pop(3), WorkerDiedError)
        assert results == {n: n for n in range(8) if n != 3}

        found = map_series(dask_tasks.die_of, files, workers, batch=4)
        assert [file for file, _ in found] == files
        values = [value for _, value in found]
        assert isinstance(values[1], WorkerDiedError)
        assert "poison" in str(values[1])
        assert [values[0], *values[2:]] == ["a.dcbs", "b.dcbs", "c.dcbs"]

        report = dicube_core.convert_tree(tree, tmp_path / "out", workers=workers)
        (bad,) = report.of(Outcome.FAILED)
        assert bad.description == "part 3"
        assert "every worker that worked on it died" in bad.reason
        assert len(report.rows) == N_SERIES
    good = {name: data for name, data in expected.items() if "part_3" not in name}
    assert file_bytes(tmp_path / "out") == good  # what they had begun is swept away


@pytest.mark.parametrize("sent", [None, signal.SIGINT])
def test_a_cluster_of_this_machine_comes_and_goes_with_the_command(tree, expected, tmp_path, sent):
    out = tmp_path / "out"
    if sent is None:
        process = start("convert", tree, out, "--dask", "local", "--jobs", 2)
        code, stdout, stderr = finish(process)
        wait_until(lambda: gone(process.pid))
        assert code == 0, stderr
        assert f"{N_SERIES} converted" in stdout
        assert file_bytes(out) == expected
        return
    hold = tmp_path / "hold"
    with held(hold, out, 1):
        process = start("convert", tree, out, "--dask", "local", "--jobs", 2, hold=hold)
        wait_for(lambda: finished(out) and temporary(out), process)
        os.killpg(process.pid, sent)  # as a terminal does
        code, stdout, stderr = finish(process)
    wait_until(lambda: gone(process.pid))
    assert (code, stderr.strip()) == (130, "dcbs: interrupted")
    assert not temporary(out)
    assert 0 < len(finished(out)) < N_SERIES


def test_a_script_without_main_guard_is_told_so(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "from dicube_plugins.dask import DaskWorkers\n"
        "with DaskWorkers('local', jobs=1, patience=20) as workers:\n"
        "    print(list(workers.map(abs, [1])))\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode != 0
    assert "__main__" in done.stderr.strip().splitlines()[-1]


_OTHER_VERSION = """
import dicube_core
dicube_core.__version__ = "0.0.1"
"""


def test_workers_that_do_not_fit_and_schedulers_that_are_lost(tree, expected, tmp_path):
    out = tmp_path / "out"
    with pytest.raises(WorkersError, match=r"no dask scheduler answers at tcp://127\.0\.0\.1:9"):
        dicube_core.convert_tree(tree, out, workers=DaskWorkers("tcp://127.0.0.1:9", patience=1))
    with pytest.raises(WorkersError, match="neither an address"):
        dicube_core.convert_tree(tree, out, workers=DaskWorkers("nowhere", patience=1))
    preload = tmp_path / "other.py"
    preload.write_text(_OTHER_VERSION)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    with cluster(tmp_path / "cluster") as made:
        with pytest.raises(WorkersError, match="has no workers"):
            dicube_core.convert_tree(tree, out, workers=DaskWorkers(made.address, patience=8))

        made.add_worker("--no-nanny", "--preload", str(preload))
        workers = DaskWorkers(made.address, patience=30)
        with pytest.raises(WorkersError, match=r"dask worker tcp.* has version 0\.0\.1"):
            dicube_core.convert_tree(tree, out, workers=workers)
        assert not out.exists()
        made.processes[-1].kill()
        made.processes[-1].wait(timeout=60)

        worker = made.add_worker("--no-nanny", *poison(tmp_path, "part_4"), cwd=elsewhere)
        _require_same_folders(made, tree, tmp_path, elsewhere)
        _require_same_version_later(made, preload)
        _require_workers(made, worker, tree, out)
        made.add_worker("--no-nanny", *poison(tmp_path, "part_6", made.scheduler.pid))
        with pytest.raises(WorkersError, match="the dask scheduler is lost"):
            dicube_core.convert_tree(tree, out, workers=DaskWorkers(made.address, patience=30))
    report = dicube_core.convert_tree(tree, out, jobs=1)
    assert report.ok
    assert report.counts()["already there"] >= 1
    assert file_bytes(out) == expected


def _require_same_folders(made, tree, tmp_path, elsewhere):
    """A path that each process takes for a folder of its own: that is another machine's."""
    os.chdir(tmp_path)
    (tmp_path / "tree").symlink_to(tree)
    mine = Path("/proc/self/cwd")
    with DaskWorkers(made.address, patience=30) as workers:
        with pytest.raises(WorkersError, match="does not fit: /proc/self/cwd/tree: No such file"):
            dicube_core.convert_tree(mine / "tree", tmp_path / "x", workers=workers)
        (elsewhere / "tree" / "s1").mkdir(parents=True)
        for path in (tree / "s1").iterdir():
            (elsewhere / "tree" / "s1" / path.name).write_bytes(b"another")
        with pytest.raises(WorkersError, match="is another file there"):
            dicube_core.convert_tree(mine / "tree", tmp_path / "x", workers=workers)
        with pytest.raises(WorkersError, match=r"cwd/\.workers\.dcbs-\w+\.tmp: No such file"):
            dicube_core.convert_tree(tree, mine / "x", workers=workers)
    assert not (tmp_path / "x").exists()
    assert not temporary(tmp_path)


def _require_same_version_later(made, preload):
    """A worker that comes when work is under way is looked at as well."""
    with DaskWorkers(made.address, patience=30) as workers:
        late = made.add_worker("--no-nanny", "--preload", str(preload))
        with pytest.raises(WorkersError, match=r"dask worker tcp.* has version 0\.0\.1"):
            for _ in workers.map(dask_tasks.slow, [8] * 100):
                pass
    late.kill()
    late.wait(timeout=60)


def _require_workers(made, worker, tree, out):
    """Without any worker it ends, and says so."""
    workers = DaskWorkers(made.address, patience=3)
    with pytest.raises(WorkersError, match="no dask worker is left, for 3 s"):
        dicube_core.convert_tree(tree, out, workers=workers)
    assert worker.wait(timeout=60) == -signal.SIGKILL
    assert 0 < len(finished(out)) < N_SERIES
