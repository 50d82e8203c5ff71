"""nibabel's own command-line tools on .dcbs files, in fresh processes."""

import subprocess
import sys
from importlib.metadata import entry_points

import numpy as np
import pytest
from bridge_peers import given_file

import dicube_core

nib = pytest.importorskip("nibabel.loadsave")


def test_dcbs_has_the_command():
    names = {entry.name: entry.value for entry in entry_points(group="dicube.commands")}
    assert names.get("exec") == "dicube_plugins.exec_command:run_script_command"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A series as .dcbs, and as .nii.gz."""
    folder = tmp_path_factory.mktemp("files")
    path = given_file("phantom", folder).file
    dicube_core.save_to_nifti(dicube_core.load(path), folder / "x.nii.gz")
    return path, folder / "x.nii.gz"


def run(*arguments, adapters=True):
    """Run a tool in its own process, with the adapters or as it is."""
    if adapters:
        code = "from dicube_plugins.exec_command import run_script_command as c; c()"
        command = [sys.executable, "-c", code, *arguments]
    else:
        name, *rest = arguments
        code = (
            "import sys; from importlib.metadata import entry_points; "
            f"(e,) = entry_points(group='console_scripts', name={name!r}); sys.exit(e.load()())"
        )
        command = [sys.executable, "-c", code, *rest]
    command = [str(part) for part in command]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def test_nib_ls_lists_what_the_nifti_file_has(files):
    path, twin = files
    without = run("nib-ls", path, adapters=False)
    assert "failed" in without.stdout
    done = run("nib-ls", "-s", "-z", path, twin)
    assert done.returncode == 0, done.stderr
    ours, theirs = (line.split(maxsplit=2)[2] for line in done.stdout.strip().splitlines())
    assert ours.split() == theirs.split()  # shape, spacing, number of voxels, range
    assert "[128, 128,   3]" in ours
    facts = run("nib-ls", "-H", "Modality,nonsense", path).stdout
    assert "CT" in facts
    assert "error" in facts
    assert run("nib-ls", "-H", "all", path).stdout.count("CT") == 1


def test_nib_diff_finds_equal_and_different(files, tmp_path):
    path, twin = files
    image = dicube_core.load(path)
    dicube_core.save(image, tmp_path / "same.dcbs")
    same = run("nib-diff", path, tmp_path / "same.dcbs")
    assert same.returncode == 0, same.stderr
    assert "identical" in same.stdout
    image.raw_image[1, 2, 3] += 1
    dicube_core.save(image, tmp_path / "other.dcbs")
    other = run("nib-diff", path, tmp_path / "other.dcbs")
    assert other.returncode == 1
    assert "DATA" in other.stdout
    across = run("nib-diff", "-H", "dim", path, twin)
    assert across.returncode == 0, across.stdout


def test_nib_convert_goes_both_ways(files, tmp_path):
    path, twin = files
    done = run("nib-convert", path, tmp_path / "out.nii.gz")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.nii.gz").read_bytes() == twin.read_bytes()
    done = run("nib-convert", twin, tmp_path / "out.dcbs")
    assert done.returncode == 0, done.stderr
    got, expected = dicube_core.load(tmp_path / "out.dcbs"), dicube_core.load(path)
    assert np.array_equal(got.raw_image, expected.raw_image)
    assert np.array_equal(got.get_fdata(), expected.get_fdata())
    done = run("nib-convert", path, tmp_path / "same.dcbs")
    assert (tmp_path / "same.dcbs").read_bytes() == path.read_bytes()
    typed = run("nib-convert", path, tmp_path / "typed.nii", "--out-dtype", "int16")
    assert typed.returncode == 0, typed.stderr
    assert nib.load(tmp_path / "typed.nii").get_data_dtype() == np.int16
    assert np.array_equal(nib.load(tmp_path / "typed.nii").get_fdata(), nib.load(twin).get_fdata())


def test_nib_stats_and_nib_roi(files, tmp_path):
    path, twin = files
    numbers = [run("nib-stats", "--Volume", name).stdout for name in (path, twin)]
    np.testing.assert_allclose(*(float(text) for text in numbers), rtol=1e-6)
    for source, name in ((path, "ours.nii.gz"), (twin, "theirs.nii.gz")):
        done = run("nib-roi", "-i", "10:40", "-k", "1:", source, tmp_path / name)
        assert done.returncode == 0, done.stderr
    ours, theirs = nib.load(tmp_path / "ours.nii.gz"), nib.load(tmp_path / "theirs.nii.gz")
    np.testing.assert_allclose(ours.affine, theirs.affine, atol=1e-5)
    span = np.ptp(theirs.get_fdata()) / 65535  # nibabel itself rounds to 65,536 steps
    np.testing.assert_allclose(ours.get_fdata(), theirs.get_fdata(), rtol=0, atol=span)


def test_nib_conform_resamples(files, tmp_path):
    pytest.importorskip("scipy")
    path, twin = files
    size = ("--out-shape", "16", "16", "16", "--voxel-size", "20", "20", "20")
    for source, name in ((path, "ours.nii"), (twin, "theirs.nii")):
        done = run("nib-conform", source, tmp_path / name, *size)
        assert done.returncode == 0, done.stderr
    ours, theirs = (nib.load(tmp_path / name).get_fdata() for name in ("ours.nii", "theirs.nii"))
    assert ours.shape == (16, 16, 16)
    np.testing.assert_allclose(ours, theirs, atol=1)
