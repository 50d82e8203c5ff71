"""Tags of the elements that series work needs, under their keywords (DICOM PS3.6)."""

from __future__ import annotations

from pydicom.tag import BaseTag, Tag

__all__ = ["CommonTags", "get_tag_key"]


def get_tag_key(tag: int) -> str:
    """Return a tag as eight upper-case hexadecimal digits, such as ``'00100020'``."""
    return f"{tag:08X}"


class CommonTags:
    """Frequently used tags as attributes that carry the DICOM keyword as their name."""

    MediaStorageSOPClassUID = Tag(0x00020002)
    MediaStorageSOPInstanceUID = Tag(0x00020003)
    TransferSyntaxUID = Tag(0x00020010)
    ImplementationClassUID = Tag(0x00020012)

    SpecificCharacterSet = Tag(0x00080005)
    SOPClassUID = Tag(0x00080016)
    SOPInstanceUID = Tag(0x00080018)
    StudyDate = Tag(0x00080020)
    StudyTime = Tag(0x00080030)
    AccessionNumber = Tag(0x00080050)
    Modality = Tag(0x00080060)
    Manufacturer = Tag(0x00080070)
    StudyDescription = Tag(0x00081030)
    SeriesDescription = Tag(0x0008103E)
    ManufacturerModelName = Tag(0x00081090)
    ReferencedImageSequence = Tag(0x00081140)
    ReferencedSOPInstanceUID = Tag(0x00081155)

    PatientName = Tag(0x00100010)
    PatientID = Tag(0x00100020)
    PatientBirthDate = Tag(0x00100030)
    PatientSex = Tag(0x00100040)
    PatientAge = Tag(0x00101010)
    PatientWeight = Tag(0x00101030)

    ContrastBolusAgent = Tag(0x00180010)
    BodyPartExamined = Tag(0x00180015)
    SliceThickness = Tag(0x00180050)
    SpacingBetweenSlices = Tag(0x00180088)
    SoftwareVersions = Tag(0x00181020)
    PatientPosition = Tag(0x00185100)

    StudyInstanceUID = Tag(0x0020000D)
    SeriesInstanceUID = Tag(0x0020000E)
    StudyID = Tag(0x00200010)
    SeriesNumber = Tag(0x00200011)
    AcquisitionNumber = Tag(0x00200012)
    InstanceNumber = Tag(0x00200013)
    ImagePositionPatient = Tag(0x00200032)
    ImageOrientationPatient = Tag(0x00200037)
    FrameOfReferenceUID = Tag(0x00200052)
    SliceLocation = Tag(0x00201041)
    FrameContentSequence = Tag(0x00209111)
    DimensionIndexSequence = Tag(0x00209222)

    SamplesPerPixel = Tag(0x00280002)
    PhotometricInterpretation = Tag(0x00280004)
    Rows = Tag(0x00280010)
    Columns = Tag(0x00280011)
    PixelSpacing = Tag(0x00280030)
    BitsAllocated = Tag(0x00280100)
    BitsStored = Tag(0x00280101)
    HighBit = Tag(0x00280102)
    PixelRepresentation = Tag(0x00280103)
    WindowCenter = Tag(0x00281050)
    WindowWidth = Tag(0x00281051)
    RescaleIntercept = Tag(0x00281052)
    RescaleSlope = Tag(0x00281053)

    PixelData = Tag(0x7FE00010)

    # Attributes by the level of the DICOM information model (PS3.3 section 7) they describe.
    PATIENT_LEVEL_TAGS: frozenset[BaseTag] = frozenset(
        (PatientID, PatientName, PatientBirthDate, PatientSex)
    )
    STUDY_LEVEL_TAGS: frozenset[BaseTag] = frozenset(
        (StudyInstanceUID, StudyID, StudyDate, StudyTime, AccessionNumber)
    )
    SERIES_LEVEL_TAGS: frozenset[BaseTag] = frozenset((SeriesInstanceUID, SeriesNumber, Modality))
    INSTANCE_LEVEL_TAGS: frozenset[BaseTag] = frozenset(
        (SOPInstanceUID, SOPClassUID, InstanceNumber)
    )
