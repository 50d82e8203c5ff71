"""Grey values against pydicom's own window functions."""

from __future__ import annotations

import io

import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_modality_lut, apply_voi_lut
from support.kind_series import PALETTE, Sort, sort_series
from support.raw import text
from support.series import Kind, make_series, put
from support.whole import write_files

import dicube_core
from dicube_core.exceptions import DataConsistencyError
from dicube_core.preview import montage
from dicube_core.preview.window import Window

pytest.importorskip("PIL")

SIDE = 64
#: What montages write on a tile is above and left of this.
BELOW = 26
KIND = Kind("ct", rows=SIDE, columns=SIDE)
WIDE = Kind("signed", stored=16, signed=True, rows=SIDE, columns=SIDE)
MONO1 = Kind("mono1", rows=SIDE, columns=SIDE, photometric="MONOCHROME1")


def converted(files, folder):
    dicube_core.convert(write_files(folder / "source", files), folder / "x.dcbs")
    return folder / "x.dcbs"


def told(data: bytes) -> np.ndarray:
    """What pydicom makes of a file, as grey from 0 to 255."""
    ds = pydicom.dcmread(io.BytesIO(data))
    values = apply_modality_lut(ds.pixel_array, ds)
    bits = ds.BitsStored
    low = -(1 << (bits - 1)) if ds.PixelRepresentation else 0
    ends = np.array([low, low + (1 << bits) - 1]) * float(ds.RescaleSlope)
    ends += float(ds.RescaleIntercept)
    with np.errstate(over="ignore"):
        shown = (apply_voi_lut(values, ds) - ends[0]) / (ends[1] - ends[0]) * 255
    grey = np.rint(np.round(shown, 9)).astype(np.uint8)
    return 255 - grey if ds.PhotometricInterpretation == "MONOCHROME1" else grey


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID", None])
@pytest.mark.parametrize("kind", [KIND, WIDE, MONO1], ids=lambda kind: kind.name)
@pytest.mark.parametrize(("center", "width"), [("40", "400"), ("-600.5", "1500"), ("10", "1")])
def test_a_tile_is_what_pydicom_shows(function, kind, center, width, tmp_path):
    if function == "LINEAR_EXACT" and width == "1":
        width = "0.5"
    nodes = [text(0x00281050, "DS", center), text(0x00281051, "DS", width)]
    nodes += [text(0x00280030, "DS", "0.75\\0.75")]
    if function is not None:
        nodes.append(text(0x00281056, "CS", function))
    files = make_series(2, kind, put(*nodes))
    with dicube_core.open(converted(files, tmp_path)) as reader:
        sheet = np.asarray(montage(reader, tile_width=SIDE, columns=1))
    assert sheet.shape == (2 * SIDE, SIDE)
    for index, name in enumerate(sorted(files)):
        tile = sheet[index * SIDE :][BELOW:SIDE]
        expected = told(files[name])[BELOW:]
        # Rounding of what lies just between two greys is nobody's to say.
        assert np.abs(tile.astype(int) - expected).max() <= 1
        assert (tile != expected).mean() < 0.01


def test_each_slice_has_its_own_slope(tmp_path):
    def edit(index, nodes):
        nodes[0x00281053] = text(0x00281053, "DS", f"{1 + index}.5")
        nodes[0x00280030] = text(0x00280030, "DS", "0.75\\0.75")

    files = make_series(3, KIND, edit)
    with dicube_core.open(converted(files, tmp_path)) as reader:
        sheet = np.asarray(montage(reader, tile_width=SIDE, columns=1, window=(2000, 8000)))
    for index, name in enumerate(sorted(files)):
        ds = pydicom.dcmread(io.BytesIO(files[name]))
        values = ds.pixel_array * float(ds.RescaleSlope) - 1024
        share = np.clip((values - 1999.5) / 7999 + 0.5, 0, 1)
        tile = sheet[index * SIDE :][BELOW:SIDE]
        assert np.abs(tile - share[BELOW:] * 255).max() <= 0.5 + 1e-6


def test_a_tile_of_half_the_size_is_the_lower_resolution(tmp_path):
    files = make_series(1, KIND, put(text(0x00280030, "DS", "0.75\\0.75")))
    with dicube_core.open(converted(files, tmp_path)) as reader:
        sheet = np.asarray(montage(reader, tile_width=SIDE // 2))
        level = reader.frame(0, level=1).astype(float) - 1024
    expected = Window.of(40, 400).grey(level)
    np.testing.assert_array_equal(sheet[20:], expected[20:])


def test_a_palette_is_shown_in_its_colours(tmp_path):
    from pydicom.pixels import apply_color_lut

    extra = (*PALETTE, text(0x00280030, "DS", "1\\1"))
    sort = Sort("palette", photometric="PALETTE COLOR", extra=extra, rows=SIDE, columns=SIDE)
    files = sort_series(sort, 1)
    path = converted(files, tmp_path)
    with dicube_core.open(path) as reader:
        whole = montage(reader, tile_width=SIDE)
        half = np.asarray(montage(reader, tile_width=SIDE // 2))
    assert whole.mode == "RGB"
    image = dicube_core.load(path)
    np.testing.assert_array_equal(montage(image, tile_width=SIDE), whole)
    image.dicom_meta = None  # and with it the palette
    assert montage(image, tile_width=SIDE).mode == "L"
    ds = pydicom.dcmread(io.BytesIO(next(iter(files.values()))))
    expected = (apply_color_lut(ds.pixel_array, ds) >> 8).astype(np.uint8)
    np.testing.assert_array_equal(np.asarray(whole)[BELOW:], expected[BELOW:])
    # Indices are not averaged: every colour of the small picture is one of the palette.
    palette = {tuple(pixel) for pixel in expected.reshape(-1, 3).tolist()}
    assert half.shape[:2] == (SIDE // 2, SIDE // 2)
    assert {tuple(pixel) for pixel in half[20:].reshape(-1, 3).tolist()} <= palette


def test_spacing_of_the_plane_is_used_though_slices_form_no_grid(tmp_path):
    def edit(index, nodes):
        z = 2.5 * index + 0.3 * (index % 2)
        nodes[0x00200032] = text(0x00200032, "DS", f"0\\0\\{z}")

    files = make_series(4, KIND, edit)  # 0.75 between rows, 0.5 between columns
    with dicube_core.open(converted(files, tmp_path)) as reader:
        assert reader.geometry is None
        assert montage(reader, tile_width=100, columns=4).size == (400, 150)


@pytest.mark.parametrize(
    ("spacing", "size"),
    [
        ("2\\1", (4 * 100, 200)),
        ("8\\1", (4 * 50, 400)),  # the right aspect in a tile that is narrower
        ("100\\1", (4 * 30, 400)),
        ("1e9\\1e-9", (4 * 30, 400)),
        ("1e300\\1e-300", (4 * 30, 400)),
        ("1\\100", (4 * 100, 1)),
    ],
)
def test_no_spacing_makes_a_montage_huge(spacing, size, tmp_path):
    files = make_series(4, KIND, put(text(0x00280030, "DS", spacing)))
    with dicube_core.open(converted(files, tmp_path)) as reader:
        assert montage(reader, tile_width=100, columns=4).size == size


@pytest.mark.parametrize(
    ("window", "values", "grey"),
    [
        (Window(0, 10), [-5.0, 0, 5, 10, 11, np.nan, np.inf], [0, 0, 128, 255, 255, 0, 255]),
        (Window(0, 10, inverted=True), [0.0, 10], [255, 0]),
        (Window(3, 3), [2.0, 3, 4], [0, 0, 255]),
        (Window.of(0, 4, "SIGMOID"), [-1e6, 0.0, 1e6], [0, 128, 255]),
    ],
)
def test_ends_and_what_is_no_number(window, values, grey):
    assert window.grey(np.array(values)).tolist() == grey


@pytest.mark.parametrize("window", [(40, 0), (40, -400), (np.nan, 400), (40, np.inf)])
def test_what_is_no_window_is_refused(window, tmp_path):
    with (
        dicube_core.open(converted(make_series(2, KIND), tmp_path)) as reader,
        pytest.raises(DataConsistencyError, match="no window has center"),
    ):
        montage(reader, window=window)
