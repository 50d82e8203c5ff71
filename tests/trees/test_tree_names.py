"""Names of files: whatever the headers say, safe, readable, and never shared."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tree_support import facts, names_of, series_files, tree_of

import dicube_core
from dicube_core.trees.grouping import Part, SeriesKey, plane_name
from dicube_core.trees.naming import NAME_MODES, nifti_stem, part_stem, unique_names

SAFE = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?-[0-9a-f]{8,32}\.dcbs")
HOSTILE = [
    "../../etc/passwd",
    "..\\..\\windows",
    "/absolute",
    "C:evil",
    "a\0b",
    "line\nbreak",
    "\x1b[31mred",
    "....",
    "   ",
    "",
    "CON",
    "nul.txt",
    "x" * 5000,
    "T1 \u6c34 axial",
    "R\u00f6ntgen Sch\u00e4del",
    "\u202egnp.exe",
    "~user $HOME `id` %n *?",
    "\ud800",
    ".hidden",
    "-rf",
]


def part(description="", modality="CT", number="1", series="1.2.3", **options):
    return Part(
        key=SeriesKey("1.2", series),
        modality=modality,
        number=number,
        description=description,
        pixel_format=None,
        localizer=options.get("localizer", False),
        syntax="",
        orientation=options.get("orientation"),
        instances=(),
    )


def names(parts, mode):
    return unique_names([(part_stem(one, mode), one.identity) for one in parts])


@pytest.mark.parametrize("mode", NAME_MODES)
@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_gives_safe_names(value, mode):
    (name,) = names([part(value, value, value, value)], mode)
    assert SAFE.fullmatch(name)
    assert len(name) < 200
    assert ".." not in name
    (nifti,) = unique_names([(nifti_stem(f"a/{value}.nii"), "x")])
    assert SAFE.fullmatch(nifti)


@given(st.lists(st.tuples(st.text(), st.text(), st.text()), unique=True, max_size=20))
def test_names_are_unique_without_case(texts):
    parts = [part(d, n, "7", f"1.2.{i}.{s}") for i, (d, n, s) in enumerate(texts)]
    for mode in NAME_MODES:
        found = names(parts, mode)
        assert len({name.lower() for name in found}) == len(parts)
        assert all(SAFE.fullmatch(name) for name in found)
        assert found == names(parts[::-1], mode)[::-1]


def test_names_are_readable():
    axial = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    one = part("Thorax  1.0/B30f", number="12", orientation=axial)
    assert part_stem(one, "description") == "CT_0012_Thorax_1.0_B30f_axial"
    assert part_stem(one, "number") == "CT_0012"
    assert part_stem(one, "uid") == "1.2.3"
    assert part_stem(part(number=""), "number") == "CT_0000"
    assert part_stem(part(number="99999"), "number") == "CT_99999"
    assert part_stem(part("x", localizer=True), "number") == "CT_0001_localizer"
    assert part_stem(part("R\u00f6ntgen"), "description") == "CT_0001_Rontgen"


def test_equal_short_hashes_are_made_longer():
    found = unique_names([("a", "one"), ("A", "one"), ("a", "two"), ("b", "three")])
    assert found[0] != found[2]
    # The same identity twice is the same part: planning refuses that.
    assert found[0].lower() == found[1].lower()


@pytest.mark.parametrize(
    ("orientation", "plane"),
    [
        (None, ""),
        ((1, 0, 0, 0, 1, 0), "axial"),
        ((1, 0, 0, 0, 0, -1), "coronal"),
        ((0, 1, 0, 0, 0, -1), "sagittal"),
        ((0.98, 0.199, 0, -0.199, 0.98, 0), "axial"),
        ((0.7071, 0, -0.7071, 0, 1, 0), "oblique"),
        ((0, 0, 0, 0, 0, 0), "oblique"),
    ],
)
def test_planes(orientation, plane):
    assert plane_name(orientation) == plane


@pytest.mark.parametrize("mode", NAME_MODES)
def test_the_modes_of_convert_tree(tmp_path, mode):
    tree = tree_of(
        tmp_path / "in",
        series_files("a", "1", facts(3, "Kn\u00e9e", charset="latin-1")),
        series_files("b", "2", facts(3, "Kn\u00e9e", charset="latin-1")),
    )
    report = dicube_core.convert_tree(tree, tmp_path / "out", jobs=1, name=mode)
    expected = {
        "description": "CT_0003_Knee_axial-",
        "number": "CT_0003-",
        "uid": "1.2.826.0.1.3680043.9.9999.",
    }[mode]
    assert all(name.startswith(expected) for name in names_of(report.rows))
    assert sorted(names_of(report.rows)) == sorted(p.name for p in (tmp_path / "out").iterdir())
