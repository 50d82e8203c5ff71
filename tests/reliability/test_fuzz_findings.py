"""Every input that fuzzing kept, every fault it found, and changes of well-formed inputs.

No fuzzing engine is needed: the targets are functions of bytes. ``fuzz_parsers.py`` looks further.
"""

from __future__ import annotations

import warnings
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest
from support.series import make_series

from dicube_core.container.columns import pack_table
from dicube_core.container.sections import compress, decompress
from dicube_core.dataset._encode import encode_dataset
from dicube_core.dataset.elements import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    element_header,
    walk,
)
from dicube_core.dataset.find import find_explicit, find_implicit, header_values
from dicube_core.dicom.agreement import require_agreement
from dicube_core.dicom.headers import HeaderTable, pack_headers
from dicube_core.dicom.multiframe.single import SingleFrames
from dicube_core.dicom.pixel_fields import pixel_format_of
from dicube_core.dicom.scan import scan
from dicube_core.exceptions import DataConsistencyError, InvalidCubeFileError, MetaDataError
from dicube_core.metadata.edits import element_from_value
from dicube_core.pixel_header import PixelDataHeader
from reliability.fuzz import seeds
from reliability.fuzz.catalogue import TARGETS
from reliability.fuzz.checks import Finding, attempt
from reliability.fuzz.corpus import kept_inputs
from reliability.fuzz.parts import put_together, take_apart, with_right_checksums
from reliability.fuzz.plain import RandomChanges

if TYPE_CHECKING:
    from dicube_core.dicom.headers import SliceHeader

#: Changed inputs per target; a target that makes whole files takes longer.
_CHANGED = {"slices": 60, "conversion": 60, "metadata": 150, "dataset": 200, "part10": 150}
_USUAL = 300


@pytest.mark.parametrize("name", TARGETS)
def test_kept_inputs_keep_every_promise(name: str) -> None:
    target = TARGETS[name]
    inputs = [*target.seeds(), *kept_inputs(name)]
    assert len(inputs) > 2, "the corpus is gone"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pydicom, about what is wrong on purpose
        for data in inputs:
            target.run(data)


@pytest.mark.parametrize("name", TARGETS)
def test_changed_inputs_keep_every_promise(name: str) -> None:
    target, rng = TARGETS[name], Random(f"{name} 1")
    plain = RandomChanges(rng)
    inputs = [*target.seeds()]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for _ in range(_CHANGED.get(name, _USUAL)):
            data = rng.choice(inputs)
            for _ in range(rng.choice((1, 1, 2))):
                if target.mutate is None:
                    data = plain(data, target.max_length)
                else:
                    data = target.mutate(data, target.max_length, rng, plain)
            target.run(data)


def test_a_broken_promise_is_noticed() -> None:
    def internals() -> None:
        raise MetaDataError("'NoneType' object has no attribute 'x'")

    def foreign() -> None:
        raise KeyError("x")

    with pytest.raises(Finding):
        attempt(internals)
    with pytest.raises(KeyError):
        attempt(foreign)


def test_files_put_together_are_those_of_the_writer() -> None:
    for data in seeds.files():
        parts = take_apart(data)
        assert parts is not None
        again = put_together(parts)
        assert take_apart(again) == parts
        if parts.checked:  # others write their JSON with spaces
            assert again == with_right_checksums(data) == data


def _header(**changes: bytes) -> SliceHeader:
    header = scan(next(iter(make_series(1).values())), "x").header
    return replace(header, **changes)


def _agree(header: SliceHeader) -> None:
    pixel_format = pixel_format_of(header_values(_header()), "x")
    require_agreement(header, 0, pixel_format, PixelDataHeader(1.0, -1024.0))


def _element(tag: int, vr: bytes, value: bytes) -> bytes:
    return element_header(tag, vr, len(value), EXPLICIT_LITTLE) + value


def _cut_element(tag: int) -> bytes:
    return element_header(tag, b"LO", 200, EXPLICIT_LITTLE) + b"ab"


def test_a_sound_header_agrees() -> None:
    _agree(_header())


_HEAD = scan(next(iter(make_series(1).values())), "x").header.head
_UNDEFINED = element_header(0x00431001, b"UN", 0xFFFFFFFF, EXPLICIT_LITTLE)
#: Headers whose slices were delivered without pixels, or with others than the reader gives.
_FOUND_HEADERS = {
    "the last element swallows the pixels": {"head": _HEAD + _cut_element(0x00290010)},
    "other pixels before the pixels": {"head": _HEAD + _element(0x7FE00010, b"OW", bytes(60))},
    "other pixels behind the pixels": {"tail": _element(0x7FE00010, b"OW", bytes(60))},
    "another height behind the pixels": {"tail": _element(0x00280010, b"US", b"\7\0")},
    "the tail is cut": {"tail": _cut_element(0x7FF10010)},
    "a rest without an end": {"rest": _UNDEFINED},
    "a preamble of another length": {"preamble": bytes(131) + b"DICM"},
    "a preamble without its mark": {"preamble": bytes(132)},
    "elements in the file meta information": {"file_meta": _element(0x00080060, b"CS", b"MR")},
    "a second transfer syntax": {"head": _element(0x00020010, b"UI", b"1.2\0") + _HEAD},
}


@pytest.mark.parametrize("name", _FOUND_HEADERS)
def test_headers_that_change_the_pixels_are_refused(name: str) -> None:
    with pytest.raises((DataConsistencyError, MetaDataError)):
        _agree(_header(**_FOUND_HEADERS[name]))


def test_an_element_of_tag_ffffffff_does_not_end_a_data_set() -> None:
    data = _element(0xFFFFFFFF, b"LO", b"ab") + _element(0x00100010, b"PN", b"ab")
    assert [e.tag for e in walk(data)] == [0xFFFFFFFF, 0x00100010]
    with pytest.raises(MetaDataError):
        list(walk(data[:11]))


def test_a_cut_element_behind_all_pixels_is_found() -> None:
    data = _HEAD + _cut_element(0xF2B50008)
    with pytest.raises(MetaDataError, match="F2B5"):
        find_explicit(data, 0, len(data))


@pytest.mark.parametrize("extra", [b"\0", b"abc", compress(b"more")])
def test_nothing_may_follow_a_zstandard_frame(extra: bytes) -> None:
    with pytest.raises(InvalidCubeFileError):
        decompress(compress(b"text") + extra, "x")


def test_a_cut_zstandard_frame_of_untold_size_is_refused() -> None:
    with pytest.raises(InvalidCubeFileError, match="cut"):
        decompress(b"\x28\xb5\x2f\xfd\x00\x02\x11\x00\x00\x7b", "x")


def test_a_source_syntax_that_is_no_ascii_is_kept() -> None:
    header = replace(_header(), source_syntax="1.2.\xff")
    assert HeaderTable(pack_headers([header]), 1, "x")[0] == header


def test_a_character_set_is_written_as_text_only() -> None:
    with pytest.raises(MetaDataError, match="character set"):
        encode_dataset({"00080005": {"vr": "US", "Value": [5]}})


def test_a_sequence_that_is_set_is_what_is_read_back() -> None:
    item = {"00081155": {"vr": "UI", "Value": ["1.2"], "surplus": "x"}}
    expected = {"vr": "SQ", "Value": [{"00081155": {"vr": "UI", "Value": ["1.2"]}}]}
    assert element_from_value(0x00081140, "SQ", [item]) == expected


def test_a_number_beyond_all_floats_is_refused_by_name() -> None:
    with pytest.raises(MetaDataError, match="finite"):
        element_from_value(0x00281053, "DS", 10**400)


def test_frames_have_no_file_meta_information_from_their_data_set() -> None:
    body = _element(0x00020010, b"UI", b"1.2\0") + _element(0x00280008, b"IS", b"2 ")
    frames = SingleFrames(seeds.header_of(body, explicit=True), 2, 16 * 42)
    assert min(e.tag for e in walk(frames.header(0).head)) > 0x0002FFFF


@pytest.mark.parametrize("table", [b"\1\0\0\0\1\0\0\0", pack_table([(0, [b"ab"])])[:-3]])
def test_a_cut_table_is_said_to_be_cut(table: bytes) -> None:
    with pytest.raises(MetaDataError) as caught:
        HeaderTable(compress(table), 1, "x")
    assert "unpack" not in str(caught.value)


@pytest.mark.parametrize("explicit", [True, False])
def test_a_value_of_undefined_length_ends_before_its_delimiter(explicit: bool) -> None:
    encoding = EXPLICIT_LITTLE if explicit else IMPLICIT_LITTLE
    item = b"\xfe\xff\x00\xe0\0\0\0\0"
    data = element_header(0x00283000, b"SQ", 0xFFFFFFFF, encoding) + item
    data += b"\xfe\xff\xdd\xe0\0\0\0\0" + element_header(0x7FE00010, b"OW", 0, encoding)
    values, place = (find_explicit if explicit else find_implicit)(data, 0, len(data))
    assert values[0x00283000] == item
    assert place is not None


def test_a_stray_delimiter_is_no_element_of_other_encodings() -> None:
    source = next(iter(make_series(1).values()))
    at = source.index(b"\xe0\x7f\x10\x00OW")
    TARGETS["part10"].run(source[:at] + b"\xfe\xff\xdd\xe0\0\0\0\0" + source[at:])
