"""Addresses as frameworks hand them on."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicube_plugins.volume.urls import as_given, ends_as_ours


@pytest.mark.parametrize(
    "address",
    ["https://host/a/x.dcbs", "https://host/x.dcbs?X-Signature=a/b", "simplecache::s3://b/x.dcbs"],
)
def test_addresses_that_were_made_paths(address):
    assert as_given(Path(address)) == as_given(address) == address
    assert ends_as_ours(Path(address))
    assert ends_as_ours(address.replace(".dcbs", ".DCBS"))


@pytest.mark.parametrize("path", ["x.nii.gz", "x.dcbs?y", "https://h/x.nii?name=x.dcbs.nii"])
def test_what_does_not_end_as_ours(path):
    assert not ends_as_ours(path)
