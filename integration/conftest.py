"""Peers that are not installed are skipped by name, or failures where they were promised.

``DICUBE_REQUIRE_INTEGRATION=1`` promises them: a lane of continuous integration that installs all
peers sets it, so that a test that cannot run there is not taken for one that passed.
"""

import ctypes
import os
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests"))

from environments import build_wheel, unpack_wheel

REQUIRED = os.environ.get("DICUBE_REQUIRE_INTEGRATION") == "1"
_MISSING = ("could not import", "is not installed")


def _promised(report):
    """Turn the skip of a missing peer into a failure."""
    text = str(report.longrepr)
    if REQUIRED and report.skipped and any(words in text for words in _MISSING):
        report.outcome = "failed"
        report.longrepr = f"DICUBE_REQUIRE_INTEGRATION is set, but: {text}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector):
    return _promised((yield))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    return _promised((yield))


#: ``mallopt`` parameter of glibc: fill new memory with the complement of a byte.
_M_PERTURB = -6


@pytest.fixture(autouse=True)
def steady_incumbent():
    """Give every allocation zeroed memory.

    The codec of dicube 0.3.0 reads a setting (the type of a non-linearity) from memory that it
    never wrote. Where that happens to hold a 3, it decodes and encodes signed frames wrongly, see
    ``test_incumbent_fault.py``. What it makes of zeros is what it means to do.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_PERTURB, 0xFF)
    yield
    if mallopt is not None:
        mallopt(_M_PERTURB, 0)


@pytest.fixture
def ray_folder(monkeypatch):
    """Where a ray that a test starts writes, and nowhere else: not in the home folder either."""
    # Not below the folder of the test: the whole name of a socket may have 107 characters.
    folder = Path(tempfile.mkdtemp(prefix="ray"))
    monkeypatch.setenv("RAY_TMPDIR", str(folder))
    monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(16))
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def wheel(tmp_path_factory):
    """The project's wheel."""
    return build_wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="session")
def site(wheel, tmp_path_factory):
    """A folder with what pip installs of the wheel."""
    return unpack_wheel(wheel, tmp_path_factory.mktemp("wheel") / "site")
