"""A short form of ``soak_readers.py``, and the judge of its curves."""

from __future__ import annotations

import os
import threading
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from reliability.soak.growth import LOOPS, measure, measure_work, shared_of
from reliability.soak.judging import CURVES, judge, trend_of
from reliability.soak.memory import has_figures, leave
from reliability.soak.report import growth_text, soak_dict, soak_text
from reliability.soak.resting import Gate, Rest
from reliability.soak.running import run_soak
from reliability.soak.subjects import make_subjects

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").is_file(), reason="no /proc to look at"
)
needs_figures = pytest.mark.skipif(
    not has_figures(), reason="the allocator does not say what it has given out"
)


@needs_proc
def test_mixed_load(tmp_path):
    result = run_soak(
        tmp_path,
        minutes=0.05,
        threads=4,
        processes=1,
        size=48,
        count=12,
        period=0.25,
        rest_every=0.5,
        least_rests=4,
    )
    assert result.failures == []
    assert result.operations > 100
    assert result.children >= 8
    (seen,) = result.processes
    assert seen.samples
    assert seen.rests
    # Its four threads, the one that makes children, and the one that looks: no other is left.
    assert {rest.threads for rest in seen.rests} == {6}
    assert "equality failures: 0" in soak_text(result)
    assert soak_dict(result)["operations"] == result.operations


@needs_figures
def test_a_leak_under_load_is_seen(tmp_path):
    result = run_soak(
        tmp_path,
        minutes=0.05,
        threads=2,
        processes=1,
        children=False,
        size=32,
        count=6,
        rest_every=0.2,
        least_rests=12,
        leak=100_000,
    )
    assert result.failures == []
    assert "in_use" in result.growing, soak_text(result)
    assert "GROWING" in soak_text(result)


def test_a_wrong_result_is_noticed(tmp_path):
    """Operations do compare: a file that gives other pixels than it should is found out."""
    import random

    from reliability.soak import operations

    subjects = make_subjects(tmp_path / "files", size=16, count=4, small=1)
    shared = shared_of(subjects, tmp_path / "work")
    first, second = (s.name for s in subjects[:2])
    for table in (shared.readers, shared.streams):
        table[first].close()
    shared.readers[first] = shared.readers[second]
    shared.streams[first] = shared.streams[second]
    shared.subjects = [s for s in subjects if s.name == first]
    for work in (operations.shared_frame, operations.shared_slice, operations.facts):
        with pytest.raises(operations.UnequalError):
            work(shared, random.Random(1))
    shared.close()


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("growth")
    shared = shared_of(make_subjects(folder / "x", size=32, count=6, small=3), folder / "work")
    yield shared
    shared.close()


@needs_proc
@pytest.mark.parametrize("name", LOOPS)
def test_nothing_is_left(name, shared):
    _, less = LOOPS[name]
    found = [measure(shared, name, max(20, 400 // less))]
    if found[0].growing:  # a table of the interpreter may have grown, once: a leak goes on
        found.append(measure(shared, name, max(20, 400 // less)))
    assert not found[-1].growing, growth_text(found)


@needs_proc
class TestLeaksOfOneOperation:
    """What an operation leaves behind 1000 times is seen, each kind by another figure."""

    @staticmethod
    def _found(shared, leak):
        def work(shared, rng):
            LOOPS["open, read a codestream, close"][0](shared, rng)
            leak()

        return measure_work(shared, "leaks", work, 1000)

    @needs_figures
    def test_native_memory(self, shared):
        found = self._found(shared, lambda: leave(200))
        assert found.growing
        assert 190 < found.in_use_each < 300

    def test_small_objects_that_the_collector_does_not_know(self, shared):
        kept = []
        found = self._found(shared, lambda: kept.append(bytes(len(kept) % 200 + 50)))
        assert found.growing
        assert found.kinds == {}
        assert found.blocks >= 1000

    @needs_figures
    def test_large_objects(self, shared):
        kept = []
        found = self._found(shared, lambda: kept.append(bytes(1000)))
        assert found.in_use_each > 1000
        assert found.growing

    def test_objects(self, shared):
        kept = []
        found = self._found(shared, lambda: kept.append([len(kept)]))
        assert found.growing
        assert found.kinds["list"] > 900  # other lists may have gone meanwhile

    def test_descriptors(self, shared):
        opened = []
        found = self._found(
            shared, lambda: len(opened) < 300 and opened.append(os.open(os.devnull, 0))
        )
        for descriptor in opened:
            os.close(descriptor)
        assert found.growing
        # The others were there after the warm-up; some that an earlier test left may go meanwhile.
        assert 90 < found.descriptors <= 100

    def test_threads(self, shared):
        end, threads = threading.Event(), []

        def leak():
            if len(threads) < 205:
                threads.append(threading.Thread(target=end.wait))
                threads[-1].start()

        found = self._found(shared, leak)
        end.set()
        for thread in threads:
            thread.join()
        assert found.growing
        assert 0 < found.threads <= 5  # one that an earlier test left may end meanwhile


def test_all_stand_still_at_the_gate():
    gate, done, end = Gate(3), [0, 0, 0], threading.Event()

    def work(number):
        for _ in count():
            gate.come_by()
            if end.is_set():
                break
            done[number] += 1
        gate.leave()

    threads = [threading.Thread(target=work, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        with gate.rest():
            before = list(done)
            threads[0].join(0.05)
            assert done == before
    end.set()
    for thread in threads:
        thread.join()
    with gate.rest():  # nobody comes any more, so nobody is waited for
        assert not any(thread.is_alive() for thread in threads)


def _rests(operations, trimmed=1.5, **curves):
    """Make looks at a process, flat but for some curves.

    Now and then malloc gives back what it holds: with few arenas 12 MiB, with many much less.
    """
    rng = np.random.default_rng(1)
    plain = {"threads": 10, "descriptors": 58, "blocks": 381_000, "in_use": 38.0}
    plain |= {"held": 120.0, "anonymous": 170.0, "file": 97.0}
    noise = {"in_use": 0.15, "anonymous": 2.5, "blocks": 60.0}
    for number, done in enumerate(operations):
        values = {name: curves[name][number] if name in curves else plain[name] for name in plain}
        values |= {name: values[name] + rng.normal(0, size) for name, size in noise.items()}
        given_back = rng.normal(0, trimmed)
        values["held"] += given_back
        values["anonymous"] += given_back
        yield Rest(10.0 * number, int(done), **values)


class TestJudge:
    """Curves of the size and the noise of ten minutes' real ones, with 60 looks."""

    operations = np.linspace(4_000, 240_000, 60)

    def _growing(self, **curves):
        trends = judge(list(_rests(self.operations, **curves)))
        return [name for name, trend in trends.items() if trend.growing]

    def test_flat_and_noisy(self):
        assert self._growing() == []
        assert self._growing(trimmed=12) == []

    @pytest.mark.parametrize("each", [20, 200])
    def test_a_leak_of_bytes(self, each):
        in_use = 38 + self.operations * each / (1 << 20)
        assert "in_use" in self._growing(in_use=in_use)

    @pytest.mark.parametrize("each", [100, 200])
    def test_a_leak_of_pages_that_malloc_does_not_know(self, each):
        anonymous = 170 + self.operations * each / (1 << 20)
        assert "outside" in self._growing(anonymous=anonymous)
        assert "outside" in self._growing(trimmed=12, anonymous=anonymous)

    def test_a_leak_of_mapped_files(self):
        assert "file" in self._growing(file=97 + self.operations * 20 / (1 << 20))

    def test_arenas_that_fill(self):
        """They rise more and more slowly: held for later, and not in use."""
        more = 40 * np.log(self.operations / 4_000)
        assert self._growing(anonymous=170 + more, held=120 + more) == []

    def test_arenas_that_do_not_stop(self):
        more = self.operations * 200 / (1 << 20)
        assert self._growing(anonymous=170 + more, held=120 + more) == ["resident"]

    def test_a_leak_behind_arenas_that_fill(self):
        leak = self.operations * 200 / (1 << 20)
        more = 30 * np.log(self.operations / 4_000) + leak
        found = self._growing(anonymous=170 + more, held=120 + more, in_use=38 + leak)
        assert found[0] == "in_use"

    def test_a_cache_that_fills(self):
        in_use = 38 - 8 * np.exp(-self.operations / 15_000)
        assert self._growing(in_use=in_use) == []

    def test_one_more_now_and_then(self):
        steps = np.arange(60) // 15
        assert self._growing(threads=10 + steps, descriptors=58 + steps) == [
            "threads",
            "descriptors",
        ]

    def test_a_late_thread_that_stays_is_growth(self):
        assert self._growing(threads=10 + (np.arange(60) >= 40) * 2) == ["threads"]

    def test_the_slope(self):
        trend = trend_of(self.operations, 5 + 0.25 * self.operations, CURVES["threads"])
        assert trend.slope == pytest.approx(0.25)
        assert trend.rise == pytest.approx(0.25 * 236_000)

    def test_too_few_looks(self):
        assert judge(list(_rests(self.operations[:5]))) == {}
        assert judge([]) == {}
