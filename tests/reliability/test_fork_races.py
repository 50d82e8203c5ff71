"""A process forked between any two lines of another thread reads the right bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.series import Kind, make_series
from support.whole import write_files

import dicube_core

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

# A fork in the tracer stands for one by another thread while this one is at the line.
PRELUDE = """
import faulthandler, gzip, json, os, signal, sys
faulthandler.dump_traceback_later(250, exit=True)
from dicube_core import path_source
from dicube_core.path_source import PathSource
folder = sys.argv[1]
path, other = folder + "/a", folder + "/b"
wanted = b"wanted" * 100
open(path, "wb").write(wanted)
open(other, "wb").write(b"others" * 100)
def forked(check):
    child = os.fork()
    if not child:
        sys.settrace(None)
        signal.alarm(60)  # it may hang
        try:
            check()
            os._exit(0)
        except BaseException:
            import traceback
            traceback.print_exc()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
def forked_at_each_line(names, work, check):
    found = {}
    def tracer(frame, event, _):
        if frame.f_code.co_filename != path_source.__file__ or frame.f_code.co_name not in names:
            return None if event == "call" and frame.f_code.co_name not in names else tracer
        if event in ("line", "return"):
            place = f"{frame.f_code.co_name}:{frame.f_lineno}:{event}"
            sys.settrace(None)
            found[place] = forked(check)
            sys.settrace(tracer)
        return tracer
    sys.settrace(tracer)
    try:
        work()
    finally:
        sys.settrace(None)
    return found
source = PathSource(path)
def check():
    taken = os.open(other, os.O_RDONLY)  # gets the number that was just closed
    assert source.read_at(0, len(wanted)) == wanted
    for _ in range(3):
        source.rest()
        assert source.read_at(6, 6) == wanted[:6]
    source.close()
    assert os.pread(taken, 6, 0) == b"others"
"""
RESTING = """
print(json.dumps(forked_at_each_line(("rest",), source.rest, check)))
"""
OPENING = """
source.rest()
again = lambda: source.read_at(0, 1)
print(json.dumps(forked_at_each_line(("_open", "read_at"), again, check)))
"""
POSITIONS = """
from dicube_core.exceptions import InvalidCubeFileError
from dicube_core.source import open_source
import io
with gzip.open(folder + "/c", "wb") as packed:
    packed.write(wanted)
shared = open_source(gzip.open(folder + "/c"))
plain = open_source(open(path, "rb"))
memory = open_source(io.BytesIO(wanted))
assert shared.read_at(0, 600) == plain.read_at(0, 600) == memory.read_at(0, 600) == wanted
def check():
    assert plain.read_at(0, 600) == memory.read_at(0, 600) == wanted
    try:
        shared.read_at(0, 600)
    except InvalidCubeFileError as error:
        assert "was forked" in str(error) and folder in str(error), str(error)
    else:
        raise AssertionError("both processes move one position")
print(json.dumps({"child": forked(check), "parent": shared.read_at(0, 600) != wanted}))
"""


LOADING = """
# Another thread loads the codec for the first time while children are made that need it, too. All
# other modules are there: the import of those is not ours to protect.
import importlib, threading
import dicube_core
def decode():
    with dicube_core.open(folder + "/x.dcbs") as reader:
        return reader.frames().tobytes()
names = folder + "/modules.json"
if not os.path.exists(names):
    decode()
    loaded = [
        name for name, module in sys.modules.items()
        if getattr(module, "__spec__", None) and not name.startswith(("imagecodecs", "__"))
    ]
    with open(names, "w") as file:
        json.dump(loaded, file)
    print(json.dumps({}))
    sys.exit()
with open(names) as file:
    for name in json.load(file):
        try:
            importlib.import_module(name)
        except ImportError:
            pass  # modules that extensions make up
assert not any(name.startswith("imagecodecs") for name in sys.modules)
loader = threading.Thread(target=decode)
loader.start()
found = []
while loader.is_alive() or len(found) < 3:
    found.append(forked(decode))
loader.join()
print(json.dumps({"worst": max(found), "least": min(found), "children": len(found)}))
"""


def run(script: str, folder: Path) -> dict[str, int]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PRELUDE + script, str(folder)],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(("script", "least"), [(RESTING, 5), (OPENING, 15)])
def test_fork_at_each_line(script, least, tmp_path):
    found = run(script, tmp_path)
    assert len(found) >= least
    assert set(found.values()) == {0}, found


def test_fork_while_the_codec_is_loaded(tmp_path):
    source = write_files(tmp_path / "source", make_series(3, Kind("ct", rows=24, columns=24)))
    dicube_core.convert(source, tmp_path / "x.dcbs")
    assert run(LOADING, tmp_path) == {}
    for _ in range(3):
        found = run(LOADING, tmp_path)
        assert (found["least"], found["worst"]) == (0, 0)
        assert found["children"] >= 3


def test_a_shared_position_is_refused_in_the_child(tmp_path):
    assert run(POSITIONS, tmp_path) == {"child": 0, "parent": 0}
