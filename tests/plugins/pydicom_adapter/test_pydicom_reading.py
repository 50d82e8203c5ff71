"""``dcmread`` of a whole series, by those who took the name before the adapter was installed."""

import gzip
import io
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from conftest_series import write_series
from pydicom import dcmread
from pydicom.filereader import read_partial
from pydicom.tag import Tag
from support.compare import flatten, read, values_only
from support.raw import Node
from support.series import make_series, put

import dicube_core
from dicube_core.exceptions import DataConsistencyError, InvalidCubeFileError, MetaDataError
from dicube_plugins.pydicom import SeriesDataset, original_datasets
from dicube_plugins.pydicom import dcmread as own_dcmread

BUNDLED = Path(pydicom.__file__).parent / "data" / "test_files"
ENHANCED_CT = "1.2.840.10008.5.1.4.1.1.2.2"


def as_text(path):
    return str(path)


def as_bytes_io(path):
    return io.BytesIO(path.read_bytes())


def as_spooled(path):
    file = tempfile.SpooledTemporaryFile()  # noqa: SIM115 - has no name
    file.write(path.read_bytes())
    file.seek(0)
    return file


@pytest.mark.usefixtures("installed")
class TestSources:
    @pytest.mark.parametrize("source", [as_text, Path, as_bytes_io, as_spooled])
    def test_the_whole_series(self, series, source):
        given = source(series.path)
        dataset = dcmread(given)
        getattr(given, "close", list)()
        assert isinstance(dataset, SeriesDataset)
        assert dataset.SOPClassUID == ENHANCED_CT
        assert dataset.NumberOfFrames == len(series.files)
        np.testing.assert_array_equal(dataset.pixel_array, series.volume)

    def test_a_file_that_is_closed_before_the_pixels_are_read(self, series):
        with series.path.open("rb") as file:
            dataset = dcmread(file)
        assert dataset.filename == str(series.path)
        np.testing.assert_array_equal(dataset.pixel_array, series.volume)

    def test_a_file_that_was_deleted_since(self, series, tmp_path):
        copied = Path(shutil.copy(series.path, tmp_path))
        with copied.open("rb") as file:
            copied.unlink()
            dataset = dcmread(file)
        np.testing.assert_array_equal(dataset.pixel_array, series.volume)

    def test_another_file_of_the_same_name(self, series, tmp_path):
        """What is read is the file that was given, not the one that has its name now."""
        copied = Path(shutil.copy(series.path, tmp_path))
        with copied.open("rb") as file:
            copied.unlink()
            copied.write_bytes((BUNDLED / "CT_small.dcm").read_bytes())
            dataset = dcmread(file)
        np.testing.assert_array_equal(dataset.pixel_array, series.volume)

    def test_a_file_that_is_unpacked_while_it_is_read(self, series, tmp_path):
        packed = tmp_path / "series.dcbs.gz"
        packed.write_bytes(gzip.compress(series.path.read_bytes()))
        with gzip.open(packed) as file:
            dataset = dcmread(file)
        np.testing.assert_array_equal(dataset.pixel_array, series.volume)

    def test_the_folder_is_changed_before_the_pixels_are_read(self, series, tmp_path, monkeypatch):
        monkeypatch.chdir(series.path.parent)
        dataset = dcmread(series.path.name)
        monkeypatch.chdir(tmp_path)
        np.testing.assert_array_equal(dataset.pixel_array, series.volume)

    def test_attributes_of_a_read_file(self, series):
        dataset = dcmread(series.path)
        assert dataset.filename == str(series.path)
        assert dataset.timestamp == series.path.stat().st_mtime
        assert dataset.buffer is None
        assert dataset.original_encoding == (False, True)
        assert dataset.preamble == bytes(128)


@pytest.mark.usefixtures("installed")
class TestElements:
    def test_every_element_of_every_slice_is_recoverable(self, series):
        sources = {read(data).SOPInstanceUID: read(data) for data in series.files.values()}
        found = list(original_datasets(dcmread(series.path)))
        assert len(found) == len(sources)
        for slice_ in found:
            source = sources[slice_.SOPInstanceUID]
            assert values_only(flatten(slice_)) == values_only(flatten(source))

    def test_frames_are_in_the_order_of_the_originals(self, series):
        sources = {read(data).SOPInstanceUID: read(data) for data in series.files.values()}
        dataset = dcmread(series.path)
        for slice_, frame in zip(original_datasets(dataset), dataset.pixel_array, strict=True):
            np.testing.assert_array_equal(sources[slice_.SOPInstanceUID].pixel_array, frame)

    def test_characters_beyond_ascii(self, tmp_path):
        name = "Müller^Jörg".encode("latin-1")
        edit = put(Node(0x00100010, "PN", name + b" " * (len(name) % 2)))
        path = write_series(tmp_path, make_series(3, edit=edit))
        assert dcmread(path).PatientName == "Müller^Jörg"


@pytest.mark.usefixtures("installed")
class TestOtherSeries:
    def test_slices_that_form_no_grid(self, tmp_path):
        def gap(index, nodes):
            place = 2.5 * index + (30 if index > 2 else 0)
            nodes[0x00200032] = Node(0x00200032, "DS", f"0\\0\\{place:.1f} ".encode())

        files = make_series(5, edit=gap)
        path = write_series(tmp_path, files)
        with dicube_core.open(path) as reader:
            assert reader.geometry is None
        dataset = dcmread(path)
        sources = {read(data).SOPInstanceUID: read(data) for data in files.values()}
        for slice_, frame in zip(original_datasets(dataset), dataset.pixel_array, strict=True):
            source = sources[slice_.SOPInstanceUID]
            np.testing.assert_array_equal(source.pixel_array, frame)
            assert slice_.ImagePositionPatient == source.ImagePositionPatient

    def test_a_series_that_was_no_dicom(self, series, tmp_path):
        image = dicube_core.load(series.path)
        nameless = dicube_core.DicomCubeImage(
            image.raw_image, image.pixel_header, dicom_meta=None, space=image.space
        )
        dicube_core.save(nameless, tmp_path / "x.dcbs")
        with pytest.raises(MetaDataError, match="no DICOM metadata"):
            dcmread(tmp_path / "x.dcbs")


@pytest.mark.usefixtures("installed")
class TestOptions:
    def test_stop_before_pixels(self, series):
        dataset = dcmread(series.path, stop_before_pixels=True)
        assert "PixelData" not in dataset
        whole = dcmread(series.path)
        del whole.PixelData
        assert dataset == whole

    def test_specific_tags(self, series):
        dataset = dcmread(series.path, specific_tags=["PatientID", (0x0028, 0x0010)])
        keywords = [element.keyword for element in dataset]
        assert keywords == ["SpecificCharacterSet", "PatientID", "Rows"]

    def test_specific_tags_with_pixels(self, series):
        dataset = dcmread(series.path, specific_tags=["PixelData", "NumberOfFrames"])
        assert dataset.PixelData.read() == dcmread(series.path).PixelData.read()

    @pytest.mark.parametrize("size", [1, 64, "2 KB"])
    def test_nothing_is_deferred_to_wrong_bytes(self, series, size):
        deferred, whole = dcmread(series.path, defer_size=size), dcmread(series.path)
        assert flatten(deferred) == flatten(whole)
        np.testing.assert_array_equal(deferred.pixel_array, series.volume)

    def test_force(self, series):
        assert dcmread(series.path, force=True) == dcmread(series.path)

    def test_stop_in_front_of_an_element(self, series):
        with series.path.open("rb") as file:
            dataset = pydicom.filereader.read_partial(file, lambda tag, *_: tag >= 0x00280000)
        assert "PatientID" in dataset
        assert "Rows" not in dataset
        assert "PixelData" not in dataset

    def test_what_a_condition_is_told_of_pixel_data(self, series):
        seen = {}

        def stop(tag, vr, length):
            seen[tag] = (vr, length)
            return False

        with series.path.open("rb") as file:
            dataset = pydicom.filereader.read_partial(file, stop)
        assert seen[Tag(0x7FE00010)] == ("OB", 0xFFFFFFFF)
        assert "PixelData" in dataset


class TestOtherFiles:
    @pytest.mark.filterwarnings("ignore::UserWarning")
    @pytest.mark.parametrize("name", sorted(p.name for p in BUNDLED.glob("*") if p.is_file()))
    def test_bundled_files_are_read_as_before(self, name, request):
        before = outcome(BUNDLED / name)
        request.getfixturevalue("installed")
        assert outcome(BUNDLED / name) == before

    @pytest.mark.usefixtures("installed")
    def test_errors_stay_those_of_pydicom(self, tmp_path):
        (tmp_path / "x").write_bytes(b"no DICOM file at all" * 20)
        with pytest.raises(pydicom.errors.InvalidDicomError):
            dcmread(tmp_path / "x")
        with pytest.raises(FileNotFoundError):
            dcmread(tmp_path / "missing.dcbs")
        with pytest.raises(TypeError):
            dcmread(None)

    @pytest.mark.usefixtures("installed")
    def test_a_file_that_says_it_cannot_seek(self):
        class Stream(io.BytesIO):
            def seekable(self):
                return False

        path = BUNDLED / "CT_small.dcm"
        assert dcmread(Stream(path.read_bytes())) == dcmread(path)


def outcome(path):
    """Return what becomes of a file: its elements, or the error."""
    try:
        dataset = read_partial_now(path)
    except Exception as exc:  # noqa: BLE001 - whatever pydicom raises
        return type(exc), str(exc)
    return flatten(dataset, ()), dataset.filename


def read_partial_now(path):
    with path.open("rb") as file:
        return pydicom.filereader.read_partial(file)


class TestStandAlone:
    def test_reads_without_the_adapter(self, series):
        with pytest.raises(pydicom.errors.InvalidDicomError):
            dcmread(series.path)
        dataset = own_dcmread(series.path)
        np.testing.assert_array_equal(dataset.pixel_array, series.volume)

    def test_leaves_other_files_to_pydicom(self):
        path = BUNDLED / "CT_small.dcm"
        assert own_dcmread(path) == dcmread(path)
        assert "PixelData" not in own_dcmread(path, stop_before_pixels=True)

    def test_pixels_as_bytes(self, series):
        dataset = own_dcmread(series.path, pixel_data="bytes")
        assert type(dataset.PixelData) is bytes
        assert dataset == own_dcmread(series.path)

    def test_another_word_for_it(self, series):
        with pytest.raises(DataConsistencyError, match="lazy"):
            own_dcmread(series.path, pixel_data="eager")

    def test_uncompressed(self, series):
        dataset = own_dcmread(series.path, transfer_syntax="explicit")
        assert dataset.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
        np.testing.assert_array_equal(dataset.pixel_array, series.volume)

    def test_uncompressed_where_pydicom_cannot_decode(self, series, monkeypatch):
        decoder = pydicom.pixels.get_decoder(pydicom.uid.HTJ2KLossless)
        monkeypatch.setattr(decoder, "_available", {})
        dataset = own_dcmread(series.path)
        assert dataset.file_meta.TransferSyntaxUID == pydicom.uid.ExplicitVRLittleEndian
        np.testing.assert_array_equal(dataset.pixel_array, series.volume)

    @pytest.mark.parametrize("option", [{"frame": 0}, {"transfer_syntax": "explicit"}])
    def test_options_that_other_files_do_not_have(self, option):
        with pytest.raises(InvalidCubeFileError, match="CT_small"):
            own_dcmread(BUNDLED / "CT_small.dcm", **option)
        with pytest.raises(FileNotFoundError):
            own_dcmread(BUNDLED / "missing.dcbs", **option)


def test_an_early_name_of_the_seam_reads_no_series(series):
    """`read_partial` itself, taken by name, is the one thing that stays pydicom's."""
    with series.path.open("rb") as file, pytest.raises(pydicom.errors.InvalidDicomError):
        read_partial(file)
