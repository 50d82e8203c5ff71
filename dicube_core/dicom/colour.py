"""What the samples of a colour frame are once they are decoded, and how a header says so.

Decoding a colour frame never converts colour here: the reversible and irreversible transforms of
JPEG 2000 are undone by every decoder (so the samples are RGB), a JPEG frame stays what it is, and
samples left out of it (4:2:2) are filled in by the decoder.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dicube_core.dataset.elements import element_header, walk

if TYPE_CHECKING:
    from dicube_core.dicom.headers import SliceHeader

__all__ = ["RELABELLED", "decoded_photometric", "relabelled"]

_GROUP_LENGTH = 0x00280000
_PHOTOMETRIC = 0x00280004
_PLANAR = 0x00280006
#: Elements that `relabelled` may change.
RELABELLED = frozenset((_GROUP_LENGTH, _PHOTOMETRIC, _PLANAR))
_JPEG = frozenset(
    f"1.2.840.10008.1.2.4.{number}" for number in ("50", "51", "57", "70", "80", "81")
)
#: Codestream markers without a segment (T.81 table B.1).
_BARE = frozenset((0x01, *range(0xD0, 0xD9)))
_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC} | {0xF7}


def decoded_photometric(photometric: str, syntax: str, frame: bytes) -> str:
    """Return the photometric interpretation of decoded samples.

    Parameters
    ----------
    photometric : str
        As the source's header says it.
    syntax : str
        Transfer Syntax UID of the source.
    frame : bytes
        The first compressed frame, or its beginning. A JPEG frame says itself whether it is RGB
        (names of its components) or YBR (JFIF); pydicom believes it rather than the header, and
        so does this function.
    """
    if photometric in ("YBR_RCT", "YBR_ICT"):
        return "RGB"
    if syntax in _JPEG:
        names, is_jfif = _jpeg_colour(frame)
        if names in (b"RGB", b"rgb"):
            return "RGB"
        if is_jfif and "YBR" not in photometric:
            return "YBR_FULL"
    return "YBR_FULL" if photometric == "YBR_FULL_422" else photometric


def _jpeg_colour(frame: bytes) -> tuple[bytes, bool]:
    """Return the names of the components, and whether there is a JFIF segment (T.81 annex B)."""
    is_jfif = False
    position = 2
    while position + 4 <= len(frame) and frame[position] == 0xFF:
        marker = frame[position + 1]
        if marker == 0xFF or marker in _BARE:
            position += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(frame[position + 2 : position + 4], "big")
        content = frame[position + 4 : position + 2 + length]
        if marker in _FRAME_HEADERS:
            return content[6::3][: content[5] if len(content) > 5 else 0], is_jfif
        if marker == 0xDA:
            break
        is_jfif = is_jfif or (0xE0 <= marker < 0xF0 and content.startswith(b"JFIF"))
        position += 2 + max(2, length)
    return b"", is_jfif


def relabelled(
    header: SliceHeader, photometric: str | bytes, planar_configuration: int | None = None
) -> SliceHeader:
    """Return a header with another photometric interpretation and planar configuration.

    Only the values of these two elements change, and the length of their group where it is
    given. An element that is not there is not added. Bytes are a value with its padding.
    """
    text = photometric
    if isinstance(text, str):
        text = text.encode("ascii")
        text += b" " * (len(text) % 2)
    values = {_PHOTOMETRIC: text}
    if planar_configuration is not None:
        values[_PLANAR] = planar_configuration.to_bytes(2, "little")
    head, encoding = header.head, header.encoding
    elements = [e for e in walk(head, encoding) if e.tag in RELABELLED]
    grown = 0
    pieces: list[bytes] = []
    position = 0
    for element in elements:
        if element.tag == _GROUP_LENGTH:
            continue
        value = values.get(element.tag)
        if value is None or value == head[element.value : element.value_stop]:
            continue
        vr = head[element.start + 4 : element.start + 6]  # not used in implicit encoding
        new = element_header(element.tag, vr, len(value), encoding) + value
        pieces += [head[position : element.start], new]
        grown += len(new) - (element.stop - element.start)
        position = element.stop
    head = b"".join((*pieces, head[position:]))
    first = elements[0] if elements else None
    if first is not None and first.tag == _GROUP_LENGTH and first.value_stop - first.value == 4:
        length = int.from_bytes(head[first.value : first.value_stop], "little") + grown
        head = head[: first.value] + length.to_bytes(4, "little") + head[first.value_stop :]
    return header if head == header.head else replace(header, head=head)
