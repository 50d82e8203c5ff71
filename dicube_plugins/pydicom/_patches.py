"""What the adapter changes in pydicom."""

from __future__ import annotations

import functools
import sys
from typing import TYPE_CHECKING, Any

import pydicom
import pydicom.filereader
from pydicom.pixels import processing, utils
from pydicom.pixels.decoders import base as decoders
from pydicom.pixels.encoders import base as encoders
from pydicom.uid import HTJ2KLossless, HTJ2KLosslessRPCL

from dicube_plugins.patching import Call, Replace, SetAttribute, SetItem
from dicube_plugins.policy import AUTO
from dicube_plugins.pydicom import _api
from dicube_plugins.pydicom._encoder import Htj2kEncoder
from dicube_plugins.pydicom._modality import apply_with
from dicube_plugins.pydicom._paths import SeriesPath
from dicube_plugins.pydicom._plugins import LABEL, FirstDecoder
from dicube_plugins.pydicom._reading import read_series
from dicube_plugins.sniff import is_dcbs

if TYPE_CHECKING:
    from pydicom.dataset import FileDataset

    from dicube_plugins.patching import Patch

__all__ = ["patches"]

_DECODER = ("dicube_plugins.pydicom._decoder", "decode_frame")
_ENCODER = ("dicube_plugins.pydicom._encoder", "encode_frame")


def patches() -> list[Patch]:
    """Return the changes that make pydicom read ``.dcbs`` files, and read and write HTJ2K."""
    return [
        Replace(pydicom.filereader, "read_partial", _read_partial),
        *_dcmread_patches(),
        *_path_patches(),
        *_modality_patches(),
        *(FirstDecoder(decoder, _DECODER) for decoder in _htj2k_decoders()),
        *_encoder_patches(),
    ]


def _read_partial(original: Any, fileobj: Any, *args: Any, **kwargs: Any) -> Any:
    """Stand in for `pydicom.filereader.read_partial`, which all ways to read a file go through."""
    if is_dcbs(fileobj):
        return _read_whole(original, fileobj, *args, **kwargs)
    return original(fileobj, *args, **kwargs)


def _read_whole(  # noqa: PLR0917 - the signature is pydicom's
    original: Any,
    fileobj: Any,
    stop_when: Any = None,
    defer_size: object = None,
    force: bool = False,
    specific_tags: Any = None,
) -> FileDataset:
    return read_series(original, fileobj, stop_when, force=force, specific_tags=specific_tags)


def _dcmread_patches() -> list[Patch]:
    """Replace `dcmread` wherever pydicom has it, by one function that takes a frame."""
    original = pydicom.filereader.dcmread
    active = False

    def activate() -> None:
        nonlocal active
        active = True

    def deactivate() -> None:
        nonlocal active
        active = False

    @functools.wraps(original)
    def dcmread(
        fp: Any, *args: Any, frame: int | None = None, transfer_syntax: str = AUTO, **kwargs: Any
    ) -> Any:
        chosen = {"frame": frame, "transfer_syntax": transfer_syntax}
        chosen = {name: value for name, value in chosen.items() if value not in (None, AUTO)}
        # Once the adapter is out again, pydicom itself refuses the two options.
        function: Any = _api.dcmread if active and chosen else original
        return function(fp, *args, **kwargs, **chosen)

    places = [module for module, name in _places(original) if name == "dcmread"]
    return [
        Call("pydicom.dcmread: takes frame= and transfer_syntax=", activate, deactivate),
        *(SetAttribute(module, "dcmread", dcmread) for module in places),
    ]


def _places(function: object) -> list[tuple[Any, str]]:
    """Return where pydicom has a function: modules, and its public names in them."""
    return [
        (module, name)
        for module in _modules()
        for name, value in vars(module).items()
        if value is function and not name.startswith("_")
    ]


def _modules() -> list[Any]:
    return [m for name, m in sorted(sys.modules.items()) if name.partition(".")[0] == "pydicom"]


def _modality_patches() -> list[Patch]:
    """Replace `apply_modality_lut` by both its names, also where old code still takes it from."""
    original = processing.apply_modality_lut
    # `pydicom.pixel_data_handlers` looks names up in such tables when they are asked for.
    tables = [(m.__name__, vars(m).get("_DEPRECATED")) for m in _modules()]
    return [
        *(Replace(module, name, apply_with) for module, name in _places(original)),
        *(
            SetItem(
                table, name, _current_modality_lut, f"{module}.{name}: as pydicom.pixels has it"
            )
            for module, table in tables
            if isinstance(table, dict)
            for name, value in table.items()
            if value is original
        ),
    ]


def _current_modality_lut(arr: Any, ds: Any) -> Any:
    """Call what pydicom has now: with the adapter or, once it is out, without."""
    return processing.apply_modality_lut(arr, ds)


def _path_patches() -> list[Patch]:
    if "Path" not in vars(utils):
        return []  # a later pydicom opens paths in another way
    return [SetAttribute(utils, "Path", SeriesPath)]


def _htj2k_decoders() -> list[decoders.Decoder]:
    return [
        decoders.HTJ2KLosslessDecoder,
        decoders.HTJ2KLosslessRPCLDecoder,
        decoders.HTJ2KDecoder,
    ]


def _encoder_patches() -> list[Patch]:
    """Add encoders where pydicom has none of its own. There is no public way to add one."""
    table = getattr(encoders, "_PIXEL_DATA_ENCODERS", None)
    if not isinstance(table, dict):
        return []
    made: list[Patch] = []
    for uid in (HTJ2KLossless, HTJ2KLosslessRPCL):
        if uid not in table:
            encoder = Htj2kEncoder(uid)
            encoder.add_plugin(LABEL, _ENCODER)
            made.append(SetItem(table, uid, (encoder, "3.0"), f"encoder of {uid.name}: added"))
    return made
