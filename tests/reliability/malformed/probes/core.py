"""Reading with the core itself."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import dicube_core
from dicube_core.exceptions import DicomCubeError
from reliability.malformed.probes.digests import digest
from reliability.malformed.variant import Probe

if TYPE_CHECKING:
    from pathlib import Path

    from dicube_core.image import DicomCubeImage
    from dicube_core.reader import Reader

    Facets = dict[str, str]

__all__ = ["SHOWN", "VALUES", "facets_of_reader", "image_facets", "probes", "read_copy"]

#: Facets that modality values follow from.
VALUES = "pixels+values"
#: Facets that windows, proportions and colours of a picture follow from.
SHOWN = "geometry+facts+metadata"


def _meta(meta: Any) -> Any:
    return None if meta is None else json.dumps(dict(meta.items()), sort_keys=True)


def image_facets(image: DicomCubeImage) -> Facets:
    """Return what an image in memory tells."""
    header = image.pixel_header.to_dict()
    return {
        "pixels": digest(image.raw_image),
        VALUES: digest(image.get_fdata("float64")),
        "metadata": digest(_meta(image.dicom_meta)),
        "headers": digest(_listed(image.headers), _listed(image.instance_headers), image.frame_map),
        "geometry": digest(image.space),
        "facts": digest(
            header, image.dicom_status.value, image.source_header, repr(image.pixel_format)
        ),
        "geometry+metadata": digest(repr(image.dimensions)),
    }


def _listed(headers: Any) -> Any:
    return None if headers is None else list(headers)


def _load(path: Path, _: Path) -> Facets:
    return image_facets(dicube_core.load(path))


def _load_without_metadata(path: Path, _: Path) -> Facets:
    image = dicube_core.load(path, skip_meta=True)
    return {
        "pixels": digest(image.raw_image),
        "geometry": digest(image.space),
        "facts": digest(image.pixel_header.to_dict(), image.dicom_status.value),
    }


def _load_meta(path: Path, _: Path) -> Facets:
    return {"metadata": digest(_meta(dicube_core.load_meta(path)))}


def facets_of_reader(reader: Reader) -> Facets:
    """Return whatever an open file tells, frames one by one."""
    report = reader.report()
    found = [] if report is None else [finding.message for finding in report.findings]
    frames = [reader.frame(index) for index in range(reader.frame_count)]
    return {
        "pixels": digest(*frames),
        # No lie may differ in this: what has checksums keeps them, what has none says so.
        "validated": digest(reader.validated),
        "metadata": digest(_meta(reader.dicom_meta)),
        "headers": digest(
            _listed(reader.headers),
            _listed(reader.instance_headers),
            reader.frame_map,
            reader.kept_encodings,
        ),
        "geometry": digest(reader.geometry),
        "geometry+metadata": digest(
            found, repr(reader.dimensions), reader.volume_geometry, reader.sheared_affine()
        ),
        "facts": digest(
            reader.shape,
            reader.dtype.str,
            reader.codec_name,
            repr(reader.pixel_format),
            reader.pixel_header.to_dict(),
            reader.dicom_status.value,
            reader.writer,
            reader.source_header,
        ),
    }


def _lazy(path: Path, _: Path) -> Facets:
    with dicube_core.open(path) as reader:
        return facets_of_reader(reader)


def _reduced(path: Path, _: Path) -> Facets:
    """Read some frames backwards and at half their size where there is such a form."""
    with dicube_core.open(path) as reader:
        level = int(reader.codec_name.startswith("htj2k"))
        return {
            "pixels": digest(reader.frames(slice(None, None, -1), level=level)),
            "facts": digest(reader.shape),
        }


def _from_memory(path: Path, _: Path) -> Facets:
    """Read bytes and an open file, in which an error has the name that such things have."""
    try:
        with dicube_core.open(path.read_bytes()) as reader:
            return facets_of_reader(reader)
    except DicomCubeError as exc:
        raise DicomCubeError(f"{path.name} in memory: {exc}") from exc


def read_copy(path: Path, made: Path) -> DicomCubeImage:
    """Return what was made of a file without decoding it.

    Damage inside of a frame is found by who reads the frame: in the new file, which is named.
    """
    try:
        image = dicube_core.load(made)
        list(image.headers or ())  # those of frames of larger instances are made here
    except DicomCubeError as exc:
        made.unlink()
        if made.name not in str(exc):
            raise
        raise DicomCubeError(f"{path}: the file made of it: {exc}") from exc
    return image


def _verify(path: Path, _: Path) -> Facets:
    """A file that is said to be whole must be readable, and hold the right data."""
    report = dicube_core.verify_file(path)
    if not report.ok:
        raise DicomCubeError(f"{report.path}: {'; '.join(report.failures[:3])}")
    try:
        with dicube_core.open(path) as reader:
            return facets_of_reader(reader)
    except DicomCubeError as exc:
        raise AssertionError(f"verify says that it is whole, reading says: {exc}") from exc


def probes() -> tuple[list[Probe], tuple[str, ...]]:
    """Return the probes of the core."""
    return [
        Probe("load", _load),
        Probe("load without metadata", _load_without_metadata),
        Probe("load_meta", _load_meta),
        Probe("lazy reading", _lazy),
        Probe("lazy reading, from memory", _from_memory),
        Probe("lazy reading, half size", _reduced),
        Probe("verify", _verify, reads_all=True, proves=frozenset(("metadata",))),
    ], ()
