"""Errors that the native library tells nobody about."""

from __future__ import annotations

import gc
import sys
import threading

import numpy as np
import pytest
from codec_samples import ct_like

from dicube_core.codec import OpenJPHCodec
from dicube_core.codec.native_errors import _install, _UnraisableHook, call_native
from dicube_core.exceptions import DecodeError, EncodeError
from dicube_core.pixels import PixelFormat

FORMAT = PixelFormat.from_dtype("int16", 150, 200)
FRAME = ct_like()
CODEC = OpenJPHCodec()


@pytest.fixture
def hooks(monkeypatch):
    """Restore both hooks afterwards."""
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    return monkeypatch


@pytest.fixture(scope="module")
def swallowed():
    """Codestreams whose damage the bare decoder does not report to its caller."""
    import imagecodecs

    whole = CODEC.encode(FRAME, FORMAT)
    rng = np.random.default_rng(0)
    found = []
    noted = []
    before = sys.unraisablehook, sys.excepthook
    sys.unraisablehook = noted.append
    sys.excepthook = lambda *exc: None
    try:
        while len(found) < 5:
            damaged = bytearray(whole)
            start = rng.integers(400, len(whole) - 100)
            damaged[start : start + 64] = rng.bytes(64)
            noted.clear()
            try:
                imagecodecs.htj2k_decode(bytes(damaged))
            except RuntimeError:
                continue
            if noted:
                found.append(bytes(damaged))
    finally:
        noted.clear()
        sys.unraisablehook, sys.excepthook = before
    return found


def test_swallowed_error_is_raised(swallowed, capfd):
    for damaged in swallowed:
        with pytest.raises(DecodeError, match="HTJ2K library failed"):
            CODEC.decode(damaged, FORMAT)
    assert capfd.readouterr().err == ""
    assert np.array_equal(CODEC.decode(CODEC.encode(FRAME, FORMAT), FORMAT), FRAME)


def test_hook_that_somebody_else_installs_later(swallowed, hooks):
    CODEC.decode(CODEC.encode(FRAME, FORMAT), FORMAT)
    others = []
    for _ in range(3):
        hooks.setattr(sys, "unraisablehook", others.append)
        hooks.setattr(sys, "excepthook", lambda *exc: others.append(exc))
        with pytest.raises(DecodeError):
            CODEC.decode(swallowed[0], FORMAT)
    assert others == []


def test_hook_that_wraps_ours_makes_no_ring(swallowed, hooks):
    _install()
    seen = []
    for _ in range(3):
        ours = sys.unraisablehook

        def wrapper(unraisable, ours=ours):
            seen.append(str(unraisable.exc_value))
            ours(unraisable)

        hooks.setattr(sys, "unraisablehook", wrapper)
        with pytest.raises(DecodeError):
            CODEC.decode(swallowed[0], FORMAT)
    assert seen == []


class Failing:
    """Fails in its finaliser, which Python can only hand to the hook."""

    def __del__(self):
        raise ZeroDivisionError("in a finaliser")


def test_errors_of_others_are_passed_on(hooks):
    seen = []
    hooks.setattr(sys, "unraisablehook", lambda unraisable: seen.append(unraisable.exc_type))
    _install()
    assert isinstance(sys.unraisablehook, _UnraisableHook)

    def fail():
        Failing()
        gc.collect()

    fail()
    # Also in the middle of a native call of this very thread.
    assert call_native(fail, DecodeError) is None
    assert seen == [ZeroDivisionError, ZeroDivisionError]


def test_uncaught_exceptions_of_others_are_passed_on(hooks):
    seen = []
    hooks.setattr(sys, "excepthook", lambda *exc: seen.append(exc[0]))
    _install()
    sys.excepthook(KeyError, KeyError("x"), None)
    sys.excepthook(RuntimeError, RuntimeError("x"), None)
    assert seen == [KeyError, RuntimeError]


def test_result_is_not_trusted_when_the_hook_is_replaced_meanwhile(hooks):
    calls = []

    def once():
        calls.append(None)
        if len(calls) == 1:
            sys.unraisablehook = sys.__unraisablehook__
        return len(calls)

    assert call_native(once, DecodeError) == 2

    def always():
        sys.unraisablehook = sys.__unraisablehook__

    with pytest.raises(EncodeError, match="unraisablehook"):
        call_native(always, EncodeError)


def test_errors_stay_in_their_thread(swallowed):
    whole = CODEC.encode(FRAME, FORMAT)
    wrong = []
    barrier = threading.Barrier(8)

    def work(number):
        barrier.wait()
        for turn in range(12):
            if (number + turn) % 2:
                if not np.array_equal(CODEC.decode(whole, FORMAT), FRAME):
                    wrong.append("pixels")
            else:
                try:
                    CODEC.decode(swallowed[turn % len(swallowed)], FORMAT)
                except DecodeError:
                    continue
                wrong.append("no error")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
