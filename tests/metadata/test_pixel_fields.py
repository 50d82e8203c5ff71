"""What headers say of their pixels, remembered: always what reading them anew gives."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from dicube_core.dataset.find import WANTED
from dicube_core.dicom import pixel_fields
from dicube_core.dicom.pixel_fields import FLOAT_PIXELS, described, pixel_format_of, rescale_of
from dicube_core.exceptions import DicomCubeError

PLAIN = {
    0x00280002: b"\1\0",
    0x00280004: b"MONOCHROME2 ",
    0x00280010: b"\4\0",
    0x00280011: b"\5\0",
    0x00280100: b"\x10\0",
    0x00280101: b"\x0c\0",
    0x00280102: b"\x0b\0",
    0x00280103: b"\0\0",
    0x00281052: b"-1024",
    0x00281053: b"1",
}
VALUES = st.one_of(
    st.none(),
    st.sampled_from([b"", b"\1\0", b"\2\0", b"\3\0", b"\x08\0", b"\x10\0", b"\x20\0", b"\0"]),
    st.sampled_from([b"1", b"-2.5", b"NaN", b"x", b"1\\2", b"RGB", b"YBR_FULL ", b"9" * 400]),
)


def outcome(read):
    try:
        return read()
    except DicomCubeError as exc:
        return type(exc), str(exc)


@given(st.dictionaries(st.sampled_from(sorted({*WANTED, *FLOAT_PIXELS})), VALUES, max_size=4))
@example({0x00281053: b"0"})
@example({0x7FE00008: b"", 0x00280100: b"\x20\0"})
def test_remembered_is_what_reading_gives(changes):
    values = {tag: v for tag, v in (PLAIN | changes).items() if v is not None}
    expected = outcome(lambda: (pixel_format_of(values, "a"), rescale_of(values)))
    for _ in range(2):
        assert outcome(lambda: described(values, "a")) == expected
    # Another header that says nothing else is told apart by nothing but its name.
    other = outcome(lambda: (pixel_format_of(values, "b"), rescale_of(values)))
    assert outcome(lambda: described(values, "b")) == other


@pytest.mark.parametrize("tag", [0x00280004, 0x00280010, 0x00281053])
def test_large_values_are_not_remembered(tag):
    pixel_fields._described.cache_clear()
    outcome(lambda: described({**PLAIN, tag: b" " * 100_000}, "a"))
    assert pixel_fields._described.cache_info().currsize == 0
    described(PLAIN, "a")
    assert pixel_fields._described.cache_info().currsize == 1
