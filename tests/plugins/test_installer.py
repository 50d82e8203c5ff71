"""Adapters of tiny frameworks: each state they can be in, and every way from one to another."""

from __future__ import annotations

import sys
import threading

import pytest

from dicube_core.exceptions import DicomCubeWarning, MissingDependencyError
from dicube_plugins.installer import Installer, status
from dicube_plugins.manager import PluginManager
from dicube_plugins.patching import PatchError

FRAMEWORK = "def load(path):\n    return ('theirs', path)\nreaders = []\n"
PATCHES = """
import {framework}
from dicube_plugins.patching import AddToList, Call, Replace
applied = []
def ours(original, path):
    return ('ours', original(path))
def patches():
    {before}
    return [
        Replace({framework}, 'load', ours),
        AddToList({framework}.readers, ours, '{framework}.readers: ours added'),
        Call('a note', lambda: applied.append(1), lambda: applied.append(-1)),
        {more}
    ]
"""
PLUGIN = """
from dicube_plugins import Adapter, hookimpl
@hookimpl
def dicube_adapters():
    return [Adapter(
        name={name!r}, framework={framework!r}, description='loads', minimum={minimum!r},
        patches='{framework}_patches:patches', distributions=({framework!r},), hint='get it')]
"""
BROKEN = "Call('the broken one', lambda: 1 / 0, list)"


class World:
    """Frameworks and plugins that are installed for the length of one test."""

    def __init__(self, folder):
        self.folder = folder

    def _dist(self, name, version, **files):
        info = self.folder / f"{name}-{version}.dist-info"
        info.mkdir()
        lines = ("Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", "")
        (info / "METADATA").write_text("\n".join(lines))
        for file, text in files.items():
            (info / f"{file}.txt").write_text(text)

    def add(self, name, *, framework=FRAMEWORK, version="1.0", minimum="", before="pass", more=""):
        """Add a framework (None: it is missing) and a plugin with its adapter."""
        module = f"fw_{name.lower()}"
        if framework is not None:
            (self.folder / f"{module}.py").write_text(framework)
            self._dist(module, version)
        text = PLUGIN.format(name=name, framework=module, minimum=minimum)
        (self.folder / f"{module}_plugin.py").write_text(text)
        text = PATCHES.format(framework=module, before=before, more=more)
        (self.folder / f"{module}_patches.py").write_text(text)
        entry = f"[dicube]\n{name} = {module}_plugin\n"
        self._dist(f"{module}_plug", "1.0", entry_points=entry)

    def installer(self):
        """Return an installer of these adapters; ours are blocked."""
        ours = (
            *("dicube-consumers", "pydicom", "nibabel", "SimpleITK", "itk", "imageio"),
            *("monai", "torchio"),
        )
        return Installer(PluginManager(blocked=ours))


@pytest.fixture
def world(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)  # files of one name, changed at once
    before = set(sys.modules)
    yield World(tmp_path)
    for name in set(sys.modules) - before:
        if name.startswith("fw_"):
            del sys.modules[name]


def states(installer):
    return {one.name: one.state for one in installer.status()}


def test_available_installed_and_available_again(world):
    world.add("viewer")
    installer = world.installer()
    assert states(installer) == {"viewer": "available"}
    assert "fw_viewer" not in sys.modules  # nothing is imported for that
    (found,) = installer.install("viewer")
    import fw_viewer

    assert (found.state, found.version, found.message) == ("installed", "1.0", "")
    assert found.changes == (
        "fw_viewer.load: calls are looked at for .dcbs files",
        "fw_viewer.readers: ours added",
        "a note",
    )
    assert fw_viewer.load("x") == ("ours", ("theirs", "x"))
    assert len(fw_viewer.readers) == 1
    (found,) = installer.uninstall("viewer")
    assert (found.state, found.changes, found.message) == ("available", (), "")
    assert fw_viewer.load("x") == ("theirs", "x")
    assert fw_viewer.readers == []


def test_all_of_it_may_be_said_twice(world):
    world.add("viewer")
    installer = world.installer()
    assert installer.uninstall("viewer")[0].state == "available"
    assert installer.install("viewer") == installer.install("viewer", "viewer")[:1]
    import fw_viewer
    import fw_viewer_patches

    assert fw_viewer_patches.applied == [1]
    for _ in range(2):
        assert installer.uninstall("viewer")[0].state == "available"
    assert fw_viewer_patches.applied == [1, -1]
    assert not hasattr(fw_viewer.load, "__wrapped__")


def test_many_threads_install_once(world):
    world.add("viewer")
    installer, barrier, found = world.installer(), threading.Barrier(8), []

    def work():
        barrier.wait()
        found.extend(installer.install("viewer"))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    import fw_viewer_patches

    assert [one.state for one in found] == ["installed"] * 8
    assert fw_viewer_patches.applied == [1]


def test_many_threads_install_and_uninstall_and_leave_nothing(world):
    world.add("viewer")
    installer = world.installer()
    installer.install("viewer")
    import fw_viewer
    import fw_viewer_patches

    def work():
        for _ in range(50):
            installer.uninstall("viewer")
            installer.install("viewer")
            assert fw_viewer.load("x")[-1] in ("x", ("theirs", "x"))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    installer.uninstall("viewer")
    assert sum(fw_viewer_patches.applied) == 0
    assert not hasattr(fw_viewer.load, "__wrapped__")
    assert fw_viewer.readers == []


def test_patches_that_were_worked_out_before_another_change_are_not_used(world):
    """What stood in the framework then may be a patch of another adapter, gone by now."""
    world.add("other")
    world.add("viewer", before="seen.append(fw_viewer.load); hook(seen)")
    (world.folder / "fw_viewer_hook.py").write_text("def hook(seen): pass\n")
    text = world.folder / "fw_viewer_patches.py"
    text.write_text("from fw_viewer_hook import hook\nseen = []\n" + text.read_text())
    installer = world.installer()
    installer.install("viewer")
    import fw_viewer_patches

    assert len(fw_viewer_patches.seen) == 1  # once, where nothing else happens
    installer.uninstall("viewer")
    fw_viewer_patches.hook = lambda seen: len(seen) == 2 and installer.install("other")
    installer.install("viewer")
    assert len(fw_viewer_patches.seen) == 3
    assert states(installer) == {"other": "installed", "viewer": "installed"}
    installer.uninstall("viewer", "other")


def test_a_framework_that_is_missing_is_told_with_what_helps(world):
    world.add("viewer", framework=None)
    installer = world.installer()
    (found,) = installer.status()
    assert (found.state, found.version) == ("missing", "")
    assert found.message == "fw_viewer is not installed"
    with pytest.raises(ImportError, match="fw_viewer is not installed") as failure:
        installer.install("viewer")
    assert isinstance(failure.value, MissingDependencyError)
    assert failure.value.suggestion == "get it"
    assert installer.install() == []


@pytest.mark.parametrize(
    ("version", "minimum", "state"),
    [
        ("2.2.9", "2.3", "unsupported"),
        ("2.3", "2.3", "available"),
        ("2.3.0", "2.3", "available"),
        ("2.3", "2.3.0", "available"),
        ("2.10", "2.9", "available"),
        ("2.3rc1", "2.3", "available"),
        ("10.0.dev0", "9", "available"),
        ("1.9+local.7", "2", "unsupported"),
        ("0.0.1", "", "available"),
    ],
)
def test_versions(world, version, minimum, state):
    world.add("viewer", version=version, minimum=minimum)
    installer = world.installer()
    (found,) = installer.status()
    assert (found.state, found.version) == (state, version)
    if state == "unsupported":
        words = f"fw_viewer {minimum} or later is needed, {version} is installed"
        assert found.message == words
        with pytest.raises(MissingDependencyError, match="or later is needed"):
            installer.install("viewer")
        assert "fw_viewer" not in sys.modules


@pytest.mark.parametrize(
    ("trouble", "words"),
    [
        ({"more": BROKEN}, "the broken one: ZeroDivisionError"),
        ({"before": "raise KeyError('no such version')"}, "KeyError: 'no such version'"),
        ({"before": "import sys; sys.exit('bye')"}, "SystemExit: bye"),
        ({"framework": FRAMEWORK + "import no_such_module\n"}, "ModuleNotFoundError"),
        ({"framework": "def load(:"}, "SyntaxError"),
        ({"framework": "def load(path): pass"}, "AttributeError"),
    ],
)
def test_one_that_fails_changes_nothing_and_says_why(world, trouble, words):
    world.add("viewer", **trouble)
    installer = world.installer()
    with pytest.raises(PatchError, match="the adapter 'viewer' cannot be installed") as failure:
        installer.install("viewer")
    assert words in str(failure.value)
    assert "nothing was changed" in failure.value.suggestion
    (found,) = installer.status()
    assert (found.state, found.changes) == ("failed", ())
    assert words in found.message
    framework = sys.modules.get("fw_viewer")
    if framework is not None and hasattr(framework, "readers"):
        assert framework.load("x") == ("theirs", "x")
        assert framework.readers == []


def test_one_that_failed_may_be_tried_again(world):
    world.add("viewer", before="import os\n    os.environ['FW_VIEWER']")
    installer = world.installer()
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("FW_VIEWER", raising=False)
        with pytest.raises(PatchError):
            installer.install("viewer")
        assert states(installer) == {"viewer": "failed"}
        patch.setenv("FW_VIEWER", "1")
        (found,) = installer.install("viewer")
        assert (found.state, found.message) == ("installed", "")
        installer.uninstall("viewer")
        assert states(installer) == {"viewer": "available"}


def test_all_that_are_there_and_one_that_fails_keeps_no_other(world):
    world.add("first")
    world.add("broken", more=BROKEN)
    world.add("last")
    world.add("old", version="1", minimum="2")
    world.add("absent", framework=None)
    installer = world.installer()
    with pytest.warns(DicomCubeWarning, match="'broken' cannot be installed"):
        found = installer.install()
    assert {one.name: one.state for one in found} == {
        "broken": "failed",
        "first": "installed",
        "last": "installed",
    }
    assert states(installer)["old"] == "unsupported"
    assert states(installer)["absent"] == "missing"
    gone = installer.uninstall()
    assert {one.name for one in gone} == {"first", "last"}
    assert "installed" not in states(installer).values()


def test_of_several_that_are_named_none_is_installed_if_one_cannot_be(world):
    world.add("first")
    world.add("absent", framework=None)
    installer = world.installer()
    for names, error in ((("first", "absent"), ImportError), (("first", "nobody"), LookupError)):
        with pytest.raises(error):
            installer.install(*names)
        assert states(installer)["first"] == "available"


def test_names_are_spelled_in_any_case_and_unknown_ones_refused(world):
    world.add("Viewer")
    installer = world.installer()
    assert installer.install("vIEWER")[0].name == "Viewer"
    assert installer.uninstall("VIEWER")[0].state == "available"
    for ask in (installer.install, installer.uninstall, installer.defer):
        with pytest.raises(LookupError, match="no adapter 'nobody' is known; there are Viewer"):
            ask("nobody")


def test_what_others_put_over_ours_is_left_to_them(world):
    world.add("viewer")
    installer = world.installer()
    installer.install("viewer")
    import fw_viewer

    below = fw_viewer.load
    fw_viewer.load = lambda path: ("third", below(path))
    (found,) = installer.uninstall("viewer")
    assert found.state == "available"
    assert found.message == "fw_viewer.load was replaced by others and is left to them"
    assert installer.status()[0].message == found.message
    assert fw_viewer.load("x") == ("third", ("theirs", "x"))
    (found,) = installer.install("viewer")
    assert (found.state, found.message) == ("installed", "")
    assert fw_viewer.load("x") == ("ours", ("third", ("theirs", "x")))
    installer.uninstall("viewer")
    assert fw_viewer.load("x") == ("third", ("theirs", "x"))


def test_deferred_until_the_framework_is_there(world):
    world.add("viewer")
    world.add("other")
    world.add("absent", framework=None)
    import fw_other  # noqa: F401 - this one is imported already

    installer = world.installer()
    assert [adapter.name for adapter in installer.defer()] == ["viewer"]
    expected = {"viewer": "deferred", "other": "installed", "absent": "missing"}
    assert states(installer) == expected
    (waiting,) = (a for a in installer.defer("viewer"))
    assert installer.is_deferred(waiting)
    installer.install("viewer")
    assert not installer.is_deferred(waiting)
    installer.uninstall()
    assert installer.defer("other") == []
    assert states(installer) == expected | {"viewer": "available"}


def test_uninstalling_ends_the_waiting(world):
    world.add("viewer")
    installer = world.installer()
    (adapter,) = installer.defer()
    installer.uninstall()
    assert not installer.is_deferred(adapter)
    assert states(installer) == {"viewer": "available"}


def test_one_that_fails_at_once_is_warned_of_unless_it_was_named(world):
    world.add("broken", more=BROKEN)
    import fw_broken  # noqa: F401

    installer = world.installer()
    with pytest.warns(DicomCubeWarning, match="'broken' cannot be installed"):
        assert installer.defer() == []
    with pytest.raises(PatchError):
        installer.defer("broken")


def test_ours_are_all_described():
    found = {one.name: one for one in status()}
    assert {"pydicom", "nibabel", "SimpleITK", "itk", "imageio"} <= set(found)
    for one in found.values():
        assert one.description
        assert one.state in ("available", "missing", "unsupported", "installed")
