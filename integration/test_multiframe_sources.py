"""What other tools read of multi-frame sources, of their frames, and of what comes back."""

import shutil
import subprocess

import numpy as np
import pydicom
import pytest
from bridge_peers import DATA
from support.multiframe import ENHANCED_CT, ENHANCED_MR, enhanced, frames_of, part10
from support.series import make_series, slice_nodes

import dicube_core
from dicube_core.export import export_file
from dicube_core.streaming import DcbStreamingReader

pytestmark = pytest.mark.filterwarnings("ignore")
EXPLICIT = "1.2.840.10008.1.2.1"
HTJ2K = "1.2.840.10008.1.2.4.201"


def delivered(source, folder, syntax=EXPLICIT):
    """Convert a source; return the file, its frames as files, and the restored instances."""
    target = folder / "x.dcbs"
    dicube_core.convert(source, target)
    report = dicube_core.verify_against(target, source)
    assert report.ok, report.failures
    (folder / "frames").mkdir()
    paths = []
    with DcbStreamingReader(target) as reader:
        for number in range(len(reader)):
            path = folder / "frames" / f"{number:04d}.dcm"
            path.write_bytes(reader.get_dicom_for_frame(number, transfer_syntax=syntax))
            paths.append(path)
    with dicube_core.Reader(target) as reader:
        export_file(reader, folder / "restored")
    return target, paths, sorted((folder / "restored").iterdir())


def write_enhanced(folder, sop_class, count=6):
    frames = frames_of(count, 32, 40)
    (folder / "source").mkdir()
    path = folder / "source" / "e.dcm"
    path.write_bytes(part10(enhanced(frames, sop_class)))
    return path, frames


@pytest.mark.parametrize("syntax", [EXPLICIT, HTJ2K])
@pytest.mark.parametrize("sop_class", [ENHANCED_MR, ENHANCED_CT])
def test_simpleitk_reads_the_frames_as_one_volume(sop_class, syntax, tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    source, frames = write_enhanced(tmp_path, sop_class)
    target, paths, (restored,) = delivered(source, tmp_path, syntax)
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames([str(path) for path in paths])
    volume = reader.Execute()
    scale = np.array([1 + number % 3 for number in range(6)]).reshape(-1, 1, 1)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(volume), frames * scale - 5.0)
    np.testing.assert_allclose(volume.GetSpacing(), (0.5, 0.75, 2.5))
    np.testing.assert_allclose(volume.GetOrigin(), (-12.5, 20.25, 0))
    names = sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(tmp_path / "frames"))
    assert [name[-8:] for name in names] == [path.name for path in paths]
    assert restored.read_bytes() == source.read_bytes()
    with dicube_core.Reader(target) as ours:
        np.testing.assert_allclose(ours.geometry.spacing, (2.5, 0.75, 0.5))


@pytest.mark.parametrize("sop_class", [ENHANCED_MR, ENHANCED_CT])
def test_gdcm_reads_frames_and_the_compressed_instance(sop_class, tmp_path):
    gdcm = pytest.importorskip("gdcm", exc_type=ImportError)
    source, frames = write_enhanced(tmp_path, sop_class)
    target, paths, _ = delivered(source, tmp_path, HTJ2K)
    with DcbStreamingReader(target) as reader:
        whole = tmp_path / "whole.dcm"
        whole.write_bytes(reader.get_instance(0, HTJ2K))
    for path, expected in [*zip(paths, frames, strict=True), (whole, frames)]:
        reader = gdcm.ImageReader()
        reader.SetFileName(str(path))
        assert reader.Read()
        data = reader.GetImage().GetBuffer().encode("utf-8", errors="surrogateescape")
        np.testing.assert_array_equal(np.frombuffer(data, "<u2").reshape(expected.shape), expected)


@pytest.mark.parametrize("sop_class", [ENHANCED_MR, ENHANCED_CT])
def test_highdicom_finds_the_same_geometry(sop_class, tmp_path):
    hd = pytest.importorskip("highdicom")
    source, frames = write_enhanced(tmp_path, sop_class)
    target, _, _ = delivered(source, tmp_path)
    volume = hd.imread(source).get_volume(
        apply_real_world_transform=False, apply_modality_transform=False
    )
    with dicube_core.Reader(target) as reader:
        geometry = reader.geometry
    # Theirs maps (slice, row, column); ours likewise, in the order of the file's frames.
    np.testing.assert_allclose(sorted(volume.spacing), sorted(geometry.spacing))
    array = np.asarray(volume.array)
    assert array.shape == frames.shape
    same = np.array_equal(array, frames) or np.array_equal(array[::-1], frames)
    assert same


@pytest.mark.parametrize(("modality", "name"), [("CT", "CT"), ("MR", "MR"), ("PT", "PET")])
def test_legacy_converted_series(modality, name, tmp_path):
    hd = pytest.importorskip("highdicom")
    legacy = pytest.importorskip("highdicom.legacy")
    datasets = legacy_slices(modality)
    kind = getattr(legacy, f"LegacyConvertedEnhanced{name}Image")
    converted = kind(
        datasets,
        series_instance_uid="1.2.826.0.1.3680043.9.9999.77",
        series_number=7,
        sop_instance_uid="1.2.826.0.1.3680043.9.9999.77.1",
        instance_number=1,
    )
    source = tmp_path / "legacy.dcm"
    converted.save_as(source)
    target, paths, (restored,) = delivered(source, tmp_path)
    assert restored.read_bytes() == source.read_bytes()
    assert hd.__version__
    by_place = {float(d.ImagePositionPatient[2]): d for d in datasets}
    for path in paths:
        found = pydicom.dcmread(path)
        original = by_place[float(found.ImagePositionPatient[2])]
        assert found.SOPClassUID == original.SOPClassUID
        np.testing.assert_array_equal(found.pixel_array, original.pixel_array)
        for keyword in ("PixelSpacing", "ImageOrientationPatient", "RescaleSlope", "WindowWidth"):
            assert found.get(keyword) == original.get(keyword)
    with dicube_core.Reader(target) as reader:
        assert reader.geometry is not None


def legacy_slices(modality):
    """Return single-frame images with what their classes need."""
    classes = {"CT": "2", "MR": "4", "PT": "128"}
    files = make_series(4)
    datasets = []
    for data in sorted(files.values()):
        dataset = pydicom.dcmread(pydicom.filebase.DicomBytesIO(data))
        dataset.SOPClassUID = f"1.2.840.10008.5.1.4.1.1.{classes[modality]}"
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.Modality = modality
        dataset.PatientBirthDate, dataset.PatientSex = "", "O"
        dataset.StudyTime, dataset.StudyID, dataset.AccessionNumber = "101010", "1", ""
        dataset.ReferringPhysicianName = ""
        dataset.SeriesNumber = 1
        dataset.PositionReferenceIndicator = ""
        dataset.PatientPosition = "HFS"
        dataset.RescaleType = "HU"
        dataset.AcquisitionNumber = 1
        dataset.AcquisitionDate, dataset.AcquisitionTime = "20240131", "101010"
        dataset.ContentDate, dataset.ContentTime = "20240131", "101010"
        datasets.append(dataset)
    assert slice_nodes(0)
    return datasets


@pytest.mark.parametrize("sop_class", [ENHANCED_MR, ENHANCED_CT])
def test_dcm2niix_finds_the_same_volume(sop_class, tmp_path):
    nibabel = pytest.importorskip("nibabel")
    program = shutil.which("dcm2niix")
    if program is None:
        pytest.skip("the program dcm2niix is not installed")
    source, _ = write_enhanced(tmp_path, sop_class)
    # One slope for all frames: dcm2niix takes the first.
    dataset = pydicom.dcmread(source)
    for group in dataset.PerFrameFunctionalGroupsSequence:
        group.PixelValueTransformationSequence[0].RescaleSlope = "1"
        if sop_class == ENHANCED_MR:
            del group.MRDiffusionSequence
            group.MREchoSequence[0].EffectiveEchoTime = 12.5
    dataset.save_as(source)
    delivered(source, tmp_path)
    volumes = []
    for folder in (tmp_path / "source", tmp_path / "frames"):
        out = tmp_path / f"nii_{folder.name}"
        out.mkdir()
        subprocess.run(
            [program, "-z", "n", "-b", "n", "-f", "volume", "-o", str(out), str(folder)],
            check=True,
            capture_output=True,
            timeout=120,
        )
        (path,) = out.glob("*.nii")
        volumes.append(nibabel.load(path))
    first, second = volumes
    assert first.shape == second.shape
    np.testing.assert_allclose(first.affine, second.affine, atol=1e-4)
    np.testing.assert_array_equal(first.get_fdata(), second.get_fdata())


def test_dciodvfy_finds_no_error_that_the_source_had_not(tmp_path):
    program = shutil.which("dciodvfy")
    if program is None:
        pytest.skip("the program dciodvfy (dicom3tools) is not installed")

    def errors(path):
        done = subprocess.run([program, str(path)], capture_output=True, text=True, check=False)
        lines = (done.stdout + done.stderr).splitlines()
        return {line.split(" - ")[-1] for line in lines if line.startswith("Error")}

    legacy = pytest.importorskip("highdicom.legacy")
    datasets = legacy_slices("CT")
    (tmp_path / "plain").mkdir()
    known = set()
    for number, dataset in enumerate(datasets):
        path = tmp_path / "plain" / f"{number}.dcm"
        dataset.save_as(path)
        known |= errors(path)
    converted = legacy.LegacyConvertedEnhancedCTImage(
        datasets,
        series_instance_uid="1.2.826.0.1.3680043.9.9999.77",
        series_number=7,
        sop_instance_uid="1.2.826.0.1.3680043.9.9999.77.1",
        instance_number=1,
    )
    source = tmp_path / "legacy.dcm"
    converted.save_as(source)
    _, paths, _ = delivered(source, tmp_path)
    for path in paths:
        assert errors(path) - known == set()


@pytest.mark.parametrize("name", ["ct_heart_10", "ct_body_60"])
def test_a_real_series_through_a_legacy_conversion(name, tmp_path):
    legacy = pytest.importorskip("highdicom.legacy")
    if not (DATA / name).is_dir():
        pytest.skip(f"shared series {name} is not here")
    paths = sorted(path for path in (DATA / name).rglob("*") if path.is_file())
    datasets = [pydicom.dcmread(path) for path in paths]
    converted = legacy.LegacyConvertedEnhancedCTImage(
        datasets,
        series_instance_uid="1.2.826.0.1.3680043.9.9999.78",
        series_number=7,
        sop_instance_uid="1.2.826.0.1.3680043.9.9999.78.1",
        instance_number=1,
    )
    source = tmp_path / "legacy.dcm"
    converted.save_as(source)
    target, frames, (restored,) = delivered(source, tmp_path, HTJ2K)
    assert restored.read_bytes() == source.read_bytes()
    dicube_core.convert(DATA / name, tmp_path / "plain.dcbs")
    with dicube_core.Reader(target) as ours, dicube_core.Reader(tmp_path / "plain.dcbs") as plain:
        np.testing.assert_array_equal(ours.frames(), plain.frames())
        np.testing.assert_allclose(ours.geometry.affine, plain.geometry.affine, atol=1e-4)
        assert ours.pixel_header.RescaleSlope == plain.pixel_header.RescaleSlope
    by_place = {tuple(d.ImagePositionPatient): d for d in datasets}
    for path in frames:
        found = pydicom.dcmread(path)
        original = by_place[tuple(found.ImagePositionPatient)]
        np.testing.assert_array_equal(found.pixel_array, original.pixel_array)
        for keyword in ("PixelSpacing", "SliceThickness", "RescaleIntercept", "PatientID"):
            assert found.get(keyword) == original.get(keyword)
