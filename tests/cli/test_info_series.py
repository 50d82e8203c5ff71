"""``dcbs info`` says in words what is odd about a series, and in JSON what can be counted."""

import json

import pytest
from click.testing import CliRunner
from support.raw import text
from support.volumes import SAGITTAL, make_volumes, marks
from support.whole import write_files

import dicube_core
from dicube_core.cli.info import info


def echoes(frame):
    return marks(
        text(0x00180086, "IS", str(frame.volume + 1)),
        text(0x00180081, "DS", str(10 * frame.volume + 10)),
    )


def stacks(tmp_path):
    files = make_volumes(1, 3, lambda f: {})
    more = make_volumes(
        1, 3, lambda f: {}, orientation=SAGITTAL, number=lambda volume, place: 50 + place
    )
    return files | {f"s{name}": data for name, data in more.items()}


SERIES = {
    "echoes": lambda _: make_volumes(3, 4, echoes),
    "hole": lambda _: make_volumes(3, 4, echoes, leave_out=lambda f: (f.volume, f.place) == (2, 1)),
    "tilt": lambda _: make_volumes(1, 4, lambda f: {}, step=(0.0, 0.5, 2.5)),
    "tilted echoes": lambda _: make_volumes(2, 4, echoes, step=(0.0, 0.5, 2.5)),
    "gap": lambda _: make_volumes(1, 6, lambda f: {}, leave_out=lambda f: f.place == 3),
    "stacks": stacks,
}


@pytest.fixture(params=SERIES)
def described(request, tmp_path):
    path = tmp_path / "x.dcbs"
    files = SERIES[request.param](tmp_path)
    dicube_core.convert(write_files(tmp_path / "source", files), path)
    runner = CliRunner()
    plain = runner.invoke(info, [str(path)], catch_exceptions=False)
    as_json = runner.invoke(info, [str(path), "--json"], catch_exceptions=False)
    assert plain.exit_code == as_json.exit_code == 0
    return request.param, " ".join(plain.output.split()), json.loads(as_json.output), path


WORDS = {
    "echoes": (
        "volumes 3 echoes (EchoNumbers 1, 2, 3) of 4 slices: a regular grid of 12 frames",
        "echo EchoTime 10, 20, 30 ms",
        "2.5 x 0.75 x 0.5 mm (frames x rows x columns) of each volume",
    ),
    "hole": ("not a full grid, 1 of its 12 places is empty (echo 3 lacks 1 slice)",),
    "tilt": (
        "a regular grid, but for a gantry tilt of 11.31 degrees",
        "the stack is sheared by 11.310 degrees",
    ),
    "tilted echoes": ("a regular grid of each volume, but for a gantry tilt of 11.31 degrees",),
    "gap": ("the first one missing would lie at (-12.5, 20.25, -22.5) mm",),
    "stacks": (
        "each stack has its own: Reader.dimensions.geometry_of(stack=...)",
        "3 sagittal (0, 1, 0, 0, 0, -1), 3 axial (1, 0, 0, 0, 1, 0)",
    ),
}


def test_words_and_numbers(described):
    name, words, facts, path = described
    for expected in WORDS[name]:
        assert expected in words
    with dicube_core.open(path) as reader:
        found, affine = reader.dimensions, reader.sheared_affine()
        assert (facts["tilt"] is None) == (affine is None)
        if affine is not None:
            assert facts["tilt"]["sheared_affine_lps"] == affine.tolist()
        told = facts["dimensions"]
        assert (told is None) == (found is None)
        if found is not None:
            assert told["text"] == str(found)
            assert (told["regular"], told["shape"]) == (found.is_regular, list(found.shape))
            assert tuple(told["frames"]) == found.frames
            assert [axis["name"] for axis in told["axes"]] == list(found.names)
            if found.geometry is not None:
                assert told["geometry"]["affine_lps"] == found.geometry.affine.tolist()
        findings = {one["kind"]: one for one in facts["findings"]}
        assert list(findings) == [one.kind.value for one in reader.report().findings]
    if name == "gap":
        missing = findings["gap_location"]["missing_positions_lps_mm"]
        assert missing == [[-12.5, 20.25, -22.5]]
