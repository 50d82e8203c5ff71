"""Odd folders come back whole, or are refused in words; nothing is left out in silence."""

import pytest
from support.series import CT, make_series
from support.series_cases import REFUSED, WHOLE
from support.whole import assert_whole, read_files, write_files

import dicube_core
from dicube_core.exceptions import DicomCubeError, DicomCubeWarning, SeriesError


@pytest.mark.filterwarnings("ignore::UserWarning:pydicom")
@pytest.mark.filterwarnings("ignore::dicube_core.exceptions.DicomCubeWarning")
@pytest.mark.parametrize("name", WHOLE)
def test_odd_series_comes_back_whole(name, tmp_path):
    files, beside = WHOLE[name]
    write_files(tmp_path / "source", beside)
    assert_whole(files, tmp_path, skipped=len(beside))


@pytest.mark.parametrize("name", REFUSED)
def test_refused_by_name_and_nothing_written(name, tmp_path):
    files, words = REFUSED[name]
    source = write_files(tmp_path / "source", files)
    target = tmp_path / "out.dcbs"
    target.write_bytes(b"an older file")
    with pytest.raises(DicomCubeError, match=words) as caught:
        dicube_core.convert(source, target)
    assert "NoneType" not in str(caught.value)
    with pytest.raises(type(caught.value)):
        dicube_core.load_from_dicom_folder(source)
    assert target.read_bytes() == b"an older file"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.dcbs", "source"]


def test_one_of_two_series_is_taken_when_named(tmp_path):
    files, _ = REFUSED["two_series"]
    source = write_files(tmp_path / "source", files)
    with pytest.raises(SeriesError) as caught:
        dicube_core.convert(source, tmp_path / "x.dcbs")
    for uid in ("1.2.826.0.1.3680043.9.9999.1", "1.2.826.0.1.3680043.9.9999.2"):
        assert uid in str(caught.value)
    dicube_core.convert(source, tmp_path / "x.dcbs", series_uid="1.2.826.0.1.3680043.9.9999.2")
    report = dicube_core.verify_against(
        tmp_path / "x.dcbs", source, series_uid="1.2.826.0.1.3680043.9.9999.2"
    )
    assert report.ok, report.failures
    assert report.slices_compared == 2


def test_files_left_out_are_named(tmp_path):
    files, beside = WHOLE["files_beside"]
    source = write_files(tmp_path / "source", files | beside)
    done = dicube_core.convert(source, tmp_path / "x.dcbs")
    assert {name for name, _ in done.skipped} == set(beside)
    assert "DICOMDIR" in dict(done.skipped)["DICOMDIR"]
    with pytest.warns(DicomCubeWarning, match="DICOMDIR") as caught:
        dicube_core.load_from_dicom_folder(source)
    assert len(caught) == 1


def test_an_empty_folder_is_refused(tmp_path):
    (tmp_path / "source").mkdir()
    with pytest.raises(SeriesError, match="no DICOM file"):
        dicube_core.convert(tmp_path / "source", tmp_path / "x.dcbs")
    with pytest.raises(FileNotFoundError):
        dicube_core.convert(tmp_path / "absent", tmp_path / "x.dcbs")


def test_every_kind_of_input_gives_the_same_file(tmp_path):
    import io

    import pydicom

    files = dict(sorted(make_series(3, CT).items()))
    source = write_files(tmp_path / "source", files)
    dicube_core.convert(source, tmp_path / "folder.dcbs")
    expected = (tmp_path / "folder.dcbs").read_bytes()
    paths = [source / name for name in files]
    handles = [io.BytesIO(data) for data in files.values()]
    for handle, name in zip(handles, files, strict=True):
        handle.name = name
    inputs = {
        "paths": paths,
        "strings": [str(path) for path in paths],
        "generator": (path for path in paths),
        "files": handles,
        "datasets": [pydicom.dcmread(path) for path in paths],
    }
    for name, given in inputs.items():
        dicube_core.convert(given, tmp_path / f"{name}.dcbs")
        assert (tmp_path / f"{name}.dcbs").read_bytes() == expected, name
    dicube_core.convert(list(files.values()), tmp_path / "bytes.dcbs")
    report = dicube_core.verify_against(tmp_path / "bytes.dcbs", source)
    assert report.ok, report.failures
    assert report.byte_identical == 3


def test_the_source_is_left_alone(tmp_path):
    files = make_series(3)
    source = write_files(tmp_path / "source", files)
    dicube_core.convert(source, tmp_path / "x.dcbs")
    dicube_core.load_from_dicom_folder(source)
    assert read_files(source) == files
