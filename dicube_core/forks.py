"""Locks and threads do not survive a fork: whoever has some is told to begin anew in the child."""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from typing import Self

__all__ = [
    "LOADING",
    "ForkSafeLock",
    "LoadingLock",
    "Renewable",
    "lock_of",
    "renew_after_fork",
]


class Renewable(Protocol):
    """Something that holds locks or threads."""

    def renew(self) -> None:
        """Make new locks, and forget the threads; another thread may have held the old ones."""
        ...


class ForkSafeLock:
    """A re-entrant lock that is free in a child process, whoever held it in the parent."""

    def __init__(self) -> None:
        self.renew()
        renew_after_fork(self)

    def renew(self) -> None:
        """Make a new lock."""
        self._lock = threading.RLock()

    def __enter__(self) -> Self:
        self._lock.acquire()
        return self

    def __exit__(self, *exc: object) -> None:
        self._lock.release()


#: Seconds for which a fork waits at most: a thread may load something that the forking one holds.
_LONGEST_WAIT = 10.0


class LoadingLock(ForkSafeLock):
    """A lock that is held while others' modules are loaded; a fork waits until it is free.

    A process that is forked while another thread imports a module finds the lock of that module
    taken for ever, and hangs when it imports it. So it is with the lock under which imagecodecs
    loads its codecs. Nobody can renew those, so the fork is put off.
    """

    def __init__(self) -> None:
        super().__init__()
        self._own = threading.local()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._before_fork, after_in_parent=self._after_fork)

    def _before_fork(self) -> None:
        self._own.held = self._lock.acquire(timeout=_LONGEST_WAIT)

    def _after_fork(self) -> None:
        if self._own.held:
            self._lock.release()


_known: weakref.WeakSet[Renewable] = weakref.WeakSet()


def renew_after_fork(owner: Renewable) -> None:
    """Have ``owner.renew()`` called in every child process made from now on."""
    _known.add(owner)


def _renew_all() -> None:
    for owner in list(_known):
        owner.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)

#: Held while a codec is loaded.
LOADING = LoadingLock()

_guard = ForkSafeLock()
_locks: weakref.WeakValueDictionary[int, ForkSafeLock] = weakref.WeakValueDictionary()


def lock_of(shared: object) -> ForkSafeLock:
    """Return the one lock of an object that several use, such as an open file.

    Whoever keeps the lock has to keep the object, too: it is found by its place in memory.
    """
    with _guard:
        lock = _locks.get(id(shared))
        if lock is None:
            lock = _locks[id(shared)] = ForkSafeLock()
        return lock
