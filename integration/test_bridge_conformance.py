"""Validators of others find in delivered slices what they find in the source, and no more."""

import shutil
import subprocess
from struct import pack

import pytest
from bridge_peers import FILES, FORMS, given_file

from dicube_plugins import to_dicom

_SYNTAX = b"\x02\x00\x10\x00UI"
_GROUP_LENGTH = b"\x02\x00\x00\x00UL\x04\x00"
_HTJ2K, _JPEG2000 = b"1.2.840.10008.1.2.4.201\0", b"1.2.840.10008.1.2.4.90"


def program(name, package):
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed (package {package})")
    return path


def run(*command):
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.decode("latin-1"), done.stderr.decode("latin-1")


def deliver(given, form, folder):
    delivery = to_dicom(given.file, folder / form, form)
    assert delivery.transfer_syntax == FORMS[form]
    return [folder / form / name for name in delivery.names]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("file", FILES)
def test_dcmdump_accepts_every_slice(file, form, tmp_path):
    dcmdump = program("dcmdump", "dcmtk")
    given = given_file(file, tmp_path)
    paths = deliver(given, form, tmp_path)
    for path in paths:
        status, text, complaints = run(dcmdump, path)
        assert status == 0, complaints
        expected = ""
        if given.source is not None:
            expected = run(dcmdump, given.source / path.name)[2]
        assert complaints.replace(str(path), "") == expected.replace(
            str(given.source and given.source / path.name), ""
        )
        assert "(7fe0,0010)" in text
        assert ("PixelSequence" in text) == (form == "htj2k")
    assert paths


def findings(dciodvfy, path):
    """Return the set of errors and warnings; their number depends on nothing of ours."""
    _, text, more = run(dciodvfy, path)
    lines = {line.strip() for line in (text + more).splitlines()}
    assert lines, "dciodvfy always says at least which IOD it checks"
    return {line.replace(str(path), "") for line in lines}


def as_jpeg2000(data):
    """Return a compressed slice under a transfer syntax that dciodvfy knows is compressed."""
    at = data.index(_SYNTAX) + len(_SYNTAX)
    assert data[at + 2 : at + 2 + len(_HTJ2K)] == _HTJ2K
    start = data.index(_GROUP_LENGTH) + len(_GROUP_LENGTH)
    length = int.from_bytes(data[start : start + 4], "little") - len(_HTJ2K) + len(_JPEG2000)
    return b"".join(
        (
            data[:start],
            pack("<I", length),
            data[start + 4 : at],
            pack("<H", len(_JPEG2000)),
            _JPEG2000,
            data[at + 2 + len(_HTJ2K) :],
        )
    )


@pytest.mark.parametrize("file", FILES)
def test_dciodvfy_finds_the_same_as_in_the_source(file, tmp_path):
    dciodvfy = program("dciodvfy", "dicom3tools")
    given = given_file(file, tmp_path)
    plain = deliver(given, "explicit", tmp_path)
    packed = deliver(given, "htj2k", tmp_path)
    for one, other in zip(plain, packed, strict=True):
        in_plain = findings(dciodvfy, one)
        relabelled = tmp_path / "relabelled.dcm"
        relabelled.write_bytes(as_jpeg2000(other.read_bytes()))
        assert findings(dciodvfy, relabelled) == in_plain
        if given.source is not None:
            assert in_plain == findings(dciodvfy, given.source / one.name)
    assert len(plain) == len(packed) > 0


def test_dciodvfy_would_notice(tmp_path):
    """The comparison can fail: without a required element there is one error more."""
    dciodvfy = program("dciodvfy", "dicom3tools")
    given = given_file("phantom", tmp_path)
    path = deliver(given, "explicit", tmp_path)[0]
    data = path.read_bytes()
    at = data.index(b"\x08\x00\x60\x00CS\x02\x00")
    (tmp_path / "less.dcm").write_bytes(data[:at] + data[at + 10 :])
    more = findings(dciodvfy, tmp_path / "less.dcm") - findings(dciodvfy, path)
    assert any("Error" in line for line in more)
