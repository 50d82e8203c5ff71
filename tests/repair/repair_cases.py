"""Whole files of every sort, what is in them, and what a repair of them must have kept."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.uid import RLELossless
from support import multiframe
from support.kind_series import Sort, sort_series
from support.metadata_cases import CASES
from support.series import make_series
from support.whole import write_files

import dicube_core
from dicube_core.geometry import Geometry
from dicube_core.verify import verify_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from dicube_core.salvage import RepairReport


def _enhanced(compress: bool = False) -> dict[str, bytes]:
    """Two instances of three frames, the second with the places between those of the first."""
    files = {}
    for number in range(2):
        dataset = multiframe.enhanced(
            multiframe.frames_of(6)[3 * number :][:3],
            instance=number + 1,
            first=3 * number,
            backwards=True,
        )
        pack = multiframe.part10
        files[f"E{number}.dcm"] = (
            multiframe.compressed(dataset, RLELossless) if compress else pack(dataset)
        )
    return files


def _classic() -> dict[str, bytes]:
    return {"C.dcm": multiframe.part10(multiframe.classic(multiframe.frames_of(4, dtype="<u1")))}


def _rle_single() -> dict[str, bytes]:
    files = {}
    for number in range(4):
        dataset = multiframe.classic(multiframe.frames_of(1), "1.2.840.10008.5.1.4.1.1.7")
        dataset.SOPInstanceUID = f"{multiframe.ROOT}.5.{number}"
        dataset.InstanceNumber = number + 1
        dataset.PixelData = bytes(np.arange(42, dtype="<u2") * (number + 1))
        del dataset.FrameIncrementPointer, dataset.FrameTimeVector
        files[f"R{number}.dcm"] = multiframe.compressed(dataset, RLELossless)
    return files


#: Name -> (files of the series, options of `convert`).
SERIES: dict[str, tuple[Callable[[], dict[str, bytes]], dict[str, Any]]] = {
    "grey": (lambda: make_series(5), {}),
    "slopes": (lambda: make_series(4, edit=CASES["rescale_per_slice"]), {}),
    "implicit": (lambda: make_series(4, syntax="1.2.840.10008.1.2"), {}),
    "colour": (lambda: sort_series(Sort("rgb"), 4), {}),
    "real": (lambda: sort_series(Sort("float32", "float32", "MONOCHROME2"), 4), {}),
    "enhanced": (_enhanced, {}),
    "classic": (_classic, {}),
    "kept": (_rle_single, {"keep_encoding": True}),
    "kept_frames": (lambda: _enhanced(compress=True), {"keep_encoding": True}),
}


@dataclass(frozen=True)
class Original:
    """A whole file and its parts."""

    data: bytes
    codestreams: list[bytes]
    headers: list[Any] | None
    instances: list[Any] | None
    frame_map: Any
    parts: dict[str, range]
    frames: list[range]

    def damaged_frames(self, data: bytes) -> set[int]:
        """Return the frames whose bytes are others in a file where nothing has moved."""
        places = [data[place.start : place.stop] for place in self.frames]
        return {n for n, found in enumerate(places) if found != self.codestreams[n]}


def original(data: bytes) -> Original:
    """Take a file apart."""
    with dicube_core.open(data) as reader:
        headers, instances = reader.headers, reader.instance_headers
        numbers = struct.unpack_from("<12Q", data, 12)
        names = ("status", "metadata", "space", "pixel_header", "offsets", "lengths")
        parts = {"header": range(116)}
        for name, start, size in zip(names, numbers[::2], numbers[1::2], strict=True):
            parts[name] = range(start, start + size)
        if reader.validated:
            directory = reader.container._directory
            parts["directory"] = range(116, 156 + 32 * len(directory.entries))
            for tag, entry in directory.entries.items():
                if tag.isupper():
                    parts[tag.decode()] = range(entry.section.offset, entry.section.stop)
        index = reader.container.index
        places = zip(index.offsets, index.lengths, strict=True)
        return Original(
            data,
            [reader.codestream(n) for n in range(len(reader))],
            None if headers is None else list(headers),
            None if instances is None else list(instances),
            reader.frame_map,
            {name: place for name, place in parts.items() if place},
            [range(start, start + size) for start, size in places],
        )


def converted(name: str, folder: Path) -> Original:
    """Convert a series."""
    files, options = SERIES[name]
    source = write_files(folder / "source", files())
    dicube_core.convert(source, folder / "whole.dcbs", **options)
    return original((folder / "whole.dcbs").read_bytes())


def bare(folder: Path) -> Original:
    """Return a file without DICOM metadata."""
    array = np.random.default_rng(1).integers(0, 999, (5, 6, 7)).astype("uint16")
    axes = ((0, 0, 1), (0, 1, 0), (1, 0, 0))
    image = dicube_core.DicomCubeImage(
        array,
        dicube_core.PixelDataHeader(RescaleSlope=2.0),
        space=Geometry(array.shape, (1, 2, 3), (4, 5, 6), axes),
    )
    dicube_core.save(image, folder / "whole.dcbs")
    return original((folder / "whole.dcbs").read_bytes())


def check(whole: Original, report: RepairReport, out: Path) -> None:
    """Fail unless what was kept is what it was, every frame is accounted for, and OUT is sound."""
    kept, lost = list(report.frames), [one.frame for one in report.lost]
    assert sorted(kept + lost) == list(range(len(whole.codestreams)))
    assert kept == sorted(kept)
    verified = verify_file(out)
    assert verified.ok, verified.failures
    with dicube_core.open(out) as reader:
        assert [reader.codestream(n) for n in range(len(reader))] == [
            whole.codestreams[n] for n in kept
        ]
        if report.record.headers == "original":
            _check_headers(whole, reader, kept)
        elif report.record.headers == "rebuilt":
            _check_values(whole, reader, kept)
        record = reader.repaired
        assert (record is not None) == report.anything_lost
        if record is not None:
            assert record == report.record
            assert verified.repaired == record.summary()
        for one in report.lost:
            _check_lost(whole, one, report)


def _uid(header: Any) -> bytes:
    from dicube_core.dataset.find import header_values

    return header_values(header)[0x00080018].rstrip(b"\0")


def _check_headers(whole: Original, reader: Any, kept: list[int]) -> None:
    assert [_uid(header) for header in reader.headers] == [_uid(whole.headers[n]) for n in kept]
    if whole.frame_map is None:
        assert list(reader.headers) == [whole.headers[n] for n in kept]
        return
    complete = [
        header
        for number, header in enumerate(whole.instances)
        if set(whole.frame_map.frames_of(number)) <= set(kept)
    ]
    assert [header for header in reader.instance_headers if header in whole.instances] == complete


def _check_values(whole: Original, reader: Any, kept: list[int]) -> None:
    """The same elements with the same values, though not the same bytes."""
    with dicube_core.open(whole.data) as before:
        for new, old in enumerate(kept):
            expected, found = before.dicom_meta.index(old), reader.dicom_meta.index(new)
            assert {tag: one for tag, one in found.items() if tag in expected} == expected
            assert set(found) <= {*expected, "00280106", "00280107"}


def _check_lost(whole: Original, one: Any, report: RepairReport) -> None:
    assert one.cause
    if report.record.headers == "none" or whole.headers is None:
        assert one.sop_instance_uid == ""
        return
    if whole.frame_map is None:
        header = whole.headers[one.frame]
    else:
        header = whole.instances[whole.frame_map.instance(one.frame)]
        if report.record.headers == "original":
            assert one.instance_frame == whole.frame_map.number(one.frame) + 1
        else:
            header = whole.headers[one.frame]
    assert one.sop_instance_uid.encode() == _uid(header)
