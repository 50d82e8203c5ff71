"""nvImageCodec as a `DeviceDecoder`: the only module that calls it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import CodecUnavailableError
from dicube_core.forks import LOADING

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

__all__ = ["HOST", "INSTALL", "NvImageCodecDecoder"]

INSTALL = "python -m pip install 'dicube-plugins[gpu]'"
#: In place of a device: the part of nvImageCodec that needs none. It is for tests.
HOST = -1


class NvImageCodecDecoder:
    """Decodes on one device.

    Parameters
    ----------
    device : int
        Number of the GPU, as CUDA counts them; or `HOST`.

    Raises
    ------
    CodecUnavailableError
        nvImageCodec is not installed, or makes no decoder for this device.
    """

    def __init__(self, device: int) -> None:
        self._library: Any = _load()
        self._device = device
        kinds = self._library.BackendKind
        # Without a list it would turn to other libraries, on the CPU, for what the device cannot.
        chosen = (
            (kinds.CPU_ONLY,)
            if device == HOST
            else (kinds.GPU_ONLY, kinds.HYBRID_CPU_GPU, kinds.HW_GPU_ONLY)
        )
        where = self._library.NVIMGCODEC_DEVICE_CPU_ONLY if device == HOST else device
        try:
            self._decoder = self._library.Decoder(
                device_id=where, backends=[self._library.Backend(kind) for kind in chosen]
            )
        except Exception as exc:
            raise CodecUnavailableError(
                f"nvImageCodec {self._library.__version__} makes no decoder for GPU {device}: {exc}"
            ) from exc
        # No scaling to 8 bits, no change of colours, nothing turned round.
        self._parameters = self._library.DecodeParams(
            apply_exif_orientation=False,
            color_spec=self._library.ColorSpec.UNCHANGED,
            allow_any_depth=True,
        )

    def decode(self, codestreams: Sequence[bytes]) -> Sequence[Any]:
        """Decode a batch in one call; see `DeviceDecoder.decode`."""
        streams = [self._library.CodeStream(codestream) for codestream in codestreams]
        images = self._decoder.decode(streams, params=self._parameters)
        kind = self._library.ImageBufferKind
        wanted = kind.STRIDED_HOST if self._device == HOST else kind.STRIDED_DEVICE
        return [None if i is None or i.buffer_kind != wanted else i for i in images]

    def to_host(self, array: Any) -> npt.NDArray[Any]:
        """Return a copy of an image in the memory of the host."""
        import numpy as np

        return np.array(array.cpu())


def _load() -> Any:
    try:
        with LOADING:
            from nvidia import nvimgcodec
    except ImportError as exc:
        raise CodecUnavailableError(
            f"decoding on a GPU needs nvImageCodec: {exc}", suggestion=INSTALL
        ) from exc
    return nvimgcodec
