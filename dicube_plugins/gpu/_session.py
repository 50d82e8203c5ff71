"""The devices of this process: probed when first asked for, made once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from dicube_core.exceptions import CodecUnavailableError, DicomCubeError
from dicube_core.forks import ForkSafeLock
from dicube_core.settings import get_limits
from dicube_plugins.gpu._driver import find_device
from dicube_plugins.gpu._kinds import Kind
from dicube_plugins.gpu._nvimgcodec import NvImageCodecDecoder
from dicube_plugins.gpu._probed import ProbedDecoder
from dicube_plugins.gpu._store import CapabilityStore

if TYPE_CHECKING:
    from dicube_core.reader import Reader
    from dicube_plugins.gpu._capability import DeviceCapability

__all__ = ["capability", "obstacle", "probed_decoder", "require_htj2k"]

_STORE = CapabilityStore()
_LOCK = ForkSafeLock()
_decoders: dict[int, ProbedDecoder] = {}
#: The process that started CUDA. Those that it forks cannot use it.
_started_in: list[int] = []


def capability(device: int = 0, *, refresh: bool = False) -> DeviceCapability:
    """Return what a device was found to decode; probe it if that is not known yet.

    The probe decodes known frames of every kind in a process of its own, and compares every value.
    Its result is kept in the user's cache for this device, driver and versions.

    Parameters
    ----------
    device : int
        Number of the GPU, as CUDA counts them.
    refresh : bool
        Probe again what is known.

    Raises
    ------
    CodecUnavailableError
        There is no such device, no driver or no nvImageCodec; the message says what to install.
    """
    _require_unforked()
    found = find_device(device)
    _started_in[:] = [os.getpid()]
    return _STORE.get(found, refresh=refresh)


def probed_decoder(device: int) -> ProbedDecoder:
    """Return the decoder of a device, made when first asked for. Thread-safe.

    Raises
    ------
    CodecUnavailableError
        As `capability`; or the device decodes nothing right; or a time limit is set, which
        cannot be kept there.
    """
    if get_limits().decode_seconds is not None:
        raise CodecUnavailableError(
            "the limit decode_seconds is set, and decoding on a GPU cannot be ended",
            suggestion="decode by the CPU, or dicube_core.set_limits(decode_seconds=None)",
        )
    _require_unforked()
    with _LOCK:
        if device not in _decoders:
            found = capability(device)
            _decoders[device] = ProbedDecoder(NvImageCodecDecoder(device), found)
        return _decoders[device]


def obstacle(reader: Reader | None = None, *, device: int = 0) -> str:
    """Say why frames cannot be decoded on a device, '' where they can.

    Parameters
    ----------
    reader : Reader, optional
        An open file, of which the first frame is looked at; without one, the answer is about the
        device alone.
    device : int
        Number of the GPU.

    Returns
    -------
    str
        Damage of the frame is no obstacle of a device, and is raised as everywhere.
    """
    try:
        decoder = probed_decoder(device)
        if reader is not None:
            require_htj2k(reader)
    except CodecUnavailableError as exc:
        return str(exc)
    if reader is None or not reader.frame_count:
        return ""
    info = reader.inspect(0, reader.codestream(0))
    try:
        decoder.capability.require(Kind.of(info))
    except DicomCubeError as exc:
        return str(exc)
    return ""


def require_htj2k(reader: Reader) -> None:
    """Refuse files whose frames are stored otherwise.

    Raises
    ------
    CodecUnavailableError
        Names the codec.
    """
    if not reader.codec_name.startswith("htj2k"):
        raise CodecUnavailableError(
            f"{reader.name}: its frames are stored with the codec {reader.codec_name!r}; a GPU "
            "decodes HTJ2K only",
            suggestion="decode them by the CPU (Reader.frames)",
        )


def _require_unforked() -> None:
    if _started_in and _started_in[0] != os.getpid():
        raise CodecUnavailableError(
            "this process was made by fork after its parent used the GPU; CUDA does not work here",
            suggestion="start worker processes by 'spawn' or 'forkserver'",
        )
