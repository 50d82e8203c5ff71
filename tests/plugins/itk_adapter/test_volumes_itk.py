"""Series of several volumes are images of four dimensions in itk too."""

from __future__ import annotations

import numpy as np
import pytest
from kind_files import echoes_in_time, time_series

from dicube_core.exceptions import GeometryError

itk = pytest.importorskip("itk")

from dicube_plugins.itk import imread, imwrite  # noqa: E402

# Where this warning of Python's about SWIG is an error, loading itk's modules ends the process.
pytestmark = pytest.mark.filterwarnings("ignore:builtin type .* has no __module__")


def test_time_is_the_fourth_axis(tmp_path):
    path, values = time_series(tmp_path)
    for image in (imread(path), imread(path, itk.F)):
        assert image.GetImageDimension() == 4
        np.testing.assert_array_equal(np.asarray(itk.array_from_image(image)), values)
        assert tuple(image.GetSpacing()) == (0.5, 0.75, 2.5, 2.0)
        assert tuple(image.GetOrigin()) == (-12.5, 20.25, -30.0, 36000.0)
        np.testing.assert_array_equal(itk.array_from_matrix(image.GetDirection()), np.eye(4))
    assert image["0020|4000"].strip() == "volume 0 place 0"


def test_what_is_no_image_of_four_dimensions_is_refused(tmp_path):
    path, _ = echoes_in_time(tmp_path)
    with pytest.raises(GeometryError, match=r"2 echoes .* 3 time points"):
        imread(path)


def test_four_dimensions_are_not_written(tmp_path):
    path, _ = time_series(tmp_path)
    with pytest.raises(RuntimeError, match="not one volume"):
        imwrite(imread(path), tmp_path / "y.dcbs")
    assert not (tmp_path / "y.dcbs").exists()
