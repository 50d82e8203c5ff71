"""Probes are not repeated needlessly, and never answered by those of something else."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from fake_consumers import fake_consumer, fake_program, n_calls

from dicube_plugins.cache import CapabilityCache, cache_folder, capability_of
from dicube_plugins.capability import Outcome


@pytest.fixture
def cache(tmp_path):
    return CapabilityCache(tmp_path / "cache")


def entries(tmp_path):
    return sorted((tmp_path / "cache").rglob("*"))


def test_memory_answers_the_second_time(tmp_path, cache):
    consumer = fake_consumer(tmp_path / "c", "zeros")
    first, second = cache.get(consumer), cache.get(consumer)
    assert first == second
    assert [first.from_cache, second.from_cache] == [False, True]
    assert n_calls(tmp_path / "c") == 3


def test_disk_answers_the_next_process(tmp_path, cache):
    consumer = fake_consumer(tmp_path / "c", "raw_only")
    first = cache.get(consumer)
    second = CapabilityCache(tmp_path / "cache").get(consumer)
    assert second == first
    assert second.from_cache
    assert n_calls(tmp_path / "c") == 3
    assert [path.suffix for path in entries(tmp_path) if path.is_file()] == [".json"]


def test_refresh_asks_again_and_is_remembered(tmp_path, cache):
    consumer = fake_consumer(tmp_path / "c", "right")
    cache.get(consumer)
    assert not cache.get(consumer, refresh=True).from_cache
    assert n_calls(tmp_path / "c") == 6
    assert CapabilityCache(tmp_path / "cache").get(consumer).from_cache


def test_a_changed_command_is_another_consumer(tmp_path, cache):
    folder = tmp_path / "c"
    assert cache.get(fake_consumer(folder, "right")).results[1].outcome is Outcome.EQUAL
    changed = CapabilityCache(tmp_path / "cache").get(fake_consumer(folder, "zeros"))
    assert changed.results[1].outcome is Outcome.WRONG


def test_a_program_that_was_replaced_is_asked_again(tmp_path, cache, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path / "c"), prepend=os.pathsep)
    assert cache.get(fake_program(tmp_path / "c", "right", version="1.0")).title.endswith("1.0")
    newer = fake_program(tmp_path / "c", "right", version="1.1")
    assert CapabilityCache(tmp_path / "cache").get(newer).title.endswith("1.1")
    program = tmp_path / "c" / "fake-tool"
    os.utime(program, (1, 1))
    assert not CapabilityCache(tmp_path / "cache").get(newer).from_cache
    assert CapabilityCache(tmp_path / "cache").get(newer).from_cache


def test_other_versions_are_another_installation(tmp_path, cache):
    consumer = fake_consumer(tmp_path / "c", "right", distributions=("fake-dist",))
    environments = {}
    for version in ("1.0", "2.0"):
        site = tmp_path / version / "site"
        info = site / f"fake_dist-{version}.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: fake-dist\nVersion: {version}\n"
        )
        python = tmp_path / version / "python"
        # An interpreter with one more distribution: -I drops PYTHONPATH, so it is put in by hand.
        code = "import sys; sys.path.insert(0, sys.argv.pop(1)); exec(sys.argv.pop(1))"
        python.write_text(
            "#!/bin/sh\n"
            f'if [ "$2" = -c ]; then exec "{sys.executable}" -I -c "{code}" "{site}" "$3"; fi\n'
            f'exec "{sys.executable}" "$@"\n'
        )
        python.chmod(0o755)
        environments[version] = cache.get(consumer, python).versions["fake-dist"]
    assert environments == {"1.0": "1.0", "2.0": "2.0"}
    assert n_calls(tmp_path / "c") == 6


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff", b"[]", b'{"consumer": "other"}'])
def test_a_damaged_entry_is_made_anew(tmp_path, cache, content):
    consumer = fake_consumer(tmp_path / "c", "right")
    first = cache.get(consumer)
    (entry,) = (path for path in entries(tmp_path) if path.is_file())
    entry.write_bytes(content)
    second = CapabilityCache(tmp_path / "cache").get(consumer)
    assert not second.from_cache
    assert second.results[1].outcome is first.results[1].outcome
    assert CapabilityCache(tmp_path / "cache").get(consumer).from_cache


def test_a_cache_that_cannot_be_written_is_no_failure(tmp_path):
    (tmp_path / "cache").write_text("a file is in the way")
    consumer = fake_consumer(tmp_path / "c", "right")
    cache = CapabilityCache(tmp_path / "cache")
    assert cache.get(consumer).reads("1.2.840.10008.1.2.1")
    assert cache.get(consumer).from_cache
    assert (tmp_path / "cache").read_text() == "a file is in the way"


@pytest.mark.parametrize("kind", ["missing", "hang"])
def test_what_may_be_otherwise_next_time_is_not_kept_on_disk(tmp_path, cache, kind):
    consumer = fake_consumer(tmp_path / "c", kind)
    cache.get(consumer, timeout=3)
    assert not [path for path in entries(tmp_path) if path.is_file()]
    assert cache.get(consumer).from_cache


def test_many_threads_make_one_probe(tmp_path, cache):
    consumer = fake_consumer(tmp_path / "c", "right")
    found = []
    threads = [threading.Thread(target=lambda: found.append(cache.get(consumer))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all(item == found[0] for item in found)
    assert n_calls(tmp_path / "c") == 3


def test_another_consumer_of_the_same_name_has_its_own_entry(tmp_path, cache):
    consumer = fake_consumer(tmp_path / "c", "right")
    other = fake_consumer(tmp_path / "d", "raw_only")
    assert other.name == consumer.name
    assert cache.get(consumer).results[1].outcome is Outcome.EQUAL
    assert cache.get(other).results[1].outcome is Outcome.ERROR
    assert CapabilityCache(tmp_path / "cache").get(other).results[1].outcome is Outcome.ERROR


def test_the_folder_is_the_users(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "dicube"
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/ignored")
    monkeypatch.delenv("LOCALAPPDATA", raising=False)
    assert cache_folder() == Path.home() / ".cache" / "dicube"


def test_a_name_nobody_gave_is_a_lookup_error_that_lists_names():
    with pytest.raises(LookupError, match="SimpleITK"):
        capability_of("no-such-consumer")


def test_asking_what_is_cached_loads_no_codec(tmp_path):
    consumer = fake_consumer(tmp_path / "c", "right")
    code = (
        "import sys; from pathlib import Path\n"
        "from dicube_plugins.cache import CapabilityCache\n"
        "from dicube_plugins.consumers.base import Consumer\n"
        f"c = {consumer!r}\n"
        f"r = CapabilityCache(Path({str(tmp_path / 'cache')!r})).get(c)\n"
        "print(r.from_cache, [m for m in ('numpy', 'pydicom', 'imagecodecs') if m in sys.modules])"
    )
    said = [
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        for _ in range(2)
    ]
    assert said[1].stdout.strip() == "True []"
    assert said[0].stdout.startswith("False")
