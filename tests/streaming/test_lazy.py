"""What stands under the readers: lazy attributes without locks, locks that survive a fork."""

import os
import threading
from types import SimpleNamespace

import pytest

from dicube_core.codec.codestream import rpcl_obstacle
from dicube_core.forks import ForkSafeLock
from dicube_core.lazy import lazy

TIMEOUT = 60


class Slow:
    """Has an attribute that takes until the gate opens."""

    def __init__(self):
        self.gate, self.begun, self.calls = threading.Event(), threading.Semaphore(0), 0

    @lazy
    def value(self):
        """An object."""
        self.calls += 1
        self.begun.release()
        assert self.gate.wait(TIMEOUT)
        return object()


def test_computed_once_and_the_same_for_all():
    slow, found = Slow(), []
    threads = [threading.Thread(target=lambda: found.append(slow.value)) for _ in range(4)]
    for thread in threads:
        thread.start()
    assert slow.begun.acquire(timeout=TIMEOUT)
    slow.gate.set()
    for thread in threads:
        thread.join(TIMEOUT)
    assert len(found) == 4
    assert {id(value) for value in found} == {id(slow.value)}
    before = slow.calls
    assert slow.value is slow.value
    assert slow.calls == before


def test_one_object_does_not_wait_for_another():
    slow, quick = Slow(), Slow()
    quick.gate.set()
    thread = threading.Thread(target=lambda: slow.value)
    thread.start()
    assert slow.begun.acquire(timeout=TIMEOUT)
    other = threading.Thread(target=lambda: quick.value)
    other.start()
    other.join(TIMEOUT)
    assert not other.is_alive()
    slow.gate.set()
    thread.join(TIMEOUT)


def test_an_error_is_not_kept():
    class Failing:
        fails = True

        @lazy
        def value(self):
            if self.fails:
                raise ValueError("not yet")
            return 1

    failing = Failing()
    with pytest.raises(ValueError, match="not yet"):
        _ = failing.value
    failing.fails = False
    assert failing.value == 1


def test_on_the_class_it_is_itself():
    assert isinstance(Slow.value, lazy)
    assert Slow.value.__doc__ == "An object."


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_a_lock_held_elsewhere_is_free_in_a_child():
    lock, held, release = ForkSafeLock(), threading.Event(), threading.Event()

    def hold():
        with lock, lock:  # re-entrant
            held.set()
            release.wait(TIMEOUT)

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(TIMEOUT)
    child = os.fork()
    if not child:
        import signal

        signal.alarm(TIMEOUT)
        with lock:
            os._exit(7)
    release.set()
    thread.join(TIMEOUT)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({}, ""),
        ({"progression": "LRCP"}, "its progression is LRCP"),
        ({"has_tlm": False}, "no TLM marker"),
        ({"rows": 2049}, "lowest resolution is 65 wide"),
        ({"rows": 1, "columns": 130, "levels": 1}, "lowest resolution is 65 wide"),
        ({"columns": 64, "rows": 1, "levels": 0}, ""),
    ],
)
def test_what_keeps_a_codestream_from_being_htj2k_rpcl(facts, words):
    usual = {"progression": "RPCL", "has_tlm": True, "rows": 512, "columns": 512, "levels": 5}
    found = rpcl_obstacle(SimpleNamespace(**usual | facts))
    assert words in found
    assert bool(found) == bool(words)
