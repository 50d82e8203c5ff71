"""Identifiers of a multi-frame image, derived so that the same file gives the same ones."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from dicube_plugins.multiframe._values import text_of

if TYPE_CHECKING:
    from dicube_core.reader import Reader
    from dicube_plugins.multiframe._columns import Columns

__all__ = ["Identity", "derive_identity"]

_SOP_INSTANCE, _SERIES = 0x00080018, 0x0020000E


@dataclass(frozen=True, slots=True)
class Identity:
    """Identifiers of the image, derived from those of its slices.

    Parameters
    ----------
    instance, series, dimensions, study, frame_of_reference : str
        UIDs; the last two for series that have none.
    """

    instance: str
    series: str
    dimensions: str
    study: str
    frame_of_reference: str


def derive_identity(columns: Columns, reader: Reader) -> Identity:
    """Derive the identifiers: the same for the same file, others for other slices or values."""
    slices = columns.get(_SOP_INSTANCE)
    frames = repr((reader.pixel_format, reader.pixel_header.to_dict())).encode()
    seeds = [frames]
    if slices is not None and slices.in_all and len(slices.distinct()) == reader.frame_count:
        seeds += [value for value in slices.values if value] or [slices.shared or b""]
    else:  # nothing names the slices, so everything that is known of them has to
        for column in columns.values():
            seeds += [column.shared or b"", *(value or b"" for value in column.values)]
        seeds += [reader.container.index.lengths.tobytes()]
    seed = sha256(b"".join(sha256(part).digest() for part in seeds)).digest()

    def derived(purpose: str) -> str:
        digest = sha256(b"dicube multi-frame\0" + purpose.encode() + b"\0" + seed).digest()
        return f"2.25.{uuid.UUID(bytes=digest[:16], version=5).int}"  # PS3.5 B.2

    series = columns.get(_SERIES)
    first = text_of(series.at(0)) if series is not None else ""
    return Identity(
        instance=derived("instance"),
        series=derived(f"series {first}"),
        dimensions=derived("dimensions"),
        study=derived("study"),
        frame_of_reference=derived("frame of reference"),
    )
