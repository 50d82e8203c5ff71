"""Real series come back whole: converted, proven, exported, and served."""

from pathlib import Path

import numpy as np
import pytest
from support.compare import read, same_elements, stored
from support.whole import read_files

import dicube_core
from dicube_core.export import export_file
from dicube_core.streaming import DcbStreamingReader

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
SERIES = {"ct_heart_10": 10, "ct_body_60": 60}


@pytest.mark.parametrize("name", SERIES)
def test_real_series(name, tmp_path):
    source = DATA / name
    if not source.is_dir():
        pytest.skip(f"the series {name} is not in {DATA}")
    path = tmp_path / "x.dcbs"
    dicube_core.convert(source, path)
    report = dicube_core.verify_against(path, source)
    assert report.ok, report.failures
    assert report.byte_identical == report.slices_compared == SERIES[name]
    assert report.values_compared == SERIES[name] * 512 * 512
    files = read_files(source)
    with dicube_core.open(path) as reader:
        export_file(reader, tmp_path / "out")
        names = [header.name for header in reader.headers]
    assert read_files(tmp_path / "out") == files
    with DcbStreamingReader(path) as stream:
        for index in range(0, SERIES[name], 9):
            source_file = files[names[index]]
            assert stream.get_dicom_for_frame(index, True) == source_file
            compressed = stream.get_dicom_for_frame(index)
            same_elements(source_file, compressed)
            np.testing.assert_array_equal(stored(compressed), stored(source_file))
            assert read(compressed).file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.4.201"
    image = dicube_core.load(path)
    dicube_core.save(image, tmp_path / "again.dcbs", verify=False)
    assert (tmp_path / "again.dcbs").read_bytes() == path.read_bytes()
