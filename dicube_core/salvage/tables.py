"""The two frame tables, made again from the frames; their checksums are the judges."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from dicube_core.checksum import crc32
from dicube_core.container.extension import Directory
from dicube_core.container.index import pack_u64
from dicube_core.container.layout import Section
from dicube_core.salvage.scanning import scan

if TYPE_CHECKING:
    from dicube_core.salvage.places import Places

__all__ = ["made_table"]


def made_table(places: Places, name: str, count: int) -> bytes | None:
    """Return ``frame_offsets`` or ``frame_lengths`` as written, None where nothing proves it.

    Frames follow each other behind the last section, so where all of them still look like frames
    they say where they lie. Frames in the encoding of their source have no such look.
    """
    entry = places.entries.get(Directory.base_tag(name))
    if entry is None or entry.section.length != 8 * count:
        return None
    first = max(section.stop for _, section in places.header.sections())
    seen = scan(places.source, [Section(0, first)], count)
    found = list(islice(seen, count))
    if len(found) != count:
        return None
    numbers = [place.offset if name == "frame_offsets" else place.length for place in found]
    table = pack_u64(numbers)
    return table if crc32(table) == entry.crc else None
