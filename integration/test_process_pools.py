"""Process pools of Python and joblib: what is sent to them is read there, and errors come back."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import engine_tasks
import numpy as np
import pytest
from engine_files import EngineFiles
from engine_tasks import COUNT, DAMAGED

import dicube_core
from dicube_core.exceptions import ChecksumError

xr = pytest.importorskip("xarray")
pytest.importorskip("kerchunk")

pytestmark = pytest.mark.filterwarnings("ignore")  # of zarr, in this process


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return EngineFiles.make(tmp_path_factory.mktemp("files"))


def check(submit, files):
    """Compare all that a pool gives; `submit` returns a future."""

    def each(function, argument):
        made = [submit(function, argument, number) for number in range(COUNT)]
        return np.stack([future.result() for future in made])

    with dicube_core.open(files.ct) as reader:
        np.testing.assert_array_equal(each(engine_tasks.frame_of, reader), files.stored)
    refs = dicube_core.references(files.ct)
    np.testing.assert_array_equal(each(engine_tasks.by_references, refs), files.modality)
    pet = xr.open_dataset(files.pet)
    np.testing.assert_array_equal(each(engine_tasks.slice_of, pet), files.activity)
    image = submit(engine_tasks.loaded, str(files.pet)).result()
    np.testing.assert_array_equal(image.get_fdata(), files.activity)
    with dicube_core.open(files.damaged) as reader:
        future = submit(engine_tasks.frame_of, reader, DAMAGED)
        with pytest.raises(ChecksumError, match=r"damaged\.dcbs: frame 2 at byte") as error:
            future.result()
    assert error.value.details["frame"] == DAMAGED


@pytest.mark.parametrize("method", ["spawn", "forkserver"])
def test_pools_of_python(files, method):
    if method not in multiprocessing.get_all_start_methods():
        pytest.skip(f"no {method} on this system")
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        check(pool.submit, files)


def test_joblib(files):
    joblib = pytest.importorskip("joblib")
    loky = pytest.importorskip("joblib.externals.loky")
    with dicube_core.open(files.ct) as reader:
        tasks = [joblib.delayed(reader.frame)(number) for number in range(COUNT)]
        np.testing.assert_array_equal(np.stack(joblib.Parallel(2)(tasks)), files.stored)
    executor = loky.get_reusable_executor(1)
    try:
        check(executor.submit, files)
    finally:
        executor.shutdown(kill_workers=True)
