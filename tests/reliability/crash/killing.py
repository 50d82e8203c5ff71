"""kill -9: at random moments, in the middle of writing, and at every line that writes."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from reliability.crash.children import DONE, Child, run

if TYPE_CHECKING:
    import random
    from types import FrameType

    from reliability.crash.bench import Bench

#: Modules whose lines write.
_WRITING = ("atomic.py", "atomic_folder.py", "temporaries.py", "export.py", "writer.py", "cache.py")


def count(bench: Bench, ended_by_kill: bool, counts: Counter[str]) -> None:
    """Judge one killed run and the save after it."""
    verdict = bench.judge()
    counts["runs"] += 1
    if not ended_by_kill or verdict.state == "new":
        counts["after"] += 1
    elif verdict.litter or verdict.state == "between":
        counts["during"] += 1
    else:
        counts["before"] += 1
    counts[verdict.state] += 1
    ended, after = bench.next_save()
    if ended.code != DONE or after.state != "new":
        counts["next save failed"] += 1
    counts["litter"] += len(after.litter)


def kill_at_random(bench: Bench, runs: int, rng: random.Random) -> Counter[str]:
    """Kill at random moments: half of the runs at any, half while a temporary sibling is there."""
    counts: Counter[str] = Counter()
    for number in range(runs):
        bench.prepare()
        child = Child(bench.work)
        if number % 2:
            deadline = time.perf_counter() + 2 * bench.seconds
            while not bench.temporaries() and time.perf_counter() < deadline:
                pass
            time.sleep(rng.uniform(0, bench.sweep_seconds))
        else:
            time.sleep(rng.uniform(0, 1.1 * bench.seconds))
        child.kill()
        count(bench, child.wait().killed, counts)
    return counts


class _Tracer:
    """Sees the lines of the modules that write; kills the process on one of them."""

    def __init__(self, fatal: tuple[str, int] | None = None) -> None:
        self.fatal = fatal
        self.lines: dict[tuple[str, int], None] = {}

    def __call__(self, frame: FrameType, event: str, _: Any) -> Any:
        path = frame.f_code.co_filename
        if not path.endswith(_WRITING) or "dicube_" not in path:
            return None
        return self._line(frame, event, None)

    def _line(self, frame: FrameType, event: str, _: Any) -> Any:
        if event == "line":
            place = (frame.f_code.co_filename.rpartition("/")[2], frame.f_lineno)
            self.lines[place] = None
            if place == self.fatal:
                os.kill(os.getpid(), signal.SIGKILL)
        return self._line


def _traced(bench: Bench, tracer: _Tracer) -> str:
    threading.settrace(tracer)
    sys.settrace(tracer)
    bench.work()
    sys.settrace(None)
    return "\n".join(f"{name}:{line}" for name, line in tracer.lines)


def kill_at_lines(bench: Bench, step: int = 1) -> Counter[str]:
    """Kill when a line of the modules that write is about to run for the first time, each once."""
    bench.prepare()
    found = run(lambda: _traced(bench, _Tracer()))
    lines = [(n, int(k)) for n, k in (text.split(":") for text in found.message.splitlines())]
    counts: Counter[str] = Counter()
    for place in lines[::step]:
        bench.prepare()
        tracer = _Tracer(place)
        ended = run(lambda tracer=tracer: _traced(bench, tracer))
        # Threads take turns, so a line may not be reached by a run; it has then ended well.
        counts["not reached"] += not ended.killed
        count(bench, ended.killed, counts)
    return counts
