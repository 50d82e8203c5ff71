"""The example of the document runs as it is printed."""

import re
import subprocess
import sys
from pathlib import Path

import dicube_core
from dicube_core.phantom import write_phantom_series

TEXT = (Path(__file__).resolve().parents[3] / "docs" / "pydicom.md").read_text()


def test_the_example_runs_in_a_fresh_process(tmp_path):
    write_phantom_series(tmp_path / "source", 4, size=32)
    dicube_core.convert(tmp_path / "source", tmp_path / "study.dcbs")
    code = re.search(r"<!-- pydicom -->\n```python\n(.*?)```", TEXT, re.DOTALL)[1]
    check = """
assert volume.shape == (4, 32, 32)
assert (middle == volume[2]).all() and (frame == volume[3]).all()
assert (plain.pixel_array == volume[0]).all() and (one.pixel_array == volume[0]).all()
assert sorted(numbers) == [1, 2, 3, 4] and [h.InstanceNumber for h in headers] == numbers
"""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code + check],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
