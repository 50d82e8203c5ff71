"""Plugins of others: found, isolated, reported, blocked. Each case in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from dicube_plugins.manager import PluginManager

GOOD = """
from dicube_plugins import Consumer, hookimpl
@hookimpl
def dicube_consumers():
    return [Consumer({name!r}, "a plugin's", ("{{python}}", "-c", "pass"))]
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


def ask(tmp_path, *names, aliases=None, **env):
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
        [sys.executable, "-c", ASK],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(tmp_path), **env},
        timeout=60,
    )
    answer = json.loads(done.stdout)
    return answer["consumers"], answer["status"]


def test_a_plugin_adds_its_consumers_to_ours(tmp_path):
    consumers, status = ask(tmp_path, "good", "good_too", "newer")
    assert consumers["viewer"] == consumers["other-viewer"] == "a plugin's"
    assert {"pydicom", "gdcm", "SimpleITK", "itk", "dcm2niix", "gdcmconv", "dcmtk"} < set(consumers)
    assert status["good|good 1.0"] == ["loaded", ""]
    assert status["newer|newer 1.0"] == ["loaded", ""]
    assert status["dicube-consumers|dicube-plugins"] == ["loaded", ""]


FAILURES = {
    "broken": "RuntimeError: cannot start",
    "absent": "ModuleNotFoundError",
    "quits": "SystemExit: bye",
    "syntax": "SyntaxError",
    "misspelt": "dicube_consumer",
    "raises": "dicube_consumers: ValueError: no list today",
    "no_list": "dicube_consumers: TypeError",
    "wrong_type": "'text' is not a Consumer",
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
    assert others == ["loaded"] * 3


def test_nobody_takes_the_name_of_our_consumers_even_by_going_first(tmp_path):
    MODULES["early_thief"] = MODULES["early"].replace("'early'", "'SimpleITK'")
    try:
        consumers, status = ask(tmp_path, "early_thief")
    finally:
        del MODULES["early_thief"]
    assert consumers["SimpleITK"] != "a plugin's"
    assert status["early-thief|early_thief 1.0"][0] == "failed"


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
    assert manager.status()[0].state == "blocked"


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
