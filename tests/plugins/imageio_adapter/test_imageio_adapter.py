"""The adapter in imageio: what is changed, what is not, and that all comes back."""

from __future__ import annotations

import importlib
import subprocess
import sys
import threading

import numpy as np
import pytest

import dicube_plugins

imageio = pytest.importorskip("imageio")

import imageio.v2 as v2  # noqa: E402 - after the skip
import imageio.v3 as iio  # noqa: E402
from imageio import config  # noqa: E402


def state():
    """Return, in their order, all objects of imageio that the adapter could touch."""
    found = [("known_plugins", config.known_plugins), *config.known_plugins.items()]
    for name in ("extension_list", "video_extensions"):
        listed = getattr(config, name)
        found += [(name, listed), *((one.extension, one) for one in listed)]
    found += [("known_extensions", config.known_extensions)]
    for extension, listed in config.known_extensions.items():
        found += [(extension, listed), *((extension, one) for one in listed)]
    for module in (importlib.import_module("imageio.core.imopen"), iio, v2, config):
        names = vars(module).items()
        found += [(f"{module.__name__}.{n}", v) for n, v in names if n != "__warningregistry__"]
    return found


def assert_same(before, after):
    assert [name for name, _ in before] == [name for name, _ in after]
    for (name, old), (_, new) in zip(before, after, strict=True):
        assert old is new, name


def test_all_is_as_before_after_uninstall(series):
    before = state()
    for _ in range(3):
        (found,) = dicube_plugins.install("imageio")
        assert found.state == "installed"
        assert len(found.changes) == 4
        assert dicube_plugins.install("imageio") == [found]
        assert [*config.known_plugins].count("dcbs") == 1
        assert len(config.known_extensions[".dcbs"]) == 1
        assert iio.imread(series).shape == (5, 6, 7)
        (found,) = dicube_plugins.uninstall("imageio")
        assert (found.state, found.changes, found.message) == ("available", (), "")
        assert_same(before, state())
    with pytest.raises(ValueError, match="not a registered plugin"):
        iio.imread(series, plugin="dcbs")


def test_installed_by_many_threads_once():
    before = state()
    barrier = threading.Barrier(8)

    def work():
        barrier.wait()
        dicube_plugins.install("imageio")

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(extension.extension == ".dcbs" for extension in config.extension_list) == 1
    dicube_plugins.uninstall("imageio")
    assert_same(before, state())


def test_an_extension_that_others_have_taken_is_shared(series, volume):
    theirs = config.FileExtension(extension=".dcbs", priority=["theirs"])
    config.known_extensions[".dcbs"] = [theirs]
    try:
        dicube_plugins.install("imageio")
        np.testing.assert_array_equal(iio.imread(series), volume)
        dicube_plugins.uninstall("imageio")
        assert config.known_extensions[".dcbs"] == [theirs]
    finally:
        del config.known_extensions[".dcbs"]


@pytest.mark.parametrize("extension", [".png", ".gif", ".bmp"])
def test_other_formats_are_as_before(tmp_path, extension):
    image = (np.arange(48).reshape(6, 8) * 5).astype("uint8")

    def everything():
        data = iio.imwrite("<bytes>", image, extension=extension)
        path = tmp_path / f"x{extension}"
        iio.imwrite(path, image)
        arrays = [iio.imread(path), iio.imread(data), v2.imread(path), *iio.imiter(path)]
        shapes = [array.shape for array in arrays]
        return data, [a.tobytes() for a in arrays], shapes, iio.improps(path), iio.immeta(path)

    before = everything()
    dicube_plugins.install("imageio")
    try:
        assert everything() == before
    finally:
        dicube_plugins.uninstall("imageio")


@pytest.mark.usefixtures("installed")
def test_a_picture_that_is_named_dcbs_is_a_picture(tmp_path):
    image = np.arange(48, dtype="uint8").reshape(6, 8)
    data = iio.imwrite("<bytes>", image, extension=".png")
    (tmp_path / "x.dcbs").write_bytes(data)
    np.testing.assert_array_equal(iio.imread(tmp_path / "x.dcbs"), image)
    np.testing.assert_array_equal(iio.imread(data, extension=".dcbs"), image)
    np.testing.assert_array_equal(iio.imread(data), image)
    with pytest.raises(OSError, match="can not handle") as failure:
        iio.imread(tmp_path / "x.dcbs", plugin="dcbs")
    assert "does not start like" in str(failure.value.__cause__)


@pytest.mark.filterwarnings(  # imageio warns of some of its own plugins when it tries all
    "ignore:ImageIO's vendored tifffile:DeprecationWarning",
    "ignore:The legacy `DICOM` plugin:DeprecationWarning",
)
@pytest.mark.usefixtures("installed")
def test_what_is_no_picture_at_all_is_refused_by_imageio(tmp_path):
    (tmp_path / "empty.dcbs").write_bytes(b"")
    (tmp_path / "folder.dcbs").mkdir()
    with pytest.raises(OSError, match="folders"):
        iio.imread(tmp_path / "folder.dcbs")
    with pytest.raises(OSError, match="can not handle"):
        iio.imread(tmp_path / "empty.dcbs", plugin="dcbs")
    with pytest.raises(FileNotFoundError):
        iio.imread(tmp_path / "absent.dcbs")
    with pytest.raises(OSError, match="Could not find a backend"):
        iio.imread(b"no picture")


@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("name", ["series", "series.bin", "series.dcm"])
def test_a_series_of_another_name_is_found_by_its_content(series, volume, tmp_path, name):
    (tmp_path / name).write_bytes(series.read_bytes())
    np.testing.assert_array_equal(iio.imread(tmp_path / name, plugin="dcbs"), volume)
    if name != "series.dcm":
        np.testing.assert_array_equal(iio.imread(tmp_path / name), volume)


def test_the_class_works_without_the_adapter(series, volume, tmp_path):
    from dicube_plugins.imageio import DcbsPlugin

    before = state()
    np.testing.assert_array_equal(iio.imread(series, plugin=DcbsPlugin), volume)
    iio.imwrite(tmp_path / "x.dcbs", volume, plugin=DcbsPlugin)
    np.testing.assert_array_equal(iio.imread(tmp_path / "x.dcbs", plugin=DcbsPlugin), volume)
    assert_same(before, state())


@pytest.mark.filterwarnings("ignore:V3 Plugins:UserWarning")
def test_values_are_the_same_where_pydicom_reads_the_files_too(series, volume):
    """imageio has a plugin that reads through pydicom, and applies the window of the display."""
    dicube_plugins.install("imageio")
    try:
        try:
            dicube_plugins.install("pydicom")
        except dicube_plugins.installer.PatchError as exc:
            pytest.skip(str(exc))
        for data in (series.read_bytes(), str(series)):
            np.testing.assert_array_equal(iio.imread(data), volume)
    finally:
        dicube_plugins.uninstall("pydicom", "imageio")


FRESH = """
import sys
import dicube_plugins
assert "imageio" not in sys.modules
(status,) = dicube_plugins.install("imageio")
assert status.state == "installed", status
assert "dicube_plugins.imageio.plugin" not in sys.modules  # imported when it is needed
assert "dicube_core.reader" not in sys.modules
import imageio.v3 as iio
volume = iio.imread(sys.argv[1])
loaded = [m for m in ("SimpleITK", "nibabel", "itk", "tifffile") if m in sys.modules]
assert not loaded, loaded
print(volume.shape, volume.dtype, int(volume.sum()))
"""


def test_in_a_fresh_process_nothing_is_imported_before_it_is_needed(series, volume):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", FRESH, series],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["(5,", "6,", "7)", "int16", str(volume.sum(dtype=int))]
