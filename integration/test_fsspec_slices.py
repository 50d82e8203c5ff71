"""Slices as files of an fsspec file system, chained over others."""

import io
import os
import pickle
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pydicom
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tests" / "arrays"))

import array_files
from array_peers import SERIES, shared_series
from kind_files import COLOURS, REALS, file_of, image_file
from support.legacy_file import legacy_file
from support.series import Kind

import dicube_core
from dicube_core.dicom import DcbStreamingReader
from dicube_core.exceptions import DicomCubeError, StreamingError, TransferSyntaxError
from dicube_core.slices import OFFERED_SYNTAXES

fsspec = pytest.importorskip("fsspec")

SMALL = Kind("small", rows=13, columns=11)


@pytest.fixture
def path(tmp_path):
    return array_files.ct_file(tmp_path, SMALL, 5)


def test_a_file_that_was_replaced_has_other_keys(path, tmp_path):
    keys = [fsspec.filesystem("dcbs", fo=str(path)).ukey("000000.dcm") for _ in range(2)]
    assert keys[0] == keys[1]
    (tmp_path / "other").mkdir()
    other = Kind("other", rows=13, columns=11, fill="extremes")
    array_files.ct_file(tmp_path / "other", other, 5).replace(path)
    assert fsspec.filesystem("dcbs", fo=str(path)).ukey("000000.dcm") != keys[0]


def test_a_slice_by_its_address(path):
    with fsspec.open(f"dcbs://000003.dcm::file://{path}") as file:
        found = pydicom.dcmread(file)
    assert found.InstanceNumber == 4
    np.testing.assert_array_equal(found.pixel_array, SMALL.frame(3))
    with fsspec.open(f"dcbs://000003.dcm::{path}") as file:
        assert pydicom.dcmread(file, stop_before_pixels=True).SOPInstanceUID == found.SOPInstanceUID


@pytest.mark.parametrize("syntax", [None, "native", "htj2k", "explicit", *OFFERED_SYNTAXES])
def test_slices_are_those_of_the_streaming_reader(path, syntax):
    system = fsspec.filesystem("dcbs", fo=str(path), transfer_syntax=syntax)
    names = {"htj2k": "1.2.840.10008.1.2.4.201", "explicit": "1.2.840.10008.1.2.1"}
    uid = None if syntax == "native" else names.get(syntax, syntax)
    with DcbStreamingReader(path) as reader:
        for index in range(5):
            name = f"{index:06d}.dcm"
            try:
                wanted = reader.get_dicom_for_frame(index, syntax == "native", uid)
            except TransferSyntaxError:
                with pytest.raises(TransferSyntaxError, match="RPCL"):
                    system.cat_file(name)
                assert system.info(name)["size"] is None
                continue
            assert system.cat_file(name) == wanted
            assert system.info(name)["size"] == len(wanted)
            with system.open(name) as file:
                assert file.read() == wanted


def test_codestreams(path):
    system = fsspec.filesystem("dcbs", fo=str(path))
    with dicube_core.open(path) as reader:
        for index in range(5):
            name = f"{index:06d}.j2c"
            assert system.cat(name) == reader.codestream(index)
            assert system.size(name) == len(reader.codestream(index))


def test_listing(path):
    system, root = fsspec.core.url_to_fs(f"dcbs://::file://{path}")
    names = [f"{i:06d}.{ending}" for i in range(5) for ending in ("dcm", "j2c")]
    assert root == ""
    assert system.ls("", detail=False) == names
    assert [e["name"] for e in system.ls("/")] == names
    assert all(
        e["type"] == "file" and e["size"] == len(system.cat(e["name"])) for e in system.ls("")
    )
    assert system.find("") == names
    assert system.glob("*.dcm") == names[::2]
    assert system.glob("00000[13].j2c") == [names[3], names[7]]
    assert list(system.walk("")) == [("", [], names)]
    assert system.ls(names[2], detail=False) == [names[2]]
    assert system.isdir("")
    assert system.isfile(names[0])
    assert system.exists(names[-1])
    assert system.info("") == {"name": "", "size": 0, "type": "directory"}
    assert system.du("") == sum(len(system.cat(name)) for name in names)
    assert len(fsspec.open_files(f"dcbs://*.dcm::file://{path}")) == 5
    for missing in ("000005.dcm", "3.dcm", "000003.jpg", "000003", "a/000003.dcm", "-00001.dcm"):
        assert not system.exists(missing)
        with pytest.raises(FileNotFoundError):
            system.open(missing)


def test_ranges(path):
    system = fsspec.filesystem("dcbs", fo=str(path))
    name = "000002.dcm"
    whole = system.cat(name)
    assert system.cat_file(name, 10, 40) == whole[10:40]
    assert system.cat_file(name, -7) == whole[-7:]
    assert system.cat_ranges([name, name], [0, 5], [3, 9]) == [whole[:3], whole[5:9]]
    assert system.head(name, 132) == whole[:132]
    assert system.tail(name, 5) == whole[-5:]
    with system.open(name) as file:
        assert file.seek(-3, io.SEEK_END) == len(whole) - 3
        assert file.read() == whole[-3:]
        assert not file.writable()
    mapper = system.get_mapper("")
    assert mapper[name] == whole
    system.get_file(name, path.with_name("copy.dcm"))
    assert path.with_name("copy.dcm").read_bytes() == whole


def test_nothing_can_be_changed(path):
    system = fsspec.filesystem("dcbs", fo=str(path))
    name = "000000.dcm"
    for change in (
        lambda: system.open(name, "wb"),
        lambda: system.open(name, "ab"),
        lambda: system.rm(name),
        lambda: system.rm_file(name),
        lambda: system.mkdir("a"),
        lambda: system.makedirs("a/b"),
        lambda: system.rmdir("a"),
        lambda: system.touch(name),
        lambda: system.pipe(name, b""),
        lambda: system.pipe_file(name, b""),
        lambda: system.mv(name, "b"),
        lambda: system.cp_file(name, "b"),
        lambda: system.copy(name, "b"),
        lambda: system.put(str(path), "b"),
    ):
        with pytest.raises(OSError, match="cannot be changed"):
            change()


def test_other_file_systems_below(path, tmp_path):
    wanted = fsspec.filesystem("dcbs", fo=str(path)).cat("000001.dcm")
    memory = fsspec.filesystem("memory")
    memory.pipe("/slices/x.dcbs", path.read_bytes())
    cache = {"cache_storage": str(tmp_path / "cache")}
    try:
        with fsspec.open("dcbs://000001.dcm::memory://slices/x.dcbs") as file:
            assert file.read() == wanted
        url = "dcbs://000001.dcm::simplecache::memory://slices/x.dcbs"
        with fsspec.open(url, simplecache=cache) as file:
            assert file.read() == wanted
        found = fsspec.open(url, simplecache=cache, dcbs={"transfer_syntax": "explicit"})
        with found as file:
            assert pydicom.dcmread(file).file_meta.TransferSyntaxUID == "1.2.840.10008.1.2.1"
    finally:
        memory.rm("/slices", recursive=True)
    with path.open("rb") as file:
        assert fsspec.filesystem("dcbs", fo=file).cat("000001.dcm") == wanted


class Ranges(SimpleHTTPRequestHandler):
    """Serves ranges, and counts the bytes."""

    sent = 0

    def do_GET(self):
        data = Path(self.translate_path(self.path)).read_bytes()
        size, asked = len(data), self.headers.get("Range")
        if asked:
            first, last = asked.removeprefix("bytes=").split("-")
            data = data[int(first) : int(last) + 1]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{int(first) + len(data) - 1}/{size}")
        else:
            self.send_response(200)
        type(self).sent += len(data)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture
def served(tmp_path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Ranges, directory=tmp_path))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    Ranges.sent = 0
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


def test_over_http(tmp_path, served):
    pytest.importorskip("aiohttp")
    path = array_files.ct_file(tmp_path, Kind("large", stored=16, rows=256, columns=256), 8)
    wanted = fsspec.filesystem("dcbs", fo=str(path)).cat("000003.dcm")
    system, _ = fsspec.core.url_to_fs(f"dcbs://::{served}/{path.name}")
    assert [entry["size"] for entry in system.ls("") if entry["name"] == "000003.dcm"] == [
        len(wanted)
    ]
    before = Ranges.sent
    assert before < path.stat().st_size / 4  # listing reads no frames
    assert system.cat("000003.dcm") == wanted
    assert Ranges.sent - before < 1.5 * len(wanted)


def test_a_slice_that_cannot_be_read_does_not_hide_the_others(path):
    with dicube_core.open(path) as reader:
        place = reader.container.index.offsets[2] + 60
    data = bytearray(path.read_bytes())
    data[place] ^= 0xFF
    path.write_bytes(data)
    system = fsspec.filesystem("dcbs", fo=str(path))
    assert len(system.ls("")) == 10
    for name in ("000002.dcm", "000002.j2c"):
        with pytest.raises(DicomCubeError, match="frame 2 at byte"):
            system.cat(name)
    assert system.cat("000001.dcm")


def test_what_cannot_be_opened(tmp_path, path):
    with pytest.raises(ValueError, match="is named: write dcbs://"):
        fsspec.filesystem("dcbs")
    with pytest.raises(ValueError, match="is named: write dcbs://"):
        fsspec.open("dcbs://000000.dcm")
    with pytest.raises(TransferSyntaxError, match="htj2k"):
        fsspec.filesystem("dcbs", fo=str(path), transfer_syntax="jpeg")
    with pytest.raises(FileNotFoundError):
        fsspec.filesystem("dcbs", fo=str(tmp_path / "missing.dcbs"))
    (tmp_path / "no.dcbs").write_bytes(b"no such file" * 20)
    with pytest.raises(StreamingError, match=r"no\.dcbs"):
        fsspec.filesystem("dcbs", fo=str(tmp_path / "no.dcbs"))


def test_threads_pickles_and_forks(path):
    system = fsspec.filesystem("dcbs", fo=str(path), transfer_syntax="explicit")
    wanted = [system.cat(f"{i:06d}.dcm") for i in range(5)]
    copy = pickle.loads(pickle.dumps(system))
    with ThreadPoolExecutor(8) as pool:
        for i, data in enumerate(pool.map(lambda i: copy.cat(f"{i % 5:06d}.dcm"), range(200))):
            assert data == wanted[i % 5]
    opened = fsspec.open(f"dcbs://000002.dcm::file://{path}", transfer_syntax="explicit")
    with pickle.loads(pickle.dumps(opened)) as file:
        assert file.read() == wanted[2]


def test_kinds_of_frames(tmp_path):
    for sort, ending in ((COLOURS["rgb"], "j2c"), (REALS["float32"], "pcodec")):
        folder = tmp_path / sort.name
        folder.mkdir()
        system = fsspec.filesystem("dcbs", fo=str(file_of(sort, folder, 2)))
        names = [f"{i:06d}.{e}" for i in range(2) for e in ("dcm", ending)]
        assert system.ls("", detail=False) == names
        assert all(e["size"] == len(system.cat(e["name"])) for e in system.ls(""))
    array = np.arange(120, dtype="int16").reshape(4, 5, 6)
    system = fsspec.filesystem("dcbs", fo=str(image_file(tmp_path / "bare.dcbs", array)))
    assert system.ls("", detail=False) == [f"{i:06d}.j2c" for i in range(4)]  # no headers


def test_files_of_dicube_0_3_0(tmp_path):
    (tmp_path / "old.dcbs").write_bytes(legacy_file())
    real = shared_series("ct_heart_10.by_dicube_0_3_0.dcbs")
    for path in (tmp_path / "old.dcbs", real):
        system = fsspec.filesystem("dcbs", fo=str(path))
        with DcbStreamingReader(path) as reader:
            for index, entry in enumerate(e for e in system.ls("") if e["name"].endswith("dcm")):
                data = system.cat(entry["name"])
                assert data == reader.get_dicom_for_frame(index)
                assert entry["size"] == len(data)


@pytest.mark.parametrize("name", SERIES)
def test_real_series(tmp_path, name):
    folder = shared_series(name)
    path = tmp_path / "x.dcbs"
    dicube_core.convert(folder, path)
    originals = {p.read_bytes() for p in folder.iterdir()}
    system = fsspec.filesystem("dcbs", fo=str(path), transfer_syntax="native")
    assert {system.cat(name) for name in system.glob("*.dcm")} == originals
    stored = fsspec.filesystem("dcbs", fo=str(path))
    for entry in stored.ls(""):
        assert entry["size"] == len(stored.cat(entry["name"]))
    with stored.open("000004.dcm") as file:
        assert pydicom.dcmread(file).pixel_array.shape == (512, 512)
    assert os.fspath(path) in repr(stored.fo)
