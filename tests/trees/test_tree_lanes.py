"""Worker processes: one may die without the others, and none outlives its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import lane_tasks
import pytest

from dicube_core.settings import get_num_threads, set_num_threads
from dicube_core.trees.lanes import Lanes, _Lane
from dicube_core.trees.workers import WorkerDiedError

POSIX = pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")


def run(function, tasks, jobs, tick=None):
    with Lanes(jobs) as lanes:
        return sorted(lanes.map(function, tasks, tick), key=lambda done: done[0])


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_results_come_with_their_tasks(jobs):
    assert run(lane_tasks.square, range(7), jobs) == [(n, n * n) for n in range(7)]
    assert run(lane_tasks.square, [], jobs) == []


def test_work_is_shared():
    found = {pid for _, pid in run(lane_tasks.process, range(6), 2)}
    assert len(found) == 2
    assert os.getpid() not in found
    assert {pid for _, pid in run(lane_tasks.process, range(2), 1)} == {os.getpid()}


def test_lanes_can_be_used_again():
    with Lanes(2) as lanes:
        first = {pid for _, pid in lanes.map(lane_tasks.process, range(4))}
        second = {pid for _, pid in lanes.map(lane_tasks.process, range(4))}
    assert first == second


def test_processors_are_shared_out():
    before = get_num_threads()
    try:
        set_num_threads(4)
        assert [n for _, n in run(lane_tasks.threads, range(2), 2)] == [2, 2]
        assert [n for _, n in run(lane_tasks.threads, range(4), 4)] == [1, 1, 1, 1]
        assert [n for _, n in run(lane_tasks.threads, range(2), 8)] == [2, 2]
        assert get_num_threads() == 4
    finally:
        set_num_threads(before)


@pytest.mark.parametrize("jobs", [1, 2])
def test_errors_are_results(jobs):
    results = dict(run(lane_tasks.fail_on_three, range(6), jobs))
    error = results.pop(3)
    assert isinstance(error, ValueError)
    assert str(error) == "three"
    assert results == {n: n for n in (0, 1, 2, 4, 5)}


@POSIX
@pytest.mark.parametrize("jobs", [2, 3])
def test_a_process_that_dies_takes_only_its_task_along(jobs):
    results = dict(run(lane_tasks.die_on_three, range(9), jobs))
    assert isinstance(results.pop(3), WorkerDiedError)
    assert results == {n: n for n in range(9) if n != 3}


@pytest.mark.parametrize("jobs", [1, 2])
def test_progress_is_seen_while_tasks_run(jobs, tmp_path):
    mark = tmp_path / "enough"

    def look(done):
        if done > 5:
            mark.touch()

    run(lane_tasks.count_until, [str(mark)] * 2, jobs, look)
    assert mark.exists()


@POSIX
def test_leaving_by_an_error_interrupts_and_waits(tmp_path):
    def leave_when_running(lanes):
        for _ in lanes.map(lane_tasks.interrupted, [str(tmp_path)] * 3, stop_when_running):
            pass

    def stop_when_running(_):
        if len(list(tmp_path.glob("*.running"))) == 2:
            raise RuntimeError("enough")

    before = set(threading.enumerate())
    with pytest.raises(RuntimeError, match="enough"), Lanes(2) as lanes:
        leave_when_running(lanes)
    assert not list(tmp_path.glob("*.running"))
    assert len(list(tmp_path.glob("*.cleaned"))) == 2
    for mark in tmp_path.iterdir():
        with pytest.raises(ProcessLookupError):
            os.kill(int(mark.stem), 0)
    assert not set(threading.enumerate()) - before


@POSIX
def test_an_interrupt_while_processes_start_begins_no_task(tmp_path, monkeypatch):
    told, ready, start = [], threading.Event(), _Lane._open

    def slow_to_start(lane):
        assert ready.wait(60)
        return start(lane)

    def interrupt(lane, *, real=_Lane.interrupt):
        real(lane)
        told.append(lane)
        if len(told) == 2:
            ready.set()

    def stop(_):
        raise RuntimeError("enough")

    monkeypatch.setattr(_Lane, "_open", slow_to_start)
    monkeypatch.setattr(_Lane, "interrupt", interrupt)
    with pytest.raises(RuntimeError, match="enough"), Lanes(2) as lanes:
        list(lanes.map(lane_tasks.interrupted, [str(tmp_path)] * 3, stop))
    assert not list(tmp_path.iterdir())


# Whatever runs the tests may have interrupts ignored, as nohup does.
_PARENT = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.path.insert(0, sys.argv[2])
import lane_tasks
from dicube_core.trees.lanes import Lanes
if __name__ == "__main__":
    with Lanes(2) as lanes:
        for _ in lanes.map(lane_tasks.interrupted, [sys.argv[1]] * 2):
            pass
"""


def alive(process_id):
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def started(tmp_path):
    """Start two workers below a process of its own; return it and their ids."""
    script = tmp_path / "parent.py"
    script.write_text(_PARENT)
    marks = tmp_path / "marks"
    marks.mkdir()
    parent = subprocess.Popen(
        [sys.executable, str(script), str(marks), str(Path(__file__).parent)],
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 60
    while len(list(marks.glob("*.running"))) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    workers = [int(path.stem) for path in marks.glob("*.running")]
    assert len(workers) == 2
    return parent, workers, marks


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc")
@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGTERM])
def test_workers_clean_up_and_end_when_their_parent_is_killed(tmp_path, sent):
    parent, workers, marks = started(tmp_path)
    parent.send_signal(sent)
    parent.communicate(timeout=60)
    deadline = time.monotonic() + 60
    while any(map(alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(alive, workers))
    assert len(list(marks.glob("*.cleaned"))) == 2


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="no /proc")
@pytest.mark.parametrize("group", [False, True], ids=["parent", "whole group"])
def test_an_interrupt_reaches_all_and_leaves_none(tmp_path, group):
    parent, workers, marks = started(tmp_path)
    parent.send_signal(signal.SIGINT)
    if group:  # as a terminal does
        for worker in workers:
            os.kill(worker, signal.SIGINT)
    _, stderr = parent.communicate(timeout=60)
    assert parent.returncode != 0
    assert stderr.count("Traceback") == 1  # of the script's own KeyboardInterrupt
    assert not any(map(alive, workers))
    assert len(list(marks.glob("*.cleaned"))) == 2


def test_a_script_without_main_guard_is_told_so(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import lane_tasks\n"
        "from dicube_core.trees.lanes import Lanes\n"
        "with Lanes(2) as lanes:\n"
        "    print(list(lanes.map(lane_tasks.square, [1, 2, 3])))\n"
    )
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode != 0
    assert "__main__" in done.stderr.strip().splitlines()[-1]
