"""Frames decoded in worker processes: the same values, and an end to what would never end."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from support.encodings import COMPRESSED, compressed_series
from support.series import KINDS, make_series
from support.whole import read_files, write_files

import dicube_core
from dicube_core import settings
from dicube_core.codec import get_codec, register_codec, registry
from dicube_core.codec.bounded import BoundedCodec, close_processes
from dicube_core.exceptions import (
    CodecUnavailableError,
    DataConsistencyError,
    DecodeError,
)
from dicube_core.pixels import PixelFormat
from dicube_core.saving import save_image
from dicube_core.settings import Limits, set_limits
from dicube_core.streaming import DcbStreamingReader
from reliability.codestream_builder import empty_codestream
from reliability.unruly_codec import (
    CRASHES,
    EXITS,
    FAILS,
    HANGS,
    HUNGRY,
    NAME,
    WRONG_TYPE,
    UnrulyCodec,
)

#: Long enough for any frame that is decoded here.
PLENTY = 60.0


@pytest.fixture(autouse=True)
def own_settings(monkeypatch):
    monkeypatch.setattr(settings, "_limits", Limits())
    for name in ("_factories", "_codecs"):
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))
    monkeypatch.setattr(registry, "_given", set(registry._given))
    yield
    close_processes()
    assert not children()


def image_of(values: np.ndarray) -> dicube_core.DicomCubeImage:
    name = values.dtype.name
    header = dicube_core.PixelDataHeader(1.0, 0.0, OriginalPixelDtype=name, PixelDtype=name)
    return dicube_core.DicomCubeImage(values, header)


def children() -> list[str]:
    """Return the worker processes of this process."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = status.read_text()
            command = (status.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if int(text.rpartition(")")[2].split()[1]) == os.getpid() and b"_decode_worker" in command:
            found.append(status.parent.name)
    return found


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    folder = write_files(tmp_path_factory.mktemp("bounded") / "series", make_series(4))
    dicube_core.convert(folder, folder.parent / "series.dcbs")
    return folder.parent / "series.dcbs"


def test_off_by_default():
    assert dicube_core.get_limits().decode_seconds is None
    assert not isinstance(get_codec("htj2k"), BoundedCodec)


@pytest.mark.parametrize("kind", list(KINDS.values())[::3], ids=lambda kind: kind.name)
def test_every_kind_is_the_same(kind, tmp_path):
    folder = write_files(tmp_path / "series", make_series(2, kind))
    dicube_core.convert(folder, tmp_path / "a.dcbs")
    expected = dicube_core.load(tmp_path / "a.dcbs").raw_image
    set_limits(decode_seconds=PLENTY)
    assert np.array_equal(dicube_core.load(tmp_path / "a.dcbs").raw_image, expected)
    dicube_core.convert(folder, tmp_path / "b.dcbs")
    assert (tmp_path / "a.dcbs").read_bytes() == (tmp_path / "b.dcbs").read_bytes()
    assert children()


@pytest.mark.parametrize("encoding", sorted(COMPRESSED))
def test_compressed_sources_are_the_same(encoding, tmp_path):
    folder = write_files(tmp_path / "series", compressed_series(encoding, 2))
    for number, seconds in enumerate((None, PLENTY)):
        set_limits(decode_seconds=seconds)
        dicube_core.convert(folder, tmp_path / f"{number}.dcbs")
        dicube_core.convert(folder, tmp_path / f"{number}.kept.dcbs", keep_encoding=True)
        frames = dicube_core.load(tmp_path / f"{number}.kept.dcbs").raw_image
        assert np.array_equal(dicube_core.load(tmp_path / "0.kept.dcbs").raw_image, frames)
    assert (tmp_path / "0.dcbs").read_bytes() == (tmp_path / "1.dcbs").read_bytes()
    assert (tmp_path / "0.kept.dcbs").read_bytes() == (tmp_path / "1.kept.dcbs").read_bytes()


def test_real_values_are_the_same_bit_by_bit(tmp_path):
    values = np.random.default_rng(1).normal(size=(3, 5, 6)).astype("float32")
    values.flat[:3] = np.nan, -0.0, np.inf
    dicube_core.save(image_of(values), tmp_path / "a.dcbs")
    set_limits(decode_seconds=PLENTY)
    assert dicube_core.load(tmp_path / "a.dcbs").raw_image.tobytes() == values.tobytes()


def test_every_way_out_is_the_same(series, tmp_path):
    def outcome(name):
        with dicube_core.open(series) as reader, DcbStreamingReader(series) as streaming:
            levels = [reader.frame(1, level).tobytes() for level in (0, 1, 2)]
            plain = reader.frame(1)
            out = np.empty_like(plain)
            assert reader.frame(1, out=out) is out
            assert np.array_equal(out, plain)
            with pytest.raises(DataConsistencyError):
                reader.frame(1, out=out.astype("int32"))
            with pytest.raises(DataConsistencyError, match="level"):
                reader.frame(1, 77)
            slices = [
                streaming.get_dicom_for_frame(index, transfer_syntax=syntax)
                for index in range(2)
                for syntax in ("1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.201")
            ]
        dicube_core.save_to_dicom_folder(dicube_core.load(series), tmp_path / name)
        return levels, slices, read_files(tmp_path / name)

    expected = outcome("here")
    set_limits(decode_seconds=PLENTY)
    assert outcome("apart") == expected
    assert dicube_core.verify_file(series).ok


def test_an_open_reader_obeys_at_once(series):
    with dicube_core.open(series) as reader:
        plain = reader.frame(0)
        assert not children()
        set_limits(decode_seconds=PLENTY)
        assert np.array_equal(reader.frame(0), plain)
        assert len(children()) == 1
        close_processes()
        set_limits(decode_seconds=None)
        assert np.array_equal(reader.frame(0), plain)
        assert not children()


@pytest.fixture
def unruly(tmp_path):
    """A file with one good frame, and one of each bad kind."""
    register_codec(NAME, UnrulyCodec)
    values = np.arange(7 * 4 * 5, dtype="uint16").reshape(7, 4, 5)
    kinds = [0, HANGS, HUNGRY, CRASHES, EXITS, FAILS, WRONG_TYPE]
    values[:, 0, 0] = kinds
    path = tmp_path / "unruly.dcbs"
    save_image(image_of(values), path, codec=NAME, verify=False)
    return path, values


@pytest.mark.parametrize(
    ("frame", "said"),
    [
        (1, "longer than the limit decode_seconds, 1 s.*DICUBE_DECODE_SECONDS"),
        (2, "more memory than the limit decode_memory_bytes, 268435456.*DICUBE_DECODE_MEMORY"),
        (3, "the process that decoded it ended by signal SIGSEGV"),
        (4, "the process that decoded it ended by exit status 7"),
        (5, "the decoder failed: KeyError: 'what a plugin raises'"),
        (6, "expected uint16 values, found <i8"),
    ],
    ids=["hangs", "hungry", "crashes", "exits", "fails", "wrong type"],
)
def test_what_misbehaves_is_ended_and_the_rest_goes_on(frame, said, unruly):
    path, values = unruly
    set_limits(decode_seconds=PLENTY, decode_memory_bytes=256 << 20)
    with dicube_core.open(path) as reader:
        assert np.array_equal(reader.frame(0), values[0])
        set_limits(decode_seconds=1 if frame == 1 else PLENTY)
        with pytest.raises(DecodeError, match=said) as caught:
            reader.frame(frame)
        set_limits(decode_seconds=PLENTY)
        assert f"{path}: frame {frame} at byte " in str(caught.value)
        assert caught.value.details["frame"] == frame
        assert np.array_equal(reader.frame(0), values[0])
    if frame == 1:
        set_limits(decode_seconds=1)
        with pytest.raises(DecodeError, match=r"frame \d at byte"):
            dicube_core.load(path)


def test_threads_share_a_few_processes(series, unruly):
    path, values = unruly
    set_limits(decode_seconds=PLENTY)
    expected = [dicube_core.open(series).frame(i) for i in range(4)]
    problems: list[object] = []
    most = []

    def work(number: int) -> None:
        try:
            with dicube_core.open(series) as good, dicube_core.open(path) as bad:
                for turn in range(3):
                    index = (turn + number) % 4
                    if not np.array_equal(good.frame(index), expected[index]):
                        problems.append("other values")
                    with pytest.raises(DecodeError, match="SIGSEGV"):
                        bad.frame(3)
                    if not np.array_equal(bad.frame(0), values[0]):
                        problems.append("other values")
                    most.append(len(children()))
        except BaseException as exc:  # noqa: BLE001 - shown below
            problems.append(exc)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert max(most) <= settings.get_num_threads()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this platform")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_starts_its_own(series):
    set_limits(decode_seconds=PLENTY)
    with dicube_core.open(series) as reader:
        expected = reader.frame(2)
        mine = children()
        assert mine
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                same = np.array_equal(reader.frame(2), expected)
                code = 0 if same and children() and not set(children()) & set(mine) else 2
                close_processes()
            finally:
                os._exit(code)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
        assert np.array_equal(reader.frame(2), expected)
        assert children() == mine


def test_no_main_module_is_needed(series):
    code = (
        "import sys, dicube_core; dicube_core.set_limits(decode_seconds=60)\n"
        "print('once', dicube_core.load(sys.argv[1]).raw_image.sum())\n"
    )
    done = subprocess.run(
        [sys.executable, "-", str(series)], input=code, capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["once", str(dicube_core.load(series).raw_image.sum())]
    assert done.stderr == ""


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_nothing_outlives_a_killed_parent(unruly):
    path, _ = unruly
    tests = Path(__file__).parents[1]
    code = (
        f"import sys, threading; sys.path.insert(0, {str(tests)!r})\n"
        "import dicube_core\n"
        "from dicube_core.codec import register_codec\n"
        "from reliability.unruly_codec import NAME, UnrulyCodec\n"
        "from reliability.test_bounded_decoding import children\n"
        "register_codec(NAME, UnrulyCodec); dicube_core.set_limits(decode_seconds=60)\n"
        f"reader = dicube_core.open({str(path)!r}); reader.frame(0)\n"
        "dicube_core.set_limits(decode_seconds=1.5)\n"
        "print(*children(), flush=True)\n"
        "reader.frame(1)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        (worker,) = parent.stdout.readline().split()
        time.sleep(0.3)  # it hangs in the frame by now, or soon
        parent.send_signal(signal.SIGKILL)
    with contextlib.suppress(OSError):  # it has ended
        while b"_decode_worker" in Path("/proc", worker, "cmdline").read_bytes():
            time.sleep(0.1)


def test_what_another_process_cannot_find_is_refused(unruly):
    path, _ = unruly

    def local() -> UnrulyCodec:
        return UnrulyCodec()

    register_codec(NAME, local, replace=True)
    set_limits(decode_seconds=PLENTY)
    with (
        dicube_core.open(path) as reader,
        pytest.raises(CodecUnavailableError, match="importable module"),
    ):
        reader.frame(0)


def test_no_interpreter_is_a_clear_error(series, monkeypatch):
    from multiprocessing import spawn

    set_limits(decode_seconds=PLENTY)
    with dicube_core.open(series) as reader:
        with monkeypatch.context() as patch:
            patch.setattr(spawn, "get_executable", lambda: "/nowhere/python")
            with pytest.raises(CodecUnavailableError, match="no process to decode in can be"):
                reader.frame(0)
            patch.setattr(spawn, "get_executable", lambda: "/bin/false")
            with pytest.raises(CodecUnavailableError, match="ended by exit status 1"):
                reader.frame(0)
        assert reader.frame(0).any()


HUGE = 8192


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"decode_seconds": 0.001}, "decode_seconds, 0.001 s"),
        ({"decode_seconds": PLENTY, "decode_memory_bytes": 64 << 20}, "decode_memory_bytes"),
    ],
    ids=["time", "memory"],
)
def test_a_hundred_bytes_that_are_a_huge_frame(changes, said):
    """Right in every marker: 112 bytes that decode to 128 MiB."""
    codestream = empty_codestream(HUGE, HUGE)
    assert len(codestream) < 120
    pixel_format = PixelFormat.from_dtype("uint16", HUGE, HUGE)
    set_limits(**changes)
    codec = get_codec("htj2k")
    codec.inspect(codestream, pixel_format)
    with pytest.raises(DecodeError, match=said):
        codec.decode(codestream, pixel_format)


def test_tiny_precincts_are_refused_unread():
    """A byte of the file for each, and two hundred of memory."""
    pixel_format = PixelFormat.from_dtype("uint16", 512, 512)
    codec = get_codec("htj2k")
    for exponent in (1, 2):
        codestream = empty_codestream(512, 512, block=(1, 1), precinct=exponent)
        with pytest.raises(DecodeError, match="at most 4120 packets"):
            codec.inspect(codestream, pixel_format)
    codestream = empty_codestream(512, 512, block=(1, 1), precinct=4)
    assert codec.decode(codestream, pixel_format).shape == (512, 512)


def test_a_source_is_decoded_within_the_limits(tmp_path):
    folder = write_files(tmp_path / "series", compressed_series("htj2k", 2))
    set_limits(decode_seconds=0.001, decode_memory_bytes=1 << 20)
    with pytest.raises(DecodeError, match=r"IM000\d.dcm: pixel data at byte \d+.*decod"):
        dicube_core.convert(folder, tmp_path / "x.dcbs")
    assert not (tmp_path / "x.dcbs").exists()
