"""What entry points alone find: from the wheel, in fresh processes, with no import of ours."""

import json
import sys

import pytest
from environments import run_python

import dicube_core
from dicube_core.phantom import write_phantom_series

pytestmark = pytest.mark.filterwarnings("ignore:.*Zarr:UserWarning")

#: Runs the last lines with what comes before imported, and sees to it that none of that is ours.
FRAME = """
import sys
{imports}
assert not [m for m in sys.modules if m.startswith("dicube")], "imported by itself"
{body}
home = sys.modules["dicube_plugins"].__file__
assert home.startswith({site!r}), home
print("done")
"""
SCRIPTS = {
    "xarray": (
        "import xarray as xr",
        """
assert "dcbs" in xr.backends.list_engines()
assert "dicube_core.reader" not in sys.modules  # others that use xarray do not wait for us
ds = xr.open_dataset("study.dcbs")
assert ds.image.shape == (6, 48, 48) and ds.image.dtype == "int16", ds
assert ds.image.attrs["units"] == "HU" and float(ds.z[1]) > 0
""",
    ),
    "xarray, dask processes": (
        "import xarray as xr\nimport dask",
        """
ds = xr.open_dataset("study.dcbs", chunks={})
if __name__ == "__main__":
    with dask.config.set(scheduler="processes", num_workers=2):
        assert float(ds.image.mean()) == float(xr.open_dataset("study.dcbs").image.mean())
""",
    ),
    "fsspec": (
        "import fsspec, pydicom",
        """
with fsspec.open("dcbs://000003.dcm::file://study.dcbs") as f:
    ds = pydicom.dcmread(f)
assert ds.pixel_array.shape == (48, 48)
assert len(fsspec.open_files("dcbs://*.dcm::study.dcbs")) == 6
assert fsspec.filesystem("dcbs", fo="study.dcbs", transfer_syntax="explicit").size("000000.dcm")
""",
    ),
    "numcodecs": (
        "import json, numcodecs",
        """
refs = json.load(open("refs.json"))["refs"]
codec = numcodecs.get_codec(json.loads(refs["image/.zarray"])["compressor"])
url, offset, length = refs["image/2.0.0"]
data = open(url.removeprefix("file://"), "rb").read()[offset : offset + length]
assert codec.decode(data).shape == (48, 48)
assert "dicube_plugins.zarr._zarr3" not in sys.modules
""",
    ),
    "kerchunk": (
        "import kerchunk, xarray as xr",
        """
ds = xr.open_dataset("refs.json", engine="kerchunk")
assert float(ds.image.min()) >= -1024 and ds.image.shape == (6, 48, 48)
""",
    ),
    "zarr": (
        "import zarr",
        """
array = zarr.open_array("written.zarr", mode="r")
assert array[:].tolist() == [[[7, 8], [9, 10]]]
""",
    ),
}


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("arrays")
    write_phantom_series(folder / "series", 6, size=48)
    dicube_core.convert(folder / "series", folder / "study.dcbs")
    (folder / "refs.json").write_text(json.dumps(dicube_core.references(folder / "study.dcbs")))
    return folder


@pytest.mark.parametrize("name", SCRIPTS)
def test_found_with_no_import_of_ours(site, study, name):
    imports, body = SCRIPTS[name]
    for line in imports.replace("import ", "").splitlines():
        for module in line.split(", "):
            pytest.importorskip(module.split(" as ")[0])
    if name == "zarr":
        _write(study)
    code = FRAME.format(imports=imports, body=body, site=str(site))
    script = study / "script.py"
    script.write_text(code)
    options = ["-W", "ignore", str(script)]
    assert run_python(sys.executable, site, *options, cwd=study).strip().endswith("done")


def _write(folder):
    import zarr

    from dicube_plugins.zarr import FrameBytesCodec

    array = zarr.create_array(
        folder / "written.zarr",
        shape=(1, 2, 2),
        chunks=(1, 2, 2),
        dtype="int16",
        serializer=FrameBytesCodec(),
        compressors=None,
    )
    array[:] = [[[7, 8], [9, 10]]]
