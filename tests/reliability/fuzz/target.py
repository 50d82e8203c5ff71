"""The form of a fuzz target."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

__all__ = ["Mutator", "Plain", "Target"]


class Plain(Protocol):
    """Changes bytes without knowing what they are."""

    def __call__(self, data: bytes, max_size: int) -> bytes:
        """Return other bytes, at most so many."""
        ...


class Mutator(Protocol):
    """Changes bytes in their own structure, so that the change gets past lengths and checksums."""

    def __call__(self, data: bytes, max_size: int, rng: Random, plain: Plain) -> bytes:
        """Return other bytes; mostly, but not always, at most so many."""
        ...


@dataclass(frozen=True, slots=True)
class Target:
    """One parser under test.

    Parameters
    ----------
    name : str
        Also the folder of its corpus.
    run : callable
        Takes bytes; raises only where a promise is broken.
    seeds : callable
        Gives well-formed inputs, made by our own generators.
    mutate : Mutator, optional
        Beside the changes that know nothing of the form.
    max_length : int
        Longest input that is tried.
    words : tuple of bytes
        What the form is made of, for the fuzzer to put in.
    """

    name: str
    run: Callable[[bytes], None]
    seeds: Callable[[], Iterable[bytes]]
    mutate: Mutator | None = None
    max_length: int = 4096
    words: tuple[bytes, ...] = ()
