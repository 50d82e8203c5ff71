"""Whatever is done to a file, what a repair keeps is what it was."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from repair_cases import check, converted

import dicube_core
from dicube_core.exceptions import InvalidCubeFileError

_where = st.floats(0, 1, exclude_max=True)
_size = st.sampled_from([1, 2, 8, 40, 300])
_operations = st.one_of(
    st.tuples(st.just("flip"), _where, st.integers(0, 7)),
    st.tuples(st.sampled_from(["zero", "fill", "lose", "double", "cut"]), _where, _size),
    st.tuples(st.just("noise"), _where, st.binary(min_size=1, max_size=40)),
    st.tuples(st.just("put in"), _where, st.binary(min_size=1, max_size=40)),
    st.tuples(st.just("copy from"), _where, st.tuples(_where, _size)),
)


def done(data, operation):
    """Return the data after an operation."""
    name, where, how = operation
    at = int(where * len(data))
    if name == "flip":
        return data[:at] + bytes([data[at] ^ 1 << how]) + data[at + 1 :]
    if name in ("zero", "fill"):
        run = data[at : at + how]
        return data[:at] + (b"\xff", b"\0")[name == "zero"] * len(run) + data[at + len(run) :]
    if name == "lose":
        return data[:at] + data[at + how :]
    if name == "double":
        return data[: at + how] + data[at:]
    if name == "cut":
        return data[:at]
    if name == "noise":
        return (data[:at] + how + data[at + len(how) :])[: len(data)]
    if name == "put in":
        return data[:at] + how + data[at:]
    start = int(how[0] * len(data))
    run = data[start : start + how[1]]
    return (data[:at] + run + data[at + len(run) :])[: len(data)]


@pytest.fixture(scope="module")
def wholes(tmp_path_factory):
    """One file of each sort of table that a file may have."""
    return [converted(name, tmp_path_factory.mktemp(name)) for name in ("grey", "kept_frames")]


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    folder = tmp_path_factory.mktemp("out")
    return (folder / f"{number}.dcbs" for number in count())


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(kind=st.integers(0, 1), operations=st.lists(_operations, min_size=1, max_size=4))
def test_every_frame_that_is_kept_is_what_it_was(wholes, paths, kind, operations):
    whole = wholes[kind]
    data = whole.data
    for operation in operations:
        data = done(data, operation) if data else data
    out = next(paths)
    try:
        report = dicube_core.repair(data, out)
    except InvalidCubeFileError:
        assert not out.exists()
        return
    check(whole, report, out)
    moved = {"lose", "double", "cut", "put in"} & {operation[0] for operation in operations}
    # Of a frame that has no checksum any more, nobody can say whether it is whole; and frames in
    # the encoding of their source cannot be told apart without one of the two tables.
    damaged = {part.name for part in report.damaged}
    if not moved and "FCRC" not in damaged and not damaged >= {"frame_offsets", "frame_lengths"}:
        assert {one.frame for one in report.lost} <= whole.damaged_frames(data)
