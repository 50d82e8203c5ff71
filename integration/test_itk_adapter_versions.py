"""The itk adapter from the wheel, with the oldest itk that is supported and the newest.

What is run there are the hermetic tests themselves.
"""

from __future__ import annotations

import os

import pytest
from environments import CORE, ROOT, environment_with, run_python

TOOLS = ("pytest", "pytest-timeout")
TESTS = ROOT / "tests" / "plugins" / "itk_adapter"


@pytest.mark.parametrize(
    "requirements",
    [("itk-core==5.4.0", "itk-io==5.4.0"), ("itk-core>=5.4.7", "itk-io>=5.4.7")],
    ids=["oldest", "newest"],
)
def test_the_hermetic_tests_pass(site, tmp_path, requirements):
    python = environment_with(*CORE, *TOOLS, *requirements)
    options = ("-q", "-c", os.devnull, "-p", "no:cacheprovider", "-W", "error")
    place = ("--rootdir", ROOT, f"--basetemp={tmp_path / 'work'}")
    out = run_python(python, site, "-m", "pytest", *options, *place, TESTS, cwd=tmp_path)
    assert " passed" in out
    assert " failed" not in out
    where = run_python(
        python, site, "-c", "import dicube_plugins; print(dicube_plugins.__file__)", cwd=tmp_path
    )
    assert where.startswith(str(site))
