"""Every image that comes with nibabel is kept exactly by a .dcbs file, or refused."""

import warnings
from pathlib import Path

import numpy as np
import pytest

from dicube_core.exceptions import DicomCubeError

nib = pytest.importorskip("nibabel.loadsave")
pytest.importorskip("nibabel.tests.test_image_api")  # the data comes with the tests
import nibabel  # noqa: E402
from nibabel.spatialimages import SpatialImage  # noqa: E402

from dicube_plugins.nibabel import load, save  # noqa: E402

# nibabel leaves files of some formats open.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

FOLDER = Path(nibabel.__file__).parent / "tests" / "data"
ENDINGS = (".nii", ".nii.gz", ".mgz", ".mnc", ".hdr", ".PAR", ".HEAD")
#: The others are sheared, real-valued or damaged on purpose.
KEPT = {
    "anatomical.nii",
    "standard.nii.gz",
    "example_nifti2.nii.gz",
    "example4d.nii.gz",
    "scaled+tlrc.HEAD",
}
REFUSED = {"test.mgz"}


def volumes(path):
    """Return a file's image, or two volumes of a 4-D one; nothing where nibabel cannot read it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            image = nib.load(path)
            np.asanyarray(image.dataobj)
        except Exception:  # noqa: BLE001 - damaged on purpose, or an optional package is missing
            return []
        if not isinstance(image, SpatialImage):
            return []
        if len(image.shape) == 4:
            return nibabel.four_to_three(image)[:2]
        return [image]


def kept(image, target, quantize):
    """Save an image and compare; return why it was refused, or nothing."""
    values = np.asanyarray(image.dataobj)
    target.unlink(missing_ok=True)
    try:
        save(image, target, quantize=quantize)
    except DicomCubeError as error:
        return error
    again = load(target)
    np.testing.assert_allclose(again.affine, image.affine, rtol=0, atol=1e-9)
    if values.dtype.kind in "iu" or bool((np.rint(values) == values).all()) or quantize is None:
        np.testing.assert_array_equal(again.get_fdata(), values)  # NaN is equal to NaN here
    else:
        step = float(np.ptp(values)) / 65535
        np.testing.assert_allclose(again.get_fdata(), values, rtol=0, atol=step)
    return None


@pytest.mark.parametrize("quantize", [None, "uint16"])
def test_exactly_or_not_at_all(quantize, tmp_path):
    target = tmp_path / "x.dcbs"
    names, refused = set(), set()
    for path in sorted(p for p in FOLDER.iterdir() if p.name.endswith(ENDINGS)):
        for image in volumes(path):
            error = kept(image, target, quantize)
            if error is None:
                names.add(path.name)
                continue
            refused.add(path.name)
            assert "x.dcbs" in str(error)
            assert error.suggestion
            assert not target.exists()
    assert names >= KEPT
    assert refused >= REFUSED


def test_own_scaling_of_a_derived_proxy_is_not_mistaken(tmp_path):
    """AFNI's proxy has slope 1 and scales all the same."""
    from nibabel.brikhead import AFNIImage

    image = nib.load(FOLDER / "scaled+tlrc.HEAD")
    proxy = image.dataobj
    assert (proxy.slope, proxy.inter) == (1, 0)
    assert not np.array_equal(proxy.get_unscaled(), np.asarray(proxy))

    class Volume(type(proxy)):  # the same without its axis of length 1
        shape = proxy.shape[:3]
        ndim = 3

        def __array__(self, dtype=None, copy=None):
            return np.asarray(super().__array__(dtype))[..., 0]

        def get_unscaled(self):
            return super().get_unscaled()[..., 0]

    volume = object.__new__(Volume)
    volume.__dict__.update(proxy.__dict__)
    single = AFNIImage(volume, image.affine, image.header)
    values = np.asarray(proxy)[..., 0]
    save(single, tmp_path / "x.dcbs")
    np.testing.assert_array_equal(load(tmp_path / "x.dcbs").get_fdata(), values)
    save(single, tmp_path / "x.dcbs", quantize="uint16")
    step = float(np.ptp(values)) / 65535
    np.testing.assert_allclose(load(tmp_path / "x.dcbs").get_fdata(), values, rtol=0, atol=step)
