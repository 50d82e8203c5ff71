"""What of one series goes to files of its own, and what stays together."""

from __future__ import annotations

import random

import pytest
from support.raw import text, us
from support.series import CT, Kind, put
from tree_support import both, facts, names_of, originals, series_files, tree_of

import dicube_core
from dicube_core.trees.report import Outcome

AXIAL = "1\\0\\0\\0\\1\\0"
CORONAL = "1\\0\\0\\0\\0\\-1"
SAGITTAL = "0\\1\\0\\0\\0\\-1"


def orientation(value):
    return put(text(0x00200037, "DS", value))


def unique(start):
    """Give instances of another group of a series UIDs and numbers of their own."""

    def edit(index, nodes):
        nodes[0x00080018] = text(0x00080018, "UI", f"1.2.3.{start + index}")
        nodes[0x00200013] = text(0x00200013, "IS", str(start + index))

    return edit


def convert(tree, out, **options):
    return dicube_core.convert_tree(tree, out, jobs=1, **options)


@pytest.mark.parametrize(
    "kind",
    [
        Kind("rows", rows=7),
        Kind("columns", columns=9),
        Kind("bits", stored=16),
        Kind("allocated", 8, 8),
        Kind("signed", signed=True),
        Kind("inverted", photometric="MONOCHROME1"),
        Kind("high", high=15),
    ],
    ids=lambda value: value.name,
)
@pytest.mark.parametrize("split", [True, False])
def test_what_cannot_share_a_file_does_not(tmp_path, kind, split):
    other = series_files("other", "1", both(facts(), unique(50)), count=2, kind=kind)
    tree = tree_of(tmp_path / "in", series_files("ct", "1", facts()), other)
    report = convert(tree, tmp_path / "out", split=split)
    assert sorted(row.frames for row in report.rows) == [2, 3]
    assert report.ok
    for row in report.rows:
        expected = {(tree / name).read_bytes() for name in row.sources}
        assert set(originals(tmp_path / "out" / row.file).values()) == expected


def localizers(tree):
    scout = facts(image_type="ORIGINAL\\PRIMARY\\LOCALIZER")
    return tree_of(
        tree,
        series_files("ct", "1", facts()),
        series_files("scout", "1", both(scout, unique(50)), count=1),
    )


def test_localizers_are_separated(tmp_path):
    tree = localizers(tmp_path / "in")
    report = convert(tree, tmp_path / "out")
    parts = {row.part: row for row in report.rows}
    assert set(parts) == {"axial", "localizer axial"}
    assert parts["axial"].frames == 3
    assert parts["axial"].status == "consistent"
    assert "_localizer-" in parts["localizer axial"].file
    (together,) = convert(tree, tmp_path / "whole", split=False).rows
    assert together.frames == 4


def test_orientations_are_separated(tmp_path):
    edits = [(AXIAL, 100, 3), (CORONAL, 200, 2), (SAGITTAL, 300, 4)]
    tree = tree_of(
        tmp_path / "in",
        *(
            series_files(str(s), "1", both(facts(), unique(s), orientation(v)), count=n)
            for v, s, n in edits
        ),
    )
    report = convert(tree, tmp_path / "out")
    assert {row.part: row.frames for row in report.rows} == {
        "axial": 3,
        "coronal": 2,
        "sagittal": 4,
    }
    (whole,) = convert(tree, tmp_path / "whole", split=False).rows
    assert whole.frames == 9
    assert whole.findings


def test_orientations_within_the_tolerance_stay_together(tmp_path):
    def jitter(index, nodes):
        value = f"1\\{index * 0.00002:.5f}\\0\\0\\1\\0"
        nodes[0x00200037] = text(0x00200037, "DS", value)

    tree = tree_of(tmp_path / "in", series_files("ct", "1", both(facts(), jitter), count=5))
    (row,) = convert(tree, tmp_path / "out").rows
    assert row.frames == 5


@pytest.mark.parametrize("step", [0.00011, 0.0002, 0.002, 0.05])
def test_orientations_beyond_it_never_share_a_name(tmp_path, step):
    def turn(index, nodes):
        value = f"1\\{index * step:.6f}\\0\\0\\1\\0"
        nodes[0x00200037] = text(0x00200037, "DS", value)

    tree = tree_of(tmp_path / "in", series_files("ct", "1", both(facts(), turn), count=6))
    report = convert(tree, tmp_path / "out")
    assert report.ok
    assert sum(row.frames for row in report.rows) == 6
    assert len(set(names_of(report.rows))) == len(report.rows) == 6


def test_slices_without_orientation_are_apart(tmp_path):
    def bare(index, nodes):
        if index > 2:
            del nodes[0x00200037], nodes[0x00200032]

    tree = tree_of(tmp_path / "in", series_files("ct", "1", both(facts(), bare), count=5))
    report = convert(tree, tmp_path / "out")
    assert {row.part: row.frames for row in report.rows} == {"axial": 3, "": 2}


def test_echoes_and_time_points_stay_together(tmp_path):
    def echo(index, nodes):
        nodes[0x00180081] = text(0x00180081, "DS", str(10 * (index % 2)))
        nodes[0x00200032] = text(0x00200032, "DS", f"0\\0\\{index // 2}")

    tree = tree_of(tmp_path / "in", series_files("mr", "1", both(facts(), echo), count=8))
    (row,) = convert(tree, tmp_path / "out").rows
    assert row.frames == 8


def test_refused_kinds_are_named_and_the_rest_of_the_series_is_kept(tmp_path):
    odd = both(facts(), unique(70), put(us(0x00280100, 64), us(0x00280101, 64), us(0x00280102, 63)))
    tree = tree_of(
        tmp_path / "in",
        series_files("ct", "1", facts()),
        series_files("odd", "1", odd, count=2),
    )
    report = convert(tree, tmp_path / "out")
    (refused,) = report.of(Outcome.REFUSED)
    assert "64" in refused.reason
    assert len(refused.sources) == 2
    (kept,) = report.of(Outcome.CONVERTED)
    assert kept.frames == 3


def test_parts_do_not_depend_on_the_order_of_the_files(tmp_path):
    rng = random.Random(3)
    names = []
    for run in range(3):
        tree = tmp_path / f"in{run}"
        files = {
            **series_files("a", "1", facts()),
            **series_files("b", "1", both(facts(), unique(9), orientation(CORONAL))),
        }
        numbers = rng.sample(range(100), len(files))
        tree_of(tree, {f"{n:03}": data for n, data in zip(numbers, files.values(), strict=True)})
        names.append(names_of(convert(tree, tmp_path / f"out{run}").rows))
    assert names[0] == names[1] == names[2]


def test_two_studies_with_one_series_uid_are_two_series(tmp_path):
    tree = tree_of(
        tmp_path / "in",
        series_files("a", "1", facts(study="1.2.1")),
        series_files("b", "1", facts(study="1.2.2")),
    )
    report = convert(tree, tmp_path / "out")
    assert [row.study for row in report.rows] == ["1.2.1", "1.2.2"]
    assert len({row.file.lower() for row in report.rows}) == 2
    assert CT.rows == report.rows[0].shape[1]
