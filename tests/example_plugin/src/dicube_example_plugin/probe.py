"""Reads slices with the consumer and writes down what it got: ``probe.py ANSWER SLICE...``.

`dicube_plugins.Consumer` says what the answer looks like. It compares the values itself: a probe
never says that something is right, it says what was read.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any


def read(path: str) -> dict[str, Any]:
    """Return the stored values of a slice, or what went wrong."""
    import pydicom

    try:
        return {"values": pydicom.dcmread(path).pixel_array.ravel().tolist()}
    except Exception as exc:  # noqa: BLE001 - whatever it is, it is the answer
        return {"error": f"{type(exc).__name__}: {exc}"}


def main(answer: str, *paths: str) -> None:
    """Write the answer."""
    try:
        import pydicom
    except ImportError as exc:
        found: dict[str, Any] = {"missing": str(exc)}
    else:
        found = {
            "versions": {"pydicom": pydicom.__version__},
            "slices": [read(path) for path in paths],
        }
    Path(answer).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
