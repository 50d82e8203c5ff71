from __future__ import annotations

import pytest

import dicube_core


@pytest.fixture(autouse=True)
def one_thread():
    """Starting threads for a handful of tiny frames would take most of the time."""
    before = dicube_core.get_num_threads()
    dicube_core.set_num_threads(1)
    yield
    dicube_core.set_num_threads(before)
