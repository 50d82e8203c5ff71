"""A decoder that was probed, without a GPU."""

from __future__ import annotations

import pytest
import stand_in_devices

from dicube_plugins.gpu._capability import DeviceCapability
from dicube_plugins.gpu._compare import examine_decoder
from dicube_plugins.gpu._driver import Device
from dicube_plugins.gpu._probed import ProbedDecoder


@pytest.fixture(scope="session")
def capability():
    """What a right decoder can."""
    return DeviceCapability("GPU 0 (stand-in)", examine_decoder(stand_in_devices.Right()))


@pytest.fixture
def make_probed(capability):
    """Return a function that makes a probed decoder of a stand-in."""

    def make(name="Right", said=None):
        return ProbedDecoder(getattr(stand_in_devices, name)(), said or capability)

    return make


@pytest.fixture
def device():
    """A GPU, as the driver tells of it."""
    return Device(0, "Some GPU", "ab" * 16, "CUDA 12.9, 575.1", {"nvidia-nvimgcodec-cu12": "0.9.0"})
