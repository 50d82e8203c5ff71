"""Who gets what."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from dicube_core.dataset import uids
from dicube_core.exceptions import TransferSyntaxError
from dicube_core.slices import OFFERED_SYNTAXES
from dicube_plugins.capability import PROBED, Capability, Outcome, ProbeResult, syntax_name
from dicube_plugins.policy import Policy, transfer_syntax_uid


def capability(*outcomes):
    results = [ProbeResult(s, o, "why") for s, o in zip(PROBED, outcomes, strict=True)]
    return Capability("tool", "/bin/tool", {"tool": "tool v1.2.3"}, tuple(results))


E, W, R = Outcome.EQUAL, Outcome.WRONG, Outcome.ERROR
M, C = Outcome.MISSING, Outcome.CONTROL_FAILED


@pytest.mark.parametrize("rpcl", [E, W, R])
def test_htj2k_goes_to_who_reads_it_right(rpcl):
    choice = Policy().choose(capability(E, E, rpcl))
    assert choice.transfer_syntax == uids.HTJ2K_LOSSLESS
    assert "tool 1.2.3 reads HTJ2K Lossless right" in choice.reason


@pytest.mark.parametrize(
    "outcomes", [(E, W, E), (E, R, E), (E, W, W), (E, R, R), (R, C, C), (W, C, C), (M, M, M)]
)
def test_all_others_get_explicit_vr_little_endian(outcomes):
    choice = Policy().choose(capability(*outcomes))
    assert choice.transfer_syntax == uids.EXPLICIT_LE
    assert outcomes[1].value in choice.reason
    assert "Explicit VR Little Endian" in choice.reason
    assert ("which it reads" in choice.reason) == (outcomes[0] is E)


def test_nobody_in_particular_gets_explicit_vr_little_endian():
    choice = Policy().choose(None)
    assert choice.transfer_syntax == uids.EXPLICIT_LE
    assert "no consumer was named" in choice.reason


def test_what_was_not_probed_counts_as_not_read():
    found = Capability("tool", "", {}, ())
    assert Policy().choose(found).transfer_syntax == uids.EXPLICIT_LE


def test_rpcl_is_given_only_by_a_policy_that_prefers_it():
    everything = capability(E, E, E)
    assert Policy().choose(everything).transfer_syntax == uids.HTJ2K_LOSSLESS
    mine = Policy(preferred=uids.HTJ2K_LOSSLESS_RPCL)
    assert mine.choose(everything).transfer_syntax == uids.HTJ2K_LOSSLESS_RPCL
    assert mine.choose(capability(E, E, R)).transfer_syntax == uids.EXPLICIT_LE


def test_a_policy_does_not_change():
    with pytest.raises(FrozenInstanceError):
        Policy().preferred = uids.HTJ2K_LOSSLESS_RPCL


@pytest.mark.parametrize("uid", OFFERED_SYNTAXES)
def test_uids_and_short_names(uid):
    short = {
        uids.HTJ2K_LOSSLESS: "htj2k",
        uids.HTJ2K_LOSSLESS_RPCL: "htj2k-rpcl",
        uids.EXPLICIT_LE: "Explicit",
        uids.IMPLICIT_LE: "implicit",
        uids.DEFLATED: "deflated",
    }[uid]
    assert transfer_syntax_uid(uid) == transfer_syntax_uid(short) == uid
    assert syntax_name(uid) != uid


@pytest.mark.parametrize("name", ["", "jpeg", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.2"])
def test_others_are_refused_with_a_list(name):
    with pytest.raises(TransferSyntaxError, match=r"htj2k-rpcl \(1\.2\.840\.10008\.1\.2\.4\.202\)"):
        transfer_syntax_uid(name)
