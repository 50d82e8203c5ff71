"""Several volumes in one series: found where headers prove them, and told as they are."""

import pickle
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from slice_factory import AXIAL, SAGITTAL, make_slices, steps
from support.raw import Node, part10, text, us
from support.series import Kind, slice_nodes
from support.volumes import CORONAL, fd, fl, make_volumes, marks, ul
from support.volumes import SAGITTAL as SAGITTAL_PLANE
from support.whole import write_files

import dicube_core
from dicube_core.exceptions import FrameIndexError, GeometryError
from dicube_core.spatial.dimensions import find_dimensions
from dicube_core.spatial.findings import FindingKind, assess
from dicube_core.spatial.marks import MARKS, column, sort_key
from dicube_core.spatial.order import SortMethod, slice_order
from dicube_core.spatial.planes import SliceAttributes

K = FindingKind


@dataclass(frozen=True)
class Case:
    """A way to tell volumes apart, and what is to be found."""

    mark: object
    volumes: int
    shape: tuple  # without slices
    names: tuple
    keyword: str
    values: tuple
    varies: bool = False
    number: object = None


def times(frame):
    """A clock that runs on from image to image, as in every series."""
    return text(0x00080032, "TM", f"10{frame.number // 60:02d}{frame.number % 60:02d}.25")


def ids(keyword_tag, vr="IS"):
    return lambda f: marks(text(keyword_tag, vr, str(f.volume + 1)), times(f))


def diffusion(f):
    b = fd(0x00189087, 0.0 if f.volume == 0 else 1000.0)
    return marks(b, *([fd(0x00189089, 1.0 / f.volume, 0.0, -0.5)] if f.volume else []), times(f))


def siemens(creator):
    def mark(f):
        return marks(text(0x00190010, "LO", creator), text(0x0019100C, "IS", str(500 * f.volume)))

    return mark


def siemens_unknown_vr(f):
    return marks(
        Node(0x00190010, "UN", b"SIEMENS MR HEADER "),
        Node(0x0019100C, "UN", b"500 " if f.volume else b"0 "),
    )


def interleaved(volume, place):
    return place * 100 + volume


CASES = {
    "echo numbers": Case(
        lambda f: ids(0x00180086)(f) | marks(text(0x00180081, "DS", f"{4.6 * (f.volume + 1):.1f}")),
        *(3, (3,), ("echo",), "EchoNumbers", (1.0, 2.0, 3.0)),
    ),
    "echo times, slice after slice": Case(
        lambda f: marks(text(0x00180081, "DS", f"{10 * (f.volume + 1)}"), times(f)),
        *(3, (3,), ("echo",), "EchoTime", (10.0, 20.0, 30.0), False, interleaved),
    ),
    "temporal position": Case(
        ids(0x00200100),
        12,
        (12,),
        ("time",),
        "TemporalPositionIdentifier",
        tuple(map(float, range(1, 13))),
    ),
    "acquisition number": Case(
        ids(0x00200012), 4, (4,), ("time",), "AcquisitionNumber", (1.0, 2.0, 3.0, 4.0)
    ),
    "enhanced time": Case(
        lambda f: marks(ul(0x00209128, f.volume + 48), times(f)),
        *(3, (3,), ("time",), "TemporalPositionIndex", (48.0, 49.0, 50.0)),
    ),
    "dynamic PET": Case(
        lambda f: marks(text(0x00541300, "DS", f"{30000 * f.volume + 15000}"), times(f)),
        *(3, (3,), ("time",), "FrameReferenceTime", (15000.0, 45000.0, 75000.0)),
    ),
    "a clock per slice": Case(
        lambda f: marks(times(f)),
        *(2, (2,), ("time",), "AcquisitionTime", (36000.25, 36005.25), True),
    ),
    "a clock per volume over midnight": Case(
        lambda f: marks(
            text(0x00080022, "DA", ("20240131", "20240201")[f.volume > 1]),
            text(0x00080032, "TM", ("235950", "235955", "000005")[f.volume]),
        ),
        *(3, (3,), ("time",), "AcquisitionTime", (86390.0, 86395.0, 86405.0)),
    ),
    "date and time in one": Case(
        lambda f: marks(
            text(0x0008002A, "DT", ("20240131235950.5", "20240201010000+0100")[f.volume])
        ),
        *(2, (2,), ("time",), "AcquisitionDateTime", (86390.5, 86400.0)),
    ),
    "cardiac phase": Case(
        lambda f: marks(fl(0x00209241, 10.1 * f.volume), times(f)),
        *(3, (3,), ("phase",), "NominalPercentageOfCardiacPhase"),
        tuple(float(np.float32(10.1 * i)) for i in range(3)),
    ),
    "cine with a trigger time per slice": Case(
        lambda f: marks(text(0x00181060, "DS", f"{40 * f.volume + 1.5 * f.place}"), times(f)),
        *(4, (4,), ("phase",), "TriggerTime", (0.0, 40.0, 80.0, 120.0), True, interleaved),
    ),
    "b-values": Case(
        lambda f: marks(fd(0x00189087, (0.0, 800.0, 50.0)[f.volume]), times(f)),
        *(3, (3,), ("b_value",), "DiffusionBValue", (0.0, 50.0, 800.0)),
    ),
    "gradient directions": Case(
        diffusion,
        *(3, (3,), ("diffusion",), "DiffusionBValue, DiffusionGradientOrientation"),
        ((0.0, None), (1000.0, (0.5, 0.0, -0.5)), (1000.0, (1.0, 0.0, -0.5))),
    ),
    "b-values of Siemens": Case(
        siemens("SIEMENS MR HEADER"), 3, (3,), ("b_value",), "(0019,100C)", (0.0, 500.0, 1000.0)
    ),
    "b-values of Siemens without VR": Case(
        siemens_unknown_vr, 2, (2,), ("b_value",), "(0019,100C)", (0.0, 500.0)
    ),
    "b-values of GE": Case(
        lambda f: marks(
            text(0x00430010, "LO", "GEMS_PARM_01"),
            text(0x00431039, "IS", f"{1000000000 * f.volume + 700 * f.volume}\\8\\0\\0"),
        ),
        *(2, (2,), ("b_value",), "(0043,1039)", (0.0, 700.0)),
    ),
    "b-values of Philips": Case(
        lambda f: marks(
            text(0x20010010, "LO", "Philips Imaging DD 001"), fl(0x20011003, 600.0 * f.volume)
        ),
        *(2, (2,), ("b_value",), "(2001,1003)", (0.0, 600.0)),
    ),
    "magnitude and phase": Case(
        lambda f: marks(text(0x00080008, "CS", "ORIGINAL\\PRIMARY\\" + "MP"[f.volume]), times(f)),
        *(2, (2,), ("image_type",), "ImageType", ("ORIGINAL\\PRIMARY\\M", "ORIGINAL\\PRIMARY\\P")),
    ),
    "complex components": Case(
        lambda f: marks(text(0x00089208, "CS", ("REAL", "IMAGINARY")[f.volume]), times(f)),
        *(2, (2,), ("image_type",), "ComplexImageComponent", ("IMAGINARY", "REAL")),
    ),
    "dual energy": Case(
        lambda f: marks(text(0x00180060, "DS", ("140", "80")[f.volume]), times(f)),
        *(2, (2,), ("tube_voltage",), "KVP", (80.0, 140.0)),
    ),
    "flip angles": Case(
        lambda f: marks(text(0x00181314, "DS", str(5 * f.volume + 5)), times(f)),
        *(3, (3,), ("flip_angle",), "FlipAngle", (5.0, 10.0, 15.0)),
    ),
    "echoes in time": Case(
        lambda f: marks(
            text(0x00180086, "IS", str(f.volume % 2 + 1)),
            text(0x00200012, "IS", str(f.volume // 2 + 1)),
            times(f),
        ),
        *(6, (2, 3), ("echo", "time"), "EchoNumbers", (1.0, 2.0)),
    ),
    "directions of each b-value": Case(
        lambda f: marks(
            fd(0x00189087, (500.0, 1000.0)[f.volume // 3]), fd(0x00189089, f.volume % 3, 0.0, 1.0)
        ),
        *(6, (2, 3), ("b_value", "direction"), "DiffusionBValue", (500.0, 1000.0)),
    ),
    "repeats of each b-value": Case(
        lambda f: marks(
            fd(0x00189087, 1000.0 * (f.volume // 2)), text(0x00200012, "IS", str(f.volume))
        ),
        *(4, (2, 2), ("b_value", "time"), "DiffusionBValue", (0.0, 1000.0)),
    ),
    "energy windows of detectors": Case(
        lambda f: marks(us(0x00540010, f.volume // 2 + 1), us(0x00540020, f.volume % 2 + 48)),
        *(4, (2, 2), ("energy_window", "detector"), "EnergyWindowVector", (1.0, 2.0)),
    ),
    "two reconstructions": Case(
        lambda f: marks(text(0x00181210, "SH", ("B70f", "B30f")[f.volume]), times(f)),
        *(2, (2,), ("kernel",), "ConvolutionKernel", ("B30f", "B70f")),
    ),
}


def converted(tmp_path, files, name="x", **options):
    source = write_files(tmp_path / f"source_{name}", files)
    path = tmp_path / f"{name}.dcbs"
    report = dicube_core.convert(source, path, **options).report
    return path, report


def places_of(reader):
    """(volume, place) of each frame, as the series' own headers say."""
    texts = [value.split() for value in reader.dicom_meta.get_values("ImageComments")]
    return [(int(words[1]), int(words[3])) for words in texts]


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_volumes_are_found_ordered_and_placed(case, tmp_path):
    files = make_volumes(case.volumes, 5, case.mark, number=case.number, seed=1)
    path, report = converted(tmp_path, files)
    with dicube_core.open(path) as reader:
        found = reader.dimensions
        assert found.is_regular
        assert found.is_contiguous
        assert found.shape == (*case.shape, 5)
        assert found.names == case.names
        axis = found.axes[0]
        assert (axis.keyword, axis.varies) == (case.keyword, case.varies)
        assert (
            axis.values == pytest.approx(case.values)
            if not isinstance(case.values[0], (str, tuple))
            else axis.values == case.values
        )
        # Each volume holds one volume of the source, its slices in space.
        told = places_of(reader)
        rows = found.index.reshape(-1, 5)
        volumes = [{told[i][0] for i in row} for row in rows]
        assert all(len(one) == 1 for one in volumes)
        assert len(set.union(*volumes)) == case.volumes
        assert all([told[i][1] for i in row] == list(range(5)) for row in rows)
        # Its geometry is that of the volume alone.
        first = next(iter(volumes[0]))
        alone, _ = converted(
            tmp_path,
            make_volumes(
                case.volumes,
                5,
                case.mark,
                number=case.number,
                leave_out=lambda f: f.volume != first,
            ),
            "alone",
        )
        assert reader.geometry is None
        assert reader.volume_geometry == dicube_core.open(alone).geometry
        assert reader.report() == report
        (finding,) = [one for one in report.findings if one.kind is K.SEVERAL_VOLUMES]
        assert finding.message == str(found)
        assert not {K.DUPLICATE_POSITION, K.NOT_IN_SPATIAL_ORDER} & {
            one.kind for one in report.findings
        }
        assert pickle.loads(pickle.dumps(found)) == found
        assert hash(found) == hash(report.dimensions)
    image = dicube_core.load_from_dicom_folder(tmp_path / "source_x")
    assert image.dimensions == dicube_core.load(path).dimensions == report.dimensions


def test_any_names_give_the_same_series(tmp_path):
    case = CASES["echoes in time"]
    seen = set()
    for seed in range(3):
        files = make_volumes(case.volumes, 4, case.mark, seed=seed)
        path, _ = converted(tmp_path, files, f"seed{seed}")
        with dicube_core.open(path) as reader:
            seen.add((tuple(places_of(reader)), reader.frames().tobytes()))
    assert len(seen) == 1


def test_what_goes_along_with_an_axis_is_told(tmp_path):
    case = CASES["echo numbers"]
    path, _ = converted(tmp_path, make_volumes(3, 4, case.mark))
    (axis,) = dicube_core.open(path).dimensions.axes
    ((keyword, unit, values),) = axis.also
    assert (keyword, unit, values) == ("EchoTime", "ms", (4.6, 9.2, 13.8))


def test_other_orders_keep_the_grid(tmp_path):
    case = CASES["echoes in time"]
    files = make_volumes(case.volumes, 4, case.mark)
    path, _ = converted(tmp_path, files, sort_method=SortMethod.POSITION_LEFT_HAND)
    with dicube_core.open(path) as reader:
        found, told = reader.dimensions, places_of(reader)
        assert found.is_regular
        assert not found.is_contiguous
        for echo in range(2):
            for time in range(3):
                own = [told[i] for i in found.frames_of(echo=echo, time=time)]
                assert own == [(2 * time + echo, place) for place in range(4)]


# -- what is no dimension ----------------------------------------------------------------------


@pytest.mark.parametrize(
    "mark",
    [
        lambda f: marks(times(f)),
        lambda f: marks(text(0x00181060, "DS", str(17 * f.place))),
        lambda f: marks(text(0x00200012, "IS", str(f.place // 2)), times(f)),
        lambda f: marks(text(0x00180081, "DS", str(f.place))),
    ],
)
def test_what_varies_from_slice_to_slice_is_no_dimension(mark, tmp_path):
    path, report = converted(tmp_path, make_volumes(1, 6, mark))
    assert report.dimensions is None
    assert report.findings == ()
    with dicube_core.open(path) as reader:
        assert reader.dimensions is None
        assert reader.volume_geometry == reader.geometry is not None


NOT_TOLD_APART = {
    "nothing differs": lambda f: {},
    "a value that some slices lack": lambda f: (
        {} if f.place == 1 else marks(text(0x00180086, "IS", str(f.volume)))
    ),
    "values that are none": lambda f: marks(text(0x00180086, "IS", "AB"[f.volume])),
    "private, and not of who defines it": siemens("SOMEONE ELSE"),
    "one place only": lambda f: marks(text(0x00200012, "IS", str(f.volume * (f.place == 1)))),
}


@pytest.mark.parametrize("mark", NOT_TOLD_APART.values(), ids=NOT_TOLD_APART)
def test_what_is_not_told_apart_is_a_duplicate(mark, tmp_path):
    _, report = converted(tmp_path, make_volumes(2, 5, mark))
    assert report.dimensions is None
    (finding,) = [one for one in report.findings if one.kind is K.DUPLICATE_POSITION]
    assert finding.slices == tuple(range(10))
    assert "no known attribute tells them apart" in finding.message
    assert "slices 0, 1 / slices 2, 3" in finding.message


def test_one_slice_twice_names_both(tmp_path):
    files = make_volumes(
        2, 5, lambda f: marks(times(f)), leave_out=lambda f: f.volume and f.place != 2
    )
    _, report = converted(tmp_path, files)
    assert report.dimensions is None
    (finding,) = [one for one in report.findings if one.kind is K.DUPLICATE_POSITION]
    assert finding.slices == (2, 3)


def test_a_grid_with_a_hole_is_not_filled(tmp_path):
    files = make_volumes(
        3, 5, CASES["echo numbers"].mark, leave_out=lambda f: (f.volume, f.place) == (1, 3)
    )
    path, report = converted(tmp_path, files)
    with dicube_core.open(path) as reader:
        found = reader.dimensions
        assert found == report.dimensions
        assert not found.is_regular
        assert found.shape == (3, 5)
        assert found.missing == ((-12.5, 20.25, -22.5),)
        assert "1 of its 15 places is empty (echo 2 lacks 1 slice)" in found.reason
        assert reader.volume_geometry is None
        for access in (lambda: found.index, lambda: found.frames_of(echo=0)):
            with pytest.raises(GeometryError, match="echo 2 lacks 1 slice"):
                access()
    (finding,) = [one for one in report.findings if one.kind is K.INCOMPLETE_VOLUMES]
    assert finding.positions == found.missing


def test_a_doubled_frame_in_a_grid_is_told(tmp_path):
    files = make_volumes(2, 4, CASES["echo numbers"].mark)
    again = make_volumes(
        2,
        4,
        lambda f: CASES["echo numbers"].mark(f) | marks(text(0x00180086, "IS", "1")),
        number=lambda volume, place: 90 + place + 4 * volume,
        leave_out=lambda f: (f.volume, f.place) != (0, 2),
    )
    files["again"] = next(iter(again.values()))
    _, report = converted(tmp_path, files)
    assert not report.dimensions.is_regular
    assert report.dimensions.reason == "1 frame(s) share place and values with another one"


# -- stacks ------------------------------------------------------------------------------------


def stack(orientation, count, series, mark=lambda f: {}, volumes=1):
    number = {"a": 0, "b": 300, "c": 600}[series]
    return {
        f"{series}{name}": data
        for name, data in make_volumes(
            volumes,
            count,
            mark,
            orientation=orientation,
            number=lambda volume, place: number + 50 * volume + place,
        ).items()
    }


def test_stacks_of_three_orientations(tmp_path):
    planes = {"a": AXIAL, "b": SAGITTAL_PLANE, "c": CORONAL}
    files = {}
    for name, plane in planes.items():
        files |= stack(plane, 4, name, CASES["echo numbers"].mark, 2)
    path, report = converted(tmp_path, files)
    with dicube_core.open(path) as reader:
        found = reader.dimensions
        assert (found.names, found.shape) == (("stack", "echo"), (3, 2, 4))
        assert found.is_contiguous
        assert found.geometry is None
        assert found.axes[0].values == tuple(sorted(planes.values()))
        for step, plane in enumerate(found.axes[0].values):
            geometry = found.geometry_of(stack=step, echo=1)
            assert geometry.to_dicom_orientation() == plane
            assert geometry.shape == (4, 6, 5)
        assert reader.report() == report
    (finding,) = [one for one in report.findings if one.kind is K.NON_UNIFORM_ORIENTATION]
    for words in ("8 axial", "8 sagittal", "8 coronal"):
        assert words in finding.message


def test_stacks_of_unequal_length_are_no_grid(tmp_path):
    files = stack(AXIAL, 5, "a") | stack(SAGITTAL_PLANE, 2, "b")
    _, report = converted(tmp_path, files)
    assert not report.dimensions.is_regular
    assert report.dimensions.reason == "stacks of 2 and 5 slices"
    (finding,) = [one for one in report.findings if one.kind is K.NON_UNIFORM_ORIENTATION]
    assert "5 axial (1, 0, 0, 0, 1, 0), 2 sagittal (0, 1, 0, 0, 0, -1)" in finding.message
    assert finding.slices == (5, 6)


def test_parallel_stacks_go_by_stack_id(tmp_path):
    def mark(f):
        height = 30.0 * (f.place // 3) + 2.0 * (f.place % 3)
        return marks(
            text(0x00200032, "DS", f"0\\0\\{height}"),
            text(0x00209056, "SH", str(f.place // 3 + 1)),
            ul(0x00209057, f.place % 3 + 1),
        )

    path, report = converted(tmp_path, make_volumes(1, 6, mark))
    found = report.dimensions
    assert (found.names, found.shape, found.axes[0].keyword) == (("stack",), (2, 3), "StackID")
    assert [one.origin for one in found.geometries] == [(0.0, 0.0, 0.0), (0.0, 0.0, 30.0)]
    assert found.geometry is None
    assert dicube_core.open(path).dimensions == found


def test_a_regular_series_stays_one_volume_whatever_its_stacks_are_called(tmp_path):
    path, report = converted(
        tmp_path, make_volumes(1, 6, lambda f: marks(text(0x00209056, "SH", str(f.place % 2))))
    )
    assert report.dimensions is None
    assert dicube_core.open(path).geometry is not None


def test_slices_that_each_have_an_orientation_are_no_stacks():
    slices = make_slices(steps(1), AXIAL) + make_slices(steps(1), SAGITTAL)
    assert find_dimensions(slices) is None


def test_localizers_among_slices_are_named(tmp_path):
    localizer = marks(text(0x00080008, "CS", "ORIGINAL\\PRIMARY\\LOCALIZER"))
    files = stack(AXIAL, 5, "a") | stack(SAGITTAL_PLANE, 1, "b", lambda f: localizer)
    _, report = converted(tmp_path, files)
    (finding,) = [one for one in report.findings if one.kind is K.LOCALIZER_AMONG_SLICES]
    assert finding.slices == (5,)


def test_a_series_of_localizers_only_is_not_mixed(tmp_path):
    mark = marks(text(0x00080008, "CS", "ORIGINAL\\PRIMARY\\LOCALIZER"))
    path, report = converted(tmp_path, make_volumes(1, 3, lambda f: mark))
    assert report.findings == dicube_core.open(path).report().findings == ()


# -- frames without position -------------------------------------------------------------------


def test_nuclear_medicine_counts_frames_that_have_no_position():
    slices = [
        SliceAttributes(marks={0x00540030: us(1, phase).value, 0x00540020: us(1, detector).value})
        for phase in (2, 1, 3)
        for detector in (1, 2)
    ]
    found = find_dimensions(slices)
    assert (found.names, found.shape) == (("detector", "phase"), (2, 3, 1))
    assert found.frames == (2, 0, 4, 3, 1, 5)


def test_other_attributes_prove_nothing_without_positions():
    slices = [SliceAttributes(marks={0x00180086: str(n)}) for n in (1, 2, 3)]
    assert find_dimensions(slices) is None


# -- access ------------------------------------------------------------------------------------


def in_space(one, own, **fields):
    """Where a slice lies, and what else it says."""
    return SliceAttributes(
        position=one.position,
        orientation=one.orientation,
        pixel_spacing=one.pixel_spacing,
        rows=one.rows,
        columns=one.columns,
        marks=own,
        **fields,
    )


def grid(*lengths, places=3):
    """Slices of a full grid of echoes, times and so on, volume after volume."""
    tags = (0x00180086, 0x00181314, 0x00200100)[: len(lengths)]
    slices = []
    for volume in np.ndindex(*lengths):
        own = dict(zip(tags, (str(step + 1) for step in volume), strict=True))
        slices += [in_space(one, own) for one in make_slices(steps(places))]
    return slices


def test_frames_of_takes_names_and_negative_steps():
    found = find_dimensions(grid(2, 3))
    assert found.frames_of(echo=1, flip_angle=0) == (9, 10, 11)
    assert found.frames_of(echo=-1, flip_angle=-3) == (9, 10, 11)
    assert found.frames_of(echo=0) == tuple(range(9))
    assert found.frames_of(flip_angle=2) == (6, 7, 8, 15, 16, 17)
    assert found.frames_of() == tuple(range(18))
    assert found.volume_count == 6
    with pytest.raises(FrameIndexError, match="echo 2 of 2"):
        found.frames_of(echo=2)
    with pytest.raises(ValueError, match=r"'tube'.*echo, flip_angle"):
        found.frames_of(tube=0)
    with pytest.raises(FrameIndexError):
        found.geometry_of(echo=-3)


LENGTHS = st.lists(st.integers(2, 4), min_size=1, max_size=3)


@given(LENGTHS, st.integers(1, 4), st.randoms())
def test_any_full_grid_is_found_in_any_order(lengths, places, random):
    slices = grid(*lengths, places=places)
    order = random.sample(range(len(slices)), len(slices))
    shuffled = [slices[i] for i in order]
    found = find_dimensions(shuffled)
    assert found.shape == (*lengths, places)
    assert [order[i] for i in found.frames] == list(range(len(slices)))
    assert [order[i] for i in slice_order(shuffled)] == list(range(len(slices)))


@given(LENGTHS, st.integers(2, 4), st.data())
def test_a_grid_that_lacks_any_frame_is_never_full(lengths, places, data):
    slices = grid(*lengths, places=places)
    gone = data.draw(st.integers(0, len(slices) - 1))
    found = find_dimensions(slices[:gone] + slices[gone + 1 :])
    assert found is None or not found.is_regular


@given(LENGTHS, st.integers(1, 4), st.data())
def test_a_grid_with_a_frame_twice_is_never_full(lengths, places, data):
    slices = grid(*lengths, places=places)
    twice = data.draw(st.integers(0, len(slices) - 1))
    found = find_dimensions([*slices, slices[twice]])
    assert found is None or not found.is_regular


VALUES = st.sampled_from(["1", "2", "3", "", "x"])
TAGS = st.sampled_from([0x00180086, 0x00200100, 0x00080032, 0x00181060, 0x00080008, 0x00209056])


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.dictionaries(TAGS, VALUES),
            st.sampled_from([AXIAL] * 5 + [SAGITTAL]),
        ),
        max_size=10,
    ),
    st.randoms(),
)
def test_a_regular_grid_holds_every_frame_once_whatever_the_headers(frames, random):
    slices = [
        in_space(one, own, instance_number=number, sop_instance_uid=f"1.{number}")
        for number, (place, own, plane) in enumerate(frames)
        for one in make_slices([2.5 * place], plane)
    ]
    found = find_dimensions(slices)
    order = random.sample(range(len(slices)), len(slices))
    shuffled = find_dimensions([slices[i] for i in order])
    if found is None:
        assert shuffled is None
        return
    assert (shuffled.axes, shuffled.shape, shuffled.is_regular) == (
        *(found.axes, found.shape, found.is_regular),
    )
    if found.is_regular:
        assert [order[i] for i in shuffled.frames] == list(found.frames)
        assert sorted(found.frames) == list(range(len(slices)))
        assert np.prod(found.shape) == len(slices)
        # Volumes go through the same places, unless they are stacks.
        if "stack" not in found.names:
            heights = np.array([one.position[2] for one in slices])[found.index]
            assert (heights == heights.reshape(-1, found.slice_count)[0]).all()
    assert assess(slices).dimensions.axes == found.axes


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=7) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(MARKS)), st.lists(ANYTHING, min_size=1, max_size=4))
def test_no_value_of_a_header_raises(tag, values):
    creators = {0x00190010: "SIEMENS MR HEADER", 0x20010010: "Philips Imaging DD 001"}
    slices = [SliceAttributes(marks={**creators, tag: value}) for value in values]
    parsed = column(slices, tag)
    assert len(parsed) == len(values)
    for one in parsed:
        assert one is None or isinstance(one, (float, str, tuple))
    sorted(parsed, key=sort_key)
    assert len(set(parsed)) <= len(parsed)


def test_times_are_read_as_the_standard_writes_them():
    def seconds(tag, *values):
        return column([SliceAttributes(marks={tag: value}) for value in values], tag)

    assert seconds(0x00080032, "07", "0709", "070907.5", b"07:09:07 ", "0760", "7") == [
        *(25200.0, 25740.0, 25747.5, 25747.0, None, None)
    ]
    assert seconds(0x0008002A, "20240229120000", "20230229120000", "20240229130000+0100") == [
        *(43200.0, None, 43200.0)
    ]


def test_dimensions_say_themselves_in_words():
    assert str(find_dimensions(grid(4, places=20))) == (
        "4 echoes (EchoNumbers 1, 2, 3, 4) of 20 slices: a regular grid of 80 frames"
    )


# -- multi-frame instances -----------------------------------------------------------------------


def enhanced(volumes, places, order):
    """One Enhanced MR image; its frames are volumes of places, in the given order."""
    nodes = slice_nodes(0, Kind("frames", rows=6 * volumes * places))
    for tag in (0x00180050, 0x00200032, 0x00200037, 0x00201041, 0x00280030):
        del nodes[tag]
    per_frame = []
    for number in order:
        volume, place = divmod(number, places)
        position = text(0x00200032, "DS", f"-12.5\\20.25\\{2.5 * place:.4f}")
        per_frame.append(
            [
                Node(0x00189114, "SQ", [[fd(0x00189082, 5.0 + volume)]]),  # MR Echo Sequence
                Node(0x00209111, "SQ", [[ul(0x00209128, volume + 1), ul(0x00209057, place + 1)]]),
                Node(0x00209113, "SQ", [[position]]),
            ]
        )
    plane = text(0x00200037, "DS", "1\\0\\0\\0\\1\\0")
    measures = [text(0x00180050, "DS", "2.5"), text(0x00280030, "DS", "0.750\\0.5")]
    shared = [Node(0x00209116, "SQ", [[plane]]), Node(0x00289110, "SQ", [measures])]
    nodes |= marks(
        text(0x00080016, "UI", "1.2.840.10008.5.1.4.1.1.4.1"),
        text(0x00080060, "CS", "MR"),
        text(0x00280008, "IS", str(volumes * places)),
        us(0x00280010, 6),
        Node(0x52009229, "SQ", [shared]),
        Node(0x52009230, "SQ", per_frame),
    )
    return {"enhanced.dcm": part10(nodes)}


@pytest.mark.parametrize("turned", [False, True])
def test_volumes_of_a_multi_frame_instance(tmp_path, turned):
    order = list(range(12))
    if turned:  # place after place, as many scanners write them
        order = [volume * 4 + place for place in range(4) for volume in range(3)]
    path, report = converted(tmp_path, enhanced(3, 4, order))
    with dicube_core.open(path) as reader:
        found = reader.dimensions
        assert found == report.dimensions
        assert (found.names, found.shape) == (("echo",), (3, 4))
        assert found.is_contiguous
        assert found.axes[0].values == (5.0, 6.0, 7.0)
        assert "TemporalPositionIndex" in {own.keyword for own in found.axes[0].also}
        assert reader.volume_geometry.spacing == (2.5, 0.75, 0.5)
        source = Kind("frames", rows=6 * 12).frame(0).reshape(12, 6, 5)
        expected = source[[order.index(number) for number in range(12)]]
        np.testing.assert_array_equal(reader.frames(), expected)
