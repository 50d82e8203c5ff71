"""dcm2niix, SimpleITK and highdicom see the same volumes in a series as we do."""

import itertools
import shutil
import subprocess
from dataclasses import dataclass

import numpy as np
import pytest
from support.raw import text
from support.series import Kind
from support.volumes import fd, make_volumes, marks
from support.whole import write_files

import dicube_core
from dicube_core.dicom import DcbStreamingReader
from dicube_core.export import export_file

nibabel = pytest.importorskip("nibabel")
SLICES = 6
KIND = Kind("mr", stored=12, rows=40, columns=32)
OBLIQUE = (0.96, 0.28, 0.0, -0.28 * 0.8, 0.96 * 0.8, -0.6)


@dataclass(frozen=True)
class Case:
    mark: object
    volumes: int
    shape: tuple


def echo(frame):
    return [
        text(0x00180086, "IS", str(frame.volume % 3 + 1)),
        text(0x00180081, "DS", f"{5.5 * (frame.volume % 3 + 1):.1f}"),
    ]


def moment(frame):
    number = frame.volume * SLICES + frame.place
    return text(0x00080032, "TM", f"10{number // 60:02d}{number % 60:02d}.00")


CASES = {
    "echoes": Case(lambda f: marks(*echo(f), moment(f)), 3, (3,)),
    "time points": Case(
        lambda f: marks(
            text(0x00200100, "IS", str(f.volume + 1)),
            text(0x00200012, "IS", str(f.volume + 1)),
            moment(f),
        ),
        *(4, (4,)),
    ),
    "b-values": Case(lambda f: marks(fd(0x00189087, 400.0 * f.volume), moment(f)), 3, (3,)),
    "echoes in time": Case(
        lambda f: marks(*echo(f), text(0x00200012, "IS", str(f.volume // 3 + 1)), moment(f)),
        *(6, (3, 2)),
    ),
}


@pytest.fixture(params=CASES)
def converted(request, tmp_path):
    """The case, its source folder and our file."""
    case = CASES[request.param]
    files = make_volumes(case.volumes, SLICES, case.mark, kind=KIND, orientation=OBLIQUE, seed=3)
    source = write_files(tmp_path / "source", files)
    path = tmp_path / "x.dcbs"
    dicube_core.convert(source, path)
    return case, source, path


def our_volumes(path):
    """Modality values of each volume as (columns, rows, slices), and their common affine."""
    image = dicube_core.load(path)
    found = image.dimensions
    values = image.get_fdata("float64")
    volumes = [values[list(own)].transpose(2, 1, 0) for own in found.index.reshape(-1, SLICES)]
    return volumes, found.geometry.affine_xyz_ras


def turned(volume, affine):
    """Every way to store a volume with its axes reversed, each with its affine."""
    for flips in itertools.product((1, -1), repeat=3):
        matrix = np.diag((*flips, 1.0))
        matrix[:3, 3] = [(n - 1) * (f < 0) for n, f in zip(volume.shape, flips, strict=True)]
        yield volume[:: flips[0], :: flips[1], :: flips[2]], affine @ matrix


def same_volume(found, found_affine, volume, affine):
    """Whether two volumes hold the same values at the same places in the patient."""
    return any(
        np.allclose(other_affine, found_affine, atol=1e-3) and np.array_equal(other, found)
        for other, other_affine in turned(volume, affine)
    )


def dcm2niix(folder, out):
    program = shutil.which("dcm2niix")
    if program is None:
        pytest.skip("the program dcm2niix is not installed")
    out.mkdir()
    command = [program, "-z", "n", "-b", "y", "-f", "v_%e", "-o", str(out), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    result = []
    for file in sorted(out.glob("*.nii")):
        image = nibabel.load(file)
        data = image.get_fdata()
        data = data if data.ndim == 4 else data[..., np.newaxis]
        result += [(data[..., step], image.affine) for step in range(data.shape[3])]
    return result


def test_dcm2niix_finds_the_same_volumes(converted, tmp_path):
    case, source, path = converted
    volumes, affine = our_volumes(path)
    assert dicube_core.open(path).dimensions.shape == (*case.shape, SLICES)
    theirs = dcm2niix(source, tmp_path / "nifti")
    assert len(theirs) == len(volumes)
    left = list(volumes)
    for data, their_affine in theirs:
        match = [i for i, own in enumerate(left) if same_volume(data, their_affine, own, affine)]
        assert len(match) == 1
        left.pop(match[0])


def test_dcm2niix_finds_them_in_what_we_export(converted, tmp_path):
    _, source, path = converted
    with dicube_core.open(path) as reader:
        export_file(reader, tmp_path / "exported")
    before = dcm2niix(source, tmp_path / "before")
    after = dcm2niix(tmp_path / "exported", tmp_path / "after")
    assert len(before) == len(after)
    for (data, affine), (other, other_affine) in zip(before, after, strict=True):
        np.testing.assert_array_equal(data, other)
        np.testing.assert_array_equal(affine, other_affine)


def test_simpleitk_reads_each_volume(converted, tmp_path):
    sitk = pytest.importorskip("SimpleITK")
    _, _, path = converted
    volumes, affine = our_volumes(path)
    with dicube_core.open(path) as reader, DcbStreamingReader(path) as stream:
        rows = reader.dimensions.index.reshape(-1, SLICES)
        for number, row in enumerate(rows):
            names = []
            for place, frame in enumerate(row):
                file = tmp_path / f"{number}_{place}.dcm"
                file.write_bytes(stream.get_dicom_for_frame(int(frame), force_uncompressed=True))
                names.append(str(file))
            series = sitk.ImageSeriesReader()
            series.SetFileNames(names)
            image = series.Execute()
            data = sitk.GetArrayFromImage(image).transpose(2, 1, 0)
            theirs = np.eye(4)
            theirs[:3, :3] = np.reshape(image.GetDirection(), (3, 3)) * image.GetSpacing()
            theirs[:3, 3] = image.GetOrigin()
            theirs = np.diag((-1.0, -1.0, 1.0, 1.0)) @ theirs
            np.testing.assert_allclose(theirs, affine, atol=1e-4)
            np.testing.assert_array_equal(data, volumes[number])


def test_highdicom_reads_each_volume(converted):
    pydicom = pytest.importorskip("pydicom")
    highdicom = pytest.importorskip("highdicom")
    import io

    _, _, path = converted
    volumes, affine = our_volumes(path)
    with dicube_core.open(path) as reader, DcbStreamingReader(path) as stream:
        for number, row in enumerate(reader.dimensions.index.reshape(-1, SLICES)):
            datasets = [
                pydicom.dcmread(
                    io.BytesIO(stream.get_dicom_for_frame(int(frame), force_uncompressed=True))
                )
                for frame in row
            ]
            theirs = highdicom.get_volume_from_series(datasets)
            data = theirs.array.transpose(2, 1, 0).astype(float)
            own_affine = np.diag((-1.0, -1.0, 1.0, 1.0)) @ theirs.affine[:, (2, 1, 0, 3)]
            assert same_volume(data, own_affine, volumes[number], affine)


def test_highdicom_puts_a_tilted_stack_where_our_sheared_affine_does(tmp_path):
    pydicom = pytest.importorskip("pydicom")
    highdicom = pytest.importorskip("highdicom")
    files = make_volumes(1, SLICES, lambda f: {}, kind=KIND, step=(0.0, 0.6, 2.5))
    path = tmp_path / "x.dcbs"
    source = write_files(tmp_path / "source", files)
    dicube_core.convert(source, path)
    affine = dicube_core.open(path).sheared_affine()
    with DcbStreamingReader(path) as stream:
        for frame in range(SLICES):
            file = tmp_path / f"{frame}.dcm"
            file.write_bytes(stream.get_dicom_for_frame(frame))
            transformer = highdicom.spatial.PixelToReferenceTransformer.for_image(
                pydicom.dcmread(file)
            )
            pixels = np.array([(0, 0), (31, 0), (0, 39), (31, 39)])
            ours = [(affine @ (frame, row, column, 1))[:3] for column, row in pixels]
            np.testing.assert_allclose(transformer(pixels), ours, atol=1e-6)


def test_a_converted_enhanced_series_has_the_same_volumes(tmp_path):
    """The frames of one multi-frame instance, made by highdicom of single-frame ones."""
    pydicom = pytest.importorskip("pydicom")
    legacy = pytest.importorskip("highdicom.legacy")
    case = CASES["echoes"]
    files = make_volumes(case.volumes, SLICES, case.mark, kind=KIND, orientation=OBLIQUE)
    source = write_files(tmp_path / "source", files)
    datasets = []
    for file in sorted(source.iterdir()):
        dataset = pydicom.dcmread(file)
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "NONE"]
        dataset.StudyID, dataset.AccessionNumber, dataset.StudyTime = "1", "", "101010"
        dataset.PatientBirthDate, dataset.PatientSex, dataset.ReferringPhysicianName = "", "", ""
        datasets.append(dataset)
    enhanced = legacy.LegacyConvertedEnhancedMRImage(
        legacy_datasets=datasets,
        series_instance_uid="1.2.826.0.1.3680043.9.9999.77",
        series_number=2,
        sop_instance_uid="1.2.826.0.1.3680043.9.9999.78",
        instance_number=1,
    )
    enhanced.save_as(tmp_path / "enhanced.dcm")
    single, multi = tmp_path / "single.dcbs", tmp_path / "multi.dcbs"
    dicube_core.convert(source, single)
    dicube_core.convert(tmp_path / "enhanced.dcm", multi)
    with dicube_core.open(single) as a, dicube_core.open(multi) as b:
        assert b.dimensions.shape == a.dimensions.shape == (3, SLICES)
        assert [axis.values for axis in b.dimensions.axes] == [
            axis.values for axis in a.dimensions.axes
        ]
        np.testing.assert_array_equal(a.frames(), b.frames())
        np.testing.assert_allclose(a.volume_geometry.affine, b.volume_geometry.affine, atol=1e-9)
