"""Names, backends that are missing, and what importing costs."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
import threading

import pytest

from dicube_core.codec import (
    HTJ2K_LOSSLESS,
    FrameCodec,
    OpenJPEGCodec,
    OpenJPHCodec,
    get_codec,
    is_codec_available,
    list_codecs,
    register_codec,
    registry,
)
from dicube_core.exceptions import CodecUnavailableError, DataConsistencyError


@pytest.fixture
def own_name(monkeypatch):
    monkeypatch.setattr(registry, "_factories", dict(registry._factories))
    monkeypatch.setattr(registry, "_codecs", dict(registry._codecs))
    return "test-codec"


def run_python(code):
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert result.returncode == 0, result.stderr[-2000:]
    return json.loads(result.stdout)


def test_built_in_codecs():
    assert list_codecs() == ["htj2k", "htj2k-openjpeg", "pcodec"]
    for name, kind in (("htj2k", OpenJPHCodec), ("htj2k-openjpeg", OpenJPEGCodec)):
        codec = get_codec(name)
        assert isinstance(codec, kind)
        assert isinstance(codec, FrameCodec)
        assert (codec.name, codec.transfer_syntax_uid) == (name, HTJ2K_LOSSLESS)
        assert get_codec(name) is codec
        assert is_codec_available(name)


def test_unknown_name_lists_the_known_ones():
    with pytest.raises(CodecUnavailableError, match="htj2k, htj2k-openjpeg"):
        get_codec("jpeg-9000")
    assert not is_codec_available("jpeg-9000")


def test_register(own_name):
    register_codec(own_name, OpenJPEGCodec)
    assert own_name in list_codecs()
    first = get_codec(own_name)
    with pytest.raises(DataConsistencyError, match="replace=True"):
        register_codec(own_name, OpenJPHCodec)
    assert get_codec(own_name) is first
    register_codec(own_name, OpenJPHCodec, replace=True)
    assert isinstance(get_codec(own_name), OpenJPHCodec)
    with pytest.raises(DataConsistencyError):
        register_codec("", OpenJPHCodec)


def test_factory_is_called_once_by_many_threads(own_name):
    built = []
    barrier = threading.Barrier(8)
    inside = threading.Event()

    def factory():
        built.append(None)
        inside.wait(0.05)
        return OpenJPHCodec()

    register_codec(own_name, factory)
    found = []

    def ask():
        barrier.wait()
        found.append(get_codec(own_name))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(built) == 1
    assert all(codec is found[0] for codec in found)


def test_unavailable_codec_is_tried_again(own_name):
    state = {"installed": False}

    def factory():
        if not state["installed"]:
            raise CodecUnavailableError("not yet")
        return OpenJPHCodec()

    register_codec(own_name, factory)
    assert not is_codec_available(own_name)
    state["installed"] = True
    assert is_codec_available(own_name)


def test_import_is_light():
    heavy = run_python("""
        import json, sys
        from dicube_core.codec import list_codecs, parse
        list_codecs()
        names = ("numpy", "pydicom", "imagecodecs", "openjpeg")
        print(json.dumps([name for name in names if name in sys.modules]))
    """)
    assert heavy == []


_MISSING = """
    import json, sys
    import numpy as np
    from dicube_core.codec import OpenJPHCodec, get_codec, is_codec_available
    from dicube_core.exceptions import CodecUnavailableError
    from dicube_core.pixels import PixelFormat

    frame = np.arange(600, dtype="int16").reshape(20, 30)
    pixel_format = PixelFormat.from_dtype("int16", 20, 30)
    codestream = OpenJPHCodec().encode(frame, pixel_format)
    # As in an environment where these are not installed.
    for name in [name for name in sys.modules if name.split(".")[0] in MISSING]:
        del sys.modules[name]
    for name in MISSING:
        sys.modules[name] = None
    result = [is_codec_available("htj2k"), is_codec_available("htj2k-openjpeg")]
    try:
        codec = get_codec("htj2k")
        result += [codec.name, bool((codec.decode(codestream, pixel_format) == frame).all())]
        codec.encode(frame, pixel_format)
    except CodecUnavailableError as exc:
        result.append(str(exc))
    print(json.dumps(result))
"""


def test_without_imagecodecs():
    *result, message = run_python(_MISSING.replace("MISSING", "('imagecodecs',)"))
    assert result == [True, True, "htj2k", True]
    assert "pip install 'imagecodecs" in message


def test_without_any_backend():
    result = run_python(_MISSING.replace("MISSING", "('imagecodecs', 'openjpeg')"))
    assert result[:2] == [False, False]
    assert "pip install 'imagecodecs" in result[2]
