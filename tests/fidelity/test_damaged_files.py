"""Every byte of a file damaged: right data, or an error of the package, and nothing else.

In a process that may use 3 GiB, so that a crash, a hang or a memory bomb of a decoder would be
seen as what it is. Lies, and other ways of reading: ``tests/reliability/test_malformed_files.py``.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from reliability.malformed.rules import header_table
from reliability.malformed.variant import Base
from support.legacy_file import legacy_file, regions
from support.metadata_cases import CASES
from support.series import Kind, make_series
from support.whole import write_files

import dicube_core
from dicube_core.exceptions import (
    DecodeError,
    DicomCubeError,
    InvalidCubeFileError,
    StreamingError,
)
from dicube_core.export import export_file
from dicube_core.streaming import DcbStreamingReader

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
TESTS = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ours")
    files = make_series(3, Kind("small", rows=11, columns=9), CASES["rescale_per_slice"])
    dicube_core.convert(write_files(folder / "source", files), folder / "x.dcbs")
    return (folder / "x.dcbs").read_bytes()


def try_all(plan, data, folder):
    """Run a plan of damages in a process of its own; return how often what came of what."""
    file = folder / "base.dcbs"
    file.write_bytes(data)
    path = [str(TESTS), os.environ.get("PYTHONPATH")]
    done = subprocess.run(
        [sys.executable, "-m", "support.damage", plan, str(file)],
        cwd=TESTS,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, path))},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout)
    assert result["bad"] == []
    assert result["slowest"] < 5  # seconds, for one file read in every way
    assert sum(result["counts"].values()) > 300
    return result["counts"]


def others(counts):
    """Return regions and ways whose result was other data than before."""
    return {tuple(key.split("/")[:2]) for key in counts if key.endswith("/other")}


@pytest.mark.parametrize("plan", ["flips", "smears"])
def test_no_damage_of_ours_goes_unnoticed(plan, ours, tmp_path):
    counts = try_all(plan, ours, tmp_path)
    assert others(counts) == set()
    # What is read through a damaged region is an error, not by chance the same.
    for region in regions(ours):
        assert f"{region}/image/same" not in counts or region == "extension"


@pytest.mark.parametrize("plan", ["flips", "smears"])
def test_damage_without_checksums_is_an_error_or_stays_where_it_is(plan, tmp_path):
    counts = try_all(plan, legacy_file(), tmp_path)
    found = others(counts)
    for region, way in found:
        # Only what no check can tell: coded pixels, digits of numbers, letters of text.
        place = region.split(" ")[0]
        pixels = way in ("frames", "image", "slices")
        if place == "packets":
            assert pixels
        elif place in ("codestream", "frame_offsets", "frame_lengths", "cut"):
            assert (way, place) == ("slices", "codestream"), region
        elif place in ("header", "dicom_meta", "space", "dicom_status"):
            assert way != "frames", (region, way)
    assert not any(f"{region}/frames/other" in counts for region in ("header", "pixel_header"))


def contradictions(data):
    """Return files whose headers describe other pixels than their frames hold."""
    found = header_table.variants(Base("ours", data, checksums=True))
    described = re.compile(
        r"recomputed: (Rows|Columns|Bits\w+|HighBit|PixelRepresentation|SamplesPerPixel) of all"
    )
    # No samples per pixel are read as one, in sources too: such a header is kept.
    none = "SamplesPerPixel of all is 0"
    return [v for v in found if described.match(v.name) and none not in v.name]


def test_headers_that_contradict_their_frames_are_never_served(ours, tmp_path):
    variants = contradictions(ours)
    assert len(variants) > 25
    for variant in variants:
        data = variant.make()
        (tmp_path / "x.dcbs").write_bytes(data)
        assert not dicube_core.verify_file(tmp_path / "x.dcbs").ok, variant.name
        with DcbStreamingReader(data) as stream:
            for plain in (False, True):
                with pytest.raises(StreamingError, match="slice 0"):
                    stream.get_dicom_for_frame(0, plain)
        with dicube_core.open(data) as reader, pytest.raises(DicomCubeError):
            export_file(reader, tmp_path / "out")
        assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("plain", [False, True])
def test_a_damaged_frame_is_named_and_its_neighbours_are_served(plain, ours):
    place = regions(ours)["packets 1"]
    data = bytearray(ours)
    data[place.stop - 5] ^= 4
    with dicube_core.open(ours) as reader:
        offset = reader.container.index.offsets[1]
    with DcbStreamingReader(bytes(data)) as stream, DcbStreamingReader(ours) as whole:
        for index in (0, 2):
            assert stream.get_dicom_for_frame(index, plain) == whole.get_dicom_for_frame(
                index, plain
            )
        with pytest.raises(StreamingError, match=rf"frame 1 at byte {offset}"):
            stream.get_dicom_for_frame(1, plain)
    with pytest.raises(InvalidCubeFileError, match="frame 1"):
        dicube_core.load(bytes(data))


def test_verify_names_every_damaged_frame(ours, tmp_path):
    data = bytearray(ours)
    for index in (0, 2):
        data[regions(ours)[f"packets {index}"].start] ^= 1
    (tmp_path / "x.dcbs").write_bytes(data)
    report = dicube_core.verify_file(tmp_path / "x.dcbs")
    assert report.frames_decoded == 1
    assert [f"frame {n} " in text for n, text in zip((0, 2), sorted(report.failures), strict=True)]
    assert report.to_dict()["ok"] is False


def test_swapped_frames_without_checksums_cannot_be_told_but_are_not_called_validated(tmp_path):
    data = legacy_file()
    with dicube_core.open(data) as reader:
        assert not reader.validated
    (tmp_path / "x.dcbs").write_bytes(data)
    assert dicube_core.verify_file(tmp_path / "x.dcbs").checksums is False


def test_a_frame_of_another_size_is_refused_before_it_is_decoded():
    import imagecodecs
    import numpy as np

    frames = [bytes(imagecodecs.htj2k_encode(np.zeros(s, "i2"))) for s in ((11, 9), (64, 64))]
    data = legacy_file(frames=[frames[0], frames[1], frames[0]])
    with dicube_core.open(data) as reader:
        reader.frame(0)
        with pytest.raises(DecodeError, match="frame 1"):
            reader.frame(1)


@pytest.mark.skipif(
    not (SHARED / "ct_heart_10.by_dicube_0_3_0.dcbs").exists(), reason="shared data are not here"
)
def test_a_real_file_of_the_incumbent_cut_anywhere():
    data = (SHARED / "ct_heart_10.by_dicube_0_3_0.dcbs").read_bytes()
    places = {0, 8, 115, 116, len(data) - 1}
    places |= {
        edge + d
        for part in regions(data).values()
        for edge in (part.start, part.stop)
        for d in (-1, 0, 1)
    }
    for length in sorted(place for place in places if 0 <= place < len(data)):
        with pytest.raises(DicomCubeError):
            dicube_core.load(data[:length])
