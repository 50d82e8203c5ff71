"""What may come of hostile bytes: a result that keeps its promises, or a documented error."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING, NamedTuple, ParamSpec, TypeVar

from dicube_core.exceptions import DicomCubeError

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydicom.dataset import Dataset

__all__ = ["Finding", "attempt", "in_pydicom", "pydicom_reads", "raw_elements", "require"]

P = ParamSpec("P")
R = TypeVar("R")

#: What stands in error texts only where nobody thought of the case.
_INTERNALS = (
    *("NoneType", "object has no attribute", "not subscriptable", "unpack", "unsupported operand"),
    *("list index out of range", "object is not", "must be str", "argument of type"),
)


class Finding(AssertionError):  # noqa: N818 - what fuzzing calls it
    """A promise was broken."""


def require(condition: object, message: str, *facts: object) -> None:
    """Raise a `Finding` unless the condition holds."""
    if not condition:
        raise Finding(": ".join((message, *(repr(fact)[:300] for fact in facts))))


def attempt(function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R | None:
    """Return a result, None where it ends in an error of the package's tree.

    Every other exception passes, and so is a finding; a text that shows internals is one, too.
    """
    try:
        return function(*args, **kwargs)
    except DicomCubeError as error:
        text = str(error)
        require(text.strip(), "an error says nothing", type(error).__name__)
        found = [mark for mark in _INTERNALS if mark in text]
        require(not found, "an error shows internals", text)
        return None


class RawElement(NamedTuple):
    """One element as pydicom found it."""

    tag: int
    vr: str | None
    value: bytes


def in_pydicom(data: bytes) -> Dataset | None:
    """Read a file with pydicom; None where it cannot."""
    import pydicom

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return pydicom.dcmread(io.BytesIO(data), force=True)
        except Exception:  # noqa: BLE001 - it raises whatever comes
            return None


def pydicom_reads(data: bytes, what: str) -> Dataset:
    """Read a file that this package made; a file that pydicom cannot read is a finding."""
    dataset = in_pydicom(data)
    if dataset is None:
        raise Finding(f"{what}: pydicom cannot read what was delivered")
    return dataset


def raw_elements(dataset: Dataset) -> dict[int, RawElement]:
    """Return the elements of one level whose bytes pydicom keeps: not sequences, not pixels."""
    found = {}
    for tag in dataset.keys():  # noqa: SIM118 - not a dict
        try:
            raw = dataset.get_item(tag)
        except Exception:  # noqa: BLE001 - of a value representation that it does not know
            continue
        if getattr(raw, "is_raw", False) and isinstance(raw.value, bytes | None):
            found[int(tag)] = RawElement(int(tag), raw.VR, raw.value or b"")
    return found
