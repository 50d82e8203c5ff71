"""Targets: what files hold as JSON."""

from __future__ import annotations

import json
from math import isfinite

from dicube_core.dataset._encode import encode_dataset
from dicube_core.dataset.json_model import dataset_to_json
from dicube_core.geometry import Geometry
from dicube_core.metadata.merge import merge, reorder, split
from dicube_core.metadata.meta import DicomMeta
from dicube_core.metadata.report import report_of
from dicube_core.pixel_header import PixelDataHeader
from dicube_core.pixels import PixelFormat
from reliability.fuzz import seeds
from reliability.fuzz.checks import attempt, pydicom_reads, require
from reliability.fuzz.mutate_json import mutate_json
from reliability.fuzz.target import Target

__all__ = ["TARGETS"]

_FEW = 6
_DESCRIBED = ("rows", "columns", "bits_allocated", "bits_stored", "pixel_representation",
              "high_bit", "photometric_interpretation", "samples_per_pixel",
              "planar_configuration", "real")  # fmt: skip
_PREAMBLE = bytes(128) + b"DICM"
_META = b"\2\0\x10\0UI\x14\x001.2.840.10008.1.2.1\0"


def metadata(data: bytes) -> None:
    """Read merged metadata, as text, and take it apart into slices again."""
    meta = attempt(DicomMeta.from_json, data)
    if meta is None or meta.slice_count > _FEW:
        return
    require(attempt(DicomMeta.from_json, meta.to_json()) == meta, "written and read it differs")
    models = [meta.index(number) for number in range(meta.slice_count)]
    for model in models:
        _check_model(model)
    if models:
        merged = merge(models)
        found = [split(merged, number) for number in range(len(models))]
        require(repr(found) == repr([dict(sorted(m.items())) for m in models]), "merged it differs")
        order = range(len(models))[::-1]
        turned = reorder(meta.merged_data, order)
        for new, old in enumerate(order):
            require(split(turned, new) == models[old], "reordered it differs", old)
    for tag in meta.keys()[:20]:
        meta.get_values(tag)
        attempt(meta.get_shared_value, tag)
        meta.is_shared(tag)
        meta.is_missing(tag)
        for number in range(meta.slice_count):
            meta.get_state(tag, number)
    _ = meta.untrusted
    report = attempt(report_of, meta)
    if report is not None and report.geometry is not None:
        require(all(map(isfinite, report.geometry.affine.ravel())), "an affine is not finite")


def _check_model(model: dict[str, dict[str, object]]) -> None:
    """What can be written must read the same, to us and to pydicom."""
    encoded = attempt(encode_dataset, model)
    if encoded is None:
        return
    back = attempt(dataset_to_json, encoded)
    require(back is not None, "we cannot read what we wrote", encoded)
    written = {tag for tag in model if tag[4:] != "0000" and tag[:4] != "FFFE"} - {"7FE00010"}
    require(back is not None and set(back) == written, "elements were lost", back, model)
    if not any(tag.startswith(("FFFE", "0000", "0002")) for tag in model):
        dataset = pydicom_reads(_PREAMBLE + _META + encoded, "metadata")
        expected = {int(tag, 16) for tag in model if tag[4:] != "0000"}
        require({int(tag) for tag in dataset.keys()} == expected, "pydicom sees others")  # noqa: SIM118


def space(data: bytes) -> None:
    """Read a space section."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return
    geometry = attempt(Geometry.from_json_dict, value)
    if geometry is None:
        return
    text = json.dumps(geometry.to_json_dict(), allow_nan=False)
    require(Geometry.from_json_dict(json.loads(text)) == geometry, "written and read it differs")
    affine = geometry.affine
    require(all(map(isfinite, affine.ravel())), "an affine is not finite", affine)
    require(all(map(isfinite, geometry.frame_position(geometry.shape[0] - 1))), "no position")
    require(geometry.reverse_axis_order().reverse_axis_order() == geometry, "reversed it differs")
    _ = (geometry.affine_xyz_ras, geometry.is_right_handed, geometry.to_dicom_orientation())


def pixels(data: bytes) -> None:
    """Read a pixel header and the description of frames that our writer puts into it."""
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        return
    if not isinstance(value, dict):
        return
    header = attempt(PixelDataHeader.from_dict, value)
    if header is not None:
        again = PixelDataHeader.from_dict(json.loads(json.dumps(header.to_dict())))
        require(repr(again) == repr(header), "written and read it differs")
        if attempt(lambda: header.check_frame_count(2) or True):
            require(all(map(isfinite, (*header.rescale(0), *header.rescale(1)))), "no rescale")
    described = value.get("DicubeCore")
    if isinstance(described, dict):
        known = {name: described[name] for name in _DESCRIBED if type(described.get(name)) is int}
        try:
            pixel_format = attempt(PixelFormat, **known)
        except TypeError:  # fields are missing: `frame_format` looks at that
            return
        if pixel_format is not None:
            require(pixel_format.n_bytes > 0 and pixel_format.native_bits > 0, "a frame of nothing")
            _ = (pixel_format.dtype, pixel_format.shape, pixel_format.native_length)


_WORDS = (b'"vr":"', b'"shared":', b'"Value":[', b'"InlineBinary":"', b'"exact":', b'"counts":[')
_WORDS += (b'"absent":[', b"null", b"true", b"false", b'"untrusted":', b'"None"', b"1e999", b"NaN")

TARGETS = (
    Target("metadata", metadata, seeds.metadata_texts, mutate_json, 8192, _WORDS),
    Target("space", space, seeds.space_texts, mutate_json, 1024, _WORDS[6:]),
    Target("pixels", pixels, seeds.pixel_header_texts, mutate_json, 1024, _WORDS[6:]),
)
