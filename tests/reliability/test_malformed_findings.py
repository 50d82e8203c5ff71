"""What the malformed-file suite found, each kept as a test."""

from __future__ import annotations

import pickle
import tracemalloc
from dataclasses import replace
from functools import cache

import pytest
import zstandard

import dicube_core
from dicube_core.container.sections import compress, decompress, dump_json
from dicube_core.exceptions import (
    DicomCubeError,
    InvalidCubeFileError,
    MetaDataError,
    UnsupportedKindError,
)
from reliability.malformed.bases import bases
from reliability.malformed.rules import all_variants
from reliability.malformed.rules._assemble import assemble
from reliability.malformed.rules._file import parts_of
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


def test_headers_without_merged_metadata_are_not_lost(tmp_path):
    base = bases()["ours"].data
    file, again, folder = tmp_path / "f.dcbs", tmp_path / "g.dcbs", tmp_path / "slices"
    file.write_bytes(variant("ours", "header fields", "recomputed: dicom_meta length is 0x0"))
    with dicube_core.open(base) as whole, dicube_core.open(file) as reader:
        assert dict(reader.dicom_meta.items()) == dict(whole.dicom_meta.items())
        assert reader.dicom_meta.filenames == whole.dicom_meta.filenames
        assert reader.container.may_have(0x00283000)  # nothing says that it has not
        headers = list(whole.instance_headers)
    dicube_core.save(dicube_core.load(file), again)
    with dicube_core.open(again) as reader:
        assert list(reader.instance_headers) == headers
    made = dicube_core.save_to_dicom_folder(dicube_core.load(file), folder)
    expected = dicube_core.save_to_dicom_folder(dicube_core.load(base), tmp_path / "expected")
    assert [path.read_bytes() for path in made] == [path.read_bytes() for path in expected]


@pytest.mark.parametrize("name", ["PN shared", "DS shared", "IS False", "UI False"])
def test_a_sequence_without_items_is_malformed_metadata(name):
    data = variant("ours", "merged metadata", f"recomputed: {name}: vr is 'SQ'")
    with (
        dicube_core.open(data) as reader,
        pytest.raises(MetaDataError, match=r"metadata entry [0-9A-F]{8}: it is a sequence, and"),
    ):
        reader.dicom_meta.keys()


def test_an_empty_sequence_that_another_program_set_is_none():
    entry = {"vr": "SQ", "shared": True, "Value": []}
    meta = dicube_core.DicomMeta({"00081140": entry}, slice_count=2)
    assert meta.index(0) == {"00081140": {"vr": "SQ", "Value": []}}


@pytest.mark.parametrize("value", [["text"], "text", [[]]])
def test_an_exact_sequence_without_items_is_malformed_metadata(value):
    cell = {"vr": "SQ", "Value": value}
    entry = {"vr": "UN", "shared": False, "Value": [None, None], "exact": [cell, None]}
    with pytest.raises(MetaDataError, match="00081140: an exact element is a sequence, and"):
        dicube_core.DicomMeta({"00081140": entry}, slice_count=2)


def test_a_kept_nifti_header_of_nothing_is_said_to_be_damaged(tmp_path):
    pytest.importorskip("nibabel")
    file = tmp_path / "f.dcbs"
    file.write_bytes(
        variant("ours", "extension parts", "recomputed: SRCH: of zeros, where none is")
    )
    with pytest.raises(InvalidCubeFileError, match="NIfTI header kept in the file is damaged"):
        dicube_core.save_to_nifti(dicube_core.load(file), tmp_path / "f.nii")
    assert not (tmp_path / "f.nii").exists()


def test_exact_elements_that_are_no_elements_are_a_clear_error_in_imageio(tmp_path):
    iio = pytest.importorskip("imageio.v3")
    from dicube_plugins.imageio import DcbsPlugin

    inner = {"vr": "SQ", "Value": [{"no tag": {"vr": "SQ", "Value": ["text"]}}]}
    entry = {"vr": "UN", "shared": False, "Value": [None] * 3, "exact": [inner, None, None]}
    text = dump_json({"_merged_data": {"00081140": entry}, "slice_count": 3})
    file = tmp_path / "f.dcbs"
    file.write_bytes(assemble(replace(parts_of(bases()["ours"]), dicom_meta=compress(text))))
    with pytest.raises(MetaDataError, match=r"f\.dcbs: metadata entry 00081140 is no element"):
        iio.immeta(file, plugin=DcbsPlugin, index=0)


@pytest.mark.parametrize("base", ["ours", "legacy"])
@pytest.mark.parametrize("key", ["PixelDtype", "RescaleSlope", "RescaleIntercept"])
def test_a_file_that_does_not_say_what_its_values_are_is_refused(base, key):
    way = "recomputed" if base == "ours" else "plain"
    data = variant(base, "JSON types: pixel header", f"{way}: {key} is removed")
    with pytest.raises(InvalidCubeFileError, match=f"pixel header: {key} missing"):
        dicube_core.load_meta(data)


def test_space_and_metadata_that_tell_other_frames_are_a_contradiction():
    data = variant("legacy", "JSON types: space", "plain: shape.0 is 1")
    with pytest.raises(InvalidCubeFileError, match="the space says that frames are"):
        dicube_core.load_meta(data)


def test_a_slope_that_is_no_number_is_an_error_that_names_the_file(tmp_path):
    import pydicom

    from dicube_plugins.pydicom import apply_modality_lut, dcmread

    file = tmp_path / "f.dcbs"
    file.write_bytes(
        variant("multiframe", "geometry", "recomputed: RescaleSlope of all is '1e-400'")
    )
    dataset = dcmread(file)
    assert isinstance(dataset, pydicom.Dataset)
    with pytest.raises(DicomCubeError, match=r"f\.dcbs: slope 1e and intercept"):
        apply_modality_lut(dataset.pixel_array, dataset)


@pytest.mark.parametrize("what", ["00280010 is 10", "00280011 is 99"])
def test_metadata_of_other_frames_makes_no_grid(what):
    data = variant("volumes", "merged metadata", f"recomputed: {what}")
    with dicube_core.open(data) as reader:
        for ask in (
            lambda: reader.dimensions,
            lambda: reader.volume_geometry,
            reader.report,
            reader.sheared_affine,
        ):
            with pytest.raises(InvalidCubeFileError, match=r"the metadata says (Rows|Columns)"):
                ask()


def test_colour_that_is_to_be_scaled_has_no_place_in_nifti(tmp_path):
    pytest.importorskip("nibabel")
    file = tmp_path / "f.dcbs"
    file.write_bytes(
        variant("colour", "JSON types: pixel header", "recomputed: RescaleIntercept is 1.5")
    )
    with pytest.raises(UnsupportedKindError, match="NIfTI has no colour of float64"):
        dicube_core.save_to_nifti(dicube_core.load(file), tmp_path / "f.nii")


@pytest.mark.parametrize(
    ("family", "name", "match"),
    [
        ("extension parts", "HDRS: missing", "has no headers of theirs"),
        ("extension parts", "ENCP: instances.0.0 is hex of nothing", "no encoding of pixels"),
        ("extension parts", "ENCP: instances.2.0 is long hex", "no encoding of pixels"),
    ],
)
def test_kept_encodings_that_would_make_other_files_are_refused(family, name, match):
    data = variant("kept JPEG 2000", family, f"recomputed: {name}")
    with (
        dicube_core.open(data) as reader,
        pytest.raises(InvalidCubeFileError, match=match),
    ):
        _ = reader.kept_encodings


def test_verify_tells_minus_zero_from_zero(tmp_path):
    file = tmp_path / "f.dcbs"
    file.write_bytes(variant("kept", "merged metadata", "recomputed: DS False: its first is -0.0"))
    report = dicube_core.verify_file(file)
    assert report.failures == ["the merged metadata is not what the slices' headers say"]


def test_numbers_that_cannot_be_are_not_repeated():
    data = variant(
        "kept JPEG 2000",
        "JSON types: pixel header",
        "recomputed: DicubeCore.columns is 10**400",
    )
    with (
        dicube_core.open(data) as reader,
        pytest.raises(InvalidCubeFileError, match="columns is not in 0 to 4294967295"),
    ):
        _ = reader.pixel_format
