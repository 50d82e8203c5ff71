"""Figures: values, mm, aspect, letters; and matplotlib is left as it was."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from support.kind_series import Sort, sort_series
from support.raw import text
from support.series import Kind, make_series
from support.whole import write_files

import dicube_core
from dicube_core.exceptions import DataConsistencyError, FrameIndexError, GeometryError
from dicube_core.modality import ModalityValues

pytest.importorskip("matplotlib")
KIND = Kind("ct", rows=24, columns=16)


def converted(folder, files, name="x.dcbs"):
    dicube_core.convert(write_files(folder / f"{name}.source", files), folder / name)
    return folder / name


@pytest.fixture
def path(tmp_path):
    return converted(tmp_path, make_series(10, KIND))


def drawn(axes):
    (image,) = axes.get_images()
    return image


def test_three_planes_in_mm_of_the_patient(path):
    with dicube_core.open(path) as reader:
        figure = reader.plot()
        geometry, values = reader.geometry, ModalityValues(reader).frames(dtype="float64")
    axial, coronal, sagittal = figure.axes
    told = {
        axial: (values[5], (2, 1), False),
        coronal: (values[::-1, 12], (2, 0), True),
        sagittal: (values[::-1, :, 8], (1, 0), True),
    }
    for ax, (pixels, (right, down), upwards) in told.items():
        image = drawn(ax)
        np.testing.assert_array_equal(image.get_array(), pixels)
        assert ax.get_aspect() == 1  # mm are as long in both directions
        left, right_edge, bottom, top = image.get_extent()
        x, y = (geometry.origin[2 - axis] for axis in (right, down))
        assert left == pytest.approx(x - geometry.spacing[right] / 2)
        width = geometry.shape[right] * geometry.spacing[right]
        assert right_edge - left == pytest.approx(width)
        height = geometry.shape[down] * geometry.spacing[down]
        assert abs(top - bottom) == pytest.approx(height)
        low = y - geometry.spacing[down] / 2
        assert (bottom if upwards else top) == pytest.approx(low)
        assert image.get_clim() == (-160, 239)
        assert image.get_cmap().name == "gray"
    assert [text.get_text() for text in coronal.texts] == ["R", "L", "H", "F"]
    assert coronal.get_title() == "coronal, row 12"
    assert "mm" in coronal.get_xlabel()


def test_an_image_in_memory_gives_the_same(path):
    image = dicube_core.load(path)
    with dicube_core.open(path) as reader:
        for one, other in zip(reader.plot().axes, image.plot().axes, strict=True):
            np.testing.assert_array_equal(drawn(one).get_array(), drawn(other).get_array())
            assert drawn(one).get_extent() == drawn(other).get_extent()


def test_chosen_frames(path):
    with dicube_core.open(path) as reader:
        figure = reader.plot([0, -1, 4], window=(0, 100))
        values = ModalityValues(reader)
        for ax, index in zip(figure.axes, (0, 9, 4), strict=True):
            np.testing.assert_array_equal(drawn(ax).get_array(), values.frame(index))
            assert ax.get_title() == f"frame {index}"
            assert drawn(ax).get_clim() == (-50, 49)
            left, right, bottom, top = drawn(ax).get_extent()
            assert (right - left, bottom - top) == (pytest.approx(8.0), pytest.approx(18.0))


def test_axes_of_the_user(path):
    from matplotlib.figure import Figure

    ours = Figure().subplots(1, 2)
    with dicube_core.open(path) as reader:
        assert reader.plot("sagittal", ax=ours[0]) is ours[0]
        assert reader.plot([1, 2], ax=ours) is ours
        assert len(ours[0].get_images()) == 2
        with pytest.raises(DataConsistencyError, match="3 pictures for 2 axes"):
            reader.plot(ax=ours)


def test_monochrome1_and_sigmoid(tmp_path):
    def edit(_, nodes):
        nodes[0x00281056] = text(0x00281056, "CS", "SIGMOID")

    mono1 = Kind("mono1", rows=8, columns=8, photometric="MONOCHROME1")
    with dicube_core.open(converted(tmp_path, make_series(2, mono1))) as reader:
        assert drawn(reader.plot(0).axes[0]).get_cmap().name == "gray_r"
    path = converted(tmp_path, make_series(2, mono1, edit), "sigmoid.dcbs")
    with dicube_core.open(path) as reader:
        image = drawn(reader.plot(0).axes[0])
        values = ModalityValues(reader).frame(0, "float64")
    grey = 255 - np.rint(255 / (1 + np.exp(-4 * (values - 40) / 400)))
    assert image.get_cmap().name == "gray"
    assert np.abs(image.get_array().astype(float) - grey).max() <= 1


def test_colour(tmp_path):
    sort = Sort("rgb")
    with dicube_core.open(converted(tmp_path, sort_series(sort))) as reader:
        np.testing.assert_array_equal(drawn(reader.plot(1).axes[0]).get_array(), sort.frame(1))


def test_slices_without_a_grid(tmp_path):
    def uneven(index, nodes):
        nodes[0x00200032] = text(0x00200032, "DS", f"0\\0\\{2.5 * index + 0.3 * (index % 2)}")

    with dicube_core.open(converted(tmp_path, make_series(4, KIND, uneven))) as reader:
        (ax,) = reader.plot().axes
        assert ax.get_title() == "frame 2"
        assert ax.get_xlabel() == "mm"  # of PixelSpacing, which is known all the same
        with pytest.raises(GeometryError, match="no regular grid"):
            reader.plot("coronal")
    bare = dicube_core.DicomCubeImage(np.ones((2, 4, 4), np.uint8) * 3, header("uint8"))
    assert bare.plot().axes[0].get_xlabel() == "pixels"


def header(dtype):
    return dicube_core.PixelDataHeader(PixelDtype=dtype, OriginalPixelDtype=dtype)


@pytest.mark.parametrize(
    ("what", "error", "words"),
    [
        ("oblong", DataConsistencyError, "no plane 'oblong'"),
        (10, FrameIndexError, "out of range"),
        ([], DataConsistencyError, "nothing to draw"),
        ([0, "axial"], DataConsistencyError, "no frame number"),
        (1.5, DataConsistencyError, "no frame number"),
    ],
)
def test_what_cannot_be_drawn(path, what, error, words):
    with dicube_core.open(path) as reader, pytest.raises(error, match=words):
        reader.plot(what)


def test_pyplot_is_not_touched(path):
    code = """
import sys, dicube_core, matplotlib
# Not through its own methods: asking for the backend chooses one.
raw = lambda: {k: dict.__getitem__(matplotlib.rcParams, k) for k in matplotlib.rcParams}
before = raw()
with dicube_core.open(sys.argv[1]) as reader:
    figure = reader.plot()
    figure.savefig(sys.argv[2])
assert "matplotlib.pyplot" not in sys.modules
assert raw() == before
"""
    out = path.with_suffix(".png")
    done = subprocess.run(
        [sys.executable, "-c", code, str(path), str(out)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert out.stat().st_size > 5000


def test_without_matplotlib_it_says_what_to_install(path):
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import dicube_core\n"
        "try: dicube_core.load(sys.argv[1]).plot()\n"
        "except dicube_core.exceptions.MissingDependencyError as exc: print(exc)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False
    )
    assert "dicube-plugins[plot]" in done.stdout, done.stderr
