"""Targets: data sets and what is made of them, against pydicom where both can read them."""

from __future__ import annotations

import io
import json
import warnings

from dicube_core.dataset import transcode
from dicube_core.dataset._encode import encode_dataset
from dicube_core.dataset.elements import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    Element,
    Encoding,
    complete_length,
    walk,
)
from dicube_core.dataset.find import WANTED, find_explicit, find_implicit
from dicube_core.dataset.json_model import dataset_to_json
from dicube_core.dicom.multiframe.fragments import frames_of_fragments, require_one_frame
from dicube_core.metadata.edits import apply_meta_edits
from dicube_core.metadata.merge import merge_headers
from dicube_core.metadata.meta import DicomMeta
from reliability.fuzz import seed_frames, seeds
from reliability.fuzz.checks import attempt, raw_elements, require
from reliability.fuzz.mutate_dicom import mutate_dataset
from reliability.fuzz.mutate_edits import mutate_edits
from reliability.fuzz.mutate_json import split_json
from reliability.fuzz.target import Target

__all__ = ["TARGETS"]

_ENCODINGS = (EXPLICIT_LITTLE, IMPLICIT_LITTLE, EXPLICIT_BIG)
_RLE, _JPEG = "1.2.840.10008.1.2.5", "1.2.840.10008.1.2.4.50"


def dataset(data: bytes) -> None:
    """Walk a data set, whose first byte says how it is encoded, and read all its values."""
    if not data:
        return
    encoding, body = _ENCODINGS[data[0] % 3], data[1:]
    elements = attempt(lambda: list(walk(body, encoding)))
    if elements is None:
        attempt(complete_length, body, encoding)
        attempt(dataset_to_json, body, encoding)
        return
    position = 0
    for element in elements:
        require(element.start == position <= element.value <= element.stop, "a gap", element)
        position = element.stop
    require(position == len(body), "bytes are left over", position)
    require((attempt(complete_length, body, encoding) or 0) <= len(body), "too long")
    model = attempt(dataset_to_json, body, encoding)
    if model is not None:
        json.dumps(model, allow_nan=False)
    _check_finder(body, encoding, elements)
    _check_against_pydicom(body, encoding, elements)
    if encoding.big_endian:
        little = attempt(transcode.big_to_little, body)
        if little is not None:
            # Elements without VR become UN, which takes four bytes more.
            told = sum(e.stop - e.start for e in elements if _is_told(e))
            require(len(little) >= told, "byte order loses bytes")
            _same_tags(elements, list(walk(little)), "of another byte order")
        return
    _check_transcoding(body, encoding, elements)
    if model is not None:
        written = attempt(encode_dataset, model, encoding)
        if written is not None:
            require(attempt(dataset_to_json, written, encoding) is not None, "unreadable", written)


def _check_finder(body: bytes, encoding: Encoding, elements: list[Element]) -> None:
    """The quick search for a few elements must see what the walk sees."""
    if encoding.big_endian:
        return
    finder = find_explicit if encoding.explicit else find_implicit
    found = attempt(finder, body, 0, len(body))
    if found is None:
        return
    values, place = found
    stop = len(body) if place is None else place[0]
    expected = {
        e.tag: body[e.value : e.value_stop] for e in elements if e.start < stop and e.tag in WANTED
    }
    seen = {tag: value for tag, value in values.items() if tag >> 16 != 0x7FE0 or value}
    require(seen == expected, "search and walk differ", seen, expected)
    if place is not None:
        at = [e for e in elements if e.start == place[0]]
        require(at and at[0].value == place[1], "pixels are elsewhere", place)


def _check_against_pydicom(body: bytes, encoding: Encoding, elements: list[Element]) -> None:
    from pydicom.filereader import read_dataset

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = read_dataset(
                io.BytesIO(body), not encoding.explicit, not encoding.big_endian, len(body)
            )
        except Exception:  # noqa: BLE001 - it raises whatever comes
            return
    looks_explicit = body[4:6].isalpha() and body[4:6].isupper()
    if looks_explicit != encoding.explicit or any(e.tag >> 16 == 0xFFFE for e in elements):
        return  # pydicom goes by the first element, and to it a delimiter ends the data set
    tags = {e.tag for e in elements}
    seen = {int(tag) for tag in found.keys()}  # noqa: SIM118 - not a dict
    require(seen == tags, "pydicom sees other elements", sorted(seen ^ tags))
    last = {e.tag: e for e in elements}
    for tag, raw in raw_elements(found).items():
        element = last[tag]
        if not element.undefined:
            value = body[element.value : element.value_stop]
            require(raw.value == value, "pydicom sees another value", hex(tag), raw.value, value)


def _is_told(element: Element) -> bool:
    """Whether an element is kept in other encodings: no group length, no stray delimiter."""
    return element.tag & 0xFFFF != 0 and element.tag >> 16 != 0xFFFE


def _told(elements: list[Element]) -> list[int]:
    return [e.tag for e in filter(_is_told, elements)]


def _same_tags(first: list[Element], second: list[Element], what: str) -> None:
    require(_told(first) == _told(second), f"elements {what} differ")


def _check_transcoding(body: bytes, encoding: Encoding, elements: list[Element]) -> None:
    """Implicit and explicit VR must hold the same values."""
    if encoding.explicit:
        other = attempt(transcode.explicit_to_implicit, body)
    else:
        other = attempt(transcode.implicit_to_explicit, body)
    if other is None:
        return
    target = IMPLICIT_LITTLE if encoding.explicit else EXPLICIT_LITTLE
    found = list(walk(other, target))
    _same_tags(elements, found, "in the other encoding")
    for one, two in zip(filter(_is_told, elements), filter(_is_told, found), strict=True):
        if one.vr in (b"SQ", b"UN") or two.vr in (b"SQ", b"UN") or one.undefined or not one.vr:
            continue
        value = other[two.value : two.value_stop]
        expected = body[one.value : one.value_stop]
        require(value.removesuffix(b"\0") == expected.removesuffix(b"\0"), "a value", hex(one.tag))


def fragments(data: bytes) -> None:
    """Tell the frames of encapsulated Pixel Data apart; two bytes say how many, and the syntax."""
    from pydicom.encaps import generate_frames

    if len(data) < 2:
        return
    count, syntax, value = data[0] % 16, (_RLE, _JPEG)[data[1] % 2], data[2:]
    if not count:
        return
    attempt(require_one_frame, value, syntax)

    def read(offset: int, length: int) -> bytes:
        part = value[offset : offset + length]
        require(offset >= 0 and len(part) == length, "read outside", offset, length)
        return part

    frames = attempt(frames_of_fragments, read, (0, len(value)), count, syntax)
    if frames is None:
        return
    require(len(frames) == count, "another number of frames", len(frames))
    flat = [fragment for frame in frames for fragment in frame]
    require(all(frames) and flat == sorted(set(flat)), "fragments are lost or doubled", flat)
    found = [b"".join(read(*fragment) for fragment in frame) for frame in frames]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = list(generate_frames(value, number_of_frames=count))
        except Exception:  # noqa: BLE001 - it raises whatever comes
            return
    if len(expected) == count:
        require(found == expected, "pydicom tells other frames", found, expected)


def edits(data: bytes) -> None:
    """Edit the metadata of a slice (JSON: tag to [VR, value], null to delete), and its header."""
    text, header = split_json(data)
    try:
        wanted = json.loads(text)
    except (ValueError, RecursionError):
        return
    merged = attempt(merge_headers, [(header, EXPLICIT_LITTLE)])
    if merged is None or not isinstance(wanted, dict):
        return
    meta = DicomMeta(merged, slice_count=1)
    for tag, change in [*wanted.items()][:8]:
        if change is None:
            attempt(meta.delete_item, tag)
        elif isinstance(change, list) and len(change) == 2 and isinstance(change[0], str):
            attempt(meta.set_shared_item, tag, change[1], vr=change[0])
    changed = attempt(apply_meta_edits, header, EXPLICIT_LITTLE, meta.edits, 0)
    if changed is None:
        return
    model = attempt(dataset_to_json, changed)
    require(model == meta.index(0), "header and metadata disagree", model, meta.index(0))
    before = {e.tag: header[e.start : e.stop] for e in walk(header)}
    after = {e.tag: changed[e.start : e.stop] for e in walk(changed)}
    for tag in before.keys() - meta.edits.keys():
        if tag & 0xFFFF:
            require(after.get(tag) == before[tag], "an element changed beside", hex(tag))


_WORDS = (
    b"SQ\0\0",
    b"UN\0\0",
    b"OB\0\0",
    b"\xff\xff\xff\xff",
    b"\xfe\xff\0\xe0",
    b"\xfe\xff\r\xe0",
)
_WORDS += (b"\xfe\xff\xdd\xe0", b"\x08\0\x05\0CS", b"ISO_IR 192", b"\xe0\x7f\x10\0OW\0\0")

TARGETS = (
    Target("dataset", dataset, seeds.datasets, mutate_dataset, 2048, _WORDS),
    Target("fragments", fragments, seed_frames.fragment_values, None, 1024, _WORDS[3:]),
    Target("edits", edits, seeds.edit_inputs, mutate_edits, 2048, _WORDS),
)
