"""A fault at every system call that changes the file system, one after the other (strace)."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from reliability.crash.children import DONE, REFUSED, Child

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reliability.crash.bench import Bench
    from reliability.crash.children import Ended

#: System calls, and the errors that each may have.
FAULTS = {
    "openat": ("ENOSPC", "EDQUOT", "EIO", "EMFILE", "ESTALE", "EROFS"),
    "write": ("ENOSPC", "EDQUOT", "EIO", "EFBIG", "ESTALE", "EINTR"),
    "fsync": ("EIO", "ENOSPC", "EDQUOT", "ESTALE"),
    "rename": ("EIO", "ENOSPC", "EXDEV", "ESTALE", "EROFS"),
    "unlink": ("EIO", "ESTALE"),
    "chmod": ("EIO", "ESTALE"),
    "mkdir": ("ENOSPC", "EDQUOT", "EIO"),
    "rmdir": ("EIO",),
    "flock": ("ENOLCK", "ENOSYS", "EIO"),
    "ftruncate": ("EIO",),
}
#: By other names, on other processors and in other versions of libraries.
_NAMES = {
    "rename": "?rename,?renameat,?renameat2",
    "unlink": "?unlink,?unlinkat",
    "chmod": "?chmod,?fchmod,?fchmodat",
    "mkdir": "?mkdir,?mkdirat",
    "rmdir": "?rmdir",
    "openat": "?open,openat",
    "write": "write,?pwrite64,?writev",
    "fsync": "fsync,?fdatasync",
}
_LINE = re.compile(r"(\d+)\s+(?:<\.\.\. )?([a-z0-9_]+)")


@dataclass
class Faults:
    """What became of the runs of one kind of fault."""

    counts: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)


def reason_not_to() -> str:
    """Return why system calls cannot be tampered with here, empty where they can."""
    if shutil.which("strace") is None:
        return "strace is not installed"
    child = Child(lambda: None, gated=True)
    try:
        process, said = _attach(child, ["-e", "inject=?rmdir:error=EIO"], "/dev/null")
    finally:
        child.open_gate()
    child.wait()
    process.wait()
    return "" if "attached" in said else f"strace may not trace here: {said.strip()}"


def _attach(child: Child, options: list[str], log: str | Path) -> tuple[subprocess.Popen[str], str]:
    command = ["strace", "-f", "-qqq", "-y", "-o", str(log), *options, "-p", str(child.pid)]
    command.remove("-qqq")  # "attached" is the sign that it has begun
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    return process, process.stderr.readline()


def run_traced(bench: Bench, options: list[str], log: Path) -> Ended:
    """Run a writer under strace."""
    child = Child(bench.work, gated=True)
    process, said = _attach(child, options, log)
    child.open_gate()
    ended = child.wait()
    if process.stderr is not None:
        process.stderr.read()
        process.stderr.close()
    process.wait()
    if "attached" not in said:
        raise SystemExit(f"strace: {said}")
    return ended


def calls_made(bench: Bench, log: Path) -> dict[str, int]:
    """Return how often the busiest thread makes each call."""
    bench.prepare()
    names = ",".join(_NAMES.get(call, call) for call in FAULTS)
    ended = run_traced(bench, ["-e", f"trace={names}"], log)
    if ended.code != DONE:
        raise SystemExit(f"{bench.writer.name} fails under strace: {ended.message}")
    counted: Counter[tuple[str, str]] = Counter()
    for line in log.read_text(errors="replace").splitlines():
        found = _LINE.match(line)
        if found is not None and "resumed" not in line:
            counted[found[1], found[2]] += 1
    return {
        call: max((n for (_, name), n in counted.items() if f"?{name}" in _family(call)), default=0)
        for call in FAULTS
    }


def _family(call: str) -> set[str]:
    return {f"?{name.lstrip('?')}" for name in _NAMES.get(call, call).split(",")}


def _plans(call: str, times: int, errors: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Yield kind of fault and what strace is to do, for every call.

    A disk may also stay as it is, and then not even let the temporary sibling be removed.
    """
    names = _NAMES.get(call, call)
    for number in range(1, times + 1):
        yield "killed", f"inject={names}:signal=KILL:when={number}"
        for error in errors:
            yield error, f"inject={names}:error={error}:when={number}"
    if call in ("write", "fsync"):
        for number in range(1, times + 1):
            for_good = f"inject={names}:error={errors[0]}:when={number}+"
            yield f"{errors[0]} for good", for_good
            yield f"{errors[0]}, no unlink", f"{for_good} inject={_NAMES['unlink']}:error=EROFS"


def inject(bench: Bench, log: Path, step: int = 1) -> dict[str, Faults]:
    """Let every call fail in every way, and kill at it; `step` takes every so many-th plan."""
    result: dict[str, Faults] = {}
    made = calls_made(bench, log)
    plans = [
        (call, kind, plan)
        for call, errors in FAULTS.items()
        for kind, plan in _plans(call, made[call], errors)
    ]
    for call, kind, plan in plans[::step]:
        bench.prepare()
        options = [word for part in plan.split() for word in ("-e", part)]
        ended = run_traced(bench, options, log)
        _count(bench, call, kind, ended, log, result.setdefault(call, Faults()))
    return result


def _count(bench: Bench, call: str, kind: str, ended: Ended, log: Path, faults: Faults) -> None:
    hit = ended.killed if kind == "killed" else "(INJECTED)" in log.read_text(errors="replace")
    verdict = bench.judge()
    if call == "openat" and ended.code == REFUSED and bench.writer.parts:
        verdict = bench.heed_unread_sources(verdict)
    counts = faults.counts
    counts["runs"] += 1
    counts["hit"] += hit
    counts[verdict.state] += 1
    problem = "" if verdict.ok else verdict.state
    if kind != "killed":
        counts["error" if ended.code == REFUSED else "done" if ended.code == DONE else "bad"] += 1
        if ended.code not in (DONE, REFUSED):
            problem = "unclean end"
        elif bench.writer.name in _CACHES:
            pass
        elif ended.code == DONE and verdict.state != "new":
            problem = "said to be done, and is not"
        elif call == "fsync" and hit and ended.code == DONE:
            problem = "a failed fsync was swallowed"
    following, after = bench.next_save()
    if following.code != DONE or after.state != "new":
        problem = f"the next save fails: {following.message or after.state}"
    if after.litter:
        counts["litter"] += 1
        problem = f"litter after the next save: {after.litter}"
    if problem:
        faults.problems.append(
            f"{bench.writer.name}: {call} {kind}: {problem}; {ended.code} {ended.message[-900:]}"
        )


#: A cache that cannot be written is no failure.
_CACHES = ("capability cache",)
