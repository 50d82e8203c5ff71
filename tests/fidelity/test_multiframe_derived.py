"""Frames as images of their own: what must not be mixed up, doubled or made up."""

import io
import json

import numpy as np
import pytest
from click.testing import CliRunner
from pydicom import Dataset, dcmread
from pydicom.uid import JPEG2000Lossless
from support.multiframe import ENHANCED_CT, classic, compressed, enhanced, frames_of, part10
from support.whole import write_files

import dicube_core
from dicube_core.cli.info import info
from dicube_core.streaming import DcbStreamingReader

RT_DOSE = "1.2.840.10008.5.1.4.1.1.481.2"


def converted(folder, files, **options):
    target = folder / "x.dcbs"
    source = write_files(folder / "source", files)
    dicube_core.convert(source, target, **options)
    assert dicube_core.verify_against(target, source).ok
    return target


def frames_in(target):
    with DcbStreamingReader(target) as reader:
        return [
            dcmread(io.BytesIO(reader.get_dicom_for_frame(i, force_uncompressed=True)))
            for i in range(reader.frame_count)
        ]


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2.1", "1.2.840.10008.1.2"])
def test_private_elements_of_all_levels_keep_their_creators(syntax, tmp_path):
    dataset = enhanced(frames_of(2))
    dataset.private_block(0x2005, "TOP", create=True).add_new(1, "LO", "of the instance")
    shared = dataset.SharedFunctionalGroupsSequence[0]
    shared.private_block(0x2005, "SHARED", create=True).add_new(1, "LO", "of all")
    for number, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        group.private_block(0x2005, "FRAME", create=True).add_new(1, "LO", f"frame {number}")
        content = group.FrameContentSequence[0]
        content.private_block(0x2005, "MACRO", create=True).add_new(1, "LO", f"macro {number}")
        content.private_block(0x2005, "TOP", create=True).add_new(2, "LO", f"more {number}")
    for number, frame in enumerate(frames_in(converted(tmp_path, {"a": part10(dataset, syntax)}))):

        def said(creator, element, frame=frame):
            value = frame.private_block(0x2005, creator)[element].value
            return value.decode().strip() if isinstance(value, bytes) else value

        assert said("TOP", 1) == "of the instance"
        assert said("TOP", 2) == f"more {number}"
        assert said("SHARED", 1) == "of all"
        assert said("FRAME", 1) == f"frame {number}"
        assert said("MACRO", 1) == f"macro {number}"


def test_instance_numbers_keep_clear_of_single_frame_instances(tmp_path):
    files = {"cine": part10(classic(frames_of(3)))}
    for number in (2, 3):
        still = classic(frames_of(1), "1.2.840.10008.5.1.4.1.1.6.1", number)
        for keyword in ("NumberOfFrames", "FrameIncrementPointer", "FrameTimeVector"):
            del still[keyword]
        files[f"still{number}"] = part10(still)
    target = converted(tmp_path, files)
    numbers = [int(frame.InstanceNumber) for frame in frames_in(target)]
    assert numbers == [2, 3, 4, 5, 6]
    with dicube_core.Reader(target) as reader:
        assert reader.dicom_meta.get_values("InstanceNumber") == numbers
        assert reader.frame_map.numbers == (0, 0, 0, 1, 2)


@pytest.mark.parametrize(
    ("orientation", "offsets"),
    [
        ([1, 0, 0, 0, 1, 0], [3, 5, 7]),  # neither from zero nor from the position
        ([1, 0, 0, 0, 1, 0], [0, 5]),  # not one for each plane
        ([0.8, 0.6, 0, 0, 0, -1], [10, 12, 14]),  # coordinates along z, of planes that z lies in
    ],
)
def test_dose_planes_that_nothing_places_have_no_position(orientation, offsets, tmp_path):
    dataset = classic(frames_of(3), RT_DOSE)
    dataset.ImageOrientationPatient = orientation
    dataset.ImagePositionPatient = [0, 0, 10]
    dataset.PixelSpacing = [2, 2]
    dataset.GridFrameOffsetVector = offsets
    target = converted(tmp_path, {"dose": part10(dataset)})
    assert all("ImagePositionPatient" not in frame for frame in frames_in(target))
    with dicube_core.Reader(target) as reader:
        assert reader.geometry is None


def test_gradient_directions_of_an_enhanced_mr_are_a_dimension(tmp_path):
    directions = [(0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)]
    frames = frames_of(12)
    dataset = enhanced(frames, own_slopes=False)
    for place, group in enumerate(dataset.PerFrameFunctionalGroupsSequence):
        group.PlanePositionSequence[0].ImagePositionPatient = [0, 0, 3 * (place % 4)]
        group.FrameContentSequence[0].FrameAcquisitionDateTime = f"202401311{place // 4}0000"
        group.MREchoSequence[0].EffectiveEchoTime = 50.0
        diffusion = group.MRDiffusionSequence[0]
        diffusion.DiffusionBValue = 1000.0
        item = Dataset()
        item.DiffusionGradientOrientation = list(directions[place // 4])
        diffusion.DiffusionGradientDirectionSequence = [item]
    order = np.random.default_rng(3).permutation(12)
    groups = dataset.PerFrameFunctionalGroupsSequence
    dataset.PerFrameFunctionalGroupsSequence = [groups[i] for i in order]
    dataset.PixelData = frames[order].tobytes()
    target = converted(tmp_path, {"a": part10(dataset)})
    with dicube_core.Reader(target) as reader:
        assert reader.dimensions.names == ("direction",)
        assert reader.dimensions.axes[0].values == tuple(directions)
        assert np.array_equal(
            reader.frames()[reader.dimensions.index].reshape(frames.shape), frames
        )


def test_edits_that_no_frame_shows_are_warned_of(tmp_path):
    target = converted(tmp_path, {"a": part10(enhanced(frames_of(3)))})

    def warnings(**values):
        return dicube_core.edit(target, tmp_path / "out.dcbs", set=values).warnings

    (warning,) = warnings(PixelSpacing=[9, 9], PatientID="NEW")
    assert "PixelSpacing" in warning
    assert "functional groups" in warning
    assert not warnings(PatientID="NEW", StudyID="7")
    path = "SharedFunctionalGroupsSequence[0].PixelMeasuresSequence[0].PixelSpacing"
    assert not warnings(**{path: [9, 9]})


def test_info_says_how_many_instances_there_are(tmp_path):
    files = {
        "a": part10(enhanced(frames_of(3), ENHANCED_CT)),
        "b": part10(enhanced(frames_of(2), ENHANCED_CT, instance=2, first=3)),
    }
    words, facts = described(converted(tmp_path, files))
    assert "source 2 DICOM instances of 2 to 3 frames each" in words
    assert facts["source_instances"] == {"count": 2, "fewest_frames": 2, "most_frames": 3}
    assert facts["kept_encoding"] is None
    assert "encoding" not in words


def test_info_says_whether_an_encoding_was_kept(tmp_path):
    files = {"a": compressed(classic(frames_of(2, 40, 40)), JPEG2000Lossless)}
    words, facts = described(converted(tmp_path, files, keep_encoding=True))
    assert "source 1 DICOM instance of 2 frames" in words
    assert "encoding kept as the source compressed them: JPEG 2000" in words
    assert facts["kept_encoding"]["transfer_syntax_uid"] == JPEG2000Lossless


def described(path):
    runner = CliRunner()
    plain = runner.invoke(info, [str(path)], catch_exceptions=False)
    as_json = runner.invoke(info, [str(path), "--json"], catch_exceptions=False)
    return " ".join(plain.output.split()), json.loads(as_json.output)
