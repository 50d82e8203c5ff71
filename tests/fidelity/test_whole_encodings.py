"""Sources in every transfer syntax give the same stored values and the same elements."""

import numpy as np
import pytest
from support import metadata_cases
from support.encodings import (
    COMPRESSED,
    CT_LARGER,
    NATIVE,
    REWRITTEN,
    compressed_series,
    rewritten_series,
)
from support.raw import EXPLICIT_BE, text
from support.series import KINDS, Kind, make_series, pixel_node
from support.whole import assert_whole

import dicube_core
from dicube_core.streaming import DcbStreamingReader

KINDS_TO_COMPRESS = {
    kind.name: kind
    for kind in (
        Kind("u8", 8, 8, rows=65, columns=67),
        Kind("u16", 16, 16, rows=64, columns=81),
        Kind("i16", 16, 16, signed=True, rows=64, columns=81),
        Kind("u10", 16, 10, rows=64, columns=81, photometric="MONOCHROME1"),
    )
}
LOSSLESS = [name for name in COMPRESSED if name != "htj2k_lossy"]


def whole(files, folder, encoding):
    return assert_whole(files, folder, exact=False, kept=encoding.startswith("htj2k"))


def frames_of(path):
    with dicube_core.open(path) as reader:
        return reader.frames()


@pytest.mark.parametrize("encoding", NATIVE)
def test_uncompressed_little_endian(encoding, tmp_path):
    path = assert_whole(make_series(3, CT_LARGER, syntax=NATIVE[encoding]), tmp_path)
    np.testing.assert_array_equal(frames_of(path), [CT_LARGER.frame(i) for i in range(3)])


@pytest.mark.parametrize("encoding", REWRITTEN)
def test_deflated_and_big_endian(encoding, tmp_path):
    files = rewritten_series(REWRITTEN[encoding])
    path = assert_whole(files, tmp_path, exact=False, by_value=encoding == "explicit_be")
    np.testing.assert_array_equal(frames_of(path), [CT_LARGER.frame(i) for i in range(3)])


@pytest.mark.parametrize("name", ["u8_7x5", "u8_3x3", "i16_stored_12", "u16_9x1", "u32_stored_32"])
def test_big_endian_pixels(name, tmp_path):
    kind = KINDS.get(name) or Kind(name, 8, 8, rows=7, columns=5)
    files = rewritten_series(EXPLICIT_BE, kind=kind)
    path = assert_whole(files, tmp_path, exact=False, by_value=True)
    np.testing.assert_array_equal(frames_of(path), [kind.frame(i) for i in range(3)])


def test_big_endian_bytes_in_words(tmp_path):
    kind = Kind("u8_ow", 8, 8, rows=7, columns=5)

    def edit(index, nodes):
        nodes[0x7FE00010] = pixel_node(kind.frame(index), "OW")

    files = rewritten_series(EXPLICIT_BE, kind=kind, edit=edit)
    path = assert_whole(files, tmp_path, exact=False, by_value=True)
    np.testing.assert_array_equal(frames_of(path), [kind.frame(i) for i in range(3)])


BIG_ENDIAN_HAZARDS = [
    *("sequence_3_items", "sequence_nested_varying", "sequence_undefined_true_items_true"),
    *("private_binary_sizes", "overlay_per_slice", "binary_numbers", "private_blocks"),
    *("modality_lut_per_slice", "ow_with_odd_words", "charset_iso2022", "private_after_pixels"),
    *("un_sequence_undefined", "text_64k", "smallest_pixel_value_varies", "trailing_padding"),
]


@pytest.mark.parametrize("encoding", REWRITTEN)
@pytest.mark.parametrize("name", BIG_ENDIAN_HAZARDS)
def test_headers_that_are_normalised(name, encoding, tmp_path):
    files = rewritten_series(REWRITTEN[encoding], 4, edit=metadata_cases.CASES[name])
    assert_whole(files, tmp_path, exact=False, by_value=True)


@pytest.mark.parametrize("encoding", LOSSLESS)
def test_lossless_compression(encoding, tmp_path):
    path = whole(compressed_series(encoding), tmp_path, encoding)
    np.testing.assert_array_equal(frames_of(path), [CT_LARGER.frame(i) for i in range(3)])


@pytest.mark.parametrize("encoding", ["rle", "jpeg_ls", "jpeg_2000", "htj2k"])
@pytest.mark.parametrize("name", KINDS_TO_COMPRESS)
def test_lossless_compression_of_pixel_kinds(name, encoding, tmp_path):
    kind = KINDS_TO_COMPRESS[name]
    path = whole(compressed_series(encoding, kind=kind), tmp_path, encoding)
    np.testing.assert_array_equal(frames_of(path), [kind.frame(i) for i in range(3)])


@pytest.mark.parametrize("encoding", LOSSLESS)
@pytest.mark.parametrize("options", [{"fragments": 3}, {"offset_table": True}], ids=str)
def test_fragments_and_offset_tables(encoding, options, tmp_path):
    if encoding == "rle" and "fragments" in options:
        pytest.skip("an RLE frame is one fragment by definition (PS3.5 G.3)")
    path = whole(compressed_series(encoding, **options), tmp_path, encoding)
    np.testing.assert_array_equal(frames_of(path), [CT_LARGER.frame(i) for i in range(3)])


@pytest.mark.parametrize("encoding", ["rle", "htj2k"])
def test_extended_offset_table_is_not_served_with_other_fragments(encoding, tmp_path):
    path = whole(compressed_series(encoding, extended=True), tmp_path, encoding)
    with DcbStreamingReader(path) as stream:
        for plain in (False, True):
            assert b"\xe0\x7f\x01\x00OV" not in stream.get_dicom_for_frame(0, plain)


@pytest.mark.parametrize("encoding", LOSSLESS)
@pytest.mark.parametrize("name", ["private_after_pixels", "sequence_nested_varying"])
def test_headers_of_compressed_sources(name, encoding, tmp_path):
    whole(compressed_series(encoding, 4, edit=metadata_cases.CASES[name]), tmp_path, encoding)


def test_htj2k_codestreams_pass_through_unchanged(tmp_path):
    from pydicom.encaps import generate_frames
    from support.compare import read

    files = compressed_series("htj2k")
    path = whole(files, tmp_path, "htj2k")
    sources = {
        frame.rstrip(b"\0")
        for data in files.values()
        for frame in generate_frames(read(data).PixelData, number_of_frames=1)
    }
    with dicube_core.open(path) as reader:
        assert {reader.codestream(index) for index in range(3)} == sources


def test_lossy_htj2k_is_kept_as_what_it_decodes_to(tmp_path):
    files = compressed_series("htj2k_lossy")
    path = assert_whole(files, tmp_path, exact=False)
    with dicube_core.open(path) as reader:
        assert not np.array_equal(reader.frame(0), CT_LARGER.frame(0))


def test_sources_of_several_encodings_make_one_series(tmp_path):
    files = {}
    for index, encoding in enumerate(("rle", "jpeg_2000", "htj2k")):
        files[f"IM{index}.dcm"] = compressed_series(encoding)[f"IM{index:04d}.dcm"]
    path = assert_whole(files, tmp_path, exact=False, kept=True)
    np.testing.assert_array_equal(frames_of(path), [CT_LARGER.frame(i) for i in range(3)])


def test_a_native_and_a_compressed_slice(tmp_path):
    files = dict(sorted(make_series(2, CT_LARGER).items()))
    files["IM0001.dcm"] = compressed_series("rle", edit=put_private)["IM0001.dcm"]
    source = tmp_path / "in"
    source.mkdir()
    for name, data in files.items():
        (source / name).write_bytes(data)
    dicube_core.convert(source, tmp_path / "x.dcbs")
    report = dicube_core.verify_against(tmp_path / "x.dcbs", source)
    assert report.ok, report.failures
    assert report.byte_identical == 1


def put_private(_, nodes):
    nodes[0x00290010] = text(0x00290010, "LO", "SOME VENDOR 01")
