"""What users do with imageio, run in environments of their own: script FOLDER."""

import io
import sys
import warnings
from pathlib import Path

import numpy as np

warnings.simplefilter("error")  # a file left open, too

import imageio.v2 as v2  # noqa: E402
import imageio.v3 as iio  # noqa: E402

import dicube_core  # noqa: E402
import dicube_plugins  # noqa: E402
from dicube_core.exceptions import UnsupportedKindError  # noqa: E402

FOLDER = Path(sys.argv[1])
EXPECTED = np.load(FOLDER / "expected.npy")


def same(found, expected):
    assert found.dtype == expected.dtype, (found.dtype, expected.dtype)
    assert np.array_equal(found, expected)


def refused(error, words, function, *arguments, **options):
    try:
        function(*arguments, **options)
    except error as exc:
        if words in str(exc):
            return
        raise
    raise AssertionError(f"no {error.__name__}")


def read(path):
    same(iio.imread(path), EXPECTED)
    same(iio.imread(str(path), index=3), EXPECTED[3])
    same(iio.imread(path, index=-1), EXPECTED[-1])
    same(iio.imread(path, index=...), EXPECTED)
    data = path.read_bytes()
    for source in (data, io.BytesIO(data)):
        same(iio.imread(source, extension=".dcbs"), EXPECTED)
        same(iio.imread(source), EXPECTED)
    with path.open("rb") as file:
        same(iio.imread(file, plugin="dcbs", index=1), EXPECTED[1])
    same(np.stack(list(iio.imiter(path))), EXPECTED)
    found = iio.improps(path)
    assert (found.shape, found.dtype, found.n_images) == (EXPECTED.shape, EXPECTED.dtype, 5)
    assert np.allclose(found.spacing, (5.0, 400 / 64, 400 / 64))
    assert iio.immeta(path)["Modality"] == "CT"
    assert iio.immeta(path, index=0)["PatientName"].startswith("Phantom")
    with iio.imopen(path, "r") as file:
        same(file.read(index=2), EXPECTED[2])
    refused(IndexError, "out of range", iio.imread, path, index=5)


def read_v2(path):
    same(np.asarray(v2.imread(path)), EXPECTED[0])
    same(np.asarray(v2.volread(path)), EXPECTED)
    same(np.stack(v2.mimread(path)), EXPECTED)
    with v2.get_reader(path) as reader:
        assert len(reader) == 5
        same(np.asarray(reader.get_data(4)), EXPECTED[4])


def write(folder):
    target = folder / "written.dcbs"
    iio.imwrite(target, EXPECTED, spacing=(2, 1, 0.5), modality="CT")
    same(iio.imread(target), EXPECTED)
    assert iio.improps(target).spacing == (2.0, 1.0, 0.5)
    data = iio.imwrite("<bytes>", list(EXPECTED), extension=".dcbs")
    same(iio.imread(data, extension=".dcbs"), EXPECTED)
    v2.volwrite(target, EXPECTED)
    v2.mimwrite(target, list(EXPECTED))
    with v2.get_writer(target) as writer:
        for image in EXPECTED:
            writer.append_data(image)
    same(iio.imread(target), EXPECTED)
    assert dicube_core.verify_file(target).ok
    real = EXPECTED.astype("float32")
    iio.imwrite(folder / "real.dcbs", real + 0.25)
    same(iio.imread(folder / "real.dcbs"), real + np.float32(0.25))
    refused(UnsupportedKindError, "complex64", iio.imwrite, folder / "x.dcbs", real.astype("c8"))
    assert not (folder / "x.dcbs").exists()


def picture(folder):
    image = np.arange(48, dtype="uint8").reshape(6, 8)
    iio.imwrite(folder / "x.png", image)
    same(iio.imread(folder / "x.png"), image)
    (folder / "x.png").rename(folder / "picture.dcbs")
    same(iio.imread(folder / "picture.dcbs"), image)


dicube_plugins.install("imageio")
read(FOLDER / "series.dcbs")
read_v2(FOLDER / "series.dcbs")
write(FOLDER)
picture(FOLDER)
dicube_plugins.uninstall("imageio")
assert "dcbs" not in iio.imopen.__globals__["known_plugins"]
sys.stdout.write(f"all well with imageio {sys.modules['imageio'].__version__}")
