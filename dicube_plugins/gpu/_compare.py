"""Lets a device decode the probe frames, and compares every value.

"No error" shows nothing: decoders for GPUs have returned grey images, shifted signs and the frames
of others without one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicube_plugins.gpu._capability import KindResult, Outcome
from dicube_plugins.gpu._decoder import native_problem
from dicube_plugins.gpu._kinds import probe_frames

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

    from dicube_plugins.gpu._decoder import DeviceDecoder
    from dicube_plugins.gpu._kinds import Kind, ProbeFrame

__all__ = ["difference", "examine_decoder"]

Verdict = tuple[Outcome, str]


def examine_decoder(
    decoder: DeviceDecoder,
    frames: Mapping[Kind, Sequence[ProbeFrame]] | None = None,
) -> tuple[KindResult, ...]:
    """Return how a decoder fares with every kind; never raises for what it does.

    Kind by kind first; then frames of all kinds that were right come in batches, twice, in
    different orders, as the frames of one batch must not get into each other's way.

    Parameters
    ----------
    decoder : DeviceDecoder
        Who.
    frames : mapping, optional
        Kinds and their frames, the largest last; by default all of `probe_frames`.
    """
    chosen = probe_frames() if frames is None else frames
    found = {kind: _examine_kind(decoder, of_kind) for kind, of_kind in chosen.items()}
    right = [
        f for kind, of_kind in chosen.items() if found[kind][0] is Outcome.EQUAL for f in of_kind
    ]
    for batch in (right, right[::-1]):
        for frame, verdict in zip(batch, _verdicts(decoder, batch), strict=True):
            if verdict[0] is Outcome.WRONG:
                found[frame.kind] = (Outcome.WRONG, f"in a batch of other kinds: {verdict[1]}")
    return tuple(KindResult(kind, *verdict) for kind, verdict in found.items())


def _examine_kind(decoder: DeviceDecoder, frames: Sequence[ProbeFrame]) -> Verdict:
    verdicts = _verdicts(decoder, frames)
    wrong = [verdict for verdict in verdicts if verdict[0] is Outcome.WRONG]
    if wrong:
        return wrong[0]
    # A tiny frame that is refused is an error when it comes, and no wrong value.
    outcome, message = verdicts[-1]
    refused = sum(v[0] is Outcome.REFUSED for v in verdicts)
    if outcome is Outcome.EQUAL and refused:
        return outcome, f"{message}; {refused} of {len(verdicts)} frames, small ones, are refused"
    return outcome, message


def _verdicts(decoder: DeviceDecoder, frames: Sequence[ProbeFrame]) -> list[Verdict]:
    """Return what became of each frame of a batch."""
    if not frames:
        return []
    try:
        arrays = list(decoder.decode([frame.codestream for frame in frames]))
    except Exception as exc:  # noqa: BLE001 - a broken decoder may raise anything
        return [(Outcome.REFUSED, f"{type(exc).__name__}: {exc}")] * len(frames)
    if len(arrays) != len(frames):
        text = f"{len(arrays)} arrays for {len(frames)} codestreams"
        return [(Outcome.WRONG, text)] * len(frames)
    return [_verdict(decoder, a, frame) for a, frame in zip(arrays, frames, strict=True)]


def _verdict(decoder: DeviceDecoder, array: Any, frame: ProbeFrame) -> Verdict:
    if array is None:
        return Outcome.REFUSED, "the decoder does not decode it"
    size = "x".join(map(str, frame.values.shape))
    try:
        wrong = native_problem(array, frame.kind.dtype_name, frame.values.shape)
        if not wrong:
            values = decoder.to_host(array).reshape(frame.values.shape)
            wrong = difference(values, frame.values)
    except Exception as exc:  # noqa: BLE001 - as above
        return Outcome.WRONG, f"{size}: {type(exc).__name__}: {exc}"
    if wrong:
        return Outcome.WRONG, f"{size}: {wrong}"
    return Outcome.EQUAL, f"all {frame.values.size} values are equal"


def difference(found: npt.NDArray[Any], truth: npt.NDArray[Any]) -> str:
    """Describe how values differ, '' where they do not."""
    unequal = (found != truth).reshape(-1)
    count = int(unequal.sum())
    if not count:
        return ""
    first = int(unequal.argmax())
    zero = "" if found.any() else "; all are zero"
    return (
        f"{count} of {truth.size} values differ, the first is {found.reshape(-1)[first]} instead "
        f"of {truth.reshape(-1)[first]}{zero}"
    )
