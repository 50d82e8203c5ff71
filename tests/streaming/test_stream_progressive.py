"""HTJ2K RPCL (.202) is delivered where its constraints are met, and refused elsewhere."""

import struct

import numpy as np
import pytest
from folders import converted, served
from support.compare import same_elements, stored
from support.encodings import CT_LARGER, compressed_series
from support.series import KINDS, Kind, make_series
from wire import HTJ2K, HTJ2K_RPCL, fragment_of, siz, take_apart

import dicube_core
from dicube_core.exceptions import TransferSyntaxError

LARGE = Kind("large", stored=12, rows=2, columns=2049)


def codestreams(path, syntax):
    return [fragment_of(take_apart(data))[1].removesuffix(b"\0") for data in served(path, syntax)]


def tlm_lengths(codestream):
    """Return the lengths of the tile-parts as the main header lists them (T.800 A.7.1)."""
    position = 2
    while True:
        marker, size = struct.unpack_from(">HH", codestream, position)
        assert marker != 0xFF90, "the main header ends without TLM"
        if marker == 0xFF55:
            kind = codestream[position + 5]
            width = {0x40: 4, 0x50: 5, 0x60: 6}[kind]
            body = codestream[position + 6 : position + 2 + size]
            return position, [
                int.from_bytes(body[i + width - 4 : i + width], "big")
                for i in range(0, len(body), width)
            ]
        position += 2 + size


def test_refused_where_the_lengths_are_not_in_the_header(tmp_path):
    path = converted(tmp_path, make_series(2))
    with pytest.raises(TransferSyntaxError, match=r"TLM marker .*progressive=True"):
        served(path, HTJ2K_RPCL)


@pytest.mark.parametrize("name", ["u16_stored_12", "i16_stored_16", "u8_stored_8", "u16_65x33"])
def test_delivered_from_progressive_files(name, tmp_path):
    kind, files = KINDS[name], make_series(3, KINDS[name])
    path = converted(tmp_path, files, progressive=True)
    assert dicube_core.verify_against(path, tmp_path / "source").byte_identical == 3
    assert codestreams(path, HTJ2K_RPCL) == codestreams(path, HTJ2K)
    for index, data in enumerate(served(path, HTJ2K_RPCL)):
        part = take_apart(data)
        codestream = fragment_of(part)[1].removesuffix(b"\0")
        assert part.syntax == HTJ2K_RPCL
        assert siz(codestream)[3] == kind.signed
        same_elements(files[f"IM{index:04d}.dcm"], data)
        np.testing.assert_array_equal(stored(data), kind.frame(index))


def test_the_listed_lengths_are_those_of_the_tile_parts(tmp_path):
    path = converted(tmp_path, make_series(2, CT_LARGER), progressive=True)
    for codestream in codestreams(path, HTJ2K_RPCL):
        _, lengths = tlm_lengths(codestream)
        position = codestream.index(b"\xff\x90")
        for length in lengths:
            assert codestream[position : position + 2] == b"\xff\x90"
            assert struct.unpack_from(">I", codestream, position + 6) == (length,)
            position += length
        assert codestream[position:] == b"\xff\xd9"


def test_frames_too_large_for_their_decompositions_are_refused(tmp_path):
    path = converted(tmp_path, make_series(2, LARGE), progressive=True)
    with pytest.raises(TransferSyntaxError, match="lowest resolution is 65 wide, 64 is allowed"):
        served(path, HTJ2K_RPCL)
    for index, data in enumerate(served(path, HTJ2K)):
        np.testing.assert_array_equal(stored(data), LARGE.frame(index))


@pytest.mark.parametrize("encoding", ["htj2k", "htj2k_rpcl"])
@pytest.mark.parametrize("progressive", [False, True])
def test_sources_that_are_htj2k_already(encoding, progressive, tmp_path):
    files = compressed_series(encoding, 2)
    path = converted(tmp_path, files, progressive=progressive)
    source = [fragment_of(take_apart(files[f"IM{i:04d}.dcm"]))[1] for i in range(2)]
    kept = encoding == "htj2k_rpcl" or not progressive
    assert (codestreams(path, HTJ2K) == [data.removesuffix(b"\0") for data in source]) == kept
    if not progressive and encoding == "htj2k":
        with pytest.raises(TransferSyntaxError, match="TLM"):
            served(path, HTJ2K_RPCL)
        return
    for index, data in enumerate(served(path, HTJ2K_RPCL)):
        np.testing.assert_array_equal(stored(data), CT_LARGER.frame(index))


def test_save_takes_the_same_option(tmp_path):
    path = converted(tmp_path, make_series(2), progressive=True)
    image = dicube_core.load(path)
    dicube_core.save(image, tmp_path / "plain.dcbs")
    with pytest.raises(TransferSyntaxError, match="TLM"):
        served(tmp_path / "plain.dcbs", HTJ2K_RPCL)
    dicube_core.save(image, tmp_path / "again.dcbs", progressive=True)
    assert (tmp_path / "again.dcbs").read_bytes() == path.read_bytes()
    np.testing.assert_array_equal(
        dicube_core.load(tmp_path / "plain.dcbs").raw_image, image.raw_image
    )


def test_nifti_takes_the_same_option(tmp_path):
    pytest.importorskip("nibabel")
    image = dicube_core.load(converted(tmp_path, make_series(3, CT_LARGER)))
    dicube_core.save_to_nifti(image, tmp_path / "x.nii")
    dicube_core.convert(tmp_path / "x.nii", tmp_path / "nifti.dcbs", progressive=True)
    with dicube_core.open(tmp_path / "nifti.dcbs") as reader:
        assert all(tlm_lengths(reader.codestream(index))[1] for index in range(3))
