"""Frames of a file, decoded on a device in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from dicube_core.codec.arrays import require_full_resolution
from dicube_core.exceptions import DataConsistencyError, DecodeError
from dicube_plugins.gpu._compare import difference
from dicube_plugins.gpu._encoder_name import written_by_openjph
from dicube_plugins.gpu._libraries import choose_library
from dicube_plugins.gpu._session import probed_decoder, require_htj2k

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    import numpy.typing as npt

    from dicube_core.codec.codestream import CodestreamInfo
    from dicube_core.reader import Reader
    from dicube_plugins.gpu._probed import ProbedDecoder

    Check = Literal["auto", "all"]

__all__ = ["DeviceFrames", "decode_frames", "decode_with"]


class DeviceFrames:
    """Decoded frames in the memory of a device; made by `decode_frames`.

    ``torch.from_dlpack(frames)``, ``cupy.from_dlpack(frames)`` and consumers of
    ``__cuda_array_interface__`` take them as one array; `torch` and `cupy` as well. Putting the
    frames into one array is done once, by torch or CuPy, and takes their size again for a moment.

    Attributes
    ----------
    numbers : tuple of int
        Which frames of the file they are.
    shape : tuple of int
        (n, rows, columns), or (n, rows, columns, 3) for colour.
    dtype : dtype
        Type of the stored values.
    """

    def __init__(
        self, decoder: ProbedDecoder, reader: Reader, numbers: Sequence[int], arrays: list[Any]
    ) -> None:
        self.numbers = tuple(numbers)
        self.shape = (len(arrays), *reader.pixel_format.shape)
        self.dtype: np.dtype[Any] = reader.dtype
        self._decoder = decoder
        self._arrays = arrays
        self._whole: tuple[str, Any] | None = None

    def __len__(self) -> int:
        return self.shape[0]

    def numpy(self) -> npt.NDArray[Any]:
        """Return a copy in the memory of the host, of `shape` and `dtype`."""
        import numpy as np

        result = np.empty(self.shape, self.dtype)
        for target, array in zip(result, self._arrays, strict=True):
            target[...] = self._decoder.to_host(array).reshape(target.shape)
        return result

    def torch(self) -> Any:
        """Return a tensor of `shape` on the device."""
        return self.array("torch")

    def cupy(self) -> Any:
        """Return a CuPy array of `shape` on the device."""
        return self.array("cupy")

    def array(self, library: str | None = None) -> Any:
        """Return one array of `shape` and `dtype` on the device.

        Parameters
        ----------
        library : {"torch", "cupy", "numpy"}, optional
            Whose array; by default torch or CuPy, whichever is loaded. numpy is for frames that
            are in the memory of the host.

        Raises
        ------
        MissingDependencyError
            Neither is installed.
        """
        if not self._arrays:
            raise DataConsistencyError("no frame was asked for, so there is no array on the device")
        chosen = choose_library(library, self.__dlpack_device__()[0])
        if self._whole is None or self._whole[0] != chosen.name:
            shape = self.shape[1:]
            parts = (chosen.take(array).reshape(shape) for array in self._arrays)
            whole = chosen.stack([chosen.cast(part, self.dtype.name) for part in parts])
            self._whole = chosen.name, whole
        return self._whole[1]

    def __dlpack__(self, **options: Any) -> Any:
        return self.array().__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        if not self._arrays:
            raise DataConsistencyError("no frame was asked for, so there is no array on the device")
        kind, number = self._arrays[0].__dlpack_device__()
        return int(kind), int(number)

    @property
    def __cuda_array_interface__(self) -> dict[str, Any]:
        described: dict[str, Any] = self.array().__cuda_array_interface__
        return described

    def __repr__(self) -> str:
        return f"<DeviceFrames {self.shape} {self.dtype} on {self._decoder.capability.device}>"


def decode_frames(
    reader: Reader,
    frames: Iterable[int] | slice | None = None,
    *,
    device: int = 0,
    level: int = 0,
    check: Check = "auto",
) -> DeviceFrames:
    """Decode frames on a GPU, all in one call; the values are those of `Reader.frames`.

    Every codestream is compared with its checksum and checked before the device sees it. The
    device is used only for kinds of frames that it was seen to decode right (`capability`).

    Parameters
    ----------
    reader : Reader
        Open file.
    frames : range, slice or iterable of int, optional
        Which, in which order; all by default. Negative values count from the end.
    device : int
        Number of the GPU, as CUDA counts them.
    level : int
        Must be 0: nvImageCodec decodes no lower resolutions.
    check : {"auto", "all"}
        Which frames the CPU decodes as well, to compare every value: with ``auto`` those of
        encoders that the device was not probed with, and of files without checksums, in which
        damage may go unnoticed on a device; with ``all`` every one.

    Returns
    -------
    DeviceFrames
        Stored values, before rescale (see `modality_frames`).

    Raises
    ------
    CodecUnavailableError
        There is no such device, driver or package, or the device decodes such frames wrongly or
        not at all; the message says what to install or what was wrong.
    DecodeError, ChecksumError
        A frame is damaged, or the device decodes it to other values than the CPU; the message
        names it. Nothing is returned then.
    FrameIndexError
        An index is out of range.

    Notes
    -----
    Safe for several threads; a device decodes one batch at a time. Not in processes made by fork
    after their parent used the device.
    """
    require_full_resolution(level, "frames decoded on a GPU")
    require_htj2k(reader)
    return decode_with(probed_decoder(device), reader, frames, check)


def decode_with(
    decoder: ProbedDecoder,
    reader: Reader,
    frames: Iterable[int] | slice | None = None,
    check: Check = "auto",
) -> DeviceFrames:
    """Decode frames by a given decoder; see `decode_frames`."""
    if check not in ("auto", "all"):
        raise DataConsistencyError(f"check must be 'auto' or 'all', not {check!r}")
    numbers = list(reader.frame_numbers(frames))
    codestreams = [reader.codestream(number) for number in numbers]
    infos = [reader.inspect(n, c) for n, c in zip(numbers, codestreams, strict=True)]
    streams = [c[: info.n_bytes] for c, info in zip(codestreams, infos, strict=True)]
    try:
        arrays = decoder.decode(streams, infos)
    except DecodeError as exc:
        position = exc.details.get("position")
        where = "" if position is None else f"frame {numbers[position]}: "
        raise DecodeError(
            f"{reader.name}: {where}{exc.message}",
            suggestion=exc.suggestion,
            details={"path": reader.name},
        ) from exc
    for number, codestream, info, array in zip(numbers, streams, infos, arrays, strict=True):
        if check == "all" or not (reader.validated and written_by_openjph(codestream)):
            _compare(decoder, reader, number, info, array)
    return DeviceFrames(decoder, reader, numbers, arrays)


def _compare(
    decoder: ProbedDecoder, reader: Reader, number: int, info: CodestreamInfo, array: Any
) -> None:
    """Compare a frame with what the CPU makes of it."""
    truth = reader.frame(number)
    wrong = difference(decoder.to_host(array).reshape(truth.shape), truth)
    if wrong:
        raise DecodeError(
            f"{reader.name}: frame {number}: {decoder.capability.device} decodes it "
            f"({info.precision} bits) to other values than the CPU: {wrong}",
            suggestion="decode by the CPU (Reader.frames)",
            details={"path": reader.name, "frame": number},
        )
