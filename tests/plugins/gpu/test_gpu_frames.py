"""Frames from a device are those of the CPU, or an error."""

from __future__ import annotations

import numpy as np
import pytest
from kind_files import file_of
from stand_in_devices import Right
from support.kind_series import Sort
from support.series import KINDS, Kind

import dicube_core
from dicube_core.codec import parse
from dicube_core.exceptions import (
    ChecksumError,
    CodecUnavailableError,
    DataConsistencyError,
    DecodeError,
    FrameIndexError,
    MissingDependencyError,
)
from dicube_plugins.gpu import decode_frames
from dicube_plugins.gpu._encoder_name import written_by_openjph
from dicube_plugins.gpu._frames import decode_with
from dicube_plugins.gpu._libraries import choose_library

CHOSEN = (
    "u8_stored_8",
    "i8_stored_8",
    "u16_stored_8",
    "u16_stored_7",
    "u16_stored_12",
    "i16_stored_8",
    "i16_stored_12",
    "i16_stored_16",
    "u16_stored_16",
    "u16_65x33",
    "u16_1x1",
    "u16_outside_stored",
    "i16_high_bit_15",
    "i16_unextended",
    "u8_mono1",
)
COLOURS = (
    Sort("rgb", photometric="RGB"),
    Sort("rgb_planar", photometric="RGB", planar=1),
    Sort("rgb16", "uint16", photometric="RGB"),
    Sort("ybr", photometric="YBR_FULL"),
    Sort("palette", "uint8", photometric="MONOCHROME2"),
)


def equal(decoded, reader, numbers=None):
    truth = reader.frames(numbers)
    host = decoded.numpy()
    assert host.dtype == truth.dtype == decoded.dtype
    assert decoded.shape == truth.shape
    np.testing.assert_array_equal(host, truth)
    whole = np.from_dlpack(decoded)
    assert whole.dtype == truth.dtype
    np.testing.assert_array_equal(whole, truth)


@pytest.mark.parametrize("name", CHOSEN)
def test_every_kind_of_grey_is_equal(make_pair, make_probed, name):
    _, path = make_pair(KINDS[name])
    with dicube_core.open(path) as reader:
        equal(decode_with(make_probed(), reader), reader)


@pytest.mark.parametrize("sort", COLOURS, ids=lambda sort: sort.name)
def test_every_kind_of_colour_is_equal(tmp_path, make_probed, sort):
    with dicube_core.open(file_of(sort, tmp_path)) as reader:
        equal(decode_with(make_probed(), reader), reader)


def test_any_choice_of_frames_in_one_call(series_file, make_probed):
    decoder = make_probed()
    with dicube_core.open(series_file) as reader:
        decoder._decoder.batches.clear()
        for numbers in ([3, 0, -1, 3], slice(1, 4), range(4, -1, -1), [2]):
            decoded = decode_with(decoder, reader, numbers)
            equal(decoded, reader, numbers)
            assert decoded.numbers == tuple(reader.frame_numbers(numbers))
        assert decoder._decoder.batches == [4, 3, 5, 1]
        none = decode_with(decoder, reader, [])
        assert len(none) == 0
        assert none.numpy().shape == (0, *reader.shape[1:])
        with pytest.raises(DataConsistencyError, match="no frame was asked for"):
            none.array()
        with pytest.raises(FrameIndexError):
            decode_with(decoder, reader, [5])
        assert decoder._decoder.batches == [4, 3, 5, 1]


def test_frames_of_several_depths_in_one_file(make_pair, make_probed):
    """Where bits beyond BitsStored are set, a frame is stored with all bits of its words."""

    def edit(index, nodes):
        if index % 2:
            pixels = nodes[0x7FE00010]
            nodes[0x7FE00010] = type(pixels)(0x7FE00010, pixels.vr, b"\xff\xff" + pixels.value[2:])

    _, path = make_pair(Kind("mixed", 16, 8), edit)
    with dicube_core.open(path) as reader:
        found = {parse(reader.codestream(i)).precision for i in range(len(reader))}
        assert found == {8, 16}
        equal(decode_with(make_probed(), reader), reader)


def test_a_damaged_frame_never_reaches_the_device(series_file, tmp_path, make_probed):
    with dicube_core.open(series_file) as reader:
        offset = reader.container.index.offsets[2]
    damaged = tmp_path / "damaged.dcbs"
    data = bytearray(series_file.read_bytes())
    data[offset + 150] ^= 1
    damaged.write_bytes(data)
    decoder = make_probed()
    decoder._decoder.batches.clear()
    with dicube_core.open(damaged) as reader:
        with pytest.raises(ChecksumError, match="frame 2"):
            decode_with(decoder, reader)
        assert decoder._decoder.batches == []
        equal(decode_with(decoder, reader, [0, 1, 3]), reader, [0, 1, 3])


class Later(Right):
    """Right while it is probed, and then not."""

    how = None

    def decode(self, codestreams):
        arrays = super().decode(codestreams)
        return arrays if self.how is None else self.how(arrays)


def _raise(arrays):
    raise RuntimeError("out of memory")


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (lambda a: a[:-1], "gave 4 frames for 5"),
        (lambda a: [*a, a[0]], "gave 6 frames for 5"),
        (lambda a: [*a[:3], None, a[4]], "frame 3: GPU 0 .* does not decode the frame"),
        (lambda a: [*a[:4], a[4].transpose(1, 0, 2)], "frame 4: .* of shape .* expected, found"),
        (lambda a: [a[0].astype("i2"), *a[1:]], "frame 0: .* uint16 .* expected, found int16"),
        (_raise, "failed: RuntimeError: out of memory"),
    ],
)
def test_a_device_that_fails_later_is_an_error(series_file, capability, how, said):
    from dicube_plugins.gpu._probed import ProbedDecoder

    device = Later()
    decoder = ProbedDecoder(device, capability)
    device.how = how
    with dicube_core.open(series_file) as reader:
        with pytest.raises(DecodeError, match=said) as caught:
            decode_with(decoder, reader)
        assert str(series_file) in str(caught.value)


def test_every_value_can_be_compared(series_file, capability):
    from dicube_plugins.gpu._probed import ProbedDecoder

    device = Later()
    decoder = ProbedDecoder(device, capability)
    with dicube_core.open(series_file) as reader:
        equal(decode_with(decoder, reader, check="all"), reader)
        device.how = lambda arrays: [*arrays[:3], arrays[3] ^ 1, *arrays[4:]]
        with pytest.raises(DecodeError, match=r"frame 3: .* other values than the CPU: 30 of 30"):
            decode_with(decoder, reader, check="all")
        with pytest.raises(DataConsistencyError, match="check must be"):
            decode_with(decoder, reader, check="none")


def test_frames_of_other_encoders_are_compared(series_file, capability, monkeypatch):
    """They may hold passes that the probe frames have not."""
    from dicube_plugins.gpu import _frames
    from dicube_plugins.gpu._probed import ProbedDecoder

    with dicube_core.open(series_file) as reader:
        codestream = reader.codestream(0)
        assert written_by_openjph(codestream)
        other = codestream.replace(b"OpenJPH", b"OtherPH")
        assert not written_by_openjph(other)
        assert not written_by_openjph(codestream[:20])
        device = Later()
        decoder = ProbedDecoder(device, capability)
        device.how = lambda arrays: [array ^ 1 for array in arrays]
        monkeypatch.setattr(_frames, "written_by_openjph", lambda c: c != reader.codestream(2))
        with pytest.raises(DecodeError, match=r"frame 2: .* other values than the CPU"):
            decode_with(decoder, reader)


def test_files_of_the_reference_implementation(make_probed):
    from support.legacy_file import legacy_file

    frames = np.arange(-600, 600, dtype="int16").reshape(3, 20, 20)
    with dicube_core.open(legacy_file(frames)) as reader:
        equal(decode_with(make_probed(), reader), reader)


def test_files_without_checksums_are_compared(capability):
    """Damage that a device passes over is found by the CPU, at least where that finds it."""
    from support.legacy_file import legacy_file

    from dicube_plugins.gpu._probed import ProbedDecoder

    device = Later()
    decoder = ProbedDecoder(device, capability)
    device.how = lambda arrays: [arrays[0], arrays[1] ^ 1, arrays[2]]
    frames = np.arange(-600, 600, dtype="int16").reshape(3, 20, 20)
    with (
        dicube_core.open(legacy_file(frames)) as reader,
        pytest.raises(DecodeError, match=r"frame 1: .* other values than the CPU: 400 of 400"),
    ):
        decode_with(decoder, reader)


def test_a_kind_that_is_not_allowed_is_refused(series_file, capability, make_probed):
    from dicube_plugins.gpu import DeviceCapability, Outcome

    kept = tuple(r for r in capability.results if r.kind.signed)
    decoder = make_probed(said=DeviceCapability("GPU 0", kept))
    decoder._decoder.batches.clear()
    with (
        dicube_core.open(series_file) as reader,
        pytest.raises(CodecUnavailableError, match=r"not used for frames of unsigned 12 bit"),
    ):
        decode_with(decoder, reader)
    assert decoder._decoder.batches == []
    assert Outcome.EQUAL in {r.outcome for r in kept}


def test_what_is_no_htj2k_is_refused(tmp_path):
    with (
        dicube_core.open(file_of(Sort("real", "float32", "MONOCHROME2"), tmp_path)) as reader,
        pytest.raises(CodecUnavailableError, match="codec 'pcodec'; a GPU decodes HTJ2K only"),
    ):
        decode_frames(reader)


def test_lower_resolutions_are_refused(series_file):
    with (
        dicube_core.open(series_file) as reader,
        pytest.raises(CodecUnavailableError, match="no lower resolutions"),
    ):
        decode_frames(reader, level=1)


def test_a_time_limit_is_not_passed_over(series_file):
    dicube_core.set_limits(decode_seconds=5)
    try:
        with (
            dicube_core.open(series_file) as reader,
            pytest.raises(CodecUnavailableError, match="decode_seconds is set"),
        ):
            decode_frames(reader)
    finally:
        dicube_core.set_limits(decode_seconds=None)


def test_numpy_is_not_for_the_memory_of_a_device():
    assert choose_library("numpy", 1).name == "numpy"
    with pytest.raises(DataConsistencyError, match=r"copy on the host by numpy\(\)"):
        choose_library("numpy", 2)


def test_a_library_that_is_not_there_is_named(series_file, make_probed):
    with dicube_core.open(series_file) as reader:
        decoded = decode_with(make_probed(), reader)
        with pytest.raises(MissingDependencyError, match="arrays on a GPU need tensorflow"):
            decoded.array("tensorflow")
        assert "stand-in" in repr(decoded)
