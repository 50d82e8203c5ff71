"""A second run skips what is there only where it is proven to be of the same sources."""

from __future__ import annotations

import os
import shutil
import time

import numpy as np
import pytest
from support.raw import text
from support.series import put
from tree_support import both, facts, file_bytes, series_files, tree_of

import dicube_core
from dicube_core.trees.report import Outcome


def convert(tree, out, **options):
    return dicube_core.convert_tree(tree, out, jobs=1, **options)


@pytest.fixture
def tree(tmp_path):
    return tree_of(
        tmp_path / "in",
        series_files("a", "1", facts(1), count=4),
        series_files("b", "2", facts(2)),
    )


@pytest.fixture
def out(tree, tmp_path):
    convert(tree, tmp_path / "out")
    return tmp_path / "out"


def of_series(report, series):
    (row,) = [row for row in report.rows if row.series.endswith(f".{series}")]
    return row


def stamps(folder):
    return {path.name: (path.stat().st_mtime_ns, path.stat().st_ino) for path in folder.iterdir()}


def test_what_is_there_is_left_alone(tree, out):
    before, seen = stamps(out), file_bytes(out)
    report = convert(tree, out)
    assert report.counts()["already there"] == 2
    assert report.ok
    assert stamps(out) == before
    assert file_bytes(out) == seen
    row = report.rows[0]
    assert (row.frames, row.status, row.dtype) == (4, "consistent", "uint16")
    assert row.file_bytes == (out / row.file).stat().st_size


def test_what_is_missing_is_done(tree, out):
    expected = file_bytes(out)
    (out / sorted(expected)[0]).unlink()
    report = convert(tree, out)
    assert report.counts() == {"converted": 1, "already there": 1, "refused": 0, "failed": 0}
    assert file_bytes(out) == expected


def test_a_series_that_grew_is_done_anew(tree, out, tmp_path):
    tree_of(tree, series_files("a", "1", facts(1), count=6))
    report = convert(tree, out)
    row = of_series(report, 1)
    assert (row.outcome, row.frames) == (Outcome.CONVERTED, 6)
    assert of_series(report, 2).outcome is Outcome.ALREADY_THERE
    convert(tree, tmp_path / "once")
    assert file_bytes(out) == file_bytes(tmp_path / "once")


def test_a_series_that_shrank_is_kept_and_refused(tree, out):
    before = file_bytes(out)
    (tree / "a/IM0002.dcm").unlink()
    row = of_series(convert(tree, out), 1)
    assert row.outcome is Outcome.REFUSED
    assert "IM0002.dcm" in row.reason
    assert "--force" in row.reason
    assert file_bytes(out) == before
    forced = of_series(convert(tree, out, force=True), 1)
    assert (forced.outcome, forced.frames) == (Outcome.CONVERTED, 3)


def test_force_replaces_nothing_by_less_while_a_source_cannot_be_read(tree, out):
    before = file_bytes(out)
    path = tree / "a/IM0002.dcm"
    whole = path.read_bytes()
    path.write_bytes(whole[:400])
    report = convert(tree, out, force=True)
    (failed,) = report.of(Outcome.FAILED)
    assert failed.sources == ("a/IM0002.dcm",)
    (refused,) = report.of(Outcome.REFUSED)
    assert refused.series.endswith(".1")
    assert "IM0002.dcm, which is not among the sources" in refused.reason
    assert "could not be read" in refused.reason
    after = file_bytes(out)
    assert {name: after[name] == data for name, data in before.items()} == dict.fromkeys(
        before, True
    )
    # All can be read: what is asked for is done.
    path.unlink()
    forced = of_series(convert(tree, out, force=True), 1)
    assert (forced.outcome, forced.frames) == (Outcome.CONVERTED, 3)


def test_other_headers_are_noticed(tree, out):
    before = file_bytes(out)
    path = tree / "a/IM0001.dcm"
    path.write_bytes(path.read_bytes().replace(b"Doe^Jane", b"Doe^John"))
    row = of_series(convert(tree, out), 1)
    assert row.outcome is Outcome.REFUSED
    assert file_bytes(out) == before


def test_other_pixels_are_noticed(tree, out):
    before = file_bytes(out)
    path = tree / "a/IM0001.dcm"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    row = of_series(convert(tree, out), 1)
    assert row.outcome is Outcome.REFUSED
    assert "other contents" in row.reason
    assert file_bytes(out) == before


def test_sources_that_were_only_touched_are_compared_and_left(tree, out):
    before = stamps(out)
    later = time.time_ns() + 5_000_000_000
    for path in (tree / "a").iterdir():
        os.utime(path, ns=(later, later))
    assert convert(tree, out).counts()["already there"] == 2
    assert stamps(out) == before


def test_a_copy_of_the_tree_elsewhere_is_the_same(tree, out, tmp_path):
    shutil.move(tree, tmp_path / "elsewhere" / "deeper")
    assert convert(tmp_path / "elsewhere", out).counts()["already there"] == 2


def test_renamed_sources_are_converted_anew(tree, out):
    for path in (tree / "a").iterdir():
        path.rename(path.with_suffix(".ima"))
    row = of_series(convert(tree, out), 1)
    assert row.outcome is Outcome.CONVERTED
    with dicube_core.Reader(out / row.file) as reader:
        assert {header.name for header in reader.headers} == {f"IM{n:04d}.ima" for n in range(4)}


@pytest.mark.parametrize("content", [b"", b"not mine", b"DCMCUBES" + bytes(300)])
def test_files_of_others_are_never_touched(tree, out, content):
    path = sorted(out.iterdir())[0]
    path.write_bytes(content)
    report = convert(tree, out)
    assert report.counts()["refused"] == 1
    assert path.read_bytes() == content
    assert convert(tree, out, force=True).ok
    assert path.read_bytes() != content


def test_a_cut_file_is_not_taken_for_whole(tree, out):
    path = sorted(out.iterdir())[0]
    path.write_bytes(path.read_bytes()[:-1])
    assert convert(tree, out).counts() == {
        "converted": 0,
        "already there": 1,
        "refused": 1,
        "failed": 0,
    }


def test_without_resume_nothing_is_looked_at(tree, out):
    before = stamps(out)
    assert convert(tree, out, resume=False).counts()["refused"] == 2
    assert stamps(out) == before


def test_a_file_of_another_form_is_made_anew(tree, out):
    assert convert(tree, out, progressive=True).counts()["converted"] == 2
    assert convert(tree, out, progressive=True).counts()["already there"] == 2
    assert convert(tree, out).counts()["already there"] == 2


def test_another_order_is_made_anew(tree, out):
    down = dicube_core.SortMethod.INSTANCE_NUMBER_DESC
    before = dicube_core.load(out / convert(tree, out).rows[0].file).raw_image
    report = convert(tree, out, sort_method=down)
    assert report.counts()["converted"] == 2
    after = dicube_core.load(out / report.rows[0].file).raw_image
    assert np.array_equal(after, before[::-1])


def test_a_file_without_original_headers_is_refused(tree, out):
    image = dicube_core.load(sorted(out.iterdir())[0], skip_meta=True)
    path = sorted(out.iterdir())[0]
    dicube_core.save(image, path)
    before = path.read_bytes()
    report = convert(tree, out)
    (row,) = report.of(Outcome.REFUSED)
    assert "not made from DICOM files" in row.reason
    assert path.read_bytes() == before


def test_nothing_in_the_folder_of_results_is_deleted(tree, out):
    for name in ("notes.txt", "old.dcbs", "sub/x"):
        (out / name).parent.mkdir(exist_ok=True)
        (out / name).write_text(name)
    shutil.rmtree(tree / "b")
    before = file_bytes(out)
    convert(tree, out)
    convert(tree, out, force=True)
    assert set(file_bytes(out)) == set(before)


def test_a_new_series_does_not_rename_the_others(tree, out):
    names = set(file_bytes(out))
    same_words = both(facts(1), put(text(0x00100020, "LO", "OTHER")))
    tree_of(tree, series_files("c", "3", same_words))
    assert convert(tree, out).counts() == {
        "converted": 1,
        "already there": 2,
        "refused": 0,
        "failed": 0,
    }
    assert names < set(file_bytes(out))
