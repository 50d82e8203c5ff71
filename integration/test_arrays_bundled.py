"""Files of pydicom's own collection, of every kind and compression, as arrays and as slices."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pydicom.data
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "arrays"))

import dicube_core
from dicube_core.exceptions import DicomCubeError, UnsupportedKindError

xr = pytest.importorskip("xarray")
fsspec = pytest.importorskip("fsspec")
numcodecs = pytest.importorskip("numcodecs")

pytestmark = pytest.mark.filterwarnings("ignore")  # of broken files there are many

FOLDER = Path(pydicom.data.__file__).parent / "test_files"
#: One of each compression, with loss and without, of colours, palettes, bits and many frames.
NAMES = (
    "CT_small.dcm",
    "MR_small_RLE.dcm",
    "JPEG2000.dcm",
    "SC_rgb_jpeg_gdcm.dcm",
    "SC_rgb_jpeg_dcmtk.dcm",
    "SC_rgb_rle_2frame.dcm",
    "examples_palette.dcm",
    "examples_ybr_color.dcm",
    "JPGExtended.dcm",
    "MR_small_jpeg_ls_lossless.dcm",
    "rtdose.dcm",
    "693_J2KI.dcm",
)


#: Endings of frames that are kept as their source had compressed them.
KEPT = {
    "SC_rgb_jpeg_dcmtk.dcm": "jpg",
    "JPGExtended.dcm": "jpg",
    "JPEG2000.dcm": "j2c",
    "MR_small_jpeg_ls_lossless.dcm": "jls",
    "MR_small_RLE.dcm": "rle",
}


@pytest.mark.parametrize("name", KEPT)
def test_frames_that_are_kept_as_they_were(tmp_path, name):
    path = check(tmp_path, name, keep_encoding=True)
    system = fsspec.filesystem("dcbs", fo=str(path))
    assert system.ls("", detail=False) == ["000000.dcm", f"000000.{KEPT[name]}"]
    assert system.cat("000000.dcm") == (FOLDER / name).read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_bundled_files(tmp_path, name):
    check(tmp_path, name)


def check(tmp_path, name, **options):
    """Convert a file and read it in every way; return the path."""
    if not (FOLDER / name).exists():
        pytest.skip(f"{name} is not among the files of this pydicom")
    (tmp_path / "source").mkdir()
    shutil.copy(FOLDER / name, tmp_path / "source")
    path = tmp_path / "x.dcbs"
    try:
        dicube_core.convert(tmp_path / "source", path, **options)
    except DicomCubeError as exc:
        pytest.skip(f"{name} is refused on conversion: {exc.message[:80]}")
    with dicube_core.open(path) as reader:
        stored = reader.pixel_format.pixel_values(reader.frames())
    refs = dicube_core.references(path)["refs"]
    array = next(key.removesuffix("/.zarray") for key in refs if key[:2] in ("im", "st"))
    described = json.loads(refs[f"{array}/.zarray"])
    codec = numcodecs.get_codec(described["compressor"])
    data = path.read_bytes()
    with xr.open_dataset(path, values="stored") as found:
        values = found.stored.values
        grid = values.shape[: values.ndim - stored.ndim + 1]
        assert values.dtype == stored.dtype
        assert sorted(v.tobytes() for v in values.reshape(stored.shape)) == sorted(
            v.tobytes() for v in stored
        )
    assert tuple(described["shape"]) == values.shape
    for place in list(np.ndindex(grid))[:3]:
        key = ".".join(map(str, (*place, *(0 for _ in stored.shape[1:]))))
        _, offset, length = refs[f"{array}/{key}"]
        np.testing.assert_array_equal(codec.decode(data[offset : offset + length]), values[place])
    try:
        with xr.open_dataset(path) as found:
            assert found.image.values.size in (stored.size, 3 * stored.size)
    except UnsupportedKindError as exc:
        assert "RGB" in str(exc)  # noqa: PT017 - one or the other
    for syntax in (None, "native"):
        system = fsspec.filesystem("dcbs", fo=str(path), transfer_syntax=syntax)
        for entry in system.ls("")[:6]:
            assert entry["size"] == len(system.cat(entry["name"])), entry
    return path
