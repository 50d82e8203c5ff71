"""Damage is never delivered: a slice is right, or it is an error."""

import os
import random

import pytest
from folders import converted, served
from support.legacy_file import legacy_file, regions
from support.metadata_cases import CASES
from support.series import Kind, make_series
from wire import ALL, HTJ2K, NATIVE

import dicube_core
from dicube_core.container.extension import RESOLUTIONS, WRITER, Directory
from dicube_core.exceptions import ReaderClosedError, StreamingError
from dicube_core.streaming import DcbStreamingReader

KIND = Kind("ct", rows=12, columns=11)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    files = make_series(3, KIND, edit=CASES["everything_at_once"])
    return converted(tmp_path_factory.mktemp("damage"), files, progressive=True).read_bytes()


def outcomes(data, syntaxes, expected):
    """Ask for every slice; fail if one is other than expected, and count the errors."""
    errors = 0
    try:
        stream = DcbStreamingReader(data)
    except StreamingError:
        return 1
    with stream:
        for syntax in syntaxes:
            for index in range(3):
                try:
                    found = stream.get_dicom_for_frame(index, transfer_syntax=syntax)
                except StreamingError:
                    errors += 1
                else:
                    assert found == expected[syntax][index]
    return errors


def test_every_flipped_byte_of_a_file_with_checksums(whole):
    expected = {syntax: served(whole, syntax) for syntax in ALL}
    rng = random.Random(11)
    places = {name: list(places) for name, places in regions(whole).items()}
    undetected = []
    for name, found in places.items():
        # The packets are long, and all their bytes are under one checksum.
        for place in found if len(found) < 200 else rng.sample(found, 200):
            changed = bytearray(whole)
            changed[place] ^= 1 << rng.randrange(8)
            if not outcomes(bytes(changed), (HTJ2K, NATIVE[0]), expected):
                undetected.append((name, place))
    # Slices do not depend on these, which are not read for them.
    with dicube_core.open(whole) as reader:
        header, block = reader.container.header, Directory.parse(whole, len(whole), "")
    unread = [header.dicom_meta, header.dicom_status]
    unread += [block.entries[tag].section for tag in (WRITER, RESOLUTIONS)]
    for name, place in undetected:
        assert any(part.offset <= place < part.stop for part in unread), (name, place)


def test_one_damaged_frame_leaves_the_others(whole):
    expected = {syntax: served(whole, syntax) for syntax in ALL}
    place = regions(whole)["packets 1"][5]
    changed = whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :]
    assert outcomes(changed, ALL, expected) == len(ALL)
    with DcbStreamingReader(changed) as stream:
        for syntax in ALL:
            with pytest.raises(StreamingError, match=r"frame 1 at byte \d+ .* checksum"):
                stream.get_dicom_for_frame(1, transfer_syntax=syntax)


def test_headers_of_codestreams_without_checksums():
    data = legacy_file()
    expected = {syntax: served(data, syntax) for syntax in (HTJ2K, NATIVE[0])}
    from support.compare import stored
    from support.legacy_file import volume

    wrong = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.unraisablehook", lambda _: None)
        for place in regions(data)["codestream header 1"]:
            for bit in range(8):
                changed = bytearray(data)
                changed[place] ^= 1 << bit
                with DcbStreamingReader(bytes(changed)) as stream:
                    assert stream.get_dicom_for_frame(0) == expected[HTJ2K][0]
                    try:
                        found = stream.get_dicom_for_frame(1)
                        values = stream.get_dicom_for_frame(1, True)
                    except StreamingError:
                        continue
                # What was let through must be harmless: a comment, or nothing a decoder reads.
                if values != expected[NATIVE[0]][1] or (stored(found) != volume()[1]).any():
                    wrong.append((place, bit))
    assert wrong == []


def test_a_file_that_shrinks_or_changes_while_open(whole, tmp_path):
    path = tmp_path / "x.dcbs"
    path.write_bytes(whole)
    with DcbStreamingReader(path) as stream:
        assert stream.get_dicom_for_frame(0) == served(whole)[0]
        os.truncate(path, stream.slices.reader.container.index.offsets[2] + 10)
        with pytest.raises(StreamingError, match="bytes expected at byte"):
            stream.get_dicom_for_frame(2)
        with path.open("r+b") as file:
            file.seek(regions(whole)["packets 0"].start)
            file.write(b"\0\0\0\0")
        with pytest.raises(StreamingError, match="changed in place"):
            stream.get_dicom_for_frame(0)


class FailingSource:
    """A store that fails now and then, and counts what was read from it."""

    name = "<store>"

    def __init__(self, data):
        self.data, self.failing, self.reads = data, False, 0

    def size(self):
        return len(self.data)

    def read_at(self, offset, length):
        self.reads += 1
        if self.failing:
            raise TimeoutError("the store does not answer")
        return self.data[offset : offset + length]


@pytest.mark.parametrize("syntax", [HTJ2K, NATIVE[0]])
def test_errors_of_the_store_are_errors_of_the_slice_and_are_not_kept(whole, syntax):
    source = FailingSource(whole)
    with DcbStreamingReader(source) as stream:
        source.failing = True
        with pytest.raises(StreamingError, match="does not answer") as caught:
            stream.get_dicom_for_frame(1, transfer_syntax=syntax)
        assert isinstance(caught.value.__cause__, TimeoutError)
        source.failing = False
        found = stream.get_dicom_for_frame(1, transfer_syntax=syntax)
    assert found == served(whole, syntax)[1]


def test_what_the_reader_did_not_open_is_not_closed(whole, tmp_path):
    path = tmp_path / "x.dcbs"
    path.write_bytes(whole)
    with path.open("rb") as file:
        with DcbStreamingReader(file) as stream:
            assert stream.get_dicom_for_frame(0) == served(whole)[0]
        assert not file.closed
        stream = DcbStreamingReader(file)
    with pytest.raises(ReaderClosedError, match="closed by its owner"):
        stream.get_dicom_for_frame(0)
    stream.close()


def test_files_that_are_not_valid(whole, tmp_path):
    for bad in (b"", b"x" * 500, whole[:50], whole[:-1], whole + b"\0"):
        with pytest.raises(StreamingError) as caught:
            DcbStreamingReader(bad)
        assert isinstance(caught.value, RuntimeError)
        assert caught.value.__cause__ is not None
    with pytest.raises(FileNotFoundError):
        DcbStreamingReader(tmp_path / "none.dcbs")
    with pytest.raises(IsADirectoryError):
        DcbStreamingReader(tmp_path)
