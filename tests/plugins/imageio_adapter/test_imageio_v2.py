"""imageio.v2, as far as it knows plugins of version 3."""

from __future__ import annotations

import numpy as np
import pytest
from imageio_support import damaged

from dicube_core.exceptions import ChecksumError, DataConsistencyError, FrameIndexError

v2 = pytest.importorskip("imageio.v2")
pytestmark = pytest.mark.usefixtures("installed")


@pytest.mark.parametrize("options", [{}, {"format": "dcbs"}, {"format": ".dcbs"}])
def test_reading(series, volume, options):
    np.testing.assert_array_equal(v2.imread(series, **options), volume[0])
    np.testing.assert_array_equal(v2.volread(series, **options), volume)
    np.testing.assert_array_equal(v2.mimread(series, **options), volume)
    (only,) = v2.mvolread(series, **options)
    np.testing.assert_array_equal(only, volume)
    assert v2.volread(series, rescale=False).dtype == "uint16"


def test_a_reader(series, volume):
    with v2.get_reader(series) as reader:
        assert len(reader) == reader.get_length() == 5
        third = reader.get_data(2)
        np.testing.assert_array_equal(third, volume[2])
        assert third.meta["InstanceNumber"] == 3
        assert third.meta["RescaleIntercept"] == -1024
        np.testing.assert_array_equal(reader.get_next_data(), volume[3])
        assert reader.get_meta_data()["Modality"] == "CT"
        for found, expected in zip(reader, volume, strict=True):
            np.testing.assert_array_equal(found, expected)
        with pytest.raises(IndexError):
            reader.get_data(5)


def test_a_reader_of_volumes(series, volume):
    with v2.get_reader(series, mode="v") as reader:
        assert len(reader) == 1
        np.testing.assert_array_equal(reader.get_data(0), volume)
        assert [v.shape for v in reader] == [(5, 6, 7)]
        assert reader.get_meta_data(0)["InstanceNumber"] == (1, 2, 3, 4, 5)
        with pytest.raises(FrameIndexError, match="one volume"):
            reader.get_data(1)


def test_writing(tmp_path, volume):
    path = tmp_path / "x.dcbs"
    for write, image, expected in (
        (v2.imwrite, volume[0], volume[:1]),
        (v2.mimwrite, list(volume), volume),
        (v2.mimwrite, volume, volume),
        (v2.volwrite, volume, volume),
        (v2.mvolwrite, [volume], volume),
        (v2.mimwrite, list(volume[:, :, :3]), volume[:, :, :3]),
    ):
        write(path, image, spacing=(2, 1, 1))
        np.testing.assert_array_equal(v2.volread(path), expected)


def test_a_writer_takes_image_after_image(tmp_path, volume):
    with v2.get_writer(tmp_path / "x.dcbs", modality="CT") as writer:
        for image in volume:
            writer.append_data(image)
    np.testing.assert_array_equal(v2.volread(tmp_path / "x.dcbs"), volume)


def test_an_error_between_two_images_leaves_no_half_series(tmp_path, volume):
    def write(*parts):
        with v2.get_writer(tmp_path / "x.dcbs") as writer:
            for part in parts:
                if isinstance(part, Exception):
                    raise part
                writer.append_data(part)

    with pytest.raises(KeyError):
        write(volume[0], KeyError())
    with pytest.raises(DataConsistencyError):
        write(volume[0], volume[0, :3])
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_frame_is_named(series, tmp_path):
    path, offset = damaged(series, tmp_path, 3)
    with pytest.raises(ChecksumError, match=f"frame 3 at byte {offset}"):
        v2.volread(path)
    with pytest.raises(ChecksumError, match=f"frame 3 at byte {offset}"):
        v2.mimread(path)
