"""A short form of ``soak_readers.py``, and the judge of its curves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from reliability.soak.growth import LOOPS, measure, shared_of
from reliability.soak.report import growth_text, soak_dict, soak_text
from reliability.soak.running import CURVES, run_soak
from reliability.soak.sampling import trend_of
from reliability.soak.subjects import make_subjects

needs_proc = pytest.mark.skipif(
    not Path("/proc/self/smaps_rollup").is_file(), reason="no /proc to look at"
)


@needs_proc
def test_mixed_load(tmp_path):
    result = run_soak(tmp_path, minutes=0.1, threads=4, processes=1, size=48, count=12, period=0.25)
    assert result.failures == []
    assert result.operations > 100
    assert result.children >= 8
    assert result.samples[0]
    assert "equality failures: 0" in soak_text(result)
    assert soak_dict(result)["operations"] == result.operations


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
    found = measure(shared, name, max(20, 400 // less))
    assert not found.growing, growth_text([found])


class TestJudge:
    def test_flat_and_noisy(self):
        rng = np.random.default_rng(1)
        seconds = np.arange(500.0)
        trend = trend_of(seconds, 300 + rng.normal(0, 20, 500), CURVES["rss"])
        assert not trend.growing
        assert abs(trend.slope) < 3 * trend.uncertainty

    def test_a_leak_is_seen(self):
        rng = np.random.default_rng(1)
        seconds = np.arange(500.0)
        trend = trend_of(seconds, 300 + seconds / 60 * 5 + rng.normal(0, 10, 500), CURVES["rss"])
        assert trend.growing
        assert 4 < trend.slope < 6

    def test_one_descriptor_a_minute(self):
        seconds = np.arange(600.0)
        assert trend_of(seconds, 40 + seconds // 60, CURVES["descriptors"]).growing

    def test_a_step_is_no_growth(self):
        """What is taken once and then kept, such as an arena of the allocator."""
        values = np.where(np.arange(500) < 100, 300.0, 340.0)
        assert not trend_of(np.arange(500.0), values, CURVES["rss"]).growing
