"""Instances of several frames: each frame a frame of the file, the instances back whole."""

import io

import numpy as np
import pytest
from pydicom import Dataset, dcmread
from pydicom.pixels.utils import pixel_array
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    RLELossless,
)
from support.multiframe import (
    ENHANCED_CT,
    ENHANCED_MR,
    classic,
    compressed,
    enhanced,
    frames_of,
    one_bit,
    part10,
)
from support.whole import read_files, write_files

import dicube_core
from dicube_core.exceptions import (
    DicomCubeError,
    FrameIndexError,
    InvalidCubeFileError,
    MetaDataError,
    UnsupportedKindError,
    UnsupportedVersionError,
)
from dicube_core.export import export_file
from dicube_core.frame_map import FrameMap
from dicube_core.streaming import DcbStreamingReader

HTJ2K = "1.2.840.10008.1.2.4.201"


def convert(files, folder, exact=True):
    """Convert files; fail unless the file gives them back by every way there is."""
    source = write_files(folder / "source", files)
    target = folder / "x.dcbs"
    dicube_core.convert(source, target)
    report = dicube_core.verify_against(target, source)
    assert report.ok, report.failures
    assert report.slices_compared == len(files)
    assert report.byte_identical == (len(files) if exact else 0)
    with dicube_core.Reader(target) as reader:
        export_file(reader, folder / "out")
    restored = read_files(folder / "out")
    assert restored.keys() == files.keys()
    if exact:
        assert restored == files
    image = dicube_core.load_from_dicom_folder(source)
    dicube_core.save(image, folder / "from_image.dcbs")
    assert (folder / "from_image.dcbs").read_bytes() == target.read_bytes()
    loaded = dicube_core.load(target)
    dicube_core.save(loaded, folder / "again.dcbs")
    assert (folder / "again.dcbs").read_bytes() == target.read_bytes()
    dicube_core.save_to_dicom_folder(loaded, folder / "out2")
    assert read_files(folder / "out2") == restored
    return target


def single(target, frame, syntax=None):
    with DcbStreamingReader(target) as reader:
        data = reader.get_dicom_for_frame(frame, transfer_syntax=syntax)
        assert data == reader.get_dicom_for_frame(frame, transfer_syntax=syntax)
    return dcmread(io.BytesIO(data))


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_enhanced_frames_become_images_of_their_own(syntax, tmp_path):
    frames = frames_of(5)
    target = convert({"e.dcm": part10(enhanced(frames), syntax)}, tmp_path)
    with dicube_core.Reader(target) as reader:
        assert reader.shape == (5, 7, 6)
        assert np.array_equal(reader.frames(), frames)
        geometry = reader.geometry
        assert geometry.spacing == (2.5, 0.75, 0.5)
        assert geometry.origin == (-12.5, 20.25, 0.0)
        assert reader.dicom_meta.slice_count == 5
        assert reader.dicom_meta.get_values("EffectiveEchoTime") == [12.5, 13.5, 14.5, 15.5, 16.5]
        assert reader.pixel_header.RescaleSlope == [1.0, 2.0, 3.0, 1.0, 2.0]
    for form in (HTJ2K, ExplicitVRLittleEndian, ImplicitVRLittleEndian):
        for number in range(5):
            found = single(target, number, form)
            assert found.file_meta.TransferSyntaxUID == form
            assert np.array_equal(pixel_array(found), frames[number])
            assert found.SOPClassUID == found.file_meta.MediaStorageSOPClassUID
            assert found.SOPClassUID.name == "MR Image Storage"
            assert found.InstanceNumber == number + 1
            assert found.ImagePositionPatient == [-12.5, 20.25, 2.5 * number]
            assert found.ImageOrientationPatient == [1, 0, 0, 0, 1, 0]
            assert found.PixelSpacing == [0.75, 0.5]
            assert found.SliceThickness == 2.5
            assert (found.RescaleSlope, found.RescaleIntercept) == (1 + number % 3, -5)
            assert found.WindowWidth == 100 + number
            assert found.EchoTime == 12.5 + number
            assert found.DiffusionBValue == 500 * number
            assert found.AcquisitionDateTime == f"20240131101{number}15.25"
            assert found.AcquisitionDate == "20240131"
            assert found.AcquisitionTime == f"101{number}15.25"
            assert found.AcquisitionNumber == 3
            assert found.InStackPositionNumber == number + 1
            assert found.ImageType == ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
            for gone in ("NumberOfFrames", "DimensionIndexSequence"):
                assert gone not in found
            assert "PerFrameFunctionalGroupsSequence" not in found
            (reference,) = found.ReferencedImageSequence
            assert reference.ReferencedSOPInstanceUID.endswith(".6")
            (source,) = found.SourceImageSequence
            assert source.ReferencedSOPClassUID == ENHANCED_MR
            assert source.ReferencedFrameNumber == number + 1
    uids = {single(target, number).SOPInstanceUID for number in range(5)}
    assert len(uids) == 5
    assert all(uid.startswith("2.25.") and len(uid) <= 64 for uid in uids)


def test_frames_are_put_in_the_order_of_space(tmp_path):
    frames = frames_of(4)
    target = convert({"e.dcm": part10(enhanced(frames, ENHANCED_CT, backwards=True))}, tmp_path)
    with dicube_core.Reader(target) as reader:
        assert reader.frame_map.numbers == (3, 2, 1, 0)
        assert np.array_equal(reader.frames(), frames[::-1])
        assert reader.geometry is not None
        assert [header.name for header in reader.headers] == reader.dicom_meta.filenames
    found = single(target, 0)
    assert found.SOPClassUID.name == "CT Image Storage"
    assert found.ImageType == ["ORIGINAL", "PRIMARY", "AXIAL", "NONE"]
    assert found.SourceImageSequence[0].ReferencedFrameNumber == 4


def test_series_of_several_instances_and_of_single_frames(tmp_path):
    frames = frames_of(7)
    files = {
        "b.dcm": part10(enhanced(frames[3:6], instance=2, first=3)),
        "a.dcm": part10(enhanced(frames[:3], instance=1)),
    }
    # One more frame, whose instance has functional groups for itself alone.
    files["c/one.dcm"] = part10(enhanced(frames[6:], instance=3, first=6))
    target = convert(files, tmp_path)
    with dicube_core.Reader(target) as reader:
        assert reader.frame_map.instances == (0, 0, 0, 1, 1, 1, 2)
        assert np.array_equal(reader.frames(), frames)
        assert reader.geometry.shape == (7, 7, 6)
        assert len(reader.instance_headers) == 3
    assert [int(single(target, n).InstanceNumber) for n in range(7)] == list(range(1, 8))
    with DcbStreamingReader(target) as reader:
        assert reader.get_instance(1) == files["b.dcm"]
        whole = dcmread(io.BytesIO(reader.get_instance(0, HTJ2K)))
        assert whole.file_meta.TransferSyntaxUID == HTJ2K
        assert np.array_equal(whole.pixel_array, frames[:3])
        assert np.array_equal(pixel_array(whole, index=2), frames[2])
        for index in (3, -1):
            with pytest.raises(FrameIndexError):
                reader.get_instance(index)


def test_mixed_with_a_plain_slice(tmp_path):
    frames = frames_of(4)
    plain = classic(frames[3:], "1.2.840.10008.5.1.4.1.1.6.1", 9)
    for keyword in ("NumberOfFrames", "FrameIncrementPointer", "FrameTimeVector"):
        del plain[keyword]
    files = {"cine.dcm": part10(classic(frames[:3])), "still.dcm": part10(plain)}
    target = convert(files, tmp_path)
    with DcbStreamingReader(target) as reader:
        assert reader.get_dicom_for_frame(3, force_uncompressed=True) == files["still.dcm"]
        assert reader.get_instance(1) == files["still.dcm"]


@pytest.mark.parametrize(
    "syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian]
)
def test_cine_in_every_encoding(syntax, tmp_path):
    frames = frames_of(3)
    files = {"cine.dcm": part10(classic(frames), syntax)}
    target = convert(files, tmp_path, exact=syntax == ImplicitVRLittleEndian)
    for number in range(3):
        found = single(target, number)
        assert np.array_equal(pixel_array(found), frames[number])
        assert found.SOPClassUID.name == "Ultrasound Image Storage"
        assert "NumberOfFrames" not in found
        assert "FrameIncrementPointer" not in found
        assert found.FrameTimeVector == (0 if number == 0 else 9.5 + number)


@pytest.mark.parametrize(
    ("syntax", "table", "fragments"),
    [
        (RLELossless, "basic", 1),
        (RLELossless, "none", 1),
        (RLELossless, "extended", 1),
        (JPEG2000Lossless, "basic", 3),
        (JPEG2000Lossless, "none", 1),
        (JPEG2000Lossless, "none", 3),
        (JPEG2000Lossless, "extended", 1),
    ],
)
def test_compressed_sources(syntax, table, fragments, tmp_path):
    if syntax == JPEG2000Lossless:
        pytest.importorskip("openjpeg")
    frames = frames_of(4, 32, 40)
    data = compressed(classic(frames), syntax, table=table, fragments=fragments)
    target = convert({"c.dcm": data}, tmp_path, exact=False)
    with dicube_core.Reader(target) as reader:
        assert np.array_equal(reader.frames(), frames)


def test_frames_that_cannot_be_told_apart_are_refused(tmp_path):
    data = compressed(classic(frames_of(4, 32, 40)), RLELossless, table="none", fragments=2)
    with pytest.raises(MetaDataError, match=r"8 fragments of RLE for 4 frames"):
        dicube_core.convert([data], tmp_path / "x.dcbs")
    whole = bytearray(compressed(classic(frames_of(4, 32, 40)), RLELossless))
    table = whole.index(b"\xfe\xff\x00\xe0\x10\0\0\0") + 8
    whole[table + 4 : table + 8] = b"\3\0\0\0"
    with pytest.raises(MetaDataError, match="points to where no frame begins"):
        dicube_core.convert([bytes(whole)], tmp_path / "x.dcbs")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("count", [1, 3, 8])
def test_single_bits_that_begin_inside_a_byte(count, tmp_path):
    dataset, frames = one_bit(count)
    target = convert({"bits.dcm": part10(dataset)}, tmp_path)
    with dicube_core.Reader(target) as reader:
        assert np.array_equal(reader.frames(), frames)


def test_colour_cine(tmp_path):
    frames = np.random.default_rng(5).integers(0, 256, (3, 9, 7, 3)).astype("u1")
    target = convert({"cine.dcm": part10(classic(frames))}, tmp_path)
    for number in range(3):
        assert np.array_equal(single(target, number).pixel_array, frames[number])


def test_number_of_frames_must_be_that_of_the_pixels(tmp_path):
    dataset = classic(frames_of(3))
    dataset.NumberOfFrames = 5
    with pytest.raises(DicomCubeError, match=r"5 frames of 7x6 at 16 bits need 420"):
        dicube_core.convert([part10(dataset)], tmp_path / "x.dcbs")
    dataset = enhanced(frames_of(3))
    del dataset.PerFrameFunctionalGroupsSequence[2]
    with pytest.raises(MetaDataError, match="2 items in Per-Frame Functional Groups for 3 frames"):
        dicube_core.convert([part10(dataset)], tmp_path / "x.dcbs")
    assert not any(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore:The pixel data is 260 bytes long")
def test_what_follows_the_frames_is_kept(tmp_path):
    dataset = classic(frames_of(3))
    dataset.PixelData += b"left over"[:8]
    data = part10(dataset)
    target = convert({"padded.dcm": data}, tmp_path)
    assert np.array_equal(single(target, 2).pixel_array, frames_of(3)[2])


def test_edits_go_into_the_instance(tmp_path):
    frames = frames_of(3)
    image = dicube_core.load_from_dicom_folder([part10(enhanced(frames))])
    image.dicom_meta.set_shared_item("PatientName", "New^Name")
    dicube_core.save(image, tmp_path / "x.dcbs")
    with DcbStreamingReader(tmp_path / "x.dcbs") as reader:
        whole = dcmread(io.BytesIO(reader.get_instance(0)))
    assert whole.PatientName == "New^Name"
    assert np.array_equal(whole.pixel_array, frames)
    assert single(tmp_path / "x.dcbs", 1).PatientName == "New^Name"


@pytest.mark.parametrize(
    ("keyword", "values", "words"),
    [
        ("EffectiveEchoTime", [1.0, 2.0, 3.0], "would differ between the frames"),
        ("SliceThickness", 9.0, "comes from the functional groups"),
        ("SOPInstanceUID", "1.2.3", "comes from the functional groups"),
    ],
)
def test_edits_of_what_is_not_the_instances_own_are_refused(keyword, values, words, tmp_path):
    image = dicube_core.load_from_dicom_folder([part10(enhanced(frames_of(3)))])
    if isinstance(values, list):
        image.dicom_meta.set_nonshared_item(keyword, values)
    else:
        image.dicom_meta.set_shared_item(keyword, values)
    with pytest.raises(MetaDataError, match=words):
        dicube_core.save(image, tmp_path / "x.dcbs")
    assert not any(tmp_path.iterdir())


def test_same_bytes_whatever_the_names_and_their_order(tmp_path):
    frames = frames_of(6)
    first, second = (
        part10(enhanced(frames[at : at + 3], instance=n, first=at)) for n, at in ((1, 0), (2, 3))
    )
    written = []
    for number, given in enumerate(([first, second], [second, first])):
        path = tmp_path / f"{number}.dcbs"
        source = {"a.dcm": first, "b.dcm": second}
        folder = write_files(tmp_path / f"s{number}", source)
        names = sorted(source, reverse=bool(number))
        assert len(given) == 2
        dicube_core.convert([folder / name for name in names], path)
        written.append(path.read_bytes())
    assert written[0] == written[1]


@pytest.mark.parametrize(
    ("instances", "numbers", "count", "words"),
    [
        ((0, 0), (0, 0), 1, "both said to be frame 0"),
        ((0, 1), (0, 0), 1, "instance 1 of 1"),
        ((0, 0), (0, 2), 1, "not numbered 0 to 1"),
        ((0, 0), (0, 1), 2, "instance 1 has 0 frames"),
        ((0,), (0, 1), 1, "1 instances for 2"),
    ],
)
def test_a_frame_map_must_give_each_frame_once(instances, numbers, count, words):
    with pytest.raises(InvalidCubeFileError, match=words):
        FrameMap(instances, numbers, count)


def test_a_stored_frame_map_is_not_believed():
    good = FrameMap((0, 1, 0), (1, 0, 0), 2)
    assert FrameMap.parse(good.pack(), 3, "x") == good
    assert good.frames_of(0) == (2, 0)
    for data, words in (
        (good.pack()[:-4], "bytes"),
        (good.pack() + bytes(8), "bytes"),
        (good.pack()[:4] + b"\xff\xff\xff\xff" + good.pack()[8:], "instances"),
        (good.pack()[:12] + b"\xff\xff\xff\xff" + good.pack()[16:], "x: "),
    ):
        with pytest.raises(InvalidCubeFileError, match=words):
            FrameMap.parse(data, 3, "x")


def test_older_readers_refuse_the_file(tmp_path, monkeypatch):
    from dicube_core.container import extension

    dicube_core.convert([part10(classic(frames_of(3)))], tmp_path / "x.dcbs")
    known = extension._KNOWN - {extension.FRAME_MAP}
    monkeypatch.setattr(extension, "_KNOWN", known)
    with pytest.raises(UnsupportedVersionError, match="FRAM"):
        dicube_core.Reader(tmp_path / "x.dcbs")


@pytest.mark.parametrize(("table", "fragments"), [("basic", 1), ("extended", 1), ("none", 3)])
def test_compressed_frames_kept_as_they_are(table, fragments, tmp_path):
    pytest.importorskip("openjpeg")
    frames = frames_of(4, 32, 40)
    data = compressed(classic(frames), JPEG2000Lossless, table=table, fragments=fragments)
    dicube_core.convert([data], tmp_path / "x.dcbs", keep_encoding=True)
    report = dicube_core.verify_against(tmp_path / "x.dcbs", [data])
    assert report.ok, report.failures
    with DcbStreamingReader(tmp_path / "x.dcbs") as reader:
        assert (reader.get_instance(0, JPEG2000Lossless) == data) == (fragments == 1)
    for number in range(4):
        found = single(tmp_path / "x.dcbs", number)
        assert found.file_meta.TransferSyntaxUID == JPEG2000Lossless
        assert np.array_equal(found.pixel_array, frames[number])


def test_dose_planes_lie_where_their_offsets_say(tmp_path):
    dataset = classic(frames_of(4), "1.2.840.10008.5.1.4.1.1.481.2")
    del dataset.FrameTimeVector
    dataset.Modality = "RTDOSE"
    dataset.FrameIncrementPointer = 0x3004000C
    dataset.ImagePositionPatient = ["-10.5", "3", "100"]
    dataset.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    dataset.PixelSpacing = ["2", "3"]
    for offsets in (["0", "2.5", "5", "7.5"], ["100", "102.5", "105", "107.5"]):
        dataset.GridFrameOffsetVector = offsets
        folder = tmp_path / offsets[0]
        folder.mkdir()
        target = convert({"dose.dcm": part10(dataset)}, folder)
        with dicube_core.Reader(target) as reader:
            assert reader.geometry.spacing == (2.5, 2.0, 3.0)
            assert reader.geometry.origin == (-10.5, 3.0, 100.0)
        found = single(target, 3)
        assert found.SOPClassUID.name == "RT Dose Storage"
        assert found.NumberOfFrames == 1
        assert found.ImagePositionPatient == [-10.5, 3, 107.5]
        assert "GridFrameOffsetVector" not in found
    dataset.GridFrameOffsetVector = ["7", "9", "11", "13"]  # neither of the two meanings
    target = convert({"dose.dcm": part10(dataset)}, tmp_path)
    with dicube_core.Reader(target) as reader:
        assert reader.geometry is None
    assert "GridFrameOffsetVector" in single(target, 3)


def test_nuclear_medicine_vectors(tmp_path):
    frames = frames_of(4)
    dataset = classic(frames, "1.2.840.10008.5.1.4.1.1.20")
    del dataset.FrameTimeVector
    dataset.Modality = "NM"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "RECON TOMO", "EMISSION"]
    dataset.FrameIncrementPointer = 0x00540080
    dataset.SliceVector = [1, 2, 3, 4]
    dataset.SpacingBetweenSlices = "-4.5"
    dataset.PixelSpacing = ["2", "3"]
    plane = Dataset()
    plane.ImagePositionPatient = ["1", "2", "30"]
    plane.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    dataset.DetectorInformationSequence = [plane]
    target = convert({"nm.dcm": part10(dataset)}, tmp_path)
    with dicube_core.Reader(target) as reader:
        assert reader.geometry.spacing == (4.5, 2.0, 3.0)
        assert reader.frame_map.numbers == (3, 2, 1, 0)
    found = single(target, 0)
    assert found.SOPClassUID.name == "Nuclear Medicine Image Storage"
    assert found.NumberOfFrames == 1
    assert found.SliceVector == 4
    assert found.ImagePositionPatient == [1, 2, 16.5]
    assert np.array_equal(found.pixel_array, frames[3])


def test_overlays_with_several_frames(tmp_path):
    frames = frames_of(4)
    dataset = classic(frames)
    bits = np.random.default_rng(3).integers(0, 2, (2, 7, 6)).astype("u1")
    dataset.add_new(0x60000010, "US", 7)
    dataset.add_new(0x60000011, "US", 6)
    dataset.add_new(0x60000015, "IS", "2")
    dataset.add_new(0x60000040, "CS", "G")
    dataset.add_new(0x60000050, "SS", [1, 1])
    dataset.add_new(0x60000051, "US", 2)
    dataset.add_new(0x60000100, "US", 1)
    dataset.add_new(0x60000102, "US", 0)
    packed = np.packbits(bits.ravel(), bitorder="little").tobytes()
    dataset.add_new(0x60003000, "OW", packed + bytes(len(packed) % 2))
    target = convert({"overlay.dcm": part10(dataset)}, tmp_path)
    for number in (0, 3):
        assert not any(e.tag.group == 0x6000 for e in single(target, number))
    for number in (1, 2):
        found = single(target, number)
        assert np.array_equal(found.overlay_array(0x6000), bits[number - 1])


def test_headers_are_edited_with_frames_copied(tmp_path):
    frames = frames_of(5)
    dicube_core.convert([part10(enhanced(frames))], tmp_path / "x.dcbs")
    dicube_core.edit(tmp_path / "x.dcbs", out=tmp_path / "y.dcbs", set={"PatientName": "New^Name"})
    with (
        dicube_core.Reader(tmp_path / "x.dcbs") as old,
        dicube_core.Reader(tmp_path / "y.dcbs") as new,
    ):
        assert new.frame_map == old.frame_map
        assert [new.codestream(n) for n in range(5)] == [old.codestream(n) for n in range(5)]
    with DcbStreamingReader(tmp_path / "y.dcbs") as reader:
        whole = dcmread(io.BytesIO(reader.get_instance(0)))
    assert whole.PatientName == single(tmp_path / "y.dcbs", 3).PatientName == "New^Name"
    assert np.array_equal(whole.pixel_array, frames)


def test_a_damaged_functional_group_is_named_with_its_frame(tmp_path):
    data = part10(enhanced(frames_of(3)))
    at = data.index(b"\x20\x00\x13\x91SQ", data.index(b"\x00\x52\x30\x92"))  # a plane position
    second = data.index(b"\x20\x00\x13\x91SQ", at + 1)
    damaged = data[: second + 4] + b"QQ" + data[second + 6 :]
    with pytest.raises(MetaDataError, match=r"slice_0000\.dcm: frame 1: "):
        dicube_core.convert([damaged], tmp_path / "x.dcbs")


def test_another_character_set_in_a_functional_group_is_refused(tmp_path):
    dataset = enhanced(frames_of(3))
    group = dataset.PerFrameFunctionalGroupsSequence[1].FrameContentSequence[0]
    group.SpecificCharacterSet = "ISO_IR 192"
    group.FrameComments = "ß"
    with pytest.raises(UnsupportedKindError, match=r"frame 1: .*character set"):
        dicube_core.convert([part10(dataset)], tmp_path / "x.dcbs")
