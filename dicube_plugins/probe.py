"""Lets a consumer read the probe slices, and compares what it read value by value.

"No error" shows nothing: there are readers that return zeros. What counts is that every value is
that of the slice.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dicube_plugins._process import describe_status, run_limited
from dicube_plugins.capability import PROBED, Capability, Outcome, ProbeResult
from dicube_plugins.consumers.base import PROGRAM, PYTHON
from dicube_plugins.probe_slices import probe_slices

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dicube_plugins.consumers.base import Consumer
    from dicube_plugins.installation import Installation
    from dicube_plugins.probe_slices import ProbeSlice

__all__ = ["DEFAULT_TIMEOUT", "probe"]

#: Seconds for one consumer and one transfer syntax. Loading a framework from a cold disk is slow.
DEFAULT_TIMEOUT = 60.0
#: What the answer to a few 16x16 slices never exceeds.
_MAX_ANSWER = 1 << 20


def probe(
    consumer: Consumer, installation: Installation, timeout: float = DEFAULT_TIMEOUT
) -> Capability:
    """Ask a consumer to read slices in every transfer syntax of `PROBED`, each in a new process.

    Parameters
    ----------
    consumer : Consumer
        Who.
    installation : Installation
        Which of its installations.
    timeout : float
        Seconds per transfer syntax; the process and its children are killed then.

    Returns
    -------
    Capability
        Whatever the consumer does, this function returns.
    """
    results: list[ProbeResult] = []
    versions = dict(installation.versions)
    if installation.missing:
        results = [ProbeResult(s, Outcome.MISSING, installation.missing) for s in PROBED]
    for syntax in PROBED[len(results) :]:
        control = results[0] if results else None
        if control is not None and control.outcome is not Outcome.EQUAL:
            results.append(_without_control(syntax, control))
            continue
        result, said = _probe_syntax(consumer, installation, syntax, timeout)
        results.append(result)
        versions |= said
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return Capability(consumer.name, installation.executable, versions, tuple(results), now)


def _without_control(syntax: str, control: ProbeResult) -> ProbeResult:
    if control.outcome is Outcome.MISSING:
        return ProbeResult(syntax, Outcome.MISSING, control.message)
    message = f"uncompressed slices: {control.outcome}: {control.message}"
    return ProbeResult(syntax, Outcome.CONTROL_FAILED, message, conclusive=control.conclusive)


def _probe_syntax(
    consumer: Consumer, installation: Installation, syntax: str, timeout: float
) -> tuple[ProbeResult, dict[str, str]]:
    """Probe one transfer syntax; also return the versions that the consumer said it has."""
    slices = probe_slices(syntax)
    start = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="dicube-probe-", ignore_cleanup_errors=True) as name:
        answer, failure, conclusive = _ask(consumer, installation, Path(name), slices, timeout)
    seconds = round(time.perf_counter() - start, 3)
    if failure:
        result = ProbeResult(syntax, Outcome.ERROR, failure, seconds, conclusive)
        return result, {}
    if "missing" in answer:
        return ProbeResult(syntax, Outcome.MISSING, str(answer["missing"]), seconds), {}
    said = answer.get("versions")
    versions = {str(k): str(v) for k, v in said.items()} if isinstance(said, dict) else {}
    outcome, message = _judge(answer.get("slices"), slices)
    message = message.replace(f"{name}{os.sep}", "")  # the folder is another each time
    return ProbeResult(syntax, outcome, message, seconds), versions


def _ask(
    consumer: Consumer,
    installation: Installation,
    folder: Path,
    slices: Sequence[ProbeSlice],
    timeout: float,
) -> tuple[dict[str, Any], str, bool]:
    """Run the consumer: its answer, or why there is none, and whether that would be so again."""
    # Each in a folder of its own, as some tools look around in it.
    paths = [folder / str(number) / "slice.dcm" for number in range(len(slices))]
    for path, item in zip(paths, slices, strict=True):
        path.parent.mkdir()
        path.write_bytes(item.data)
    answer, errors = folder / "answer.json", folder / "errors.txt"
    work = folder / "work"
    work.mkdir()
    known = {PYTHON: installation.python, PROGRAM: installation.executable}
    command = [*(known.get(part, part) for part in consumer.command), *map(str, (answer, *paths))]
    try:
        with errors.open("wb") as file:
            status = run_limited(
                command, timeout, folder=work, stdout=subprocess.DEVNULL, stderr=file.fileno()
            )
    except OSError as exc:
        return {}, f"cannot be started: {exc}", False
    if status is None:
        return {}, f"no answer within {timeout:g} s", False
    try:
        if answer.stat().st_size > _MAX_ANSWER:
            return {}, "its answer is too long", True
        found = json.loads(answer.read_bytes())
    except (OSError, ValueError):
        found = None
    if isinstance(found, dict) and status == 0:
        return found, "", True
    said = _end_of(errors)
    ending = describe_status(status)
    return {}, f"no valid answer ({ending}){': ' if said else ''}{said}", True


def _end_of(path: Path) -> str:
    """Return the last few lines of a text that may be long."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 600))
        return file.read().decode("utf-8", "replace").strip()


def _judge(answers: object, slices: Sequence[ProbeSlice]) -> tuple[Outcome, str]:
    """Compare what was read with the truth: the worst outcome, and what shows it."""
    if not isinstance(answers, list) or len(answers) != len(slices):
        return Outcome.ERROR, f"no answer for each of {len(slices)} slices"
    wrong, failed = [], []
    for answer, item in zip(answers, slices, strict=True):
        values = answer.get("values") if isinstance(answer, dict) else None
        if isinstance(values, list):
            difference = _difference(values, item.values)
            if difference:
                wrong.append(f"{item.name}: {difference}")
        else:
            said = answer.get("error") if isinstance(answer, dict) else answer
            failed.append(f"{item.name}: {said}")
    if wrong:
        return Outcome.WRONG, "; ".join(wrong + failed)
    if failed:
        count = f"{len(failed)} of {len(slices)} slices; " if len(failed) < len(slices) else ""
        return Outcome.ERROR, count + failed[0]
    n_values = sum(len(item.values) for item in slices)
    return Outcome.EQUAL, f"all {n_values} values of {len(slices)} slices are equal"


def _difference(found: Sequence[object], truth: Sequence[int]) -> str:
    """Describe how values differ, empty where they do not."""
    if len(found) != len(truth):
        return f"{len(found)} values instead of {len(truth)}"
    bad = [i for i, v in enumerate(found) if type(v) not in (int, float) or v != truth[i]]
    if not bad:
        return ""
    kind = "; all are zero" if not any(found) else ""
    return (
        f"{len(bad)} of {len(truth)} values differ, the first is {found[bad[0]]!r} instead of "
        f"{truth[bad[0]]}{kind}"
    )
