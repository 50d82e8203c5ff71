"""Kinds of pixels in imageio: every value, or a refusal that names the kind."""

from __future__ import annotations

import imageio.v3 as iio
import numpy as np
import pytest
from kind_files import BITS, COLOURS, REALS, echoes, file_of, frames_of, rgb_of, tilted
from support.kind_series import bits_of

import dicube_core
from dicube_core.exceptions import UnsupportedKindError
from dicube_plugins.imageio import DcbsPlugin


def read(path, **options):
    return iio.imread(path, plugin=DcbsPlugin, **options)


@pytest.mark.parametrize("name", COLOURS)
def test_colour_is_red_green_and_blue(name, tmp_path):
    sort = COLOURS[name]
    path, expected = file_of(sort, tmp_path), rgb_of(sort)
    found = read(path)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
    np.testing.assert_array_equal(read(path, index=1), expected[1])
    np.testing.assert_array_equal(read(path, index=-1), expected[-1])
    np.testing.assert_array_equal(list(iio.imiter(path, plugin=DcbsPlugin)), expected)
    np.testing.assert_array_equal(read(path, rescale=False), frames_of(sort))
    for rescale, truth in ((True, expected), (False, frames_of(sort))):
        with iio.imopen(path, "r", plugin=DcbsPlugin) as file:
            whole, one = (file.properties(i, rescale=rescale) for i in (None, 0))
        assert (whole.shape, one.shape) == (truth.shape, truth.shape[1:])
        assert whole.dtype == truth.dtype
        assert whole.spacing == (2.5, 0.75, 0.5)


@pytest.mark.parametrize("name", COLOURS)
def test_metadata_says_of_colour_what_is_read(name, tmp_path):
    path = file_of(COLOURS[name], tmp_path)
    photometric = COLOURS[name].photometric
    meta = iio.immeta(path, plugin=DcbsPlugin)
    assert meta.get("PhotometricInterpretation", "") in ("", "RGB")
    assert "RedPaletteColorLookupTableData" not in meta
    whole = iio.immeta(path, plugin=DcbsPlugin, exclude_applied=False)
    assert whole["PhotometricInterpretation"] == photometric
    assert ("RedPaletteColorLookupTableData" in whole) == photometric.startswith("PALETTE")


@pytest.mark.parametrize("name", REALS)
def test_real_values_are_as_they_are_stored(name, tmp_path):
    sort = REALS[name]
    found = read(file_of(sort, tmp_path))
    assert found.dtype == sort.dtype
    np.testing.assert_array_equal(bits_of(found), bits_of(frames_of(sort)))


def test_single_bits_are_zeros_and_ones(tmp_path):
    np.testing.assert_array_equal(read(file_of(BITS, tmp_path)), frames_of(BITS))


@pytest.mark.parametrize("make", [echoes, tilted])
def test_series_that_are_no_grid_have_frames_and_no_spacing(make, tmp_path):
    path = make(tmp_path)[0]
    with dicube_core.open(path) as reader:
        expected = reader.frames().astype(int) - 1024
    np.testing.assert_array_equal(read(path), expected)
    assert iio.improps(path, plugin=DcbsPlugin).spacing is None


@pytest.mark.parametrize("kind", ["uint8", "uint16", "uint32"])
@pytest.mark.parametrize("shape", [(4, 5, 6, 3), (5, 6, 3)], ids=["series", "one"])
def test_colour_written_and_read(kind, shape, tmp_path):
    values = np.random.default_rng(5).integers(0, 256, shape).astype(kind) * 255
    iio.imwrite(tmp_path / "x.dcbs", values, plugin=DcbsPlugin)
    found = read(tmp_path / "x.dcbs")
    assert found.dtype == kind
    np.testing.assert_array_equal(found, values.reshape(-1, 5, 6, 3))
    assert dicube_core.verify_file(tmp_path / "x.dcbs").ok


def test_colour_images_one_by_one(tmp_path):
    values = np.random.default_rng(5).integers(0, 256, (4, 5, 6, 3)).astype("uint8")
    with iio.imopen(tmp_path / "x.dcbs", "w", plugin=DcbsPlugin) as file:
        for one in values:
            file.write(one)
    np.testing.assert_array_equal(read(tmp_path / "x.dcbs"), values)
    iio.imwrite(tmp_path / "y.dcbs", list(values), plugin=DcbsPlugin)
    assert (tmp_path / "y.dcbs").read_bytes() == (tmp_path / "x.dcbs").read_bytes()


@pytest.mark.parametrize("kind", ["float32", "float64"])
def test_real_values_written_and_read(kind, tmp_path):
    values = np.random.default_rng(5).normal(0, 1, (4, 5, 6)).astype(kind)
    values[0, 0, :3] = np.nan, np.inf, -0.0
    iio.imwrite(tmp_path / "x.dcbs", values, plugin=DcbsPlugin)
    np.testing.assert_array_equal(bits_of(read(tmp_path / "x.dcbs")), bits_of(values))


def test_16_bit_ybr_is_read_as_it_is_stored_only(tmp_path):
    from dataclasses import replace

    sort = replace(COLOURS["ybr"], dtype="uint16")
    path = file_of(sort, tmp_path)
    with pytest.raises(UnsupportedKindError, match="YBR_FULL of 16 bits"):
        read(path)
    np.testing.assert_array_equal(read(path, rescale=False), frames_of(sort))
