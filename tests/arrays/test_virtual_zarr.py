"""References: where each frame lies, read by hand as Zarr readers do it."""

from __future__ import annotations

import base64
import json
import math
from itertools import product
from pathlib import Path

import array_files
import numpy as np
import pytest
from click.testing import CliRunner
from kind_files import BITS, COLOURS, REALS, echoes_in_time, file_of
from support.legacy_file import legacy_file, volume
from support.series import CT

import dicube_core
from dicube_core.cli.app import dcbs
from dicube_core.codec import get_codec
from dicube_core.exceptions import DataConsistencyError
from dicube_core.pixels import PixelFormat


def read(refs, name):
    """Return an array as a reader of references makes it of the bytes that they name."""
    entries = refs["refs"]
    described = json.loads(entries[f"{name}/.zarray"])
    shape, chunks = described["shape"], described["chunks"]
    out = np.empty(shape, described["dtype"])
    config = described["compressor"]
    for place in product(*(range(math.ceil(n / c)) for n, c in zip(shape, chunks, strict=True))):
        entry = entries[f"{name}/{'.'.join(map(str, place))}"]
        where = tuple(slice(p * c, (p + 1) * c) for p, c in zip(place, chunks, strict=True))
        if isinstance(entry, str):
            data = base64.b64decode(entry.removeprefix("base64:"))
            out[where] = np.frombuffer(data, described["dtype"]).reshape(chunks)
            continue
        url, offset, length = entry
        data = Path(url.removeprefix("file://")).read_bytes()[offset : offset + length]
        keys = {k: v for k, v in config.items() if k not in ("id", "codec", "crc32")}
        fmt = PixelFormat(**keys)
        values = get_codec(config["codec"]).decode(data, fmt)
        out[where] = fmt.pixel_values(values).reshape(chunks)
    return out, described, json.loads(entries[f"{name}/.zattrs"])


@pytest.mark.parametrize("kind", array_files.KINDS_HERE, ids=lambda kind: kind.name)
def test_values_are_the_modality_values(tmp_path, kind):
    path = array_files.ct_file(tmp_path, kind)
    refs = dicube_core.references(path)
    assert json.loads(json.dumps(refs, allow_nan=False)) == refs
    values, described, attrs = read(refs, "image")
    assert described["fill_value"] is None
    assert described["chunks"] == [1, 9, 7]
    assert attrs["_ARRAY_DIMENSIONS"] == ["z", "y", "x"]
    scaled = values.astype("float64") * attrs["scale_factor"] + attrs["add_offset"]
    np.testing.assert_array_equal(scaled, array_files.modality_of(path))
    z, _, _ = read(refs, "z")
    assert z.tolist() == [0.0, 2.5, 5.0, 7.5]
    position, _, _ = read(refs, "position")
    assert position.shape == (4, 3)
    assert attrs["coordinates"] == "position instance_number"


def test_no_frame_is_read_to_make_them(tmp_path):
    path = array_files.ct_file(tmp_path, CT)
    with dicube_core.open(path) as reader:
        first = min(reader.container.index.offsets)
        whole = path.read_bytes()
    wanted = dicube_core.references(path, url="x")
    path.write_bytes(whole[:first] + bytes(len(whole) - first))
    assert dicube_core.references(path, url="x") == wanted


def test_slopes_that_differ_are_given_per_frame(tmp_path):
    path, slopes = array_files.pet_file(tmp_path)
    refs = dicube_core.references(path)
    assert not any(name.startswith("image/") for name in refs["refs"])
    values, _, attrs = read(refs, "stored")
    assert "scale_factor" not in attrs
    assert "rescale_slope" in attrs["modality_values"]
    assert attrs["modality_units"] == "BQML"
    slope, intercept = read(refs, "rescale_slope")[0], read(refs, "rescale_intercept")[0]
    assert slope.tolist() == slopes
    scaled = values * slope[:, None, None] + intercept[:, None, None]
    np.testing.assert_array_equal(scaled, array_files.modality_of(path))


def test_a_modality_lut_is_named(tmp_path):
    path = array_files.lut_file(tmp_path)
    values, _, attrs = read(dicube_core.references(path), "stored")
    assert "Modality LUT" in attrs["modality_values"]
    assert "scale_factor" not in attrs
    with dicube_core.open(path) as reader:
        np.testing.assert_array_equal(values, reader.frames())


@pytest.mark.parametrize("sort", [*COLOURS.values(), BITS], ids=lambda sort: sort.name)
def test_colours_and_bits(tmp_path, sort):
    path = file_of(sort, tmp_path)
    rgb = sort.photometric == "RGB"
    grey = sort.photometric.startswith("MONO")
    values, _, attrs = read(dicube_core.references(path), "image" if rgb or grey else "stored")
    with dicube_core.open(path) as reader:
        fmt = reader.pixel_format
        np.testing.assert_array_equal(values, fmt.pixel_values(reader.frames()))
    samples = [] if sort.grey else ["rgb" if rgb else "sample"]
    assert attrs["_ARRAY_DIMENSIONS"] == ["z", "y", "x", *samples]
    assert attrs["photometric_interpretation"] == sort.photometric
    assert ("modality_values" in attrs) is not (rgb or grey)


@pytest.mark.parametrize("sort", REALS.values(), ids=lambda sort: sort.name)
def test_real_values(tmp_path, sort):
    pytest.importorskip("pcodec")
    path = file_of(sort, tmp_path)
    values, described, _ = read(dicube_core.references(path), "image")
    assert described["compressor"]["codec"] == "pcodec"
    with dicube_core.open(path) as reader:
        assert values.tobytes() == reader.frames().tobytes()


def test_volumes_lie_where_the_dimensions_say(tmp_path):
    path, expected = echoes_in_time(tmp_path)
    refs = dicube_core.references(path)
    values, _, attrs = read(refs, "image")
    assert attrs["_ARRAY_DIMENSIONS"] == ["echo", "time", "z", "y", "x"]
    np.testing.assert_array_equal(values + attrs["add_offset"], expected)
    assert read(refs, "echo")[0].tolist() == [10, 30]


def test_files_of_other_writers(tmp_path):
    path = tmp_path / "old.dcbs"
    path.write_bytes(legacy_file())
    refs = dicube_core.references(path)
    values, described, attrs = read(refs, "image")
    np.testing.assert_array_equal(values, volume())
    assert "scale_factor" not in attrs
    assert "crc32" not in described["compressor"]  # the file has none
    assert "not compared" in json.loads(refs["refs"][".zattrs"])["dicube_checksums"]


def test_places_and_checksums(tmp_path, monkeypatch):
    path = array_files.ct_file(tmp_path, CT)
    monkeypatch.chdir(tmp_path)
    refs = dicube_core.references(path.name)["refs"]
    assert refs["image/0.0.0"][0] == f"file://{path.as_posix()}"
    elsewhere = dicube_core.references(path, url="s3://bucket/x.dcbs", checksums=False)["refs"]
    assert elsewhere["image/0.0.0"] == ["s3://bucket/x.dcbs", *refs["image/0.0.0"][1:]]
    assert len(json.loads(refs["image/.zarray"])["compressor"]["crc32"]) == 4
    assert "crc32" not in json.loads(elsewhere["image/.zarray"])["compressor"]
    assert "dicube_checksums" in json.loads(elsewhere[".zattrs"])
    assert "dicube_checksums" not in json.loads(refs[".zattrs"])


def test_only_what_has_a_place(tmp_path):
    data = array_files.ct_file(tmp_path, CT).read_bytes()
    with pytest.raises(TypeError, match="path or URL"):
        dicube_core.references(data)


@pytest.mark.parametrize("url", ["https://me:secret@host/x.dcbs", "https://host/x.dcbs?sig=secret"])
def test_what_gives_access_is_not_written_unasked(url):
    with pytest.raises(DataConsistencyError, match="gives access") as caught:
        dicube_core.references(url)
    assert "secret" not in str(caught.value)


def test_the_command(tmp_path):
    path = array_files.ct_file(tmp_path, CT)
    out = tmp_path / "refs.json"
    run = CliRunner()
    done = run.invoke(dcbs, ["references", str(path), str(out)])
    assert done.exit_code == 0, done.output
    assert json.loads(out.read_text()) == dicube_core.references(path)
    assert "references" in done.output
    again = run.invoke(dcbs, ["references", str(path), str(out)])
    assert again.exit_code != 0
    forced = ["references", str(path), str(out), "--force", "--url", "s3://b/x", "--no-checksums"]
    assert run.invoke(dcbs, forced).exit_code == 0
    wanted = dicube_core.references(path, url="s3://b/x", checksums=False)
    assert json.loads(out.read_text()) == wanted
    printed = run.invoke(dcbs, ["references", str(path), "-"])
    assert json.loads(printed.output) == dicube_core.references(path)
