"""One series in every transfer syntax for which an encoder is to be had."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from support.raw import DEFLATED, EXPLICIT_BE, EXPLICIT_LE, IMPLICIT_LE, Node, encapsulated, part10
from support.series import Edit, Kind, slice_nodes

if TYPE_CHECKING:
    from collections.abc import Callable

Array = np.ndarray[Any, Any]

NATIVE = {"explicit_le": EXPLICIT_LE, "implicit_le": IMPLICIT_LE}
REWRITTEN = {"explicit_be": EXPLICIT_BE, "deflated": DEFLATED}


def _imagecodecs(name: str, **options: Any) -> Callable[[Array, Kind], bytes]:
    def encode(frame: Array, kind: Kind) -> bytes:
        import imagecodecs

        return bytes(getattr(imagecodecs, name)(frame, **options))

    return encode


def _pydicom(uid: str, plugin: str) -> Callable[[Array, Kind], bytes]:
    def encode(frame: Array, kind: Kind) -> bytes:
        from pydicom.pixels import get_encoder

        return bytes(
            get_encoder(uid).encode(
                frame,
                rows=kind.rows,
                columns=kind.columns,
                samples_per_pixel=1,
                bits_allocated=kind.allocated,
                # RLE codes whole words, whatever is in the bits beside the pixel.
                bits_stored=kind.allocated if plugin == "pydicom" else kind.stored,
                pixel_representation=int(kind.signed),
                photometric_interpretation=kind.photometric,
                number_of_frames=1,
                encoding_plugin=plugin,
            )
        )

    return encode


#: Name -> (transfer syntax, encoder of one frame).
COMPRESSED: dict[str, tuple[str, Callable[[Array, Kind], bytes]]] = {
    "rle": ("1.2.840.10008.1.2.5", _pydicom("1.2.840.10008.1.2.5", "pydicom")),
    "jpeg_ls": ("1.2.840.10008.1.2.4.80", _pydicom("1.2.840.10008.1.2.4.80", "pyjpegls")),
    "jpeg_2000": ("1.2.840.10008.1.2.4.90", _pydicom("1.2.840.10008.1.2.4.90", "pylibjpeg")),
    "jpeg_lossless": ("1.2.840.10008.1.2.4.70", _imagecodecs("ljpeg_encode")),
    "htj2k": ("1.2.840.10008.1.2.4.201", _imagecodecs("htj2k_encode", reversible=True)),
    "htj2k_rpcl": (
        "1.2.840.10008.1.2.4.202",
        _imagecodecs("htj2k_encode", reversible=True, tlm=True, tilepart=1),
    ),
    "htj2k_lossy": ("1.2.840.10008.1.2.4.203", _imagecodecs("htj2k_encode", reversible=False)),
}

CT_LARGER = Kind("larger", stored=12, rows=70, columns=65)


def compressed_series(
    encoding: str,
    count: int = 3,
    kind: Kind = CT_LARGER,
    edit: Edit | None = None,
    **options: Any,
) -> dict[str, bytes]:
    """Return a compressed series; `options` go to `encapsulated`."""
    syntax, encode = COMPRESSED[encoding]
    return _series(count, kind, edit, partial(_compress, syntax, encode, options))


def rewritten_series(
    syntax: str, count: int = 3, kind: Kind = CT_LARGER, edit: Edit | None = None
) -> dict[str, bytes]:
    """Return a native series in a transfer syntax that is normalised when converted."""
    return _series(count, kind, edit, lambda _index, _kind, nodes: part10(nodes, syntax))


def _series(
    count: int,
    kind: Kind,
    edit: Edit | None,
    write: Callable[[int, Kind, dict[int, Node]], bytes],
) -> dict[str, bytes]:
    files = {}
    for index in range(count):
        nodes = slice_nodes(index, kind)
        if edit is not None:
            edit(index, nodes)
        files[f"IM{index:04d}.dcm"] = write(index, kind, nodes)
    return files


def _compress(
    syntax: str,
    encode: Callable[[Array, Kind], bytes],
    options: dict[str, Any],
    index: int,
    kind: Kind,
    nodes: dict[int, Node],
) -> bytes:
    return encapsulated(nodes, syntax, encode(kind.frame(index), kind), **options)
