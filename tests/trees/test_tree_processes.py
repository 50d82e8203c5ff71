"""Real processes, really killed: what is done stays, nothing half done is left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from holding import RUN, finished, held, held_environment, temporary, wait_until
from tree_support import BIG, facts, file_bytes, series_files, tree_of

import dicube_core

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc")

N_SERIES = 6


@pytest.fixture(scope="module")
def tree(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    groups = (
        series_files(f"s{n}", str(n), facts(n, f"part {n}"), count=30, kind=BIG)
        for n in range(1, N_SERIES + 1)
    )
    return tree_of(root, *groups)


@pytest.fixture(scope="module")
def expected(tree, tmp_path_factory) -> dict[str, bytes]:
    out = tmp_path_factory.mktemp("once")
    dicube_core.convert_tree(tree, out, jobs=1)
    return file_bytes(out)


def start(tree, out, *options, hold=None):
    return subprocess.Popen(
        [sys.executable, "-c", RUN, "convert", str(tree), str(out), "--jobs", "2", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=None if hold is None else held_environment(hold),
    )


def workers_of(process):
    """Return the worker processes, not the one that tracks shared resources."""
    children = Path(f"/proc/{process.pid}/task").glob("*/children")
    found = []
    for listing in children:
        for child in listing.read_text().split():
            command = Path(f"/proc/{child}/cmdline").read_bytes()
            if b"spawn_main" in command:
                found.append(int(child))
    return found


@pytest.mark.parametrize("done_first", [0, 1, 3])
@pytest.mark.parametrize("whole_group", [True, False], ids=["all", "parent"])
def test_killed_and_run_again_is_the_same_as_one_run(
    tree, expected, tmp_path, done_first, whole_group
):
    out = tmp_path / "out"
    with held(tmp_path / "hold", out, done_first):
        process = start(tree, out, hold=tmp_path / "hold")
        wait_until(lambda: len(finished(out)) >= done_first and temporary(out), process)
        if whole_group:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL
    assert done_first <= len(finished(out)) < N_SERIES
    for path in finished(out):
        assert path.read_bytes() == expected[path.name]
    again = start(tree, out)
    stdout, stderr = again.communicate(timeout=120)
    assert again.returncode == 0, stderr
    if done_first:
        assert "already there" in stdout
    assert file_bytes(out) == expected


def test_a_worker_that_is_killed_fails_its_series_alone(tree, expected, tmp_path):
    out = tmp_path / "out"
    with held(tmp_path / "hold", out, 0):
        process = start(tree, out, hold=tmp_path / "hold")
        wait_until(lambda: len(temporary(out)) == 2, process)
        os.kill(workers_of(process)[0], signal.SIGKILL)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 3, stderr
    assert "1 failed" in stdout
    assert "the process that worked on it died" in stdout
    assert len(finished(out)) == N_SERIES - 1
    again = start(tree, out)
    stdout, stderr = again.communicate(timeout=120)
    assert again.returncode == 0, stderr
    assert "1 converted, 5 already there" in stdout
    assert file_bytes(out) == expected


@pytest.mark.parametrize("group", [True, False], ids=["terminal", "parent"])
def test_an_interrupt_leaves_no_litter(tree, expected, tmp_path, group):
    out = tmp_path / "out"
    with held(tmp_path / "hold", out, 1):
        process = start(tree, out, hold=tmp_path / "hold")
        wait_until(lambda: finished(out) and temporary(out), process)
        if group:
            os.killpg(process.pid, signal.SIGINT)
        else:
            process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 130, stdout + stderr
    assert stderr.strip() == "dcbs: interrupted"
    assert not temporary(out)
    assert 0 < len(finished(out)) < N_SERIES
    for path in finished(out):
        assert path.read_bytes() == expected[path.name]


def test_two_runs_at_once_do_not_disturb_each_other(tree, expected, tmp_path):
    out = tmp_path / "out"
    both = [start(tree, out), start(tree, out)]
    for process in both:
        _, stderr = process.communicate(timeout=120)
        assert process.returncode == 0, stderr
    assert file_bytes(out) == expected


@pytest.mark.parametrize("seed", ["0", "1", "2", "3", "4"])
def test_hash_seeds_make_no_difference(tree, expected, tmp_path, seed):
    out = tmp_path / "out"
    code = "from dicube_core.cli import main; main()"
    subprocess.run(
        [sys.executable, "-c", code, "convert", str(tree), str(out)],
        env={**os.environ, "PYTHONHASHSEED": seed},
        check=True,
        capture_output=True,
        timeout=120,
    )
    assert file_bytes(out) == expected
