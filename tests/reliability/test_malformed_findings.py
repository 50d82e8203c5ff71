"""What the malformed-file suite found, each kept as a test."""

from __future__ import annotations

import pickle
import tracemalloc
from functools import cache

import pytest
import zstandard

import dicube_core
from dicube_core.container.sections import decompress
from dicube_core.exceptions import DicomCubeError, InvalidCubeFileError, MetaDataError
from reliability.malformed.bases import bases
from reliability.malformed.rules import all_variants
from reliability.malformed.rules.zstd import frame_of


@cache
def variants_of(base):
    """Return the variants of a base by family and name."""
    return {(v.family, v.name): v for v in all_variants(bases()[base])}


def variant(base, family, name):
    """Return the bytes of a variant."""
    return variants_of(base)[family, name].make()


def test_a_size_beyond_the_limit_is_refused_before_anything_is_decompressed():
    bomb = frame_of(100_000, declared=100_000 << 17)  # 12.5 GB in 400 kB
    tracemalloc.start()
    with pytest.raises(InvalidCubeFileError, match="refused"):
        decompress(bomb, "x")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1 << 20


def test_a_bomb_that_declares_nothing_is_counted_before_it_is_kept():
    bomb = frame_of(100_000)  # 12.5 GB, where 840 MB are plausible
    tracemalloc.start()
    with pytest.raises(InvalidCubeFileError, match="decompress to more than"):
        decompress(bomb, "x")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 128 << 20


def test_content_without_a_declared_size_is_read():
    text = b"text " * 5000
    packed = zstandard.ZstdCompressor(write_content_size=False).compress(text)
    assert decompress(packed, "x") == text


@pytest.mark.parametrize("declared", [0, 1, 999, 1001, 10_000])
def test_another_size_than_the_declared_one_is_an_error(declared):
    with pytest.raises(InvalidCubeFileError, match=f"{declared} bytes|not a valid Zstandard"):
        decompress(frame_of(b"x" * 1000, declared=declared), "x")


def test_no_file_decides_how_long_an_error_is_or_what_a_terminal_does():
    error = InvalidCubeFileError("file \x1b[2J\u2028\ud800: " + "x" * 100_000 + " the end\nsecond")
    text = str(error)
    assert len(text) < 2500
    assert text.startswith("file \\x1b[2J\\u2028\\ud800: xxx")
    assert text.endswith("the end\nsecond")
    assert str(pickle.loads(pickle.dumps(error))) == text
    assert str(InvalidCubeFileError("Ünïcode 图 stays\tas it is")) == "Ünïcode 图 stays\tas it is"
    data = variant("ours", "JSON types: pixel header", "recomputed: DicubeCore.codec is long text")
    with dicube_core.open(data) as reader, pytest.raises(DicomCubeError) as caught:
        reader.frame(0)
    assert len(str(caught.value)) < 3000


@pytest.mark.parametrize(
    ("key", "what"),
    [
        *(("high_bit", what) for what in ("10**400", "-1", "2**31", "text", "null", "1.5")),
        *(("photometric_interpretation", what) for what in ("null", "2**63", "object", "removed")),
    ],
)
def test_a_description_of_frames_that_cannot_be_is_refused(key, what):
    name = f"recomputed: DicubeCore.{key} is {what}"
    data = variant("ours", "JSON types: pixel header", name)
    with dicube_core.open(data) as reader, pytest.raises(InvalidCubeFileError, match=key):
        _ = reader.pixel_format


def test_a_damaged_header_of_a_multiframe_instance_is_an_error_that_names_the_file(tmp_path):
    name = "recomputed: the first bytes of the payload is 0xff"
    (tmp_path / "m.dcbs").write_bytes(variant("kept", "header table", name))
    with (
        dicube_core.open(tmp_path / "m.dcbs") as reader,
        pytest.raises(MetaDataError, match=r"m\.dcbs"),
    ):
        list(reader.headers)


def test_a_number_that_json_does_not_know_cannot_be_saved(tmp_path):
    name = "recomputed: UI False: its first is Infinity"
    image = dicube_core.load(variant("ours", "merged metadata", name))
    with pytest.raises(MetaDataError, match="Infinity"):
        dicube_core.save(image, tmp_path / "again.dcbs")
    with pytest.raises(MetaDataError, match="Infinity"):
        image.dicom_meta.to_json()
    assert not list(tmp_path.iterdir())


def test_a_text_that_is_no_json_is_said_to_be_of_which_part():
    data = variant("ours", "JSON text", "recomputed: WRTR: a byte order mark")
    with dicube_core.open(data) as reader, pytest.raises(MetaDataError, match="part WRTR: not"):
        _ = reader.writer


def test_frames_that_contradict_each_other_are_told_in_words():
    data = variant("ours", "header table", "recomputed: Rows of all is 1")
    with dicube_core.open(data) as reader, pytest.raises(InvalidCubeFileError) as caught:
        _ = reader.shape
    assert "frames of 11x9, 16 bits (12 stored, high bit 11), unsigned" in str(caught.value)
    assert "slice of 1x9, " in str(caught.value)


@pytest.mark.parametrize("name", ["first row huge element", "Rows of one is 0"])
def test_a_header_that_simpleitk_cannot_read_names_file_and_reason(name, tmp_path):
    pytest.importorskip("SimpleITK")
    from dicube_plugins.simpleitk import read_image

    path = tmp_path / "named.dcbs"
    path.write_bytes(variant("colour", "header table", f"recomputed: {name}"))
    with pytest.raises(MetaDataError, match=r"named\.dcbs") as caught:
        read_image(str(path))
    assert "0x" not in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
