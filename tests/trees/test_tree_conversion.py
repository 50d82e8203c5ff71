"""A tree of many series becomes one file per series, and every file of it is accounted for."""

from __future__ import annotations

import os
import random
from pathlib import Path

import numpy as np
import pytest
from support.raw import part10, text
from support.series import CT, ROOT, Kind, slice_nodes
from tree_support import accounted, both, facts, file_bytes, originals, series_files, tree_of

import dicube_core
from dicube_core.exceptions import SeriesError
from dicube_core.trees.report import Outcome


def dicomdir() -> bytes:
    nodes = {
        0x00080016: text(0x00080016, "UI", "1.2.840.10008.1.3.10"),
        0x00041130: text(0x00041130, "CS", "DISK"),
    }
    return part10(nodes)


def report_without_pixels(class_uid: str, series: str) -> bytes:
    nodes = slice_nodes(0, series=series)
    del nodes[0x7FE00010]
    nodes[0x00080016] = text(0x00080016, "UI", class_uid)
    return part10(nodes)


@pytest.fixture
def disk(tmp_path) -> Path:
    """A disk with three series, one of them in two folders, and much else."""
    first = series_files("a/ct", "1", facts(1, "Thorax"), count=5)
    spread = series_files("a/mr", "2", facts(2, "Head"), count=4)
    moved = sorted(spread)[:2]
    spread |= {f"b/deep/er/{n}": spread.pop(name) for n, name in enumerate(moved)}
    other = series_files("b", "3", facts(1, "Thorax", study=f"{ROOT}.10"), count=1)
    return tree_of(
        tmp_path / "disk",
        first,
        spread,
        other,
        {
            "DICOMDIR": dicomdir(),
            "README.txt": b"hello",
            "empty": b"",
            "a/sr.dcm": report_without_pixels("1.2.840.10008.5.1.4.1.1.88.33", "4"),
            "a/rt.dcm": report_without_pixels("1.2.840.10008.5.1.4.1.1.481.3", "5"),
            "b/seg.dcm": part10(
                slice_nodes(0, series="6")
                | {0x00080016: text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.66.4")}
            ),
            "b/cut.dcm": first["a/ct/IM0001.dcm"][:-7],
        },
    )


def test_one_file_per_series_and_every_file_accounted_for(disk, tmp_path):
    report = dicube_core.convert_tree(disk, tmp_path / "out", jobs=1)
    assert report.counts() == {"converted": 3, "already there": 0, "refused": 3, "failed": 1}
    assert not report.ok
    assert accounted(report) == sorted(file_bytes(disk))
    assert dict(report.left_out) == {
        "DICOMDIR": "a DICOMDIR, not an image",
        "README.txt": "not a DICOM file",
        "empty": "not a DICOM file",
    }
    assert sorted(file_bytes(tmp_path / "out")) == sorted(
        row.file for row in report.of(Outcome.CONVERTED)
    )
    refused = {row.sources: row.reason for row in report.of(Outcome.REFUSED)}
    assert "Comprehensive SR" in refused[("a/sr.dcm",)]
    assert "RT Structure Set" in refused[("a/rt.dcm",)]
    assert "Segmentation Storage" in refused[("b/seg.dcm",)]
    (broken,) = report.of(Outcome.FAILED)
    assert broken.sources == ("b/cut.dcm",)
    assert "ends at byte" in broken.reason


def test_files_give_back_their_sources(disk, tmp_path):
    report = dicube_core.convert_tree(disk, tmp_path / "out", jobs=1)
    for row in report.of(Outcome.CONVERTED):
        path = tmp_path / "out" / row.file
        expected = sorted((disk / name).read_bytes() for name in row.sources)
        assert sorted(originals(path).values()) == expected
        assert row.frames == len(row.sources)
        assert row.source_bytes == sum(map(len, expected))
        assert row.file_bytes == path.stat().st_size
        assert (row.dtype, row.shape[1:]) == ("uint16", (CT.rows, CT.columns))


def test_a_series_in_several_folders_is_one(disk, tmp_path):
    report = dicube_core.convert_tree(disk, tmp_path / "out", jobs=1)
    (row,) = [row for row in report.rows if row.series == f"{ROOT}.2"]
    assert {Path(name).parent.as_posix() for name in row.sources} == {"a/mr", "b/deep/er"}
    assert row.frames == 4
    assert row.status == "consistent"


def test_the_same_bytes_as_from_the_folder_alone(disk, tmp_path):
    report = dicube_core.convert_tree(disk, tmp_path / "out", jobs=1)
    (row,) = [row for row in report.rows if row.series == f"{ROOT}.1"]
    dicube_core.convert(disk / "a" / "ct", tmp_path / "alone.dcbs")
    assert (tmp_path / "out" / row.file).read_bytes() == (tmp_path / "alone.dcbs").read_bytes()


@pytest.mark.parametrize("jobs", [2, 3, None])
def test_processes_make_no_difference(disk, tmp_path, jobs):
    alone = dicube_core.convert_tree(disk, tmp_path / "alone", jobs=1)
    together = dicube_core.convert_tree(disk, tmp_path / "together", jobs=jobs)
    assert file_bytes(tmp_path / "alone") == file_bytes(tmp_path / "together")
    for one, other in zip(alone.rows, together.rows, strict=True):
        assert (one.file, one.outcome, one.sources) == (other.file, other.outcome, other.sources)
    assert alone.left_out == together.left_out


def test_names_and_order_of_the_sources_make_no_difference_to_names_and_values(disk, tmp_path):
    first = dicube_core.convert_tree(disk, tmp_path / "out", jobs=1)
    files = file_bytes(disk)
    numbers = list(range(len(files)))
    random.Random(5).shuffle(numbers)
    shuffled = {f"x{n % 3}/{n}": data for n, data in zip(numbers, files.values(), strict=True)}
    second = dicube_core.convert_tree(
        tree_of(tmp_path / "shuffled", shuffled), tmp_path / "out2", jobs=1
    )
    converted = [r.of(Outcome.CONVERTED) for r in (first, second)]
    assert [row.file for row in converted[0]] == [row.file for row in converted[1]]
    for row in converted[0]:
        one, other = (dicube_core.load(tmp_path / o / row.file) for o in ("out", "out2"))
        assert np.array_equal(one.raw_image, other.raw_image)


@pytest.mark.parametrize("jobs", [1, 2])
def test_progress_reaches_the_end(disk, tmp_path, jobs):
    seen = []
    dicube_core.convert_tree(
        disk, tmp_path / "out", jobs=jobs, progress=lambda *step: seen.append(step)
    )
    reading = [step[1:] for step in seen if step[0] == "reading"]
    converting = [step[1:] for step in seen if step[0] == "converting"]
    n_files = len(file_bytes(disk))
    assert reading[-1] == (n_files, n_files)
    assert converting[-1] == (10, 10)
    assert converting == sorted(converting)


def test_the_folder_of_results_below_the_source_is_not_read(disk):
    out = disk / "results"
    first = dicube_core.convert_tree(disk, out, jobs=1)
    second = dicube_core.convert_tree(disk, out, jobs=1)
    assert accounted(first) == accounted(second)
    assert second.counts()["already there"] == 3


def test_one_file_is_a_tree_too(disk, tmp_path):
    report = dicube_core.convert_tree(disk / "a/ct/IM0001.dcm", tmp_path / "out", jobs=1)
    (row,) = report.rows
    assert (row.frames, row.sources) == (1, ("IM0001.dcm",))


def test_only_the_series_asked_for(disk, tmp_path):
    report = dicube_core.convert_tree(disk, tmp_path / "out", jobs=1, series_uid=f"{ROOT}.2")
    assert [row.series for row in report.rows if row.series] == [f"{ROOT}.2"]
    assert accounted(report) == sorted(file_bytes(disk))
    with pytest.raises(SeriesError, match=r"1\.2\.3"):
        dicube_core.convert_tree(disk / "a/ct", tmp_path / "out", jobs=1, series_uid="1.2.3")


def test_nothing_to_convert_is_an_error_and_makes_no_folder(tmp_path):
    tree = tree_of(tmp_path / "in", {"a.txt": b"a", "b/c.txt": b"b"})
    with pytest.raises(SeriesError, match="2 other files"):
        dicube_core.convert_tree(tree, tmp_path / "out", jobs=1)
    assert not (tmp_path / "out").exists()


def test_wrong_arguments(disk, tmp_path):
    with pytest.raises(FileNotFoundError):
        dicube_core.convert_tree(tmp_path / "nowhere", tmp_path / "out")
    with pytest.raises(ValueError, match="jobs"):
        dicube_core.convert_tree(disk, tmp_path / "out", jobs=0)
    with pytest.raises(ValueError, match="description, number, uid"):
        dicube_core.convert_tree(disk, tmp_path / "out", name="patient")
    with pytest.raises(NotADirectoryError):
        dicube_core.convert_tree(disk, disk / "README.txt")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no FIFOs on this platform")
def test_entries_that_are_no_files_are_named_and_not_opened(disk, tmp_path):
    os.mkfifo(disk / "fifo")
    (disk / "dangling").symlink_to("nowhere")
    (disk / "loop").symlink_to(disk)
    report = dicube_core.convert_tree(disk, tmp_path / "out", jobs=1)
    left_out = dict(report.left_out)
    assert left_out["fifo"] == left_out["dangling"] == "not a regular file"
    assert left_out["loop"] == "a link to a folder, not followed"
    assert report.counts()["converted"] == 3


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_what_may_not_be_read_is_named(disk, tmp_path):
    (disk / "a/ct/IM0001.dcm").chmod(0)
    (disk / "b/deep").chmod(0)
    report = dicube_core.convert_tree(disk, tmp_path / "out", jobs=1)
    failed = {row.sources[0]: row.reason for row in report.of(Outcome.FAILED)}
    assert "denied" in failed["a/ct/IM0001.dcm"]
    assert "denied" in failed["b/deep"]
    (disk / "b/deep").chmod(0o700)


def test_series_without_uid_are_kept_apart_by_folder(tmp_path):
    def no_uid(_, nodes):
        del nodes[0x0020000E]

    edit = both(facts(), no_uid)
    tree = tree_of(
        tmp_path / "in", series_files("a", "1", edit), series_files("b", "2", edit, count=2)
    )
    report = dicube_core.convert_tree(tree, tmp_path / "out", jobs=1)
    assert sorted(row.frames for row in report.of(Outcome.CONVERTED)) == [2, 3]


def test_a_series_that_fails_does_not_stop_the_others(tmp_path):
    from support.raw import encapsulated

    bad = {
        "bad/1.dcm": encapsulated(slice_nodes(0, series="2"), "1.2.840.10008.1.2.4.201", b"garbage")
    }
    tree = tree_of(tmp_path / "in", series_files("a", "1", facts()), bad)
    for jobs in (1, 2):
        out = tmp_path / f"out{jobs}"
        report = dicube_core.convert_tree(tree, out, jobs=jobs)
        assert report.counts() == {"converted": 1, "already there": 0, "refused": 0, "failed": 1}
        (row,) = report.of(Outcome.FAILED)
        assert "1.dcm" in row.reason
        assert len(list(out.iterdir())) == 1


def test_nifti_files_become_files_of_their_own(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    volume = np.arange(3 * 4 * 5, dtype=np.int16).reshape(3, 4, 5)
    tree = tree_of(tmp_path / "in", series_files("a", "1", facts()))
    for name in ("one.nii", "b/two.nii.gz"):
        (tree / name).parent.mkdir(exist_ok=True)
        nibabel.save(nibabel.Nifti1Image(volume, np.eye(4)), tree / name)
    nibabel.save(nibabel.Nifti1Image(np.zeros((2, 2, 2, 2), np.int16), np.eye(4)), tree / "4d.nii")
    (tree / "broken.nii").write_bytes(b"no such thing")
    report = dicube_core.convert_tree(tree, tmp_path / "out", jobs=1)
    rows = {row.description: row for row in report.rows if row.modality == "NIFTI"}
    assert rows["one.nii"].file.startswith("NIFTI_one-")
    assert rows["two.nii.gz"].shape == (5, 4, 3)
    assert rows["4d.nii"].outcome is Outcome.REFUSED
    assert rows["broken.nii"].outcome is Outcome.FAILED
    loaded = dicube_core.load(tmp_path / "out" / rows["two.nii.gz"].file)
    assert np.array_equal(loaded.raw_image, volume.T)
    again = dicube_core.convert_tree(tree, tmp_path / "out", jobs=1)
    assert again.counts() == {"converted": 0, "already there": 3, "refused": 1, "failed": 1}
    changed = volume.copy()
    changed[0, 0, 0] += 1
    nibabel.save(nibabel.Nifti1Image(changed, np.eye(4)), tree / "one.nii")
    again = dicube_core.convert_tree(tree, tmp_path / "out", jobs=1)
    assert again.counts()["refused"] == 2


def test_larger_and_stranger_kinds_in_one_tree(tmp_path):
    kinds = [
        Kind("i16", signed=True, stored=16),
        Kind("u8", 8, 8),
        Kind("m1", photometric="MONOCHROME1"),
    ]
    tree = tree_of(
        tmp_path / "in",
        *(series_files(k.name, str(n), facts(n), kind=k) for n, k in enumerate(kinds, 1)),
    )
    report = dicube_core.convert_tree(tree, tmp_path / "out", jobs=1)
    assert [row.dtype for row in report.rows] == ["int16", "uint8", "uint16"]
    assert report.ok


@pytest.mark.timeout(60)  # nothing is done, or even allocated, for each of them
def test_a_hostile_number_of_frames_costs_nothing(tmp_path):
    from support.raw import encapsulated

    nodes = slice_nodes(0, Kind("dot", 8, 8, rows=1, columns=1))
    nodes[0x00280008] = text(0x00280008, "IS", "900000000")
    data = encapsulated(nodes, "1.2.840.10008.1.2.4.201", b"xx")
    tree = tree_of(tmp_path / "in", {"bomb.dcm": data}, series_files("a", "2", facts()))
    report = dicube_core.convert_tree(tree, tmp_path / "out", jobs=1)
    assert report.counts() == {"converted": 1, "already there": 0, "refused": 0, "failed": 1}
    (row,) = report.of(Outcome.FAILED)
    assert row.sources == ("bomb.dcm",)


def test_what_scanning_refuses_by_name_is_refused(tmp_path):
    from support.raw import encapsulated

    nodes = slice_nodes(0)
    nodes[0x00280008] = text(0x00280008, "IS", "99999999")
    data = encapsulated(nodes, "1.2.840.10008.1.2.4.201", b"xx")
    tree = tree_of(tmp_path / "in", {"long.dcm": data})
    (row,) = dicube_core.convert_tree(tree, tmp_path / "out", jobs=1).rows
    assert row.outcome is Outcome.REFUSED
    assert "4 GiB" in row.reason
