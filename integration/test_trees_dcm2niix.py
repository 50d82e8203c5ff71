"""dcm2niix finds the same volumes in a tree, with the same values."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.raw import text
from support.series import Kind, make_series, put
from support.whole import write_files

import dicube_core
from dicube_core.phantom import write_phantom_series
from dicube_core.trees.report import Outcome

nibabel = pytest.importorskip("nibabel")
_BESIDE = Path(sys.executable).parent / "dcm2niix"
PROGRAM = str(_BESIDE) if _BESIDE.exists() else shutil.which("dcm2niix")
if PROGRAM is None:
    pytest.skip("the program dcm2niix is not installed", allow_module_level=True)

LARGE = {"rows": 70, "columns": 65}
CORONAL = "1\\0\\0\\0\\0\\-1"


def volumes(tree, out):
    """Return the volumes that dcm2niix makes of a tree."""
    out.mkdir()
    done = subprocess.run(
        [PROGRAM, "-z", "n", "-b", "n", "-f", "%j_%s_%d", "-o", str(out), str(tree)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = {}
    for path in out.glob("*.nii"):
        found[path.name] = np.asarray(nibabel.load(path).dataobj).T
    return found


def match(report, out, found):
    """Pair each of our files with the volume of dcm2niix that has its values."""
    left = dict(found)
    for row in report.of(Outcome.CONVERTED):
        ours = dicube_core.load(out / row.file).get_fdata("float64")
        flips = [ours[::a, ::b, ::c] for a in (1, -1) for b in (1, -1) for c in (1, -1)]
        same = [
            name
            for name, volume in left.items()
            if row.series in name
            and volume.reshape(-1, *ours.shape[1:]).shape == ours.shape
            and any(np.array_equal(flip, volume.reshape(ours.shape)) for flip in flips)
        ]
        assert same, f"dcm2niix has no volume with the values of {row.file}"
        del left[same[0]]
    return left


def named(number, description, *more):
    return put(text(0x00200011, "IS", str(number)), text(0x0008103E, "LO", description), *more)


def series(root, number, kind, *more, count=5):
    edit = named(number, f"series {number}", *more)
    write_files(root, make_series(count, kind, edit, series=str(number)))


def test_series_spread_over_folders(tmp_path):
    tree = tmp_path / "tree"
    series(tree / "a", 1, Kind("u12", **LARGE))
    series(tree / "b", 2, Kind("i16", stored=16, signed=True, **LARGE))
    series(tree / "b" / "c", 3, Kind("u16", stored=16, **LARGE), count=9)
    (tree / "d").mkdir()
    for path in sorted((tree / "a").iterdir())[:2]:
        path.rename(tree / "d" / path.name)
    report = dicube_core.convert_tree(tree, tmp_path / "ours", jobs=2)
    assert report.ok
    found = volumes(tree, tmp_path / "theirs")
    assert len(report.rows) == len(found) == 3
    assert match(report, tmp_path / "ours", found) == {}


def test_orientations_of_one_series(tmp_path):
    tree = tmp_path / "tree"

    def turned(index, nodes):
        named(1, "two planes")(index, nodes)
        nodes[0x00200037] = text(0x00200037, "DS", CORONAL)
        nodes[0x00200032] = text(0x00200032, "DS", f"-12.5\\{2.5 * index:.2f}\\20.25")
        nodes[0x00080018] = text(0x00080018, "UI", f"1.2.3.{index + 1}")
        nodes[0x00200013] = text(0x00200013, "IS", str(50 + index))

    kind = Kind("u12", **LARGE)
    series(tree / "axial", 1, kind)
    write_files(tree / "coronal", make_series(4, kind, turned, series="1"))
    report = dicube_core.convert_tree(tree, tmp_path / "ours", jobs=1)
    found = volumes(tree, tmp_path / "theirs")
    assert sorted(row.frames for row in report.rows) == [4, 5]
    assert sorted(len(volume) for volume in found.values()) == [4, 5]
    assert match(report, tmp_path / "ours", found) == {}


def test_realistic_series(tmp_path):
    tree = tmp_path / "tree"
    for seed in range(3):
        write_phantom_series(tree / str(seed), 12, size=128, seed=seed)
    report = dicube_core.convert_tree(tree, tmp_path / "ours", jobs=2)
    found = volumes(tree, tmp_path / "theirs")
    assert len(found) == len(report.rows) == 3
    assert match(report, tmp_path / "ours", found) == {}


def test_real_series_in_one_tree(tmp_path):
    shared = Path(__file__).resolve().parents[2] / "shared" / "data"
    sources = [shared / name for name in ("ct_body_60", "ct_heart_10")]
    if not all(source.is_dir() for source in sources):
        pytest.skip("the shared real series are not at hand")
    tree = tmp_path / "tree"
    for source in sources:
        shutil.copytree(source, tree / source.name)
    report = dicube_core.convert_tree(tree, tmp_path / "ours", jobs=2)
    assert report.ok
    found = volumes(tree, tmp_path / "theirs")
    assert len(report.rows) == len(found) == 2
    assert match(report, tmp_path / "ours", found) == {}
