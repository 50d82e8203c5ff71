"""Attributes that a multi-frame image keeps at its top level as the slices have them.

By the modules of the Legacy Converted Enhanced images (DICOM PS3.3 A.70 to A.72, annex C) and,
below, of Multi-frame Secondary Capture (A.8.3, A.8.4). Not here, because they are about a single
slice or are not true of another instance: identifiers, dates of creation, signatures, icons.
"""

from __future__ import annotations

from functools import lru_cache

__all__ = ["top_level_tags"]

_COMMON = """
SpecificCharacterSet TimezoneOffsetFromUTC

PatientName PatientID IssuerOfPatientID TypeOfPatientID IssuerOfPatientIDQualifiersSequence
PatientBirthDate PatientBirthTime PatientSex QualityControlSubject ReferencedPatientSequence
OtherPatientNames OtherPatientIDsSequence EthnicGroup PatientComments PatientSpeciesDescription
PatientSpeciesCodeSequence PatientBreedDescription PatientBreedCodeSequence
BreedRegistrationSequence ResponsiblePerson ResponsiblePersonRole ResponsibleOrganization
PatientIdentityRemoved DeidentificationMethod DeidentificationMethodCodeSequence

ClinicalTrialSponsorName ClinicalTrialProtocolID ClinicalTrialProtocolName ClinicalTrialSiteID
ClinicalTrialSiteName ClinicalTrialSubjectID ClinicalTrialSubjectReadingID
ClinicalTrialTimePointID ClinicalTrialTimePointDescription ClinicalTrialCoordinatingCenterName
ClinicalTrialSeriesID ClinicalTrialSeriesDescription

StudyInstanceUID StudyDate StudyTime StudyID AccessionNumber IssuerOfAccessionNumberSequence
ReferringPhysicianName ReferringPhysicianIdentificationSequence ConsultingPhysicianName
StudyDescription ProcedureCodeSequence PhysiciansOfRecord NameOfPhysiciansReadingStudy
ReferencedStudySequence RequestingService ReasonForPerformedProcedureCodeSequence

AdmittingDiagnosesDescription AdmittingDiagnosesCodeSequence PatientAge PatientSize PatientWeight
PatientBodyMassIndex MedicalAlerts Allergies Occupation SmokingStatus AdditionalPatientHistory
PregnancyStatus LastMenstrualDate PatientSexNeutered ReasonForVisit AdmissionID PatientState

Modality SeriesNumber SeriesDate SeriesTime SeriesDescription SeriesDescriptionCodeSequence
PerformingPhysicianName OperatorsName ReferencedPerformedProcedureStepSequence ProtocolName
PatientPosition AnatomicalOrientationType PerformedProcedureStepStartDate
PerformedProcedureStepStartTime PerformedProcedureStepEndDate PerformedProcedureStepEndTime
PerformedProcedureStepID PerformedProcedureStepDescription PerformedProtocolCodeSequence
BodyPartExamined Laterality RequestAttributesSequence CommentsOnThePerformedProcedureStep
TreatmentSessionUID SmallestPixelValueInSeries LargestPixelValueInSeries

FrameOfReferenceUID PositionReferenceIndicator SynchronizationFrameOfReferenceUID
SynchronizationTrigger AcquisitionTimeSynchronized

Manufacturer InstitutionName InstitutionAddress StationName InstitutionalDepartmentName
ManufacturerModelName DeviceSerialNumber SoftwareVersions GantryID SpatialResolution
DateOfLastCalibration TimeOfLastCalibration PixelPaddingValue

SamplesPerPixel PhotometricInterpretation Rows Columns PixelAspectRatio BitsAllocated BitsStored
HighBit PixelRepresentation SmallestImagePixelValue LargestImagePixelValue PixelPaddingRangeLimit

AcquisitionDateTime AcquisitionNumber AcquisitionContextSequence ImageComments BurnedInAnnotation
RecognizableVisualFeatures LossyImageCompression LossyImageCompressionRatio
LossyImageCompressionMethod PresentationLUTShape ContentQualification
"""

_CONTRAST = """
ContrastBolusAgent ContrastBolusAgentSequence ContrastBolusAdministrationRouteSequence
ContrastBolusRoute ContrastBolusVolume ContrastBolusStartTime ContrastBolusStopTime
ContrastBolusTotalDose ContrastFlowRate ContrastFlowDuration ContrastBolusIngredient
ContrastBolusIngredientConcentration
"""

_SECONDARY_CAPTURE = """
ConversionType SecondaryCaptureDeviceID SecondaryCaptureDeviceManufacturer
SecondaryCaptureDeviceManufacturerModelName SecondaryCaptureDeviceSoftwareVersions
DateOfSecondaryCapture TimeOfSecondaryCapture NominalScannedPixelSpacing
PixelSpacingCalibrationType PixelSpacingCalibrationDescription AcquisitionDate AcquisitionTime
QualityControlImage PatientOrientation
ModalityLUTSequence RescaleIntercept RescaleSlope RescaleType VOILUTSequence WindowCenter
WindowWidth WindowCenterWidthExplanation VOILUTFunction PixelSpacing
"""


@lru_cache(maxsize=8)
def top_level_tags(sop_class_kind: str) -> frozenset[int]:
    """Return the tags for a kind of image.

    Parameters
    ----------
    sop_class_kind : {'CT', 'MR', 'PT', 'OT'}
        By the modality of its class; 'OT' is Secondary Capture.
    """
    from pydicom.datadict import tag_for_keyword

    names = _COMMON
    if sop_class_kind in ("CT", "MR"):
        names += _CONTRAST
    elif sop_class_kind == "OT":
        names += _SECONDARY_CAPTURE
    tags = [tag_for_keyword(name) for name in names.split()]
    return frozenset(int(tag) for tag in tags if tag is not None)
