"""What there is to decode on is found out without loading it, and what is missing is named."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

import dicube_core
from dicube_core.codec import get_codec, is_codec_available, registry
from dicube_core.codec.self_test import run_self_test
from dicube_core.exceptions import CodecUnavailableError, DecodeError
from dicube_core.pixels import PixelFormat
from dicube_plugins import gpu
from dicube_plugins.gpu import _driver, _session
from dicube_plugins.gpu._codec import NAME, NvImageCodec
from dicube_plugins.gpu._driver import find_device


class Driver:
    """A library with the functions of libcuda that are used."""

    def __init__(self, count=2, failing=""):
        self.count = count
        self.failing = failing

    def __getattr__(self, name):
        def call(*arguments):
            if name == self.failing:
                return 999
            if name == "cuDeviceGetCount":
                arguments[0]._obj.value = self.count
            elif name == "cuDriverGetVersion":
                arguments[0]._obj.value = 12090
            elif name == "cuDeviceGet":
                arguments[0]._obj.value = arguments[1] + 40
            elif name == "cuDeviceGetName":
                arguments[0].value = f"GPU of handle {arguments[2].value}".encode()
            elif name == "cuDeviceGetUuid":
                arguments[0].raw = bytes(range(16))
            return 0

        return call


@pytest.fixture
def package(monkeypatch):
    """As if nvImageCodec were installed."""
    monkeypatch.setattr(_driver, "find_spec", lambda name: object())
    monkeypatch.setattr(_driver, "library_versions", lambda: {"nvidia-nvimgcodec-cu12": "0.9.0"})


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Nothing is known of any device, and nothing stays in the registry of codecs."""
    monkeypatch.setattr(registry, "_factories", dict(registry._factories))
    monkeypatch.setattr(registry, "_codecs", dict(registry._codecs))
    monkeypatch.setattr(_session, "_decoders", {})
    monkeypatch.setattr(_session, "_started_in", [])


def test_a_device_is_described(package):
    found = find_device(1, lambda _: Driver())
    assert (found.index, found.name) == (1, "GPU of handle 41")
    assert found.uuid == bytes(range(16)).hex()
    assert found.driver.startswith("CUDA 12.9")
    assert "nvidia-nvimgcodec-cu12 0.9.0" in str(found)


@pytest.mark.parametrize("index", [-1, 2])
def test_a_device_that_is_not_there(package, index):
    with pytest.raises(CodecUnavailableError, match=f"no GPU {index}: CUDA finds 2"):
        find_device(index, lambda _: Driver())


@pytest.mark.parametrize("function", ["cuInit", "cuDeviceGetCount", "cuDeviceGetName"])
def test_a_driver_that_does_not_work(package, function):
    with pytest.raises(CodecUnavailableError, match=f"{function} returns 999"):
        find_device(0, lambda _: Driver(failing=function))


def test_no_driver(package):
    def load(name):
        raise OSError(f"{name}: cannot open shared object file")

    with pytest.raises(CodecUnavailableError, match=r"no NVIDIA driver here: .*--gpus all"):
        find_device(0, load)


def test_no_package(monkeypatch, series_file):
    def missing(name):
        raise ModuleNotFoundError("No module named 'nvidia'")

    monkeypatch.setattr(_driver, "find_spec", missing)
    said = r"needs nvImageCodec, .*pip install 'dicube-plugins\[gpu\]'"
    with dicube_core.open(series_file) as reader:
        with pytest.raises(CodecUnavailableError, match=said):
            gpu.decode_frames(reader)
        with pytest.raises(CodecUnavailableError, match=said):
            gpu.modality_frames(reader)
        assert "nvImageCodec" in gpu.obstacle(reader)
    with pytest.raises(CodecUnavailableError, match=said):
        gpu.capability()
    with pytest.raises(CodecUnavailableError, match=said):
        get_codec(NAME)
    assert not is_codec_available(NAME)


def test_obstacles_are_told_and_damage_is_not_hidden(series_file, make_probed, monkeypatch):
    monkeypatch.setattr(_session, "_decoders", {0: make_probed()})
    assert gpu.obstacle() == ""
    with dicube_core.open(series_file) as reader:
        assert gpu.obstacle(reader) == ""
        signed = tuple(r for r in make_probed().capability.results if r.kind.signed)
        decoder = make_probed(said=gpu.DeviceCapability("GPU 0", signed))
        monkeypatch.setattr(_session, "_decoders", {0: decoder})
        assert "not used for frames of unsigned 12 bit" in gpu.obstacle(reader)
        monkeypatch.setattr(_session, "_decoders", {0: make_probed()})
        assert gpu.decode_frames(reader, [0]).shape == (1, *reader.shape[1:])
        assert gpu.modality_frames(reader, [0]).shape == (1, *reader.shape[1:])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_process_is_told_why(monkeypatch):
    monkeypatch.setattr(_session, "_started_in", [os.getpid() + 1])
    with pytest.raises(CodecUnavailableError, match=r"made by fork .*'spawn' or 'forkserver'"):
        gpu.capability()
    assert "made by fork" in gpu.obstacle()


def test_the_codec_is_one_like_others(make_probed):
    codec = NvImageCodec(make_probed())
    test = run_self_test(codec)
    assert test.decode == ""
    assert test.encode is None
    form = PixelFormat(16, 20, 16, 12, 0)
    values = np.arange(320, dtype="u2").reshape(16, 20)
    codestream = get_codec("htj2k").encode(values, form)
    out = np.empty((16, 20), "u2")
    assert codec.decode(memoryview(codestream), form, out=out) is out
    np.testing.assert_array_equal(out, values)
    with pytest.raises(CodecUnavailableError, match="no lower resolutions"):
        codec.decode(codestream, form, level=1)
    with pytest.raises(CodecUnavailableError, match="use the codec 'htj2k'"):
        codec.encode(values, form)


def test_importing_it_loads_nothing_of_nvidia():
    code = (
        "import sys, dicube_plugins.gpu, dicube_plugins.gpu.plugin; "
        "bad = {'nvidia', 'torch', 'cupy', 'numpy'} & set(sys.modules); assert not bad, bad"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_doctor_has_a_row():
    from dicube_plugins.doctor import examine_codecs

    (row,) = [r for r in examine_codecs() if r.backend == "nvImageCodec"]
    assert row.ok
    there = False
    if find_spec("nvidia") is not None:
        there = find_spec("nvidia.nvimgcodec") is not None
    assert bool(row.version) == there
    assert bool(row.note) == there


@pytest.mark.parametrize(
    ("outcome", "ok"), [(gpu.Outcome.WRONG, False), (gpu.Outcome.REFUSED, True)]
)
def test_doctor_tells_wrong_values_from_what_is_refused(monkeypatch, outcome, ok):
    from dicube_plugins import doctor

    results = (
        gpu.KindResult(gpu.Kind(False, 12), gpu.Outcome.EQUAL, "all equal"),
        gpu.KindResult(gpu.Kind(True, 12), outcome, "all are zero"),
    )
    found = gpu.DeviceCapability("GPU 0 (Some)", results)
    monkeypatch.setattr(gpu, "capability", lambda **_: found)
    (row,) = [r for r in doctor.examine_codecs() if r.backend == "nvImageCodec"]
    assert row.ok is ok
    assert row.decode == ("ok" if ok else "signed 12 bit: all are zero")
    assert f"equal: unsigned 12 bit. {outcome}: signed 12 bit" in row.note


def test_the_codec_compares_frames_of_other_encoders(make_probed):
    device = make_probed()
    codec, form = NvImageCodec(device), PixelFormat(20, 30, 16, 12, 0)
    values = np.arange(600, dtype="u2").reshape(20, 30)
    codestream = get_codec("htj2k").encode(values, form)
    other = codestream.replace(b"OpenJPH", b"OtherPH")
    np.testing.assert_array_equal(codec.decode(other, form), values)
    device._decoder.changed = lambda arrays: [array ^ 1 for array in arrays]
    with pytest.raises(DecodeError, match="to other values than the CPU: 600 of 600"):
        codec.decode(other, form)
