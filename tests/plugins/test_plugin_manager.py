"""Plugins of others: found, isolated, reported, blocked. Each case in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib.metadata import entry_points

import pytest

from dicube_plugins.manager import PluginManager

#: Names of the entry points that the package declares.
OURS = [e.name for e in entry_points(group="dicube") if e.dist.name == "dicube-plugins"]
OUR_CODECS = ["htj2k-nvimgcodec"]
GOOD = """
from dicube_plugins import Consumer, hookimpl
@hookimpl
def dicube_consumers():
    return [Consumer({name!r}, "a plugin's", ("{{python}}", "-c", "pass"))]
"""
ADAPTER = """
from dicube_plugins import Adapter, hookimpl
@hookimpl
def dicube_adapters():
    return [Adapter({name!r}, "json", "a plugin's", "no_such_module:patches", ("pip",))]
"""
CODEC = """
from dicube_plugins import hookimpl
def make():
    raise RuntimeError("not needed")
@hookimpl
def dicube_codecs():
    return {answer}
"""
SOURCE = """
from dicube_plugins import hookimpl
class Store:
    name = "a store"
    def size(self): return 5
    def read_at(self, offset, length): return b"bytes"[offset:offset + length]
@hookimpl
def dicube_open_source(source):
    return {answer}
"""
MODULES = {
    "good": GOOD.format(name="viewer"),
    "good_too": GOOD.format(name="other-viewer"),
    "broken": "raise RuntimeError('cannot start')",
    "absent": None,
    "quits": "import sys; sys.exit('bye')",
    "syntax": "def broken(:",
    "misspelt": GOOD.format(name="lost").replace("dicube_consumers", "dicube_consumer"),
    "raises": GOOD.format(name="x").replace("return", "raise ValueError('no list today')  #"),
    "no_list": GOOD.format(name="x").replace("return [", "return None  # ["),
    "wrong_type": GOOD.format(name="x").replace("return [", "return ['text']  # ["),
    "takes_ours": GOOD.format(name="SimpleITK"),
    "early": GOOD.format(name="early").replace("@hookimpl", "@hookimpl(tryfirst=True)"),
    "late": GOOD.format(name="SimpleITK").replace("@hookimpl", "@hookimpl(trylast=True)"),
    "adapter": ADAPTER.format(name="viewer-adapter"),
    "adapter_thief": ADAPTER.format(name="imageio").replace(
        "@hookimpl", "@hookimpl(tryfirst=True)"
    ),
    "adapter_type": ADAPTER.format(name="x").replace("return [", "return ['imageio']  # ["),
    "adapter_last_bad": ADAPTER.format(name="kept-adapter").replace(")]", "), 7]"),
    "adapter_misspelt": ADAPTER.format(name="lost").replace("dicube_adapters", "dicube_adapter"),
    "codec": CODEC.format(answer="{'plugin-codec': make}"),
    "codec_thief": CODEC.format(answer="{'htj2k': make, 'own-codec': make}"),
    "codec_type": CODEC.format(answer="{'bad-codec': 'text'}"),
    "codec_number": CODEC.format(answer="{7: make}"),
    "codec_list": CODEC.format(answer="['plugin-codec']"),
    "codec_raises": CODEC.format(answer="1 / 0"),
    "source": SOURCE.format(answer="Store() if source == 'good://x' else None"),
    "source_raises": SOURCE.format(answer="1 / 0"),
    "source_missing": SOURCE.format(
        answer="exec(\"raise FileNotFoundError(2, 'gone', source)\") if 'lost' in source else None"
    ),
    "source_type": SOURCE.format(answer="'no source' if source == 'bad://x' else None"),
    "arguments": SOURCE.format(answer="None").replace("(source)", "(source, more)"),
    "newer": """
from dicube_plugins import hookimpl
@hookimpl(optionalhook=True)
def dicube_hook_of_a_later_version():
    return []
""",
}
ASK = """
import json
from dicube_plugins import known_consumers, plugin_status
known = known_consumers()
print(json.dumps({
    "consumers": {n: c.description for n, c in known.items()},
    "status": {f"{s.name}|{s.origin}": [s.state, s.message] for s in plugin_status()},
}))
"""

#: A plugin that takes its time to answer.
SLOW = """
import threading
from dicube_plugins import hookimpl
asked, go_on = threading.Event(), threading.Event()
@hookimpl
def dicube_codecs():
    asked.set()
    go_on.wait()
    return {}
"""
FORK = """
import os, signal, threading
import dicube_plugin_slow as slow
from dicube_plugins.manager import default_manager
manager = default_manager()
manager.adapters()
thread = threading.Thread(target=manager.codecs)
thread.start()
slow.asked.wait()
child = os.fork()
if not child:
    signal.alarm(60)  # so that it ends at all
    os.write(1, f"child: {manager.adapter('nibabel').name}\\n".encode())
    os._exit(0)
os.waitpid(child, 0)
slow.go_on.set()
thread.join()
"""


#: Asks for adapters, codecs and sources.
ASK_ALL = """
import json
from dicube_core.source import open_source
from dicube_plugins.manager import default_manager
manager = default_manager()
def opened(address):
    try:
        return open_source(address).name
    except (OSError, TypeError) as exc:
        return f"{type(exc).__name__}: {exc}"
found = {
    "adapters": {n: a.description for n, a in manager.adapters().items()},
    "codecs": sorted(manager.codecs()),
    "sources": {a: opened(a) for a in ("good://x", "bad://x", "lost://x")},
}
status = {f"{s.name}|{s.origin}": [s.state, s.message] for s in manager.status()}
print(json.dumps({"consumers": found, "status": status}))
"""


def ask(tmp_path, *names, aliases=None, code=None, **env):
    """Install plugins in a folder, and ask a new process what it finds there."""
    for name in names:
        alias = (aliases or {}).get(name, name.replace("_", "-"))
        if MODULES[name] is not None:
            (tmp_path / f"dicube_plugin_{name}.py").write_text(MODULES[name])
        info = tmp_path / f"{name}-1.0.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[dicube]\n{alias} = dicube_plugin_{name}\n")
    done = subprocess.run(
        [sys.executable, "-c", code or ASK],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path), **env},
        timeout=120,
    )
    answer = json.loads(done.stdout)
    return answer["consumers"], answer["status"]


def test_a_plugin_adds_its_consumers_to_ours(tmp_path):
    consumers, status = ask(tmp_path, "good", "good_too", "newer")
    assert consumers["viewer"] == consumers["other-viewer"] == "a plugin's"
    assert {"pydicom", "gdcm", "SimpleITK", "itk", "dcm2niix", "gdcmconv", "dcmtk"} < set(consumers)
    assert status["good|good 1.0"] == ["loaded", ""]
    assert status["newer|newer 1.0"] == ["loaded", ""]
    from dicube_core._version import __version__

    first = list(status)[: len(OURS)]  # ours come first, so that nobody takes their names
    assert sorted(first) == sorted(f"{name}|dicube-plugins {__version__}" for name in OURS)
    assert [status[name] for name in first] == [["loaded", ""]] * len(OURS)


FAILURES = {
    "broken": "RuntimeError: cannot start",
    "absent": "ModuleNotFoundError",
    "quits": "SystemExit: bye",
    "syntax": "SyntaxError",
    "misspelt": "dicube_consumer",
    "raises": "dicube_consumers: ValueError: no list today",
    "no_list": "dicube_consumers: TypeError",
    "wrong_type": "'text' is no Consumer",
    "takes_ours": "consumer 'SimpleITK' exists already",
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_bad_plugin_takes_no_other_with_it(tmp_path, name):
    consumers, status = ask(tmp_path, "good", name, "good_too")
    assert {"viewer", "other-viewer", "pydicom"} < set(consumers)
    assert not {"lost", "x"} & set(consumers)
    state, message = status.pop(f"{name.replace('_', '-')}|{name} 1.0")
    assert state == "failed"
    assert FAILURES[name] in message
    others = [entry[0] for entry in status.values()]
    assert others == ["loaded"] * (len(OURS) + 2)


def test_nobody_takes_the_name_of_our_consumers_even_by_going_first(tmp_path):
    MODULES["early_thief"] = MODULES["early"].replace("'early'", "'SimpleITK'")
    try:
        consumers, status = ask(tmp_path, "early_thief")
    finally:
        del MODULES["early_thief"]
    assert consumers["SimpleITK"] != "a plugin's"
    assert status["early-thief|early_thief 1.0"][0] == "failed"


def test_nor_by_going_last(tmp_path):
    consumers, status = ask(tmp_path, "late")
    assert consumers["SimpleITK"] != "a plugin's"
    assert status["late|late 1.0"] == ["failed", "consumer 'SimpleITK' exists already"]


def test_adapters_codecs_and_sources_of_plugins(tmp_path):
    found, status = ask(tmp_path, "adapter", "codec", "source", "source_missing", code=ASK_ALL)
    assert found["adapters"]["viewer-adapter"] == "a plugin's"
    assert {"pydicom", "nibabel", "SimpleITK", "itk", "imageio"} < set(found["adapters"])
    assert found["codecs"] == [*OUR_CODECS, "plugin-codec"]
    assert found["sources"]["good://x"] == "a store"
    assert found["sources"]["bad://x"].startswith("FileNotFoundError")  # a path like any other
    assert found["sources"]["lost://x"] == "FileNotFoundError: [Errno 2] gone: 'lost://x'"
    assert {state for state, _ in status.values()} == {"loaded"}


BAD_ANSWERS = {
    "adapter_thief": "adapter 'imageio' exists already",
    "adapter_type": "'imageio' is no Adapter",
    "adapter_last_bad": "7 is no Adapter",
    "adapter_misspelt": "dicube_adapter",
    "codec_type": "'bad-codec': 'text' is not a codec's name and maker",
    "codec_number": "7: <function make",
    "codec_list": "dicube_codecs: ValueError",
    "codec_raises": "dicube_codecs: ZeroDivisionError",
    "source_raises": "dicube_open_source: ZeroDivisionError",
    "arguments": "more",
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_a_bad_answer_is_left_out_and_told(tmp_path, name):
    found, status = ask(tmp_path, "adapter", "codec", name, "source", code=ASK_ALL)
    assert found["adapters"]["imageio"] != "a plugin's"
    assert found["adapters"]["viewer-adapter"] == "a plugin's"
    assert ("kept-adapter" in found["adapters"]) == (name == "adapter_last_bad")
    assert found["codecs"] == [*OUR_CODECS, "plugin-codec"]
    assert found["sources"]["good://x"] == "a store"
    state, message = status.pop(f"{name.replace('_', '-')}|{name} 1.0")
    assert state == "failed"
    assert BAD_ANSWERS[name] in message
    assert {state for state, _ in status.values()} == {"loaded"}


def test_a_source_that_is_none_is_an_error_for_who_asked(tmp_path):
    found, _ = ask(tmp_path, "source_type", code=ASK_ALL)
    assert found["sources"]["bad://x"] == (
        "TypeError: a plugin opened 'bad://x' as str, no ByteSource"
    )


def test_a_plugin_never_stands_in_for_a_codec_of_the_core(tmp_path):
    (tmp_path / "told").mkdir()
    found, status = ask(tmp_path / "told", "codec_thief", code=ASK_ALL)
    assert found["codecs"] == [*OUR_CODECS, "own-codec"]
    assert status["codec-thief|codec_thief 1.0"] == ["failed", "codec 'htj2k' exists already"]
    code = """
import json
from dicube_core.codec.registry import get_codec
print(json.dumps({"consumers": type(get_codec("htj2k")).__module__, "status": {}}))"""
    (tmp_path / "used").mkdir()
    found, _ = ask(tmp_path / "used", "codec_thief", code=code)
    assert found.startswith("dicube_core.codec.")


def test_one_module_may_have_several_names(tmp_path):
    (tmp_path / "dicube_two.py").write_text(
        ADAPTER.format(name="one").replace(
            "]\n", ", Adapter('two', 'json', 'the other', 'm:patches', ('pip',))]\n"
        )
    )
    info = tmp_path / "two-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: two\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[dicube]\none = dicube_two\ntwo = dicube_two\n")
    code = """
import json, sys
from dicube_plugins.manager import default_manager
manager = default_manager()
found = [manager.adapter(n).description for n in ("two", "one")]
found.append("dicube_plugins.adapters.imageio" in sys.modules)
status = {s.name: [s.state, s.message] for s in manager.status()}
print(json.dumps({"consumers": found, "status": status}))"""
    found, status = ask(tmp_path, code=code)
    assert found == ["the other", "a plugin's", False]
    assert (status["one"], status["two"]) == (["loaded", ""], ["loaded", ""])


def test_two_plugins_of_one_name_are_told_apart(tmp_path):
    aliases = {"good": "same", "good_too": "same"}
    consumers, status = ask(tmp_path, "good", "good_too", aliases=aliases)
    assert len({"viewer", "other-viewer"} & set(consumers)) == 1
    states = sorted(tuple(entry) for key, entry in status.items() if key.startswith("same|"))
    assert states == [("failed", "another plugin has this name already"), ("loaded", "")]


def test_a_plugin_does_not_take_the_name_of_ours(tmp_path):
    consumers, status = ask(tmp_path, "good", aliases={"good": "dicube-consumers"})
    assert "viewer" not in consumers
    assert "pydicom" in consumers
    assert status["dicube-consumers|good 1.0"][0] == "failed"


def test_plugins_can_be_blocked_by_name(tmp_path):
    blocked = " broken, good-too ,,"
    consumers, status = ask(tmp_path, "good", "good_too", "broken", DICUBE_BLOCK_PLUGINS=blocked)
    assert "viewer" in consumers
    assert "other-viewer" not in consumers
    assert status["broken|broken 1.0"] == ["blocked", "named in DICUBE_BLOCK_PLUGINS"]
    assert status["good-too|good_too 1.0"][0] == "blocked"


def test_ours_can_be_blocked_too():
    manager = PluginManager(blocked=["dicube-consumers"])
    assert "pydicom" not in manager.consumers()
    states = {status.name: status.state for status in manager.status()}
    assert states.pop("dicube-consumers") == "blocked"
    others = set(OURS) - {"dicube-consumers"}
    assert {name: states[name] for name in others} == dict.fromkeys(others, "loaded")


def test_nothing_is_loaded_before_it_is_asked_for(tmp_path):
    (tmp_path / "dicube_plugin_good.py").write_text("raise SystemExit('loaded too early')")
    info = tmp_path / "good-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: good\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[dicube]\ngood = dicube_plugin_good\n")
    code = (
        "import sys, dicube_plugins, dicube_plugins.manager, dicube_plugins.bridge\n"
        "print([m for m in sys.modules if m.startswith('dicube_plugin_')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
    )
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_fork_while_another_thread_loads_plugins(tmp_path):
    (tmp_path / "dicube_plugin_slow.py").write_text(SLOW)
    info = tmp_path / "slow-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: slow\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[dicube]\nslow = dicube_plugin_slow\n")
    done = subprocess.run(
        [sys.executable, "-c", FORK],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        timeout=120,
    )
    assert done.stdout == "child: nibabel\n"


def test_importing_the_package_loads_no_library_and_every_name_is_there():
    heavy = ("numpy", "pydicom", "imagecodecs", "pluggy", "click", "rich", "SimpleITK", "gdcm")
    code = (
        "import sys, dicube_plugins as p\n"
        f"print([m for m in {heavy!r} if m in sys.modules])\n"
        "print([n for n in p.__all__ if getattr(p, n) is None])\n"
        f"print([m for m in {heavy!r} if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[]", "[]", "['pluggy']"]
