"""Frames of compressed sources are kept as they were, and so are the files."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pydicom.data
import pytest
from click.testing import CliRunner
from pydicom.pixels import get_decoder, pixel_array
from support.encodings import compressed_series
from support.series import make_series
from support.whole import read_files, write_files

import dicube_core
from dicube_core.cli.app import dcbs
from dicube_core.codec.encapsulated import trusted_plugin
from dicube_core.codec.registry import get_codec
from dicube_core.container.sections import compress
from dicube_core.dicom.kept_encoding import KeptEncoding, pack_kept, parse_kept
from dicube_core.exceptions import (
    CodecUnavailableError,
    DataConsistencyError,
    DecodeError,
    DicomCubeError,
    TransferSyntaxError,
    UnsupportedKindError,
)
from dicube_core.export import export_file
from dicube_core.streaming import DcbStreamingReader

FILES = Path(pydicom.data.__file__).parent / "test_files"
#: Name -> whether every frame is one fragment, so that the file itself comes back.
SOURCES = {
    "JPEGLSNearLossless_16.dcm": True,
    "JPGExtended.dcm": True,
    "693_J2KI.dcm": True,
    "SC_rgb_dcmtk_+eb+cy+np.dcm": True,
    "SC_rgb_jpeg_lossy_gdcm.dcm": True,
    "SC_rgb_small_odd_jpeg.dcm": True,
    "GDCMJ2K_TextGBR.dcm": True,
    "SC_rgb_rle_16bit.dcm": True,
    "SC_rgb_rle_16bit_2frame.dcm": True,
    "examples_ybr_color.dcm": True,
    "examples_jpeg2k.dcm": False,
}
HTJ2K = "1.2.840.10008.1.2.4.201"
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")


def kept(source, folder):
    dicube_core.convert(source, folder / "x.dcbs", keep_encoding=True)
    return folder / "x.dcbs"


@pytest.mark.parametrize("name", SOURCES)
def test_the_file_comes_back(name, tmp_path):
    source = FILES / name
    syntax = pydicom.dcmread(source, stop_before_pixels=True).file_meta.TransferSyntaxUID
    if not get_decoder(syntax).is_available:
        pytest.skip(f"pydicom has no decoder for {syntax.name} here")
    path = kept(source, tmp_path)
    report = dicube_core.verify_against(path, source)
    assert report.ok, report.failures
    with dicube_core.open(path) as reader:
        assert reader.codec_name.split(":")[1] == syntax
        (found,) = export_file(reader, tmp_path / "out")
    assert (found.read_bytes() == source.read_bytes()) == SOURCES[name]
    # Decoders of lossy frames differ in the last bit: the one that is used is named.
    one = {"decoding_plugin": trusted_plugin(syntax)}
    shown = pixel_array(source, **one)
    frames = shown if report.frame_count > 1 else shown[np.newaxis]
    with DcbStreamingReader(path) as stream:
        for index in (0, report.frame_count - 1):
            encoded = pydicom.dcmread(BytesIO(stream.get_dicom_for_frame(index)))
            assert encoded.file_meta.TransferSyntaxUID == syntax
            np.testing.assert_array_equal(pixel_array(encoded, **one), frames[index])
            plain = stream.get_dicom_for_frame(index, force_uncompressed=True)
            plain = pydicom.dcmread(BytesIO(plain))
            assert not plain.file_meta.TransferSyntaxUID.is_encapsulated
            np.testing.assert_array_equal(pixel_array(plain), frames[index])
        assert stream.get_dicom_for_frame(0, transfer_syntax=syntax)
        with pytest.raises(TransferSyntaxError, match="encapsulated"):
            stream.get_dicom_for_frame(0, transfer_syntax=HTJ2K)


def test_lossy_attributes_stay(tmp_path):
    source = FILES / "693_J2KI.dcm"
    before = pydicom.dcmread(source)
    dicube_core.convert(source, tmp_path / "y.dcbs")
    for path in (kept(source, tmp_path), tmp_path / "y.dcbs"):
        with DcbStreamingReader(path) as stream:
            for plain in (False, True):
                data = stream.get_dicom_for_frame(0, force_uncompressed=plain)
                after = pydicom.dcmread(BytesIO(data))
                for word in ("", "Ratio", "Method"):
                    tag = f"LossyImageCompression{word}"
                    assert after.get(tag) == before.get(tag)


def test_smaller_than_decoded_frames(tmp_path):
    source = FILES / "examples_ybr_color.dcm"
    dicube_core.convert(source, tmp_path / "y.dcbs")
    assert kept(source, tmp_path).stat().st_size < (tmp_path / "y.dcbs").stat().st_size / 2


@pytest.mark.parametrize(
    ("fragments", "options"),
    [
        (1, {}),
        (1, {"offset_table": True}),
        (1, {"extended": True}),  # that has one fragment per frame always
        (3, {}),
        (3, {"offset_table": True}),
    ],
    ids=str,
)
@pytest.mark.parametrize("encoding", ["rle", "jpeg_2000"])
def test_fragments_and_offset_tables(encoding, options, fragments, tmp_path):
    files = compressed_series(encoding, fragments=fragments, **options)
    source = write_files(tmp_path / "source", files)
    path = kept(source, tmp_path)
    report = dicube_core.verify_against(path, source)
    assert report.ok, report.failures
    assert report.byte_identical == (len(files) if fragments == 1 else 0)


def test_saved_again_it_is_as_if_converted_without(tmp_path):
    files = compressed_series("rle")
    source = write_files(tmp_path / "source", files)
    dicube_core.save(dicube_core.load(kept(source, tmp_path)), tmp_path / "again.dcbs")
    dicube_core.convert(source, tmp_path / "plain.dcbs")
    assert (tmp_path / "again.dcbs").read_bytes() == (tmp_path / "plain.dcbs").read_bytes()


def test_uncompressed_sources_are_encoded_as_usual(tmp_path):
    source = write_files(tmp_path / "source", make_series())
    dicube_core.convert(source, tmp_path / "plain.dcbs")
    assert kept(source, tmp_path).read_bytes() == (tmp_path / "plain.dcbs").read_bytes()


def test_several_syntaxes_are_refused(tmp_path):
    files = compressed_series("rle")
    files["IM0001.dcm"] = compressed_series("jpeg_2000")["IM0001.dcm"]
    source = write_files(tmp_path / "source", files)
    with pytest.raises(UnsupportedKindError, match=r"1\.2\.5 .*several|several forms"):
        kept(source, tmp_path)
    with pytest.raises(DataConsistencyError, match="progressive"):
        dicube_core.convert(
            write_files(tmp_path / "b", compressed_series("rle")),
            tmp_path / "x.dcbs",
            keep_encoding=True,
            progressive=True,
        )


def test_metadata_can_be_edited(tmp_path):
    files = compressed_series("rle")
    source = write_files(tmp_path / "source", files)
    path = kept(source, tmp_path)
    dicube_core.edit(path, tmp_path / "edited.dcbs", set={"PatientName": "Roe^Jo"})
    with dicube_core.open(tmp_path / "edited.dcbs") as reader, dicube_core.open(path) as old:
        export_file(reader, tmp_path / "out")
        assert [reader.codestream(i) for i in range(3)] == [old.codestream(i) for i in range(3)]
    for name, data in read_files(tmp_path / "out").items():
        found, before = (pydicom.dcmread(BytesIO(d)) for d in (data, files[name]))
        assert found.PatientName == "Roe^Jo"
        assert found.file_meta.TransferSyntaxUID == before.file_meta.TransferSyntaxUID
        np.testing.assert_array_equal(found.pixel_array, before.pixel_array)


def test_the_command(tmp_path):
    source = write_files(tmp_path / "source", compressed_series("rle"))
    out = tmp_path / "x.dcbs"
    result = CliRunner().invoke(dcbs, ["convert", "--keep-encoding", str(source), str(out)])
    assert result.exit_code == 0, result.output
    with dicube_core.open(out) as reader:
        assert reader.codec_name == "encapsulated:1.2.840.10008.1.2.5"
    folder = tmp_path / "folder"
    result = CliRunner().invoke(dcbs, ["convert", "--keep-encoding", str(source), str(folder)])
    assert result.exit_code == 0, result.output
    (file,) = folder.glob("**/*.dcbs")
    with dicube_core.open(file) as reader:
        assert reader.codec_name == "encapsulated:1.2.840.10008.1.2.5"


def test_the_codec_decodes_only(tmp_path):
    with dicube_core.open(kept(FILES / "MR_small_RLE.dcm", tmp_path)) as reader:
        codec, pixel_format = reader.codec, reader.pixel_format
        assert codec is get_codec(reader.codec_name)
        frame, codestream = reader.frame(0), reader.codestream(0)
    out = np.empty_like(frame)
    assert codec.decode(codestream, pixel_format, out=out) is out
    np.testing.assert_array_equal(out, frame)
    with pytest.raises(CodecUnavailableError):
        codec.encode(frame, pixel_format)
    with pytest.raises(CodecUnavailableError, match="lower resolutions"):
        codec.decode(codestream, pixel_format, level=1)
    for bad in (b"", codestream[:70], codestream[: len(codestream) // 2]):
        with pytest.raises(DecodeError):
            codec.decode(bad, pixel_format)


def entry(**changed):
    fields = {
        "removed": b"",
        "element": b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff",
        "table": b"",
        "photometric": b"RGB ",
    }
    return KeptEncoding(**{**fields, **changed})


def test_what_is_kept_is_packed_and_read():
    table = b"\xe0\x7f\1\0\x08\0\0\0" + bytes(8)  # Extended Offset Table, implicit VR
    element = b"\xe0\x7f\x10\0\xff\xff\xff\xff"
    kept = (entry(), entry(table=bytes(8), removed=table, element=element))
    assert parse_kept(pack_kept(kept), 2, "x") == kept
    assert pack_kept(kept) == pack_kept(kept)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no zstd",
        compress(b"[]"),
        compress(b"{}"),
        compress(b'{"instances": 3}'),
        compress(b'{"instances": ["abcd"]}'),
        compress(b'{"instances": [["", "", ""]]}'),
        compress(b'{"instances": [["", "zz", "", ""]]}'),
        compress(b'{"instances": [[1, 2, 3, 4]]}'),
        pack_kept([]),
        pack_kept([entry(), entry()]),
        pack_kept([entry(element=b"")]),
        pack_kept([entry(element=b"\xe0\x7f\x10\0OB\0\0\4\0\0\0")]),
        pack_kept([entry(photometric=b"RGB")]),
        pack_kept([entry(removed=b"x")]),
        pack_kept([entry(removed=b"\xe0\x7f\x10\0OB\0\0\0\0\0\0")]),
        pack_kept([entry(removed=2 * (b"\xe0\x7f\1\0OV\0\0\x08\0\0\0" + bytes(8)))]),
        pack_kept([entry(table=b"abc")]),
        pack_kept([entry(photometric=bytes(18))]),
    ],
)
def test_hostile_kept_encodings_are_refused(data):
    with pytest.raises(DicomCubeError):
        parse_kept(data, 1, "file")
