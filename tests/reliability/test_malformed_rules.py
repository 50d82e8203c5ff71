"""The rules of the malformed-file suite make what they say."""

from __future__ import annotations

import struct
from collections import Counter
from itertools import pairwise
from zlib import crc32

import pytest

import dicube_core
from dicube_core.exceptions import ChecksumError, DicomCubeError
from reliability.malformed.bases import bases
from reliability.malformed.rules import RULES, all_variants, mutations, undetectable
from reliability.malformed.rules._assemble import assemble
from reliability.malformed.rules._codestream import split
from reliability.malformed.rules._columns import column_fields, rows_of, table_of
from reliability.malformed.rules._file import DIRECTORY, ENTRY, HEADER, layout, parts_of
from reliability.malformed.variant import FACETS

#: Least number of variants of a family, of ``ours`` and of ``legacy``.
LEAST = {
    "truncation": (300, 100),
    "header fields": (500, 250),
    "extension directory": (300, 0),
    "extension parts": (60, 0),
    "header table": (400, 0),
    "JSON text": (180, 120),
    "JSON types: space": (400, 400),
    "JSON types: pixel header": (500, 200),
    "merged metadata": (1000, 1000),
    "Zstandard frames": (150, 80),
    "geometry": (150, 80),
    "frame tables": (200, 100),
    "frames": (100, 80),
    "codestream markers": (150, 150),
    "codestream fields": (400, 250),
}
NAMES = (
    *("ours", "legacy", "signed", "progressive", "multiframe", "volumes", "colour"),
    *("real", "kept", "kept JPEG 2000"),
)


@pytest.fixture(scope="module")
def made():
    return {name: list(all_variants(base)) for name, base in bases().items()}


def test_there_is_a_base_of_every_kind():
    assert tuple(bases()) == NAMES
    tags = set()
    for name, base in bases().items():
        with dicube_core.open(base.data) as reader:
            assert reader.validated is base.checksums
            assert len(reader.frames()) == (4 if name == "volumes" else 3)
            assert (reader.dimensions is not None) == (name == "volumes")
        tags |= {part.tag for part in parts_of(base).extension}
        assert len(base.data) < 8000
    assert tags == {b"HDRS", b"WRTR", b"FCRC", b"FRAM", b"ENCP", b"RESL"}


@pytest.mark.parametrize("name", NAMES)
def test_a_file_taken_apart_and_put_together_is_the_same(name):
    base = bases()[name]
    assert assemble(parts_of(base)) == base.data
    stops = sorted((span.start, span.stop) for span in layout(base).values())
    assert stops[0][0] == 0
    assert stops[-1][1] == len(base.data)
    assert all(first[1] == second[0] for first, second in pairwise(stops))


def test_checksums_are_computed_again_as_the_format_says():
    base = bases()["ours"]
    parts = parts_of(base)
    frames = (b"other" * 9, *parts.frames[1:])
    data = assemble(
        type(parts)(
            parts.dicom_status,
            parts.dicom_meta,
            parts.space,
            parts.pixel_header,
            frames,
            parts.extension,
        )
    )
    _, _, count, length, n_frames, header_crc, crc = DIRECTORY.unpack_from(data, HEADER.size)
    assert (length, n_frames, header_crc) == (len(data), 3, crc32(data[: HEADER.size]))
    body = data[HEADER.size + DIRECTORY.size :][: count * ENTRY.size]
    assert crc == crc32(body, crc32(data[HEADER.size : HEADER.size + DIRECTORY.size - 4]))
    entries = {tag: (offset, size, c) for tag, _, offset, size, c, _ in ENTRY.iter_unpack(body)}
    for offset, size, expected in entries.values():
        assert crc32(data[offset : offset + size]) == expected
    offset = entries[b"FCRC"][0]
    assert struct.unpack_from("<3I", data, offset) == tuple(map(crc32, frames))
    with dicube_core.open(data) as reader:
        assert reader.codestream(0) == frames[0]
    stale = assemble(parts_of(base), lambda draft: draft.trailing.__add__(b""), stale=parts)
    assert stale == base.data
    with (
        dicube_core.open(
            assemble(
                type(parts)(
                    b"other",
                    *(
                        getattr(parts, n)
                        for n in ("dicom_meta", "space", "pixel_header", "frames", "extension")
                    ),
                ),
                stale=parts,
            )
        ) as reader,
        pytest.raises(ChecksumError),
    ):
        _ = reader.dicom_status


def test_names_are_unique_and_say_the_way(made):
    for name, variants in made.items():
        places = Counter((v.family, v.name) for v in variants)
        assert [place for place, count in places.items() if count > 1] == []
        ways = {v.name.split(": ")[0] for v in variants}
        assert ways == ({"damaged", "recomputed"} if bases()[name].checksums else {"plain"})
        assert {v.base for v in variants} == {name}
        assert {facet for v in variants for facet in v.may_differ} <= set(FACETS)
        assert not [v.name for v in variants if v.refused and v.may_differ]


def test_each_family_has_its_hundreds(made):
    for place, name in enumerate(("ours", "legacy")):
        counts = Counter(v.family for v in made[name])
        for family, least in LEAST.items():
            assert counts[family] >= least[place], (name, family)
    assert Counter(v.family for v in made["real"])["pcodec frames"] > 200
    assert Counter(v.family for v in made["kept"])["RLE frames"] > 150
    assert {v.name.split(":")[1].strip() for v in made["multiframe"] if "FRAM" in v.name}
    assert len(RULES) == 15


@pytest.mark.parametrize("name", NAMES)
def test_no_variant_is_its_base_and_all_are_deterministic(name, made):
    base = bases()[name]
    for variant in made[name][::5]:
        data = variant.make()
        assert data != base.data, variant.name
        assert data == variant.make(), variant.name


def test_a_second_time_the_same_names_come_in_the_same_order(made):
    for name in ("ours", "kept"):
        again = [(v.family, v.name) for v in all_variants(bases()[name])]
        assert again == [(v.family, v.name) for v in made[name]]


def test_mutations_are_those_of_their_seed():
    base, other = bases()["ours"], bases()["colour"]
    first = [v.make() for v in mutations(base, 80, 3, (other,))]
    assert first == [v.make() for v in mutations(base, 80, 3, (other,))]
    assert first != [v.make() for v in mutations(base, 80, 4, (other,))]
    assert base.data not in first
    assert len(set(first)) > 70
    assert len({v.name.split(" ")[0] for v in mutations(base, 80, 3, (other,))}) == 8


def test_what_is_called_undetectable_is_read_and_not_called_validated():
    assert list(undetectable(bases()["ours"])) == []
    base = bases()["legacy"]
    variants = list(undetectable(base))
    assert len(variants) > 100
    with dicube_core.open(base.data) as reader:
        expected = reader.frames().tobytes()
    other = 0
    for variant in variants:
        assert variant.may_differ == {"pixels", "slices"}
        with dicube_core.open(variant.make()) as reader:
            assert not reader.validated
            try:
                other += reader.frames().tobytes() != expected
            except DicomCubeError:
                continue
    assert other > len(variants) // 2


def test_codestreams_and_tables_are_understood_as_they_stand():
    for base in bases().values():
        parts = parts_of(base)
        if parts.frames[0].startswith(b"\xff\x4f"):
            assert [split(frame).pack() for frame in parts.frames] == list(parts.frames)
        if base.checksums:
            import zstandard

            table = zstandard.decompress(parts.part(b"HDRS"))
            rows = rows_of(table)
            assert rows_of(table_of(rows)) == rows
            assert len(dict.fromkeys(at for _, at, _ in column_fields(table))) >= 8
