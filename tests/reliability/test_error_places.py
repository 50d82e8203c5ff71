"""An error names its file once, whatever the file is called."""

import pickle

import pytest

from dicube_core.error_places import errors_name
from dicube_core.exceptions import DecodeError, DicomCubeError


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("a", "a frame is damaged"),
        ("x", "header x is missing"),
        ("frame", "the frame is cut"),
        ("a.dcbs", "data.dcbs: frame 3 is damaged"),
        ("a.dcbs", "a.dcbs.old: frame 3 is damaged"),
        ("/data/a", "/data/ab: frame 3 is damaged"),
        ("b.dcbs", "other/b.dcbs: damaged"),
    ],
)
def test_what_only_looks_like_its_name_does_not_name_it(place, message):
    assert str(DicomCubeError(message).add_place(place)) == f"{place}: {message}"


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("a", "a: frame 3 is damaged"),
        ("a.dcbs", "a.dcbs: slice headers: damaged"),
        ("a.dcbs", "slice 3 of a.dcbs at byte 20 is damaged"),
        ("/data/a.dcbs", "[Errno 2] No such file or directory: '/data/a.dcbs'"),
        ("a", "[Errno 2] No such file or directory: 'a'"),
        ("a.dcbs: slice headers", "a.dcbs: slice headers at byte 3 are cut"),
        ("<bytes>", "<bytes>: frame 3"),
        ("a.dcbs", "this is not a.dcbs."),
    ],
)
def test_a_name_is_not_said_twice(place, message):
    assert str(DicomCubeError(message).add_place(place)) == message


def test_what_helps_is_no_place():
    error = DicomCubeError("it is damaged", suggestion="convert it to a.dcbs again")
    assert str(error.add_place("a.dcbs")).startswith("a.dcbs: it is damaged (")


def test_no_name_decides_what_a_terminal_does():
    name = "\x1b[31m\n.dcbs"
    error = DicomCubeError(f"{name}: damaged")
    assert str(error.add_place(name)).isprintable() is False  # the line feed is kept
    assert "\x1b" not in str(error.add_place(name))
    assert str(error).count(".dcbs") == 1
    assert "\x1b" not in str(DicomCubeError("damaged").add_place(name))
    assert len(DicomCubeError("damaged").add_place("n" * 100_000).message) < 3000


def test_it_survives_the_way_between_processes():
    def fail():
        with errors_name("a.dcbs"):
            raise DecodeError("frame 3 is damaged", details={"frame": 3})

    with pytest.raises(DecodeError) as caught:
        fail()
    found = pickle.loads(pickle.dumps(caught.value))
    assert str(found) == "a.dcbs: frame 3 is damaged"
    assert found.details == {"frame": 3}


def test_other_errors_pass():
    with pytest.raises(KeyError, match=r"^'x'$"), errors_name("a.dcbs"):
        raise KeyError("x")
