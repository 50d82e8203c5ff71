"""What a series becomes: its class, its functional groups, its identity, its pixels."""

import io
import pickle

import numpy as np
import pydicom
import pytest
from multiframe_support import EXPLICIT_LE, HTJ2K, assert_frames, assert_originals, given, saved
from pydicom.pixels import pixel_array
from support.compare import stored
from support.metadata_cases import CASES
from support.raw import Form, Node, text, us
from support.series import CT_STORAGE, KINDS, Kind, make_series, put
from support.series_cases import WHOLE
from support.whole import write_files

import dicube_core
from dicube_core.exceptions import (
    DataConsistencyError,
    MetaDataError,
    TransferSyntaxError,
    UnsupportedKindError,
)
from dicube_core.modality import ModalityValues
from dicube_core.pixel_header import PixelDataHeader
from dicube_plugins.multiframe import MultiFrameFile

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:pydicom"),
    pytest.mark.filterwarnings("ignore::dicube_core.exceptions.DicomCubeWarning"),
]
MR, PET = "1.2.840.10008.5.1.4.1.1.4", "1.2.840.10008.5.1.4.1.1.128"
SECONDARY = "1.2.840.10008.5.1.4.1.1.7"
LEGACY_CT, LEGACY_MR, LEGACY_PET = f"{CT_STORAGE}.2", f"{MR}.4", f"{PET}.1"
BYTE, WORD = f"{SECONDARY}.2", f"{SECONDARY}.3"
DEEP = [name for name, kind in KINDS.items() if kind.allocated == 32]


def of_class(uid, modality):
    return put(text(0x00080016, "UI", uid), text(0x00080060, "CS", modality))


@pytest.mark.parametrize(
    ("uid", "modality", "kind", "expected"),
    [
        (CT_STORAGE, "CT", KINDS["u16_stored_12"], LEGACY_CT),
        (CT_STORAGE, "CT", KINDS["i16_stored_16"], LEGACY_CT),
        (MR, "MR", KINDS["u16_stored_12"], LEGACY_MR),
        (MR, "MR", KINDS["u8_stored_8"], LEGACY_MR),
        (PET, "PT", KINDS["i16_stored_16"], LEGACY_PET),
        (CT_STORAGE, "CT", KINDS["u8_stored_8"], BYTE),
        (SECONDARY, "OT", KINDS["u8_stored_8"], BYTE),
        (SECONDARY, "OT", KINDS["u16_stored_12"], WORD),
        ("1.2.840.10008.5.1.4.1.1.6.1", "US", KINDS["u8_stored_8"], BYTE),
    ],
)
def test_class(uid, modality, kind, expected, tmp_path):
    case = given(tmp_path, make_series(3, kind, of_class(uid, modality)))
    image = case.image()
    assert image.SOPClassUID == image.file_meta.MediaStorageSOPClassUID == expected
    assert image.Modality == modality
    assert image.NumberOfFrames == 3
    assert_frames(image, case)
    assert_originals(image, case.sources)


def test_mixed_classes_become_secondary_capture(tmp_path):
    def edit(index, nodes):
        if index == 1:
            nodes[0x00080016] = text(0x00080016, "UI", MR)

    case = given(tmp_path, make_series(3, edit=edit))
    image = case.image()
    assert image.SOPClassUID == WORD
    references = [
        frame.ConversionSourceAttributesSequence[0].ReferencedSOPClassUID
        for frame in image.PerFrameFunctionalGroupsSequence
    ]
    assert references == [CT_STORAGE, MR, CT_STORAGE]


@pytest.mark.parametrize("name", [name for name in KINDS if name not in DEEP])
@pytest.mark.parametrize("syntax", [None, EXPLICIT_LE])
def test_stored_values(name, syntax, tmp_path):
    case = given(tmp_path, make_series(3, KINDS[name]))
    image = case.image(syntax)
    assert_frames(image, case)
    assert_frames(saved(image), case)
    for index in range(3):
        found = pixel_array(image, index=index)
        np.testing.assert_array_equal(found, stored(case.sources[index]))
    if syntax is not None:
        value = MultiFrameFile(case.reader, syntax).pixel_data().read()
        assert value.startswith(case.reader.frames().tobytes())


@pytest.mark.parametrize("name", DEEP)
def test_frames_of_32_bits_are_refused(name, tmp_path):
    case = given(tmp_path, make_series(2, KINDS[name]))
    with pytest.raises(UnsupportedKindError, match=r"series\.dcbs: frames of 32 bits"):
        MultiFrameFile(case.reader).head()


@pytest.mark.parametrize("name", ["u16_outside_stored", "i16_unextended", "u16_high_bit_15"])
def test_frames_without_htj2k_form_come_uncompressed(name, tmp_path):
    case = given(tmp_path, make_series(3, KINDS[name]))
    made = MultiFrameFile(case.reader)
    assert (made.transfer_syntax, made.encapsulated, made.pixel_data_vr) == (
        EXPLICIT_LE,
        False,
        "OW",
    )
    with pytest.raises(TransferSyntaxError, match="frame 0 cannot be delivered as HTJ2K"):
        MultiFrameFile(case.reader, HTJ2K)


def test_one_frame_without_htj2k_form_is_enough(tmp_path):
    def edit(index, nodes):
        pixels = bytearray(nodes[0x7FE00010].value)
        pixels[1] |= 0x80 if index == 2 else 0
        nodes[0x7FE00010] = Node(0x7FE00010, "OW", bytes(pixels))

    case = given(tmp_path, make_series(4, edit=edit))
    assert MultiFrameFile(case.reader).transfer_syntax == EXPLICIT_LE
    with pytest.raises(TransferSyntaxError, match="frame 2"):
        MultiFrameFile(case.reader, HTJ2K)


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.4.202", "HTJ2K"])
def test_other_transfer_syntaxes_are_refused(syntax, tmp_path):
    case = given(tmp_path, make_series(2))
    with pytest.raises(TransferSyntaxError, match="not delivered in transfer syntax"):
        MultiFrameFile(case.reader, syntax)


def test_functional_groups(tmp_path):
    case = given(tmp_path, make_series(4))
    image = case.image()
    (shared,) = image.SharedFunctionalGroupsSequence
    assert shared.PixelMeasuresSequence[0].PixelSpacing == [0.75, 0.5]
    assert shared.PixelMeasuresSequence[0].SliceThickness == 2.5
    assert shared.PlaneOrientationSequence[0].ImageOrientationPatient == [1, 0, 0, 0, 1, 0]
    assert shared.PixelValueTransformationSequence[0].RescaleIntercept == -1024
    assert shared.PixelValueTransformationSequence[0].RescaleSlope == 1
    assert shared.PixelValueTransformationSequence[0].RescaleType == "HU"
    assert shared.FrameVOILUTSequence[0].WindowCenter == 40
    assert shared.CTImageFrameTypeSequence[0].FrameType == ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    for index, frame in enumerate(image.PerFrameFunctionalGroupsSequence):
        assert frame.PlanePositionSequence[0].ImagePositionPatient == [-12.5, 20.25, 2.5 * index]
        assert frame.FrameContentSequence[0].InStackPositionNumber == index + 1
        assert frame.FrameContentSequence[0].DimensionIndexValues == [1, index + 1]
        original = frame.UnassignedPerFrameConvertedAttributesSequence[0]
        assert original.InstanceNumber == index + 1
        assert original.SliceLocation == 2.5 * index
    assert image.ImageType == ["ORIGINAL", "PRIMARY", "VOLUME", "NONE"]
    assert "RescaleSlope" not in image
    assert "ImagePositionPatient" not in image


def test_elements_stand_in_one_place(tmp_path):
    """So that what is edited or removed at the top level is not still there below."""
    image = given(tmp_path, make_series(4)).image()
    places = {}

    def visit(dataset, path):
        for element in dataset:
            if element.VR == "SQ":
                for item in element.value:
                    visit(item, (*path, element.tag))
            else:
                places.setdefault(element.tag, set()).add(path)

    visit(image, ())
    for keyword in ("PatientName", "PatientID", "StudyDate", "SliceThickness", "WindowCenter"):
        assert len(places[pydicom.tag.Tag(keyword)]) == 1, keyword


def test_groups_of_frames_that_differ(tmp_path):
    def edit(index, nodes):
        nodes[0x00180050] = text(0x00180050, "DS", f"{2 + index}")
        nodes[0x00281050] = text(0x00281050, "DS", f"{40 + index}")
        nodes[0x00080008] = text(
            0x00080008, "CS", ("ORIGINAL\\PRIMARY\\AXIAL", "DERIVED\\SECONDARY")[index % 2]
        )

    case = given(tmp_path, make_series(3, edit=edit))
    image = case.image()
    (shared,) = image.SharedFunctionalGroupsSequence
    frames = image.PerFrameFunctionalGroupsSequence
    assert "PixelMeasuresSequence" not in shared
    assert [f.PixelMeasuresSequence[0].SliceThickness for f in frames] == [2, 3, 4]
    assert [f.PixelMeasuresSequence[0].PixelSpacing for f in frames] == [[0.75, 0.5]] * 3
    assert [f.FrameVOILUTSequence[0].WindowCenter for f in frames] == [40, 41, 42]
    origins = [f.CTImageFrameTypeSequence[0].FrameType[0] for f in frames]
    assert origins == ["ORIGINAL", "DERIVED", "ORIGINAL"]
    assert image.ImageType[0] == "MIXED"
    assert_originals(image, case.sources)


@pytest.mark.parametrize("name", ["rescale_per_slice", "rescale_in_some_slices", "rescale_absent"])
@pytest.mark.parametrize("uid", [CT_STORAGE, PET, SECONDARY])
def test_modality_values(name, uid, tmp_path):
    def edit(index, nodes):
        CASES[name](index, nodes)
        nodes[0x00080016] = text(0x00080016, "UI", uid)

    case = given(tmp_path, make_series(4, edit=edit))
    image = case.image()
    expected = ModalityValues(case.reader).frames(dtype="float64")
    (shared,) = image.SharedFunctionalGroupsSequence
    for index, values in enumerate(image.pixel_array):
        frame = image.PerFrameFunctionalGroupsSequence[index]
        rule = frame if "PixelValueTransformationSequence" in frame else shared
        if "PixelValueTransformationSequence" in rule:
            assert "RescaleSlope" not in image
            rule = rule.PixelValueTransformationSequence[0]
        else:
            rule = image
        found = values * float(rule.RescaleSlope) + float(rule.RescaleIntercept)
        np.testing.assert_allclose(found, expected[index], rtol=1e-12)
    assert_originals(image, case.sources)


def other_vr(vr, numbers=b"2.5 "):
    return put(Node(0x00281053, vr, numbers), Node(0x00281052, vr, b"-10 "))


def empty(tag):
    return put(Node(tag, "DS", b""))


def empty_lut(index, nodes):
    """A Modality LUT without items does not replace slope and intercept."""
    nodes[0x00283000] = Node(0x00283000, "SQ", [])
    nodes[0x00281053] = text(0x00281053, "DS", str(index + 1))


ODD_RESCALE = {
    "lo": other_vr("LO"),
    "un": other_vr("UN"),
    "empty_slope": empty(0x00281053),
    "empty_intercept": empty(0x00281052),
    "blank_intercept": put(Node(0x00281052, "DS", b"  ")),
    "empty_lut": empty_lut,
}


@pytest.mark.parametrize("name", ODD_RESCALE)
@pytest.mark.parametrize("uid", [CT_STORAGE, SECONDARY])
def test_modality_values_of_odd_elements(name, uid, tmp_path):
    def edit(index, nodes):
        ODD_RESCALE[name](index, nodes)
        nodes[0x00080016] = text(0x00080016, "UI", uid)

    case = given(tmp_path, make_series(3, edit=edit))
    image = case.image()
    expected = ModalityValues(case.reader).frames(dtype="float64")
    (shared,) = image.SharedFunctionalGroupsSequence
    for index, values in enumerate(image.pixel_array):
        frame = image.PerFrameFunctionalGroupsSequence[index]
        places = [g.get("PixelValueTransformationSequence", [None])[0] for g in (frame, shared)]
        rule = next((place for place in places if place is not None), image)
        found = values * float(rule.RescaleSlope) + float(rule.RescaleIntercept)
        np.testing.assert_allclose(found, expected[index], rtol=1e-12)
    if name != "empty_lut":  # a group that is equal in all frames is shared
        assert "PixelValueTransformationSequence" not in frame
    assert_originals(image, case.sources)


@pytest.mark.parametrize("lut", ["un", "no_descriptor"])
def test_a_modality_lut_that_cannot_be_handed_on_is_refused(lut, tmp_path):
    item = [us(0x00283002, 4096, 0, 16), Node(0x00283006, "OW", bytes(8192))]
    raw = item_bytes(item)
    node = Node(0x00283000, "UN", raw) if lut == "un" else Node(0x00283000, "SQ", [[]])
    case = given(tmp_path, make_series(3, edit=put(node)))
    with pytest.raises(UnsupportedKindError, match=r"Modality LUT.*one by one"):
        MultiFrameFile(case.reader).head()


def item_bytes(nodes):
    content = b"".join(Form().element(node) for node in nodes)
    return b"\xfe\xff\x00\xe0" + len(content).to_bytes(4, "little") + content


PIXEL_KEYWORDS = (
    *("SamplesPerPixel", "PhotometricInterpretation", "Rows", "Columns"),
    *("BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
)
SIGNED = Kind("signed", stored=12, signed=True, photometric="MONOCHROME1")


def described(vr):
    """Return an edit that gives the pixel description in another VR."""
    numbers = (1, SIGNED.rows, SIGNED.columns, 16, 12, 11, 1)
    tags = (0x00280002, 0x00280010, 0x00280011, 0x00280100, 0x00280101, 0x00280102, 0x00280103)
    values = [n.to_bytes(2, "little") for n in numbers]
    nodes = [Node(tag, vr, value) for tag, value in zip(tags, values, strict=True)]
    return put(*nodes, Node(0x00280004, vr, b"MONOCHROME1 "))


def padded(index, nodes):
    nodes[0x00280004] = Node(0x00280004, "CS", b"MONOCHROME1" + (b"\0" if index == 1 else b" "))


def without(*tags):
    return lambda _, nodes: [nodes.pop(tag) for tag in tags]


ODD_DESCRIPTIONS = {
    "un": described("UN"),
    "ss": described("SS"),
    "padding": padded,
    "no_high_bit": without(0x00280102),
    "no_samples": without(0x00280002),
}


@pytest.mark.parametrize("name", ODD_DESCRIPTIONS)
def test_pixels_are_described_whatever_the_slices_say_it_in(name, tmp_path):
    case = given(tmp_path, make_series(3, SIGNED, ODD_DESCRIPTIONS[name]))
    image = case.image()
    found = [image[keyword].value for keyword in PIXEL_KEYWORDS]
    assert found == [1, "MONOCHROME1", SIGNED.rows, SIGNED.columns, 16, 12, 11, 1]
    assert image.PresentationLUTShape == "INVERSE"
    np.testing.assert_array_equal(image.pixel_array, case.reader.frames())
    if name in ("padding", "no_high_bit", "no_samples"):  # pydicom reads the others in their own VR
        assert_originals(image, case.sources)


def test_numbers_mean_the_same_in_every_character_set(tmp_path):
    def edit(index, nodes):
        nodes[0x00080005] = text(0x00080005, "CS", ("ISO_IR 100", "ISO_IR 192")[index % 2])

    case = given(tmp_path, make_series(3, Kind("tall", rows=200), edit))
    image = case.image()
    assert image.Rows == 200
    for frame in image.PerFrameFunctionalGroupsSequence:
        assert "Rows" not in frame.UnassignedPerFrameConvertedAttributesSequence[0]
    assert_frames(image, case)
    assert_originals(image, case.sources)


@pytest.mark.parametrize("name", ["gap", "uneven", "tilt", "equal_positions", "left_handed"])
def test_positions_are_those_of_the_slices(name, tmp_path):
    case = given(tmp_path, WHOLE[name][0])
    image = case.image()
    assert image.SOPClassUID == LEGACY_CT
    for source, frame in zip(case.sources, image.PerFrameFunctionalGroupsSequence, strict=True):
        expected = pydicom.dcmread(io.BytesIO(source)).ImagePositionPatient
        assert frame.PlanePositionSequence[0].ImagePositionPatient == expected
    # A stack, and the volume that frames are said to make up, are for those that form a grid.
    grid = case.reader.geometry is not None
    assert ("DimensionIndexSequence" in image) == grid
    assert (image.ImageType[2] == "VOLUME") == grid


@pytest.mark.parametrize("name", ["no_geometry", "nothing_to_sort_by", "position_not_numbers"])
def test_without_places_there_are_no_groups_for_them(name, tmp_path):
    case = given(tmp_path, WHOLE[name][0])
    image = case.image()
    assert image.SOPClassUID == WORD
    for item in (*image.SharedFunctionalGroupsSequence, *image.PerFrameFunctionalGroupsSequence):
        for keyword in ("PlanePositionSequence", "PlaneOrientationSequence"):
            assert keyword not in item
    assert_frames(image, case)


def test_slices_of_several_frames_of_reference_have_no_common_place(tmp_path):
    def edit(index, nodes):
        nodes[0x00200052] = text(0x00200052, "UI", f"1.2.3.{index % 2}")

    image = given(tmp_path, make_series(3, edit=edit)).image()
    assert image.SOPClassUID == WORD
    assert "FrameOfReferenceUID" not in image


def test_identity(tmp_path):
    case = given(tmp_path, make_series(4))
    source = pydicom.dcmread(io.BytesIO(case.sources[0]))
    image = case.image()
    assert image.SOPInstanceUID == image.file_meta.MediaStorageSOPInstanceUID
    assert image.SOPInstanceUID.startswith("2.25.")
    assert image.SOPInstanceUID.is_valid
    assert image.SeriesInstanceUID.is_valid
    for keyword in ("StudyInstanceUID", "FrameOfReferenceUID", "PatientID"):
        assert image[keyword] == source[keyword]
    for keyword in ("SOPInstanceUID", "SeriesInstanceUID", "SOPClassUID"):
        assert image[keyword] != source[keyword]
    # The same image in another transfer syntax, and from the same file made again.
    assert case.image(EXPLICIT_LE).SOPInstanceUID == image.SOPInstanceUID
    again = given(tmp_path / "again", make_series(4))
    assert MultiFrameFile(again.reader).open().read() == MultiFrameFile(case.reader).open().read()
    copied = pickle.loads(pickle.dumps(MultiFrameFile(case.reader)))
    assert copied.open().read() == MultiFrameFile(case.reader).open().read()


@pytest.mark.parametrize(
    "other",
    [
        make_series(4, series="2"),
        make_series(3),
        make_series(4, Kind("deeper", stored=16)),
        make_series(4, edit=CASES["rescale_absent"]),
        WHOLE["equal_instances"][0],
        make_series(4, edit=CASES["identifiers_absent"]),
    ],
)
def test_another_series_is_another_image(other, tmp_path):
    first, second = given(tmp_path / "a", make_series(4)), given(tmp_path / "b", other)
    assert first.image().SOPInstanceUID != second.image().SOPInstanceUID


def test_slices_without_identifiers_are_told_apart_by_their_headers(tmp_path):
    def edit(index, nodes):
        CASES["identifiers_absent"](index, nodes)
        nodes[0x00200032] = text(0x00200032, "DS", f"0\\0\\{3 * index}")

    first = given(tmp_path / "a", make_series(4, edit=CASES["identifiers_absent"]))
    second = given(tmp_path / "b", make_series(4, edit=edit))
    images = first.image(), second.image()
    assert images[0].SOPInstanceUID != images[1].SOPInstanceUID
    for image in images:
        item = image.PerFrameFunctionalGroupsSequence[0]
        assert "ConversionSourceAttributesSequence" not in item


def test_dates_are_those_of_the_slices(tmp_path):
    def edit(index, nodes):
        nodes[0x00080022] = text(0x00080022, "DA", "20240130")
        nodes[0x00080032] = text(0x00080032, "TM", f"10150{index}")

    image = given(tmp_path, make_series(3, edit=edit)).image()
    assert (image.ContentDate, image.ContentTime) == ("20240130", "101500")
    frames = image.PerFrameFunctionalGroupsSequence
    moments = [frame.FrameContentSequence[0].FrameAcquisitionDateTime for frame in frames]
    assert moments == [f"2024013010150{index}" for index in range(3)]


def test_references_to_other_images_keep_their_items(tmp_path):
    case = given(tmp_path, make_series(3, edit=CASES["sequence_3_items"]))
    image = case.image()
    # Their series is unknown, without which an Enhanced image must not refer to them.
    (shared,) = image.SharedFunctionalGroupsSequence
    block = shared.private_block(0x0021, "DICUBE MULTI-FRAME 1")
    assert [item.ReferencedSOPClassUID for item in block[0x12].value] == [CT_STORAGE] * 3
    assert_originals(saved(image), case.sources)


def test_empty_and_uncoded_sequences_are_left_unassigned(tmp_path):
    empty = Node(0x00081032, "SQ", [])
    uncoded = Node(0x00081084, "SQ", [[text(0x00080100, "SH", "1"), Node(0x00080102, "SH")]])
    case = given(tmp_path, make_series(3, edit=put(empty, uncoded)))
    image = case.image()
    (shared,) = image.SharedFunctionalGroupsSequence
    unassigned = shared.UnassignedSharedConvertedAttributesSequence[0]
    for keyword in ("ProcedureCodeSequence", "AdmittingDiagnosesCodeSequence"):
        assert keyword not in image
        assert keyword in unassigned
    assert_originals(image, case.sources)


def test_a_value_that_is_no_sequence_keeps_its_bytes(tmp_path):
    garbage = b"\x08\0\0\0UL\4\0\1\0\0\0 no items at all "
    broken = Node(0x00081032, "SQ", garbage)
    case = given(tmp_path, make_series(3, edit=put(broken)))
    image = case.image()
    (shared,) = image.SharedFunctionalGroupsSequence
    unassigned = shared.UnassignedSharedConvertedAttributesSequence[0]
    assert unassigned.get_item(0x00081032).value == garbage


def test_sequences_are_raw_until_they_are_looked_at(tmp_path):
    image = given(tmp_path, make_series(3)).image()
    for tag in (0x52009229, 0x52009230):
        assert image.get_item(tag).is_raw


def test_slices_in_two_character_sets_or_none(tmp_path):
    def edit(index, nodes):
        nodes[0x00100010] = text(0x00100010, "PN", "Müller", "latin-1")
        if index == 1:
            del nodes[0x00080005]

    case = given(tmp_path, make_series(3, edit=edit))
    image = case.image()
    assert "SpecificCharacterSet" not in image
    assert image.PatientName == ""
    assert_originals(image, case.sources)


def test_a_file_without_dicom_metadata(tmp_path):
    image = dicube_core.DicomCubeImage(np.zeros((2, 4, 4), "uint16"), PixelDataHeader())
    dicube_core.save(image, tmp_path / "x.dcbs")
    with (
        dicube_core.open(tmp_path / "x.dcbs") as reader,
        pytest.raises(MetaDataError, match="no DICOM metadata"),
    ):
        MultiFrameFile(reader).head()


def test_a_header_of_other_pixels_is_refused(tmp_path, monkeypatch):
    case = given(tmp_path, make_series(3))
    monkeypatch.setattr(case.reader.pixel_header, "RescaleIntercept", 0.0)
    with pytest.raises(DataConsistencyError, match="slice 0 describes"):
        MultiFrameFile(case.reader).head()


def test_edited_metadata_is_in_the_image(tmp_path):
    write_files(tmp_path / "source", make_series(3))
    image = dicube_core.load_from_dicom_folder(tmp_path / "source")
    image.dicom_meta.set_shared_item("PatientName", "New^Name")
    dicube_core.save(image, tmp_path / "x.dcbs")
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        made = pydicom.dcmread(MultiFrameFile(reader).open())
    assert made.PatientName == "New^Name"
