"""Files of every kind of pixels and series, and what is in them, worked out here."""

from __future__ import annotations

import numpy as np
from conftest_series import write_series
from support.kind_series import PALETTE, Sort, sort_series
from support.raw import Node, text, us
from support.volumes import make_volumes, marks

from dicube_core.image import DicomCubeImage
from dicube_core.pixel_header import PixelDataHeader
from dicube_core.saving import save_image

__all__ = ["COLOURS", "REALS", "file_of", "image_file", "place", "rgb_of", "tilted", "time_series"]


def _lut8(tag, seed):
    values = np.random.default_rng(seed).integers(0, 256, 256)
    return Node(tag, "OW", values.astype("u1").tobytes())


PALETTE_8 = (
    *(us(0x00281101 + n, 256, 0, 8) for n in range(3)),
    *(_lut8(0x00281201 + n, n) for n in range(3)),
)
COLOURS = {
    sort.name: sort
    for sort in (
        Sort("rgb"),
        Sort("rgb_planar", planar=1, rows=5, columns=7),
        Sort("rgb_16", "uint16"),
        Sort("rgb_16_planar", "uint16", planar=1),
        Sort("rgb_16_stored_12", "uint16", stored=12),
        Sort("rgb_32", "uint32"),
        Sort("ybr", photometric="YBR_FULL", rows=9),
        Sort("ybr_planar", photometric="YBR_FULL", planar=1),
        Sort("ybr_422", photometric="YBR_FULL_422"),
        Sort("palette", photometric="PALETTE COLOR", extra=PALETTE),
        Sort("palette_8", photometric="PALETTE COLOR", extra=PALETTE_8),
    )
}
REALS = {
    sort.name: sort
    for sort in (
        Sort("float32", "float32", "MONOCHROME2"),
        Sort("float64", "float64", "MONOCHROME2", rows=5, columns=7),
    )
}
BITS = Sort("bits", "uint8", "MONOCHROME2", rows=5, columns=7, bit=True)


def file_of(sort, folder, count=3):
    """Return a .dcbs file of a series of single frames, which lie 2.5 mm apart."""
    return write_series(folder, sort_series(sort, count), f"{sort.name}.dcbs")


def frames_of(sort, count=3):
    """Return its stored values."""
    return np.stack([sort.frame(index) for index in range(count)])


def rgb_of(sort, count=3):
    """Return the colours that its values stand for (PS3.3 C.7.6.3.1.2 and C.7.9)."""
    stored = frames_of(sort, count)
    if sort.photometric == "RGB":
        return stored
    if sort.photometric.startswith("PALETTE"):
        tables = [node.value for node in sort.extra[3:]]
        kind = "<u2" if sort.extra is PALETTE else "u1"
        return np.stack([np.frombuffer(table, kind)[stored] for table in tables], axis=-1)
    y, cb, cr = (stored[..., n].astype(float) for n in range(3))
    cb, cr = cb - 128, cr - 128
    rgb = [y + 1.402 * cr, y - 0.114 * 1.772 / 0.587 * cb - 0.299 * 1.402 / 0.587 * cr]
    rgb = np.stack([*rgb, y + 1.772 * cb], axis=-1)
    return np.clip(np.floor(rgb + 0.5), 0, 255).astype("uint8")


def image_file(path, array, space=None):
    """Return a file of an array, without metadata."""
    name = array.dtype.name
    header = PixelDataHeader(1.0, 0.0, OriginalPixelDtype=name, PixelDtype=name)
    save_image(DicomCubeImage(array, header, space=space), path)
    return path


def time_series(folder, volumes=3, places=4, step=2.0, counted=()):
    """Return a file of volumes at even steps of time, and its values as (t, z, y, x).

    With `counted`, elements for all slices, the volumes are numbered.
    """

    def mark(frame):
        seconds = 36000 + step * frame.volume
        clock = f"{int(seconds // 3600):02d}{int(seconds % 3600 // 60):02d}{seconds % 60:09.6f}"
        if counted:
            return marks(text(0x00200100, "IS", str(frame.volume + 1)), *counted)
        return marks(text(0x00080022, "DA", "20240131"), text(0x00080032, "TM", clock))

    return _volumes(folder, volumes, places, mark)


def echoes(folder, volumes=2, places=3):
    """Return a file of several echoes, and its values as (echo, z, y, x)."""
    return _volumes(
        folder,
        volumes,
        places,
        lambda frame: marks(text(0x00180081, "DS", str(10 + 20 * frame.volume))),
    )


def echoes_in_time(folder):
    """Return a file of 2 echoes at 3 times of 4 slices, and its values as (echo, t, z, y, x)."""

    def mark(frame):
        echo, time = divmod(frame.volume, 3)
        return marks(
            text(0x00180081, "DS", str(10 + 20 * echo)), text(0x00200100, "IS", str(time + 1))
        )

    path, values = _volumes(folder, 6, 4, mark)
    return path, values.reshape(2, 3, *values.shape[1:])


def _volumes(folder, volumes, places, mark):
    from support.series import CT

    path = write_series(folder, make_volumes(volumes, places, mark, seed=7))
    frames = [CT.frame(v * places + z) for v in range(volumes) for z in range(places)]
    return path, np.stack(frames).reshape(volumes, places, *frames[0].shape).astype(float) - 1024


def tilted(folder, count=5):
    """Return a file of slices that are shifted along their columns, and the step between them."""
    step = (0.0, 0.8, 2.5)
    files = make_volumes(1, count, lambda _: {}, step=step)
    return write_series(folder, files), step


def place():
    """Return an edit-free geometry for arrays of (4, 5, 6)."""
    from dicube_core.geometry import Geometry

    axes = ((0.0, 0.0, 1.0), (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
    return Geometry((4, 5, 6), (-10.0, 5.5, 30.0), (3.0, 0.5, 0.25), axes)
