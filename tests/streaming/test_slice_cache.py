"""The cache by itself: bounds, order, one load per key, no waiting for others, an end."""

import random
import threading

import pytest

from dicube_core.exceptions import ReaderClosedError
from dicube_core.slice_cache import SliceCache

TIMEOUT = 60


MADE = []


@pytest.fixture(autouse=True)
def _leave_no_threads(monkeypatch):
    monkeypatch.setattr("dicube_core.slice_cache._IDLE", 0.01)
    yield
    while MADE:
        MADE.pop().close()


class Loads:
    """Makes values of a given size, counts how often, and may be held up or made to fail."""

    def __init__(self, size=10):
        self.size, self.calls = size, []
        self.lock, self.begun = threading.Lock(), threading.Semaphore(0)
        self.gates, self.errors = {}, {}

    def hold(self, key):
        self.gates[key] = threading.Event()
        return self.gates[key]

    def __call__(self, key):
        with self.lock:
            self.calls.append(key)
        self.begun.release()
        if key in self.gates:
            assert self.gates[key].wait(TIMEOUT)
        if key in self.errors:
            raise self.errors[key]
        return bytes([key % 256]) * self.size


class Asking(threading.Thread):
    """Asks for one key, and keeps what came of it."""

    def __init__(self, cache, key):
        super().__init__()
        self.cache, self.key, self.value, self.error = cache, key, None, None
        self.start()

    def run(self):
        try:
            self.value = self.cache.get(self.key)
        except BaseException as error:  # noqa: BLE001 - looked at by the test
            self.error = error

    def outcome(self):
        self.join(TIMEOUT)
        assert not self.is_alive(), "it hangs"
        return self.value if self.error is None else self.error


def make(load, max_items=4, max_bytes=1000, n_threads=2):
    MADE.append(SliceCache(load, max_items=max_items, max_bytes=max_bytes, n_threads=n_threads))
    return MADE[-1]


def wait_until(condition):
    for _ in range(TIMEOUT * 1000):
        if condition():
            return
        threading.Event().wait(0.001)
    raise AssertionError("it never came to that")


def threads_of(cache):
    """Return the cache's own threads: those of other tests may still be about to end."""
    return {thread for thread in cache._threads | cache._ending if thread.is_alive()}


def settle(cache):
    """Wait until the cache's own threads have ended."""
    wait_until(lambda: not threads_of(cache))


def test_least_recently_used_goes_first():
    load = Loads()
    cache = make(load, max_items=3)
    for key in (1, 2, 3, 1, 4, 1, 2):
        assert cache.get(key) == bytes([key]) * 10
    assert load.calls == [1, 2, 3, 4, 2]  # 4 pushed out 2, then 2 pushed out 3
    assert [key for key in (1, 2, 3, 4) if key in cache._values] == [1, 2, 4]
    counts = cache.counts
    assert (counts.hits, counts.misses, counts.evictions) == (2, 5, 2)
    assert (len(cache), cache.n_bytes, cache.n_flying) == (3, 30, 0)


def test_bounded_by_bytes():
    load = Loads(size=40)
    cache = make(load, max_items=100, max_bytes=100)
    for key in range(5):
        cache.get(key)
    assert (len(cache), cache.n_bytes) == (2, 80)
    assert cache.counts.evictions == 3


def test_a_value_beyond_the_bound_is_delivered_and_pushes_nothing_out():
    load = Loads()
    cache = make(load, max_bytes=50)
    cache.get(1)
    load.size = 60
    assert len(cache.get(2)) == 60
    assert (len(cache), cache.n_bytes) == (1, 10)
    cache.get(1)
    assert load.calls == [1, 2]
    cache.get(2)
    assert load.calls == [1, 2, 2]


@pytest.mark.parametrize("bounds", [{"max_items": 0}, {"max_bytes": 0}])
def test_nothing_is_kept_by_a_cache_of_no_size(bounds):
    load = Loads()
    cache = make(load, **bounds)
    assert cache.get(1) == cache.get(1) == b"\1" * 10
    assert load.calls == [1, 1]
    assert (len(cache), cache.n_bytes, cache.counts.misses) == (0, 0, 2)


def test_bounds_hold_and_counts_add_up_whatever_is_asked_for():
    rng, load = random.Random(2), Loads()
    cache = make(load, max_items=7, max_bytes=55)
    asked = [[rng.randrange(20) for _ in range(200)] for _ in range(6)]
    seen = []

    def work(keys):
        for key in keys:
            assert cache.get(key) == bytes([key]) * 10
            if key % 5 == 0:
                cache.preload(range(key, key + 3))
            seen.append((len(cache), cache.n_bytes))

    threads = [threading.Thread(target=work, args=(keys,)) for keys in asked]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    settle(cache)
    counts = cache.counts
    assert counts.hits + counts.misses == 6 * 200
    assert max(seen) <= (5, 50)
    assert cache.n_bytes == 10 * len(cache) == sum(map(len, cache._values.values()))
    preloads = len(load.calls) - counts.misses
    unused = len(cache._unused)
    assert preloads == counts.preloads_used + counts.preloads_wasted + unused
    assert len(load.calls) == counts.evictions + len(cache)


def test_one_load_however_many_ask():
    load = Loads()
    gate = load.hold(1)
    cache = make(load)
    asking = [Asking(cache, 1) for _ in range(16)]
    wait_until(lambda: sum(cache.counts.__dict__.values()) == 16)
    gate.set()
    assert {thread.outcome() for thread in asking} == {b"\1" * 10}
    assert load.calls == [1]
    assert (cache.counts.misses, cache.counts.hits) == (1, 15)


def test_one_error_for_all_who_ask_and_another_try_later():
    load = Loads()
    gate, load.errors[1] = load.hold(1), ValueError("damaged")
    cache = make(load)
    asking = [Asking(cache, 1) for _ in range(6)]
    wait_until(lambda: sum(cache.counts.__dict__.values()) == 6)
    gate.set()
    assert {thread.outcome() for thread in asking} == {load.errors[1]}
    assert load.calls == [1]
    load.errors.clear()
    assert cache.get(1) == b"\1" * 10
    assert (len(cache), cache.n_flying) == (1, 0)


def test_hits_and_other_loads_do_not_wait():
    load = Loads()
    cache = make(load)
    cache.get(2)
    gate = load.hold(1)
    blocked = Asking(cache, 1)
    wait_until(lambda: load.calls == [2, 1])
    assert Asking(cache, 2).outcome() == b"\2" * 10  # a hit
    assert Asking(cache, 3).outcome() == b"\3" * 10  # another miss
    cache.clear()
    assert (len(cache), cache.counts.misses) == (0, 3)
    assert blocked.is_alive()
    gate.set()
    assert blocked.outcome() == b"\1" * 10
    assert cache.get(1) == b"\1" * 10
    assert load.calls == [2, 1, 3]


def test_an_interrupted_load_is_nobody_elses_business():
    load = Loads()
    gate, load.errors[1] = load.hold(1), KeyboardInterrupt()
    cache = make(load)
    first = Asking(cache, 1)
    wait_until(lambda: load.calls == [1])
    others = [Asking(cache, 1) for _ in range(3)]
    wait_until(lambda: cache.counts.hits == 3)
    cache._load = Loads()  # for whoever tries next
    gate.set()
    assert isinstance(first.outcome(), KeyboardInterrupt)
    assert {thread.outcome() for thread in others} == {b"\1" * 10}
    assert load.calls == cache._load.calls == [1]


def test_preloading():
    load = Loads()
    cache = make(load, max_items=10)
    cache.get(1)
    cache.preload([1, 2, 3, 4])
    wait_until(lambda: len(cache) == 4)
    assert sorted(load.calls) == [1, 2, 3, 4]
    assert cache.counts.preloads_used == cache.counts.preloads_wasted == 0
    assert (cache.get(2), cache.get(2), cache.get(3)) == (b"\2" * 10, b"\2" * 10, b"\3" * 10)
    assert (cache.counts.preloads_used, cache.counts.hits, cache.counts.misses) == (2, 3, 1)
    cache.clear()
    assert (cache.counts.preloads_used, cache.counts.preloads_wasted) == (2, 1)
    cache.preload([5])
    wait_until(lambda: len(cache) == 1)
    for key in range(10, 20):
        cache.get(key)
    assert cache.counts.preloads_wasted == 2


def test_a_preload_that_is_waited_for_is_used():
    load = Loads()
    gate = load.hold(5)
    cache = make(load)
    cache.preload([5])
    wait_until(lambda: load.calls == [5])
    asking = Asking(cache, 5)
    wait_until(lambda: cache.counts.preloads_used == 1)
    gate.set()
    assert asking.outcome() == b"\5" * 10
    assert load.calls == [5]


def test_what_is_only_queued_is_not_waited_for():
    load = Loads()
    gates = [load.hold(key) for key in (1, 2)]
    cache = make(load)
    cache.preload([1, 2, 3])  # both threads are held up, 3 is queued behind them
    wait_until(lambda: sorted(load.calls) == [1, 2])
    assert Asking(cache, 3).outcome() == b"\3" * 10
    for gate in gates:
        gate.set()
    wait_until(lambda: len(cache) == 3)
    assert sorted(load.calls) == [1, 2, 3]
    assert (cache.counts.misses, cache.counts.preloads_used) == (1, 0)


def test_a_later_preload_takes_the_place_of_what_is_queued():
    load = Loads()
    gate = load.hold(1)
    cache = make(load, n_threads=1)
    cache.preload([1, 2, 3])
    wait_until(lambda: load.calls == [1])
    cache.preload([7, 1])
    gate.set()
    wait_until(lambda: len(cache) == 2)
    settle(cache)
    assert load.calls == [1, 7]


def test_errors_of_preloads_come_up_when_the_key_is_asked_for():
    load = Loads()
    load.errors[2] = ValueError("damaged")
    cache = make(load)
    cache.preload([1, 2, 3])
    settle(cache)
    assert (len(cache), cache.n_flying, cache.counts.preloads_wasted) == (2, 0, 0)
    with pytest.raises(ValueError, match="damaged"):
        cache.get(2)
    assert load.calls.count(2) == 2
    load.errors.clear()
    assert cache.get(2) == b"\2" * 10


def test_never_more_threads_than_allowed_and_none_when_idle():
    load = Loads()
    gates = [load.hold(key) for key in range(6)]
    cache = make(load, max_items=10, n_threads=3)
    for _ in range(5):
        cache.preload(range(6))
    for _ in range(3):
        assert load.begun.acquire(timeout=TIMEOUT)
    assert len(threads_of(cache)) == 3
    for gate in gates:
        gate.set()
    wait_until(lambda: len(cache) == 6)
    settle(cache)
    cache.preload([8])  # and there are threads again when there is something to do
    wait_until(lambda: len(cache) == 7)


def test_no_thread_to_be_had(monkeypatch):
    def refuse(_):
        raise RuntimeError("can't start new thread")

    cache = make(Loads())
    monkeypatch.setattr(threading.Thread, "start", refuse)
    cache.preload([1, 2])
    monkeypatch.undo()
    assert cache.get(1) == b"\1" * 10
    cache.close()


@pytest.mark.parametrize("begun", [False, True], ids=["before", "after"])
def test_an_interrupt_while_a_thread_is_started(begun, monkeypatch):
    def start(thread, *, real=threading.Thread.start):
        if begun:
            real(thread)
        raise KeyboardInterrupt

    cache = make(Loads(), n_threads=1)
    monkeypatch.setattr(threading.Thread, "start", start)
    with pytest.raises(KeyboardInterrupt):
        cache.preload([1])
    monkeypatch.setattr(threading.Thread, "start", start.__kwdefaults__["real"])
    cache.preload([2])
    wait_until(lambda: 2 in cache)
    cache.close()
    assert not threads_of(cache)


def test_close_answers_all_who_wait_and_ends_the_threads():
    load = Loads()
    gates = [load.hold(key) for key in (1, 2)]
    cache = make(load, n_threads=1)
    cache.preload([2, 3, 4])
    first = Asking(cache, 1)
    wait_until(lambda: sorted(load.calls) == [1, 2])
    waiting = [Asking(cache, key) for key in (1, 1, 2, 2)]
    wait_until(lambda: cache.counts.hits == 4)
    closing = threading.Thread(target=cache.close)
    closing.start()
    for thread in waiting:  # though nothing was loaded yet
        assert isinstance(thread.outcome(), ReaderClosedError)
    assert closing.is_alive()  # a thread is still at it
    for gate in gates:
        gate.set()
    closing.join(TIMEOUT)
    assert not closing.is_alive()
    assert first.outcome() == b"\1" * 10  # it was loaded, so it is delivered
    assert sorted(load.calls) == [1, 2]
    assert (len(cache), cache.n_bytes, cache.n_flying) == (0, 0, 0)
    assert not threads_of(cache)


def test_close_waits_for_a_thread_that_is_about_to_end(monkeypatch):
    gate, work = threading.Event(), SliceCache._work

    def slow_to_end(cache):
        work(cache)
        assert gate.wait(TIMEOUT)

    monkeypatch.setattr(SliceCache, "_work", slow_to_end)
    cache = make(Loads())
    cache.preload([1])
    wait_until(lambda: len(cache) == 1 and not cache._threads)
    closing = threading.Thread(target=cache.close)
    closing.start()
    closing.join(0.2)
    assert closing.is_alive()
    gate.set()
    closing.join(TIMEOUT)
    assert not closing.is_alive()
    assert not threads_of(cache)


def test_after_close():
    cache = make(Loads())
    cache.get(1)
    cache.close()
    cache.close()
    with pytest.raises(ReaderClosedError):
        cache.get(1)
    cache.preload([2])
    cache.clear()
    assert (len(cache), cache.n_bytes, cache.n_flying) == (0, 0, 0)
    assert not threads_of(cache)


def test_closing_from_many_threads_while_all_is_busy():
    for seed in range(10):
        rng, load = random.Random(seed), Loads()
        cache = make(load)
        asking = [Asking(cache, rng.randrange(6)) for _ in range(12)]
        cache.preload(range(20, 26))
        closing = [threading.Thread(target=cache.close) for _ in range(3)]
        for thread in closing:
            thread.start()
        outcomes = [thread.outcome() for thread in asking]
        for thread in closing:
            thread.join(TIMEOUT)
            assert not thread.is_alive()
        for thread, outcome in zip(asking, outcomes, strict=True):
            assert outcome == bytes([thread.key]) * 10 or isinstance(outcome, ReaderClosedError)
        assert (len(cache), cache.n_bytes, cache.n_flying) == (0, 0, 0)
