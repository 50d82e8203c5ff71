"""Files in object stores and other file systems of fsspec."""

import io
import os
import pickle
import subprocess
import sys
import tarfile
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("fsspec")

import fsspec
from support.series import Kind, make_series
from support.web_server import serving

import dicube_core
from dicube_core.exceptions import DicomCubeError, InvalidCubeFileError
from dicube_core.source import FileObjectSource
from dicube_plugins.remote import RemoteOptions, remote_source
from dicube_plugins.remote._where import Address

N_FRAMES = 30
BUCKET = "series"


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return a file, and as many other bytes."""
    path = tmp_path_factory.mktemp("files") / "x.dcbs"
    series = make_series(N_FRAMES, Kind("k", rows=60, columns=50))
    dicube_core.convert(series.values(), path, progressive=True)
    data = path.read_bytes()
    return data, bytes(byte ^ 1 for byte in data)


@pytest.fixture(scope="module")
def values(files):
    return dicube_core.open(files[0]).frames()


@pytest.fixture(scope="module")
def endpoint():
    pytest.importorskip("s3fs")
    moto = pytest.importorskip("moto.server")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def s3(endpoint, monkeypatch):
    """Return a file system of the local server; `dicube_core.open` finds it by the environment."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "secret-key",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    system = fsspec.filesystem("s3", skip_instance_cache=True)
    if not system.exists(BUCKET):
        system.mkdir(BUCKET)
    return system


def again(reader):
    return pickle.loads(pickle.dumps(reader))


def put(system, data, name="x.dcbs"):
    system.pipe_file(f"{BUCKET}/{name}", data)
    return f"s3://{BUCKET}/{name}"


def test_s3(s3, files, values):
    url = put(s3, files[0])
    reader = dicube_core.open(url)
    assert reader.name == url
    assert np.array_equal(reader.frame(17), values[17])
    assert np.array_equal(reader.frames(), values)
    assert np.array_equal(reader.frames(level=1), dicube_core.open(files[0]).frames(level=1))
    assert np.array_equal(dicube_core.load(url).raw_image, values)
    assert dicube_core.load_meta(url).to_json() == dicube_core.load_meta(files[0]).to_json()


def test_s3_is_asked_for_ranges_of_one_version(s3, files, values, monkeypatch):
    url = put(s3, files[0])
    calls = []
    from s3fs import S3FileSystem

    call = S3FileSystem._call_s3

    async def noted(self, method, *args, **kwargs):
        calls.append((method, kwargs.get("Range"), kwargs.get("IfMatch")))
        return await call(self, method, *args, **kwargs)

    monkeypatch.setattr(S3FileSystem, "_call_s3", noted)
    reader = dicube_core.open(url)
    etag = calls[1][2]
    assert calls == [("head_object", None, None), ("get_object", "bytes=0-32767", etag)]
    reader.dicom_meta.get_values("PatientName")
    assert np.array_equal(reader.frames(range(20, 30)), values[20:])
    first, last = reader.container.index.offsets[20], reader.container.index.offsets[29]
    stop = last + reader.container.index.lengths[29]
    assert calls[2:] == [("get_object", f"bytes={first}-{stop - 1}", etag)]


def test_s3_frames_of_two_versions_are_never_mixed(s3, files):
    url = put(s3, files[0])
    reader = dicube_core.open(url)
    reader.frame(20)
    put(s3, files[1])
    for read in (
        lambda: reader.frame(21),
        reader.frames,
        lambda: again(reader),
    ):
        with pytest.raises(InvalidCubeFileError, match="changed in place since it was opened"):
            read()
    s3.rm_file(f"{BUCKET}/x.dcbs")
    with pytest.raises(FileNotFoundError, match=r"s3://series/x\.dcbs"):
        reader.frame(22)


def test_s3_objects_that_are_not_to_be_had(s3, endpoint):
    with pytest.raises(FileNotFoundError, match=r"s3://series/no\.dcbs"):
        dicube_core.open(f"s3://{BUCKET}/no.dcbs")
    with pytest.raises(OSError, match="s3://nobucket/x"):
        dicube_core.open("s3://nobucket/x.dcbs")
    with pytest.raises(OSError, match="s3://series/x") as raised:
        remote_source(
            "s3://series/x.dcbs",
            options=RemoteOptions(),
            key="key",
            secret="secret-key",
            endpoint_url="http://127.0.0.1:9",
            config_kwargs={"retries": {"max_attempts": 0}, "connect_timeout": 1},
        )
    assert "secret-key" not in str(raised.value)


def _read_in_new_process(pickled, check=True):
    code = (
        "import pickle, sys; reader = pickle.load(sys.stdin.buffer); "
        "print(reader.frames().sum(dtype='int64'))"
    )
    return subprocess.run(
        [sys.executable, "-c", code], input=pickled, capture_output=True, check=check, timeout=120
    )


def test_s3_in_other_processes_and_threads(s3, files, values):
    reader = dicube_core.open(put(s3, files[0]))
    found = _read_in_new_process(pickle.dumps(reader)).stdout
    assert int(found) == values.sum(dtype="int64")
    if hasattr(os, "fork"):
        child = os.fork()
        if not child:
            right = np.array_equal(reader.frames(), values)
            os._exit(0 if right else 1)
        assert os.waitpid(child, 0)[1] == 0
    wrong = []

    def read(number):
        if not np.array_equal(reader.frame(number), values[number]):
            wrong.append(number)

    threads = [threading.Thread(target=read, args=(n,)) for n in range(20, 30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    pickled = pickle.dumps(reader)
    put(s3, files[1])
    assert b"changed in place since it was opened" in _read_in_new_process(pickled, False).stderr


def test_options_go_to_the_file_system(s3, endpoint, files, values, monkeypatch):
    put(s3, files[0])
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    source = remote_source(
        f"s3://{BUCKET}/x.dcbs", key="testing", secret="secret-key", endpoint_url=endpoint
    )
    reader = dicube_core.open(source)
    assert np.array_equal(reader.frame(25), values[25])
    assert "secret-key" not in repr(reader) + repr(source)
    clone = again(reader)
    assert np.array_equal(clone.frame(25), values[25])


def test_a_chain_with_a_cache(s3, files, values, tmp_path):
    put(s3, files[0], "chained.dcbs")
    source = remote_source(
        f"simplecache::s3://{BUCKET}/chained.dcbs", simplecache={"cache_storage": str(tmp_path)}
    )
    assert np.array_equal(dicube_core.open(source).frames(), values)
    assert [path.read_bytes() for path in tmp_path.iterdir() if path.is_file()] == [files[0]]


class _Slow(io.BytesIO):
    """A file in which another thread finds the time to move the position."""

    def seek(self, *where):
        place = super().seek(*where)
        time.sleep(0.0005)
        return place


def test_archives_and_files_with_one_position_are_read_by_one_thread_at_a_time(
    files, values, monkeypatch
):
    monkeypatch.setenv("DICUBE_REMOTE_REQUEST_BYTES", "1")  # a request for each frame
    monkeypatch.setenv("DICUBE_REMOTE_FRONT_BYTES", "1024")
    archive = _Slow()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        member = tarfile.TarInfo("a/x.dcbs")
        member.size = len(files[0])
        tar.addfile(member, io.BytesIO(files[0]))
    archive.seek(0)
    system = fsspec.filesystem("tar", fo=archive)
    in_tar = fsspec.core.OpenFile(system, "a/x.dcbs")
    in_folder = fsspec.core.OpenFile(fsspec.filesystem("dir", path="a", fs=system), "x.dcbs")
    alone = _Slow(files[0])
    readers = [dicube_core.open(place) for place in (in_tar, in_tar, in_folder, alone, alone)]
    assert isinstance(readers[-1].container.source, FileObjectSource)
    with ThreadPoolExecutor(len(readers)) as pool:
        for found in pool.map(lambda reader: reader.frames(), readers):
            assert np.array_equal(found, values)


def test_a_file_system_in_an_open_file(files, values, tmp_path):
    archive = tmp_path / "x.tar"
    (tmp_path / "x.dcbs").write_bytes(files[0])
    with tarfile.open(archive, "w") as tar:
        tar.add(tmp_path / "x.dcbs", "x.dcbs")
    with archive.open("rb") as file:
        reader = dicube_core.open(
            fsspec.core.OpenFile(fsspec.filesystem("tar", fo=file), "x.dcbs"),
        )
        assert np.array_equal(reader.frames(), values)
        if hasattr(os, "fork"):
            child = os.fork()
            if not child:
                try:
                    reader.frame(-1)
                except InvalidCubeFileError as exc:
                    os._exit(0 if "forked" in str(exc) else 1)
                finally:
                    os._exit(2)
            assert os.waitpid(child, 0)[1] == 0
        assert np.array_equal(reader.frame(-1), values[-1])


def test_a_cache_that_is_being_filled_is_waited_for(files, values, tmp_path):
    pytest.importorskip("aiohttp")
    with serving(files[0], bandwidth=len(files[0]) / 0.5) as server:
        address = f"simplecache::{server.url}"
        cache = {"cache_storage": str(tmp_path / "cache")}

        def read():
            return dicube_core.open(remote_source(address, simplecache=cache)).frames()

        with ThreadPoolExecutor(2) as pool:
            first = pool.submit(read)
            while not server.log:  # now the cache has an empty file
                time.sleep(0.01)
            time.sleep(0.1)
            second = pool.submit(read)
            assert np.array_equal(first.result(), values)
            assert np.array_equal(second.result(), values)


def test_memory(files, values):
    memory = fsspec.filesystem("memory")
    memory.pipe_file("/folder/x.dcbs", files[0])
    for source in (
        "memory://folder/x.dcbs",
        "simplecache::memory://folder/x.dcbs",
        fsspec.open("memory://folder/x.dcbs"),
    ):
        reader = dicube_core.open(source)
        assert np.array_equal(reader.frames(), values)
        assert np.array_equal(dicube_core.load(source).raw_image, values)
    with fsspec.open("memory://folder/x.dcbs") as file:
        assert np.array_equal(dicube_core.load(file).raw_image, values)
    reader = dicube_core.open("memory://folder/x.dcbs")
    clone = again(reader)
    assert np.array_equal(clone.frame(28), values[28])
    memory.pipe_file("/folder/x.dcbs", files[1])
    for read in (lambda: reader.frame(28), lambda: again(reader)):
        with pytest.raises(InvalidCubeFileError, match="changed in place"):
            read()
    memory.rm_file("/folder/x.dcbs")
    with pytest.raises(FileNotFoundError, match=r"memory://folder/x\.dcbs"):
        dicube_core.open("memory://folder/x.dcbs")


def test_our_functions_for_frameworks_take_addresses(files, values):
    fsspec.filesystem("memory").pipe_file("/frameworks.dcbs", files[0])
    url = "memory://frameworks.dcbs"
    pytest.importorskip("nibabel")
    pytest.importorskip("SimpleITK")
    import SimpleITK as sitk

    from dicube_plugins.nibabel import load
    from dicube_plugins.pydicom import datasets
    from dicube_plugins.simpleitk import read_image

    stored = [dataset.pixel_array for dataset in datasets(url)]
    assert np.array_equal(stored, values)
    modality = dicube_core.load(files[0]).get_fdata("float64")
    assert np.array_equal(sitk.GetArrayFromImage(read_image(url)), modality)
    assert np.array_equal(np.asarray(load(url).dataobj).T, modality)


def test_a_file_of_a_file_system_in_other_processes(files, values, tmp_path):
    path = tmp_path / "x.dcbs"
    path.write_bytes(files[0])
    reader = dicube_core.open(fsspec.open(f"local://{path}"))
    assert int(_read_in_new_process(pickle.dumps(reader)).stdout) == values.sum(dtype="int64")
    path.write_bytes(files[1])
    with pytest.raises(InvalidCubeFileError, match="changed in place"):
        reader.frame(28)


def test_file_addresses(files, values, tmp_path):
    path = tmp_path / "with blank.dcbs"
    path.write_bytes(files[0])
    for url in (path.as_uri(), f"file://{path}", f"file://localhost{path}"):
        reader = dicube_core.open(url)
        assert np.array_equal(reader.frame(3), values[3])
        assert np.array_equal(again(reader).frame(4), values[4])


def test_the_web_by_fsspec(files, values):
    pytest.importorskip("aiohttp")
    with serving(files[0]) as server:
        for source in (f"simplecache::{server.url}", fsspec.open(server.url)):
            assert np.array_equal(dicube_core.open(source).frames(), values)
        assert all(asked.start >= 0 for asked in server.log[-2:])  # the last one reads ranges


@pytest.mark.parametrize(
    "url",
    [
        "simplecache::http://me:secret@127.0.0.1:1/x.dcbs?sig=secret",
        "zip://a::http://127.0.0.1:1/x.zip?sig=secret",
        "s3://me:secret@bucket/x.dcbs",
    ],
)
def test_an_error_is_told_without_what_gives_access_and_so_is_its_cause(url, s3):
    pytest.importorskip("aiohttp")
    with pytest.raises(OSError) as caught:
        dicube_core.open(url)
    assert "secret" not in "".join(traceback.format_exception(caught.value))


def test_addresses_that_nobody_knows(tmp_path):
    with pytest.raises(OSError, match="nonsense://x"):
        dicube_core.open("nonsense://x.dcbs")
    with pytest.raises(DicomCubeError, match="fsspec does not take this address"):
        dicube_core.open("nonsense::memory://x.dcbs")
    chain = f"zip://x.dcbs::https://me:secret@127.0.0.1:1/{tmp_path.name}.zip?sig=secret"
    with pytest.raises(OSError, match=r"zip://x\.dcbs::https://127\.0\.0\.1:1") as raised:
        dicube_core.open(chain)
    assert "secret" not in str(raised.value)
    assert "secret" not in repr(Address(chain, {"key": "secret"}))
    with pytest.raises(IsADirectoryError):
        dicube_core.open(fsspec.open(f"local://{tmp_path}"))
