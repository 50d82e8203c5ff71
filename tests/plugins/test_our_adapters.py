"""Our own adapters are declared as anyone's, and say the same as the package's requirements."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import import_module
from importlib.metadata import entry_points, requires
from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

import dicube_plugins

if TYPE_CHECKING:
    from dicube_plugins.adapters.base import Adapter

NAMES = ("pydicom", "nibabel", "SimpleITK", "itk", "imageio")
#: Importing them takes seconds; what they change is looked at in ``integration``.
HEAVY = ("monai", "torchio")


def declared(name: str) -> Adapter:
    (entry_point,) = entry_points(group="dicube", name=name)
    (adapter,) = entry_point.load().dicube_adapters()
    return adapter


@pytest.mark.parametrize("name", [*NAMES, *HEAVY])
def test_the_lowest_version_is_that_of_the_requirements(name):
    adapter = declared(name)
    wanted = f"{adapter.distributions[0]}>={adapter.minimum}".casefold()
    needed = [requirement.casefold() for requirement in requires("dicube-plugins")]
    assert wanted in [re.split(r"[; ]", requirement)[0] for requirement in needed]
    extra = re.search(r"dicube-plugins\[(\w+)\]", adapter.hint)
    if extra:
        of_extra = [r for r in needed if f'"{extra[1]}"' in r.replace("'", '"')]
        assert any(r.startswith(wanted) for r in of_extra)


@pytest.mark.parametrize("name", NAMES)
def test_the_patches_are_where_the_adapter_says(name):
    adapter = declared(name)
    if find_spec(adapter.framework) is None:
        pytest.skip(f"{adapter.framework} is not installed")
    module, _, function = adapter.patches.partition(":")
    assert callable(getattr(import_module(module), function))


@pytest.mark.parametrize("name", NAMES)
def test_everything_that_is_changed_is_told_and_taken_back(name):
    adapter = declared(name)
    if find_spec(adapter.framework) is None:
        pytest.skip(f"{adapter.framework} is not installed")
    (installed,) = dicube_plugins.install(name)
    try:
        assert installed.state == "installed"
        assert installed.changes
        assert len(set(installed.changes)) == len(installed.changes)
    finally:
        (left,) = dicube_plugins.uninstall(name)
    assert (left.state, left.changes, left.message) == ("available", (), "")


@pytest.mark.parametrize("name", [*(n for n in NAMES if n != "pydicom"), *HEAVY])
def test_a_missing_framework_is_told_with_what_to_type(name):
    """The stand-alone packages say it, too; in a new process, where the framework is hidden."""
    adapter = declared(name)
    module = f"dicube_plugins.{name.casefold()}"
    code = f"""
import sys
from importlib import import_module
sys.modules[{adapter.framework!r}] = None
from dicube_core.exceptions import MissingDependencyError
try:
    package = import_module({module!r})
    [getattr(package, public) for public in package.__all__]
except MissingDependencyError as exc:
    print(exc)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert adapter.framework in done.stdout
    assert adapter.hint in done.stdout


@pytest.mark.parametrize("name", HEAVY)
def test_installing_all_does_not_import_what_takes_long(name):
    adapter = declared(name)
    assert adapter.heavy
    if find_spec(adapter.framework) is None:
        pytest.skip(f"{adapter.framework} is not installed")
    code = f"""
import sys
import dicube_plugins
states = {{one.name: one.state for one in dicube_plugins.install()}}
print(states[{name!r}], {adapter.framework!r} in sys.modules)
"""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["deferred", "False"]
