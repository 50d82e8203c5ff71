"""What a user meets who has nvImageCodec and no GPU; run by ``test_gpu_package.py``.

The part of nvImageCodec that needs no GPU (OpenCV) goes through the same seam as the GPU's would.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import numpy as np

import dicube_core
import dicube_plugins.gpu as gpu
from dicube_core.codec import get_codec, is_codec_available
from dicube_core.exceptions import CodecUnavailableError, DecodeError
from dicube_plugins.doctor import examine_codecs
from dicube_plugins.gpu._compare import examine_decoder
from dicube_plugins.gpu._driver import Device, find_device, library_versions
from dicube_plugins.gpu._frames import decode_with
from dicube_plugins.gpu._nvimgcodec import HOST, NvImageCodecDecoder
from dicube_plugins.gpu._probe import probe
from dicube_plugins.gpu._probed import ProbedDecoder


def message(call, *arguments):
    """Return what an unavailable device says."""
    try:
        call(*arguments)
    except CodecUnavailableError as exc:
        return str(exc)
    raise AssertionError(f"{call} found a GPU")


def without_gpu(path):
    """All ways to ask for one end in the same words, and load nothing."""
    with dicube_core.open(path) as reader:
        said = {
            gpu.obstacle(),
            gpu.obstacle(reader),
            message(gpu.capability),
            message(find_device, 0),
            message(gpu.decode_frames, reader),
            message(gpu.modality_frames, reader),
            message(get_codec, "htj2k-nvimgcodec"),
        }
    assert len(said) == 1, said
    (text,) = said
    assert "there is no NVIDIA driver here" in text or "the NVIDIA driver does not work" in text
    assert not is_codec_available("htj2k-nvimgcodec")
    assert "nvidia.nvimgcodec" not in sys.modules
    assert "CUDA" not in get_codec("htj2k").name
    (row,) = [one for one in examine_codecs() if one.backend == "nvImageCodec"]
    assert row.ok
    assert row.version == library_versions()["nvidia-nvimgcodec-cu12"]
    assert row.note.startswith("not used: ")


def real_probe():
    """The probe of the real package in its own process ends with a reason."""
    device = Device(0, "no GPU", "", "", library_versions())
    found, conclusive = probe(device)
    assert not conclusive
    assert not found.results
    assert "makes no decoder for GPU 0" in found.problem, found.problem


def through_the_seam(folder):
    """Every value that the real package decodes on the host is right, or it is refused."""
    decoder = NvImageCodecDecoder(HOST)
    results = examine_decoder(decoder)
    found = gpu.DeviceCapability("nvImageCodec on the host", results)
    assert not found.wrong, found.wrong
    for bits in range(8, 17):
        assert found.allows(gpu.Kind(False, bits))
    assert found.allows(gpu.Kind(False, 8, 3, True))
    assert not found.allows(gpu.Kind(True, 16)), "signed frames are decoded now: say so in docs"
    probed = ProbedDecoder(decoder, found)
    for name in ("ct", "rgb"):
        with dicube_core.open(folder / f"{name}.dcbs") as reader:
            for frames in (None, [2, 0], slice(1, None)):
                decoded = decode_with(probed, reader, frames, "all")
                assert np.array_equal(decoded.numpy(), reader.frames(frames))
                assert np.array_equal(decoded.array("numpy"), reader.frames(frames))
    with dicube_core.open(folder / "signed.dcbs") as reader:
        assert "refused" in message(decode_with, probed, reader)
    streams = [b"\xff\x4f\xff\x51", b"no codestream"]
    with contextlib.suppress(RuntimeError):
        assert decoder.decode(streams) == [None, None]
    with dicube_core.open(folder / "ct.dcbs") as reader:
        info = reader.inspect(0, reader.codestream(0))
    try:
        probed.decode([reader_part(folder)], [info])
    except DecodeError:
        pass
    else:
        raise AssertionError("a cut codestream was decoded")


def reader_part(folder):
    """Return the beginning of a codestream."""
    with dicube_core.open(folder / "ct.dcbs") as reader:
        return reader.codestream(0)[:60]


if __name__ == "__main__":
    work = Path(sys.argv[1])
    without_gpu(work / "ct.dcbs")
    real_probe()
    through_the_seam(work)
    sys.stdout.write(f"all well with nvImageCodec {library_versions()}\n")
