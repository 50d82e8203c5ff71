"""The processes under load: threads that work, and one that makes children."""

from __future__ import annotations

import faulthandler
import itertools
import multiprocessing
import random
import threading
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dicube_core
from reliability.soak.memory import leave
from reliability.soak.operations import FORKABLE, OPERATIONS, Shared
from reliability.soak.resting import Gate, rest_now, settle_interpreter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reliability.soak.subjects import Subject

__all__ = ["CHILD_OPERATIONS", "Plan", "child_of_spawn", "work_process"]

CHILD_OPERATIONS = 8
#: A machine under other load may be twenty times slower than usual.
_CHILD_SECONDS = 400
_METHODS = ("fork", "spawn", "forkserver")


@dataclass(frozen=True, slots=True)
class Plan:
    """What one process does.

    Parameters
    ----------
    subjects : sequence of Subject
        The files.
    folder : str
        Where it may write.
    threads : int
        Threads that work.
    seed : int
        Of all that is random.
    children : bool
        Whether a thread more makes child processes.
    rest_every : float
        Seconds between two times at rest.
    leak : int
        Bytes that each operation leaves behind, to see that it is found out.
    """

    subjects: tuple[Subject, ...]
    folder: str
    threads: int
    seed: int
    children: bool = True
    rest_every: float = 10.0
    leak: int = 0


def work_process(plan: Plan, stop: Any, counts: Any, rests: Any, failures: Any) -> None:
    """Work until `stop` is set; the body of a process.

    Parameters
    ----------
    stop : multiprocessing.Event
        Ends the work.
    counts : multiprocessing.Array
        Operations done, one number per thread; children are counted in the last one.
    rests : multiprocessing.SimpleQueue
        Takes what is there whenever all threads stand still, with the time of this machine.
    failures : multiprocessing.SimpleQueue
        Takes the text of each failure.
    """
    dicube_core.set_num_threads(2)
    work = Path(plan.folder)
    work.mkdir(parents=True, exist_ok=True)
    shared = Shared(plan.subjects, work)
    # Python's own locks on modules that are being imported do not survive a fork, so what is needed
    # is imported before the first one.
    for operation in OPERATIONS:
        operation(shared, random.Random(plan.seed))
    settle_interpreter()
    gate = Gate(plan.threads + plan.children)
    threads = [
        threading.Thread(target=_loop, args=(shared, plan, number, gate, stop, counts, failures))
        for number in range(plan.threads)
    ]
    if plan.children:
        arguments = (shared, plan, gate, stop, counts, failures)
        threads.append(threading.Thread(target=_children, args=arguments))
    for thread in threads:
        thread.start()
    while not stop.wait(plan.rest_every):
        with gate.rest():
            rest = rest_now(time.monotonic(), sum(counts))
            if not stop.is_set():  # else some threads have left
                rests.put(rest)
    for thread in threads:
        thread.join()
    shared.close()


def _loop(
    shared: Shared, plan: Plan, number: int, gate: Gate, stop: Any, counts: Any, failures: Any
) -> None:
    rng = random.Random(plan.seed * 1000 + number)
    works, weights = list(OPERATIONS), list(OPERATIONS.values())
    while not stop.is_set():
        gate.come_by()
        (work,) = rng.choices(works, weights)
        try:
            work(shared, rng)
        except BaseException:  # noqa: BLE001 - whatever it is, it is what is looked for
            failures.put(f"{work.__name__}: {traceback.format_exc()}")
        if plan.leak:
            leave(plan.leak)
        counts[number] += 1
    gate.leave()


def _some(shared: Shared, seed: int, works: Sequence[Any]) -> None:
    rng = random.Random(seed)
    for _ in range(CHILD_OPERATIONS):
        rng.choice(works)(shared, rng)


def _tell_where(trace: str) -> None:
    """Write the stacks of all threads and end, should the child hang."""
    file = Path(trace).open("w")  # noqa: SIM115 - to stay open
    faulthandler.dump_traceback_later(_CHILD_SECONDS - 40, exit=True, file=file)


def child_of_fork(trace: str, shared: Shared, seed: int) -> None:
    """Use what the parent had opened, while its threads were at it."""
    _tell_where(trace)
    _some(shared, seed, FORKABLE)


def child_of_spawn(trace: str, subjects: Sequence[Subject], folder: str, seed: int) -> None:
    """Begin anew, with readers of one's own."""
    _tell_where(trace)
    shared = Shared(subjects, Path(folder))
    try:
        _some(shared, seed, tuple(OPERATIONS))
    finally:
        shared.close()


def _children(
    shared: Shared, plan: Plan, gate: Gate, stop: Any, counts: Any, failures: Any
) -> None:
    # Forked children come often; those that begin anew take a second each only to import.
    pattern = itertools.cycle(["fork"] * 6 + ["spawn"] + ["fork"] * 6 + ["forkserver"])
    for number, method in enumerate(pattern):
        if stop.is_set():
            gate.leave()
            return
        gate.come_by()
        context = multiprocessing.get_context(method)
        seed = plan.seed * 100_000 + number
        arguments: tuple[Any, ...] = (plan.subjects, plan.folder, seed)
        target: Any = child_of_spawn
        if method == "fork":
            target, arguments = child_of_fork, (shared, seed)
        trace = shared.work / f"child-{seed}.txt"
        child = context.Process(target=target, args=(str(trace), *arguments))
        child.start()
        child.join(_CHILD_SECONDS)
        if child.exitcode is None:
            failures.put(f"{method}: a child hangs")
            child.kill()
            child.join()
        elif child.exitcode:
            where = trace.read_text() if trace.exists() else ""
            failures.put(f"{method}: a child ended with {child.exitcode} (seed {seed})\n{where}")
        child.close()
        trace.unlink(missing_ok=True)
        counts[plan.threads] += CHILD_OPERATIONS
        time.sleep(0.05)
