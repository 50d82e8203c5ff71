"""What is looked for is found wherever it stands, and what is not removed is no finding."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicube_core.dataset._text import UTF8
from dicube_core.editing.comments import comments_of
from dicube_core.editing.leaves import Change, Leaf
from dicube_core.editing.removed_values import RemovedKind, RemovedValues, Wanted
from dicube_core.editing.search import ByteSearch, TextSearch
from dicube_core.editing.uids import new_uid, shifted

UID = "1.2.826.0.1.77.1"


def text(value, kind=RemovedKind.TEXT):
    return Wanted(kind, value, value.encode())


@pytest.mark.parametrize(
    ("value", "where", "found"),
    [
        (text("Walburga"), "by WALBURGA, today", True),
        (text("Walburga"), "Walburgas", False),
        (text("Walburga"), "xWalburga", False),
        (text("Walburga"), "Walburgas Walburga", True),
        (text("123456"), "no 123456.", False),
        (text("123456"), "no 123456, yes", True),
        (text("123456"), "1.2.123456.3", False),
        (text("123456"), "0123456", False),
        (text("A-1 (b)"), "is A-1 (b)!", True),
        (text(UID, RemovedKind.UID), f"<{UID}>", True),
        (text(UID, RemovedKind.UID), f"{UID}2", False),
        (text(UID, RemovedKind.UID), f"{UID}.2", False),
        (text(UID, RemovedKind.UID), f"3.{UID}", False),
    ],
)
def test_texts_stand_alone(value, where, found):
    search = TextSearch([value])
    hits = [v for v in search.candidates(where) if search.is_in(v, where)]
    assert bool(hits) is found
    in_bytes = list(ByteSearch([value]).find(where.encode()))
    if value.text.casefold() in (where, where.casefold(), value.text.casefold()):
        assert bool(in_bytes) is found


@given(
    st.binary(max_size=200),
    st.binary(max_size=200),
    st.sampled_from(
        [
            text("Walburga"),
            text("Zmudzinski^W"),
            text("東京太郎"),
            text(UID, RemovedKind.UID),
            Wanted(RemovedKind.BINARY, "", bytes(range(40))),
        ]
    ),
    st.sampled_from(["utf-8", "utf-16-le", "utf-16-be"]),
)
@settings(max_examples=300, deadline=None)
def test_planted_bytes_are_found_at_any_place(before, after, value, codec):
    if value.kind is RemovedKind.BINARY:
        form = value.value
    else:
        form = value.text.encode("ascii" if value.kind is RemovedKind.UID else codec)
    data = before + b" \0" * 1 + b"\0<\0" + form + b"\0\0>" + after
    others = [text(f"something else {i}") for i in range(20)]
    found = [(at, hit) for at, hit in ByteSearch([*others, value]).find(data) if hit is value]
    assert len(before) + 5 in [at for at, _ in found]


def test_nothing_is_found_in_noise_and_short_values_are_not_sought_in_bytes():
    noise = np.random.default_rng(5).integers(0, 256, 4 << 20, dtype=np.uint8).tobytes()
    values = [text(f"name {i:05d}") for i in range(500)]
    values += [text(f"1.2.840.113.{i}", RemovedKind.UID) for i in range(2000)]
    assert list(ByteSearch(values).find(noise)) == []
    assert list(ByteSearch([text("Jane")]).find(b"...Jane...")) == []
    assert list(ByteSearch([text("Jane")]).find(b"\0\0J\0a\0n\0e\0\0\0"))


def _removed(vr, value, new=None, tag=0x00080201):
    old = Leaf(((tag, 0),), vr, value, UTF8)
    return Change(old, None if new is None else Leaf(((tag, 0),), vr, new, UTF8))


@pytest.mark.parametrize(
    ("vr", "value", "sought"),
    [
        ("PN", b"Doe^Jane^^Dr.=\xe5\xb1\xb1\xe7\x94\xb0", {"Doe^Jane^^Dr.=山田", "Jane", "山田"}),
        ("LO", b"abc", set()),
        ("LO", b"abcd\\efgh", {"abcd", "efgh"}),
        ("LO", b"12345", set()),
        ("LO", b"123456", {"123456"}),
        ("SH", "é1".encode(), {"é1"}),
        ("CS", b"ABDOMEN", set()),
        ("DS", b"12345678.5", set()),
        ("TM", b"101530.123456", set()),
        ("DA", b"19450321", {"19450321"}),
        ("UI", b"1.2.840.10008.5.1.4.1.1.2", set()),
        ("UI", UID.encode() + b"\0", {UID}),
        ("UN", b"Doe^Jane  ", {"Doe^Jane"}),
        ("OB", bytes(30), set()),
        ("OB", bytes(range(15)), set()),
        ("OB", bytes(range(16)), {""}),
        ("US", b"\1\2", set()),
    ],
)
def test_what_is_looked_for(vr, value, sought):
    removed = RemovedValues()
    removed.note([_removed(vr, value)])
    assert {wanted.text for wanted in removed.wanted()} == sought
    assert bool(removed.not_sought) is (not sought)


def test_what_the_edit_writes_is_no_removed_value():
    removed = RemovedValues()
    removed.note(
        [_removed("LO", b"Muster Clinic", b"The Muster Clinic"), _removed("UI", b"1.22.333.4")]
    )
    removed.note([_removed("UI", b"1.2.99.1234", b"1.22.333.4")])
    assert {wanted.text for wanted in removed.wanted()} == {"1.2.99.1234"}


def test_comments_of_codestreams():
    j2k = b"\xff\x4f\xff\x51\0\4ab\xff\x64\0\x08\0\1Jane\xff\x90\0\4"
    assert [c[2:] for c in comments_of(j2k)] == ["Jane"]
    jpeg = b"\xff\xd8\xff\xe1\0\6Exif\xff\xfe\0\6Jane\xff\xda\0\4\xff\xfe\0\6Doe."
    assert list(comments_of(jpeg)) == ["Exif", "Jane"]
    for damaged in (
        b"",
        b"\xff\x4f",
        b"\xff\x4f\xff\x64\0\0",
        b"\xff\x4f\xff\x64\xff\xffab",
        b"abcdef",
    ):
        assert "Jane" not in "".join(comments_of(damaged))


def test_new_uids_and_dates():
    assert new_uid("1.2.840.10008.1.2", b"s" * 16) == "1.2.840.10008.1.2"
    assert new_uid("1.2.840.100089", b"s" * 16) != "1.2.840.100089"
    made = {new_uid(f"1.2.{i}", b"s" * 16) for i in range(1000)}
    assert len(made) == 1000
    assert all(len(uid) <= 44 and uid.startswith("2.25.") for uid in made)
    assert shifted("20240301", -1) == "20240229"
    assert shifted("20240301101500+0100", -366) == "20230301101500+0100"
    for odd in ("2024", "20241399", "", "00010101", "2024.03.01"):
        assert shifted(odd, -1) is None
