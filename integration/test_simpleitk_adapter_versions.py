"""The SimpleITK adapter from the wheel, with the oldest SimpleITK that is supported and the newest.

What is run there are the hermetic tests themselves.
"""

from __future__ import annotations

import os

import pytest
from environments import CORE, ROOT, environment_with, run_python

TOOLS = ("pytest", "pytest-timeout", "pyjpegls")
TESTS = ROOT / "tests" / "plugins" / "simpleitk_adapter"
#: What SimpleITK 2.3 makes of slices otherwise than later ones, or otherwise than it should: it
#: ignores the spacing of one slice and of secondary captures, and gives slices that are read
#: backwards the direction that they have forwards.
NOT_IN_2_3 = " and ".join(
    f"not {name}"
    for name in (
        "one_slice_has_no_spacing",
        "what_was_written_is_dicom",
        "backwards",
        "simpleitk_reads_of_the_slices",
    )
)


@pytest.mark.parametrize(
    ("requirement", "chosen"),
    [("SimpleITK==2.3.1", NOT_IN_2_3), ("SimpleITK>=2.5.7", "simpleitk")],
    ids=["oldest", "newest"],
)
def test_the_hermetic_tests_pass(site, tmp_path, requirement, chosen):
    python = environment_with(*CORE, *TOOLS, requirement)
    options = ("-q", "-c", os.devnull, "-p", "no:cacheprovider", "-W", "error", "-k", chosen)
    place = ("--rootdir", ROOT, f"--basetemp={tmp_path / 'work'}")
    out = run_python(python, site, "-m", "pytest", *options, *place, TESTS, cwd=tmp_path)
    assert " passed" in out
    assert " failed" not in out
    where = run_python(
        python, site, "-c", "import dicube_plugins; print(dicube_plugins.__file__)", cwd=tmp_path
    )
    assert where.startswith(str(site))
