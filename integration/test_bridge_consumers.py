"""Current readers are shown to read HTJ2K, and read real slices right in both forms."""

import numpy as np
import pytest
from bridge_peers import FILES, FORMS, deliver_apart, given_file, read_by, truth

from dicube_core.dataset import uids
from dicube_plugins import Outcome, capability_of, to_dicom

#: Consumer -> whether it gives modality values (else stored ones).
CONSUMERS = {"pydicom:pylibjpeg": False, "gdcm": False, "SimpleITK": True, "dcm2niix": True}


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def capability(name):
    found = capability_of(name, refresh=True)
    if found.results[0].outcome is Outcome.MISSING:
        pytest.skip(f"{name} is not installed: {found.results[0].message}")
    return found


@pytest.mark.parametrize("name", CONSUMERS)
def test_the_probe_says_yes(name):
    found = capability(name)
    outcomes = {r.transfer_syntax: r.outcome for r in found.results}
    assert outcomes[uids.EXPLICIT_LE] is Outcome.EQUAL, found.results[0].message
    assert outcomes[uids.HTJ2K_LOSSLESS] is Outcome.EQUAL, found.results[1].message
    assert found.version


def test_dcm2niix_reads_one_form_of_htj2k_and_not_the_other():
    found = capability("dcm2niix")
    assert found.reads(uids.HTJ2K_LOSSLESS)
    assert not found.reads(uids.HTJ2K_LOSSLESS_RPCL)
    assert "Unsupported transfer syntax" in found.results[2].message


def test_pydicoms_gdcm_plugin_does_not_read_htj2k():
    found = capability("pydicom:gdcm")
    assert found.reads(uids.EXPLICIT_LE)
    assert found.result(uids.HTJ2K_LOSSLESS).outcome is Outcome.ERROR


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("name", CONSUMERS)
def test_values_are_equal_in_both_forms(name, file, tmp_path):
    given = given_file(file, tmp_path)
    stored, modality = truth(given)
    for form in FORMS:
        paths = deliver_apart(given, form, tmp_path)
        found = read_by(name, paths, tmp_path / f"read-{form}")
        for values, expected in zip(found, modality if CONSUMERS[name] else stored, strict=True):
            np.testing.assert_array_equal(values.reshape(expected.shape), expected)


@pytest.mark.parametrize("name", CONSUMERS)
def test_the_bridge_gives_them_htj2k(name, tmp_path):
    capability(name)
    given = given_file("phantom", tmp_path)
    delivery = to_dicom(given.file, tmp_path / "out", consumer=name)
    assert delivery.transfer_syntax == uids.HTJ2K_LOSSLESS
    assert delivery.capability.from_cache
    assert name in delivery.reason
