"""Every file that pydicom brings along comes back whole, or is refused in the expected words."""

from collections import Counter
from io import BytesIO
from pathlib import Path

import pydicom.data
import pytest
from pydicom.pixels import get_decoder
from support.bundled_outcomes import OUTCOMES
from support.compare import same_elements, stored

import dicube_core
from dicube_core.exceptions import DicomCubeError
from dicube_core.export import export_file

ROOT = Path(pydicom.data.__file__).parent
#: A media directory with fifty instances that are all of a kind.
TINY = "test_files/dicomdirtests/TINY_ALPHA/PT000000/"
EXPECTED = {name: outcome for outcome, names in OUTCOMES.items() for name in names}
NAMES = [
    path.relative_to(ROOT).as_posix()
    for path in sorted(ROOT.rglob("*"))
    if path.is_file() and path.suffix not in (".py", ".pyc", ".json", ".cfg")
]
WHOLE = [name for name in NAMES if EXPECTED.get(name) in ("exact", "normalised")]
#: Compressed colour -> what it is once it is decoded (docs/kinds.md).
DECODED_LABELS = {
    ("YBR_FULL_422", "YBR_FULL"),
    ("YBR_RCT", "RGB"),
    ("YBR_ICT", "RGB"),
    ("YBR_FULL", "RGB"),  # the frame names its components R, G and B
}
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning:pydicom"),
    pytest.mark.filterwarnings("ignore::UserWarning:PIL"),
]


def expected_outcome(name):
    return "without pixel data" if name.startswith(TINY) else EXPECTED.get(name, "")


def require_decoder(path):
    syntax = pydicom.dcmread(path, force=True, stop_before_pixels=True).file_meta.get(
        "TransferSyntaxUID"
    )
    if syntax is not None and syntax.is_encapsulated and not get_decoder(syntax).is_available:
        pytest.skip(f"pydicom has no decoder for {syntax.name} here")


@pytest.mark.parametrize("name", NAMES)
def test_outcome(name, tmp_path):
    path = ROOT / name
    expected = expected_outcome(name)
    if expected in ("exact", "normalised", "cannot be decoded"):
        require_decoder(path)
    if expected not in ("exact", "normalised", ""):
        with pytest.raises(DicomCubeError) as caught:
            dicube_core.convert(path, tmp_path / "x.dcbs")
        assert expected in str(caught.value)
        assert not any(tmp_path.iterdir())
        return
    try:
        dicube_core.convert(path, tmp_path / "x.dcbs")
    except DicomCubeError as error:
        if expected:
            raise
        pytest.skip(f"a file of another pydicom, refused: {error}")
    report = dicube_core.verify_against(tmp_path / "x.dcbs", path)
    assert report.ok, report.failures
    if expected:
        assert report.byte_identical == (expected == "exact")


def decoded_colour_as_in(source, restored):
    """Label decoded colour as the source labelled it compressed: all else must be equal."""
    first, second = (pydicom.dcmread(BytesIO(data), force=True) for data in (source, restored))
    labels = first.get("PhotometricInterpretation"), second.get("PhotometricInterpretation")
    if labels[0] == labels[1]:
        return restored
    assert labels in DECODED_LABELS
    second.PhotometricInterpretation = labels[0]
    file = BytesIO()
    second.save_as(file)
    return file.getvalue()


@pytest.mark.parametrize("name", WHOLE)
def test_restored_file_as_pydicom_sees_it(name, tmp_path):
    path = ROOT / name
    require_decoder(path)
    dicube_core.convert(path, tmp_path / "x.dcbs")
    with dicube_core.open(tmp_path / "x.dcbs") as reader:
        (found,) = export_file(reader, tmp_path / "out")
    source, restored = path.read_bytes(), found.read_bytes()
    if EXPECTED[name] == "exact":
        assert restored == source
        return
    by_value = any(word in name for word in ("expb", "bigendian", "BigEnd", "big_endian"))
    same_elements(source, decoded_colour_as_in(source, restored), by_value=by_value)
    assert (stored(restored) == stored(source)).all()


def test_counts():
    known = [expected_outcome(name) for name in NAMES]
    assert Counter(filter(None, known)) == {
        "without pixel data": 75,
        "exact": 55,
        "no DICOM file": 18,
        "normalised": 44,
        "is not a number of frames": 1,
        "cannot be decoded": 2,
        "ends at byte": 2,
        "Segmentation Storage": 2,
        "without Photometric": 2,
    }
