"""Series of the kinds that `support.series` has not: colour, palettes, single bits, real values.

Pixel Data is written here sample by sample, without the package's own packing.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

import dicube_core
from dicube_core.export import export_file
from dicube_core.streaming import DcbStreamingReader
from support.compare import same_elements
from support.raw import EXPLICIT_LE, PIXEL_DATA, Node, part10, text, us
from support.series import ROOT, slice_nodes
from support.whole import read_files, write_files

if TYPE_CHECKING:
    from pathlib import Path

Array = np.ndarray[Any, Any]
SECONDARY_CAPTURE = "1.2.840.10008.5.1.4.1.1.7"
FLOAT_TAGS = {"float32": 0x7FE00008, "float64": 0x7FE00009}


@dataclass(frozen=True)
class Sort:
    """One sort of pixels."""

    name: str
    dtype: str = "uint8"
    photometric: str = "RGB"
    planar: int = 0
    rows: int = 6
    columns: int = 8
    stored: int = 0
    bit: bool = False
    extra: tuple[Node, ...] = field(default=())

    @property
    def samples(self) -> int:
        return 1 if self.grey else 3

    @property
    def grey(self) -> bool:
        return self.photometric.startswith(("MONO", "PALETTE"))

    @property
    def real(self) -> bool:
        return self.dtype in FLOAT_TAGS

    @property
    def allocated(self) -> int:
        return 1 if self.bit else 8 * np.dtype(self.dtype).itemsize

    def frame(self, index: int) -> Array:
        """Return one frame as an array: pixel by pixel."""
        rng = np.random.default_rng((index, self.rows, self.columns, self.planar))
        shape = (self.rows, self.columns) if self.grey else (self.rows, self.columns, 3)
        if self.bit:
            return rng.integers(0, 2, shape, dtype=np.uint8)
        if self.real:
            values = rng.normal(0, 1e3, shape).astype(self.dtype)
            values.flat[: min(4, values.size)] = [np.nan, -0.0, np.inf, 1e-40][: values.size]
            return values
        info = np.iinfo(self.dtype)
        bits = self.stored or self.allocated
        low, top = (info.min, info.max) if bits == self.allocated else (0, (1 << bits) - 1)
        values = rng.integers(low, top, shape, dtype=self.dtype, endpoint=True)
        if self.photometric == "YBR_FULL_422":
            values[:, 1::2, 1:] = values[:, 0::2, 1:]
        return values

    def native(self, frame: Array) -> bytes:
        """Return the frame's Pixel Data, one sample after the other."""
        if self.bit:
            data = bytearray(-(-frame.size // 8))
            for number, bit in enumerate(frame.ravel().tolist()):
                data[number // 8] |= bit << number % 8
            return bytes(data)
        if self.grey:
            samples = frame.ravel()
        elif self.photometric == "YBR_FULL_422":
            pairs = zip(frame[:, 0::2].reshape(-1, 3), frame[:, 1::2].reshape(-1, 3), strict=True)
            samples = np.array([(a[0], b[0], a[1], a[2]) for a, b in pairs], self.dtype).ravel()
        elif self.planar:
            samples = np.concatenate([frame[..., s].ravel() for s in range(3)])
        else:
            samples = frame.ravel()
        return samples.astype(samples.dtype.newbyteorder("<")).tobytes()

    def nodes(self, index: int) -> dict[int, Node]:
        """Return the elements of one instance."""
        nodes = slice_nodes(index)
        for tag in (0x00281050, 0x00281051, 0x00281052, 0x00281053, 0x00280102):
            del nodes[tag]
        data = self.native(self.frame(index))
        data += b"\0" * (len(data) % 2)
        bits = self.stored or self.allocated
        replaced = [
            text(0x00080016, "UI", SECONDARY_CAPTURE),
            text(0x00080018, "UI", f"{ROOT}.77.{index + 1}"),
            text(0x00080060, "CS", "OT"),
            us(0x00280002, self.samples),
            text(0x00280004, "CS", self.photometric),
            us(0x00280010, self.rows),
            us(0x00280011, self.columns),
            us(0x00280100, self.allocated),
            us(0x00280101, bits),
            us(0x00280102, bits - 1),
            us(0x00280103, int(self.dtype.startswith("int"))),
            Node(PIXEL_DATA, "OW" if self.allocated > 8 else "OB", data),
            *([] if self.grey else [us(0x00280006, self.planar)]),
            *self.extra,
        ]
        nodes |= {node.tag: node for node in replaced}
        if self.real:
            for tag in (PIXEL_DATA, 0x00280101, 0x00280102, 0x00280103):
                del nodes[tag]
            tag = FLOAT_TAGS[self.dtype]
            nodes[tag] = Node(tag, "OF" if self.allocated == 32 else "OD", data)
        return nodes


def _lut(tag: int, seed: int) -> Node:
    values = np.random.default_rng(seed).integers(0, 65536, 256)
    return Node(tag, "OW", struct.pack("<256H", *values.tolist()))


PALETTE = (
    *(us(0x00281101 + n, 256, 0, 16) for n in range(3)),
    *(_lut(0x00281201 + n, n) for n in range(3)),
)


def sort_series(sort: Sort, count: int = 3, syntax: str = EXPLICIT_LE) -> dict[str, bytes]:
    """Return a series: name to content."""
    return {f"IM{i:04d}.dcm": part10(sort.nodes(i), syntax) for i in range(count)}


def bits_of(array: Array) -> Array:
    """Return real values as the integers that their bits are, so that NaN can be compared."""
    return array.view(f"u{array.dtype.itemsize}") if array.dtype.kind == "f" else array


def assert_sort_whole(
    sort: Sort, folder: Path, *, syntax: str = EXPLICIT_LE, exact: bool = True
) -> Path:
    """Convert a series; fail unless its frames, its elements and its files come back."""
    files = sort_series(sort, syntax=syntax)
    source = write_files(folder / "source", files)
    path = folder / "series.dcbs"
    dicube_core.convert(source, path)
    report = dicube_core.verify_against(path, source)
    assert report.ok, report.failures
    assert report.byte_identical == (len(files) if exact else 0)
    expected = np.stack([sort.frame(index) for index in range(len(files))])
    with dicube_core.open(path) as reader:
        found = reader.frames()
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(bits_of(found), bits_of(expected))
        export_file(reader, folder / "exported")
    exported = read_files(folder / "exported")
    assert sorted(exported) == sorted(files)
    for name, data in files.items():
        if exact:
            assert exported[name] == data
        else:
            same_elements(data, exported[name], by_value=True)
    image = dicube_core.load(path)
    np.testing.assert_array_equal(bits_of(image.raw_image), bits_of(expected))
    dicube_core.save(image, folder / "again.dcbs")
    assert (folder / "again.dcbs").read_bytes() == path.read_bytes()
    dicube_core.save_to_dicom_folder(image, folder / "exported_image")
    assert read_files(folder / "exported_image") == exported
    loaded = dicube_core.load_from_dicom_folder(source)
    dicube_core.save(loaded, folder / "loaded.dcbs")
    assert (folder / "loaded.dcbs").read_bytes() == path.read_bytes()
    with DcbStreamingReader(path) as stream:
        for index in range(len(files)):
            native = stream.get_dicom_for_frame(index, force_uncompressed=True)
            assert native == exported[f"IM{index:04d}.dcm"]
    return path
