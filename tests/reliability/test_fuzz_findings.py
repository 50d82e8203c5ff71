"""Every input that fuzzing kept, every fault it found, and changes of well-formed inputs.

No fuzzing engine is needed: the targets are functions of bytes. ``fuzz_parsers.py`` looks further.
"""

from __future__ import annotations

import io
import json
import warnings
import zlib
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import pytest
from pydicom.filereader import read_dataset
from support.series import make_series

import dicube_core
from dicube_core.container.columns import pack_table
from dicube_core.container.sections import compress, decompress, parse_json
from dicube_core.dataset._encode import encode_dataset
from dicube_core.dataset.elements import (
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    element_header,
    walk,
)
from dicube_core.dataset.find import find_explicit, find_implicit, header_values
from dicube_core.dataset.json_model import Level, dataset_to_json
from dicube_core.dicom.agreement import require_agreement
from dicube_core.dicom.edited import edited_headers
from dicube_core.dicom.headers import HeaderTable, pack_headers
from dicube_core.dicom.multiframe.agreement import require_instance_agreement
from dicube_core.dicom.multiframe.single import SingleFrames
from dicube_core.dicom.pixel_fields import pixel_format_of
from dicube_core.dicom.scan import scan
from dicube_core.exceptions import DataConsistencyError, InvalidCubeFileError, MetaDataError
from dicube_core.metadata.edits import (
    Edit,
    apply_meta_edits,
    element_from_value,
    header_charset,
)
from dicube_core.metadata.merge import merge_headers
from dicube_core.metadata.meta import DicomMeta
from dicube_core.pixel_header import PixelDataHeader
from reliability.fuzz import seeds
from reliability.fuzz.catalogue import TARGETS
from reliability.fuzz.checks import Finding, attempt
from reliability.fuzz.corpus import kept_inputs
from reliability.fuzz.parts import put_together, take_apart, with_right_checksums
from reliability.fuzz.plain import RandomChanges

if TYPE_CHECKING:
    from dicube_core.dataset.elements import Encoding
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
    "another transfer syntax in the file meta information": {
        "file_meta": _element(0x00020010, b"UI", b"1.2.840.10008.1.2.2\0")
    },
    "a first element that hides the encoding": {
        "head": element_header(0x00080001, b"", 2, EXPLICIT_LITTLE) + b"ab" + _HEAD
    },
}


@pytest.mark.parametrize("name", _FOUND_HEADERS)
def test_headers_that_change_the_pixels_are_refused(name: str) -> None:
    header = _header(**_FOUND_HEADERS[name])
    with pytest.raises((DataConsistencyError, MetaDataError)):
        _agree(header)


@pytest.mark.parametrize("name", _FOUND_HEADERS)
def test_headers_of_instances_are_held_to_the_same(name: str) -> None:
    one = _HEAD + _element(0x00280008, b"IS", b"1 ")
    pixel_format = pixel_format_of(header_values(_header()), "x")
    require_instance_agreement(_header(head=one), 1, pixel_format)
    head = _FOUND_HEADERS[name].get("head", _HEAD).replace(_HEAD, one)
    header = _header(**{**_FOUND_HEADERS[name], "head": head})
    with pytest.raises((DataConsistencyError, MetaDataError)):
        require_instance_agreement(header, 1, pixel_format)


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


def test_a_first_element_without_vr_is_no_difference_to_pydicom() -> None:
    """It takes all for implicit then, whatever the transfer syntax says."""
    (source,) = make_series(1).values()
    at = source.index(b"\x08\0\x05\0CS\n\0")
    TARGETS["part10"].run(source[: at + 2] + b"\x05CS\0\n\0" + source[at + 8 :])


_OVERFLOWS = ["1e999", "-1e999", "1.5E+400", "1" * 400 + ".0", "1" * 300 + "e20"]


@pytest.mark.parametrize("number", _OVERFLOWS)
def test_a_number_beyond_all_floats_enters_nowhere(number: str) -> None:
    entry = f'{{"00189087":{{"vr":"FD","shared":false,"Value":[1.5,{number}]}}}}'
    told = "larger than any float"
    with pytest.raises(MetaDataError, match=told) as caught:
        DicomMeta.from_json(f'{{"_merged_data":{entry}}}')
    assert len(str(caught.value)) < 200
    for finite in (True, False):
        with pytest.raises(MetaDataError, match=f"^x: .*{told}"):
            parse_json(entry.encode(), "x", finite=finite)
    with pytest.raises(MetaDataError, match=told):
        PixelDataHeader.from_json(f'{{"Extras": {number}}}')


@pytest.mark.parametrize("section", ["dicom_meta", "space", "pixel_header"])
def test_nor_with_a_file(section: str) -> None:
    parts = take_apart(next(iter(seeds.files())))
    assert parts is not None
    text = parts.sections[section]
    text = decompress(text, "") if section == "dicom_meta" else text
    text = text.replace(b"}", b',"surplus":[1e999]}', 1)
    data = put_together(
        parts.with_section(section, compress(text) if section == "dicom_meta" else text)
    )
    # What puts sections together makes infinity of it; in text it is the constant then.
    told = "Infinity is not" if section == "pixel_header" else "1e999 is larger than any float"
    with pytest.raises((MetaDataError, InvalidCubeFileError), match=told):  # noqa: PT012
        reader = dicube_core.open(data)
        assert reader.dicom_meta is not None
        reader.dicom_meta.keys()
        assert reader.geometry is None


def test_numbers_at_the_edge_of_floats_are_kept() -> None:
    text = '{"00189087":{"vr":"FD","shared":true,"Value":[1.7976931348623157e308,-0.0,1e-400]}}'
    assert DicomMeta.from_json(text).get_values("00189087") == [[1.7976931348623157e308, -0.0, 0.0]]


_PN = _element(0x00100010, b"PN", "é".encode())
_UTF8 = b"ISO_IR 192"


def _named(vr: bytes, value: bytes = _UTF8) -> bytes:
    return _element(0x00080005, vr, value)


#: Data sets whose Specific Character Set is odd, and the name that they say.
_ODD_CHARACTER_SETS = {
    "it is LO": (_named(b"LO") + _PN, "é"),
    "it is UN": (_named(b"UN") + _PN, "é"),
    "it has no value representation": (
        element_header(0x00080005, b"", 10, EXPLICIT_LITTLE) + _UTF8 + _PN,
        "é",
    ),
    "it is empty, and a number": (_named(b"US", b"") + _PN, "Ã©"),
    "it stands behind the text": (_PN + _named(b"CS"), "é"),
    "it is there twice": (_named(b"CS", b"ISO_IR 100") + _named(b"CS") + _PN, "é"),
    "it is there twice, the other way": (_named(b"CS") + _named(b"CS", b"ISO_IR 100") + _PN, "Ã©"),
}


@pytest.mark.parametrize("name", _ODD_CHARACTER_SETS)
def test_all_take_the_same_character_set(name: str) -> None:
    data, text = _ODD_CHARACTER_SETS[name]
    data = _element(0x00080001, b"UL", bytes(4)) + data  # which shows that it is explicit
    found = dataset_to_json(data)["00100010"]["Value"][0]["Alphabetic"]
    theirs = read_dataset(io.BytesIO(data), False, True, len(data))
    assert found == text == str(theirs.PatientName)
    assert header_charset(data) == Level(data, EXPLICIT_LITTLE).charset
    # An edit of the same text gives the same bytes; one of another is read as what it is.
    meta = DicomMeta(merge_headers([(data, EXPLICIT_LITTLE)]), slice_count=1)
    if "empty" not in name:  # plain text only then
        meta.set_shared_item("PatientName", text)
        assert apply_meta_edits(data, EXPLICIT_LITTLE, meta.edits, 0) == data
        meta.set_shared_item("PatientID", text)
    meta.set_shared_item("PatientBirthName", "Doe")
    edited = apply_meta_edits(data, EXPLICIT_LITTLE, meta.edits, 0)
    assert dict(sorted(dataset_to_json(edited).items())) == meta.index(0)


@pytest.mark.parametrize("vr", [b"US", b"PN", b"OB", b"DS", b"UT", b"SQ", b"ZZ"])
def test_a_character_set_that_readers_do_not_understand_is_refused(vr: bytes) -> None:
    data = _named(vr) + _PN
    for read in (dataset_to_json, header_charset):
        with pytest.raises(MetaDataError, match="Specific Character Set at byte 0 has the value"):
            read(data)
    source = next(iter(make_series(1).values()))
    at = source.index(b"\x08\0\x05\0CS")
    old = 8 + int.from_bytes(source[at + 6 : at + 8], "little")
    with pytest.raises(MetaDataError, match="Specific Character Set"):
        dicube_core.convert([source[:at] + _named(vr) + source[at + old :]], "unused.dcbs")


def _edited(data: bytes, tag: object, value: object, vr: str, encoding: Encoding) -> bytes:
    meta = DicomMeta(merge_headers([(data, encoding)]), slice_count=1)
    meta.set_shared_item(tag, value, vr=vr)
    return apply_meta_edits(data, encoding, meta.edits, 0)


def test_an_edit_is_read_as_what_was_set() -> None:
    with pytest.raises(MetaDataError, match="the dictionary has US"):
        element_from_value(0x00280010, "UN", b"\1\0")
    creator = _element(0x00190010, b"LO", b"GEMS_ACQU_01")
    with pytest.raises(MetaDataError, match=r"\(0019,1002\) would read as SL \[1\], not UN"):
        _edited(creator, 0x00191002, b"\1\0\0\0", "UN", EXPLICIT_LITTLE)
    implicit = element_header(0x00100020, b"", 2, IMPLICIT_LITTLE) + b"1 "
    with pytest.raises(MetaDataError, match=r"\(0028,0010\) would read as US"):
        _edited(implicit, 0x00280010, "ab", "LO", IMPLICIT_LITTLE)
    # Readers that do not know an element see its bytes.
    edited = _edited(implicit, 0x00091001, "ab", "LO", IMPLICIT_LITTLE)
    assert edited == b"\t\0\1\x10\2\0\0\0ab" + implicit


def test_what_follows_the_pixels_is_in_the_same_character_set() -> None:
    tail = _element(0x7FE10010, b"LO", b"MINE") + _element(0x7FE11001, b"LO", "é".encode())
    header = _header(head=_named(b"CS") + _HEAD[_HEAD.index(b"\x08\0\x08\0") :], tail=tail)
    with pytest.raises(MetaDataError, match=r"slice 0: the edit would change what \(7FE1,1001\)"):
        edited_headers([header], {0x00080005: Edit({"vr": "CS", "Value": ["ISO_IR 100"]})})
    told = Edit({"vr": "LO", "Value": ["ü"]})
    (edited,) = edited_headers([header], {0x7FE11001: told})
    assert edited.tail.endswith(b"\2\0" + "ü".encode())
    assert edited.head == header.head


def test_an_edit_of_an_element_that_is_there_again_is_refused() -> None:
    cut = element_header(0x00291001, b"LO", 200, EXPLICIT_LITTLE) + b"ab"
    edit = Edit({"vr": "LO", "Value": ["new"]})
    with pytest.raises(MetaDataError, match=r"\(0029,1001\) would read as LO \['ab'\], not LO"):
        edited_headers([_header(rest=cut)], {0x00291001: edit})


def test_frames_whose_encoding_would_not_be_seen_are_refused() -> None:
    bare = element_header(0x00080001, b"", 2, EXPLICIT_LITTLE) + b"ab"
    head = bare + _element(0x00280008, b"IS", b"2 ")
    frames = SingleFrames(seeds.header_of(head, explicit=True), 2, 16 * 42)
    with pytest.raises(MetaDataError, match="does not show how they are encoded"):
        frames.header(0)
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    meta = _element(0x00020010, b"UI", b"1.2.840.10008.1.2.1.99")
    packed = packer.compress(bare + _HEAD) + packer.flush()
    with pytest.raises(MetaDataError, match=r"deflated .* first element has no value repr"):
        scan(bytes(128) + b"DICM" + meta + packed, "x")


@pytest.mark.parametrize("vr", [["UN"], {"a": 1}, 5, None, True])
def test_a_vr_that_is_no_text_shows_no_internals(vr: object) -> None:
    element = {"vr": vr}
    inner = {"vr": "SQ", "Value": [{"00080060": element}]}
    lost = {"vr": vr, "shared": False, "null": [1, 2]}
    bare = {"vr": "UN", "shared": False, "Value": [None, None]}
    for entry in (lost, {**bare, "exact": [element, None]}, {**bare, "exact": [inner, None]}):
        for exact in (True, False):
            text = json.dumps({"_merged_data": {"00080060": entry}, "exact": exact})
            TARGETS["metadata"].run(text.encode())
    with pytest.raises(MetaDataError, match="00080060: vr is"):
        DicomMeta.from_json(json.dumps({"_merged_data": {"00080060": lost}}))
