"""Readers in data loaders: pools and processes, by every way to start them."""

from __future__ import annotations

import concurrent.futures
import functools
import gc
import hashlib
import multiprocessing
import os
import pickle
import signal
import threading
import time
from pathlib import Path

import pytest
from support.legacy_file import legacy_file, volume
from support.series import Kind, make_series
from support.whole import write_files

import dicube_core
from dicube_core.streaming import DcbStreamingReader

METHODS = multiprocessing.get_all_start_methods()
TIMEOUT = 100
IMPLICIT_LE = "1.2.840.10008.1.2"


def digest(data):
    return hashlib.sha256(data).hexdigest()


class Frames:
    """A data set as people write it: the reader is opened in the constructor."""

    def __init__(self, path):
        self.reader = dicube_core.open(path)

    def __len__(self):
        return len(self.reader)

    def __getitem__(self, index):
        return index, digest(self.reader.frame(index).tobytes())


class Slices:
    """A data set that hands the stream's slices out; the stream is opened where it is used."""

    def __init__(self, path):
        self.path = path

    def __len__(self):
        with DcbStreamingReader(self.path) as stream:
            return len(stream)

    @functools.cached_property
    def stream(self):
        return DcbStreamingReader(self.path, cache_size=2)

    def __getitem__(self, index):
        plain = self.stream.get_dicom_for_frame(index, transfer_syntax=IMPLICIT_LE)
        return index, digest(plain + self.stream.get_dicom_for_frame(index))

    def __getstate__(self):
        return {"path": self.path}


@pytest.fixture(scope="module", params=["with checksums", "legacy"])
def path(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("loaders")
    if request.param == "legacy":
        (folder / "x.dcbs").write_bytes(legacy_file(volume(12, 20, 30)))
    else:
        source = write_files(folder / "source", make_series(12, Kind("ct", rows=20, columns=30)))
        dicube_core.convert(source, folder / "x.dcbs")
    return str(folder / "x.dcbs")


def expected_of(dataset):
    return [dataset[index] for index in range(len(dataset))]


_opened = []


def _open_here(dataset):
    _opened[:] = [dataset]


def _get(index):
    return _opened[0][index]


@pytest.mark.parametrize("kind", [Frames, Slices])
@pytest.mark.parametrize("method", METHODS)
def test_a_pool_of_processes(method, kind, path):
    dataset = kind(path)
    expected = expected_of(dataset)  # before the fork: readers and caches are in use
    context = multiprocessing.get_context(method)
    with concurrent.futures.ProcessPoolExecutor(
        2, mp_context=context, initializer=_open_here, initargs=(dataset,)
    ) as pool:
        for _ in range(3):
            assert list(pool.map(_get, range(len(dataset)), timeout=TIMEOUT)) == expected
    assert expected_of(dataset) == expected


@pytest.mark.parametrize("method", METHODS)
def test_a_multiprocessing_pool_that_gets_the_data_set_with_each_task(method, path):
    dataset = Frames(path)
    expected = expected_of(dataset)
    with multiprocessing.get_context(method).Pool(2) as pool:
        work = pool.map_async(dataset.__getitem__, list(range(len(dataset))), chunksize=3)
        assert work.get(TIMEOUT) == expected


def _worker(dataset, tasks, results):
    while (index := tasks.get()) is not None:
        results.put(dataset[index])


@pytest.mark.parametrize("method", METHODS)
def test_a_worker_that_is_killed(method, path):
    """The others, the parent, and the one that takes its place go on."""
    context = multiprocessing.get_context(method)
    dataset = Frames(path)
    expected = expected_of(dataset)
    for _ in range(2):
        tasks, results = context.Queue(), context.Queue()
        worker = context.Process(target=_worker, args=(dataset, tasks, results))
        worker.start()
        tasks.put(3)
        assert results.get(timeout=TIMEOUT) == expected[3]
        os.kill(worker.pid, signal.SIGKILL)
        worker.join(TIMEOUT)
        assert worker.exitcode == -signal.SIGKILL
        assert expected_of(dataset) == expected
        for queue in (tasks, results):
            queue.cancel_join_thread()
            queue.close()


def test_threads_over_one_data_set(path):
    for dataset in (Frames(path), Slices(path)):
        expected = expected_of(dataset)
        with concurrent.futures.ThreadPoolExecutor(6) as pool:
            order = list(range(len(dataset))) * 20
            assert list(pool.map(dataset.__getitem__, order)) == expected * 20


def _children_of_busy_parent(dataset, expected, results):
    results.put(expected_of(dataset) == expected)


@pytest.mark.skipif("fork" not in METHODS, reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_fork_while_other_threads_read(path):
    context = multiprocessing.get_context("fork")
    datasets = [Frames(path), Slices(path)]
    expected = [expected_of(dataset) for dataset in datasets]
    stop, wrong = threading.Event(), []

    def busy(number):
        while not stop.is_set():
            for dataset, right in zip(datasets, expected, strict=True):
                if dataset[number] != right[number]:
                    wrong.append(number)
            with dicube_core.open(path) as reader:
                reader.frames(range(4))

    threads = [threading.Thread(target=busy, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        for turn in range(12):
            results = context.SimpleQueue()
            child = context.Process(
                target=_children_of_busy_parent,
                args=(datasets[turn % 2], expected[turn % 2], results),
            )
            child.start()
            child.join(TIMEOUT)
            assert child.exitcode == 0, turn
            assert results.get()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert wrong == []


def test_a_data_set_that_was_sent_is_independent(path):
    dataset = Frames(path)
    expected = expected_of(dataset)
    sent = pickle.loads(pickle.dumps(dataset))
    dataset.reader.close()
    del dataset
    gc.collect()
    assert expected_of(sent) == expected
    sent.reader.close()


def test_what_cannot_be_sent_says_so(path):
    with Path(path).open("rb") as file, dicube_core.open(file) as reader:
        with pytest.raises(TypeError, match="from a path, address or bytes can be pickled"):
            pickle.dumps(reader)
        assert len(pickle.dumps(dicube_core.open(reader.name))) < 1000 + len(path)


def test_no_process_is_left():
    deadline = time.monotonic() + 20
    while multiprocessing.active_children() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert multiprocessing.active_children() == []
