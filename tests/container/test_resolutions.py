"""Lower resolutions of progressive files: no more is read than is needed, and it is checked."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
from reliability.fuzz.parts import put_together, take_apart
from support.counting_store import CountingStore
from support.kind_series import Sort, sort_series
from support.series import Kind, make_series

import dicube_core
from dicube_core.codec.codestream import parse
from dicube_core.codec.openjph import OpenJPHCodec
from dicube_core.codec.resolutions import completed, proven_ends, resolution_ends
from dicube_core.container.extension import RESOLUTIONS
from dicube_core.exceptions import ChecksumError, DecodeError, InvalidCubeFileError
from dicube_core.pixels import PixelFormat

LEVELS = 5
N_FRAMES = 3
KINDS = {
    "small": Kind("small", rows=11, columns=9),
    "u16": Kind("u16", stored=16, rows=130, columns=70),
    "u12": Kind("u12", stored=12, rows=67, columns=131),
    "i16": Kind("i16", stored=16, signed=True, rows=96, columns=96),
    "u8": Kind("u8", 8, 8, rows=64, columns=200),
    "row": Kind("row", rows=1, columns=90),
}


def _converted(path, series, **options):
    dicube_core.convert(series.values(), path, **options)
    return path.read_bytes()


@pytest.fixture(scope="module", params=[*KINDS, "rgb"])
def pair(request, tmp_path_factory):
    """Return a progressive file, and the same without."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "rgb":
        series = sort_series(Sort("rgb"))
    else:
        series = make_series(N_FRAMES, KINDS[request.param])
    return (
        _converted(folder / "p.dcbs", series, progressive=True),
        _converted(folder / "x.dcbs", series),
    )


@pytest.fixture(scope="module")
def progressive(tmp_path_factory):
    path = tmp_path_factory.mktemp("progressive") / "p.dcbs"
    return _converted(path, make_series(N_FRAMES, KINDS["u12"]), progressive=True)


def test_every_level_is_that_of_the_whole_frame_and_reads_less(pair):
    with_table, without = map(dicube_core.open, pair)
    table = with_table.container.resolutions
    assert table.levels == LEVELS
    assert without.container.resolutions is None
    assert with_table.levels == without.levels
    for level in range(1, with_table.levels + 1):
        store = CountingStore(pair[0])
        reader = dicube_core.open(store)
        store.log.clear()
        found = reader.frames(level=level)
        assert np.array_equal(found, without.frames(level=level))
        row = table.row(1)
        assert 0 < row[level - 1].length < with_table.container.index.lengths[1]
        assert np.array_equal(reader.frame(1, level), found[1])
        assert store.log[-1] == (reader.container.index.offsets[1], row[level - 1].length)
    assert np.array_equal(with_table.frames(), without.frames())


def test_verify_proves_the_table(pair):
    for data in pair:
        assert dicube_core.verify_file(data).failures == []


def test_prefixes_are_whole_tile_parts_with_their_checksums(progressive):
    reader = dicube_core.open(progressive)
    for frame in range(N_FRAMES):
        codestream = reader.codestream(frame)
        parts = parse(codestream).tile_parts
        row = reader.container.resolutions.row(frame)
        assert [p.length for p in row] == [part.offset for part in parts[:0:-1]]
        assert [p.crc for p in row] == [zlib.crc32(codestream[: p.length]) for p in row]


def test_the_number_of_levels_is_known_from_a_few_bytes(progressive):
    store = CountingStore(progressive)
    reader = dicube_core.open(store)
    store.log.clear()
    assert reader.levels == LEVELS
    lowest = reader.container.resolutions.row(0)[-1].length
    assert [length for _, length in store.log] == [lowest]


def test_damage_in_a_prefix_is_found_and_behind_it_does_not_matter(progressive):
    reader = dicube_core.open(progressive)
    offset = reader.container.index.offsets[1]
    prefix = reader.container.resolutions.row(1)[2].length
    expected = reader.frame(1, 3)
    for place in (offset + prefix - 1, offset + 60):
        damaged = bytearray(progressive)
        damaged[place] ^= 4
        broken = dicube_core.open(bytes(damaged))
        with pytest.raises(ChecksumError, match="resolution 3 of frame 1 at byte"):
            broken.frame(1, 3)
    damaged = bytearray(progressive)
    damaged[offset + prefix] ^= 4
    behind = dicube_core.open(bytes(damaged))
    assert np.array_equal(behind.frame(1, 3), expected)
    with pytest.raises(ChecksumError):
        behind.frame(1)


def _with_table(data, change):
    parts = take_apart(data)
    numbers = np.frombuffer(parts.extension[RESOLUTIONS], "<u4").copy()
    changed = change(numbers)
    return put_together(parts.with_part(RESOLUTIONS, np.asarray(changed, "<u4").tobytes()))


def _set(place, value):
    def change(numbers):
        numbers[place] = value
        return numbers

    return change


def _with_crc(frame, level, length):
    """Say another length, with the checksum that is right for it."""

    def change(data):
        codestream = dicube_core.open(data).codestream(frame)
        place = 1 + 2 * (LEVELS * frame + level - 1)

        def rule(numbers):
            numbers[place : place + 2] = length, zlib.crc32(codestream[:length])
            return numbers

        return _with_table(data, rule)

    return change


HOSTILE = {
    "levels 0": _set(0, 0),
    "levels 200": _set(0, 200),
    "levels of another table": _set(0, 4),
    "no table": lambda n: n[:0],
    "cut": lambda n: n[:-1],
    "longer than the frame": _set(1, 1 << 31),
    "as long as the frame": _set(1, None),
    "not shorter and shorter": _set(3, 1 << 20),
    "equal": lambda n: _set(3, n[1])(n),
    "known behind unknown": _set(1, 0),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_tables_that_cannot_be_are_refused_and_whole_frames_are_read(progressive, what):
    change = HOSTILE[what]
    whole = dicube_core.open(progressive)
    if what == "as long as the frame":
        change = _set(1, whole.container.index.lengths[0])
    hostile = _with_table(progressive, change)
    reader = dicube_core.open(hostile)
    with pytest.raises(InvalidCubeFileError, match="RESL"):
        reader.frame(0, 1)
    assert np.array_equal(reader.frames(), whole.frames())
    report = dicube_core.verify_file(hostile)
    assert not report.ok
    assert "RESL" in report.failures[0]


def test_a_wrong_checksum_is_found(progressive):
    hostile = _with_table(progressive, lambda n: _set(2, n[2] ^ 1)(n))
    with pytest.raises(ChecksumError, match="resolution 1 of frame 0"):
        dicube_core.open(hostile).frame(0, 1)
    report = dicube_core.verify_file(hostile)
    assert "has checksums that are not those of frame 0" in report.failures[0]


@pytest.mark.parametrize("by", [-1, 1, 60])
def test_a_length_that_ends_in_no_resolution_is_found(progressive, by):
    length = dicube_core.open(progressive).container.resolutions.row(1)[1].length
    hostile = _with_crc(1, 2, length + by)(progressive)
    with pytest.raises(DecodeError, match=r"frame 1 at byte .*TLM"):
        dicube_core.open(hostile).frame(1, 2)
    assert not dicube_core.verify_file(hostile).ok


def test_a_prefix_of_another_resolution_is_found(progressive):
    reader = dicube_core.open(progressive)
    row = reader.container.resolutions.row(1)
    hostile = _with_table(progressive, lambda n: [*n[:11], *n[13:21], 0, 0, *n[21:]])
    assert dicube_core.open(hostile).container.resolutions.row(1)[0] == row[1]
    with pytest.raises(DecodeError, match="TLM"):
        dicube_core.open(hostile).frame(1, 1)


def test_frames_without_known_ends_are_read_whole(progressive):
    plain = dicube_core.open(progressive)
    unknown = _with_table(progressive, lambda n: [n[0], *[0] * (len(n) - 1)])
    reader = dicube_core.open(unknown)
    assert np.array_equal(reader.frames(level=2), plain.frames(level=2))
    assert reader.levels == LEVELS
    assert dicube_core.verify_file(unknown).ok


def test_editing_keeps_the_table(progressive, tmp_path):
    source, target = tmp_path / "x.dcbs", tmp_path / "y.dcbs"
    source.write_bytes(progressive)
    dicube_core.edit(source, target, set={"PatientName": "Another^Name"})
    before, after = dicube_core.open(source), dicube_core.open(target)
    assert after.container.part(RESOLUTIONS) == before.container.part(RESOLUTIONS)
    assert dicube_core.verify_file(target).ok
    lying = tmp_path / "lying.dcbs"
    lying.write_bytes(_with_table(progressive, lambda n: _set(2, n[2] ^ 1)(n)))
    with pytest.raises(InvalidCubeFileError, match="RESL"):
        dicube_core.edit(lying, tmp_path / "z.dcbs", set={"PatientName": "A^B"})
    assert not (tmp_path / "z.dcbs").exists()


def test_repair_makes_the_table_again(progressive, tmp_path):
    container = dicube_core.open(progressive).container
    entry = container._directory.entries[RESOLUTIONS].section
    bad_table, bad_frame = bytearray(progressive), bytearray(progressive)
    bad_table[entry.offset + 5] ^= 1
    bad_frame[container.index.offsets[1] + 300] ^= 1
    for data, kept in ((bad_table, [0, 1, 2]), (bad_frame, [0, 2])):
        target = tmp_path / "repaired.dcbs"
        report = dicube_core.repair(bytes(data), target)
        assert list(report.record.frames) == kept
        assert dicube_core.verify_file(target).ok
        repaired = dicube_core.open(target)
        rows = [repaired.container.resolutions.row(n) for n in range(len(kept))]
        assert rows == [container.resolutions.row(n) for n in kept]
    assert [part.name for part in dicube_core.repair(bytes(bad_table), target).record.damaged] == [
        "RESL"
    ]


def test_a_damaged_entry_of_the_table_is_made_again(progressive, tmp_path):
    container = dicube_core.open(progressive).container
    place = 116 + 40 + 32 * list(container._directory.entries).index(RESOLUTIONS)
    damaged = bytearray(progressive)
    damaged[place + 16] ^= 1
    target = tmp_path / "repaired.dcbs"
    dicube_core.repair(bytes(damaged), target)
    assert dicube_core.open(target).container.part(RESOLUTIONS) == container.part(RESOLUTIONS)


def test_saving_an_image_writes_the_table(progressive, tmp_path):
    target = tmp_path / "x.dcbs"
    dicube_core.save(dicube_core.load(progressive), target, progressive=True)
    first = dicube_core.open(progressive).container.part(RESOLUTIONS)
    assert dicube_core.open(target).container.part(RESOLUTIONS) == first
    dicube_core.save(dicube_core.load(progressive), target)
    assert dicube_core.open(target).container.resolutions is None


def test_codestreams_without_ends():
    frame = np.arange(64 * 64, dtype="uint16").reshape(64, 64)
    pixel_format = PixelFormat.from_dtype("uint16", 64, 64)
    plain = OpenJPHCodec().encode(frame, pixel_format)
    assert resolution_ends(plain) == ()
    with pytest.raises(DecodeError, match="TLM"):
        completed(plain[:200], 1, len(plain), pixel_format)
    codec = OpenJPHCodec(tlm=True)
    tlm = codec.encode(frame, pixel_format)
    ends = proven_ends(tlm, codec, pixel_format)
    assert ends == resolution_ends(tlm)
    assert len(ends) == LEVELS
    for level, end in enumerate(ends, 1):
        for wrong in (end - 1, end + 1, len(tlm)):
            with pytest.raises(DecodeError, match="TLM"):
                completed(tlm[:wrong], level, len(tlm), pixel_format)
        with pytest.raises(DecodeError, match="TLM"):
            completed(tlm[:end], level, len(tlm) + 1, pixel_format)
        legal = completed(tlm[:end], level, len(tlm), pixel_format)
        assert len(parse(legal).tile_parts) == LEVELS + 1
    with pytest.raises(DecodeError):
        completed(tlm[: ends[-1]], LEVELS + 1, len(tlm), pixel_format)
    with pytest.raises(DecodeError):
        completed(b"", 1, 10, pixel_format)


def test_frames_whose_lower_resolution_is_made_of_the_full_one_are_read_whole(tmp_path):
    kind = Kind("overlay", stored=12, rows=40, columns=40, fill="overlay")
    path = tmp_path / "x.dcbs"
    dicube_core.convert(make_series(2, kind).values(), path, progressive=True)
    reader = dicube_core.open(path)
    assert [p.length for p in reader.container.resolutions.row(0)] == [0] * LEVELS
    assert np.array_equal(reader.frame(0, 1), reader.frame(0)[::2, ::2])
