"""The adapter, as long as a test runs."""

from __future__ import annotations

import pytest

import dicube_plugins


@pytest.fixture
def adapter():
    """The adapter, as long as a test runs."""
    pytest.importorskip("itk")
    dicube_plugins.install("itk")
    yield
    dicube_plugins.uninstall("itk")
