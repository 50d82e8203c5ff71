"""Repair as its users meet it: files, records, the command, and what must never happen."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
import zstandard
from click.testing import CliRunner
from repair_cases import converted, original
from support.legacy_file import legacy_file, regions, volume
from support.series import make_series
from support.whole import read_files, write_files

import dicube_core
from dicube_core.cli.app import dcbs
from dicube_core.exceptions import (
    CodecUnavailableError,
    DataConsistencyError,
    DicomCubeError,
    InvalidCubeFileError,
)
from dicube_core.export import export_file
from dicube_core.salvage import lost_headers
from dicube_core.salvage.flipped import with_bit_restored


def run(*arguments):
    return CliRunner().invoke(dcbs, [str(one) for one in arguments])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return converted("grey", tmp_path_factory.mktemp("grey"))


def without(whole, *frames):
    """Return the file with damaged frames."""
    data = bytearray(whole.data)
    for frame in frames:
        data[whole.frames[frame].stop - 5] ^= 0x10
    return bytes(data)


@pytest.fixture
def damaged(whole, tmp_path):
    path = tmp_path / "damaged.dcbs"
    path.write_bytes(without(whole, 2))
    return path


@pytest.mark.parametrize("lost", [{0}, {4}, {2}, {1, 3}, {0, 1, 4}])
def test_it_is_the_file_of_the_other_slices(whole, lost, tmp_path):
    """But for the record: geometry, metadata, window and slices as if the lost never were."""
    files = make_series(5)
    names = [header.name for header in whole.headers]
    rest = {name: files[name] for n, name in enumerate(names) if n not in lost}
    dicube_core.convert(write_files(tmp_path / "rest", rest), tmp_path / "rest.dcbs")
    dicube_core.repair(without(whole, *lost), tmp_path / "out.dcbs")
    with (
        dicube_core.open(tmp_path / "rest.dcbs") as expected,
        dicube_core.open(tmp_path / "out.dcbs") as found,
    ):
        for name, _ in expected.container.header.sections():
            if name in ("dicom_status", "dicom_meta", "space"):
                assert found.container.section(name) == expected.container.section(name)
        assert found.pixel_header == expected.pixel_header
        assert found.instance_headers.packed == expected.instance_headers.packed
        assert found.geometry == expected.geometry
        assert found.report() == expected.report()
        np.testing.assert_array_equal(found.frames(), expected.frames())
        export_file(found, tmp_path / "exported")
        if lost == {2}:
            assert found.geometry is None
            (missing,) = [f for f in found.report().findings if f.positions]
            assert missing.positions == (next(iter(found.repaired.lost)).position,)
    assert read_files(tmp_path / "exported") == rest


def test_record_and_lost_headers(whole, damaged, tmp_path):
    report = dicube_core.repair(damaged, tmp_path / "out.dcbs")
    assert report.frames == (0, 1, 3, 4)
    (lost,) = report.lost
    assert lost.position == (-12.5, 20.25, 5.0)
    assert "checksum" in lost.cause
    with dicube_core.open(tmp_path / "out.dcbs") as reader:
        assert reader.repaired.lost == (lost,)
        assert list(lost_headers(reader)) == [whole.headers[2]]
    with dicube_core.open(whole.data) as reader:
        assert reader.repaired is None
        assert lost_headers(reader) is None


def test_a_repaired_file_is_damaged_and_repaired_again(whole, damaged, tmp_path):
    dicube_core.repair(damaged, tmp_path / "first.dcbs")
    first = original((tmp_path / "first.dcbs").read_bytes())
    for name in ("REPR", "RHDR", "header", "metadata"):
        data = bytearray(first.data)
        data[first.parts[name].start + 9] ^= 1
        report = dicube_core.repair(bytes(data), tmp_path / "again.dcbs")
        assert not report.lost
        if name in ("header", "metadata"):
            assert (tmp_path / "again.dcbs").read_bytes() == first.data
        else:
            assert name in [part.name for part in report.damaged if part.lost]
    report = dicube_core.repair(without(first, 0), tmp_path / "again.dcbs")
    with dicube_core.open(tmp_path / "again.dcbs") as reader:
        (note,) = reader.repaired.notes
        assert "4 of 5 frames saved, lost: 2" in note
        assert len(reader) == 3
        assert reader.repaired == report.record
        ((now,), (then,)) = reader.repaired.lost, reader.repaired.earlier
        assert (now.frame, then.frame) == (0, 2)
        assert list(lost_headers(reader)) == [whole.headers[0], whole.headers[2]]
        assert (now.header, then.header) == (0, 1)


def test_a_record_that_is_none_is_left_out(damaged, tmp_path):
    """Its checksum is right, and what is in it is not: repairing goes on without it."""
    from support.hostile import _sections, build

    dicube_core.repair(damaged, tmp_path / "first.dcbs")
    sections, codestreams, _ = _sections((tmp_path / "first.dcbs").read_bytes())
    parts = {**sections.extension, b"REPR": b"no", b"RHDR": b"record"}
    data = build(type(sections)(**{**_fields(sections), "extension": parts}), codestreams)
    report = dicube_core.repair(data, tmp_path / "out.dcbs")
    assert [(part.name, part.lost) for part in report.damaged] == [("REPR", True), ("RHDR", True)]
    assert report.frames == (0, 1, 2, 3)
    assert dicube_core.verify_file(tmp_path / "out.dcbs").ok


def test_a_file_without_the_patient_names_no_lost_slices(whole, damaged, tmp_path):
    """Neither their headers nor their numbers are in any byte of it, packed or not."""
    dicube_core.repair(damaged, tmp_path / "out.dcbs")
    profile = dicube_core.Deidentification(salt=b"0123456789abcdef")
    dicube_core.edit(tmp_path / "out.dcbs", tmp_path / "anonymous.dcbs", deidentify=profile)
    with dicube_core.open(tmp_path / "anonymous.dcbs") as reader:
        tags = set(reader.container._directory.entries)
        assert not {b"REPR", b"RHDR"} & tags
        parts = [reader.container.part(tag) or b"" for tag in tags if tag.isupper()]
    texts = [zstandard.decompress(part) for part in parts if part.startswith(b"\x28\xb5\x2f\xfd")]
    assert texts
    for mark in (b"REPR", b"RHDR", b"PAT-0042", b"9999.1.3", whole.headers[2].name.encode()):
        assert not any(mark in text for text in (*texts, *parts))


def test_a_gap_has_no_affine(damaged, tmp_path):
    """Nobody makes one up of the slices that are left."""
    dicube_core.repair(damaged, tmp_path / "out.dcbs")
    with dicube_core.open(tmp_path / "out.dcbs") as reader:
        assert reader.geometry is None
    result = run("convert", tmp_path / "out.dcbs", tmp_path / "out.nii.gz")
    assert result.exit_code
    assert not (tmp_path / "out.nii.gz").exists()
    pytest.importorskip("nibabel")
    from dicube_plugins.nibabel import load

    with pytest.raises(DicomCubeError):
        load(tmp_path / "out.dcbs")


def test_other_programs_keep_no_record_of_patients_that_they_rewrite(damaged, tmp_path):
    dicube_core.repair(damaged, tmp_path / "out.dcbs")
    dicube_core.edit(tmp_path / "out.dcbs", tmp_path / "edited.dcbs", set={"PatientID": "X"})
    with dicube_core.open(tmp_path / "edited.dcbs") as reader:
        assert reader.repaired is None
        assert lost_headers(reader) is None


@pytest.mark.parametrize("link", [None, os.link, os.symlink])
def test_the_damaged_file_is_never_written_to(damaged, tmp_path, link):
    target = damaged
    if link is not None:
        target = tmp_path / "link.dcbs"
        link(damaged, target)
    before = damaged.read_bytes()
    with pytest.raises(DataConsistencyError, match="it is the damaged file"):
        dicube_core.repair(damaged, target)
    for force in ([], ["--force"]):
        assert run("repair", damaged, target, *force).exit_code == 3
    assert damaged.read_bytes() == before
    assert len(list(tmp_path.iterdir())) == 1 + (link is not None)


def test_command(whole, damaged, tmp_path):
    out = tmp_path / "out.dcbs"
    result = run("repair", damaged, out)
    assert result.exit_code == 7, result.output
    assert "4 of 5 frames saved, lost: 2" in result.stdout
    assert whole.headers[2].name
    assert "1.2.826.0.1.3680043.9.9999.1.3" in result.stdout
    assert "-12.5, 20.25, 5" in result.stdout
    result = run("repair", damaged, out)
    assert result.exit_code == 5
    assert "--force" in result.stderr
    result = run("repair", damaged, out, "--force", "--json")
    assert result.exit_code == 7
    facts = json.loads(result.stdout)
    assert facts["frames"] == [0, 1, 3, 4]
    assert [one["frame"] for one in facts["lost"]] == [2]
    assert "4 of 5 frames saved" in run("info", out).stdout
    assert json.loads(run("info", out, "--json").stdout)["repaired"]["source_frames"] == 5
    result = run("verify", out)
    assert result.exit_code == 0
    assert "4 of 5 frames saved" in result.stdout


def test_rebuilt_headers_are_not_called_original(whole, tmp_path):
    data = bytearray(whole.data)
    place = whole.parts["HDRS"]
    data[place.start + 20 : place.start + 40] = bytes(20)
    dicube_core.repair(bytes(data), tmp_path / "out.dcbs")
    assert "rebuilt from the merged metadata" in run("info", tmp_path / "out.dcbs").stdout
    facts = json.loads(run("info", tmp_path / "out.dcbs", "--json").stdout)
    assert not facts["original_headers"]
    assert facts["repaired"]["headers"] == "rebuilt"


def test_command_on_what_loses_nothing(whole, tmp_path):
    path = tmp_path / "a.dcbs"
    path.write_bytes(whole.data)
    result = run("repair", path, tmp_path / "copy.dcbs")
    assert result.exit_code == 0
    assert "nothing is damaged" in result.stdout
    path.write_bytes(whole.data[:20] + b"\xff" + whole.data[21:])
    result = run("repair", path, tmp_path / "out.dcbs")
    assert result.exit_code == 0
    assert "header" in result.stdout
    assert (tmp_path / "out.dcbs").read_bytes() == whole.data


@pytest.mark.parametrize(
    "data", [b"", b"x", b"DCMCUBES", b"DCMCUBES\1" + bytes(200), b"\xff" * 5000]
)
def test_nothing_to_save(data, tmp_path):
    (tmp_path / "a.dcbs").write_bytes(data)
    result = run("repair", tmp_path / "a.dcbs", tmp_path / "out.dcbs")
    assert result.exit_code == 3
    assert "saved" in result.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["a.dcbs"]


def test_missing_and_special_files(tmp_path):
    assert run("repair", tmp_path / "no.dcbs", tmp_path / "out.dcbs").exit_code == 5
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(InvalidCubeFileError, match="not a regular file"):
        dicube_core.repair(tmp_path / "fifo", tmp_path / "out.dcbs")


@pytest.mark.parametrize("size", [116, 512])
def test_the_first_sector_gone(whole, size, tmp_path):
    """A copy of header and directory ends the file, and nothing else is lost."""
    for fill in (b"\0", b"\xff", bytes(whole.data[600:601])):
        data = fill * size + whole.data[size:]
        report = dicube_core.repair(data, tmp_path / "out.dcbs")
        assert not report.anything_lost
        assert {part.name for part in report.damaged} >= {"header"}
        assert (tmp_path / "out.dcbs").read_bytes() == whole.data
    report = dicube_core.repair(whole.data[size:], tmp_path / "out.dcbs")
    assert not report.anything_lost
    assert (tmp_path / "out.dcbs").read_bytes() == whole.data


def test_the_first_sectors_gone(whole, tmp_path):
    """Up to the frames: these prove each other, and the copy says what they mean."""
    first = whole.frames[0].start
    report = dicube_core.repair(bytes(first) + whole.data[first:], tmp_path / "out.dcbs")
    assert report.anything_lost
    assert not report.lost
    assert report.record.headers == "none"
    with dicube_core.open(tmp_path / "out.dcbs") as reader, dicube_core.open(whole.data) as old:
        assert [reader.codestream(n) for n in range(5)] == whole.codestreams
        assert reader.pixel_header == old.pixel_header
        assert reader.pixel_format == old.pixel_format
        assert reader.geometry is None


def test_header_directory_and_their_copy_gone(whole, tmp_path):
    copy = whole.parts["COPY"]
    data = bytes(512) + whole.data[512 : copy.start + 40]
    with pytest.raises(InvalidCubeFileError, match="nothing could be saved"):
        dicube_core.repair(data + bytes(len(whole.data) - len(data)), tmp_path / "out.dcbs")


def test_the_copy_of_another_file(whole, tmp_path):
    """Its first bytes are gone and another file follows, or its last bytes are another's."""
    other = make_other(tmp_path)
    joined = bytes(512) + whole.data[512:] + other
    report = dicube_core.repair(joined, tmp_path / "out.dcbs")
    assert not report.lost
    assert len(report.unattributed) == 9
    assert any(part.lost and "another file" in part.outcome for part in report.damaged)
    with dicube_core.open(tmp_path / "out.dcbs") as reader:
        assert [reader.codestream(n) for n in range(5)] == whole.codestreams
        assert list(reader.headers) == whole.headers
    copy = original(other).parts["COPY"]
    body = whole.data[: whole.parts["COPY"].start]
    mixed = body + bytes(copy.start - len(body)) + other[copy.start :]
    with pytest.raises(InvalidCubeFileError, match="could be saved"):
        dicube_core.repair(bytes(512) + mixed[512:], tmp_path / "out.dcbs")
    report = dicube_core.repair(mixed, tmp_path / "out.dcbs")
    assert not report.lost
    assert (tmp_path / "out.dcbs").read_bytes() == whole.data


def test_the_beginning_of_another_file(whole, tmp_path):
    """A sector of another file in the place of the first: the rest says whose file it is."""
    other = make_other(tmp_path)
    report = dicube_core.repair(other[:512] + whole.data[512:], tmp_path / "out.dcbs")
    assert not report.anything_lost
    assert (tmp_path / "out.dcbs").read_bytes() == whole.data


def make_other(tmp_path):
    array = np.random.default_rng(5).integers(0, 999, (9, 20, 30)).astype("uint16")
    image = dicube_core.DicomCubeImage(array, dicube_core.PixelDataHeader())
    dicube_core.save(image, tmp_path / "other.dcbs")
    return (tmp_path / "other.dcbs").read_bytes()


def test_frames_in_each_others_places_are_put_back(whole, tmp_path):
    """Their numbers are proven by the table, wherever they lie."""
    first, second = whole.frames[1], whole.frames[3]
    size = min(len(first), len(second))
    if len(first) != len(second):
        joined = [whole.codestreams[n] for n in (0, 3, 2, 1, 4)]
        data = whole.data[: whole.frames[0].start] + b"".join(joined)
    else:
        data = bytearray(whole.data)
        data[first.start : first.start + size] = whole.codestreams[3]
        data[second.start : second.start + size] = whole.codestreams[1]
        data = bytes(data)
    report = dicube_core.repair(data, tmp_path / "out.dcbs")
    assert not report.anything_lost
    with dicube_core.open(tmp_path / "out.dcbs") as reader:
        assert [reader.codestream(n) for n in range(5)] == whole.codestreams


def test_a_frame_of_another_file_is_left_out(whole, tmp_path):
    """It looks right, and stands where nothing belongs: no number of it is proven."""
    place = whole.frames[2]
    strange = bytearray(whole.codestreams[2])
    strange[-4] ^= 1
    data = whole.data[: place.start] + bytes(len(place)) + whole.data[place.stop :] + bytes(strange)
    report = dicube_core.repair(data, tmp_path / "out.dcbs")
    assert [one.frame for one in report.lost] == [2]
    assert report.unattributed == ((len(whole.data), len(strange)),)


def test_two_copies_that_disagree(whole, tmp_path):
    """Headers win over merged metadata whose checksum is right, as `verify` has it."""
    from support.hostile import _sections, build

    from dicube_core.container.sections import compress, decompress

    sections, codestreams, _ = _sections(whole.data)
    text = decompress(sections.dicom_meta, "").replace(b"PAT-0042", b"PAT-0043")
    data = build(type(sections)(**{**_fields(sections), "dicom_meta": compress(text)}), codestreams)
    report = dicube_core.repair(data, tmp_path / "out.dcbs")
    assert [part.name for part in report.damaged] == ["dicom_meta"]
    with dicube_core.open(tmp_path / "out.dcbs") as reader:
        assert reader.dicom_meta.get_shared_value("PatientID") == "PAT-0042"


def _fields(sections):
    from dataclasses import fields

    return {one.name: getattr(sections, one.name) for one in fields(sections)}


# -- files without checksums, as dicube 0.3.0 writes them ---------------------------------------


def legacy(tmp_path, data):
    return dicube_core.repair(data, tmp_path / "out.dcbs")


def test_legacy_file_without_visible_damage_is_copied(tmp_path):
    data = legacy_file()
    report = legacy(tmp_path, data)
    assert report.copied
    assert not report.record.checksums
    assert (tmp_path / "out.dcbs").read_bytes() == data


def test_legacy_frames(tmp_path):
    """Structure shows damage in the headers of a codestream, and a cut."""
    data, array = legacy_file(), volume()
    place = regions(data)["codestream header 1"]
    changed = bytearray(data)
    changed[place.start + 3] ^= 0xFF
    for damaged, kept in (
        (bytes(changed), [0, 2]),
        (data[:-3], [0, 1]),
        (data[: place.start + 30], [0]),
    ):
        report = legacy(tmp_path, damaged)
        assert list(report.frames) == kept
        assert not report.record.checksums
        with dicube_core.open(tmp_path / "out.dcbs") as reader:
            np.testing.assert_array_equal(reader.frames(), array[kept])
            slices = [reader.dicom_meta.index(n) for n in range(len(kept))]
            uids = [one["00080018"]["Value"] for one in slices]
            assert uids == [[f"1.2.3.{n + 1}"] for n in kept]
            assert "no checksums" in reader.repaired.summary()
            assert any("may stand at other slices" in note for note in reader.repaired.notes)
            assert [one["00200032"]["Value"][2] for one in slices] == [2.5 * n for n in kept]
        assert dicube_core.verify_file(tmp_path / "out.dcbs").ok


@pytest.mark.parametrize(
    ("section", "content", "lost"),
    [
        ("dicom_meta", b"not zstd", True),
        ("space", b"{", False),
        ("dicom_status", b"nonsense", False),
    ],
)
def test_legacy_section(section, content, lost, tmp_path):
    report = legacy(tmp_path, legacy_file(**{section: content}))
    assert [(part.name, part.lost) for part in report.damaged] == [(section, lost)]
    assert not report.lost
    with dicube_core.open(tmp_path / "out.dcbs") as reader:
        assert len(reader) == 3
        assert (reader.dicom_meta is None) == lost
        if not lost:
            assert reader.geometry is not None


def test_legacy_frames_that_share_bytes(tmp_path):
    """Which of the two is right cannot be known, so neither is kept."""
    data = bytearray(legacy_file())
    place = regions(bytes(data))["frame_offsets"]
    data[place.start + 8 : place.start + 16] = data[place.start : place.start + 8]
    with dicube_core.open(legacy_file()) as reader:
        second = reader.container.index.offsets[1], reader.container.index.lengths[1]
    report = legacy(tmp_path, bytes(data))
    assert list(report.frames) == [2]
    assert second in report.unattributed


@pytest.mark.parametrize("name", ["header", "pixel_header"])
def test_legacy_file_of_which_nothing_is_left(name, tmp_path):
    data = bytearray(legacy_file())
    place = regions(bytes(data))[name]
    data[place.start + 8 : place.stop] = b"\xff" * (len(place) - 8)
    with pytest.raises(DicomCubeError):
        legacy(tmp_path, bytes(data))
    assert not (tmp_path / "out.dcbs").exists()


# -- single parts ---------------------------------------------------------------------------------


def test_one_flipped_bit_is_found():
    from zlib import crc32

    data = os.urandom(3000)
    for position in (0, 1, 1500, 2999):
        for bit in (0, 7):
            changed = bytearray(data)
            changed[position] ^= 1 << bit
            assert with_bit_restored(bytes(changed), crc32(data)) == data
    changed = bytearray(data)
    changed[5] ^= 3
    assert with_bit_restored(bytes(changed), crc32(data)) is None
    assert with_bit_restored(b"", 5) is None


def test_a_codec_that_is_not_installed(whole, tmp_path, monkeypatch):
    """Checksums prove frames that cannot be decoded here; without them nothing does."""

    def missing(name):
        raise CodecUnavailableError(f"{name} is not installed")

    monkeypatch.setattr("dicube_core.salvage.decoding.get_codec", missing)
    report = dicube_core.repair(without(whole, 1), tmp_path / "out.dcbs")
    assert report.frames == (0, 2, 3, 4)
    assert "not decoded" in report.record.notes[0]
    with pytest.raises(CodecUnavailableError):
        dicube_core.repair(legacy_file()[:-3], tmp_path / "other.dcbs")
