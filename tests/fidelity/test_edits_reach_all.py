"""Edits of metadata reach the merged view, the headers, and every slice that comes out."""

import contextlib

import numpy as np
import pytest
import zstandard
from support.compare import flatten, read
from support.encodings import compressed_series
from support.metadata_cases import CASES
from support.raw import EXPLICIT_LE, IMPLICIT_LE, Node, text
from support.series import make_series
from support.whole import read_files, write_files

import dicube_core
from dicube_core.exceptions import DicomCubeError, MetaDataError
from dicube_core.export import export_file
from dicube_core.spatial.order import SortMethod
from dicube_core.streaming import DcbStreamingReader

SOURCES = {
    "explicit": lambda edit=None: make_series(4, edit=edit, syntax=EXPLICIT_LE),
    "implicit": lambda edit=None: make_series(4, edit=edit, syntax=IMPLICIT_LE),
    "compressed": lambda edit=None: compressed_series("rle", 4, edit=edit),
}
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


@pytest.fixture(params=SOURCES)
def source(request, tmp_path):
    def write(edit=None):
        return write_files(tmp_path / "source", SOURCES[request.param](edit))

    return write


def saved_forms(image, folder):
    """Save an image; return its slices by every way out, and as pydicom reads them."""
    dicube_core.save(image, folder / "edited.dcbs")
    report = dicube_core.verify_file(folder / "edited.dcbs")
    assert report.ok, report.failures
    forms = {}
    with dicube_core.open(folder / "edited.dcbs") as reader:
        paths = export_file(reader, folder / "exported")
        forms["exported"] = [path.read_bytes() for path in paths]
    with DcbStreamingReader(folder / "edited.dcbs") as stream:
        for plain in (False, True):
            forms[f"plain {plain}"] = [stream.get_dicom_for_frame(i, plain) for i in range(4)]
    again = dicube_core.load(folder / "edited.dcbs")
    paths = dicube_core.save_to_dicom_folder(again, folder / "exported_again")
    forms["saved again"] = [path.read_bytes() for path in paths]
    paths = dicube_core.save_to_dicom_folder(image, folder / "exported_image")
    forms["from memory"] = [path.read_bytes() for path in paths]
    return {name: [read(data) for data in files] for name, files in forms.items()}, again


def everything_in(path):
    """Return the bytes of a file, and what is compressed in it."""
    data = path.read_bytes()
    parts = [data]
    position = data.find(ZSTD_MAGIC)
    while position >= 0:
        with contextlib.suppress(zstandard.ZstdError):  # four bytes of a frame may look like it
            parts.append(zstandard.ZstdDecompressor().decompressobj().decompress(data[position:]))
        position = data.find(ZSTD_MAGIC, position + 1)
    assert len(parts) >= 3  # merged metadata and headers
    return b"\n".join(parts)


def test_values_set_for_all_slices(source, tmp_path):
    image = dicube_core.load_from_dicom_folder(source())
    image.dicom_meta.set_shared_item("PatientName", "Müller^Änne")
    image.dicom_meta.set_shared_item("StudyDescription", "new here")
    image.dicom_meta.set_shared_item("WindowCenter", [40.5, "50.50"])
    forms, again = saved_forms(image, tmp_path)
    for datasets in forms.values():
        for dataset in datasets:
            assert dataset.PatientName == "Müller^Änne"
            assert dataset.StudyDescription == "new here"
            assert [float(value) for value in dataset.WindowCenter] == [40.5, 50.5]
    assert again.dicom_meta.get_shared_value("StudyDescription") == "new here"
    assert again.dicom_meta == image.dicom_meta


def test_values_set_for_each_slice(source, tmp_path):
    image = dicube_core.load_from_dicom_folder(source())
    image.dicom_meta.set_nonshared_item("InstanceNumber", [11, 12, 13, 14])
    image.dicom_meta.set_nonshared_item("AcquisitionNumber", [1, None, 3, 4])
    forms, again = saved_forms(image, tmp_path)
    for datasets in forms.values():
        assert [dataset.InstanceNumber for dataset in datasets] == [11, 12, 13, 14]
        assert ["AcquisitionNumber" in dataset for dataset in datasets] == [True, False, True, True]
    assert again.dicom_meta.get_values("InstanceNumber") == [11, 12, 13, 14]
    assert again.dicom_meta.is_absent("AcquisitionNumber", 1)


def test_other_elements_keep_their_bytes(source, tmp_path):
    files = read_files(source(CASES["private_binary_sizes"]))
    image = dicube_core.load_from_dicom_folder(tmp_path / "source")
    image.dicom_meta.set_shared_item("PatientID", "OTHER")
    del image.dicom_meta["PatientName"]
    saved_forms(image, tmp_path)
    for name, data in read_files(tmp_path / "exported").items():
        before, after = flatten(read(files[name])), flatten(read(data))
        assert before.pop("(0010,0010)")
        assert before.pop("(0010,0020)") != after.pop("(0010,0020)")
        assert after == before


def test_a_removed_identifier_is_nowhere(source, tmp_path):
    def edit(index, nodes):
        nodes[0x00290010] = text(0x00290010, "LO", "VENDORSECRET")
        nodes[0x00291001] = Node(0x00291001, "OB", b"SECRET%02d" % index)
        nodes[0x7FE10010] = text(0x7FE10010, "LO", "AFTERSECRET")

    image = dicube_core.load_from_dicom_folder(source(edit))
    dicube_core.save(image, tmp_path / "before.dcbs")
    secrets = [b"PAT-0042", b"Doe^Jane", b"VENDORSECRET", b"SECRET0", b"AFTERSECRET"]
    secrets.append(b"9999.1.3")
    secrets += [b"UEFULTAwNDI", b"U0VDUkVU"]  # in base64, as the JSON model keeps binary
    before = everything_in(tmp_path / "before.dcbs")
    assert [s for s in secrets[:6] if s not in before] == []
    meta = image.dicom_meta
    for tag in ("PatientID", 0x00290010, 0x00291001, 0x7FE10010):
        del meta[tag]
    meta.set_shared_item("PatientName", "ANON")
    meta.set_nonshared_item("SOPInstanceUID", [f"2.25.{i + 1}" for i in range(4)])
    forms, _ = saved_forms(image, tmp_path)
    after = everything_in(tmp_path / "edited.dcbs")
    assert [s for s in secrets if s in after] == []
    for datasets in forms.values():
        for index, dataset in enumerate(datasets):
            assert "PatientID" not in dataset
            assert dataset.PatientName == "ANON"
            assert dataset.SOPInstanceUID == f"2.25.{index + 1}"
            assert dataset.file_meta.MediaStorageSOPInstanceUID == f"2.25.{index + 1}"


def test_sequences_can_be_set_and_removed(source, tmp_path):
    image = dicube_core.load_from_dicom_folder(source(CASES["sequence_nested_varying"]))
    item = {"00080100": {"vr": "SH", "Value": ["T-D1100"]}}
    image.dicom_meta.set_shared_item("ProcedureCodeSequence", [item, item])
    del image.dicom_meta["SourceImageSequence"]
    forms, _ = saved_forms(image, tmp_path)
    for datasets in forms.values():
        for dataset in datasets:
            assert [i.CodeValue for i in dataset.ProcedureCodeSequence] == ["T-D1100"] * 2
            assert "SourceImageSequence" not in dataset


def test_private_elements_need_a_vr(source, tmp_path):
    image = dicube_core.load_from_dicom_folder(source())
    with pytest.raises(MetaDataError, match="vr="):
        image.dicom_meta.set_shared_item(0x00311001, 5)
    image.dicom_meta.set_shared_item(0x00310010, "MINE", vr="LO")
    image.dicom_meta.set_nonshared_item(0x00311001, [1, 2, 3, 4], vr="US")
    forms, _ = saved_forms(image, tmp_path)
    for form in ("exported", "plain True"):
        for index, dataset in enumerate(forms[form]):
            value = dataset.private_block(0x0031, "MINE")[1].value
            assert value in (index + 1, bytes((index + 1, 0)))  # implicit data sets name no VR


def test_text_that_the_character_set_lacks_is_refused(tmp_path):
    source = write_files(tmp_path / "source", make_series(2))
    image = dicube_core.load_from_dicom_folder(source)
    image.dicom_meta.set_shared_item("PatientName", "山田^太郎")
    (tmp_path / "x.dcbs").write_bytes(b"older")
    with pytest.raises(MetaDataError, match="slice 0"):
        dicube_core.save(image, tmp_path / "x.dcbs")
    assert (tmp_path / "x.dcbs").read_bytes() == b"older"
    image.dicom_meta.set_shared_item("SpecificCharacterSet", "ISO_IR 192")
    dicube_core.save(image, tmp_path / "x.dcbs")
    meta = dicube_core.load_meta(tmp_path / "x.dcbs")
    assert meta.get_shared_value("PatientName")["Alphabetic"] == "山田^太郎"


@pytest.mark.parametrize(
    ("tag", "value"),
    [("BitsStored", 11), ("Rows", 7), ("PixelRepresentation", 1), ("RescaleSlope", 2.0)],
)
def test_edits_that_contradict_the_pixels_are_refused(tag, value, tmp_path):
    source = write_files(tmp_path / "source", make_series(2))
    image = dicube_core.load_from_dicom_folder(source)
    image.dicom_meta.set_shared_item(tag, value)
    with pytest.raises(DicomCubeError):
        dicube_core.save(image, tmp_path / "x.dcbs")
    with pytest.raises(DicomCubeError):
        dicube_core.save_to_dicom_folder(image, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]


def test_edits_of_edits(tmp_path):
    source = write_files(tmp_path / "source", make_series(3))
    image = dicube_core.load_from_dicom_folder(source)
    image.dicom_meta.set_shared_item("PatientID", "A")
    dicube_core.save(image, tmp_path / "x.dcbs")
    image.dicom_meta.set_shared_item("StudyID", "B")
    dicube_core.save(image, tmp_path / "x.dcbs")
    second = dicube_core.load(tmp_path / "x.dcbs")
    second.dicom_meta.set_shared_item("PatientID", "C")
    del second.dicom_meta["StudyID"]
    dicube_core.save(second, tmp_path / "x.dcbs")
    assert dicube_core.verify_file(tmp_path / "x.dcbs").ok
    meta = dicube_core.load_meta(tmp_path / "x.dcbs")
    assert meta.get_shared_value("PatientID") == "C"
    assert meta.is_missing("StudyID")


def test_forgotten_edits_do_not_split_the_two_forms(tmp_path):
    source = write_files(tmp_path / "source", make_series(3))
    image = dicube_core.load_from_dicom_folder(source)
    image.dicom_meta.set_shared_item("PatientID", "ANON")
    image.dicom_meta.mark_clean()
    dicube_core.save(image, tmp_path / "x.dcbs")
    report = dicube_core.verify_file(tmp_path / "x.dcbs")
    assert report.ok, report.failures
    assert b"PAT-0042" not in everything_in(tmp_path / "x.dcbs")


@pytest.mark.parametrize("with_headers", [True, False])
def test_metadata_sorted_apart_from_its_frames_is_refused(with_headers, tmp_path):
    source = write_files(tmp_path / "source", make_series(3))
    image = dicube_core.load_from_dicom_folder(source)
    if not with_headers:
        image = dicube_core.DicomCubeImage(image.raw_image, image.pixel_header, image.dicom_meta)
    image.dicom_meta.sort_files(SortMethod.INSTANCE_NUMBER_DESC)
    with pytest.raises(DicomCubeError, match="sort"):
        dicube_core.save(image, tmp_path / "x.dcbs")


def test_metadata_sorted_before_its_frames_is_kept_in_that_order(tmp_path):
    source = write_files(tmp_path / "source", make_series(3))
    loaded = dicube_core.load_from_dicom_folder(source)
    meta = dicube_core.DicomMeta.from_datasets(
        [read(path.read_bytes()) for path in sorted(source.iterdir())]
    )
    order = meta.sort_files(SortMethod.INSTANCE_NUMBER_DESC)
    assert order == [2, 1, 0]
    image = dicube_core.DicomCubeImage(loaded.raw_image[::-1], loaded.pixel_header, meta)
    dicube_core.save(image, tmp_path / "x.dcbs")
    with DcbStreamingReader(tmp_path / "x.dcbs") as stream:
        for index in range(3):
            dataset = read(stream.get_dicom_for_frame(index))
            assert dataset.InstanceNumber == 3 - index
            np.testing.assert_array_equal(dataset.pixel_array, loaded.raw_image[2 - index])
