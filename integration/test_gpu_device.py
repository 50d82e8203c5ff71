"""A real GPU: skipped by name where there is none. ``python integration/check_gpu.py`` runs it."""

from __future__ import annotations

import json
import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from support.kind_series import Sort, sort_series
from support.raw import text
from support.series import KINDS, Kind, make_series, put
from support.whole import write_files

import dicube_core
from dicube_core.modality import ModalityTransform
from dicube_plugins import gpu

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
pytestmark = pytest.mark.skipif(
    bool(gpu.obstacle()), reason="this machine has no GPU that is used (gpu.obstacle() says why)"
)


def write(folder, files):
    write_files(folder / "source", files)
    dicube_core.convert(folder / "source", folder / "series.dcbs")
    return folder / "series.dcbs"


def per_slice(index, nodes):
    put(
        text(0x00281052, "DS", str(index * 0.125 - 3)),
        text(0x00281053, "DS", str(0.3137 + 0.07 * index)),
    )(index, nodes)


def test_nothing_is_decoded_wrongly():
    found = gpu.capability(refresh=True)
    assert not found.problem
    assert not found.wrong, found.wrong
    for signed in (False, True):
        for bits in (12, 16):
            assert found.allows(gpu.Kind(signed, bits)), found.summary


@pytest.mark.parametrize(
    "name",
    [
        "u8_stored_8",
        "u16_stored_12",
        "i16_stored_12",
        "i16_stored_16",
        "u16_stored_16",
        "u16_65x33",
        "i16_high_bit_15",
        "u16_outside_stored",
    ],
)
def test_series_are_equal(tmp_path, name):
    path = write(tmp_path, make_series(5, KINDS[name]))
    with dicube_core.open(path) as reader:
        if gpu.obstacle(reader):
            pytest.skip(gpu.obstacle(reader))
        for frames in (None, [4, 0, 4], slice(1, 3)):
            decoded = gpu.decode_frames(reader, frames)
            np.testing.assert_array_equal(decoded.numpy(), reader.frames(frames))


def test_colour_is_equal(tmp_path):
    path = write(tmp_path, sort_series(Sort("rgb", rows=66, columns=80)))
    with dicube_core.open(path) as reader:
        if gpu.obstacle(reader):
            pytest.skip(gpu.obstacle(reader))
        np.testing.assert_array_equal(gpu.decode_frames(reader).numpy(), reader.frames())


@pytest.mark.parametrize("name", ["ct_body_60", "ct_heart_10", "ct_heart_10.by_dicube_0_3_0.dcbs"])
def test_real_series_are_equal(tmp_path, name):
    source = DATA / name
    if not source.exists():
        pytest.skip(f"{source} is not there")
    path = source
    if source.is_dir():
        path = tmp_path / "series.dcbs"
        dicube_core.convert(source, path)
    with dicube_core.open(path) as reader:
        np.testing.assert_array_equal(gpu.decode_frames(reader).numpy(), reader.frames())


@pytest.mark.parametrize("library", ["torch", "cupy"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_arrays_on_the_device(tmp_path, library, dtype):
    if find_spec(library) is None:
        pytest.skip(f"without {library}")
    if library == "torch":
        import torch

        if not torch.cuda.is_available():
            pytest.skip("this torch has no CUDA")
    path = write(tmp_path, make_series(5, Kind("ct", rows=70, columns=130), per_slice))
    with dicube_core.open(path) as reader:
        numbers = [3, 0, 1]
        decoded = gpu.decode_frames(reader, numbers)
        stored = getattr(decoded, library)()
        values = gpu.modality_frames(reader, numbers, dtype=dtype, library=library)
        assert "cuda" in str(stored.device).lower()
        host = [a.cpu().numpy() if library == "torch" else a.get() for a in (stored, values)]
        np.testing.assert_array_equal(host[0], reader.frames(numbers))
        transform = ModalityTransform.of_reader(reader)
        truth = [transform.apply(reader.frame(n), n, dtype) for n in numbers]
        np.testing.assert_array_equal(host[1], np.stack(truth))
        if library == "torch":
            again = torch.from_dlpack(decoded)
            np.testing.assert_array_equal(again.cpu().numpy(), host[0])


def test_threads_share_a_device(tmp_path):
    path = write(tmp_path, make_series(8, Kind("ct", rows=70, columns=130)))
    with dicube_core.open(path) as reader, ThreadPoolExecutor(4) as pool:
        truth = reader.frames()
        jobs = [
            pool.submit(lambda n: gpu.decode_frames(reader, [n, 7 - n]).numpy(), n % 8)
            for n in range(64)
        ]
        for n, job in enumerate(jobs):
            np.testing.assert_array_equal(job.result(), truth[[n % 8, 7 - n % 8]])


def _in_child(path, queue):
    with dicube_core.open(path) as reader:
        queue.put(gpu.obstacle(reader) or gpu.decode_frames(reader).numpy())


@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_worker_processes(tmp_path, method):
    path = write(tmp_path, make_series(3, KINDS["u16_stored_12"]))
    with dicube_core.open(path) as reader:
        truth = gpu.decode_frames(reader).numpy()
    context = multiprocessing.get_context(method)
    queue = context.Queue()
    process = context.Process(target=_in_child, args=(path, queue))
    process.start()
    answer = queue.get(timeout=120)
    process.join(60)
    if method == "fork":
        assert "made by fork" in answer
    else:
        np.testing.assert_array_equal(answer, truth)


def test_doctor_shows_the_device():
    command = [sys.executable, "-c", "from dicube_core.cli import main; main()", "doctor", "--json"]
    done = subprocess.run(
        [*command, "--consumer", "pydicom"],
        capture_output=True,
        text=True,
        env=os.environ,
        check=False,
        timeout=240,
    )
    rows = {row["backend"]: row for row in json.loads(done.stdout)["codecs"]}
    assert rows["nvImageCodec"]["decode"] == "ok"
    assert "GPU 0" in rows["nvImageCodec"]["note"]
