"""Probes that misbehave in every way there is: the sandbox has to tell each by its name."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import DicomCubeError
from reliability.malformed.suite import Suite
from reliability.malformed.variant import Base, Probe, Variant

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["EXPECTED", "misbehaving"]

_GOOD, _BAD = b"DCMCUBES good", b"DCMCUBES bad!"
_METADATA = frozenset(("metadata", "pixels"))


def _told(data: bytes) -> dict[str, str]:
    return {"pixels": data.hex()}


def _when_bad(act: Callable[[Path, Path], Any]) -> Callable[[Path, Path], dict[str, str]]:
    """Return a probe that reads the good file, and does something else with the other."""

    def read(path: Path, folder: Path) -> dict[str, str]:
        data = path.read_bytes()
        if data != _GOOD:
            act(path, folder)
        return _told(_GOOD)

    return read


def _raise(error: BaseException) -> None:
    raise error


def _fill_memory(*_: object) -> None:
    kept = bytearray(600 << 20)
    kept[::4096] = b"x" * len(kept[::4096])


def _too_much_memory(*_: object) -> None:
    bytearray(8 << 30)


class _RawError(DicomCubeError):
    """Says what a file says as it is, control characters and all."""

    def __str__(self) -> str:
        return f"{self.message}\x1b[2J"


def _leave_and_refuse(path: Path, folder: Path) -> None:
    (folder / "slice_0000.dcm").write_bytes(b"x")
    raise DicomCubeError(f"{path}: the header is damaged")


def _change_file(path: Path, _: Path) -> None:
    path.write_bytes(b"other")


def _in_thread(*_: object) -> None:
    thread = threading.Thread(target=lambda: _raise(ValueError("lost")))
    thread.start()
    thread.join()


def _spin(*_: object) -> None:
    while True:
        pass


#: Name of the probe, what it does with the malformed file, and what has to be said of it.
_MISBEHAVIOUR: tuple[tuple[str, Callable[[Path, Path], Any], str], ...] = (
    ("reads right", lambda *_: None, "right"),
    (
        "refuses",
        lambda p, _: _raise(DicomCubeError(f"{p}: it is damaged at byte 4")),
        "clear error",
    ),
    ("crashes", lambda *_: os.kill(os.getpid(), signal.SIGSEGV), "crash"),
    ("ends itself", lambda *_: os._exit(3), "crash"),
    ("hangs", _spin, "hang"),
    ("fills memory", _fill_memory, "memory"),
    ("wants too much memory", _too_much_memory, "memory"),
    ("KeyError", lambda *_: _raise(KeyError("00080018")), "unclean exception"),
    ("OSError", lambda *_: _raise(OSError("no")), "unclean exception"),
    ("fails in a thread", _in_thread, "unclean exception"),
    (
        "names no file",
        lambda *_: _raise(DicomCubeError("it is damaged at byte 4")),
        "unclear error",
    ),
    (
        "has internals",
        lambda p, _: _raise(
            DicomCubeError(f"{p}: frame 1: 'NoneType' object is not subscriptable")
        ),
        "unclear error",
    ),
    (
        "prints what a file says",
        lambda p, _: _raise(_RawError(f"{p}: the header is damaged: ")),
        "unclear error",
    ),
    (
        "names no place",
        lambda p, _: _raise(DicomCubeError(f"{p}: not valid JSON")),
        "unclear error",
    ),
    ("says nothing", lambda p, _: _raise(DicomCubeError(f"{p}: x")), "unclear error"),
    ("leaves litter", _leave_and_refuse, "litter"),
    ("changes the file", _change_file, "litter"),
)
EXPECTED = {
    **{name: outcome for name, _, outcome in _MISBEHAVIOUR},
    "wrong data": "wrong data",
    "framework's own error": "unclean exception",
    "reads all, and passes damage": "right",
    "proves what it takes": "right",
    "reads right after a crash": "right",
}


def misbehaving(_seed: int, _mutations: int) -> Suite:
    """Return the suite of the sandbox's own tests."""
    probes = [Probe(name, _when_bad(act)) for name, act, _ in _MISBEHAVIOUR]
    probes += [
        Probe("wrong data", lambda path, _: _told(path.read_bytes())),
        Probe(
            "framework's own error",
            _when_bad(lambda p, _: _raise(RuntimeError(f"{p}: unable to read the header"))),
            (RuntimeError,),
        ),
        Probe("reads right after a crash", _when_bad(lambda *_: time.sleep(0))),
        Probe("reads all, and passes damage", _when_bad(lambda *_: None), reads_all=True),
        Probe(
            "proves what it takes",
            lambda path, _: {"metadata": str(path.read_bytes().endswith(b"!?"))},
            proves=frozenset(("metadata",)),
        ),
    ]
    base = Base("base", _GOOD, checksums=True)
    variants = [
        Variant("base", "lies", "bad", lambda: _BAD),
        Variant("base", "valid", "other pixels", lambda: _BAD, may_differ=frozenset({"pixels"})),
        Variant("base", "forbidden", "bad", lambda: _BAD, refused=True),
        Variant("base", "damage", "damaged: bad", lambda: _BAD),
        *(
            Variant("base", "metadata", f"{way}: bad", lambda: _BAD + b"!?", False, _METADATA)
            for way in ("recomputed", "plain")
        ),
    ]
    return Suite((base,), tuple(variants), tuple(probes))
