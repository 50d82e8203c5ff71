"""``import dicube_plugins.auto``: adapters are installed when their frameworks are imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from support.series import CT, make_series
from support.whole import write_files

import dicube_core

FRAMEWORKS = ("pydicom", "nibabel", "SimpleITK", "itk", "imageio")


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    folder = tmp_path_factory.mktemp("auto")
    dicube_core.convert(write_files(folder / "source", make_series(3, CT)), folder / "x.dcbs")
    return folder / "x.dcbs"


HEAD = """
import json, sys
from importlib import import_module, reload
from importlib.util import find_spec
def states():
    from dicube_plugins import status
    return {one.name: one.state for one in status()}
"""


def run(code, *arguments, path=None, check=True):
    """Run code in a new process; return what it printed as JSON, and what it warned of."""
    done = subprocess.run(
        [sys.executable, "-c", HEAD + code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(path or "")},
        timeout=120,
    )
    assert done.returncode == 0 or not check, done.stderr
    return json.loads(done.stdout or "null"), done.stderr


# Each prints the shape of what it read, by names that scripts take early.
EARLY = {
    "nibabel": ("from nibabel import load", "load(path).shape"),
    "SimpleITK": ("from SimpleITK import ReadImage", "ReadImage(path).GetSize()"),
    "imageio": ("from imageio.v3 import imread", "imread(path).shape[::-1]"),
    "pydicom": ("from pydicom import dcmread", "dcmread(path).pixel_array.shape[::-1]"),
    "itk": ("from itk import imread", "imread(path).shape[::-1]"),
}


@pytest.mark.parametrize("name", EARLY)
def test_a_script_imports_its_framework_later_and_reads_the_file(series, name):
    pytest.importorskip(name)
    statement, read = EARLY[name]
    code = f"""
import dicube_plugins.auto
assert {name!r} not in sys.modules
before = states()[{name!r}]
{statement}
path = sys.argv[1]
print(json.dumps([before, states()[{name!r}], list({read})]))"""
    (before, after, shape), _ = run(code, series)
    assert (before, after, shape) == ("deferred", "installed", [5, 6, 3])


def test_an_import_that_another_thread_is_at_is_waited_for():
    pytest.importorskip("nibabel")
    code = """
import threading
import dicube_plugins.installer
begun, go = threading.Event(), threading.Event()
class Slow:
    def find_spec(self, name, path, target=None):
        if name == "nibabel.info":
            begun.set()
            go.wait(20)
sys.meta_path.insert(0, Slow())
thread = threading.Thread(target=import_module, args=("nibabel",), daemon=True)
thread.start()
begun.wait(20)
threading.Timer(0.5, go.set).start()
import dicube_plugins.auto
thread.join()
print(json.dumps(states()["nibabel"]))
"""
    assert run(code)[0] == "installed"


@pytest.mark.parametrize("name", ["imageio", "nibabel"])
def test_a_framework_that_is_imported_gets_its_adapter_at_once(series, name):
    pytest.importorskip(name)
    code = f"""
import {name}
import dicube_plugins.auto
print(json.dumps([states(), [*sys.modules]]))"""
    (found, modules), _ = run(code)
    assert found[name] == "installed"
    # Adapters may need a framework themselves (pydicom): then it has its own, too.
    assert {other for other, state in found.items() if state == "installed"} <= set(modules)
    assert "deferred" in found.values()


def test_it_imports_no_framework_itself():
    code = f"""
import dicube_plugins.auto
found = states()
print(json.dumps([[m for m in {FRAMEWORKS!r} if m in sys.modules], sorted(set(found.values()))]))"""
    (imported, found), _ = run(code)
    assert imported == []
    assert set(found) <= {"deferred", "missing", "unsupported"}


def test_asking_whether_a_framework_is_there_does_not_end_the_waiting(series):
    pytest.importorskip("imageio")
    code = """
import dicube_plugins.auto
for _ in range(2):
    assert find_spec("imageio") is not None
    assert states()["imageio"] == "deferred"
import imageio.v3
print(json.dumps([states()["imageio"], imageio.v3.imread(sys.argv[1]).shape]))"""
    assert run(code, series)[0] == ["installed", [3, 6, 5]]


def test_uninstalling_before_the_import_ends_the_waiting():
    pytest.importorskip("imageio")
    code = """
import dicube_plugins.auto
dicube_plugins.uninstall("imageio")
import imageio
one = states()["imageio"]
dicube_plugins.uninstall()
dicube_plugins.auto.wait_for_imports("imageio")  # it is imported: at once
print(json.dumps([one, states()]))"""
    (one, found), _ = run(code)
    assert one == "available"
    assert found.pop("imageio") == "installed"
    assert set(found.values()) <= {"available", "missing", "unsupported"}


def test_the_module_looks_as_if_nobody_had_waited_for_it():
    pytest.importorskip("imageio")
    look = """
import imageio
spec = imageio.__spec__
print(json.dumps([type(imageio.__loader__).__name__, imageio.__loader__ is spec.loader,
    spec.name, spec.origin, imageio.__file__, imageio.__path__, imageio.__cached__,
    list(spec.submodule_search_locations), bool(spec.loader.get_source("imageio")),
    spec == find_spec("imageio")]))"""
    assert run("import dicube_plugins.auto" + look) == run(look)


def test_it_can_be_reloaded_and_removed_and_imported_again(series):
    pytest.importorskip("imageio")
    code = """
import dicube_plugins.auto
import imageio, imageio.v3
reload(imageio)
print(json.dumps([states()["imageio"], imageio.v3.imread(sys.argv[1]).shape,
                  len(imageio.config.known_extensions[".dcbs"])]))"""
    assert run(code, series)[0] == ["installed", [3, 6, 5], 1]


def fake(folder, name, patches, framework="value = 1\n"):
    """Install a tiny framework and the plugin with its adapter in a folder."""
    (folder / f"{name}.py").write_text(framework)
    (folder / f"{name}_patches.py").write_text(patches)
    (folder / f"{name}_plugin.py").write_text(f"""
from dicube_plugins import Adapter, hookimpl
@hookimpl
def dicube_adapters():
    return [Adapter("{name}", "{name}", "a fake", "{name}_patches:patches", ("{name}",))]
""")
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[dicube]\n{name} = {name}_plugin\n")


GOOD = """
import {0}
from dicube_plugins.patching import SetAttribute
def patches():
    return [SetAttribute({0}, "value", 2)]
"""
BAD = "def patches():\n    raise RuntimeError('not today')\n"


def test_a_broken_adapter_does_not_break_the_import_nor_other_adapters(tmp_path):
    fake(tmp_path, "fw_bad", BAD)
    fake(tmp_path, "fw_good", GOOD.format("fw_good"))
    code = """
import dicube_plugins.auto
import fw_bad, fw_good
found = states()
print(json.dumps([fw_bad.value, fw_good.value, found["fw_bad"], found["fw_good"]]))"""
    found, warned = run(code, path=tmp_path)
    assert found == [1, 2, "failed", "installed"]
    assert "the adapter 'fw_bad' cannot be installed" in warned
    assert "not today" in warned
    found, warned = run(
        code.replace("import dicube_plugins.auto\nimport fw_bad, fw_good", "").replace(
            "found = states()",
            "import fw_bad, fw_good\nimport dicube_plugins.auto\nfound = states()",
        ),
        path=tmp_path,
    )
    assert found == [1, 2, "failed", "installed"]
    assert "not today" in warned


def test_a_framework_whose_import_fails_is_waited_for_again(tmp_path):
    framework = (
        "import os\nif 'FW_OK' not in os.environ:\n    raise ImportError('later')\nvalue = 1\n"
    )
    fake(tmp_path, "fw_late", GOOD.format("fw_late"), framework)
    code = """
import os
import dicube_plugins.auto
try:
    import fw_late
except ImportError as exc:
    said = str(exc)
waiting = states()["fw_late"]
os.environ["FW_OK"] = "1"
import fw_late
print(json.dumps([said, waiting, fw_late.value, states()["fw_late"]]))"""
    assert run(code, path=tmp_path)[0] == ["later", "deferred", 2, "installed"]


def test_a_framework_that_is_imported_by_many_threads_gets_it_once(tmp_path):
    patches = GOOD.format("fw_many") + "\ncalls = []\n"
    patches = patches.replace("    return [", "    calls.append(1)\n    return [")
    fake(tmp_path, "fw_many", patches, "import time\ntime.sleep(0.2)\nvalue = 1\n")
    code = """
import threading
import dicube_plugins.auto
barrier, values = threading.Barrier(8), []
def work():
    barrier.wait()
    import fw_many
    values.append(fw_many.value)
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
import fw_many_patches
print(json.dumps([values, fw_many_patches.calls]))"""
    # Whoever got the module has it with the adapter: installing is part of its import.
    assert run(code, path=tmp_path)[0] == [[2] * 8, [1]]


def test_values_are_those_of_the_file(series):
    iio = pytest.importorskip("imageio.v3")
    del iio
    code = """
import dicube_plugins.auto
from imageio.v3 import imread
print(json.dumps(imread(sys.argv[1]).tolist()))"""
    expected = [CT.frame(i).astype(int) - 1024 for i in range(3)]
    np.testing.assert_array_equal(run(code, series)[0], expected)
