"""dcm2niix converts our HTJ2K slices to the same volume as the source's own files."""

import json
import shutil
import subprocess

import numpy as np
import pytest
from peers import KINDS, streamed

import dicube_core

nibabel = pytest.importorskip("nibabel")
PROGRAM = shutil.which("dcm2niix")
if PROGRAM is None:
    pytest.skip("the program dcm2niix is not installed", allow_module_level=True)


def convert(folder, out):
    out.mkdir()
    done = subprocess.run(
        [PROGRAM, "-z", "n", "-b", "y", "-f", "volume", "-o", str(out), str(folder)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = out.glob("*.nii")
    return nibabel.load(path), json.loads(path.with_suffix(".json").read_text())


@pytest.mark.parametrize(
    "name", ["u16_stored_12", "u16_stored_16", "i16_stored_16", "i16_stored_12"]
)
def test_same_volume_as_from_the_source(name, tmp_path):
    kind = KINDS[name]
    path, paths = streamed(tmp_path, kind)
    expected, facts = convert(tmp_path / "source", tmp_path / "from_source")
    found, other_facts = convert(paths[0].parent, tmp_path / "from_ours")
    np.testing.assert_array_equal(found.get_fdata(), expected.get_fdata())
    np.testing.assert_allclose(found.affine, expected.affine, atol=1e-5)
    for key in ("Modality", "SliceThickness", "ImageOrientationPatientDICOM", "SeriesInstanceUID"):
        assert facts.get(key) == other_facts.get(key)
    # The same as ours, up to the direction in which it stores rows and slices.
    ours = dicube_core.load(path).get_fdata("float64")
    volume = found.get_fdata().transpose(2, 1, 0)
    flips = [volume[::a, ::b, ::c] for a in (1, -1) for b in (1, -1) for c in (1, -1)]
    assert any(np.array_equal(flip, ours) for flip in flips)
