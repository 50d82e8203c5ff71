"""imageio, with the adapter installed."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import dicube_plugins
from reliability.malformed.probes.core import VALUES
from reliability.malformed.probes.digests import digest, missing
from reliability.malformed.variant import Probe

if TYPE_CHECKING:
    from pathlib import Path

    Facets = dict[str, str]

__all__ = ["probes"]


def _imread(path: Path, _: Path) -> Facets:
    import imageio.v3 as iio

    dicube_plugins.install("imageio")
    found = iio.improps(path)
    shown = {key: value for key, value in iio.immeta(path).items() if key != "path"}
    return {
        VALUES: digest(iio.imread(path)),
        "geometry+facts+metadata": digest(found),
        "metadata+headers+facts": digest(shown),
    }


def _imiter(path: Path, _: Path) -> Facets:
    import imageio.v3 as iio

    dicube_plugins.install("imageio")
    stored = list(iio.imiter(path, rescale=False))
    shown = [iio.immeta(path, index=index) for index in range(len(stored))]
    return {"pixels": digest(*stored), "metadata+headers+facts": digest(*shown)}


def probes() -> tuple[list[Probe], tuple[str, ...]]:
    """Return the probes of imageio."""
    skipped = missing("imageio", "imageio")
    if skipped:
        return [], skipped
    # OSError is what imageio raises when none of its plugins takes a file; one that it asks about
    # files of a single byte raises the other.
    errors = (OSError, struct.error)
    return [
        Probe("imageio, imread", _imread, errors),
        Probe("imageio, imiter", _imiter, errors),
    ], ()
