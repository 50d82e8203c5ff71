"""The preview shows colour as colour, and real values within their range."""

import numpy as np
import pytest
from support.kind_series import Sort, sort_series
from support.whole import write_files

import dicube_core
from dicube_core.preview import montage

pytest.importorskip("PIL")


def picture(sort, folder):
    dicube_core.convert(write_files(folder / "source", sort_series(sort, 1)), folder / "x.dcbs")
    with dicube_core.open(folder / "x.dcbs") as reader:
        return montage(reader, tile_width=sort.columns)


class Flat(Sort):
    """One colour everywhere, in the sort's own samples."""

    samples_shown = (0, 0, 0)

    def frame(self, index):
        shape = (self.rows, self.columns, 3)
        return np.broadcast_to(np.array(self.samples_shown, self.dtype), shape).copy()


@pytest.mark.parametrize(
    ("photometric", "dtype", "samples", "rgb"),
    [
        ("RGB", "uint8", (200, 30, 90), (200, 30, 90)),
        ("RGB", "uint16", (65535, 0, 257 * 90), (255, 0, 90)),
        ("YBR_FULL", "uint8", (76, 85, 255), (254, 0, 0)),
        ("YBR_FULL_422", "uint8", (150, 44, 21), (0, 255, 1)),
    ],
)
def test_colour(photometric, dtype, samples, rgb, tmp_path):
    sort = type("Shown", (Flat,), {"samples_shown": samples})(
        "flat", dtype, photometric, rows=64, columns=64
    )
    found = picture(sort, tmp_path)
    assert found.mode == "RGB"
    np.testing.assert_allclose(found.getpixel((60, 60)), rgb, atol=1)


def test_real_values_with_nan_are_shown(tmp_path):
    found = picture(Sort("real", "float32", "MONOCHROME2", rows=64, columns=64), tmp_path)
    assert found.mode == "L"
    assert len(set(np.asarray(found)[32:].ravel().tolist())) > 20
