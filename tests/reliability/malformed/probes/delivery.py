"""Delivery by the bridge, and as one multi-frame image."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import dicube_core
from dicube_plugins import to_dicom, to_multiframe
from dicube_plugins.multiframe import whole_file
from reliability.malformed.probes.digests import digest, digest_files
from reliability.malformed.variant import Probe

if TYPE_CHECKING:
    from pathlib import Path

    Facets = dict[str, str]

__all__ = ["MADE", "probes"]

#: A multi-frame image is made of the slices, where these lie, and what the pixel header says.
MADE = "slices+geometry+facts"


def _folder(syntax: str, path: Path, folder: Path) -> Facets:
    done = to_dicom(path, folder / "slices", syntax)
    files = [folder / "slices" / name for name in done.names]
    return {"slices": digest_files(folder, files)}


def _archive(name: str, path: Path, folder: Path) -> Facets:
    to_dicom(path, folder / name)
    return {"slices": digest_files(folder, [folder / name])}


def _multiframe(syntax: str, path: Path, folder: Path) -> Facets:
    to_multiframe(path, folder / "image.dcm", syntax)
    return {MADE: digest_files(folder, [folder / "image.dcm"])}


def _lazy_multiframe(path: Path, _: Path) -> Facets:
    """Head and pixels of the image that stands for the file, read in pieces, the end first."""
    with dicube_core.open(path) as reader:
        image = whole_file(reader)
        pixels = image.pixel_data()
        size = pixels.seek(0, 2)
        pixels.seek(size // 2)
        end = pixels.read()
        pixels.seek(0)
        start = pixels.read(size // 2)
        if start + end != image.pixel_data().read():
            raise AssertionError("pixels read in two pieces differ from those read at once")
        return {MADE: digest(image.head(), start, end, image.tail())}


def probes() -> tuple[list[Probe], tuple[str, ...]]:
    """Return the probes of the bridge."""
    syntaxes = ("auto", "htj2k", "implicit")
    return [
        *(Probe(f"bridge, {name}", partial(_folder, name)) for name in syntaxes),
        *(Probe(f"bridge, {name}", partial(_archive, f"s.{name}")) for name in ("zip", "tar")),
        Probe("multi-frame, HTJ2K", partial(_multiframe, "htj2k")),
        Probe("multi-frame, explicit", partial(_multiframe, "explicit")),
        Probe("multi-frame, lazy", _lazy_multiframe),
    ], ()
