"""The same series gives the same bytes: for any order of files, hash seed, and thread count."""

import hashlib
import itertools
import os
import subprocess
import sys

import pytest
from support.metadata_cases import CASES
from support.raw import text
from support.series import Kind, make_series
from support.series_cases import WHOLE
from support.whole import read_files, write_files

import dicube_core
from dicube_core.spatial.order import SortMethod
from dicube_core.streaming import DcbStreamingReader

SCRIPT = """
import hashlib, sys, warnings
warnings.simplefilter("ignore")
import dicube_core
from dicube_core.streaming import DcbStreamingReader
source, target, threads = sys.argv[1:]
dicube_core.set_num_threads(int(threads))
digest = hashlib.sha256()
def add(path):
    digest.update(open(path, "rb").read())
dicube_core.convert(source, target)
add(target)
image = dicube_core.load_from_dicom_folder(source)
dicube_core.save(image, target)
add(target)
image = dicube_core.load(target)
image.dicom_meta.set_shared_item("PatientID", "X")
image.dicom_meta.set_nonshared_item("AcquisitionNumber", list(range(image.shape[0])))
dicube_core.save(image, target)
add(target)
with DcbStreamingReader(target) as stream:
    for index in range(len(stream)):
        digest.update(stream.get_dicom_for_frame(index))
        digest.update(stream.get_dicom_for_frame(index, True))
print(digest.hexdigest())
"""


def sha(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def run_script(source, target, *, seed=0, threads=2, memory=None):
    more = {} if memory is None else {"MALLOC_PERTURB_": str(0xFF ^ memory)}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, str(source), str(target), str(threads)],
        env={**os.environ, "PYTHONHASHSEED": str(seed), **more},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout.strip()


@pytest.mark.parametrize("name", ["everything_at_once"])
def test_any_hash_seed_and_thread_count(name, tmp_path):
    source = write_files(tmp_path / "source", make_series(6, edit=CASES[name]))
    found = {
        run_script(source, tmp_path / f"{seed}.dcbs", seed=seed, threads=threads)
        for seed, threads in ((0, 1), (1, 4), (4711, 2))
    }
    assert len(found) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="the memory filler of glibc is not here")
@pytest.mark.parametrize("signed", [False, True])
def test_nothing_depends_on_what_memory_held_before(signed, tmp_path):
    """A codec library that reads memory it never wrote gives other pixels now and then."""
    kind = Kind("ct", stored=12, signed=signed, rows=20, columns=17)
    source = write_files(tmp_path / "source", make_series(4, kind))
    found = {
        run_script(source, tmp_path / f"{memory}.dcbs", memory=memory) for memory in (0, 1, 3, 85)
    }
    assert len(found) == 1


SERIES = {
    "regular": lambda: make_series(4),
    "equal_positions": lambda: WHOLE["equal_positions"][0],
    "all_equal": lambda: WHOLE["all_equal"][0],
    "nothing_to_sort_by": lambda: WHOLE["nothing_to_sort_by"][0],
    "equal_instances": lambda: WHOLE["equal_instances"][0],
    "instance_number_missing_in_some": lambda: WHOLE["instance_number_missing_in_some"][0],
    "localizer_among_slices": lambda: WHOLE["localizer_among_slices"][0],
}


@pytest.mark.parametrize("name", SERIES)
def test_any_order_of_files(name, tmp_path):
    source = write_files(tmp_path / "source", SERIES[name]())
    found = set()
    for number, paths in enumerate(itertools.permutations(sorted(source.iterdir()))):
        target = tmp_path / f"{number}.dcbs"
        dicube_core.convert(list(paths), target)
        found.add(sha(target))
    assert len(found) == 1


def test_order_along_the_slice_normal_whatever_the_numbers_say(tmp_path):
    def edit(index, nodes):
        nodes[0x00200013] = text(0x00200013, "IS", str(10 - index))

    source = write_files(tmp_path / "source", make_series(4, edit=edit))
    heights = {
        None: [0, 2.5, 5, 7.5],
        SortMethod.INSTANCE_NUMBER_ASC: [7.5, 5, 2.5, 0],
        SortMethod.INSTANCE_NUMBER_DESC: [0, 2.5, 5, 7.5],
        SortMethod.POSITION_RIGHT_HAND: [0, 2.5, 5, 7.5],
        SortMethod.POSITION_LEFT_HAND: [7.5, 5, 2.5, 0],
    }
    for method, expected in heights.items():
        target = tmp_path / "x.dcbs"
        dicube_core.convert(source, target, sort_method=method)
        meta = dicube_core.load_meta(target)
        positions = meta.get_values("ImagePositionPatient")
        assert [position[2] for position in positions] == expected, method
        assert dicube_core.verify_against(target, source).ok


def test_a_slice_served_twice_has_the_same_bytes(tmp_path):
    source = write_files(tmp_path / "source", make_series(3))
    dicube_core.convert(source, tmp_path / "x.dcbs")
    for plain in (False, True):
        found = set()
        for cache in (0, 50):
            for _ in range(2):
                with DcbStreamingReader(tmp_path / "x.dcbs", cache_size=cache) as stream:
                    found.add(stream.get_dicom_for_frame(1, plain))
                    stream.clear_cache()
                    found.add(stream.get_dicom_for_frame(1, plain))
        assert len(found) == 1


def test_export_of_a_converted_export(tmp_path):
    files = make_series(3, edit=CASES["everything_at_once"])
    source = write_files(tmp_path / "0", files)
    for turn in range(3):
        dicube_core.convert(source, tmp_path / f"{turn}.dcbs")
        image = dicube_core.load(tmp_path / f"{turn}.dcbs")
        source = tmp_path / str(turn + 1)
        dicube_core.save_to_dicom_folder(image, source)
    assert read_files(tmp_path / "3") == files
    assert (tmp_path / "2.dcbs").read_bytes() == (tmp_path / "0.dcbs").read_bytes()
