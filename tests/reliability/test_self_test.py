"""The start-up test of the codecs, with the faults that broken builds have."""

from __future__ import annotations

import json
import sys
from importlib import import_module

import imagecodecs
import numpy as np
import openjpeg
import pytest
from click.testing import CliRunner
from support.series import CT, make_series
from support.whole import write_files

import dicube_core
from dicube_core.cli.app import dcbs
from dicube_core.codec import (
    OpenJPEGCodec,
    OpenJPHCodec,
    PCodec,
    get_codec,
    is_codec_available,
    native_errors,
    registry,
)
from dicube_core.codec.self_test import SelfTest, require_working, run_self_test, works
from dicube_core.codec.self_test_cases import HTJ2K_CASES, PCODEC_CASES
from dicube_core.exceptions import CodecUnavailableError

pytest.importorskip("pcodec")
standalone = import_module("pcodec.standalone")
DECODE, ENCODE = imagecodecs.htj2k_decode, imagecodecs.htj2k_encode
OPENJPEG_DECODE = openjpeg.decode


@pytest.fixture(autouse=True)
def fresh_registry(monkeypatch):
    monkeypatch.setattr(registry, "_codecs", {})
    works.cache_clear()
    yield
    works.cache_clear()


def changed(values):
    """Return values as a fault made them, in the array that was asked for."""

    def fault(function):
        def decode(data, *args, out=None, **options):
            result = values(function(data, *args, **options))
            if out is not None:
                out[...] = result
                return out
            return np.ascontiguousarray(result)

        return decode

    return fault


def unsigned(values):
    """Take signed samples for unsigned ones, as some decoders do."""
    if values.dtype.kind == "i":
        return (values.astype("int64") - np.iinfo(values.dtype).min).astype(values.dtype)
    return values


def shallow(values):
    """Lose the lowest bit of what is deeper than 12 bits, as a decoder of lossy frames may."""
    return values & ~np.array(1, values.dtype) if values.dtype.itemsize > 1 else values


def swapped(values):
    """Give blue for red."""
    return values[..., ::-1] if values.ndim == 3 else values


FAULTS = {
    "sign flipped": changed(lambda v: v ^ np.array(np.iinfo(v.dtype).min or 128, v.dtype)),
    "off by one": changed(lambda v: v + np.array(1, v.dtype)),
    "zeros": changed(np.zeros_like),
    "signed taken for unsigned": changed(unsigned),
    "lowest bit lost": changed(shallow),
    "blue for red": changed(swapped),
    "last row missing": changed(lambda v: v[:-1]),
    "turned": changed(lambda v: v[::-1]),
    "another type": changed(lambda v: v.astype("int64")),
    "another error": lambda _: lambda *args, **options: 1 / 0,
}


def test_what_is_installed_works():
    assert run_self_test(OpenJPHCodec()) == SelfTest()
    assert run_self_test(OpenJPHCodec(tlm=True)) == SelfTest()
    assert run_self_test(OpenJPEGCodec()) == SelfTest(encode=None)
    assert run_self_test(PCodec()) == SelfTest(errors=None)


def test_the_cases_are_of_every_kind():
    formats = [case.pixel_format for case in HTJ2K_CASES]
    kinds = {(f.bits_allocated, f.pixel_representation, f.samples_per_pixel) for f in formats}
    assert kinds == {(8, 0, 1), (8, 1, 1), (16, 0, 1), (16, 1, 1), (8, 0, 3)}
    assert {case.pixel_format.dtype_name for case in PCODEC_CASES} == {
        "float32",
        "int64",
        "uint16",
    }
    for case in (*HTJ2K_CASES, *PCODEC_CASES):
        assert len(case.values) == case.pixel_format.n_bytes
        assert len(case.codestream) < 400


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_decoder_is_not_used(fault, monkeypatch, tmp_path):
    folder = write_files(tmp_path / "series", make_series(2, CT))
    dicube_core.convert(folder, tmp_path / "x.dcbs")
    expected = dicube_core.load(tmp_path / "x.dcbs").raw_image
    monkeypatch.setattr(registry, "_codecs", {})
    monkeypatch.setattr(imagecodecs, "htj2k_decode", FAULTS[fault](DECODE))
    problem = run_self_test(OpenJPHCodec())
    assert "decoding " in problem.decode
    codec = get_codec("htj2k")
    assert isinstance(codec, OpenJPEGCodec)
    assert codec.name == "htj2k"
    # What is read is right, and nothing is written.
    assert np.array_equal(dicube_core.load(tmp_path / "x.dcbs").raw_image, expected)
    for progressive in (False, True):
        with pytest.raises(CodecUnavailableError):
            dicube_core.convert(folder, tmp_path / "y.dcbs", progressive=progressive)
    assert not (tmp_path / "y.dcbs").exists()


@pytest.mark.parametrize("fault", sorted(FAULTS.keys() - {"another type"}))
def test_the_second_decoder_is_tested_too(fault, monkeypatch):
    monkeypatch.setattr(openjpeg, "decode", FAULTS[fault](OPENJPEG_DECODE))
    assert "decoding " in run_self_test(OpenJPEGCodec()).decode
    assert not is_codec_available("htj2k-openjpeg")
    assert isinstance(get_codec("htj2k"), OpenJPHCodec)
    monkeypatch.setattr(registry, "_codecs", {})
    monkeypatch.setattr(imagecodecs, "htj2k_decode", FAULTS["zeros"](DECODE))
    said = rf"imagecodecs {imagecodecs.__version__}, numpy {np.__version__}, Python 3.*wrong values"
    with pytest.raises(CodecUnavailableError, match=said):
        get_codec("htj2k")


def test_errors_that_are_swallowed_are_found(monkeypatch):
    """Without our hooks, imagecodecs returns zeros and prints what OpenJPH said."""

    def call(function, error):
        try:
            return function()
        except (RuntimeError, ValueError) as exc:
            raise error(str(exc)) from exc

    monkeypatch.setattr("dicube_core.codec.openjph.call_native", call)
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    monkeypatch.setattr(sys, "excepthook", lambda *_: None)
    found = run_self_test(OpenJPHCodec())
    assert (found.decode, found.encode) == ("", "")
    assert found.errors == "damage in unsigned 8 bit goes unnoticed"
    assert isinstance(get_codec("htj2k"), OpenJPEGCodec)
    assert native_errors.call_native is not call


def test_a_decoder_that_never_fails_is_found(monkeypatch):
    def decode(data, **options):
        try:
            return OPENJPEG_DECODE(data, **options)
        except RuntimeError:
            return np.zeros((5, 6), "uint8")

    monkeypatch.setattr(openjpeg, "decode", decode)
    with pytest.raises(CodecUnavailableError, match="goes unnoticed"):
        require_working(OpenJPEGCodec())


@pytest.mark.parametrize(
    "fault",
    [
        lambda frame, **options: ENCODE(frame ^ np.array(1, frame.dtype), **options),
        lambda frame, **options: ENCODE(np.zeros_like(frame), **options),
        lambda frame, **options: ENCODE(frame, **options)[:-20] + b"\xff\xd9",
        lambda frame, **options: ENCODE(frame, **{**options, "reversible": False}),
        lambda frame, **options: b"",
    ],
    ids=["off by one", "zeros", "cut", "lossy", "nothing"],
)
def test_a_broken_encoder_is_not_used(fault, monkeypatch):
    get_codec("htj2k")  # the first frames of all are encoded right
    monkeypatch.setattr(registry, "_codecs", {})
    monkeypatch.setattr(imagecodecs, "htj2k_encode", fault)
    found = run_self_test(OpenJPHCodec())
    assert found.decode == ""
    assert found.encode.startswith("encoding ")
    assert isinstance(get_codec("htj2k"), OpenJPEGCodec)


def test_a_broken_pcodec_is_not_used(monkeypatch):
    into = standalone.simple_decompress_into

    def decompress(stream, values):
        done = into(stream, values)
        values[1] = 0  # of the reals, it was -0.0
        return done

    monkeypatch.setattr(standalone, "simple_decompress_into", decompress)
    with pytest.raises(CodecUnavailableError, match=r"pcodec [\d.]+, .*decoding real 32 bit"):
        get_codec("pcodec")
    monkeypatch.undo()
    assert isinstance(get_codec("pcodec"), PCodec)


def test_a_codec_is_tested_once(monkeypatch):
    calls = []
    monkeypatch.setattr(
        imagecodecs, "htj2k_decode", lambda *a, **o: calls.append(1) or DECODE(*a, **o)
    )
    get_codec("htj2k")
    tested = len(calls)
    assert 0 < tested <= 3 * len(HTJ2K_CASES)
    get_codec("htj2k")
    assert len(calls) == tested


def doctor(*arguments):
    # A consumer that is asked for nothing but its presence: pydicom, known by the cache or quick.
    return CliRunner().invoke(dcbs, ["doctor", "--consumer", "pydicom", *arguments])


def test_doctor_shows_the_self_test(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    done = doctor()
    assert done.exit_code == 0
    cells = [[c.strip() for c in line.split("│")[1:-1]] for line in done.output.splitlines()]
    rows = {row[0]: row[1:] for row in cells if len(row) == 5}
    assert rows["OpenJPH"] == [f"imagecodecs {imagecodecs.__version__}", "ok", "ok", "ok"]
    assert rows["OpenJPEG"][1:] == ["ok", "-", "ok"]
    assert rows["pcodec"][1:] == ["ok", "ok", "-"]


def test_doctor_tells_of_a_broken_build(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(imagecodecs, "htj2k_decode", FAULTS["sign flipped"](DECODE))
    done = doctor("--json")
    assert done.exit_code == 1
    report = json.loads(done.output)
    states = {codec["backend"]: (codec["ok"], codec["decode"]) for codec in report["codecs"]}
    assert states["OpenJPH"] == (False, "decoding unsigned 8 bit gives wrong values")
    assert states["OpenJPEG"] == (True, "ok")
    assert report["limits"]["frame_bytes"] == 1 << 30
