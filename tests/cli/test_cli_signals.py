"""What ``dcbs`` does when it is told to stop in the middle of a file."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from support.series import make_series

#: Runs the command, and waits after the first frame that is written.
SLOW = """
import signal, sys, time
# Whatever runs the tests may have them ignored, as nohup does.
signal.signal(signal.SIGINT, signal.default_int_handler)
for number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, signal.SIG_DFL)
from dicube_core.container.writer import ContainerWriter
append = ContainerWriter.append
def slow(self, *frame):
    append(self, *frame)
    print("written", flush=True)
    # Not one long sleep: a signal just before it would be seen only after it.
    for _ in range(600):
        time.sleep(0.1)
ContainerWriter.append = slow
from dicube_core.cli import main
main()
"""


POSIX = pytest.mark.skipif(not hasattr(signal, "SIGHUP"), reason="this system has no such signals")


@pytest.fixture
def stopped(tmp_path):
    """Return a conversion over an old file, with one frame written."""
    source, out = tmp_path / "source", tmp_path / "out"
    source.mkdir()
    out.mkdir()
    for name, data in make_series(3).items():
        (source / name).write_bytes(data)
    (out / "s.dcbs").write_bytes(b"old")
    command = [sys.executable, "-c", SLOW, "convert", str(source), str(out / "s.dcbs"), "--force"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"written\n"
        assert len(list(out.iterdir())) == 2
        yield process
    assert [path.name for path in out.iterdir()] == ["s.dcbs"]
    assert (out / "s.dcbs").read_bytes() == b"old"


@POSIX
@pytest.mark.parametrize(
    ("sent", "code", "said"),
    [
        (signal.SIGINT, 130, "interrupted"),
        (signal.SIGTERM, 143, "terminated"),
        (getattr(signal, "SIGHUP", None), 143, "terminated"),
    ],
)
def test_a_command_that_is_stopped_leaves_nothing_half_written(stopped, sent, code, said):
    stopped.send_signal(sent)
    _, stderr = stopped.communicate(timeout=120)
    assert stopped.returncode == code
    assert stderr.decode().strip().splitlines()[-1] == f"dcbs: {said}"


@POSIX
@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_command_says_so_where_nobody_reads(stopped, sent, code):
    """Such as below a terminal that was closed: exit code 0 would say that the file is whole."""
    stopped.stderr.close()
    stopped.send_signal(sent)
    assert stopped.wait(timeout=120) == code


@POSIX
def test_a_signal_that_is_ignored_stays_so():
    script = (
        "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n"
        "signal.signal(signal.SIGTERM, signal.SIG_DFL)\n"
        "from dicube_core.cli.signals import stop_when_told; stop_when_told()\n"
        "assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN\n"
        "assert signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
