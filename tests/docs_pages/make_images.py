"""Draw the pictures of the README and the pages, from a generated series.

    python tests/docs_pages/make_images.py [FOLDER]

They are the same on every call, with the same versions of numpy and Pillow.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import dicube_core
from dicube_core.phantom import write_phantom_series

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"
#: Name of the picture -> options of ``dcbs preview``.
PICTURES = {
    "montage.png": ("--max-tiles", "10", "--columns", "5", "--size", "144"),
    "planes.png": ("--planes", "--size", "240"),
}


def draw(folder: Path, size: int = 256) -> None:
    """Draw all pictures into a folder."""
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        write_phantom_series(work / "series", 64, size=size)
        dicube_core.convert(work / "series", work / "series.dcbs")
        for picture, options in PICTURES.items():
            target = str(folder / picture)
            command = ["dcbs", "preview", str(work / "series.dcbs"), target, "--force", *options]
            subprocess.run(command, check=True)


if __name__ == "__main__":
    draw(Path(sys.argv[1]) if len(sys.argv) > 1 else IMAGES)
