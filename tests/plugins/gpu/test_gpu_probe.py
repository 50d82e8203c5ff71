"""The probe ends, whatever a device does, and its result is kept for that device alone."""

from __future__ import annotations

import sys
from dataclasses import replace

import pytest

from dicube_plugins.gpu import DeviceCapability, Kind, KindResult, Outcome
from dicube_plugins.gpu._probe import probe
from dicube_plugins.gpu._store import CapabilityStore


def test_the_child_finds_the_same(device, capability):
    found, conclusive = probe(device, decoder="stand_in_devices:Right")
    assert conclusive
    assert found.results == capability.results
    assert found.device == str(device)
    assert found.probed_at


@pytest.mark.parametrize(
    ("name", "said", "seconds"),
    [
        ("Hangs", "no answer to the probe within 3 s", 3),
        ("Exits", "the probe gave no answer", 60),
        ("Unavailable", "no decoder for GPU 0 (buy one)", 60),
        ("NoSuchDecoder", "AttributeError", 60),
    ],
)
def test_no_end_is_no_result(device, name, said, seconds):
    found, conclusive = probe(device, seconds, f"stand_in_devices:{name}")
    assert not conclusive
    assert not found.results
    assert said in found.problem
    assert found.summary == found.problem


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_crash_is_told_with_what_was_said(device):
    found, conclusive = probe(device, 60, "stand_in_devices:Crashes")
    assert not conclusive
    assert found.problem.startswith("the probe ended by killed by SIGSEGV: ")
    assert found.problem.endswith("[ERROR] Xid 31")


class Probe:
    """Counts its calls."""

    def __init__(self, outcome=Outcome.EQUAL, *, conclusive=True):
        self.calls = 0
        self.outcome = outcome
        self.conclusive = conclusive

    def __call__(self, device):
        self.calls += 1
        results = (KindResult(Kind(True, 12), self.outcome, "why"),)
        if not self.conclusive:
            return DeviceCapability(str(device), (), "it hung"), False
        return DeviceCapability(str(device), results, "", "now"), True


def test_memory_and_disk_answer_next_time(tmp_path, device):
    first, second = Probe(), Probe()
    store = CapabilityStore(tmp_path, first)
    found = store.get(device)
    assert not found.from_cache
    assert store.get(device).from_cache
    again = CapabilityStore(tmp_path, second).get(device)
    assert again == found
    assert again.from_cache
    assert (first.calls, second.calls) == (1, 0)


@pytest.mark.parametrize(
    "change",
    [
        {"driver": "CUDA 13.0, 580.2"},
        {"uuid": "cd" * 16},
        {"name": "Other GPU"},
        {"index": 1},
        {"versions": {"nvidia-nvimgcodec-cu12": "0.9.1"}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_device_or_driver_is_probed_anew(tmp_path, device, change):
    CapabilityStore(tmp_path, Probe()).get(device)
    other = Probe()
    CapabilityStore(tmp_path, other).get(replace(device, **change))
    assert other.calls == 1


def test_refresh_probes_again(tmp_path, device):
    run = Probe()
    store = CapabilityStore(tmp_path, run)
    store.get(device)
    run.outcome = Outcome.WRONG
    assert store.get(device, refresh=True).wrong
    assert CapabilityStore(tmp_path, run).get(device).wrong
    assert run.calls == 2


def test_a_hang_is_not_kept_on_disk(tmp_path, device):
    run = Probe(conclusive=False)
    store = CapabilityStore(tmp_path, run)
    assert store.get(device).problem == "it hung"
    store.get(device)
    assert run.calls == 1
    CapabilityStore(tmp_path, run).get(device)
    assert run.calls == 2


@pytest.mark.parametrize("text", ["", "[]", '{"device": 1}', "\0", '{"results": [1]}'])
def test_a_damaged_entry_is_probed_again(tmp_path, device, text):
    CapabilityStore(tmp_path, Probe()).get(device)
    (entry,) = tmp_path.rglob("*.json")
    entry.write_text(text)
    run = Probe()
    CapabilityStore(tmp_path, run).get(device)
    assert run.calls == 1


def test_a_cache_that_cannot_be_written_is_no_failure(tmp_path, device):
    (tmp_path / "devices").write_text("a file")
    assert CapabilityStore(tmp_path, Probe()).get(device).results
