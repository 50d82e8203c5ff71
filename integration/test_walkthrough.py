"""The way a viewer developer takes first: convert, stream, write, read back, window, plot."""

from __future__ import annotations

import numpy as np
import pydicom
import pytest

import dicube_core as dicube
from dicube_core.dicom import DcbStreamingReader
from dicube_core.phantom import write_phantom_series


def test_convert_stream_read_window_plot(tmp_path):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    folder, file = tmp_path / "dicom", tmp_path / "series.dcbs"
    write_phantom_series(folder, 9, size=128)
    image = dicube.load_from_dicom_folder(str(folder))
    dicube.save(image, str(file))

    with DcbStreamingReader(str(file)) as reader:
        (tmp_path / "slice0.dcm").write_bytes(reader.get_dicom_for_frame(0))
        plain = reader.get_dicom_for_frame(0, force_uncompressed=True)
        middle = reader.get_frame_count() // 2
        slices = [reader.get_dicom_for_frame(i) for i in (0, middle, len(reader) - 1)]

    dataset = pydicom.dcmread(tmp_path / "slice0.dcm")
    assert dataset.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.201"
    assert np.array_equal(dataset.pixel_array, image.raw_image[0])
    (tmp_path / "plain.dcm").write_bytes(plain)
    fallback = pydicom.dcmread(tmp_path / "plain.dcm")
    assert fallback.file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    assert np.array_equal(fallback.pixel_array, image.raw_image[0])

    figure, axes = plt.subplots(1, 3)
    for axis, data in zip(axes, slices, strict=True):
        one = pydicom.dcmread(pydicom.filebase.DicomBytesIO(data))
        hu = one.pixel_array * float(one.RescaleSlope) + float(one.RescaleIntercept)
        center, width = 40.0, 400.0
        axis.imshow(np.clip((hu - center) / width + 0.5, 0, 1), cmap="gray")
    figure.savefig(tmp_path / "three.png")
    plt.close(figure)
    picture = plt.imread(tmp_path / "three.png")
    assert picture[..., :3].std() > 0.1
