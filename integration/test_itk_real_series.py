"""The itk adapter on real series, against the source folders."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from bridge_peers import DATA, LEGACY

import dicube_core

itk = pytest.importorskip("itk")

from dicube_plugins.itk import imread, imwrite  # noqa: E402

# Where this warning of Python's about SWIG is an error, loading itk's modules ends the process.
pytestmark = pytest.mark.filterwarnings("ignore:builtin type .* has no __module__")


def assert_same(image, expected):
    assert tuple(itk.size(image)) == tuple(itk.size(expected))
    np.testing.assert_allclose(itk.spacing(image), itk.spacing(expected), rtol=1e-6)
    np.testing.assert_allclose(itk.origin(image), itk.origin(expected), atol=1e-4)
    directions = [itk.array_from_matrix(i.GetDirection()) for i in (image, expected)]
    np.testing.assert_allclose(*directions, atol=1e-6)
    np.testing.assert_array_equal(
        itk.array_view_from_image(image), itk.array_view_from_image(expected)
    )


@pytest.mark.parametrize("name", ["ct_body_60", "ct_heart_10"])
def test_the_image_of_the_folder(tmp_path, name):
    if not (DATA / name).is_dir():
        pytest.skip(f"shared series {name} is not here")
    dicube_core.convert(DATA / name, tmp_path / "study.dcbs")
    image, expected = imread(tmp_path / "study.dcbs"), itk.imread(str(DATA / name))
    assert type(image) is type(expected)
    assert_same(image, expected)
    imwrite(image, tmp_path / "again.dcbs")
    assert_same(imread(tmp_path / "again.dcbs"), expected)


def test_a_file_of_dicube_0_3_0():
    if not (DATA / LEGACY).exists():
        pytest.skip(f"shared file {LEGACY} is not here")
    assert_same(imread(DATA / LEGACY), itk.imread(str(DATA / "ct_heart_10")))


def test_a_script_in_a_new_process(tmp_path):
    from dicube_core.phantom import write_phantom_series

    write_phantom_series(tmp_path / "source", 5, size=64)
    dicube_core.convert(tmp_path / "source", tmp_path / "study.dcbs")
    script = (
        "import dicube_plugins\n"
        "dicube_plugins.install('itk')\n"
        "import itk\n"
        "image, folder = itk.imread('study.dcbs', itk.F), itk.imread('source', itk.F)\n"
        "cast = itk.CastImageFilter[type(image), itk.Image[itk.SS, 3]].New(image)\n"
        "itk.imwrite(cast, 'out.dcbs')\n"
        "assert type(itk.imread('out.dcbs')) is itk.Image[itk.SS, 3]\n"
        "assert (itk.array_from_image(image) == itk.array_from_image(folder)).all()\n"
        "print(tuple(itk.size(image)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.stdout.strip() == "(64, 64, 5)", done.stderr
