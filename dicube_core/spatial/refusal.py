"""How to say that a series has no affine: the same words everywhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.exceptions import GeometryError

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["no_true_affine"]

_HOW_TO_READ = (
    "read the slices without an affine: dicube_core.open(path).frames() for their stored values, "
    "dicube_core.dicom.DcbStreamingReader(path) for DICOM files; dicube_core.open(path).dimensions "
    "says which frames make which volume; 'dcbs info' lists all findings"
)


def no_true_affine(name: str, findings: Sequence[str] = ()) -> GeometryError:
    """Return the error that says why slices form no regular grid, and how to read them anyway.

    Parameters
    ----------
    name : str
        The file, or what else holds the slices.
    findings : sequence of str
        What is known of the cause, in words.
    """
    cause = f": {'; '.join(findings)}" if findings else ""
    return GeometryError(
        f"{name}: the slices form no regular grid, so there is no true affine{cause}",
        suggestion=_HOW_TO_READ,
        details={"path": name, "findings": list(findings)},
    )
