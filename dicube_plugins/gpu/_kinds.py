"""Kinds of codestreams, as far as decoders tell them apart, and frames that show each of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from dicube_core.codec.codestream import parse
from dicube_core.codec.self_test_cases import HTJ2K_CASES
from dicube_core.pixels import PixelFormat

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from dicube_core.codec.codestream import CodestreamInfo

__all__ = ["Kind", "ProbeFrame", "known_frames", "probe_frames"]

#: Rows, columns, and whether the values are smooth: noise over the whole range in a frame smaller
#: than a code block, and a frame of many code blocks, with sides that halve to odd numbers.
_SHAPES = ((37, 53, False), (301, 517, True))
#: Depths that our encoder writes; deeper ones than 16 bits are there to be refused.
_DEPTHS = (8, 9, 10, 11, 12, 13, 14, 15, 16, 20, 32)
_COLOURS = ((8, "RGB"), (16, "RGB"), (8, "YBR_FULL"))


@dataclass(frozen=True, slots=True, order=True)
class Kind:
    """What a decoder may do rightly or wrongly as a whole.

    Parameters
    ----------
    signed : bool
        Samples are two's complement.
    precision : int
        Bits per sample.
    components : int, optional
        Samples per pixel.
    colour_transform : bool, optional
        Whether the reversible colour transform was used (ITU-T T.800 G.2).
    """

    signed: bool
    precision: int
    components: int = 1
    colour_transform: bool = False

    @classmethod
    def of(cls, info: CodestreamInfo) -> Kind:
        """Return the kind of a codestream."""
        return cls(info.signed, info.precision, info.components, bool(info.coding.colour_transform))

    @property
    def dtype_name(self) -> str:
        """Smallest numpy type that holds the values."""
        bits = 8 if self.precision <= 8 else 16 if self.precision <= 16 else 32
        return f"{'int' if self.signed else 'uint'}{bits}"

    def __str__(self) -> str:
        text = f"{'signed' if self.signed else 'unsigned'} {self.precision} bit"
        if self.components == 1:
            return text
        how = "with" if self.colour_transform else "without"
        return f"{text}, {self.components} components {how} colour transform"


@dataclass(frozen=True, slots=True, eq=False)
class ProbeFrame:
    """A codestream with the values that it must give.

    Parameters
    ----------
    kind : Kind
        Of the codestream.
    codestream : bytes
        As a file has it.
    values : ndarray of shape (rows, columns[, 3])
        Of the smallest type that holds them.
    """

    kind: Kind
    codestream: bytes
    values: npt.NDArray[Any]


@cache
def probe_frames() -> dict[Kind, tuple[ProbeFrame, ...]]:
    """Return the frames of every kind that is probed, the largest last.

    The known frames of the core's self-test are among them. The others are encoded here, by the
    codec of the CPU, which has passed that test.
    """
    return _by_kind([*_known(), *_made()])


@cache
def known_frames() -> dict[Kind, tuple[ProbeFrame, ...]]:
    """Return the known frames of the core's self-test; nothing is encoded for them."""
    return _by_kind(_known())


def _by_kind(frames: list[ProbeFrame]) -> dict[Kind, tuple[ProbeFrame, ...]]:
    found: dict[Kind, list[ProbeFrame]] = {}
    for frame in frames:
        found.setdefault(frame.kind, []).append(frame)
    return {kind: tuple(of_kind) for kind, of_kind in sorted(found.items())}


def _known() -> list[ProbeFrame]:
    import numpy as np

    frames = []
    for case in HTJ2K_CASES:
        form = case.pixel_format
        values = np.frombuffer(case.values, form.dtype.newbyteorder("<")).reshape(form.shape)
        codestream = case.codestream
        kind = Kind.of(parse(codestream))
        frames.append(ProbeFrame(kind, codestream, values.astype(kind.dtype_name)))
    return frames


def _made() -> list[ProbeFrame]:
    from dicube_core.codec.registry import get_codec

    codec = get_codec("htj2k")
    frames = []
    for rows, columns, smooth in _SHAPES:
        for form in _formats(rows, columns):
            values = _values(form, smooth=smooth)
            codestream = codec.encode(values, form)
            kind = Kind.of(parse(codestream))
            frames.append(ProbeFrame(kind, codestream, values.astype(kind.dtype_name)))
    return frames


def _formats(rows: int, columns: int) -> list[PixelFormat]:
    grey = [
        PixelFormat(rows, columns, 8 if bits <= 8 else 16 if bits <= 16 else 32, bits, signed)
        for signed in (0, 1)
        for bits in _DEPTHS
    ]
    colour = [
        PixelFormat(
            rows, columns, bits, bits, 0, photometric_interpretation=name, samples_per_pixel=3
        )
        for bits, name in _COLOURS
    ]
    return grey + colour


def _values(form: PixelFormat, *, smooth: bool) -> np.ndarray[Any, np.dtype[Any]]:
    """Return values that reach both ends of the range, with all between among them."""
    import numpy as np

    low = -(1 << (form.bits_stored - 1)) if form.pixel_representation else 0
    span = (1 << form.bits_stored) - 1
    random = np.random.default_rng((form.bits_stored, form.pixel_representation, smooth))
    if smooth:
        y, x = np.mgrid[: form.rows, : form.columns]
        waves = 0.5 + 0.4 * np.sin(x / 40) * np.cos(y / 25)
        plane = waves[..., None] if form.is_colour else waves
        parts = np.clip(plane + random.normal(0, 0.02, form.shape), 0, 1)
        values = low + np.rint(parts * span).astype("int64")
    else:
        values = random.integers(low, low + span, form.shape, "int64", endpoint=True)
    values.flat[0], values.flat[-1] = low, low + span
    result: np.ndarray[Any, np.dtype[Any]] = values.astype(form.dtype)
    return result
