"""Colour comes back whole, and is delivered as what decoders take it for."""

from io import BytesIO

import numpy as np
import pydicom
import pytest
from pydicom.pixels import pixel_array
from support.kind_series import PALETTE, Sort, assert_sort_whole, sort_series
from support.raw import DEFLATED, EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, us
from support.whole import write_files

import dicube_core
from dicube_core.exceptions import TransferSyntaxError, UnsupportedKindError
from dicube_core.streaming import DcbStreamingReader

HTJ2K = "1.2.840.10008.1.2.4.201"
RPCL = "1.2.840.10008.1.2.4.202"


def sorts():
    for dtype in ("uint8", "uint16", "int16", "uint32"):
        for planar in (0, 1):
            for photometric in ("RGB", "YBR_FULL"):
                yield Sort(f"{dtype}_{planar}_{photometric}", dtype, photometric, planar)
        yield Sort(f"{dtype}_422", dtype, "YBR_FULL_422")
    for rows, columns in ((1, 1), (3, 5), (1, 7), (65, 3)):
        for planar in (0, 1):
            yield Sort(f"{rows}x{columns}_{planar}", planar=planar, rows=rows, columns=columns)
    yield Sort("422_1x2", photometric="YBR_FULL_422", rows=1, columns=2)
    yield Sort("422_5x6", photometric="YBR_FULL_422", rows=5, columns=6)
    yield Sort("12_of_16", "uint16", stored=12)
    yield Sort("palette", photometric="PALETTE COLOR", extra=PALETTE)
    yield Sort("palette_16", "uint16", "PALETTE COLOR", extra=PALETTE)


SORTS = {sort.name: sort for sort in sorts()}


@pytest.mark.parametrize("name", SORTS)
def test_whole(name, tmp_path):
    assert_sort_whole(SORTS[name], tmp_path)


@pytest.mark.parametrize("name", ["uint8_0_RGB", "uint16_1_RGB", "uint8_422", "3x5_1", "palette"])
def test_implicit_is_exact(name, tmp_path):
    assert_sort_whole(SORTS[name], tmp_path, syntax=IMPLICIT_LE)


@pytest.mark.parametrize("syntax", [EXPLICIT_BE, DEFLATED])
@pytest.mark.parametrize("name", ["uint8_1_RGB", "uint16_0_YBR_FULL", "uint16_422", "3x5_1"])
def test_other_encodings(name, syntax, tmp_path):
    assert_sort_whole(SORTS[name], tmp_path, syntax=syntax, exact=False)


def saved(sort, folder):
    source = write_files(folder / "source", sort_series(sort))
    dicube_core.convert(source, folder / "x.dcbs")
    return folder / "x.dcbs"


@pytest.mark.parametrize("name", ["uint8_0_RGB", "uint8_1_RGB", "uint16_1_RGB", "12_of_16"])
@pytest.mark.parametrize("syntax", [HTJ2K, None])
def test_rgb_is_delivered_through_the_colour_transform(name, syntax, tmp_path):
    sort = SORTS[name]
    with DcbStreamingReader(saved(sort, tmp_path)) as stream:
        data = stream.get_dicom_for_frame(1, transfer_syntax=syntax)
        plain = pydicom.dcmread(BytesIO(stream.get_dicom_for_frame(1, transfer_syntax=EXPLICIT_LE)))
    dataset = pydicom.dcmread(BytesIO(data))
    assert dataset.file_meta.TransferSyntaxUID == HTJ2K
    assert (dataset.PhotometricInterpretation, dataset.PlanarConfiguration) == ("YBR_RCT", 0)
    np.testing.assert_array_equal(pixel_array(dataset), sort.frame(1))
    dataset.PhotometricInterpretation = "RGB"
    dataset.PlanarConfiguration = sort.planar
    same = {e.tag for e in plain} - {0x7FE00010}
    assert {e.tag for e in dataset} - {0x7FE00010} == same
    assert all(dataset[tag] == plain[tag] for tag in same)


def test_rgb_can_be_progressive(tmp_path):
    sort = SORTS["uint8_0_RGB"]
    source = write_files(tmp_path / "source", sort_series(sort))
    dicube_core.convert(source, tmp_path / "x.dcbs", progressive=True)
    with DcbStreamingReader(tmp_path / "x.dcbs") as stream:
        dataset = pydicom.dcmread(BytesIO(stream.get_dicom_for_frame(0, transfer_syntax=RPCL)))
    np.testing.assert_array_equal(pixel_array(dataset), sort.frame(0))


@pytest.mark.parametrize(
    ("name", "reason"),
    [("uint8_0_YBR_FULL", "YBR_FULL"), ("uint8_422", "YBR_FULL_422"), ("uint32_0_RGB", "32 bits")],
)
def test_what_decoders_would_misread_is_delivered_uncompressed(name, reason, tmp_path):
    sort = SORTS[name]
    with DcbStreamingReader(saved(sort, tmp_path)) as stream:
        with pytest.raises(TransferSyntaxError, match=reason):
            stream.get_dicom_for_frame(0, transfer_syntax=HTJ2K)
        dataset = pydicom.dcmread(BytesIO(stream.get_dicom_for_frame(0)))
    assert dataset.file_meta.TransferSyntaxUID == EXPLICIT_LE
    assert dataset.PhotometricInterpretation == sort.photometric
    np.testing.assert_array_equal(pixel_array(dataset, raw=True), sort.frame(0))


def test_palette_is_compressed_as_palette(tmp_path):
    sort = SORTS["palette"]
    with DcbStreamingReader(saved(sort, tmp_path)) as stream:
        dataset = pydicom.dcmread(BytesIO(stream.get_dicom_for_frame(0, transfer_syntax=HTJ2K)))
    assert dataset.PhotometricInterpretation == "PALETTE COLOR"
    assert dataset.RedPaletteColorLookupTableDescriptor == [256, 0, 16]
    np.testing.assert_array_equal(pixel_array(dataset), sort.frame(0))


def test_modality_values_of_colour_are_the_samples(tmp_path):
    sort = SORTS["uint16_1_RGB"]
    image = dicube_core.load(saved(sort, tmp_path))
    np.testing.assert_array_equal(image.get_fdata("float64")[2], sort.frame(2))


@pytest.mark.parametrize("level", [1, 2])
def test_lower_resolutions_have_three_samples(level, tmp_path):
    sort = Sort("large", rows=33, columns=70)
    with dicube_core.open(saved(sort, tmp_path)) as reader:
        shape = (3, -(-33 >> level), -(-70 >> level), 3)
        assert reader.frames(level=level).shape == shape


def test_an_image_of_an_array_is_rgb(tmp_path):
    array = np.random.default_rng(0).integers(0, 255, (2, 7, 9, 3), np.uint8)
    header = dicube_core.PixelDataHeader(OriginalPixelDtype="uint8", PixelDtype="uint8")
    image = dicube_core.DicomCubeImage(array, header)
    image.init_meta()
    dicube_core.save(image, tmp_path / "x.dcbs")
    with DcbStreamingReader(tmp_path / "x.dcbs") as stream:
        for syntax, label in ((HTJ2K, "YBR_RCT"), (EXPLICIT_LE, "RGB")):
            data = stream.get_dicom_for_frame(1, transfer_syntax=syntax)
            dataset = pydicom.dcmread(BytesIO(data))
            assert dataset.PhotometricInterpretation == label
            np.testing.assert_array_equal(pixel_array(dataset), array[1])


@pytest.mark.parametrize(
    ("sort", "name"),
    [
        (Sort("x", photometric="HSV"), "HSV"),
        (Sort("x", photometric="YBR_PARTIAL_422"), "YBR_PARTIAL_422"),
        (Sort("x", extra=(us(0x00280002, 4),)), "4 samples"),
        (Sort("x", photometric="YBR_FULL_422", columns=5, extra=()), "odd width"),
        (Sort("x", extra=(us(0x00280006, 2),)), "Planar Configuration 2"),
        (Sort("x", photometric="MONOCHROME2", extra=(us(0x00280100, 12),)), "12-bit"),
        (Sort("x", photometric="MONOCHROME2", dtype="uint64"), "64-bit"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refused_by_name(sort, name, tmp_path):
    if name == "odd width":  # nobody can write such a frame
        sort = Sort("x", photometric="RGB", columns=5)
        files = {
            key: data.replace(b"RGB ", b"YBR_FULL_422", 1)
            for key, data in sort_series(sort).items()
        }
        files = {
            key: data.replace(b"\x28\0\x04\0CS\x04\0", b"\x28\0\x04\0CS\x0c\0", 1)
            for key, data in files.items()
        }
    else:
        files = sort_series(sort)
    source = write_files(tmp_path / "source", files)
    with pytest.raises(UnsupportedKindError, match=name):
        dicube_core.convert(source, tmp_path / "x.dcbs")
    assert not (tmp_path / "x.dcbs").exists()
