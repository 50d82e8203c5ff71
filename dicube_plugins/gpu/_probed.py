"""A decoder together with what it was found to decode: it is asked for nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicube_core.exceptions import CodecUnavailableError, DecodeError
from dicube_core.forks import ForkSafeLock
from dicube_plugins.gpu._capability import Outcome
from dicube_plugins.gpu._compare import examine_decoder
from dicube_plugins.gpu._decoder import native_problem
from dicube_plugins.gpu._kinds import Kind, known_frames

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from dicube_core.codec.codestream import CodestreamInfo
    from dicube_plugins.gpu._capability import DeviceCapability
    from dicube_plugins.gpu._decoder import DeviceDecoder

__all__ = ["ProbedDecoder"]


class ProbedDecoder:
    """Decodes batches of kinds that are allowed. Safe for several threads, one batch at a time.

    Parameters
    ----------
    decoder : DeviceDecoder
        As it was probed. It decodes a few known frames again here: another process saw it decode
        right, not this one.
    capability : DeviceCapability
        What it may be asked for.

    Raises
    ------
    CodecUnavailableError
        It decodes nothing right, or something wrong in this process.
    """

    def __init__(self, decoder: DeviceDecoder, capability: DeviceCapability) -> None:
        self.capability = capability
        self._decoder = decoder
        self._lock = ForkSafeLock()
        if not any(result.outcome is Outcome.EQUAL for result in capability.results):
            raise CodecUnavailableError(
                f"{capability.device} is not used: {capability.summary or 'nothing was probed'}",
                suggestion="'dcbs doctor --refresh' probes it again; frames are decoded by the CPU",
            )
        allowed = {kind: f for kind, f in known_frames().items() if capability.allows(kind)}
        for result in examine_decoder(decoder, allowed):
            if result.outcome is Outcome.WRONG:
                raise CodecUnavailableError(
                    f"{capability.device} passed its probe, but is not used: in this process, "
                    f"frames of {result.kind} are wrong: {result.message}",
                    suggestion="'dcbs doctor --refresh' probes it again",
                )

    def decode(self, codestreams: Sequence[bytes], infos: Sequence[CodestreamInfo]) -> list[Any]:
        """Decode a batch in one call.

        Parameters
        ----------
        codestreams : sequence of bytes
            Checked.
        infos : sequence of CodestreamInfo
            What they say.

        Returns
        -------
        list
            Arrays on the device, of the type and shape that the codestreams say.

        Raises
        ------
        CodecUnavailableError
            A kind is not allowed; nothing was decoded.
        DecodeError
            The device failed; the message names the position in the batch.
        """
        for kind in {Kind.of(info) for info in infos}:
            self.capability.require(kind)
        if not codestreams:
            return []
        device = self.capability.device
        with self._lock:
            try:
                arrays = list(self._decoder.decode(codestreams))
            except Exception as exc:
                raise DecodeError(
                    f"{device} failed: {type(exc).__name__}: {exc}",
                    suggestion="decode by the CPU (Reader.frames)",
                ) from exc
        if len(arrays) != len(codestreams):
            raise DecodeError(f"{device} gave {len(arrays)} frames for {len(codestreams)}")
        for position, (array, info) in enumerate(zip(arrays, infos, strict=True)):
            problem = _problem(array, info)
            if problem:
                raise DecodeError(
                    f"{device}: {problem}",
                    suggestion="decode by the CPU (Reader.frames)",
                    details={"position": position},
                )
        return arrays

    def to_host(self, array: Any) -> npt.NDArray[Any]:
        """Return a copy of a decoded array in the memory of the host."""
        with self._lock:
            return self._decoder.to_host(array)


def _problem(array: Any, info: CodestreamInfo) -> str:
    if array is None:
        return "the decoder does not decode the frame"
    shape = (info.rows, info.columns, *((info.components,) if info.components > 1 else ()))
    return native_problem(array, Kind.of(info).dtype_name, shape)
