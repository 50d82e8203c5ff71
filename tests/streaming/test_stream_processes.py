"""Fork, leaks, and thousands of readers in one process. Scripts run in processes of their own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from folders import converted
from support.legacy_file import legacy_file
from support.series import Kind, make_series

import dicube_core.path_source

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork"),
    pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="no /proc to count in"),
]

PRELUDE = """
import faulthandler, json, os, random, signal, sys, threading, time
faulthandler.dump_traceback_later(250, exit=True)
from dicube_core.streaming import DcbStreamingReader
path = sys.argv[1]
FORMS = (None, "1.2.840.10008.1.2.1", "1.2.840.10008.1.2")
def everything(stream):
    frames = range(len(stream))
    return [stream.get_dicom_for_frame(i, transfer_syntax=s) for s in FORMS for i in frames]
def descriptors():
    return len(os.listdir("/proc/self/fd"))
def in_child(work):
    child = os.fork()
    if not child:
        try:
            signal.alarm(60)
            work()
            os._exit(0)
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
    return child
def status(child):
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
"""
FORKING = """
stream = DcbStreamingReader(path, cache_size=4)
with DcbStreamingReader(path) as calm:
    expected = everything(calm)
stop = threading.Event()
def busy(seed):
    rng = random.Random(seed)
    while not stop.is_set():
        i = rng.randrange(len(stream))
        stream.get_dicom_for_frame(i, transfer_syntax=rng.choice(FORMS))
        with DcbStreamingReader(path) as fresh:  # so that headers are being read, too
            fresh.get_dicom_for_frame(i)
            fresh.get_dicom_for_frame(i, True)
threads = [threading.Thread(target=busy, args=(n,)) for n in range(4)]
for thread in threads:
    thread.start()
def work():
    assert everything(stream) == expected
    stats = stream.get_cache_stats()
    assert stats["cached_frames"] <= 4
    with DcbStreamingReader(path) as own:
        assert everything(own) == expected
    stream.close()
    assert threading.active_count() == 1
found = []
for _ in range(40):
    found.append(status(in_child(work)))
stop.set()
for thread in threads:
    thread.join()
assert everything(stream) == expected
stream.close()
print(json.dumps(found))
"""
HELD_LOCKS = """
# A thread of the parent holds every lock there is while the child is made.
import dicube_core.codec.registry as registry
from dicube_core import path_source
stream = DcbStreamingReader(path)
with open(path, "rb") as file:
    content = file.read()
class Slow:  # a file object without a descriptor, read under a lock
    closed, name = False, "<slow>"
    def __init__(self):
        import io
        self.file = io.BytesIO(content)
        self.entered, self.go_on = threading.Event(), threading.Event()
    def tell(self):
        return self.file.tell()
    def seek(self, *to):
        return self.file.seek(*to)
    def read(self, size=-1):
        if threading.current_thread() is not threading.main_thread():
            self.entered.set()
            self.go_on.wait()
        return self.file.read(size)
slow = Slow()
slow_stream = DcbStreamingReader(slow)
reading = threading.Thread(target=lambda: slow_stream.get_dicom_for_frame(0))
reading.start()
slow.entered.wait()
held, release = threading.Event(), threading.Event()
def hold():
    with stream._cache._lock, registry._lock, path_source._pool.lock:
        held.set()
        release.wait()
holding = threading.Thread(target=hold)
holding.start()
held.wait()
def work():
    with DcbStreamingReader(path) as own:
        expected = everything(own)
    assert everything(stream) == expected
    stream.close()
    slow_stream.get_dicom_for_frame(1)
found = status(in_child(work))
release.set()
slow.go_on.set()
holding.join()
reading.join()
print(json.dumps(found))
"""
LEAKING = """
import dicube_core.slice_cache
dicube_core.slice_cache._IDLE = 0.01
def use():
    with DcbStreamingReader(path) as stream:
        return everything(stream)
expected = use()
before = descriptors(), threading.active_count()
for _ in range(30):
    assert use() == expected
assert (descriptors(), threading.active_count()) == before
dropped = [DcbStreamingReader(path) for _ in range(20)]  # never closed
for stream in dropped:
    assert everything(stream) == expected
del stream, dropped
deadline = time.monotonic() + 60
while (descriptors(), threading.active_count()) != before and time.monotonic() < deadline:
    time.sleep(0.01)
print(json.dumps([before, (descriptors(), threading.active_count())]))
"""
DROPPED = """
import gc, weakref
gc.disable()
stream = DcbStreamingReader(path)
stream.get_dicom_for_frame(0), stream.get_dicom_for_frame(0, True)
gone = [weakref.ref(stream), weakref.ref(stream._reader), weakref.ref(stream._cache)]
del stream
print(json.dumps([reference() is None for reference in gone]))
"""
MANY = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[2]), int(sys.argv[2])))
from dicube_core.path_source import MAX_DESCRIPTORS
os.chdir(os.path.dirname(path))
path = os.path.basename(path)
before = descriptors()
readers = [DcbStreamingReader(path, cache_size=2) for _ in range(3000)]
os.chdir("/")
most = descriptors() - before
expected = everything(readers[0])
wrong = []
def work(seed):
    rng = random.Random(seed)
    for _ in range(1500):
        reader, i, form = rng.choice(readers), rng.randrange(3), rng.randrange(3)
        if reader.get_dicom_for_frame(i, transfer_syntax=FORMS[form]) != expected[3 * form + i]:
            wrong.append(i)
threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
for thread in threads:
    thread.start()
highest = 0
while any(thread.is_alive() for thread in threads):
    highest = max(highest, threading.active_count())
    most = max(most, descriptors() - before)
    time.sleep(0.002)
for reader in readers:
    reader.close()
print(json.dumps({
    "wrong": wrong, "most": most, "allowed": MAX_DESCRIPTORS, "after": descriptors() - before,
    "threads": threading.active_count(),
}))
"""
TAKEN = """
import resource
resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100))
readers = [DcbStreamingReader(path) for _ in range(20)]
expected = everything(readers[0])
taken = []
try:
    while True:
        taken.append(os.dup(0))
except OSError:
    pass
with DcbStreamingReader(path) as one_more:
    found = everything(one_more)
for number in taken:
    os.close(number)
print(json.dumps([found == expected, len(taken)]))
"""
EXITING = """
stream = DcbStreamingReader(path)
for i in range(3):
    stream.get_dicom_for_frame(i, True)
print(json.dumps("done"), flush=True)
"""


def run(script, *arguments):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PRELUDE + script, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    files = make_series(3, Kind("ct", rows=24, columns=24))
    return converted(tmp_path_factory.mktemp("processes"), files)


@pytest.fixture(scope="module")
def legacy(tmp_path_factory):
    path = tmp_path_factory.mktemp("legacy") / "legacy.dcbs"
    path.write_bytes(legacy_file())
    return path


@pytest.mark.parametrize("kind", ["path", "legacy"])
def test_fork_while_busy(kind, request):
    assert run(FORKING, request.getfixturevalue(kind)) == [0] * 40


def test_fork_while_locks_are_held(path):
    assert run(HELD_LOCKS, path) == 0


@pytest.mark.parametrize("kind", ["path", "legacy"])
def test_no_thread_and_no_descriptor_is_left(kind, request):
    before, after = run(LEAKING, request.getfixturevalue(kind))
    assert after == before


def test_a_reader_that_is_dropped_goes_at_once(path):
    assert run(DROPPED, path) == [True, True, True]


@pytest.mark.parametrize("limit", [60, 400])
def test_thousands_of_readers(limit, path):
    found = run(MANY, path, limit)
    assert found["wrong"] == []
    # Six threads may each be reading from one more, and the count itself takes one.
    assert found["most"] <= min(limit // 4, found["allowed"]) + 7
    assert (found["after"], found["threads"]) == (0, 1)
    assert found["allowed"] == dicube_core.path_source.MAX_DESCRIPTORS


def test_a_reader_can_be_opened_where_others_have_taken_all_descriptors(path):
    equal, taken = run(TAKEN, path)
    assert equal
    assert taken > 50


def test_a_process_ends_though_nothing_was_closed(path):
    assert run(EXITING, path) == "done"
