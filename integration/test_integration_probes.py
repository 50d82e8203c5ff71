"""Every integration is shown by effect, as ``dcbs doctor --integrations`` does."""

from __future__ import annotations

import pytest

from dicube_plugins.capability import Outcome
from dicube_plugins.integrations import INTEGRATIONS, probe_integrations

#: Needs a device.
_MAY_BE_MISSING = {"nvImageCodec"}


@pytest.fixture(scope="module")
def reports():
    return {report.integration.name: report for report in probe_integrations()}


@pytest.mark.parametrize("name", [integration.name for integration in INTEGRATIONS])
def test_values_and_affine_are_right(reports, name):
    report = reports[name]
    if report.outcome is Outcome.MISSING and name in _MAY_BE_MISSING:
        pytest.skip("there is no GPU, or nothing to use it with")
    if report.outcome is Outcome.MISSING:
        pytest.skip(f"{name} is not installed: {report.message}")
    assert report.outcome is Outcome.EQUAL, report.message
