"""Sources that break the rules: what pydicom reads comes back as it is, the rest is named."""

import io
import struct

import numpy as np
import pydicom
import pytest
from support.encodings import COMPRESSED
from support.raw import (
    DEFLATED,
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    PIXEL_DATA,
    PREAMBLE,
    Form,
    Node,
    encapsulated,
    file_meta,
    part10,
    text,
    us,
)
from support.series import CT, Kind, slice_nodes

import dicube_core
from dicube_core.dataset.uids import HTJ2K_LOSSLESS_RPCL
from dicube_core.dicom.scan import NotDicomError, scan
from dicube_core.exceptions import DicomCubeError, MetaDataError
from dicube_core.export import export_file
from dicube_core.slices import OFFERED_SYNTAXES
from dicube_core.streaming import DcbStreamingReader

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")

IMPLICIT, EXPLICIT = Form(implicit=True), Form()
ODD = Kind("odd", 8, 8, rows=3, columns=3)


def meta_of(nodes, syntax, *left_out):
    """Return group 0002 without some of its elements, its length as it was with them."""
    data = file_meta(nodes, syntax)
    kept, position = [], 0
    while position < len(data):
        long = data[position + 4 : position + 6] == b"OB"
        length = struct.unpack_from("<I" if long else "<H", data, position + (8 if long else 6))[0]
        stop = position + (12 if long else 8) + length
        number = int.from_bytes(data[position + 2 : position + 4], "little")
        if number not in left_out:
            kept.append(data[position:stop])
        position = stop
    return b"".join(kept)


def written(nodes, form=EXPLICIT, *, meta=b"", preamble=PREAMBLE, trailer=b""):
    """Return a file with this file meta information, true or not."""
    return preamble + meta + form.dataset(nodes) + trailer


def with_odd_element(vr, value, length_bits=16):
    """Return a file in which one element has this VR."""
    nodes = slice_nodes(0)
    before = {tag: node for tag, node in nodes.items() if tag < 0x00090010}
    after = {tag: node for tag, node in nodes.items() if tag > 0x00090010}
    length = struct.pack("<H" if length_bits == 16 else "<I", len(value))
    odd = struct.pack("<HH", 0x0009, 0x0010) + vr + length + value
    data = EXPLICIT.dataset(before) + odd + EXPLICIT.dataset(after)
    return PREAMBLE + file_meta(nodes, EXPLICIT_LE) + data


def _without(*tags):
    nodes = slice_nodes(0)
    return {tag: node for tag, node in nodes.items() if tag not in tags}


def _with(*nodes):
    return slice_nodes(0) | {node.tag: node for node in nodes}


def _nested_implicit():
    """Return a file whose sequence is written without VRs, though the rest has them."""
    nodes = slice_nodes(0)
    item = IMPLICIT.dataset({0x00081150: text(0x00081150, "UI", "1.2.3")})
    content = struct.pack("<HHI", 0xFFFE, 0xE000, len(item)) + item
    return part10(nodes | {0x00081140: Node(0x00081140, "SQ", content)})


PADDED = _with(Node(0x7FE10010, "LO", b"MAKER "), Node(0x7FE11001, "LT", b"behind the pixels "))
LAST_CUT = 7
#: Name -> file; each comes back byte for byte.
EXACT = {
    "no file meta, explicit": written(slice_nodes(0), preamble=b""),
    "no file meta, implicit": written(slice_nodes(0), IMPLICIT, preamble=b""),
    "preamble alone, explicit": written(slice_nodes(0)),
    "preamble alone, implicit": written(slice_nodes(0), IMPLICIT),
    "file meta without preamble": part10(slice_nodes(0), preamble=b""),
    "no transfer syntax, explicit": written(
        slice_nodes(0), meta=meta_of(slice_nodes(0), EXPLICIT_LE, 0x10)
    ),
    "no transfer syntax, implicit": written(
        slice_nodes(0), IMPLICIT, meta=meta_of(slice_nodes(0), EXPLICIT_LE, 0x10)
    ),
    "no group length": written(slice_nodes(0), meta=meta_of(slice_nodes(0), EXPLICIT_LE, 0)),
    "wrong group length": written(slice_nodes(0), meta=meta_of(slice_nodes(0), EXPLICIT_LE, 0x16)),
    "no media storage UIDs": written(
        slice_nodes(0), meta=meta_of(slice_nodes(0), EXPLICIT_LE, 2, 3)
    ),
    "implicit, called explicit": written(
        slice_nodes(0), IMPLICIT, meta=file_meta(slice_nodes(0), EXPLICIT_LE)
    ),
    "explicit, called implicit": written(
        slice_nodes(0), meta=file_meta(slice_nodes(0), IMPLICIT_LE)
    ),
    "no VR in one element": with_odd_element(b"", b"MAKER ", 32),
    "unknown VR": with_odd_element(b"ZQ", b"MAKER "),
    "implicit items in an explicit data set": _nested_implicit(),
    "wrong VR": part10(
        _with(Node(0x00181030, "US", b"a protocol"), Node(0x00280030, "LO", b"1\\1 "))
    ),
    "number of impossible length": part10(_with(Node(0x00189073, "FD", b"12345"))),
    "text in a number": part10(_with(text(0x00180050, "DS", "thin"), text(0x00200012, "IS", "1A"))),
    "odd lengths": part10(_with(Node(0x00100020, "LO", b"ODD"), Node(0x00080070, "LO", b"xyz"))),
    "odd pixel data": part10(
        slice_nodes(0, ODD) | {PIXEL_DATA: Node(PIXEL_DATA, "OB", ODD.frame(0).tobytes())}
    ),
    "unknown character set": part10(
        _with(text(0x00080005, "CS", "NO_SUCH_SET"), Node(0x00100010, "PN", b"M\xfcller^A "))
    ),
    "bytes outside of the character set": part10(
        _with(text(0x00080005, "CS", "ISO_IR 192"), Node(0x00100010, "PN", b"M\xfcller^A "))
    ),
    "no SOP Instance UID": part10(_without(0x00080018)),
    "no SOP Class UID": part10(_without(0x00080016)),
    "no Series and Study UIDs": part10(_without(0x0020000D, 0x0020000E)),
    "no UIDs and no file meta": written(
        _without(0x00080016, 0x00080018, 0x0020000D, 0x0020000E), IMPLICIT, preamble=b""
    ),
    "last element cut, explicit": part10(PADDED)[:-LAST_CUT],
    "last element cut, implicit": part10(PADDED, IMPLICIT_LE)[:-LAST_CUT],
    "last header cut": part10(PADDED, trailer=b"\xfc\xff\xfc\xff"),
    "zeros behind, explicit": part10(slice_nodes(0), trailer=bytes(100)),
    "zeros behind, implicit": part10(slice_nodes(0), IMPLICIT_LE, trailer=bytes(101)),
    "zeros behind a private group": part10(PADDED, trailer=bytes(8)),
}
#: Name -> file; each comes back as the same elements and values in Explicit VR Little Endian.
NORMALISED = {
    "no file meta, big endian": written(slice_nodes(0), Form(big=True), preamble=b""),
    "no transfer syntax, big endian": written(
        slice_nodes(0), Form(big=True), meta=meta_of(slice_nodes(0), EXPLICIT_BE, 0x10)
    ),
    "zeros behind, big endian": part10(slice_nodes(0), EXPLICIT_BE, trailer=bytes(20)),
    "zeros behind, deflated": part10(slice_nodes(0), DEFLATED, trailer=bytes(20)),
    "last element cut, deflated": part10(
        slice_nodes(0),
        DEFLATED,
        trailer=EXPLICIT.element(Node(0x7FE11001, "LT", b"long text"))[:-3],
    ),
}


def values_of(data):
    dataset = pydicom.dcmread(io.BytesIO(data), force=True)
    return dataset, np.frombuffer(dataset.PixelData, "u1")


def converted(data, tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "x.dcm").write_bytes(data)
    dicube_core.convert(tmp_path / "in", tmp_path / "x.dcbs")
    report = dicube_core.verify_against(tmp_path / "x.dcbs", tmp_path / "in")
    assert report.ok, report.failures
    assert report.values_compared > 0
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        (found,) = export_file(reader, tmp_path / "out")
    return report, found.read_bytes()


@pytest.mark.parametrize("name", EXACT)
def test_what_pydicom_reads_comes_back_as_it_is(name, tmp_path):
    source = EXACT[name]
    _, pixels = values_of(source)  # pydicom does read it
    assert pixels.size >= 9
    report, found = converted(source, tmp_path)
    assert found == source
    assert report.byte_identical == 1


@pytest.mark.parametrize("name", NORMALISED)
def test_what_is_normalised_keeps_its_elements_and_values(name, tmp_path):
    source = NORMALISED[name]
    dataset, _ = values_of(source)
    report, found = converted(source, tmp_path)
    assert report.byte_identical == 0
    other, pixels = values_of(found)
    assert other.file_meta.TransferSyntaxUID == EXPLICIT_LE
    assert set(other.keys()) == set(dataset.keys())
    np.testing.assert_array_equal(pixels.view("<u2"), CT.frame(0).ravel())


@pytest.mark.parametrize("name", [*EXACT, *NORMALISED])
def test_slices_are_dicom_files_in_every_syntax(name, tmp_path):
    source = {**EXACT, **NORMALISED}[name]
    converted(source, tmp_path)
    frame = (ODD if name == "odd pixel data" else CT).frame(0)
    tags = set(values_of(source)[0].keys())
    with DcbStreamingReader(tmp_path / "x.dcbs") as stream:
        for syntax in OFFERED_SYNTAXES:
            if syntax == HTJ2K_LOSSLESS_RPCL:
                continue  # for progressive files
            data = stream.get_dicom_for_frame(0, transfer_syntax=syntax)
            dataset = pydicom.dcmread(io.BytesIO(data))  # not forced: a proper DICOM file
            assert dataset.file_meta.TransferSyntaxUID == syntax
            assert set(dataset.keys()) == tags
            np.testing.assert_array_equal(dataset.pixel_array, frame)


@pytest.mark.parametrize("encoding", ["rle", "jpeg_ls", "htj2k"])
@pytest.mark.parametrize("trailer", [b"", bytes(40), b"\xe1\x7f\x10\x00LO\x06\x00MAK"])
@pytest.mark.parametrize("form", ["explicit", "implicit"])
def test_compressed_pixels_in_a_broken_data_set(form, trailer, encoding, tmp_path):
    if form == "implicit" and trailer.strip(b"\0"):
        trailer = b"\xe1\x7f\x10\x00\x06\0\0\0MAK"
    syntax, encode = COMPRESSED[encoding]
    nodes = slice_nodes(0)
    data = encapsulated(nodes, syntax, encode(CT.frame(0), CT)) + trailer
    if form == "implicit":
        start = len(PREAMBLE) + len(file_meta(nodes, syntax))
        at = data.index(b"\xe0\x7f\x10\x00OB")
        head = IMPLICIT.dataset({tag: n for tag, n in nodes.items() if tag != PIXEL_DATA})
        data = data[:start] + head + data[at : at + 4] + data[at + 8 :]
    _, found = converted(data, tmp_path)
    np.testing.assert_array_equal(values_of(found)[1].view("<u2"), CT.frame(0).ravel())


def test_a_series_without_sop_instance_uids(tmp_path):
    (tmp_path / "in").mkdir()
    files = {}
    for index in range(3):
        nodes = slice_nodes(index)
        del nodes[0x00080018]
        files[f"{index}.dcm"] = written(nodes, IMPLICIT, preamble=b"")
        (tmp_path / "in" / f"{index}.dcm").write_bytes(files[f"{index}.dcm"])
    dicube_core.convert(tmp_path / "in", tmp_path / "x.dcbs")
    report = dicube_core.verify_against(tmp_path / "x.dcbs", tmp_path / "in")
    assert report.ok, report.failures
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        found = export_file(reader, tmp_path / "out")
    assert {path.name: path.read_bytes() for path in found} == files


def test_metadata_shows_what_there_is_of_an_element_that_was_cut(tmp_path):
    converted(EXACT["last element cut, explicit"], tmp_path)
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        meta = reader.dicom_meta
        assert meta.get_values("7FE11001") == [["behind the"]]
        (header,) = reader.headers
        assert header.rest.endswith(b"behind the ")
    # Loading, editing and saving keep it too.
    image = dicube_core.load(tmp_path / "x.dcbs")
    dicube_core.save(image, tmp_path / "again.dcbs")
    assert (tmp_path / "again.dcbs").read_bytes() == (tmp_path / "x.dcbs").read_bytes()


def test_deidentification_does_not_keep_what_no_profile_can_judge(tmp_path):
    pytest.importorskip("dicomanonymizer")
    secret = text(0x7FE11001, "LT", "Doe^Jane, once more")
    source = part10(_with(Node(0x7FE10010, "LO", b"MAKER "), secret))[:-3]
    converted(source, tmp_path)
    dicube_core.edit(
        tmp_path / "x.dcbs",
        tmp_path / "anonymous.dcbs",
        deidentify=dicube_core.Deidentification(salt=b"salt of this one test"),
    )
    with dicube_core.open(tmp_path / "anonymous.dcbs") as reader:
        assert reader.headers[0].rest == b""


def _cut_before_pixels():
    data = part10(slice_nodes(0))
    return data[: data.index(b"Doe^Jane") + 3]


def _cut_in_sequence():
    nested = Node(0x00081140, "SQ", [[text(0x00081150, "UI", "1.2.3")]], undefined=True)
    data = part10(_with(nested))
    return data[: data.index(b"1.2.3\0") + 2]


REFUSED = {
    "pixels cut": (part10(slice_nodes(0))[:-5], r"Pixel Data at byte \d+ needs 60 bytes"),
    "header cut": (_cut_before_pixels(), r"element \(0010,0010\) at byte \d+ ends at byte \d+"),
    "compressed pixels cut": (
        encapsulated(slice_nodes(0), "1.2.840.10008.1.2.5", bytes(100))[:-8],
        r"element \(7FE0,0010\) at byte \d+: its next item ends",
    ),
    "sequence cut": (
        _cut_in_sequence(),
        r"element \(0008,1140\) at byte \d+: an item at byte \d+ ends",
    ),
    "pixels of a short VR": (
        part10(_with(Node(PIXEL_DATA, "US", CT.frame(0).tobytes()))),
        r"Pixel Data at byte \d+ has the value representation b'US'",
    ),
    "two pixel elements": (
        part10(slice_nodes(0), trailer=EXPLICIT.element(slice_nodes(1)[PIXEL_DATA])),
        r"element \(7FE0,0010\) at byte \d+, behind the pixels",
    ),
    "rows behind the pixels": (
        part10(slice_nodes(0), trailer=EXPLICIT.element(us(0x00280010, 3))),
        r"element \(0028,0010\) at byte \d+, behind the pixels",
    ),
    "native pixels in a compressed syntax": (
        part10(slice_nodes(0), meta=False).replace(
            PREAMBLE, PREAMBLE + file_meta(slice_nodes(0), "1.2.840.10008.1.2.4.70")
        ),
        r"Pixel Data at byte \d+ is native, which transfer syntax 1.2.840.10008.1.2.4.70",
    ),
    "unknown VR that does not fit": (
        with_odd_element(b"ZQ", b"")[:-1].replace(b"ZQ\0\0", b"ZQ\xff\xff"),
        r"element \(0009,0010\) at byte \d+ with the unknown value representation b'ZQ'",
    ),
    "endless element behind the pixels": (
        part10(slice_nodes(0), trailer=b"\xe1\x7f\x10\x00UN\0\0\xff\xff\xff\xff" + bytes(4)),
        r"behind the pixels, from byte \d+ on: element \(7FE1,0010\) at byte 0",
    ),
    "no photometric interpretation": (
        part10(_without(0x00280004)),
        "an image without Photometric Interpretation",
    ),
    "no bit depth": (part10(_without(0x00280100)), "BitsAllocated|bit"),
    "big endian, cut": (
        part10(PADDED, EXPLICIT_BE)[:-3],
        r"big endian data set that begins at byte \d+: element \(7FE1,1001\)",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_kept_is_named(name, tmp_path):
    data, words = REFUSED[name]
    (tmp_path / "broken.dcm").write_bytes(data)
    with pytest.raises(DicomCubeError, match=words) as caught:
        dicube_core.convert(tmp_path / "broken.dcm", tmp_path / "x.dcbs")
    assert "broken.dcm" in str(caught.value)
    assert not (tmp_path / "x.dcbs").exists()


def test_every_cut_of_a_file_is_refused_or_whole(tmp_path):
    """Wherever a file is cut: pydicom's pixels come back, or a named error."""
    source = part10(PADDED)
    at = source.index(b"\xe0\x7f\x10\x00OW")
    path = tmp_path / "cut.dcm"
    kept = 0
    for length in range(len(source)):
        try:
            found = scan(source[:length], "cut.dcm")
        except (NotDicomError, MetaDataError) as error:
            assert "cut.dcm" in str(error)  # noqa: PT017
            assert length < at + 12 + 60 or length - at - 72 in range(8, 12) or length < 140
            continue
        if found.kind == "none":
            assert length <= at
            continue
        path.write_bytes(source[:length])
        dicube_core.convert(path, tmp_path / "x.dcbs")
        report = dicube_core.verify_against(tmp_path / "x.dcbs", path)
        assert report.ok, (length, report.failures)
        assert report.byte_identical == 1
        kept += 1
    assert kept > 30


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"short",
        b"Patients of the second ward:\n" * 40,
        b"# A text of which four letters are a VR: US, LO\n" * 3,
        b"\x89PNG\r\n\x1a\n" + bytes(300),
        b"II*\0" + bytes(range(256)),
        b"\x7fELF" + bytes(200),
        bytes(500),
        bytes(range(256)) * 4,
        b"PK\x03\x04" + bytes(100),
    ],
    ids=range(10),
)
def test_other_files_are_not_taken_for_data_sets(data):
    with pytest.raises(NotDicomError, match="x: not a DICOM file"):
        scan(data, "x")


def test_a_packed_file_is_named():
    with pytest.raises(NotDicomError, match="packed with gzip; unpack it"):
        scan(b"\x1f\x8b\x08\0" + bytes(50), "x.dcm.gz")


def _twice(number, value):
    """Return a file whose file meta information ends with another such element."""
    element = EXPLICIT.element(Node(0x00020000 | number, "UI", value))
    return written(slice_nodes(0), meta=file_meta(slice_nodes(0), EXPLICIT_LE) + element)


def test_an_element_of_the_file_meta_that_is_there_twice(tmp_path):
    same = _twice(0x10, EXPLICIT_LE.encode() + b"\0" * (len(EXPLICIT_LE) % 2))
    _, found = converted(same, tmp_path)
    assert found == same


@pytest.mark.parametrize("number", [0x02, 0x10])
@pytest.mark.parametrize("value", [IMPLICIT_LE.encode() + b"\0", b"1.2.840.10008.1.2.1\x000 "])
def test_two_that_contradict_each_other_are_refused(number, value, tmp_path):
    """Some readers go by the first, others by the last."""
    (tmp_path / "x.dcm").write_bytes(_twice(number, value))
    with pytest.raises(MetaDataError, match=rf"x\.dcm: byte \d+: .*\(0002,00{number:02X}\).*twice"):
        dicube_core.convert(tmp_path, tmp_path / "x.dcbs")
    assert not (tmp_path / "x.dcbs").exists()
