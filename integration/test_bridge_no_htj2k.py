"""A reader that lacks HTJ2K: the probe notices, and the bridge serves it all the same.

SimpleITK 2.5.2, in an environment of its own that is made once and kept in the user's cache.
"""

import subprocess

import numpy as np
import pytest
from bridge_peers import (
    FILES,
    chosen_frames,
    given_file,
    read_by,
    run_python,
    truth,
)
from environments import environment_with

from dicube_core.dataset import uids
from dicube_plugins import Outcome, capability_of, to_dicom

VERSION = "2.5.2"


@pytest.fixture(scope="module")
def old_python():
    return environment_with(f"SimpleITK=={VERSION}")


@pytest.fixture(autouse=True)
def _own_cache(old_python, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_the_probe_says_no(old_python):
    found = capability_of("SimpleITK", old_python, refresh=True)
    assert found.versions["SimpleITK"] == VERSION
    assert found.executable == str(old_python)
    assert found.reads(uids.EXPLICIT_LE)
    assert found.result(uids.HTJ2K_LOSSLESS).outcome is Outcome.ERROR
    assert found.result(uids.HTJ2K_LOSSLESS_RPCL).outcome is Outcome.ERROR


@pytest.mark.parametrize("file", FILES)
def test_it_reads_what_the_bridge_delivers(old_python, file, tmp_path):
    given = given_file(file, tmp_path)
    frames = chosen_frames(given.file)
    delivery = to_dicom(
        given.file, tmp_path / "out", consumer="SimpleITK", executable=old_python, frames=frames
    )
    assert delivery.transfer_syntax == uids.EXPLICIT_LE
    assert VERSION in delivery.reason
    paths = [tmp_path / "out" / name for name in delivery.names]
    found = read_by("SimpleITK", paths, tmp_path / "read", old_python)
    _, modality = truth(given)
    for values, expected in zip(found, modality, strict=True):
        np.testing.assert_array_equal(values.reshape(expected.shape), expected)


def test_htj2k_would_not_have_been_read(old_python, tmp_path):
    """The fallback is needed: the same slices as HTJ2K end in an error."""
    given = given_file("phantom", tmp_path)
    delivery = to_dicom(given.file, tmp_path / "out", "htj2k", frames=0)
    code = "import sys, SimpleITK; SimpleITK.ReadImage(sys.argv[1])"
    with pytest.raises(subprocess.CalledProcessError) as failure:
        run_python(old_python, "-c", code, str(tmp_path / "out" / delivery.names[0]))
    assert "Unable to determine ImageIO reader" in failure.value.stderr
