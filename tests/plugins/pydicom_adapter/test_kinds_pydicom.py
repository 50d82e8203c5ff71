"""Kinds of pixels and instances in pydicom: every value of the source, in every form."""

from __future__ import annotations

import io
import pickle

import numpy as np
import pydicom
import pytest
from conftest_series import write_series
from kind_files import BITS, COLOURS, REALS, file_of, frames_of
from pydicom.pixels import pixel_array
from support.kind_series import bits_of
from support.multiframe import classic, compressed, enhanced, one_bit, part10
from support.multiframe import frames_of as some_frames

import dicube_plugins
from dicube_core.exceptions import TransferSyntaxError, UnsupportedKindError
from dicube_plugins.pydicom import datasets, dcmread, open_dicom

RLE = "1.2.840.10008.1.2.5"
EXPLICIT, HTJ2K = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.201"
SINGLE = {**COLOURS, **REALS, BITS.name: BITS}
#: Of what a multi-frame image of several slices is made.
JOINED = ("rgb", "rgb_planar")


def assert_same_elements(found, source, *, but=()):
    """Fail unless two data sets have the same elements, but for pixels and what is named."""
    names = {e.keyword for e in source} ^ {e.keyword for e in found}
    assert names <= {*but, "PixelData"}, names
    for element in source:
        if element.tag.group != 0x7FE0 and element.keyword not in but:
            assert found[element.tag] == element


# -- single frames --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SINGLE)
def test_every_slice_has_the_values_of_its_source(name, tmp_path):
    sort = SINGLE[name]
    path = file_of(sort, tmp_path)
    sources = sorted((tmp_path / "source").iterdir())
    for syntax in ("auto", "explicit"):
        for index, found in enumerate(datasets(path, syntax)):
            source = pydicom.dcmread(sources[index])
            expected = pixel_array(source, raw=True)
            np.testing.assert_array_equal(bits_of(pixel_array(found, raw=True)), bits_of(expected))
            np.testing.assert_array_equal(bits_of(expected), bits_of(sort.frame(index)))
            if syntax == "explicit":
                assert found == source


@pytest.mark.parametrize("name", SINGLE)
def test_a_file_of_one_frame_is_that_instance(name, tmp_path):
    sort = SINGLE[name]
    path = file_of(sort, tmp_path, count=1)
    source = pydicom.dcmread(tmp_path / "source" / "IM0000.dcm")
    for lazy in ("lazy", "bytes"):
        found = dcmread(path, transfer_syntax="explicit", pixel_data=lazy)
        assert_same_elements(found, source)
        np.testing.assert_array_equal(bits_of(pixel_array(found, raw=True)), bits_of(sort.frame(0)))
    bare = dcmread(path, stop_before_pixels=True)
    assert not any(e.tag.group == 0x7FE0 for e in bare)
    assert bare.Rows == sort.rows
    assert open_dicom(path, "explicit").read() == found_bytes(found)
    for index in (0, -1):
        np.testing.assert_array_equal(
            bits_of(pixel_array(dcmread(path, frame=index), raw=True)), bits_of(sort.frame(0))
        )


def found_bytes(dataset):
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=False)
    return file.getvalue()


@pytest.mark.parametrize("name", JOINED)
@pytest.mark.parametrize("syntax", [EXPLICIT, HTJ2K])
def test_colour_slices_are_joined_to_true_colour(name, syntax, tmp_path):
    path = file_of(COLOURS[name], tmp_path)
    found = dcmread(path, transfer_syntax=syntax)
    assert found.SOPClassUID == "1.2.840.10008.5.1.4.1.1.7.4"
    assert found.file_meta.TransferSyntaxUID == syntax
    assert (found.SamplesPerPixel, found.PlanarConfiguration) == (3, 0)
    assert found.PhotometricInterpretation == ("RGB" if syntax == EXPLICIT else "YBR_RCT")
    assert "RescaleSlope" not in found
    assert "PresentationLUTShape" not in found
    np.testing.assert_array_equal(found.pixel_array, frames_of(COLOURS[name]))
    file = io.BytesIO()
    found.save_as(file)
    again = pydicom.dcmread(io.BytesIO(file.getvalue()))
    np.testing.assert_array_equal(again.pixel_array, frames_of(COLOURS[name]))
    originals = dicube_plugins.multiframe.original_datasets(found)
    sources = sorted((tmp_path / "source").iterdir())
    for original, source in zip(originals, map(pydicom.dcmread, sources), strict=True):
        assert_same_elements(original, source)


@pytest.mark.parametrize("name", [name for name in SINGLE if name not in JOINED])
def test_slices_that_nothing_joins_are_refused_by_their_kind(name, tmp_path):
    path = file_of(SINGLE[name], tmp_path)
    with pytest.raises(UnsupportedKindError, match="fit no class of multi-frame images"):
        dcmread(path)


@pytest.mark.parametrize("name", ["ybr", "ybr_422", "bits", "float32", "float64", "rgb_32"])
def test_htj2k_is_refused_where_it_would_be_misread(name, tmp_path):
    path = file_of(SINGLE[name], tmp_path, count=1)
    with pytest.raises(TransferSyntaxError, match="frame 0 cannot be delivered as HTJ2K"):
        dcmread(path, transfer_syntax="htj2k")
    assert dcmread(path).file_meta.TransferSyntaxUID == EXPLICIT


# -- instances of several frames ------------------------------------------------------------------


def _bits():
    return one_bit(5)[0]


def _colour():
    return classic(np.random.default_rng(3).integers(0, 256, (4, 5, 7, 3)).astype("u1"))


INSTANCES = {
    "classic": lambda: classic(some_frames(5)),
    "classic of odd length": lambda: classic(some_frames(3, 5, 7, "u1")),
    "enhanced": lambda: enhanced(some_frames(5)),
    "enhanced, backwards": lambda: enhanced(some_frames(5), backwards=True),
    "colour": _colour,
    "single bits": _bits,
}

#: pydicom's RLE encoders refuse the others, or end the process.
FORMS = [
    *((name, syntax) for name in INSTANCES for syntax in (EXPLICIT, "1.2.840.10008.1.2")),
    *((name, RLE) for name in ("classic", "enhanced", "enhanced, backwards")),
]


def written(make, tmp_path, syntax=EXPLICIT):
    data = part10(make(), syntax) if syntax != RLE else compressed(make(), RLE)
    path = write_series(tmp_path, {"IM.dcm": data})
    return path, pydicom.dcmread(io.BytesIO(data))


@pytest.mark.parametrize(("name", "source_syntax"), FORMS)
def test_the_one_instance_of_a_file_comes_back(name, source_syntax, tmp_path):
    path, source = written(INSTANCES[name], tmp_path, source_syntax)
    expected = pixel_array(source, raw=True)
    found = dcmread(path, transfer_syntax="explicit")
    assert found.file_meta.TransferSyntaxUID == EXPLICIT
    assert_same_elements(found, source)
    np.testing.assert_array_equal(pixel_array(found, raw=True), expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(found)).pixel_array, found.pixel_array)
    if name != "single bits":
        changed = {"PhotometricInterpretation"} if name == "colour" else set()
        packed = dcmread(path, transfer_syntax="htj2k")
        assert_same_elements(packed, source, but=changed)
        np.testing.assert_array_equal(packed.pixel_array, expected)
    for index, frame in enumerate(datasets(path)):
        assert int(frame.get("NumberOfFrames", 1)) == 1
        # Frames of the file stand in the order of their places.
        number = frame.SourceImageSequence[-1].ReferencedFrameNumber - 1
        assert number == (len(expected) - 1 - index if name == "enhanced, backwards" else index)
        np.testing.assert_array_equal(pixel_array(frame, raw=True), expected[number])
        np.testing.assert_array_equal(
            pixel_array(dcmread(path, frame=index), raw=True), expected[number]
        )


@pytest.mark.parametrize("name", INSTANCES)
def test_the_file_of_the_instance_is_whole(name, tmp_path):
    path, source = written(INSTANCES[name], tmp_path)
    data = open_dicom(path, "explicit").read()
    again = pydicom.dcmread(io.BytesIO(data))
    assert again == source
    assert again.PixelData == source.PixelData


def test_pixels_stay_in_the_file_until_they_are_needed(tmp_path):
    path, source = written(INSTANCES["enhanced"], tmp_path)
    found = dcmread(path)
    element = found.get_item("PixelData")
    assert element.is_lazy
    np.testing.assert_array_equal(pixel_array(found, index=2), source.pixel_array[2])


def test_the_instance_with_the_adapter_installed(installed, tmp_path):
    path, source = written(INSTANCES["enhanced"], tmp_path)
    np.testing.assert_array_equal(pydicom.dcmread(path).pixel_array, source.pixel_array)
    np.testing.assert_array_equal(pixel_array(path), source.pixel_array)
    values = pydicom.pixels.apply_modality_lut(source.pixel_array, pydicom.dcmread(path))
    slopes = np.array([1 + n % 3 for n in range(5)]).reshape(-1, 1, 1)
    np.testing.assert_array_equal(values, source.pixel_array * slopes - 5.0)


def test_several_instances_are_joined_or_refused_by_name(tmp_path):
    files = {
        f"{n}.dcm": part10(enhanced(some_frames(3), instance=n + 1, first=3 * n, own_slopes=False))
        for n in range(2)
    }
    path = write_series(tmp_path, files)
    found = dcmread(path)
    assert int(found.NumberOfFrames) == 6
    expected = [ds.pixel_array for ds in datasets(path)]
    np.testing.assert_array_equal(found.pixel_array, expected)
    (tmp_path / "bits").mkdir()
    pair = [one_bit(3)[0], one_bit(4)[0]]
    pair[1].SOPInstanceUID += "1"
    other = write_series(tmp_path / "bits", {f"{n}.dcm": part10(d) for n, d in enumerate(pair)})
    with pytest.raises(UnsupportedKindError, match="single bits"):
        dcmread(other)
