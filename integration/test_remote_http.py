"""Files on a web server: which ranges are asked for, and what becomes of servers that misbehave."""

import base64
import os
import pickle
import subprocess
import sys
import threading
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

pytest.importorskip("urllib3")

from support.series import Kind, make_series
from support.web_server import FileServer, serving

import dicube_core
from dicube_core.exceptions import (
    DicomCubeError,
    InvalidCubeFileError,
    SettingsError,
    StreamingError,
    TruncatedFileError,
)
from dicube_core.streaming import DcbStreamingReader
from dicube_plugins.remote import RemoteOptions, remote_source

N_FRAMES = 40
WAIT = 60
DCBS = (sys.executable, "-c", "from dicube_core.cli import main; main()")
#: Frames that are not in the first request.
FAR = [*range(20, N_FRAMES)]
QUICK = RemoteOptions(retries=2, timeout=WAIT)
FRONT = RemoteOptions().front_bytes


def _converted(folder, kind, **options):
    path = folder / "x.dcbs"
    dicube_core.convert(make_series(N_FRAMES, kind).values(), path, **options)
    return path.read_bytes()


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return _converted(tmp_path_factory.mktemp("one"), Kind("k", rows=60, columns=50))


@pytest.fixture(scope="module")
def other(data):
    """Return as many other bytes."""
    return bytes(byte ^ 1 for byte in data)


@pytest.fixture(scope="module")
def values(data):
    return dicube_core.open(data).frames()


@pytest.fixture
def server(data):
    with serving(data) as file:
        yield file


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch):
    monkeypatch.setattr("dicube_plugins.remote._http._PAUSE", 0.01)


def opened(file: FileServer, options=QUICK, **more):
    return dicube_core.open(remote_source(file.url, options=options, **more))


# -- requests -----------------------------------------------------------------------------------


def test_open_and_all_metadata_is_one_request_and_a_slice_another(server, values):
    reader = dicube_core.open(server.url)
    assert reader.dicom_meta.get_values("SOPInstanceUID")
    _ = reader.geometry, reader.report(), reader.instance_headers[9].dataset, reader.writer
    assert [(a.start, a.stop) for a in server.log] == [(0, FRONT)]
    assert np.array_equal(reader.frame(N_FRAMES // 2), values[N_FRAMES // 2])
    index = reader.container.index
    start = index.offsets[N_FRAMES // 2]
    asked = server.log[1]
    assert (asked.start, asked.stop) == (start, start + index.lengths[N_FRAMES // 2])
    assert asked.headers["If-Match"] == server.etag
    assert {a.headers["Accept-Encoding"] for a in server.log} == {"identity"}
    assert len(server.log) == 2
    assert server.connections == 1


def test_a_front_longer_than_the_first_request_takes_exactly_one_more(server):
    reader = opened(server, RemoteOptions(front_bytes=1024))
    first = reader.container.index.offsets[0]
    assert first > 1024
    _ = reader.dicom_meta.to_json(), reader.report(), reader.instance_headers[9].dataset
    assert [(a.start, a.stop) for a in server.log] == [(0, 1024), (1024, first)]


def test_slices_side_by_side_are_one_request(server, values):
    reader = dicube_core.open(server.url)
    server.clear()
    assert np.array_equal(reader.frames(range(10, 30)), values[10:30])
    assert len(server.log) == 1
    server.clear()
    assert np.array_equal(dicube_core.load(server.url).raw_image, values)
    assert len(server.log) == 2


def test_requests_are_made_at_once_and_bounded(server, values):
    reader = opened(server, RemoteOptions(request_bytes=1, at_once=3))
    server.clear()
    together = threading.Barrier(3)

    def trouble(handler, number):
        if number < 3:
            together.wait(WAIT)  # breaks, and cuts the connection, unless three come at once
        return False

    server.trouble = trouble
    assert np.array_equal(reader.frames(FAR), values[FAR])
    assert server.most_at_once == 3
    assert len(server.log) == len(FAR)


def test_lower_resolutions_read_their_part_of_the_bytes(tmp_path):
    data = _converted(tmp_path, Kind("k", rows=200, columns=200), progressive=True)
    plain = dicube_core.open(data)
    with serving(data) as server:
        reader = dicube_core.open(server.url)
        for level in (1, 2, 3):
            server.clear()
            assert np.array_equal(reader.frames(level=level), plain.frames(level=level))
            assert server.sent < len(data) / 2**level


# -- tries --------------------------------------------------------------------------------------


def _once(answer, at=1):
    """Misbehave in one request."""

    def trouble(handler, number):
        if number != at:
            return False
        answer(handler)
        return True

    return trouble


def _cut_off(handler):
    handler.close_connection = True


def _short(handler):
    asked, data = handler.file.log[-1], handler.file.data
    said = f"bytes {asked.start}-{asked.stop - 1}/{len(data)}"
    handler.reply(206, data[asked.start : asked.stop], {"Content-Range": said}, cut=1000)


PASSING = {
    "503": lambda handler: handler.reply(503, b"busy"),
    "500 of a long page": lambda handler: handler.reply(500, b"x" * 100_000),
    "429": lambda handler: handler.reply(429, b"", {"Retry-After": "0"}),
    "no answer": _cut_off,
    "a body that is cut": _short,
}


@pytest.mark.parametrize("what", PASSING)
def test_what_passes_is_tried_again(server, values, what):
    for at in (0, 1):
        server.log.clear()
        server.trouble = _once(PASSING[what], at)
        reader = opened(server)
        assert np.array_equal(reader.frame(23), values[23])
        assert len(server.log) == 3


@pytest.mark.parametrize("what", PASSING)
def test_what_does_not_pass_is_an_error_that_names_the_file(server, what):
    reader = opened(server)
    server.clear()
    server.trouble = lambda handler, number: PASSING[what](handler) or True
    with pytest.raises((OSError, TruncatedFileError), match=r"/series\.dcbs"):
        reader.frame(23)
    assert len(server.log) == 1 + QUICK.retries
    with pytest.raises((OSError, StreamingError), match=r"/series\.dcbs"):
        DcbStreamingReader(server.url)


def test_a_server_that_asks_for_time_is_given_it(server):
    server.trouble = _once(lambda handler: handler.reply(503, b"", {"Retry-After": "1"}), 0)
    start = time.monotonic()
    opened(server)
    assert time.monotonic() - start >= 1


def test_a_server_that_does_not_answer_is_given_up(data):
    with serving(data) as server:
        source = remote_source(server.url, options=QUICK)
        source._options = RemoteOptions(timeout=0.2, retries=1)  # not while it is opened
        reader = dicube_core.open(source)
        server.clear()
        done = threading.Event()
        server.trouble = lambda handler, number: done.wait(WAIT)
        with pytest.raises(TimeoutError, match=r"no answer in 0\.2 s"):
            reader.frame(20)
        assert len(server.log) == 2
        done.set()


def test_no_server_is_an_error_that_says_so(data):
    with serving(data) as server:
        url = server.url
    with pytest.raises(ConnectionError, match=r"cannot be reached.*Connection refused"):
        remote_source(url, options=RemoteOptions(retries=0))
    for url in ("http://ho st/x.dcbs", "http://[::1/x.dcbs", "http://[none]/x.dcbs"):
        with pytest.raises(OSError, match="no web address"):
            remote_source(url, options=RemoteOptions(retries=0))


# -- what servers say ---------------------------------------------------------------------------


def test_a_small_file_is_read_whole_from_a_server_without_ranges(data, values):
    with serving(data, ranges=False) as server:
        reader = dicube_core.open(server.url)
        assert np.array_equal(reader.frames(), values)
        assert len(server.log) == 1
        clone = pickle.loads(pickle.dumps(reader))
        assert np.array_equal(clone.frame(22), values[22])
        with pytest.raises(InvalidCubeFileError, match=r"gives no parts of files.*whole_bytes"):
            opened(server, RemoteOptions(whole_bytes=1000))


def test_a_large_body_without_length_is_not_read_to_its_end(data):
    def trouble(handler, number):
        handler.send_response(200)
        handler.end_headers()
        handler.close_connection = True
        for _ in range(1000):
            try:
                handler.wfile.write(bytes(100_000))
            except OSError:
                return True
        return True

    with (
        serving(data, trouble=trouble) as server,
        pytest.raises(InvalidCubeFileError, match="whole_bytes"),
    ):
        opened(server, RemoteOptions(whole_bytes=1000))


@pytest.mark.parametrize("marks", [("", ""), ("", "Mon, 02 Nov 2026 10:00:00 GMT"), ('W/"1"', "")])
def test_files_with_other_marks_than_a_strong_etag(data, values, marks):
    with serving(data, etag=marks[0], modified=marks[1]) as server:
        reader = dicube_core.open(server.url)
        assert np.array_equal(reader.frames(), values)
        clone = pickle.loads(pickle.dumps(reader))
        assert np.array_equal(clone.frame(21), values[21])
        if not any(marks):  # parts could be of several versions, so there is one answer
            assert server.log[-1].length == len(data)
            with pytest.raises(InvalidCubeFileError, match="neither ETag nor Last-Modified"):
                opened(server, RemoteOptions(whole_bytes=1000))


FIRST = {"Content-Range": f"bytes 0-{FRONT - 1}/99999"}
LIES = {
    "another range": lambda h: h.reply(206, bytes(50), {"Content-Range": "bytes 5-54/100000"}),
    "a range cut short": lambda h: h.reply(206, bytes(50), {"Content-Range": "bytes 0-49/100000"}),
    "no range": lambda h: h.reply(206, bytes(50)),
    "no size": lambda h: h.reply(206, bytes(FRONT), {"Content-Range": f"bytes 0-{FRONT - 1}/*"}),
    "nonsense": lambda h: h.reply(206, bytes(50), {"Content-Range": "bytes x"}),
    "compressed": lambda h: h.reply(
        206,
        bytes(FRONT),
        {"Content-Range": f"bytes 0-{FRONT - 1}/99999", "Content-Encoding": "gzip"},
    ),
    "more than it says": lambda h: h.reply(206, bytes(FRONT + 9), FIRST),
    "another file": lambda h: h.reply(200, b"<html>sign in</html>"),
    "no file": lambda h: h.reply(204),
}


@pytest.mark.parametrize("what", LIES)
def test_answers_that_are_not_what_was_asked_for(server, what):
    server.trouble = lambda handler, number: LIES[what](handler) or True
    with pytest.raises((DicomCubeError, OSError), match=r"/series\.dcbs"):
        opened(server)


def test_an_empty_file(server):
    server.data = b""
    with pytest.raises(TruncatedFileError, match="the file is empty"):
        opened(server)


@pytest.mark.parametrize(
    ("status", "kind", "hint"),
    [
        (404, FileNotFoundError, "is the address right"),
        (410, FileNotFoundError, "410 Gone"),
        (401, PermissionError, "Authorization"),
        (403, PermissionError, "signed anew"),
        (418, OSError, "418"),
    ],
)
def test_refusals_name_the_file_and_nothing_that_gives_access(server, status, kind, hint):
    server.trouble = lambda handler, number: handler.reply(status, b"no") or True
    url = server.url.replace("://", "://user:secret@") + "?signature=secret#secret"
    with pytest.raises(kind, match=hint) as raised:
        remote_source(url, options=QUICK, headers={"X-Key": "secret"})
    assert raised.value.filename == server.url
    assert "secret" not in str(raised.value) + repr(raised.value)
    assert len(server.log) == 1


@pytest.mark.parametrize("header", ["range", "Range", "accept-encoding", "IF-MATCH"])
def test_headers_of_each_request_are_not_the_callers(server, header):
    with pytest.raises(SettingsError, match=header):
        remote_source(server.url, headers={header: "x"})
    assert not server.log


@pytest.mark.parametrize("name", ["X:", "X\n", "X Y", "", 5])
def test_names_that_are_none_of_a_header(server, name):
    with pytest.raises(SettingsError, match="no name"):
        opened(server, headers={name: "secret"})


def test_an_error_is_told_without_what_gives_access_and_so_is_its_cause(server):
    server.trouble = lambda handler, _: (
        handler.reply(302, b"", {"Location": "http://127.0.0.1:99999/x?sig=secret"}) or True
    )
    with pytest.raises(OSError, match="no web address") as caught:
        opened(server)
    assert "secret" not in "".join(traceback.format_exception(caught.value))


def test_a_server_that_refuses_the_beginning(server):
    server.trouble = lambda handler, _: handler.reply(416) or True
    with pytest.raises(InvalidCubeFileError, match="refuses to give the beginning"):
        opened(server)


def test_an_address_is_a_text(tmp_path):
    with pytest.raises(TypeError, match="Path"):
        remote_source(tmp_path / "x.dcbs")


def test_user_password_and_headers_are_sent_to_the_server_alone(server, data):
    url = server.url.replace("://", "://us%40er:pass@")
    source = remote_source(url, headers={"X-Key": "k"})
    said = server.log[0].headers
    wanted = base64.b64encode(b"us@er:pass").decode()
    assert (said["Authorization"], said["X-Key"]) == (f"Basic {wanted}", "k")
    assert source.name == server.url
    assert "pass" not in repr(dicube_core.open(source))
    with serving(data) as elsewhere:
        target = elsewhere.url.replace("127.0.0.1", "localhost")
        server.trouble = lambda handler, number: (
            handler.reply(302, b"", {"Location": target}) or True
        )
        reader = dicube_core.open(remote_source(url, headers={"X-Key": "k"}))
        reader.frame(20)
    assert not {"Authorization", "X-Key"} & set(elsewhere.log[0].headers)


@pytest.mark.parametrize("value", ["Bearer secret\n", "Bearer secret\u2026", b"secret", None])
def test_headers_that_cannot_be_sent_are_not_shown(server, value):
    with pytest.raises(SettingsError, match="'Authorization' cannot be sent") as raised:
        remote_source(server.url, headers={"Authorization": value})
    assert "secret" not in str(raised.value)
    assert not server.log


# -- redirects ----------------------------------------------------------------------------------


def test_redirects_are_followed_and_asked_for_anew_when_they_run_out(server, data, values):
    signed = {"good": "/signed?signature=1"}

    def trouble(handler, number):
        if handler.path == "/series.dcbs":
            handler.reply(307, b"", {"Location": signed["good"]})
        elif handler.path != signed["good"]:
            handler.reply(403, b"out of date")
        else:
            return False
        return True

    server.trouble = trouble
    reader = opened(server)
    assert np.array_equal(reader.frame(20), values[20])
    # The second request goes where the first one was sent to.
    assert [a.path for a in server.log] == ["/series.dcbs", *["/signed?signature=1"] * 2]
    server.clear()
    signed["good"] = "/signed?signature=2"
    assert np.array_equal(reader.frame(21), values[21])
    assert [a.path.partition("=")[2] for a in server.log] == ["1", "", "2"]


def test_redirects_that_run_out_under_many_threads(server, values):
    """Each thread asks for a new address, also where another one has done so meanwhile."""
    together, good = threading.Barrier(4), {"path": "/signed?1"}

    def trouble(handler, number):
        if handler.path == "/series.dcbs":
            handler.reply(307, b"", {"Location": good["path"]})
        elif handler.path != good["path"]:
            together.wait(WAIT)
            handler.reply(403, b"out of date")
        else:
            return False
        return True

    server.trouble = trouble
    reader = opened(server, RemoteOptions(retries=0))
    reader.frame(20)
    good["path"] = "/signed?2"
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(reader.frame, FAR[1:5]))
    assert np.array_equal(found, values[FAR[1:5]])


def test_a_redirect_to_what_is_forbidden(server):
    def trouble(handler, number):
        handler.reply(403 if handler.path == "/no" else 302, b"", {"Location": "/no"})
        return True

    server.trouble = trouble
    with pytest.raises(PermissionError, match="403"):
        opened(server)
    assert len(server.log) == 2


@pytest.mark.parametrize(
    "location",
    ["/series.dcbs", "", "file:///etc/passwd", "ftp://x/y", "http://[::1/x", "//[none"],
)
def test_redirects_that_lead_nowhere(server, location):
    server.trouble = lambda h, n: h.reply(302, b"", {"Location": location}) or True
    with pytest.raises(OSError, match="the server sends requests"):
        opened(server)
    assert len(server.log) <= 9


# -- versions -----------------------------------------------------------------------------------


CHANGES = {
    "another etag": {"etag": '"two"'},
    "another etag, conditions unknown": {"etag": '"two"', "conditions": False},
    "a weak etag now": {"etag": 'W/"one"', "conditions": False},
    "no etag any more": {"etag": "", "conditions": False},
    "another time": {"modified": "Mon, 02 Nov 2026 10:00:01 GMT"},
    "no ranges any more": {"etag": '"two"', "ranges": False, "conditions": False},
}


@pytest.mark.parametrize("what", CHANGES)
def test_frames_of_two_versions_are_never_mixed(server, other, what):
    reader = opened(server)
    reader.frame(20)
    server.data = other
    for name, value in CHANGES[what].items():
        setattr(server, name, value)
    for read in (lambda: reader.frame(21), reader.frames, reader.container.check_all):
        with pytest.raises(InvalidCubeFileError, match=r"changed .*since it was opened"):
            read()
    with pytest.raises(InvalidCubeFileError, match=r"changed .*since it was opened"):
        pickle.loads(pickle.dumps(reader))


@pytest.mark.parametrize("size", [1000, 40_000])
def test_a_file_that_became_shorter_or_longer(server, other, size):
    reader = opened(server)
    server.data, server.etag = other[:size] if size == 1000 else other + bytes(size), ""
    server.conditions, server.modified = False, ""
    with pytest.raises(InvalidCubeFileError, match="changed"):
        reader.frame(N_FRAMES - 1)


def test_a_change_in_the_middle_of_many_frames(data, other):
    with serving(data) as server:
        reader = opened(server, RemoteOptions(request_bytes=1, at_once=2))

        def trouble(handler, number):
            if number == 15:
                server.data, server.etag = other, '"two"'
            return False

        server.trouble = trouble
        with pytest.raises(InvalidCubeFileError, match="changed"):
            reader.frames()


# -- processes, threads, the command line ---------------------------------------------------


def test_threads_share_a_reader(server, values):
    reader = opened(server, RemoteOptions(request_bytes=30_000, at_once=2))
    wrong = []

    def read(seed):
        order = np.random.default_rng(seed).permutation(N_FRAMES)[:12].tolist()
        wrong.extend(n for n in order if not np.array_equal(reader.frame(n), values[n]))
        if not np.array_equal(reader.frames(), values):
            wrong.append("all")

    threads = [threading.Thread(target=read, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_children_made_by_fork_have_connections_of_their_own(server, values):
    reader = opened(server)
    reader.frame(20)
    children = []
    for _ in range(3):
        child = os.fork()
        if not child:
            right = all(np.array_equal(reader.frame(n), values[n]) for n in range(N_FRAMES))
            os._exit(0 if right else 1)
        children.append(child)
    assert all(np.array_equal(reader.frame(n), values[n]) for n in range(N_FRAMES))
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0]
    assert server.connections == 4


def _in_new_process(code, *arguments, check=True, **environment):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=check,
        timeout=120,
        env={**os.environ, **environment},
    )


def test_a_process_that_was_spawned_reads_the_same_version(server, tmp_path):
    path = tmp_path / "reader.pickle"
    path.write_bytes(pickle.dumps(opened(server)))
    code = (
        "import pickle, sys; reader = pickle.load(open(sys.argv[1], 'rb')); "
        "print(reader.frames().sum(dtype='int64'))"
    )
    found = _in_new_process(code, str(path)).stdout
    assert int(found) == dicube_core.open(server.data).frames().sum(dtype="int64")
    server.etag = '"two"'
    failed = _in_new_process(code, str(path), check=False)
    assert "changed in place since it was opened" in failed.stderr


def test_streaming(server, data):
    expected = [*DcbStreamingReader(data)]
    with DcbStreamingReader(server.url) as reader:
        assert [*reader] == expected
    assert len(server.log) == 2
    server.clear()
    with DcbStreamingReader(server.url, chunk_size=5) as reader:
        assert [reader.get_dicom_for_frame(n) for n in range(N_FRAMES)] == expected
    assert len(server.log) <= 1 + N_FRAMES + 8


@pytest.mark.parametrize("command", ["info", "preview", "verify", "export", "export --nifti"])
def test_the_command_line_takes_addresses(server, data, tmp_path, command):
    name, *options = command.split()
    url = server.url.replace("://", "://user:secret@")
    outputs = {"preview": "x.png", "export": "folder"}
    out = [] if name not in outputs else [str(tmp_path / outputs[name])]
    if options:
        out = [str(tmp_path / "x.nii.gz")]
    program = [*DCBS, name, url, *out, *options]
    found = subprocess.run(program, capture_output=True, text=True, timeout=120, check=False)
    assert found.returncode == 0, found.stderr
    assert "secret" not in found.stdout + found.stderr
    if name == "export" and not options:
        assert len([*(tmp_path / "folder").iterdir()]) == N_FRAMES


def test_the_command_line_says_what_is_wrong_in_one_line(server):
    server.trouble = lambda handler, number: handler.reply(404) or True
    program = [*DCBS, "info", server.url + "?signature=secret"]
    found = subprocess.run(program, capture_output=True, text=True, timeout=120, check=False)
    assert found.returncode == 5
    assert found.stderr.count("\n") == 1
    assert server.url in found.stderr
    assert "secret" not in found.stderr


def test_proxies_of_the_environment_are_used(server, monkeypatch):
    monkeypatch.setenv(
        "http_proxy", server.url.rpartition("/")[0].replace("://", "://me:sec%2Fret@")
    )
    monkeypatch.delenv("no_proxy", raising=False)
    dicube_core.open("http://files.example/series.dcbs").frame(20)
    assert {a.path for a in server.log} == {"http://files.example/series.dcbs"}
    said = {name.lower(): value for name, value in server.log[0].headers.items()}
    wanted = base64.b64encode(b"me:sec/ret").decode()
    assert said["proxy-authorization"] == f"Basic {wanted}"
    for proxy in ("socks5://me:secret@127.0.0.1:1", "http://me:secret@[::1"):
        monkeypatch.setenv("http_proxy", proxy)
        with pytest.raises(SettingsError, match="http_proxy") as raised:
            dicube_core.open("http://files.example/series.dcbs")
        assert "secret" not in str(raised.value)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server.clear()
    dicube_core.open(server.url)
    assert [a.path for a in server.log] == ["/series.dcbs"]


def test_options_of_the_environment(monkeypatch):
    monkeypatch.setenv("DICUBE_REMOTE_TIMEOUT", "2.5")
    monkeypatch.setenv("DICUBE_REMOTE_REQUESTS", "3")
    found = RemoteOptions.of_environment()
    assert (found.timeout, found.at_once, found.retries) == (2.5, 3, 4)
    monkeypatch.setenv("DICUBE_REMOTE_REQUESTS", "many")
    with pytest.raises(SettingsError, match="DICUBE_REMOTE_REQUESTS"):
        dicube_core.open("http://127.0.0.1:9/x.dcbs")
    for name, value in {"timeout": 0, "retries": -1, "at_once": 1.5, "front_bytes": 10}.items():
        with pytest.raises(SettingsError, match=name):
            RemoteOptions(**{name: value})


def test_closed_sources_and_unknown_options(server):
    source = remote_source(server.url)
    source.close()
    with pytest.raises(DicomCubeError, match="closed"):
        source.read_at(0, 10)
    with pytest.raises(TypeError, match="anon"):
        remote_source(server.url, anon=True)


@pytest.mark.parametrize(
    ("url", "package", "extra"),
    [
        ("https://host/x.dcbs", "urllib3", "remote"),
        ("s3://bucket/x.dcbs", "s3fs", "s3"),
        ("s3://bucket/x.dcbs", "fsspec", "s3"),
        ("gs://bucket/x.dcbs", "gcsfs", "remote"),
    ],
)
def test_what_is_missing_is_named(url, package, extra):
    code = (
        "import sys, importlib.util as u; found = u.find_spec; sys.modules[sys.argv[2]] = None; "
        "u.find_spec = lambda n, *a: None if n == sys.argv[2] else found(n, *a); "
        "import dicube_core; dicube_core.open(sys.argv[1])"
    )
    failed = _in_new_process(code, url, package, check=False)
    last = failed.stderr.strip().splitlines()[-1]
    assert "MissingDependencyError" in last
    assert f"pip install 'dicube-plugins[{extra}]'" in last
