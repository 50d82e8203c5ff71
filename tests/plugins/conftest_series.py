"""Write a series to a .dcbs file."""

from __future__ import annotations

import dicube_core


def write_series(folder, files, name="series.dcbs"):
    source = folder / "source"
    source.mkdir()
    for file_name, data in files.items():
        (source / file_name).write_bytes(data)
    dicube_core.convert(source, folder / name)
    return folder / name
