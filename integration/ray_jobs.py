"""Ray, really there: workers read what they are given, and raise what we raise.

Run by ``test_ray_jobs.py`` in a process of its own. Ray handles signals, keeps the processes that
it started until the end, and changes dask for good.
"""

from __future__ import annotations

import os
import signal

import dask
import engine_tasks
import numpy as np
import pytest
import ray
import xarray as xr
from engine_files import EngineFiles, replace_by
from engine_tasks import COUNT, DAMAGED
from ray.util.dask import ray_dask_get
from support.web_server import serving

import dicube_core
from dicube_core.exceptions import ChecksumError, DicomCubeError
from dicube_plugins.dask import map_series


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return EngineFiles.make(tmp_path_factory.mktemp("files"))


@pytest.fixture(scope="module", autouse=True)
def cluster():
    """Two workers of this machine."""
    ray.init(
        address="local",
        num_cpus=2,
        include_dashboard=False,
        object_store_memory=150 << 20,
        log_to_driver=False,
    )
    ray.cloudpickle.register_pickle_by_value(engine_tasks)
    yield
    ray.shutdown()


def each(function, *arguments):
    """Return what tasks give for every frame, as one array."""
    task = ray.remote(function)
    return np.stack(ray.get([task.remote(*arguments, number) for number in range(COUNT)]))


def test_readers_as_arguments_and_results(files):
    stored = files.stored
    with dicube_core.open(files.ct) as reader:
        np.testing.assert_array_equal(each(engine_tasks.frame_of, reader), stored)
        kept = ray.put(reader)
    np.testing.assert_array_equal(each(engine_tasks.frame_of, kept), stored)
    again = ray.get(ray.remote(engine_tasks.opened).remote(str(files.ct)))
    np.testing.assert_array_equal(again.frames(), stored)
    in_memory = dicube_core.open(files.ct.read_bytes())
    np.testing.assert_array_equal(each(engine_tasks.frame_of, in_memory), stored)


def test_images(files, tmp_path):
    """Arrays that come out of the object store are read-only."""
    image = ray.get(ray.remote(engine_tasks.loaded).remote(str(files.pet)))
    np.testing.assert_array_equal(image.get_fdata(), files.activity)
    dicube_core.save(image, tmp_path / "x.dcbs")
    np.testing.assert_array_equal(dicube_core.load(tmp_path / "x.dcbs").get_fdata(), files.activity)
    frame = ray.get(ray.put(files.stored[0]))
    before = frame.copy()
    with dicube_core.open(files.ct) as reader, pytest.raises(DicomCubeError, match="writable"):
        reader.frame(1, out=frame)
    np.testing.assert_array_equal(frame, before)


def test_xarray_datasets(files):
    for source in (xr.open_dataset(files.ct), xr.open_dataset(files.ct, chunks={})):
        np.testing.assert_array_equal(each(engine_tasks.slice_of, source), files.modality)
    kept = ray.put(xr.open_dataset(files.pet))
    np.testing.assert_array_equal(each(engine_tasks.slice_of, kept), files.activity)
    assert ray.get(ray.remote(engine_tasks.mean_of).remote(kept)) == files.activity.mean()


def test_references_and_readers_of_a_web_server(files):
    with serving(files.ct.read_bytes(), path="/study.dcbs") as server:
        refs = dicube_core.references(server.url)
        np.testing.assert_array_equal(each(engine_tasks.by_references, refs), files.modality)
        np.testing.assert_array_equal(each(engine_tasks.by_zarr, refs, "http"), files.stored)
        virtual = xr.open_dataset(refs, engine="kerchunk")
        np.testing.assert_array_equal(each(engine_tasks.slice_of, virtual), files.modality)
        with dicube_core.open(server.url) as reader:
            kept = ray.put(reader)
        np.testing.assert_array_equal(each(engine_tasks.frame_of, kept), files.stored)
        server.etag = '"another"'
        with pytest.raises(ray.exceptions.RayError, match=r"study\.dcbs: the file was changed"):
            each(engine_tasks.frame_of, kept)


def test_dask_on_ray(files):
    with dask.config.set(scheduler=ray_dask_get):
        lazy = xr.open_dataset(files.ct, chunks={})
        np.testing.assert_array_equal(lazy.image.compute(), files.modality)
        assert float(lazy.image.mean()) == files.modality.mean()
        with pytest.raises(ChecksumError, match=rf"damaged\.dcbs: frame {DAMAGED} at byte"):
            xr.open_dataset(files.damaged, chunks={}).image.compute()
        gone = files.ct.with_name("gone.dcbs")
        found = map_series(lambda reader: reader.shape, [files.pet, gone])
    assert found[0] == (files.pet, files.activity.shape)
    assert isinstance(found[1][1], FileNotFoundError)


def test_an_actor_with_threads_that_is_killed(files):
    with dicube_core.open(files.ct) as reader:
        options = {"max_restarts": 1, "max_task_retries": 3, "max_concurrency": 4, "num_cpus": 1}
        actor = ray.remote(engine_tasks.Keeper).options(**options).remote(reader)
    process = ray.get(actor.process.remote())
    frames = [actor.frame.remote(number) for number in [*range(COUNT)] * 4]
    os.kill(process, signal.SIGKILL)
    np.testing.assert_array_equal(ray.get(frames), np.concatenate([files.stored] * 4))
    assert ray.get(actor.process.remote()) != process
    ray.kill(actor)


def test_a_worker_that_is_killed_with_a_frame(files, tmp_path):
    mark = tmp_path / "died"
    with dicube_core.open(files.ct) as reader:
        found = each(engine_tasks.dying_once, str(mark), reader)
    assert mark.exists()
    np.testing.assert_array_equal(found, files.stored)


def test_our_errors_come_back_as_ours(files):
    task = ray.remote(engine_tasks.frame_of)
    with dicube_core.open(files.damaged) as reader:
        with pytest.raises(
            ChecksumError, match=rf"damaged\.dcbs: frame {DAMAGED} at byte"
        ) as error:
            ray.get(task.remote(reader, DAMAGED))
        assert isinstance(error.value, ray.exceptions.RayTaskError)
        assert isinstance(error.value.cause, ChecksumError)
        assert error.value.details["frame"] == DAMAGED
        assert str(files.damaged) in str(error.value.cause)
        np.testing.assert_array_equal(ray.get(task.remote(reader, 3)), files.stored[3])
        with pytest.raises(IndexError, match="frame 99 is out of range"):
            ray.get(task.remote(reader, 99))
    refs = dicube_core.references(files.damaged)
    with pytest.raises(ChecksumError, match="none of the 8 frames"):
        ray.get(ray.remote(engine_tasks.by_references).remote(refs, DAMAGED))
    with pytest.raises(FileNotFoundError):
        ray.get(ray.remote(engine_tasks.opened).remote(str(files.ct.with_name("gone.dcbs"))))


def test_a_file_that_was_replaced_is_not_read_for_the_one_that_was_sent(files, tmp_path):
    path = tmp_path / "x.dcbs"
    replace_by(path, files.ct)
    with dicube_core.open(path) as reader:
        kept = {
            engine_tasks.frame_of: ray.put(reader),
            engine_tasks.slice_of: ray.put(xr.open_dataset(path)),
        }
    replace_by(path, files.pet)
    for function, given in kept.items():
        with pytest.raises(ray.exceptions.RayError, match=r"x\.dcbs: another file has this name"):
            ray.get(ray.remote(function).remote(given, 1))
