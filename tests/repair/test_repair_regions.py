"""Damage in one region of files of every sort: exactly the damaged is lost."""

from __future__ import annotations

import random

import pytest
from repair_cases import SERIES, bare, check, converted

import dicube_core

KINDS = [*SERIES, "bare"]


@pytest.fixture(scope="module", params=KINDS)
def whole(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp(request.param)
    return bare(folder) if request.param == "bare" else converted(request.param, folder)


def flipped(data, place, rng):
    changed = bytearray(data)
    changed[rng.choice(place)] ^= 1 << rng.randrange(8)
    return bytes(changed)


def smeared(data, place, size, fill):
    changed = bytearray(data)
    stop = min(place.start + size, place.stop)
    changed[place.start : stop] = fill * (stop - place.start)
    return bytes(changed)


def test_one_flipped_bit_outside_of_frames_loses_nothing(whole, tmp_path):
    rng = random.Random(1)
    for name, place in whole.parts.items():
        for _ in range(3):
            data = flipped(whole.data, place, rng)
            if name in ("ENCP", "FRAM", "space") and name in whole.parts:
                report = dicube_core.repair(data, tmp_path / "out.dcbs")
                check(whole, report, tmp_path / "out.dcbs")
                assert not report.lost
                continue
            if whole.headers is None and name in ("pixel_header", "status"):
                continue  # nothing else says what is in them; see below
            report = dicube_core.repair(data, tmp_path / "out.dcbs")
            assert (tmp_path / "out.dcbs").read_bytes() == whole.data, (name, report.damaged)
            assert not report.anything_lost
            assert [part.name for part in report.damaged] != []


@pytest.mark.parametrize("fill", [b"\0", b"\xff"])
def test_a_damaged_part(whole, fill, tmp_path):
    """More than a bit: what has a copy is made again, what has none is named."""
    for name, place in whole.parts.items():
        data = smeared(whole.data, place, 24, fill)
        if data == whole.data or (name == "pixel_header" and whole.headers is None):
            continue
        report = dicube_core.repair(data, tmp_path / "out.dcbs")
        check(whole, report, tmp_path / "out.dcbs")
        assert not report.lost, name
        copies = {"header", "directory", "offsets", "lengths", "FCRC", "WRTR", "FRAM"}
        if name in copies | {"metadata", "pixel_header"}:
            assert not report.anything_lost, (name, report.damaged)
            assert (tmp_path / "out.dcbs").read_bytes() == whole.data
        if name in ("HDRS", "ENCP"):
            assert report.anything_lost
            assert name in [part.name for part in report.damaged if part.lost]
        assert report.record.headers == (
            "none" if whole.headers is None else "rebuilt" if name == "HDRS" else "original"
        )


def test_damaged_frames(whole, tmp_path):
    """Any choice of frames: exactly those are lost, the others are what they were."""
    rng = random.Random(2)
    count = len(whole.frames)
    choices = [{0}, {count - 1}, {1, 2}, set(range(1, count)), {0, 2}]
    for lost in choices:
        data = whole.data
        for frame in lost:
            data = flipped(data, whole.frames[frame], rng)
        report = dicube_core.repair(data, tmp_path / "out.dcbs")
        check(whole, report, tmp_path / "out.dcbs")
        assert {one.frame for one in report.lost} == lost
        assert [one.offset for one in report.lost] == [whole.frames[n].start for n in sorted(lost)]
        assert not report.damaged


def test_a_frame_and_every_table_at_once(whole, tmp_path):
    data = flipped(whole.data, whole.frames[1], random.Random(4))
    for name in ("header", "offsets", "lengths", "metadata"):
        if name in whole.parts:
            data = flipped(data, whole.parts[name], random.Random(5))
    report = dicube_core.repair(data, tmp_path / "out.dcbs")
    check(whole, report, tmp_path / "out.dcbs")
    if whole.headers is not None or "metadata" not in whole.parts:
        assert [one.frame for one in report.lost] == [1]


def test_cut(whole, tmp_path):
    """All frames before the cut are kept."""
    for frame, place in enumerate(whole.frames):
        for stop in {place.start, place.start + 1, place.stop - 1}:
            if not frame:
                with pytest.raises(dicube_core.exceptions.InvalidCubeFileError, match="saved"):
                    dicube_core.repair(whole.data[:stop], tmp_path / "none.dcbs")
                assert not (tmp_path / "none.dcbs").exists()
                continue
            report = dicube_core.repair(whole.data[:stop], tmp_path / "out.dcbs")
            check(whole, report, tmp_path / "out.dcbs")
            assert list(report.frames) == list(range(frame))
            assert "file" in [part.name for part in report.damaged]


def test_bytes_lost_or_put_in(whole, tmp_path):
    """Frames that moved are found again; the frame that was hit is lost."""
    hit = whole.frames[1]
    middle = (hit.start + hit.stop) // 2
    for data in (
        whole.data[:middle] + whole.data[middle + 1 :],
        whole.data[:middle] + b"x" * 10 + whole.data[middle:],
    ):
        report = dicube_core.repair(data, tmp_path / "out.dcbs")
        check(whole, report, tmp_path / "out.dcbs")
        assert [one.frame for one in report.lost] == [1]
    for data in (b"junk" + whole.data, whole.data + b"junk"):
        report = dicube_core.repair(data, tmp_path / "out.dcbs")
        assert not report.anything_lost
        assert (tmp_path / "out.dcbs").read_bytes() == whole.data


def test_without_damage_it_is_a_copy(whole, tmp_path):
    report = dicube_core.repair(whole.data, tmp_path / "out.dcbs")
    check(whole, report, tmp_path / "out.dcbs")
    assert report.copied
    assert not report.anything_lost
    assert (tmp_path / "out.dcbs").read_bytes() == whole.data


def test_pixel_header_and_headers_damaged(whole, tmp_path):
    """The merged metadata says both; of frames that their source compressed, not the codec."""
    if "HDRS" not in whole.parts:
        pytest.skip("the file has no headers")
    data = smeared(whole.data, whole.parts["HDRS"], 24, b"\0")
    data = smeared(data, whole.parts["pixel_header"], 24, b"\0")
    report = dicube_core.repair(data, tmp_path / "out.dcbs")
    check(whole, report, tmp_path / "out.dcbs")
    assert not report.lost
    data = smeared(data, whole.parts["COPY"], 24, b"\0")
    if "ENCP" in whole.parts:
        with pytest.raises(dicube_core.exceptions.InvalidCubeFileError, match="pixel header"):
            dicube_core.repair(data, tmp_path / "out.dcbs")
        return
    report = dicube_core.repair(data, tmp_path / "out.dcbs")
    check(whole, report, tmp_path / "out.dcbs")
    assert not report.lost
    assert report.record.headers == "rebuilt"
    with (
        dicube_core.open(tmp_path / "out.dcbs") as reader,
        dicube_core.open(whole.data) as before,
    ):
        assert reader.pixel_header == before.pixel_header
        assert reader.pixel_format == before.pixel_format


def test_parts_that_moved_by_different_distances(whole, tmp_path):
    """Bytes put into two parts: those between and behind them are found where they are now."""
    first, second = whole.parts["FCRC"].start, whole.frames[0].start
    data = whole.data[:first] + b"abc" + whole.data[first:second] + b"defgh" + whole.data[second:]
    report = dicube_core.repair(data, tmp_path / "out.dcbs")
    check(whole, report, tmp_path / "out.dcbs")
    assert report.record.headers == ("none" if whole.headers is None else "original")
