"""What no reader can tell in a file without checksums: the honest rest.

Such files are read, and `validated` is false. Kept apart from the other rules, whose files must
give the right data or an error.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from reliability.malformed.rules._file import layout, parts_of
from reliability.malformed.rules._ways import changed, patched
from reliability.malformed.rules.frames import reordered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from reliability.malformed.variant import Base, Variant

__all__ = ["undetectable"]

_FAMILY = "undetectable without checksums"
_PIXELS = frozenset(("pixels", "slices"))


def undetectable(base: Base) -> Iterator[Variant]:
    """Yield files whose pixels differ and that nothing tells; none for a base with checksums."""
    if base.checksums:
        return
    for name, order in (
        ("frames 0 and 1 change places", (1, 0, 2)),
        ("frame 0 in the place of 1", (0, 0, 2)),
        ("frames turned", (2, 1, 0)),
    ):
        change = partial(reordered, order)
        yield from changed(base, _FAMILY, name, change, may_differ=_PIXELS)
    for number in range(len(parts_of(base).frames)):
        span = layout(base)[f"frame {number}"]
        start = base.data.index(b"\xff\x93", span.start) + 2
        for place in range(start, span.stop - 2, 5):
            byte = base.data[place] ^ 1 << place % 8
            name = f"bit {place % 8} of packet byte {place - start} of frame {number}"
            for variant in patched(base, _FAMILY, name, place, bytes((byte,))):
                yield type(variant)(
                    variant.base, variant.family, variant.name, variant.make, False, _PIXELS
                )
