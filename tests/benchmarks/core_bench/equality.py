"""Nothing is timed before it is known that all contestants deliver the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np
import pydicom

import dicube_core

if TYPE_CHECKING:
    from core_bench.fixtures import Fixture
    from core_bench.peers import BareCodec

__all__ = ["UnequalError", "check_all"]

#: mm. 0.3.0 computes in another order, and from texts that it turns into floats earlier.
_GEOMETRY_TOLERANCE = 1e-6
_COMPARED = ("PatientID", "Modality", "SeriesInstanceUID", "PixelSpacing", "Rows")


class UnequalError(Exception):
    """Two contestants deliver different results; their times mean nothing."""


def _require(condition: object, what: str) -> None:
    if not condition:
        raise UnequalError(what)


def check_all(fixture: Fixture, bare: BareCodec) -> list[str]:
    """Check everything that is timed against the source; return what was found equal.

    Raises
    ------
    UnequalError
        Says what differs.
    """
    truth = _source_values(fixture)
    found = [*_check_ours(fixture, truth), *_check_bare(fixture, bare, truth)]
    if fixture.dicube is not None:
        found += _check_theirs(fixture)
    return found


def _source_values(fixture: Fixture) -> np.ndarray:
    """Read the series with pydicom alone, ordered along the normal of its slices."""
    datasets = [pydicom.dcmread(path) for path in fixture.source.files()]
    row, column = np.reshape([float(x) for x in datasets[0].ImageOrientationPatient], (2, 3))
    normal = np.cross(row, column)
    datasets.sort(key=lambda one: float(np.dot(normal, one.ImagePositionPatient)))
    return np.stack([dataset.pixel_array for dataset in datasets])


def _check_ours(fixture: Fixture, truth: np.ndarray) -> list[str]:
    folder_image = dicube_core.load_from_dicom_folder(fixture.source.folder)
    _require(np.array_equal(folder_image.raw_image, truth), "folder to image: values")
    paths = []
    for verify in (False, True):
        paths.append(Path(fixture.target(f"equal_{verify}")))
        dicube_core.convert(fixture.source.folder, paths[-1], verify=verify)
    contents = [path.read_bytes() for path in (fixture.ours, *paths)]
    _require(contents[0] == contents[1] == contents[2], "conversions differ in bytes")
    image = dicube_core.load(fixture.ours)
    _require(np.array_equal(image.raw_image, truth), "load: values")
    _require(image.space == folder_image.space, "load: geometry")
    saved = fixture.target("equal_saved")
    dicube_core.save(image, saved, verify=False)
    _require(Path(saved).read_bytes() == contents[0], "save: bytes")
    report = dicube_core.verify_against(fixture.ours, fixture.source.folder)
    _require(report.ok, "the file is not the source, element by element")
    return ["ours: folder, conversions, load and save give the source's values and elements"]


def _check_bare(fixture: Fixture, bare: BareCodec, truth: np.ndarray) -> list[str]:
    _require(np.array_equal(bare.decode(), truth), "bare decoder: values")
    _require(np.array_equal(bare.decode_reused(), truth), "bare decoder: values")
    decoded = [imagecodecs.htj2k_decode(data) for data in bare.encode()]
    _require(np.array_equal(np.stack(decoded), truth), "bare encoder: values")
    with dicube_core.open(fixture.ours) as reader:
        previews = [imagecodecs.htj2k_decode(data, skipres=2) for data in fixture.codestreams]
        _require(_same_but_clipped(reader.frames(level=2), np.stack(previews)), "preview: values")
    return ["bare codec: the same values, full and 1/4 size"]


def _same_but_clipped(ours: np.ndarray, bare: np.ndarray) -> bool:
    """Compare previews; the bare decoder lets what is beyond the depth wrap around."""
    differs = ours != bare
    return not differs.any() or set(np.unique(ours[differs])) <= {ours.min(), ours.max()}


def _check_theirs(fixture: Fixture) -> list[str]:
    ours = dicube_core.load(fixture.ours)
    values = ours.get_fdata("float64")
    candidates = {
        "its folder image": fixture.their_folder_image(),
        "its file read by itself": fixture.dicube.load(str(fixture.theirs)),
        "our file read by it": fixture.dicube.load(str(fixture.ours)),
        "its file read by us": dicube_core.load(fixture.theirs),
    }
    for name, other in candidates.items():
        _require(np.array_equal(values, other.get_fdata("float64")), f"{name}: modality values")
        difference = np.abs(_affine(ours.space) - _affine(other.space)).max()
        _require(difference < _GEOMETRY_TOLERANCE, f"{name}: geometry, by {difference} mm")
    its_meta = fixture.dicube.load_meta(str(fixture.theirs))
    with dicube_core.open(fixture.ours) as reader:
        for keyword in _COMPARED:
            tag = pydicom.tag.Tag(keyword)
            our_value = reader.dicom_meta.get_shared_value(tag)
            its_value = its_meta.get_shared_value(tag)
            _require(our_value == its_value, f"{keyword}: {our_value!r} against {its_value!r}")
    return ["dicube: the same modality values and geometry from either file by either package"]


def _affine(space: Any) -> np.ndarray:
    """Return the matrix from array index to mm, from the attributes that both packages have."""
    matrix = np.zeros((3, 4))
    axes = (space.x_orientation, space.y_orientation, space.z_orientation)
    for axis, (direction, spacing) in enumerate(zip(axes, space.spacing, strict=True)):
        matrix[:, axis] = np.multiply(direction, spacing)
    matrix[:, 3] = space.origin
    return matrix
