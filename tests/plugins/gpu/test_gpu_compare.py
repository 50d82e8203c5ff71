"""A device is used for what it decodes right, and for nothing else."""

from __future__ import annotations

import json

import pytest
import stand_in_devices
from stand_in_devices import Right

from dicube_core.exceptions import CodecUnavailableError
from dicube_plugins.gpu import DeviceCapability, Kind, Outcome
from dicube_plugins.gpu._compare import examine_decoder
from dicube_plugins.gpu._kinds import known_frames, probe_frames
from dicube_plugins.gpu._probed import ProbedDecoder


def outcomes(name, chosen=None):
    return {r.kind: r for r in examine_decoder(getattr(stand_in_devices, name)(), chosen)}


def few():
    """A few kinds, for decoders that are wrong with all."""
    wanted = (Kind(False, 8), Kind(True, 16), Kind(False, 12), Kind(False, 8, 3, True))
    return {kind: probe_frames()[kind] for kind in wanted}


def test_every_kind_that_files_hold_is_probed():
    grey = {Kind(signed, bits) for signed in (False, True) for bits in range(8, 17)}
    assert set(probe_frames()) >= grey | {Kind(False, 8, 3, True), Kind(False, 8, 3)}
    assert set(known_frames()) <= set(probe_frames())
    for kind, frames in probe_frames().items():
        low = -(1 << (kind.precision - 1)) if kind.signed else 0
        for frame in frames[-2:]:
            assert frame.values.min() == low
            assert frame.values.max() == low + (1 << kind.precision) - 1
            assert frame.values.dtype.name == kind.dtype_name


def test_a_right_decoder_is_allowed_everything(capability):
    assert {r.kind for r in capability.results} == set(probe_frames())
    assert {r.outcome for r in capability.results} == {Outcome.EQUAL}
    assert not capability.wrong
    assert DeviceCapability.from_dict(json.loads(json.dumps(capability.to_dict()))) == capability


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("FlipsABit", "301x517: 1 of 155617 values differ, the first is"),
        ("Zeros", "all are zero"),
        ("Transposes", "expected, found"),
        ("BreaksOnHost", "RuntimeError: no copy"),
    ],
)
def test_wrong_values_are_found_in_every_kind(name, said):
    found = outcomes(name, few())
    assert {r.outcome for r in found.values()} == {Outcome.WRONG}
    assert any(said in r.message for r in found.values())


@pytest.mark.parametrize("name", ["WrapsSigned", "SignedAsUnsigned", "RefusesSigned"])
def test_signs_that_are_lost_cost_signed_kinds_alone(name):
    found = outcomes(name)
    bad = Outcome.REFUSED if name == "RefusesSigned" else Outcome.WRONG
    for kind, result in found.items():
        assert result.outcome is (bad if kind.signed else Outcome.EQUAL), kind


def test_scaling_to_8_bits_is_found():
    found = outcomes("Scales", few())
    assert found[Kind(False, 8)].outcome is Outcome.EQUAL
    assert found[Kind(False, 12)].outcome is Outcome.WRONG


def test_changed_colours_cost_colour_alone():
    found = outcomes("ChangesColour")
    for kind, result in found.items():
        assert result.outcome is (Outcome.WRONG if kind.components == 3 else Outcome.EQUAL)


@pytest.mark.parametrize("name", ["DropsAFrame", "SwapsFrames"])
def test_large_batches_are_looked_at(name):
    """Each kind alone is a batch of two or three."""
    wrong = [r for r in outcomes(name, few()).values() if r.outcome is Outcome.WRONG]
    assert wrong
    assert all("in a batch of other kinds" in r.message for r in wrong)


@pytest.mark.parametrize("name", ["Raises", "RefusesAll"])
def test_a_decoder_that_decodes_nothing_is_not_used(name):
    found = DeviceCapability("GPU 7", tuple(outcomes(name, few()).values()))
    assert {r.outcome for r in found.results} == {Outcome.REFUSED}
    with pytest.raises(CodecUnavailableError, match="GPU 7 is not used: refused: unsigned 8 bit"):
        ProbedDecoder(Right(), found)


def test_small_frames_may_be_refused():
    found = outcomes("RefusesSmall")
    assert {r.outcome for r in found.values()} == {Outcome.EQUAL}
    assert "1 of 3 frames, small ones, are refused" in found[Kind(False, 12)].message


def test_a_device_that_became_wrong_is_not_used(capability):
    """It passed its probe in another process, and fails in this one."""
    with pytest.raises(CodecUnavailableError, match="in this process, frames of signed 8 bit"):
        ProbedDecoder(stand_in_devices.WrapsSigned(), capability)


def test_what_was_not_probed_is_not_allowed(capability):
    with pytest.raises(CodecUnavailableError, match="unsigned 7 bit: such frames are not among"):
        capability.require(Kind(False, 7))
    with pytest.raises(CodecUnavailableError, match=r"not used for .*: refused: the decoder does"):
        DeviceCapability("GPU 0", tuple(outcomes("RefusesAll", few()).values())).require(
            Kind(True, 16)
        )
    with pytest.raises(CodecUnavailableError, match="it crashed"):
        DeviceCapability("GPU 0", (), "it crashed").require(Kind(True, 16))
