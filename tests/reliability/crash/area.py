"""What is in a folder, and whether that is the old, the new, or something that must not be."""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: Path below the area -> permissions, and content (None for a folder).
State = dict[str, tuple[int, bytes | None]]

_TEMPORARY = re.compile(r"\.[^/]+\.dcbs-[0-9a-f]{12}(?:\.tmp)?(?:/.*)?")


@dataclass(frozen=True)
class Verdict:
    """What an area holds.

    `state` is old, new, between (some of several files are new), fewer (a file has all slices of
    those sources that could be read; the others were told to be unreadable), lost or mixture.
    """

    state: str
    litter: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return self.state in ("old", "new", "between", "fewer")


def look(area: Path) -> tuple[State, tuple[str, ...]]:
    """Return what is there, and what of it is a temporary sibling."""
    state: State = {}
    litter = []
    for path in sorted(area.rglob("*")):
        name = path.relative_to(area).as_posix()
        folder, _, last = name.rpartition("/")
        if _TEMPORARY.fullmatch(last) or _TEMPORARY.search(folder):
            litter.append(name)
            continue
        mode = path.lstat().st_mode
        content = path.read_bytes() if stat.S_ISREG(mode) else None
        state[name] = (stat.S_IMODE(mode), content)
    return state, tuple(litter)


def judge(before: State, clean: State, area: Path, *, parts: bool = False) -> Verdict:
    """Compare an area with what it was, and with what it is after a run that nothing disturbs."""
    after, litter = look(area)
    if after == clean:
        return Verdict("new", litter)
    if after == before:
        return Verdict("old", litter)
    if before.keys() - after.keys():
        return Verdict("lost", litter)
    known = all(found in (before.get(name), clean.get(name)) for name, found in after.items())
    return Verdict("between" if parts and known else "mixture", litter)
