"""What may go wrong between a process and those that decode for it: interrupts, strangers."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from support.interrupts import interrupted
from support.series import make_series
from support.whole import write_files

import dicube_core
from dicube_core import settings
from dicube_core.codec import _decode_pool, _decode_process, bounded, register_codec, registry
from dicube_core.codec._decode_process import HEAD, READY
from dicube_core.codec.bounded import close_processes
from dicube_core.exceptions import CodecUnavailableError, DecodeError, DicomCubeError
from dicube_core.saving import save_image
from dicube_core.settings import Limits, set_limits
from reliability.test_bounded_decoding import children, image_of
from reliability.unruly_codec import HANGS, NAME, UnrulyCodec

PLENTY = 60.0


@pytest.fixture(autouse=True)
def own_settings(monkeypatch):
    monkeypatch.setattr(settings, "_limits", Limits(decode_seconds=PLENTY))
    # Whoever does not give its place back holds up all others.
    monkeypatch.setattr(settings, "_num_threads", 1)
    for name in ("_factories", "_codecs"):
        monkeypatch.setattr(registry, name, dict(getattr(registry, name)))
    monkeypatch.setattr(registry, "_given", set(registry._given))
    register_codec(NAME, UnrulyCodec)
    yield
    close_processes()


@pytest.fixture(scope="module")
def values() -> np.ndarray:
    frames = np.arange(3 * 300 * 300, dtype="uint32").astype("uint16").reshape(3, 300, 300)
    frames[:, 0, 0] = range(3)
    frames[2, 0, 0] = HANGS
    return frames


@pytest.fixture
def path(values, tmp_path) -> Path:
    save_image(image_of(values), tmp_path / "x.dcbs", codec=NAME, verify=False)
    return tmp_path / "x.dcbs"


@pytest.mark.parametrize("module", [bounded, _decode_pool, _decode_process])
def test_every_line_may_be_interrupted(module, path, values):
    """The next frame is never given what is left of the answer to the one before."""
    with dicube_core.open(path) as reader:
        reader.frame(0)
        step = 1
        while interrupted(module.__file__, step, lambda: reader.frame(0), leaving=False):
            assert np.array_equal(reader.frame(1), values[1]), f"step {step}"
            step += 2
    assert step > 15


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers on this platform")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_interrupts_at_random_moments(path, values):
    chance = random.Random(6)
    cut, reading = 0, False

    def stop(*_: object) -> None:
        if reading:
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, stop)
    try:
        with dicube_core.open(path) as reader:
            reader.frame(0)
            for _ in range(25):
                try:
                    reading = True
                    signal.setitimer(signal.ITIMER_REAL, chance.uniform(1e-4, 4e-3))
                    reader.frame(0)
                    reading = False  # here, where an interrupt is still caught
                except KeyboardInterrupt:
                    cut += 1
                finally:
                    signal.setitimer(signal.ITIMER_REAL, 0)
                assert np.array_equal(reader.frame(1), values[1])
    finally:
        signal.signal(signal.SIGALRM, before)
    assert cut > 0


def test_nothing_is_imported_from_the_folder_that_it_is_in(tmp_path):
    """A server may work in a folder that others write to."""
    source = write_files(tmp_path / "source", make_series(2))
    dicube_core.convert(source, tmp_path / "x.dcbs")
    folder = tmp_path / "uploads"
    folder.mkdir()
    for name in ("json", "signal", "numpy", "imagecodecs", "zstandard", "dicube_core"):
        (folder / f"{name}.py").write_text(f"open({str(tmp_path / 'planted')!r}, 'w')")
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, dicube_core\n"
        "dicube_core.set_limits(decode_seconds=60)\n"
        "print(dicube_core.load(sys.argv[1]).raw_image.sum())\n"
    )
    done = subprocess.run(
        [sys.executable, script, tmp_path / "x.dcbs"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert int(done.stdout) == dicube_core.load(tmp_path / "x.dcbs").raw_image.sum()
    assert not (tmp_path / "planted").exists()


@pytest.mark.skipif(sys.platform != "linux", reason="removes the folder that it is in")
def test_the_folder_it_is_in_may_be_gone(path, values, tmp_path, monkeypatch):
    (tmp_path / "gone").mkdir()
    before = Path.cwd()
    monkeypatch.setattr(sys, "path", ["", "relative", 5, *sys.path])
    os.chdir(tmp_path / "gone")
    try:
        (tmp_path / "gone").rmdir()
        with dicube_core.open(path) as reader:
            assert np.array_equal(reader.frame(1), values[1])
    finally:
        os.chdir(before)


@pytest.mark.parametrize("executable", [None, "", "frozen"])
def test_a_program_that_is_no_interpreter_does_not_start_itself(path, executable, monkeypatch):
    from multiprocessing import spawn

    with dicube_core.open(path) as reader:
        if executable == "frozen":
            monkeypatch.setattr(sys, "frozen", True, raising=False)
        else:
            monkeypatch.setattr(spawn, "get_executable", lambda: executable)
            monkeypatch.setattr(sys, "executable", executable)
        with pytest.raises(CodecUnavailableError, match="this program is no Python interpreter"):
            reader.frame(0)
    assert not children()


def stranger(folder: Path, answer: bytes) -> str:
    """Make a program that says it is ready, and gives one answer whatever it is asked."""
    program = folder / "stranger"
    program.write_text(
        f"#!{sys.executable}\n"
        "import os, sys, time\n"
        f"os.write(1, {answer[:1]!r})\n"
        "time.sleep(0.2)\n"
        f"os.write(1, {answer[1:]!r})\n"
        "time.sleep(100)\n"
    )
    program.chmod(0o755)
    return str(program)


def answer_of(found: object, following: int = 0, size: int | None = None) -> bytes:
    text = json.dumps(found).encode()
    return READY + HEAD.pack(len(text) if size is None else size, following) + text


FRAME = 300 * 300 * 2


@pytest.mark.skipif(os.name != "posix", reason="a program by its first line")
@pytest.mark.parametrize(
    "answer",
    [
        answer_of({}),
        answer_of([]),
        answer_of(None),
        answer_of({"shape": [300, 300]}, FRAME),
        answer_of({"shape": ["x"], "dtype": "<u2"}, FRAME),
        answer_of({"shape": [-300, -300], "dtype": "<u2"}, FRAME),
        answer_of({"shape": [300, 300], "dtype": "<u2"}, FRAME - 1),
        answer_of({"shape": [1 << 40, 300], "dtype": "<u2"}, FRAME),
        answer_of({"error": "KeyError"}),
        answer_of({}, size=(1 << 32) - 1) + b" " * (1 << 15),
        READY + HEAD.pack(2, 0) + b"\xff{",
    ],
)
def test_answers_that_cannot_be(answer, path, values, tmp_path, monkeypatch):
    from multiprocessing import spawn

    with dicube_core.open(path) as reader:
        with monkeypatch.context() as patch:
            set_limits(decode_seconds=1.5)
            patch.setattr(spawn, "get_executable", lambda: stranger(tmp_path, answer))
            with pytest.raises(DecodeError, match="frame 0"):
                reader.frame(0)
        assert not children()
        set_limits(decode_seconds=PLENTY)
        assert np.array_equal(reader.frame(1), values[1])


@pytest.mark.skipif(os.name != "posix", reason="a program by its first line")
def test_a_program_that_prints_is_not_believed(path, tmp_path, monkeypatch):
    from multiprocessing import spawn

    monkeypatch.setattr(spawn, "get_executable", lambda: stranger(tmp_path, b"hello"))
    with (
        dicube_core.open(path) as reader,
        pytest.raises(CodecUnavailableError, match="it printed something instead"),
    ):
        reader.frame(0)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_holds_no_pipe_of_a_process_at_work(path):
    """It would keep that process from noticing that its parent has ended."""
    problems: list[Exception] = []

    def hang() -> None:
        try:
            dicube_core.open(path).frame(2)
        except DicomCubeError as exc:
            problems.append(exc)

    thread = threading.Thread(target=hang)
    thread.start()
    while not (found := children()):
        time.sleep(0.01)
    pipes = {Path(f"/proc/{found[0]}/fd/{n}").readlink() for n in (0, 1)}
    pid = os.fork()
    if pid == 0:
        held = set()
        for name in Path("/proc/self/fd").iterdir():
            try:
                held.add(name.readlink())
            except OSError:
                continue
        os._exit(1 if held & pipes else 0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.kill(int(found[0]), signal.SIGKILL)
    thread.join()
    assert "SIGKILL" in str(problems[0])
