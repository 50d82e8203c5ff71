"""What the core does not know, others may: they are asked through entry points.

The core imports none of them before; who answers is up to what is installed.
"""

from __future__ import annotations

import warnings
from typing import Any

from dicube_core.exceptions import DicomCubeWarning

__all__ = ["UNKNOWN_CODEC", "UNKNOWN_SOURCE", "first_answer"]

#: Entry points in these groups are functions of one argument that return None where they do not
#: know it either: the name of a codec, for what makes it; a source, for a `ByteSource`.
UNKNOWN_CODEC = "dicube.unknown_codec"
UNKNOWN_SOURCE = "dicube.unknown_source"


def first_answer(group: str, question: object) -> Any:
    """Return the first answer of the entry points in a group, None where there is none.

    What they raise passes through. One that cannot be imported is warned of and left out.
    """
    from importlib.metadata import entry_points

    for entry_point in sorted(entry_points(group=group), key=lambda e: e.name):
        try:
            function = entry_point.load()
        except Exception as exc:  # noqa: BLE001 - third-party code
            warnings.warn(f"{entry_point.value}: {exc}", DicomCubeWarning, stacklevel=2)
            continue
        answer = function(question)
        if answer is not None:
            return answer
    return None
