"""Take a file apart and put it together with other sections, through the package's own writer.

Every checksum is right, as an attacker would make it. The many lies that can be told are made by
the rules in ``tests/reliability/malformed``; this is for tests of a single one.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import dicube_core
from dicube_core.container.extension import SLICE_HEADERS
from dicube_core.container.writer import ContainerWriter, SeriesSections

if TYPE_CHECKING:
    from dicube_core.dicom.headers import SliceHeader

__all__ = ["build"]


def _sections(data: bytes) -> tuple[SeriesSections, list[bytes], list[SliceHeader]]:
    """Take a good file apart."""
    with dicube_core.open(data) as reader:
        container = reader.container
        parts = {tag: container.part(tag) or b"" for tag in (SLICE_HEADERS, b"WRTR")}
        description = {
            key: value
            for key, value in container.description.items()
            if key not in ("extension", "header_crc32")
        }
        sections = SeriesSections(
            dicom_status=container.section("dicom_status"),
            dicom_meta=container.section("dicom_meta"),
            space=container.section("space"),
            pixel_header=dict(container.pixel_header),
            description=description,
            extension=parts,
        )
        return (
            sections,
            [reader.codestream(i) for i in range(len(reader))],
            list(reader.headers or ()),
        )


def build(sections: SeriesSections, codestreams: list[bytes]) -> bytes:
    """Put a file together with right checksums."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.dcbs"
        with ContainerWriter(path, sections, len(codestreams)) as writer:
            for codestream in codestreams:
                writer.append(codestream)
            writer.commit()
        return path.read_bytes()
