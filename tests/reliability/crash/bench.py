"""One writer on the bench: its area, what it is before, and what an undisturbed run makes of it."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from reliability.crash.area import judge, look
from reliability.crash.children import DONE, Child, Ended, run

if TYPE_CHECKING:
    from pathlib import Path

    from reliability.crash.area import Verdict
    from reliability.crash.writers import Writer


def _require_part(path: Path, whole: bytes | None) -> None:
    """Check that all frames and headers of a file are in another, which has more."""
    import dicube_core

    assert whole is not None
    with dicube_core.open(path) as part, dicube_core.open(whole) as reader:
        known = {(bytes(h.head), reader.codestream(n)) for n, h in enumerate(reader.headers or ())}
        found = {(bytes(h.head), part.codestream(n)) for n, h in enumerate(part.headers or ())}
    if not found or not found < known:
        raise OSError("it holds something else")


class Bench:
    """Prepares, runs and judges one writer."""

    def __init__(self, writer: Writer, inputs: Path, area: Path) -> None:
        self.writer, self.inputs, self.area = writer, inputs, area
        self.prepare()
        self.before, _ = look(area)
        # Twice, as the machine may be busy: kills that come too late would show nothing.
        self.seconds = min(self._time_of_run() for _ in range(2))
        self.clean, litter = look(area)
        if self.clean == self.before or litter:
            raise SystemExit(f"{writer.name} writes nothing, or leaves {litter}")
        self.sweep_seconds = min(self._time_of_writing() for _ in range(2))

    def prepare(self) -> None:
        self.writer.prepare(self.inputs, self.area)

    def work(self) -> None:
        self.writer.write(self.inputs, self.area)

    def temporaries(self) -> bool:
        """Whether a temporary sibling is there."""
        from reliability.crash.area import _TEMPORARY

        folder = self.area / self.writer.target if self.writer.parts else self.area
        try:
            return any(_TEMPORARY.fullmatch(path.name) for path in folder.iterdir())
        except OSError:
            return False

    def _time_of_run(self) -> float:
        self.prepare()
        start = time.perf_counter()
        ended = run(self.work)
        seconds = time.perf_counter() - start
        if ended.code != DONE:
            raise SystemExit(f"{self.writer.name} fails undisturbed: {ended.message}")
        return seconds

    def _time_of_writing(self) -> float:
        """Return the seconds from the first sight of a temporary sibling to the end."""
        self.prepare()
        child = Child(self.work)
        deadline = time.perf_counter() + 2 * self.seconds
        while not self.temporaries() and time.perf_counter() < deadline:
            pass
        start = time.perf_counter()
        child.wait()
        return time.perf_counter() - start

    def judge(self) -> Verdict:
        return judge(self.before, self.clean, self.area, parts=self.writer.parts)

    def heed_unread_sources(self, verdict: Verdict) -> Verdict:
        """Accept files of a tree that lack what the run said it could not read."""
        if verdict.state != "mixture":
            return verdict
        after, _ = look(self.area)
        other = [n for n, f in after.items() if f not in (self.before.get(n), self.clean.get(n))]
        whole = all(
            run(lambda name=name: _require_part(self.area / name, self.clean[name][1])).code == DONE
            for name in other
            if name in self.clean
        )
        known = all(name in self.clean for name in other)
        return replace(verdict, state="fewer") if whole and known else verdict

    def next_save(self) -> tuple[Ended, Verdict]:
        """Write again, undisturbed, into what is there."""
        self.writer.clear(self.area)
        ended = run(self.work)
        return ended, self.judge()
