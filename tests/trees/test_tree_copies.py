"""One SOP Instance UID in several files: the same bytes count once, other bytes are refused."""

from __future__ import annotations

from tree_support import accounted, facts, file_bytes, series_files, tree_of

import dicube_core
from dicube_core.trees.report import Outcome


def convert(tree, out, **options):
    return dicube_core.convert_tree(tree, out, jobs=1, **options)


def test_equal_copies_are_taken_once_and_told(tmp_path):
    files = series_files("ct", "1", facts())
    backup = {f"backup/{name}": data for name, data in files.items()}
    tree = tree_of(tmp_path / "in", files, backup)
    report = convert(tree, tmp_path / "out")
    (row,) = report.rows
    assert row.outcome is Outcome.CONVERTED
    assert row.frames == 3
    assert len(row.copies) == 3
    for copy, original in row.copies:
        assert (tree / copy).read_bytes() == (tree / original).read_bytes()
    assert accounted(report) == sorted(file_bytes(tree))
    again = convert(tree, tmp_path / "out").rows[0]
    assert (again.outcome, again.copies) == (Outcome.ALREADY_THERE, row.copies)


def test_other_pixels_under_one_uid_are_refused(tmp_path):
    files = series_files("ct", "1", facts())
    data = bytearray(files["ct/IM0001.dcm"])
    data[-1] ^= 1
    tree = tree_of(
        tmp_path / "in",
        files,
        {"x/changed.dcm": bytes(data)},
        series_files("other", "2", facts(2)),
    )
    report = convert(tree, tmp_path / "out")
    (refused,) = report.of(Outcome.REFUSED)
    assert "x/changed.dcm" in refused.reason
    assert "ct/IM0001.dcm" in refused.reason
    assert "SOP Instance UID" in refused.reason
    assert len(refused.sources) == 4
    assert accounted(report) == sorted(file_bytes(tree))
    assert len(list((tmp_path / "out").iterdir())) == 1


def test_other_headers_under_one_uid_are_refused(tmp_path):
    files = series_files("ct", "1", facts())
    other = series_files("again", "1", facts(description="Abdomen, anonymised"), count=1)
    tree = tree_of(tmp_path / "in", files, other)
    report = convert(tree, tmp_path / "out")
    assert [row.outcome for row in report.rows] == [Outcome.REFUSED]
    assert "again/IM0000.dcm" in report.rows[0].reason
    assert accounted(report) == sorted(file_bytes(tree))


def test_only_the_part_with_the_conflict_is_refused(tmp_path):
    from support.raw import text
    from support.series import put
    from tree_support import both

    coronal = put(text(0x00200037, "DS", "1\\0\\0\\0\\0\\-1"))

    def other_uids(index, nodes):
        nodes[0x00080018] = text(0x00080018, "UI", f"1.2.3.{index}")

    files = series_files("ax", "1", facts())
    fine = series_files("cor", "1", both(facts(), coronal, other_uids))
    longer = {"x.dcm": files["ax/IM0002.dcm"] + b"\xe1\x7f\x10\x00LO\x02\x00x "}
    tree = tree_of(tmp_path / "in", files, fine)
    first = convert(tree, tmp_path / "out")
    assert first.ok
    tree_of(tree, longer)
    report = convert(tree, tmp_path / "out2")
    assert len(report.rows) == 2
    parts = {row.part: row.outcome for row in report.rows}
    assert parts == {"coronal": Outcome.CONVERTED, "axial": Outcome.REFUSED}
