"""What importing costs, and what is public."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import dicube_core
import dicube_core.dicom
import dicube_core.exceptions as errors

HEAVY = (
    *("numpy", "pydicom", "imagecodecs", "zstandard", "nibabel", "SimpleITK"),
    *("click", "rich", "PIL"),
)


def run(code: str) -> str:
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    return result.stdout.strip()


@pytest.mark.parametrize("module", ["dicube_core", "dicube_core.dicom", "dicube_plugins"])
def test_importing_loads_no_library(module):
    code = f"import sys, {module}; print([m for m in {HEAVY!r} if m in sys.modules])"
    assert run(code) == "[]"


def test_naming_the_version_loads_no_library():
    code = "import sys, dicube_core; dicube_core.__version__; print('numpy' in sys.modules)"
    assert run(code) == "False"


def test_a_bad_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nonsense"):
        _ = dicube_core.nonsense
    with pytest.raises(AttributeError, match="nonsense"):
        _ = dicube_core.dicom.nonsense


@pytest.mark.parametrize("module", [dicube_core, dicube_core.dicom, errors])
def test_every_public_name_exists(module):
    for name in module.__all__:
        assert getattr(module, name) is not None, name


def test_public_functions_are_not_hidden_by_modules_of_the_same_name():
    importlib.import_module("dicube_core.ingest")
    importlib.import_module("dicube_core.saving")
    for name in dicube_core.__all__:
        value = getattr(dicube_core, name)
        assert not hasattr(value, "__path__"), name
        assert type(value).__name__ != "module", name


def test_errors_are_the_documented_tree():
    children = (
        errors.InvalidCubeFileError,
        errors.CodecError,
        errors.MetaDataError,
        errors.DataConsistencyError,
    )
    for name in errors.__all__:
        kind = getattr(errors, name)
        if name != "DicomCubeWarning":
            assert issubclass(kind, errors.DicomCubeError), name
    for child in children:
        assert child.__base__ is errors.DicomCubeError


def test_errors_survive_pickling():
    import pickle

    error = errors.DecodeError("bad", context="here", suggestion="do", details={"frame": 3})
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is errors.DecodeError
    assert str(copy) == str(error) == "here: bad (do)"
    assert copy.details == {"frame": 3}
