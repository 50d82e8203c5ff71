"""The limits for servers: just met, just exceeded, changed, and named in every error."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import threading
from functools import partial

import numpy as np
import pydicom
import pytest
from click.testing import CliRunner
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from support.encodings import rewritten_series
from support.multiframe import classic, frames_of, part10
from support.series import KINDS, make_series
from support.whole import read_files, write_files

import dicube_core
from dicube_core import settings
from dicube_core.cli.app import dcbs
from dicube_core.container.sections import compress, decompress
from dicube_core.dataset.elements import walk
from dicube_core.exceptions import (
    DataConsistencyError,
    DicomCubeError,
    InvalidCubeFileError,
    SettingsError,
)
from dicube_core.export import export_file
from dicube_core.metadata.merged_check import check_merged
from dicube_core.settings import VARIABLES, Limits, get_limits, set_limits
from dicube_core.streaming import DcbStreamingReader

COUNT = 5
MAIN = "from dicube_core.cli import main; main()"


@pytest.fixture(autouse=True)
def own_limits(monkeypatch):
    monkeypatch.setattr(settings, "_limits", Limits())
    # Worker processes read the environment.
    for variable in VARIABLES.values():
        monkeypatch.delenv(variable, raising=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_files(tmp_path_factory.mktemp("limits") / "series", make_series(COUNT))


@pytest.fixture(scope="module")
def path(folder):
    dicube_core.convert(folder, folder.parent / "series.dcbs")
    return folder.parent / "series.dcbs"


def load(path, _):
    return dicube_core.load(path).raw_image.tobytes()


def stream(path, _, syntax="1.2.840.10008.1.2.1"):
    with DcbStreamingReader(path) as reader:
        return [reader.get_dicom_for_frame(i, transfer_syntax=syntax) for i in range(len(reader))]


def lazy(path, _):
    with dicube_core.open(path) as reader:
        return [reader.frame(index).tobytes() for index in range(len(reader))]


def export(path, target):
    with dicube_core.open(path) as reader:
        return [file.read_bytes() for file in export_file(reader, target)]


def info(path, _):
    done = CliRunner().invoke(dcbs, ["info", str(path)])
    if done.exit_code:
        raise DicomCubeError(done.output + done.stderr)
    return done.output


def verify(path, _):
    report = dicube_core.verify_file(path)
    if not report.ok:
        raise InvalidCubeFileError("; ".join(report.failures))
    return True


WAYS = {
    "load": load,
    "lazy": lazy,
    "explicit": stream,
    "htj2k": partial(stream, syntax="1.2.840.10008.1.2.4.201"),
    "export": export,
    "info": info,
    "verify": verify,
}


def frame_bytes_of(path):
    with dicube_core.open(path) as reader:
        return reader.pixel_format.n_bytes


def refused(name, value):
    """Expect an error that says which limit, its value, and how to raise it."""
    said = rf"(?s)limit {name}.*{value}.*set_limits\({name}=\.\.\.\).*{VARIABLES[name]}"
    return pytest.raises(DicomCubeError, match=said)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["frame_bytes", "frame_count"])
def test_just_met_and_just_exceeded(name, way, path, tmp_path):
    size = frame_bytes_of(path) if name == "frame_bytes" else COUNT
    expected = WAYS[way](path, tmp_path / "a")
    set_limits(**{name: size})
    assert WAYS[way](path, tmp_path / "b") == expected
    set_limits(**{name: size - 1})
    if way == "htj2k" and name == "frame_bytes":
        # Nothing is decoded, but what is delivered is checked.
        with pytest.raises(DicomCubeError, match="limit frame_bytes"):
            WAYS[way](path, tmp_path / "c")
        return
    with refused(name, size - 1) as caught:
        WAYS[way](path, tmp_path / "c")
    assert str(path) in str(caught.value)
    assert str(size) in str(caught.value)
    assert not (tmp_path / "c").exists()
    set_limits(**{name: size})
    assert WAYS[way](path, tmp_path / "d") == expected


@pytest.mark.parametrize("kind", ["uint8", "int16", "float32"])
def test_an_open_reader_obeys_at_once(kind, tmp_path):
    values = np.arange(3 * 4 * 5).reshape(3, 4, 5).astype(kind)
    header = dicube_core.PixelDataHeader(1.0, 0.0, OriginalPixelDtype=kind, PixelDtype=kind)
    dicube_core.save(dicube_core.DicomCubeImage(values, header), tmp_path / "x.dcbs")
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        assert np.array_equal(reader.frame(0), values[0])
        set_limits(frame_bytes=values[0].nbytes - 1)
        with refused("frame_bytes", values[0].nbytes - 1):
            reader.frame(1)
        set_limits(frame_bytes=values[0].nbytes)
        assert np.array_equal(reader.frame(1), values[1])


@pytest.mark.parametrize("way", ["load", "explicit", "export", "verify"])
def test_metadata_bytes(way, path, tmp_path):
    expected = WAYS[way](path, tmp_path / "a")
    for size, problem in ((64, True), (1 << 20, False)):
        set_limits(metadata_bytes=size)
        if problem:
            with refused("metadata_bytes", size) as caught:
                WAYS[way](path, tmp_path / "b")
            assert str(path) in str(caught.value)
        else:
            assert WAYS[way](path, tmp_path / "c") == expected


def test_metadata_bytes_to_the_byte():
    data = os.urandom(700) + bytes(300)
    packed = compress(data)
    set_limits(metadata_bytes=1000)
    assert decompress(packed, "x") == data
    set_limits(metadata_bytes=999)
    with refused("metadata_bytes", 999):
        decompress(packed, "x")


def test_a_bomb_is_refused_by_its_ratio_too():
    with pytest.raises(InvalidCubeFileError, match="no real series does that"):
        decompress(compress(bytes(80 << 20)), "x")


def nested(depth: int, code: str = "x") -> Dataset:
    dataset = Dataset()
    dataset.CodeValue = code
    for _ in range(depth):
        outer = Dataset()
        outer.ConceptNameCodeSequence = Sequence([dataset])
        dataset = outer
    return dataset


def deep_series(depth: int, code: str) -> dict[str, bytes]:
    files = {}
    for name, data in make_series(3).items():
        dataset = pydicom.dcmread(io.BytesIO(data))
        dataset.update(nested(depth, code))
        file = io.BytesIO()
        dataset.save_as(file)
        files[name] = file.getvalue()
    return files


def test_depth(tmp_path):
    folder = write_files(tmp_path / "deep", deep_series(7, "deep"))
    dicube_core.convert(folder, tmp_path / "x.dcbs")

    set_limits(json_depth=3)
    with refused("json_depth", 3):
        dicube_core.load_meta(tmp_path / "x.dcbs").to_json()
    set_limits(json_depth=7 * 3 + 3)  # a level of sequences is three of the JSON model
    assert dicube_core.load_meta(tmp_path / "x.dcbs").to_json()


def test_what_is_deeper_in_a_source_is_kept_as_bytes(tmp_path):
    files = deep_series(7, "deeper")
    folder = write_files(tmp_path / "deep", files)
    set_limits(json_depth=3)
    dicube_core.convert(folder, tmp_path / "x.dcbs")
    levels = json.loads(dicube_core.load_meta(tmp_path / "x.dcbs").to_json())["_merged_data"]
    depth = 0
    while levels["0040A043"]["vr"] == "SQ":
        (levels,) = levels["0040A043"]["Value"]
        depth += 1
    assert depth == 3
    assert "InlineBinary" in levels["0040A043"]
    export(tmp_path / "x.dcbs", tmp_path / "out")
    assert read_files(tmp_path / "out") == files


def test_depth_to_the_level():
    merged: dict = {"00080100": {"vr": "SH", "shared": True, "Value": ["x"]}}
    file = io.BytesIO()
    pydicom.dcmwrite(file, nested(4), implicit_vr=False, little_endian=True)
    for _ in range(4):
        merged = {"0040A043": {"vr": "SQ", "shared": None, "Value": [merged]}}
    set_limits(json_depth=4)
    assert check_merged(merged, 1)
    set_limits(json_depth=3)
    with refused("json_depth", 3):
        check_merged(merged, 1)
    with refused("json_depth", 3):
        list(walk(file.getvalue(), depth=4))
    assert list(walk(file.getvalue(), depth=3))


@pytest.mark.parametrize("name", ["frame_bytes", "frame_count"])
@pytest.mark.parametrize("into", ["file", "image", "tree"])
def test_sources(name, into, folder, path, tmp_path):
    size = frame_bytes_of(path) if name == "frame_bytes" else COUNT

    def go():
        if into == "image":
            return dicube_core.load_from_dicom_folder(folder)
        if into == "file":
            return dicube_core.convert(folder, tmp_path / "x.dcbs")
        report = dicube_core.convert_tree(folder, tmp_path / "out", jobs=1)
        if report.counts()["converted"] != 1:
            raise DataConsistencyError("; ".join(row.reason for row in report.rows))
        return report

    set_limits(**{name: size})
    assert go()
    set_limits(**{name: size - 1})
    said = rf"{size}( bytes| frames).*limit {name} is {size - 1}"
    with pytest.raises(DicomCubeError, match=said):
        go()


def test_other_processes_get_the_same_limits(folder, tmp_path):
    root = tmp_path / "tree"
    for number in range(3):
        write_files(root / str(number), make_series(COUNT, series=f"{number}"))
    set_limits(frame_count=COUNT - 1)
    report = dicube_core.convert_tree(root, tmp_path / "out", jobs=2)
    assert {row.outcome.value for row in report.rows} == {"refused"}
    assert all(f"limit frame_count is {COUNT - 1}" in row.reason for row in report.rows)


def test_what_could_not_be_read_is_not_written(tmp_path):
    values = np.zeros((3, 4, 5), "uint8")
    header = dicube_core.PixelDataHeader(1.0, 0.0, OriginalPixelDtype="uint8", PixelDtype="uint8")
    image = dicube_core.DicomCubeImage(values, header)
    for name, value in (("frame_count", 2), ("frame_bytes", 19)):
        set_limits(frame_count=1 << 20, frame_bytes=1 << 30)
        set_limits(**{name: value})
        with pytest.raises(DicomCubeError, match=f"limit {name} is {value}"):
            dicube_core.save(image, tmp_path / "x.dcbs")
        assert list(tmp_path.iterdir()) == []


def test_number_of_frames_that_nobody_has(tmp_path):
    dataset = classic(frames_of(2))
    dataset.NumberOfFrames = "900000000"
    data = part10(dataset)
    with pytest.raises(DicomCubeError, match=r"900000000 frames, the limit frame_count"):
        dicube_core.load_from_dicom_folder([data])
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "x.dcm").write_bytes(data)
    report = dicube_core.convert_tree(tmp_path / "tree", tmp_path / "out", jobs=1)
    assert report.counts().get("converted", 0) == 0


def test_deflated_sources(tmp_path):
    files = rewritten_series("1.2.840.10008.1.2.1.99", 2)
    folder = write_files(tmp_path / "series", files)
    dicube_core.convert(folder, tmp_path / "x.dcbs")
    set_limits(metadata_bytes=3000)
    with refused("metadata_bytes", 3000):
        dicube_core.convert(folder, tmp_path / "x.dcbs")


def test_nifti(tmp_path):
    nibabel = pytest.importorskip("nibabel")
    path = tmp_path / "x.nii.gz"
    values = np.arange(6 * 5 * 4, dtype="int16").reshape(6, 5, 4)
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4)), path)
    for name, size in (("frame_bytes", 60), ("frame_count", 4)):
        set_limits(frame_bytes=1 << 30, frame_count=1 << 20)
        set_limits(**{name: size})
        assert dicube_core.load_from_nifti(path).shape == (4, 5, 6)
        set_limits(**{name: size - 1})
        with pytest.raises(InvalidCubeFileError, match=f"{name} {size}, the limit is {size - 1}"):
            dicube_core.load_from_nifti(path)


@pytest.mark.parametrize("name", ["x.nii", "x.nii.gz"])
def test_nifti_that_claims_more_than_it_has(name, tmp_path):
    nibabel = pytest.importorskip("nibabel")
    header = nibabel.Nifti1Header()
    header.set_data_dtype("int16")
    header.set_data_shape((8000, 8000, 8000))
    header["magic"], header["vox_offset"] = b"n+1", 352
    file = io.BytesIO()
    header.write_to(file)
    data = file.getvalue().ljust(352, b"\0") + bytes(1000)
    if name.endswith(".gz"):
        import gzip

        data = gzip.compress(data)
    (tmp_path / name).write_bytes(data)
    with pytest.raises(InvalidCubeFileError, match="needs 1024000000000 bytes, the file has"):
        dicube_core.load_from_nifti(tmp_path / name)


@pytest.mark.parametrize("kind", list(KINDS)[::4])
def test_the_defaults_let_everything_through(kind, tmp_path):
    folder = write_files(tmp_path / "s", make_series(2, KINDS[kind]))
    dicube_core.convert(folder, tmp_path / "x.dcbs")
    assert len(dicube_core.load(tmp_path / "x.dcbs").raw_image) == 2


def test_changes_are_all_or_nothing():
    before = get_limits()
    for changes in (
        {"frame_bytes": 5, "no_such": 1},
        {"frame_bytes": 5, "frame_count": 0},
        {"frame_bytes": 5, "json_depth": 201},
        {"frame_bytes": True},
        {"frame_bytes": 5.0},
        {"frame_bytes": "5"},
        {"frame_bytes": None},
        {"decode_seconds": float("nan")},
        {"decode_seconds": 0},
        {"decode_seconds": -1},
        {"decode_seconds": float("inf")},
        {"decode_memory_bytes": 10},
    ):
        with pytest.raises(SettingsError) as caught:
            set_limits(**changes)
        assert isinstance(caught.value, ValueError)
        assert get_limits() == before
    with pytest.raises(SettingsError, match="frame_bytes, frame_count"):
        set_limits(no_such=1)
    with pytest.raises(SettingsError):
        Limits(frame_count=-1)
    assert set_limits(decode_seconds=2).decode_seconds == 2
    assert set_limits(decode_seconds=None) == before


def test_threads_do_not_lose_each_others_changes():
    names = ["frame_bytes", "frame_count", "metadata_bytes", "decode_memory_bytes"]
    start = threading.Barrier(len(names))

    def work(name):
        start.wait()
        for value in range(1 << 20, (1 << 20) + 300):
            set_limits(**{name: value})

    threads = [threading.Thread(target=work, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {getattr(get_limits(), name) for name in names} == {(1 << 20) + 299}


def run(code, **environment):
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_environment_of_a_server():
    code = "import dicube_core; print(dicube_core.get_limits())"
    done = run(
        code,
        DICUBE_MAX_FRAME_BYTES="1000",
        DICUBE_MAX_METADATA_BYTES="2000",
        DICUBE_MAX_FRAMES="30",
        DICUBE_MAX_DEPTH="40",
        DICUBE_DECODE_SECONDS="2.5",
        DICUBE_DECODE_MEMORY_BYTES="5000000",
    )
    assert done.stdout.strip() == repr(Limits(2000, 1000, 30, 40, 2.5, 5_000_000))
    assert run(code, DICUBE_DECODE_SECONDS="none").stdout.strip() == repr(Limits())


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("DICUBE_MAX_FRAME_BYTES", "1GB"),
        ("DICUBE_MAX_FRAME_BYTES", ""),
        ("DICUBE_MAX_FRAMES", "0"),
        ("DICUBE_MAX_FRAMES", "-3"),
        ("DICUBE_MAX_METADATA_BYTES", "1e6"),
        ("DICUBE_MAX_DEPTH", "1000"),
        ("DICUBE_DECODE_SECONDS", "nan"),
        ("DICUBE_DECODE_SECONDS", "soon"),
        ("DICUBE_DECODE_MEMORY_BYTES", "none"),
    ],
)
def test_a_bad_environment_is_never_passed_over(variable, text, path):
    code = f"import dicube_core; dicube_core.load({str(path)!r})"
    done = run(code, **{variable: text})
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "SettingsError" in last
    assert f"environment variable {variable} must be" in last
    assert text in last
    done = run(
        f"import sys; sys.argv = ['dcbs', 'info', {str(path)!r}]\n{MAIN}", **{variable: text}
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert variable in done.stderr


def test_importing_reads_no_environment():
    assert run("import dicube_core", DICUBE_MAX_FRAMES="x").returncode == 0
