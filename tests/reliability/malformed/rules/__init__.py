"""The rules that malformed files are made by; one module for each family of them.

A rule puts one change into a good file, where that applies in three ways: as damage (checksums as
they were), with checksums computed again (as an attacker would), and into a file without any.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from reliability.malformed.rules import (
    codestream_fields,
    codestream_markers,
    directory,
    extension_parts,
    frame_tables,
    frames,
    geometry,
    header_fields,
    header_table,
    json_text,
    json_types,
    merged_metadata,
    other_codecs,
    truncation,
    zstd,
)
from reliability.malformed.rules.mutations import mutations
from reliability.malformed.rules.undetectable import undetectable

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import ModuleType

    from reliability.malformed.variant import Base, Variant

__all__ = ["RULES", "all_variants", "mutations", "undetectable"]

#: In the order of a file.
RULES: tuple[ModuleType, ...] = (
    truncation,
    header_fields,
    directory,
    extension_parts,
    header_table,
    json_text,
    json_types,
    merged_metadata,
    zstd,
    geometry,
    frame_tables,
    frames,
    codestream_markers,
    codestream_fields,
    other_codecs,
)
#: What every base is tried on in full; of the others' common rules a part is enough.
_WHOLE = ("ours", "legacy")
_COMMON = (truncation, header_fields, directory, json_text, json_types, merged_metadata, geometry)
_COMMON += (zstd, frame_tables)
_STEP = 7


def all_variants(base: Base) -> Iterator[Variant]:
    """Yield every malformed file that the rules make of a base, in a fixed order.

    Of ``ours`` and ``legacy`` all there are. Of other bases every seventh of the rules that have
    nothing to do with what is special about them.
    """
    for rule in RULES:
        step = _STEP if rule in _COMMON and base.name not in _WHOLE else 1
        yield from islice(rule.variants(base), 0, None, step)
