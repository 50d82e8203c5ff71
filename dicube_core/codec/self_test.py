"""A start-up test of the codecs: what is installed must decode what is known.

Every codec is asked to decode a few tiny frames when it is first made, to encode and decode them
again, and to notice damage. A broken build of a library is found before it can corrupt anything:
it is not used then. It takes about a millisecond.
"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from dicube_core.codec.self_test_cases import HTJ2K_CASES, PCODEC_CASES
from dicube_core.exceptions import CodecUnavailableError, DecodeError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dicube_core.codec.base import FrameCodec, StoredValues
    from dicube_core.codec.self_test_cases import Case

__all__ = ["SelfTest", "require_working", "run_self_test", "works"]

#: What the codecs are built on, by name of the codec's class.
_DISTRIBUTIONS = {
    "OpenJPHCodec": ("imagecodecs", "numpy"),
    "OpenJPEGCodec": ("pylibjpeg-openjpeg", "numpy"),
    "PCodec": ("pcodec", "numpy"),
}


@dataclass(frozen=True, slots=True)
class SelfTest:
    """What a codec did; each field is empty where all was right, and else says what was not.

    Parameters
    ----------
    decode : str
        Known codestreams give the known values.
    encode : str or None
        The values give codestreams that decode to them; None where the codec does not encode.
    errors : str or None
        Damage that a decoder meets at work is an error; None where there is no such damage.
    """

    decode: str = ""
    encode: str | None = ""
    errors: str | None = ""

    @property
    def problem(self) -> str:
        """All that was wrong, empty if nothing was."""
        return "; ".join(filter(None, (self.decode, self.encode, self.errors)))


def run_self_test(codec: FrameCodec) -> SelfTest:
    """Test a codec; never raises for what it does."""
    cases = PCODEC_CASES if codec.name == "pcodec" else HTJ2K_CASES
    decode = _first(_decode_problem(codec, case) for case in cases)
    try:
        encode: str | None = _first(_encode_problem(codec, case) for case in cases)
    except CodecUnavailableError:
        encode = None
    fragile = [case for case in cases if case.damaged is not None]
    errors = _first(_damage_problem(codec, case) for case in fragile) if fragile else None
    return SelfTest(decode, encode, errors)


def require_working(codec: FrameCodec) -> FrameCodec:
    """Return the codec if it passes its self-test.

    Raises
    ------
    CodecUnavailableError
        It does not; the message says how, and which versions are installed.
    """
    problem = run_self_test(codec).problem
    if problem:
        raise CodecUnavailableError(
            f"the codec {codec.name!r} ({versions_of(codec)}) fails its self-test and is not "
            f"used: {problem}",
            suggestion="install other versions of these packages; 'dcbs doctor' shows the test",
        )
    return codec


@lru_cache(maxsize=8)
def works(codec: FrameCodec) -> bool:
    """Tell whether a codec passes its self-test; each is tested once."""
    return not run_self_test(codec).problem


def versions_of(codec: FrameCodec) -> str:
    """Name the versions of what a codec is built on."""
    names = _DISTRIBUTIONS.get(type(codec).__name__, ("numpy",))
    found = [f"{name} {distribution_version(name) or 'of unknown version'}" for name in names]
    return ", ".join((*found, f"Python {platform.python_version()} {sys.platform}"))


def distribution_version(name: str) -> str:
    """Return the version of an installed package, '' if there is none."""
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _first(problems: Iterable[str]) -> str:
    return next(filter(None, problems), "")


def _little(values: StoredValues) -> bytes:
    return values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()


def _decode_problem(codec: FrameCodec, case: Case) -> str:
    try:
        found = codec.decode(case.codestream, case.pixel_format)
    except Exception as exc:  # noqa: BLE001 - a broken build may raise anything
        return f"decoding {case.name}: {type(exc).__name__}: {exc}"
    if found.shape != case.pixel_format.shape or _little(found) != case.values:
        return f"decoding {case.name} gives wrong values"
    return ""


def _encode_problem(codec: FrameCodec, case: Case) -> str:
    import numpy as np

    pixel_format = case.pixel_format
    stored = np.frombuffer(case.values, pixel_format.dtype.newbyteorder("<"))
    values = stored.astype(pixel_format.dtype).reshape(pixel_format.shape)
    try:
        found = codec.decode(codec.encode(values, pixel_format), pixel_format)
    except CodecUnavailableError:
        raise
    except Exception as exc:  # noqa: BLE001 - a broken build may raise anything
        return f"encoding {case.name}: {type(exc).__name__}: {exc}"
    # By bytes: of real values every bit counts.
    if _little(found) != case.values:
        return f"encoding {case.name} gives a codestream of other values"
    return ""


def _damage_problem(codec: FrameCodec, case: Case) -> str:
    try:
        codec.decode(case.damaged or b"", case.pixel_format)
    except DecodeError:
        return ""
    except Exception as exc:  # noqa: BLE001 - a broken build may raise anything
        return f"damage in {case.name} raises {type(exc).__name__}: {exc}"
    return f"damage in {case.name} goes unnoticed"
