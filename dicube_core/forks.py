"""Locks and threads do not survive a fork: whoever has some is told to begin anew in the child."""

from __future__ import annotations

import os
import weakref
from typing import Protocol

__all__ = ["Renewable", "renew_after_fork"]


class Renewable(Protocol):
    """Something that holds locks or threads."""

    def renew(self) -> None:
        """Make new locks, and forget the threads; another thread may have held the old ones."""
        ...


_known: weakref.WeakSet[Renewable] = weakref.WeakSet()


def renew_after_fork(owner: Renewable) -> None:
    """Have ``owner.renew()`` called in every child process made from now on."""
    _known.add(owner)


def _renew_all() -> None:
    for owner in list(_known):
        owner.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
