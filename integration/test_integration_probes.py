"""Every integration is shown by effect, as ``dcbs doctor --integrations`` does."""

from __future__ import annotations

import pytest

from dicube_plugins.capability import Outcome
from dicube_plugins.integrations import INTEGRATIONS, probe_integrations

#: Needs a device.
_DEVICE = "nvImageCodec"


def test_values_and_affine_are_right_through_every_framework():
    """One test for all: they are probed side by side."""
    reports = probe_integrations([one for one in INTEGRATIONS if one.name != _DEVICE])
    wrong = [
        f"{report.integration.name}: {report.outcome}: {report.message}"
        for report in reports
        if report.outcome not in (Outcome.EQUAL, Outcome.MISSING)
    ]
    assert wrong == []
    missing = [r.integration.name for r in reports if r.outcome is Outcome.MISSING]
    if missing:
        pytest.skip(f"{', '.join(missing)} is not installed")


def test_a_device_is_right_or_not_there():
    (report,) = probe_integrations([one for one in INTEGRATIONS if one.name == _DEVICE])
    if report.outcome is Outcome.MISSING:
        pytest.skip("there is no GPU, or nothing to use it with")
    assert report.outcome is Outcome.EQUAL, report.message
