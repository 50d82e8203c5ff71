"""Every slice, in every transfer syntax offered: the label is true, and nothing else changes."""

import struct

import numpy as np
import pytest
from folders import converted, served
from support.compare import read, same_elements, stored
from support.encodings import CT_LARGER, compressed_series, rewritten_series
from support.legacy_file import legacy_file, volume
from support.metadata_cases import CASES
from support.raw import DEFLATED, EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE
from support.series import KINDS, Kind, make_series
from wire import ALL, HTJ2K, HTJ2K_RPCL, NATIVE, fragment_of, native_pixels, siz, take_apart

import dicube_core
from dicube_core.dataset import uids
from dicube_core.dicom.legacy import MadeHeaders
from dicube_core.exceptions import TransferSyntaxError
from dicube_core.kept_values import KeptValues
from dicube_core.slices import OFFERED_SYNTAXES
from dicube_core.streaming import DcbStreamingReader

#: Frames that no compressed form would mean the same for to all readers, and why.
UNCOMPRESSED_ONLY = {
    **dict.fromkeys((n for n in KINDS if n.startswith(("u32", "i32"))), "bits deep"),
    **dict.fromkeys(
        (
            *("u16_outside_stored", "i16_outside_stored", "u16_high_bit_15", "i16_high_bit_15"),
            *("i16_unextended", "u16_high_bit_13", "u8_outside_stored"),
        ),
        "beside the pixel",
    ),
}
del UNCOMPRESSED_ONLY["u32_stored_12"]  # encoded with 12 bits, which all read
FEW = ("u16_stored_12", "i16_stored_16", "u8_stored_8", "i8_stored_6", "u8_3x3", "u16_mono1")
REWRITTEN = {"big_endian": EXPLICIT_BE, "deflated": DEFLATED}


def assert_true_label(data, syntax, kind):
    """Fail unless file meta information and the form of Pixel Data agree with each other."""
    assert len(data) % 2 == 0
    part = take_apart(data)
    assert part.syntax == syntax
    assert part.text(0x00020003) == read(data).SOPInstanceUID
    assert part.text(0x00020002) == read(data).SOPClassUID
    n_bytes = kind.rows * kind.columns * kind.allocated // 8
    if syntax in NATIVE:
        native_pixels(part, n_bytes)
        assert b"\xff\x4f\xff\x51" not in part.plain_dataset
        return
    before, codestream, _ = fragment_of(part)
    assert part.text(0x00020012) == uids.IMPLEMENTATION_UID
    assert siz(codestream)[:2] == (kind.columns, kind.rows)
    assert siz(codestream)[3] == kind.signed
    # No Extended Offset Table, which ITK, SimpleITK and dicom-parser fail on.
    assert b"\xe0\x7f\x01\x00OV" not in before
    assert b"\xe0\x7f\x02\x00OV" not in before


def assert_forms(files, path, kind, *, own="", by_value=False, compressed=True):
    """Fail unless each slice has the source's elements and values in each form."""
    sources = [files[f"IM{index:04d}.dcm"] for index in range(len(files))]
    assert list(OFFERED_SYNTAXES) == list(ALL)
    for syntax in (None, HTJ2K, *NATIVE) if compressed else NATIVE:
        for source, data in zip(sources, served(path, syntax), strict=True):
            assert_true_label(data, syntax or HTJ2K, kind)
            same_elements(source, data, by_value=by_value)
            np.testing.assert_array_equal(stored(data), stored(source))
            if syntax == own:
                assert data == source


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_pixel_kind(name, tmp_path):
    kind, files = KINDS[name], make_series(2, KINDS[name])
    path = converted(tmp_path, files)
    assert_forms(files, path, kind, own=EXPLICIT_LE, compressed=name not in UNCOMPRESSED_ONLY)


@pytest.mark.parametrize("name", FEW)
def test_implicit_sources(name, tmp_path):
    files = make_series(2, KINDS[name], syntax=IMPLICIT_LE)
    assert_forms(files, converted(tmp_path, files), KINDS[name], own=IMPLICIT_LE)


@pytest.mark.parametrize("encoding", REWRITTEN)
@pytest.mark.parametrize("name", FEW)
def test_sources_that_are_rewritten(name, encoding, tmp_path):
    kind, syntax = KINDS[name], REWRITTEN[encoding]
    files = rewritten_series(syntax, 2, kind)
    assert_forms(files, converted(tmp_path, files), kind, by_value=syntax == EXPLICIT_BE)


@pytest.mark.parametrize("encoding", ["rle", "htj2k", "htj2k_rpcl"])
@pytest.mark.parametrize("extended", [False, True])
def test_compressed_sources(encoding, extended, tmp_path):
    files = compressed_series(encoding, 2, extended=extended)
    path = converted(tmp_path, files)
    for syntax in (HTJ2K, *NATIVE):
        for index, data in enumerate(served(path, syntax)):
            source = files[f"IM{index:04d}.dcm"]
            assert_true_label(data, syntax, CT_LARGER)
            same_elements(source, data)
            np.testing.assert_array_equal(stored(data), CT_LARGER.frame(index))


@pytest.mark.filterwarnings("ignore::UserWarning")  # of pydicom, about such values
@pytest.mark.parametrize("name", sorted(CASES))
def test_every_oddity_of_headers(name, tmp_path):
    files = make_series(3, edit=CASES[name])
    path = converted(tmp_path, files)
    assert served(path, EXPLICIT_LE) == [files[f"IM{index:04d}.dcm"] for index in range(3)]
    plain = [take_apart(data) for data in served(path, EXPLICIT_LE)]
    for first, second in zip(plain, map(take_apart, served(path, DEFLATED)), strict=True):
        assert second.plain_dataset == first.dataset
    for index, data in enumerate(served(path, HTJ2K)):
        same_elements(files[f"IM{index:04d}.dcm"], data)
    with pytest.MonkeyPatch.context() as patch:
        # What is not said by the data set itself may not leak in from one delivered before.
        patch.setattr("dicube_core.slices._headers._PARTS_BYTES", 0)
        stream = DcbStreamingReader(path)
    with stream:
        again = [stream.get_dicom_for_frame(index) for index in range(3)]
    assert again == served(path, HTJ2K)


def kept_in(monkeypatch, module):
    """Return a list that gets what a module keeps its values in, when it makes one."""
    made = []

    def make(limit, size):
        made.append(KeptValues(limit, size))
        return made[-1]

    monkeypatch.setattr(f"{module}.KeptValues", make)
    return made


def test_what_is_kept_of_converted_headers_is_bounded(tmp_path, monkeypatch):
    """A small file may hold thousands of large headers, and a server many such files open."""
    path = converted(tmp_path, make_series(8, syntax=IMPLICIT_LE))
    expected = served(path, HTJ2K)
    with dicube_core.open(path) as reader:
        bound = 4 * reader.headers[0].n_bytes
    made = kept_in(monkeypatch, "dicube_core.slices._headers")
    monkeypatch.setattr("dicube_core.slices._headers._CONVERTED_BYTES", bound)
    with DcbStreamingReader(path) as stream:
        for _ in range(2):
            assert [stream.get_dicom_for_frame(i, transfer_syntax=HTJ2K) for i in range(8)] == (
                expected
            )
        assert 0 < sum(header.n_bytes for header in made[0]._values.values()) <= bound


def test_what_is_kept_of_made_headers_is_bounded(tmp_path, monkeypatch):
    path = tmp_path / "x.dcbs"
    path.write_bytes(legacy_file(volume(8)))
    expected = served(path, EXPLICIT_LE)
    with dicube_core.open(path) as reader:
        bound = 4 * MadeHeaders(reader.dicom_meta, reader.pixel_format)[0].n_bytes
    made = kept_in(monkeypatch, "dicube_core.dicom.legacy")
    monkeypatch.setattr("dicube_core.dicom.legacy._MADE_BYTES", bound)
    with DcbStreamingReader(path) as stream:
        for _ in range(2):
            assert [
                stream.get_dicom_for_frame(i, transfer_syntax=EXPLICIT_LE) for i in range(8)
            ] == (expected)
        assert 0 < sum(header.n_bytes for header in made[0]._values.values()) <= bound


@pytest.mark.parametrize("name", sorted(UNCOMPRESSED_ONLY))
def test_frames_that_must_not_be_compressed(name, tmp_path):
    files = make_series(2, KINDS[name])
    path = converted(tmp_path, files)
    assert served(path) == [files[f"IM{index:04d}.dcm"] for index in range(2)]
    for syntax in (HTJ2K, HTJ2K_RPCL):
        with pytest.raises(TransferSyntaxError, match=UNCOMPRESSED_ONLY[name]):
            served(path, syntax)
    with DcbStreamingReader(path) as stream:
        assert stream.transfer_syntax_uid == stream.get_metadata()["transfer_syntax"] == EXPLICIT_LE


@pytest.mark.parametrize(
    "syntax", ["", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.4.90", "1.2.840.10008.1.2.4.203", "x"]
)
def test_other_transfer_syntaxes_are_refused(syntax, tmp_path):
    path = converted(tmp_path, make_series(2))
    with pytest.raises(TransferSyntaxError, match=r"1\.2\.840\.10008\.1\.2\.4\.201 \(HTJ2K"):
        served(path, syntax)


def test_the_length_of_the_pixel_group_is_not_told_where_it_changes(tmp_path):
    files = make_series(2, edit=CASES["group_lengths"])
    path = converted(tmp_path, files)
    group_length = b"\xe0\x7f\x00\x00"
    assert all(group_length in data for data in files.values())
    assert all(group_length in take_apart(data).dataset for data in served(path, EXPLICIT_LE))
    for syntax in (HTJ2K, IMPLICIT_LE):
        for index, data in enumerate(served(path, syntax)):
            assert group_length not in data
            np.testing.assert_array_equal(stored(data), Kind("ct").frame(index))


def test_bytes_that_look_like_the_length_of_the_pixel_group_stay(tmp_path):
    from support.raw import Node
    from support.series import put

    # The value ends with what would be that element, right before Pixel Data.
    lookalike = b"\xe0\x7f\x00\x00UL\x04\x00" + struct.pack("<I", 72)
    files = make_series(2, edit=put(Node(0x7FDF1001, "OB", b"value" * 2 + lookalike)))
    path = converted(tmp_path, files)
    for index, data in enumerate(served(path, HTJ2K)):
        assert lookalike + b"\xe0\x7f\x10\x00" in data
        same_elements(files[f"IM{index:04d}.dcm"], data)


def test_pixels_of_an_odd_length_are_padded_where_the_form_changes(tmp_path):
    path = converted(tmp_path, make_series(3, edit=CASES["pixels_odd_and_unpadded"]))
    kind = Kind("odd", 8, 8, rows=7, columns=5)
    for syntax in (HTJ2K, IMPLICIT_LE):
        for index, data in enumerate(served(path, syntax)):
            assert_true_label(data, syntax, kind)
            np.testing.assert_array_equal(stored(data), kind.frame(index))


def test_all_slices_name_the_same_implementation(tmp_path):
    path = converted(tmp_path, make_series(4))
    names = {take_apart(data).text(0x00020012) for data in served(path, HTJ2K)}
    assert names == {uids.IMPLEMENTATION_UID}
    assert len(uids.IMPLEMENTATION_UID) <= 64
    assert uids.IMPLEMENTATION_UID.replace(".", "").isdigit()
