"""Slices reach their target, in the transfer syntax that the result names."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tarfile
import threading
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest
from conftest_series import write_series
from fake_consumers import fake_consumer
from support.legacy_file import legacy_file
from support.series import KINDS, make_series

import dicube_core
from dicube_core.dataset import uids
from dicube_core.exceptions import (
    DecodeError,
    DicomCubeError,
    FrameIndexError,
    InvalidCubeFileError,
    TransferSyntaxError,
)
from dicube_core.frames import InOrder
from dicube_core.streaming import DcbStreamingReader
from dicube_plugins import to_dicom
from dicube_plugins.capability import PROBED, Capability, Outcome, ProbeResult
from dicube_plugins.policy import Policy

FORMS = {
    "htj2k": uids.HTJ2K_LOSSLESS,
    "explicit": uids.EXPLICIT_LE,
    "implicit": uids.IMPLICIT_LE,
    "deflated": uids.DEFLATED,
}


def reads(*outcomes):
    results = (ProbeResult(s, o, "why") for s, o in zip(PROBED, outcomes, strict=True))
    return Capability("tool", "", {}, tuple(results))


EVERYTHING = reads(Outcome.EQUAL, Outcome.EQUAL, Outcome.EQUAL)
RAW_ONLY = reads(Outcome.EQUAL, Outcome.ERROR, Outcome.ERROR)


def syntax_of(data):
    return pydicom.dcmread(io.BytesIO(data)).file_meta.TransferSyntaxUID


def values_of(data):
    return pydicom.dcmread(io.BytesIO(data)).pixel_array


def assert_same_slices(found, sources):
    """Compare what was delivered with the source files of the same names."""
    assert set(found) == set(sources)
    for name, data in found.items():
        np.testing.assert_array_equal(values_of(data), values_of(sources[name]))


def folder_content(folder):
    paths = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def archive_content(path):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as opened:
            return {name: opened.read(name) for name in opened.namelist()}
    with tarfile.open(path) as opened:
        return {m.name: opened.extractfile(m).read() for m in opened.getmembers()}


@pytest.mark.parametrize("name", FORMS)
def test_what_is_asked_for_by_name_is_delivered(series_file, sources, tmp_path, name):
    delivery = to_dicom(series_file, tmp_path / "out", name)
    found = folder_content(tmp_path / "out")
    assert delivery.transfer_syntax == FORMS[name]
    assert {syntax_of(data) for data in found.values()} == {FORMS[name]}
    assert_same_slices(found, sources)
    assert delivery.names == tuple(sorted(sources))
    assert delivery.frames == tuple(range(5))
    assert delivery.n_bytes == sum(map(len, found.values()))
    assert delivery.reason == "asked for by name"
    assert delivery.capability is None


def test_explicit_is_the_source_byte_for_byte(series_file, sources, tmp_path):
    to_dicom(series_file, tmp_path / "out", uids.EXPLICIT_LE)
    assert folder_content(tmp_path / "out") == sources


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz", ".tgz", ".ZIP"])
def test_archives_hold_the_same_files_as_the_folder(series_file, tmp_path, suffix):
    to_dicom(series_file, tmp_path / "out", "htj2k")
    path = tmp_path / f"out{suffix}"
    delivery = to_dicom(series_file, path, "htj2k")
    assert archive_content(path.rename(path.with_suffix(path.suffix.lower()))) == folder_content(
        tmp_path / "out"
    )
    assert delivery.target == str(path)


@pytest.mark.parametrize("kind", ["zip", "tar", "tar.gz"])
def test_a_stream_gets_the_same_bytes_as_a_file(series_file, tmp_path, kind):
    to_dicom(series_file, tmp_path / f"out.{kind}", "explicit")
    stream = io.BytesIO()
    delivery = to_dicom(series_file, stream, "explicit", archive=kind)
    assert stream.getvalue() == (tmp_path / f"out.{kind}").read_bytes()
    assert not stream.closed
    assert delivery.target == "<stream>"
    with (tmp_path / f"named.{kind}").open("wb") as file:
        to_dicom(series_file, file, "explicit")
    assert (tmp_path / f"named.{kind}").read_bytes() == stream.getvalue()


def test_archives_are_the_same_in_other_processes(series_file):
    code = (
        "import sys, io, hashlib; from dicube_plugins import to_dicom; import dicube_core\n"
        "dicube_core.set_num_threads(int(sys.argv[2]))\n"
        "for kind in ('zip', 'tar'):\n"
        "    s = io.BytesIO(); to_dicom(sys.argv[1], s, 'htj2k', archive=kind)\n"
        "    print(hashlib.sha256(s.getvalue()).hexdigest())"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code, str(series_file), threads],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PATH": ""},
        ).stdout
        for seed, threads in (("1", "1"), ("2", "4"))
    }
    assert len(said) == 1
    assert len(said.pop().split()) == 2


def test_one_slice_to_one_file(series_file, sources, tmp_path):
    target = tmp_path / "one.dcm"
    delivery = to_dicom(series_file, target, "explicit", frames=-1)
    assert delivery.frames == (4,)
    assert delivery.names == ("one.dcm",)
    assert target.read_bytes() == sources["IM0004.dcm"]
    to_dicom(series_file, target, "explicit", frames=[0])
    assert target.read_bytes() == sources["IM0000.dcm"]
    with pytest.raises(ValueError, match="takes one slice, not 5"):
        to_dicom(series_file, target)
    assert target.read_bytes() == sources["IM0000.dcm"]
    assert [path.name for path in tmp_path.iterdir()] == ["one.dcm"]


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        (None, (0, 1, 2, 3, 4)),
        (2, (2,)),
        (slice(None, None, -2), (4, 2, 0)),
        (range(1, 3), (1, 2)),
        ([-1, 0], (4, 0)),
        (np.array([3, 1]), (3, 1)),
        (np.int64(1), (1,)),
    ],
)
def test_frames_can_be_chosen(series_file, sources, tmp_path, frames, expected):
    delivery = to_dicom(series_file, tmp_path / "out", "htj2k", frames=frames)
    assert delivery.frames == expected
    names = [f"IM{number:04d}.dcm" for number in expected]
    assert list(delivery.names) == names
    assert_same_slices(folder_content(tmp_path / "out"), {name: sources[name] for name in names})


@pytest.mark.parametrize(
    ("frames", "error"),
    [
        ([5], FrameIndexError),
        (-6, FrameIndexError),
        ([0, -5], ValueError),
        (["0"], TypeError),
        ([], ValueError),
        (slice(9, None), ValueError),
    ],
)
def test_frames_that_make_no_sense_write_nothing(series_file, tmp_path, frames, error):
    with pytest.raises(error):
        to_dicom(series_file, tmp_path / "out", frames=frames)
    assert not list(tmp_path.iterdir())


def test_every_kind_of_source_gives_the_same(series_file, tmp_path):
    expected = io.BytesIO()
    to_dicom(series_file, expected, "htj2k", archive="tar")
    data = series_file.read_bytes()
    with (
        dicube_core.open(series_file) as reader,
        DcbStreamingReader(series_file) as streaming,
        series_file.open("rb") as file,
    ):
        for source in (str(series_file), data, io.BytesIO(data), file, reader, streaming):
            found = io.BytesIO()
            to_dicom(source, found, "htj2k", archive="tar")
            assert found.getvalue() == expected.getvalue()
        assert reader.frame(0).shape == (6, 5)  # still open
        assert streaming.get_dicom_for_frame(0)


def test_a_consumer_that_reads_htj2k_gets_it(series_file, sources, tmp_path):
    delivery = to_dicom(series_file, tmp_path / "out", consumer=EVERYTHING)
    assert delivery.transfer_syntax == uids.HTJ2K_LOSSLESS
    found = folder_content(tmp_path / "out")
    assert {syntax_of(data) for data in found.values()} == {uids.HTJ2K_LOSSLESS}
    assert delivery.capability is EVERYTHING
    assert delivery.to_dict()["capability"]["consumer"] == "tool"


@pytest.mark.parametrize(
    "consumer",
    [RAW_ONLY, reads(Outcome.MISSING, Outcome.MISSING, Outcome.MISSING), None, "who-is-this"],
)
def test_all_others_get_the_source_uncompressed(series_file, sources, tmp_path, consumer):
    delivery = to_dicom(series_file, tmp_path / "out", consumer=consumer)
    assert delivery.transfer_syntax == uids.EXPLICIT_LE
    assert folder_content(tmp_path / "out") == sources
    assert "hence Explicit VR Little Endian" in delivery.reason


@pytest.mark.parametrize(
    ("kind", "syntax"), [("right", uids.HTJ2K_LOSSLESS), ("zeros", uids.EXPLICIT_LE)]
)
def test_a_consumer_is_asked_live(series_file, tmp_path, kind, syntax):
    delivery = to_dicom(series_file, tmp_path / "out", consumer=fake_consumer(tmp_path / "c", kind))
    assert delivery.transfer_syntax == syntax
    assert delivery.capability.results[1].outcome is (
        Outcome.EQUAL if kind == "right" else Outcome.WRONG
    )


def test_a_name_goes_before_the_consumer_who_is_not_asked(series_file, tmp_path):
    consumer = fake_consumer(tmp_path / "c", "zeros")
    delivery = to_dicom(series_file, tmp_path / "out", "htj2k", consumer)
    assert delivery.transfer_syntax == uids.HTJ2K_LOSSLESS
    assert not (tmp_path / "c" / "calls").exists()


@pytest.mark.parametrize("kind", ["u16_outside_stored", "u32_stored_32"])
def test_what_cannot_be_htj2k_is_delivered_uncompressed_and_said_so(tmp_path, kind):
    files = make_series(3, KINDS[kind])
    file = write_series(tmp_path, files)
    delivery = to_dicom(file, tmp_path / "out", consumer=EVERYTHING)
    assert delivery.transfer_syntax == uids.EXPLICIT_LE
    assert "cannot be delivered as HTJ2K Lossless" in delivery.reason
    assert folder_content(tmp_path / "out") == files
    with pytest.raises(TransferSyntaxError, match="cannot be delivered as HTJ2K"):
        to_dicom(file, tmp_path / "asked", "htj2k", EVERYTHING)
    assert not (tmp_path / "asked").exists()


def test_a_series_is_never_mixed(tmp_path):
    """One slice in the middle cannot be HTJ2K: all are delivered uncompressed."""
    kind, odd = KINDS["u16_stored_12"], KINDS["u16_outside_stored"]
    files = make_series(3, kind)
    name = "IM0001.dcm"
    files[name] = make_series(3, odd)[name]
    file = write_series(tmp_path, files)
    delivery = to_dicom(file, tmp_path / "out.zip", consumer=EVERYTHING)
    assert delivery.transfer_syntax == uids.EXPLICIT_LE
    assert archive_content(tmp_path / "out.zip") == files
    ends = to_dicom(file, tmp_path / "ends.zip", consumer=EVERYTHING, frames=[0, 2])
    assert ends.transfer_syntax == uids.HTJ2K_LOSSLESS


def test_rpcl_is_given_only_on_request_and_only_where_it_is_true(series_file, tmp_path):
    with pytest.raises(TransferSyntaxError, match="RPCL"):
        to_dicom(series_file, tmp_path / "out", "htj2k-rpcl")
    assert not (tmp_path / "out").exists()
    policy = Policy(preferred=uids.HTJ2K_LOSSLESS_RPCL)
    delivery = to_dicom(series_file, tmp_path / "out", consumer=EVERYTHING, policy=policy)
    assert delivery.transfer_syntax == uids.EXPLICIT_LE
    assert "RPCL" in delivery.reason


def test_files_of_0_3_0_are_delivered_in_both_forms(tmp_path):
    data = legacy_file()
    values = {}
    for form in ("htj2k", "explicit"):
        delivery = to_dicom(data, tmp_path / form, form)
        assert delivery.names == ("slice_0000.dcm", "slice_0001.dcm", "slice_0002.dcm")
        values[form] = [values_of(d) for d in folder_content(tmp_path / form).values()]
    np.testing.assert_array_equal(values["htj2k"], values["explicit"])


def test_a_folder_that_is_not_empty_is_left_alone(series_file, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine").write_text("mine")
    with pytest.raises(FileExistsError):
        to_dicom(series_file, tmp_path / "out")
    assert folder_content(tmp_path / "out") == {"mine": b"mine"}
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def damaged(series_file):
    """Return the file with its last frame damaged."""
    data = bytearray(series_file.read_bytes())
    with dicube_core.open(series_file) as reader:
        offset = reader.container.index.offsets[reader.frame_count - 1]
    data[offset + 150] ^= 0xFF
    return bytes(data)


@pytest.mark.parametrize("target", ["out", "out.zip", "out.tar", "out.tar.gz"])
@pytest.mark.parametrize("form", ["htj2k", "explicit", "auto"])
def test_damage_leaves_nothing_behind(series_file, tmp_path, target, form):
    path = tmp_path / target
    if path.suffix:
        path.write_bytes(b"an older file")
    with pytest.raises((DecodeError, InvalidCubeFileError)):
        to_dicom(damaged(series_file), path, form, EVERYTHING)
    assert [p.name for p in tmp_path.iterdir()] == ([target] if path.suffix else [])
    if path.suffix:
        assert path.read_bytes() == b"an older file"


def test_damage_in_mid_stream_does_not_end_as_a_whole_archive(series_file):
    stream = io.BytesIO()
    with pytest.raises(DicomCubeError):
        to_dicom(damaged(series_file), stream, "explicit", archive="zip")
    assert stream.getvalue()
    assert not zipfile.is_zipfile(io.BytesIO(stream.getvalue()))


def test_hostile_names_never_leave_the_target(tmp_path):
    files = {"a.dcm": b"", "b.dcm": b"", "c.dcm": b""}
    made = make_series(3)
    image = dicube_core.load_from_dicom_folder(list(made.values()))
    assert image.frame_count == len(files)
    headers = image.current_headers()
    from dataclasses import replace

    hostile = ["../evil.dcm", "/abs.dcm", "c.dcm"]
    image.attach_headers(
        [replace(h, name=n) for h, n in zip(headers, hostile, strict=True)], image.pixel_format
    )
    dicube_core.save(image, tmp_path / "x.dcbs")
    for target in ("out", "out.zip", "out.tar"):
        delivery = to_dicom(tmp_path / "x.dcbs", tmp_path / "in" / target)
        assert delivery.names == tuple(f"slice_{i:04d}.dcm" for i in range(3))
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in", "x.dcbs"]


def test_names_in_folders_are_kept(tmp_path):
    files = make_series(2, name="deep/er/IM{:04d}.dcm")
    source = tmp_path / "source"
    (source / "deep" / "er").mkdir(parents=True)
    for name, data in files.items():
        (source / name).write_bytes(data)
    dicube_core.convert(source, tmp_path / "x.dcbs")
    to_dicom(tmp_path / "x.dcbs", tmp_path / "out.zip")
    assert archive_content(tmp_path / "out.zip") == files
    to_dicom(tmp_path / "x.dcbs", tmp_path / "out")
    assert folder_content(tmp_path / "out") == files


def test_arguments_that_do_not_fit_are_refused(series_file, tmp_path):
    with pytest.raises(ValueError, match="archive="):
        to_dicom(series_file, io.BytesIO())
    with pytest.raises(ValueError, match="archives of kind"):
        to_dicom(series_file, io.BytesIO(), archive="rar")
    with pytest.raises(TypeError, match="writable"):
        to_dicom(series_file, 5)
    with pytest.raises(TransferSyntaxError):
        to_dicom(series_file, tmp_path / "out", "jpeg")
    assert not list(tmp_path.iterdir())


def test_progress_counts_every_slice(series_file, tmp_path):
    for target in ("out", "out.zip"):
        said = []
        to_dicom(series_file, tmp_path / target, progress=lambda *a: said.append(a))  # noqa: B023
        assert said == [(n, 5) for n in range(1, 6)]


def test_slices_are_made_ahead_of_a_slow_stream_only_by_a_few():
    made, taken = [], 0

    def make(index):
        made.append(index)
        return index

    with InOrder(make, 200) as results:
        for expected, index in enumerate(results):
            assert index == expected
            taken += 1
            assert len(made) - taken <= 2 * dicube_core.get_num_threads()
    assert sorted(made) == list(range(200))


def test_an_error_ends_the_work_ahead():
    made = []

    def make(index):
        made.append(index)
        if index == 3:
            raise DecodeError("frame 3")
        return index

    with pytest.raises(DecodeError, match="frame 3"), InOrder(make, 1000) as results:
        list(results)
    assert len(made) <= 4 + 2 * dicube_core.get_num_threads()
    assert not [t for t in threading.enumerate() if t.name.startswith("dicube-ahead")]


def test_delivering_htj2k_to_a_known_consumer_loads_no_framework(series_file, tmp_path):
    code = (
        "import sys; from dicube_plugins import to_dicom\n"
        f"d = to_dicom({str(series_file)!r}, {str(tmp_path / 'out')!r}, 'htj2k')\n"
        "print(len(d.names), [m for m in ('numpy', 'pydicom', 'imagecodecs') if m in sys.modules])"
    )
    env = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=env
    )
    assert done.stdout.strip() == "5 []"
    assert len(list(Path(tmp_path / "out").iterdir())) == 5
