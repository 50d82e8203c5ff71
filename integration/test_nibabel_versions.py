"""The nibabel adapter from the wheel, with the oldest nibabel that is supported and the newest."""

import pytest
from environments import CORE, environment_with, run_python

import dicube_core
from dicube_core.phantom import write_phantom_series

SCRIPT = """
import copy
import pickle
import nibabel
import numpy as np
import dicube_core
import dicube_plugins

early = nibabel.load
classes = list(nibabel.imageclasses.all_image_classes)
(status,) = dicube_plugins.install("nibabel")
assert status.state == "installed", status
image = early("series.dcbs")
dicube_core.save_to_nifti(dicube_core.load("series.dcbs"), "twin.nii.gz")
twin = nibabel.load("twin.nii.gz")
everything = np.asarray(twin.dataobj)

assert np.array_equal(np.asarray(image.dataobj), everything)
assert np.asarray(image.dataobj).dtype == everything.dtype
assert np.array_equal(image.dataobj[5:9, ::-2, 3], everything[5:9, ::-2, 3])
assert np.array_equal(image.get_fdata(dtype=np.float32), twin.get_fdata(dtype=np.float32))
assert np.allclose(image.affine, twin.affine, atol=1e-4)
assert image.header["Modality"] == "CT"
assert copy.deepcopy(image.header) == image.header
assert np.array_equal(pickle.loads(pickle.dumps(image)).get_fdata(), everything)

nibabel.save(image, "copy.dcbs")
assert open("copy.dcbs", "rb").read() == open("series.dcbs", "rb").read()
nibabel.save(image, "again.nii.gz")
assert open("again.nii.gz", "rb").read() == open("twin.nii.gz", "rb").read()
crop = image.slicer[5:40, :, 1:3]
nibabel.save(crop, "crop.dcbs")
assert np.array_equal(nibabel.load("crop.dcbs").get_fdata(), everything[5:40, :, 1:3])
assert nibabel.load("crop.dcbs").dicom_meta is None
nibabel.save(twin, "twin.dcbs")
assert np.array_equal(nibabel.load("twin.dcbs").get_fdata(), everything)
converted = nibabel.Nifti1Image.from_image(image)
nibabel.save(converted, "converted.nii")
assert np.array_equal(nibabel.load("converted.nii").get_fdata(), everything)
canonical = nibabel.as_closest_canonical(image)
assert np.array_equal(canonical.get_fdata(), nibabel.as_closest_canonical(twin).get_fdata())
assert type(image).from_bytes(image.to_bytes()).header == image.header
nibabel.save(nibabel.Nifti1Image(everything / 3, np.eye(4)), "real.dcbs")
assert np.array_equal(nibabel.load("real.dcbs").get_fdata(), everything / 3)

dicube_plugins.uninstall("nibabel")
assert nibabel.imageclasses.all_image_classes == classes
print("all well with nibabel", nibabel.__version__, "numpy", np.__version__)
"""


@pytest.mark.parametrize(
    ("version", "requirements"),
    [("5.2.0", ("nibabel==5.2.0",)), ("", ("nibabel>=5.4",))],
    ids=["oldest", "newest"],
)
def test_the_script_of_a_user(site, tmp_path, version, requirements):
    python = environment_with(*CORE, *requirements)
    write_phantom_series(tmp_path / "source", 5, size=64)
    dicube_core.convert(tmp_path / "source", tmp_path / "series.dcbs")
    (tmp_path / "script.py").write_text(SCRIPT)
    out = run_python(python, site, tmp_path / "script.py", cwd=tmp_path)
    assert out.startswith(f"all well with nibabel {version}")
