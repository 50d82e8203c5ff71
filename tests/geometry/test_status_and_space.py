"""Status and geometry out of merged metadata, and the table of tags."""

import pytest
from pydicom.datadict import tag_for_keyword
from pydicom.tag import BaseTag, Tag
from slice_factory import changed, make_slices, oblique, steps

from dicube_core.exceptions import MetaDataError
from dicube_core.metadata.tags import CommonTags, get_tag_key
from dicube_core.spatial.finding_kinds import _PRECEDENCE, Finding, FindingKind
from dicube_core.spatial.findings import assess
from dicube_core.spatial.planes import SLICE_FIELDS, SliceAttributes
from dicube_core.spatial.space import slices_from_meta
from dicube_core.spatial.status import (
    DicomStatus,
    get_dicom_status,
    get_space_from_DicomMeta,
    status_of,
)


class Meta:
    """Merged metadata as files hold it: tag -> (shared, values)."""

    def __init__(self, count, entries):
        self.slice_count = count
        self._entries = {Tag(tag): entry for tag, entry in entries.items()}

    def is_shared(self, tag_input):
        return self._entries.get(Tag(tag_input), (False, None))[0]

    def get_values(self, tag_input):
        shared, values = self._entries.get(Tag(tag_input), (False, [None] * self.slice_count))
        return [values] * self.slice_count if shared else values


def merged(slices):
    """Lay slices out as a file does: lists, single values of varying tags unwrapped."""
    entries = {}
    for tag, spec in SLICE_FIELDS.items():
        values = [getattr(one, spec.name) for one in slices]
        if len(set(values)) == 1 and values[0] is not None:
            value = values[0]
            entries[tag] = (True, list(value) if isinstance(value, tuple) else [value])
        elif any(value is not None for value in values):
            entries[tag] = (False, [list(v) if isinstance(v, tuple) else v for v in values])
    return Meta(len(slices), entries)


SERIES = {
    "sound": make_slices(steps(5), oblique()),
    "left-handed": make_slices(steps(5, -1.0)),
    "gap": make_slices([0.0, 1.0, 2.0, 5.0]),
    "one position missing": changed(make_slices(steps(5)), 2, position=None),
    "single": make_slices([0.0]),
    "empty": [SliceAttributes()] * 2,
}


@pytest.mark.parametrize("slices", SERIES.values(), ids=SERIES)
def test_metadata_says_what_its_slices_say(slices):
    meta = merged(slices)
    assert slices_from_meta(meta) == slices
    report = assess(slices)
    assert get_dicom_status(meta) is report.status
    assert get_space_from_DicomMeta(meta, axis_order="zyx") == report.geometry
    expected = report.geometry and report.geometry.reverse_axis_order()
    assert get_space_from_DicomMeta(meta) == expected


def test_the_word_none_is_absence():
    meta = Meta(2, {CommonTags.InstanceNumber: (False, [[1], "None"])})
    assert [one.instance_number for one in slices_from_meta(meta)] == [1, None]
    assert slices_from_meta(meta)[1].problems == ()


def test_problems_reach_the_slices():
    meta = Meta(2, {CommonTags.PixelSpacing: (True, ["a", "b"])})
    assert all("PixelSpacing" in one.problems[0] for one in slices_from_meta(meta))


def test_values_that_do_not_fit_the_slices():
    meta = Meta(3, {CommonTags.InstanceNumber: (False, [1, 2])})
    with pytest.raises(MetaDataError, match="InstanceNumber has 2 values"):
        get_dicom_status(meta)


def test_axis_order_is_one_of_two():
    with pytest.raises(ValueError, match="axis order"):
        get_space_from_DicomMeta(merged(make_slices(steps(3))), "yxz")


def test_every_kind_of_finding_has_its_place_in_the_statuses():
    harmless = {
        FindingKind.UNREADABLE_VALUE,
        FindingKind.NOT_IN_SPATIAL_ORDER,
        FindingKind.SINGLE_SLICE,
        FindingKind.TILT_NOT_IN_POSITIONS,
    }
    assert set(_PRECEDENCE) == set(FindingKind) - harmless
    assert set(_PRECEDENCE.values()) == set(DicomStatus) - {DicomStatus.CONSISTENT}
    for kind in harmless:
        assert status_of([Finding(kind, "")]) is DicomStatus.CONSISTENT


def test_the_gravest_finding_wins_whatever_the_order():
    findings = [
        Finding(FindingKind.NON_UNIFORM_RESCALE, ""),
        Finding(FindingKind.GANTRY_TILT, ""),
        Finding(FindingKind.GAP_LOCATION, ""),
        Finding(FindingKind.MISSING_SHAPE, ""),
    ]
    assert status_of(findings) is DicomStatus.MISSING_SHAPE
    assert status_of(reversed(findings[:3])) is DicomStatus.GAP_LOCATION
    assert status_of(findings[:2]) is DicomStatus.NON_UNIFORM_RESCALE_FACTOR
    assert status_of([]) is DicomStatus.CONSISTENT


def test_tags_are_those_of_their_keywords():
    tags = {name: tag for name, tag in vars(CommonTags).items() if isinstance(tag, BaseTag)}
    assert len(tags) > 50
    for name, tag in tags.items():
        assert tag == tag_for_keyword(name), name


def test_tag_key():
    assert get_tag_key(CommonTags.PatientID) == "00100020"
    assert get_tag_key(CommonTags.PixelData) == "7FE00010"


def test_slice_fields_have_the_tags_of_their_keywords():
    for tag, spec in SLICE_FIELDS.items():
        assert tag == tag_for_keyword(spec.keyword)
