"""Real series through imageio: the values, places and spacing that pydicom finds in the sources."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
from bridge_peers import FILES, LEGACY, given_file
from pydicom.pixels.processing import apply_modality_lut

import dicube_core
import dicube_plugins

iio = pytest.importorskip("imageio.v3")


@pytest.fixture(autouse=True)
def installed():
    dicube_plugins.install("imageio")
    yield
    dicube_plugins.uninstall("imageio")


@pytest.mark.parametrize("name", [name for name in FILES if name != LEGACY])
def test_a_series(tmp_path, name):
    given = given_file(name, tmp_path)
    sources = [pydicom.dcmread(path) for path in sorted(given.source.rglob("*")) if path.is_file()]
    by_uid = {source.SOPInstanceUID: source for source in sources}
    volume, meta = iio.imread(given.file), iio.immeta(given.file)
    assert len(by_uid) == len(volume) == iio.improps(given.file).n_images
    assert volume.dtype.kind == "i"
    for index, uid in enumerate(meta["SOPInstanceUID"]):
        source = by_uid[uid]
        expected = apply_modality_lut(source.pixel_array, source)
        np.testing.assert_array_equal(volume[index], expected)
        position = [float(v) for v in source.ImagePositionPatient]
        assert meta["ImagePositionPatient"][index] == position
    first, second = (np.array(meta["ImagePositionPatient"][i]) for i in (0, 1))
    spacing = (np.linalg.norm(second - first), *map(float, sources[0].PixelSpacing))
    np.testing.assert_allclose(iio.improps(given.file).spacing, spacing, rtol=1e-4)
    middle = len(volume) // 2
    np.testing.assert_array_equal(iio.imread(given.file, index=middle), volume[middle])


def test_a_file_of_dicube_0_3_0(tmp_path):
    given = given_file(LEGACY, tmp_path)
    volume = iio.imread(given.file)
    np.testing.assert_array_equal(volume, dicube_core.load(given.file).get_fdata("float64"))
    dicube_core.convert(given_file("ct_heart_10", tmp_path).source, tmp_path / "ours.dcbs")
    # 0.3.0 sorted by InstanceNumber: slices are matched by what they are.
    uids, ours = (iio.immeta(f)["SOPInstanceUID"] for f in (given.file, tmp_path / "ours.dcbs"))
    order = [ours.index(uid) for uid in uids]
    np.testing.assert_array_equal(volume, iio.imread(tmp_path / "ours.dcbs")[order])
    assert iio.immeta(given.file, index=0)["Modality"] == "CT"
