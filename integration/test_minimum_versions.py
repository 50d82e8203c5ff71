"""The project's own tests with the oldest versions that it says it works with.

The newest ones are what every other test runs with.
"""

from __future__ import annotations

import re
import shutil
import sys
import tomllib

import pytest
from environments import ROOT, environment_with, run_python

_PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
_EXTRAS = ("real", "cli", "nibabel", "imageio", "simpleitk", "deidentify", "decoders", "test")
#: Folders and files of tests: the core, whole series in and out, and what needs an extra.
_TESTS = (
    "codec/test_codec_colour.py",
    "codec/test_codec_registry.py",
    "codec/test_codec_roundtrip.py",
    "codec/test_native_errors.py",
    "codec/test_pcodec.py",
    "container/test_columns.py",
    "container/test_files.py",
    "streaming/test_stream_forms.py",
    "streaming/test_stream_reader.py",
    "fidelity/test_whole_encodings.py",
    "fidelity/test_whole_pixels.py",
    "fidelity/test_kinds_nifti.py",
    "fidelity/test_kinds_colour.py",
    "fidelity/test_kinds_bits_and_real.py",
    "editing/test_deidentification.py",
    "cli/test_commands.py",
)


def lower_bounds() -> list[str]:
    """Return every requirement with its lower bound as the only version allowed."""
    groups = [_PROJECT["dependencies"]]
    groups += [_PROJECT["optional-dependencies"][extra] for extra in _EXTRAS]
    found = {}
    for requirement in (one for group in groups for one in group):
        if requirement.startswith("dicube-plugins["):
            continue
        match = re.fullmatch(r"([\w.-]+)(?:>=|==)([\w.]+)", requirement)
        assert match, f"{requirement}: a lower bound is expected, and nothing else"
        found[match[1]] = f"{match[1]}=={match[2]}"
    return sorted(found.values())


@pytest.fixture(scope="module")
def python():
    return environment_with(*lower_bounds())


def test_the_versions_are_the_bounds(python, site, tmp_path):
    code = "from importlib.metadata import version; import sys; print(*map(version, sys.argv[1:]))"
    names, wanted = zip(*(bound.split("==") for bound in lower_bounds()), strict=True)
    found = run_python(python, site, "-c", code, *names, cwd=tmp_path).split()
    # 26.1 and 26.1.0 are the same version.
    same = [
        one == two or one.startswith(two) or two.startswith(one)
        for one, two in zip(wanted, found, strict=True)
    ]
    assert all(same), dict(zip(names, found, strict=True))


def test_our_tests_pass_with_them(python, site, tmp_path):
    tests = tmp_path / "tests"
    shutil.copytree(ROOT / "tests", tests, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
    shutil.copytree(ROOT / "docs", tmp_path / "docs")
    for name in ("pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, tmp_path)
    arguments = ["-q", "-p", "no:cacheprovider", "-n", "2", "--no-header"]
    said = run_python(
        python, site, "-m", "pytest", *arguments, *(tests / name for name in _TESTS), cwd=tmp_path
    )
    passed = re.search(r"(\d+) passed", said)
    assert passed, said[-2000:]
    assert int(passed[1]) > 300, f"{passed[0]} in {sys.version}"
    assert "failed" not in said
