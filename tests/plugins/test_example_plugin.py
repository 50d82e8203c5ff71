"""The package in ``tests/example_plugin``, installed by pip and used in processes of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.series import CT, make_series
from support.whole import write_files

import dicube_core

pytest.importorskip("hatchling")
pytest.importorskip("pip")

SOURCE = Path(__file__).resolve().parents[1] / "example_plugin"
ORIGIN = "dicube-example-plugin 1.0"
THIEF = """
from dicube_plugins import Adapter, hookimpl
@hookimpl(tryfirst=True)
def dicube_adapters():
    return [Adapter("nibabel", "json", "a thief's", "thief:patches", ("pip",))]
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Return a folder with the package as pip installs it."""
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--disable-pip-version-check", "--target", folder, SOURCE]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def series(tmp_path_factory):
    folder = tmp_path_factory.mktemp("series")
    dicube_core.convert(write_files(folder / "source", make_series(3, CT)), folder / "x.dcbs")
    return folder / "x.dcbs"


def run(code, *arguments, path, **environment):
    """Run code in a new process; return what it printed as JSON."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", "import json, sys\n" + code, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), **environment},
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_it_is_installed_as_others_would_install_theirs(site):
    names = {path.name for path in site.iterdir()}
    assert {"dicube_example_plugin", "example_viewer"} <= names
    text = (site / "dicube_example_plugin-1.0.dist-info" / "entry_points.txt").read_text()
    assert "[dicube]" in text


def test_it_is_found_and_loaded(site):
    code = """
from dicube_plugins import plugin_status, status
from dicube_core.codec.registry import get_codec
print(json.dumps({
    "plugins": {s.name: [s.state, s.origin, s.message] for s in plugin_status()},
    "adapters": {s.name: [s.state, s.version] for s in status()},
    "codec": get_codec("example-zlib").name,
    "framework": "example_viewer" in sys.modules,
}))"""
    found = run(code, path=[site])
    for name in ("example-viewer", "example-zlib", "example-others"):
        assert found["plugins"][name] == ["loaded", ORIGIN, ""]
    assert found["adapters"]["example-viewer"] == ["available", "1.0"]
    assert found["codec"] == "example-zlib"
    assert found["framework"] is False
    assert {s for s, _, _ in found["plugins"].values()} == {"loaded"}


VIEWER = """
import dicube_plugins, example_viewer
before = [vars(example_viewer)["title"], example_viewer.readers, *example_viewer.readers]
path = sys.argv[1]
try:
    example_viewer.load(path)
except ValueError as exc:
    refused = str(exc)
(installed,) = dicube_plugins.install("example-viewer")
(again,) = dicube_plugins.install("Example-Viewer")
picture = example_viewer.load(path)
title = example_viewer.title(path), example_viewer.title("/a/b.npy")
taken = before[0]("/a/b.npy")
(gone,) = dicube_plugins.uninstall("example-viewer")
after = [vars(example_viewer)["title"], example_viewer.readers, *example_viewer.readers]
print(json.dumps({
    "refused": refused,
    "states": [installed.state, again.state, gone.state, gone.message],
    "changes": installed.changes,
    "values": picture.values.tolist(), "dtype": str(picture.values.dtype),
    "spacing": picture.spacing, "title": title,
    "same": len(before) == len(after) and all(a is b for a, b in zip(before, after)),
    "others": sorted(m for m in sys.modules if m.startswith("dicube_example_plugin.")),
    "ours": sorted(m for m in sys.modules if m.startswith("dicube_plugins.adapters.")),
}))"""


def test_its_adapter_is_installed_works_and_goes_without_a_trace(site, series):
    found = run(VIEWER, series, path=[site])
    assert "no reader" in found["refused"]
    assert found["states"] == ["installed", "installed", "available", ""]
    assert len(found["changes"]) == 2
    assert found["values"] == [(CT.frame(i).astype(int) - 1024).tolist() for i in range(3)]
    assert found["dtype"] == "int16"
    assert found["spacing"] == [2.5, 0.75, 0.5]
    assert found["title"] == ["x.dcbs", "b.npy"]
    assert found["same"] is True


def test_asking_for_one_adapter_loads_its_plugin_alone(site, series):
    code = VIEWER.replace('dicube_plugins.install("Example-Viewer")', "[installed]")
    found = run(code, series, path=[site])
    assert found["others"] == [
        "dicube_example_plugin.viewer_patches",
        "dicube_example_plugin.viewer_plugin",
    ]
    assert found["ours"] == ["dicube_plugins.adapters.base"]


def test_it_is_installed_when_its_framework_is_imported(site, series):
    code = """
import dicube_plugins.auto
from dicube_plugins import status
waiting = {s.name: s.state for s in status()}["example-viewer"]
from example_viewer import load
print(json.dumps([waiting, load(sys.argv[1]).values.shape,
                  {s.name: s.state for s in status()}["example-viewer"]]))"""
    assert run(code, series, path=[site]) == ["deferred", [3, 6, 5], "installed"]


def test_its_store_is_read_from(site, series):
    code = """
import dicube_core
from dicube_core.exceptions import TruncatedFileError
from dicube_example_plugin.memstore import FILES
data = open(sys.argv[1], "rb").read()
FILES["a/b.dcbs"], FILES["short"] = data, data[:100]
with dicube_core.open("memstore://a/b.dcbs") as reader:
    found = {"frames": reader.frames().tolist(), "name": reader.name}
for name in ("absent", "short"):
    try:
        dicube_core.open("memstore://" + name)
    except (FileNotFoundError, TruncatedFileError) as exc:
        found[name] = f"{type(exc).__name__} {exc}"
print(json.dumps(found))"""
    # Without the warning of an open file: `open` above is one of the shortest.
    found = run(code.replace("open(sys", "__import__('io').FileIO(sys", 1), series, path=[site])
    assert found["frames"] == [CT.frame(i).tolist() for i in range(3)]
    assert found["name"] == "memstore://a/b.dcbs"
    assert found["absent"].startswith("FileNotFoundError")
    assert "memstore://absent" in found["absent"]
    assert found["short"].startswith("TruncatedFileError")


WRITE = """
import dicube_core
source, target = sys.argv[1:]
dicube_core.save(dicube_core.load(source), target, codec="example-zlib")
print(json.dumps("written"))"""
READ = """
import dicube_core
from dicube_core.exceptions import DicomCubeError
from dicube_core.streaming import DcbStreamingReader
found = {}
try:
    with dicube_core.open(sys.argv[1]) as reader:
        assert reader.container.description["codec"] == "example-zlib"
        found["frames"] = reader.frames().tolist()
        found["codec"] = reader.codec.name
        found["report"] = dicube_core.verify_file(sys.argv[1]).ok
        with DcbStreamingReader(sys.argv[1]) as slices:
            native = slices.get_dicom_for_frame(0, force_uncompressed=True)
            # HTJ2K is not to be had of it, so that the default is uncompressed, too.
            found["native"] = native[128:132] == b"DICM" and native == slices.get_dicom_for_frame(0)
        dicube_core.save(dicube_core.load(sys.argv[1]), sys.argv[1] + ".htj2k")
        with dicube_core.open(sys.argv[1] + ".htj2k") as again:
            found["again"] = again.frames().tolist() == found["frames"]
except DicomCubeError as exc:
    found["error"] = f"{type(exc).__name__}: {exc}"
print(json.dumps(found))"""


def test_a_file_in_its_codec_is_written_and_read(site, series, tmp_path):
    path = tmp_path / "z.dcbs"
    run(WRITE, series, path, path=[site])
    found = run(READ, path, path=[site])
    assert found["frames"] == [CT.frame(i).tolist() for i in range(3)]
    assert (found["codec"], found["report"]) == ("example-zlib", True)
    assert (found["native"], found["again"]) == (True, True)
    # Where the plugin is not, the file says what it needs.
    error = run(READ, path, path=[])["error"]
    assert "CodecUnavailableError" in error
    assert "'example-zlib'" in error


def test_its_codec_keeps_the_rules(site):
    code = """
import numpy as np
from dicube_core.codec.base import FrameCodec
from dicube_core.codec.registry import get_codec, is_codec_available, list_codecs
from dicube_core.exceptions import DataConsistencyError, DecodeError
from dicube_core.pixels import DTYPE_BITS, PixelFormat
assert "example-zlib" not in list_codecs()
codec = get_codec("example-zlib")
assert codec is get_codec("example-zlib") and is_codec_available("example-zlib")
assert isinstance(codec, FrameCodec)
refused = []
for name in DTYPE_BITS:
    rows = PixelFormat.from_dtype(name, 5, 7)
    info = np.iinfo(name)
    frame = np.random.default_rng(1).integers(info.min, info.max, (5, 7), name, endpoint=True)
    data = codec.encode(frame, rows)
    for other in (frame.astype(frame.dtype.newbyteorder(">")), np.asfortranarray(frame)):
        assert codec.encode(other, rows) == data
    out = np.empty((5, 7), name)
    assert codec.decode(memoryview(data), rows, out=out) is out
    assert (out == frame).all() and (codec.decode(data, rows) == frame).all()
    assert codec.inspect(data, rows).rows == 5
    wide = PixelFormat.from_dtype(name, 6, 7)
    changed = bytes([data[0] ^ 1]) + data[1:]
    for bad, error in (
        (lambda: codec.decode(data[:-3], rows), DecodeError),
        (lambda: codec.decode(data + b"x", rows), DecodeError),
        (lambda: codec.decode(changed, rows), DecodeError),
        (lambda: codec.inspect(b"", rows), DecodeError),
        (lambda: codec.decode(data, wide), DecodeError),
        (lambda: codec.decode(codec.encode(np.zeros((6, 7), name), wide), rows), DecodeError),
        (lambda: codec.decode(data, rows, level=1), DataConsistencyError),
        (lambda: codec.decode(data, rows, out=out[:, ::2]), DataConsistencyError),
        (lambda: codec.encode(frame, wide), DataConsistencyError),
    ):
        try:
            bad()
        except error:
            refused.append(name)
print(json.dumps(len(refused)))"""
    assert run(code, path=[site]) == 8 * 9


def test_its_consumer_is_asked_like_ours(site, tmp_path):
    code = """
from dicube_plugins import capability_of, known_consumers
found = capability_of("example-reader")
print(json.dumps([sorted(known_consumers()), [r.outcome.value for r in found.results][:2]]))"""
    names, outcomes = run(code, path=[site], XDG_CACHE_HOME=str(tmp_path))
    assert {"example-reader", "pydicom", "dcm2niix"} < set(names)
    assert outcomes == ["equal", "equal"]


def test_each_part_of_it_can_be_blocked(site, series):
    code = """
import dicube_core, dicube_plugins
from dicube_core.exceptions import CodecUnavailableError
from dicube_core.codec.registry import get_codec
found = {}
for name, ask in {
    "adapter": lambda: dicube_plugins.install("example-viewer"),
    "codec": lambda: get_codec("example-zlib"),
    "source": lambda: dicube_core.open("memstore://x"),
    "consumer": lambda: dicube_plugins.capability_of("example-reader"),
}.items():
    try:
        ask()
    except (LookupError, CodecUnavailableError, OSError) as exc:
        found[name] = f"{type(exc).__name__}: {exc}"
found["status"] = {s.name: s.state for s in dicube_plugins.plugin_status()}
found["modules"] = [m for m in sys.modules if m.startswith("dicube_example")]
print(json.dumps(found))"""
    blocked = "example-viewer, example-zlib ,example-others"
    found = run(code, path=[site], DICUBE_BLOCK_PLUGINS=blocked)
    assert "no adapter 'example-viewer'" in found["adapter"]
    assert "unknown codec 'example-zlib'" in found["codec"]
    assert found["source"].startswith("FileNotFoundError")
    assert "example-reader" in found["consumer"]
    states = [found["status"][f"example-{name}"] for name in ("viewer", "zlib", "others")]
    assert states == ["blocked"] * 3
    assert found["modules"] == []


def test_another_distribution_does_not_get_our_names(site, tmp_path):
    (tmp_path / "thief_plugin.py").write_text(THIEF)
    info = tmp_path / "aaa_thief-9.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: aaa-thief\nVersion: 9.0\n")
    lines = ["[dicube]", "nibabel = thief_plugin", "example-viewer = thief_plugin"]
    (info / "entry_points.txt").write_text("\n".join([*lines, "other = thief_plugin", ""]))
    code = """
from dicube_plugins.manager import default_manager
from dicube_plugins import plugin_status
print(json.dumps({
    "nibabel": default_manager().adapter("nibabel").description,
    "all": default_manager().adapters()["nibabel"].description,
    "status": {f"{s.name} of {s.origin}": [s.state, s.message] for s in plugin_status()},
}))"""
    found = run(code, path=[tmp_path, site])
    assert "thief" not in found["nibabel"] + found["all"]
    taken = ["failed", "another plugin has this name already"]
    assert found["status"]["nibabel of aaa-thief 9.0"] == taken
    ours = next(v for k, v in found["status"].items() if k.startswith("nibabel of dicube-plugins"))
    assert ours == ["loaded", ""]
    # The first of the names that it got tells of the adapter; the other is the same module.
    state, message = found["status"]["example-viewer of aaa-thief 9.0"]
    assert (state, message) == ("failed", "adapter 'nibabel' exists already")
    assert found["status"][f"example-viewer of {ORIGIN}"] == taken
    assert found["status"]["other of aaa-thief 9.0"] == ["loaded", ""]
