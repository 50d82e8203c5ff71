"""Structure of an HTJ2K codestream, checked before any decoder sees it.

A decoder that is given a damaged header may crash, hang, ask for gigabytes, or return wrong
values without a word. So the markers are read here first (ITU-T T.800 annex A, T.814 annex A):
every length is checked against the data, the chain of tile-parts has to end exactly at the end
marker, and only what OpenJPH and OpenJPEG both decode without guessing is let through. What this
module refuses may be legal JPEG 2000; it is never decoded wrongly.

Not found here: damage inside the packets, and a depth byte that changes from one of the two
depths that a frame may have to the other. Only a checksum finds those.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from struct import Struct
from typing import TYPE_CHECKING, NamedTuple

from dicube_core.codec._segments import Coding, damage, read_coding
from dicube_core.codec._tile_parts import TilePart, read_tile_parts, read_tlm, unknown_marker
from dicube_core.codec.frame_limit import require_within_limit
from dicube_core.codec.quantization import quantization_problem
from dicube_core.exceptions import DecodeError

if TYPE_CHECKING:
    from dicube_core.codec.base import Codestream
    from dicube_core.pixels import PixelFormat

__all__ = [
    "CodestreamInfo",
    "MainHeader",
    "TilePart",
    "check",
    "inspected",
    "main_header",
    "most_packets",
    "parse",
    "rpcl_obstacle",
]

_SIZ, _CAP, _COD, _QCD = 0xFF51, 0xFF50, 0xFF52, 0xFF5C
_TLM, _SOT = 0xFF55, 0xFF90
#: In this order for `read_coding`.
_REQUIRED = {_SIZ: "SIZ", _CAP: "CAP", _COD: "COD", _QCD: "QCD"}
#: Segments of the main header that decoders skip: PRF, PLM, CPF, CRG, COM.
_SKIPPED = frozenset((0xFF56, 0xFF57, 0xFF59, 0xFF63, 0xFF64))
#: Integers of more bits, and real values, are never stored as HTJ2K.
_MAX_BITS = 32
#: Largest side of the lowest resolution that HTJ2K RPCL allows (PS3.5 10.18).
_RPCL_BASE = 64
#: Where a main header without long comments ends, and what follows it: SOT and its length.
_USUAL_HEAD, _USUAL_SOT = 512, b"\xff\x90\x00\x0a"
#: Least number of samples per packet, on average.
_PER_PACKET = 64
_unpack_marker = Struct(">HH").unpack_from


@dataclass(frozen=True, slots=True)
class CodestreamInfo:
    """What a codestream says of itself.

    Parameters
    ----------
    coding : Coding
        Contents of SIZ, CAP, COD and QCD; the properties below are taken from it.
    tile_parts : tuple of TilePart
        In file order; they follow each other without a gap.
    has_tlm : bool
        Whether the main header lists the lengths of the tile-parts.
    n_bytes : int
        Length including the end marker, without a padding byte.
    """

    coding: Coding
    tile_parts: tuple[TilePart, ...]
    has_tlm: bool
    n_bytes: int

    @property
    def rows(self) -> int:
        """Image height."""
        return self.coding.rows

    @property
    def columns(self) -> int:
        """Image width."""
        return self.coding.columns

    @property
    def components(self) -> int:
        """Samples per pixel."""
        return self.coding.components

    @property
    def precision(self) -> int:
        """Bits per sample."""
        return self.coding.precision

    @property
    def signed(self) -> bool:
        """Whether the samples are two's complement."""
        return self.coding.signed

    @property
    def levels(self) -> int:
        """Number of decompositions: how often the resolution can be halved."""
        return self.coding.levels

    @property
    def progression(self) -> str:
        """Order of the packets, such as ``RPCL``."""
        return self.coding.progression

    @property
    def layers(self) -> int:
        """Number of quality layers."""
        return self.coding.layers

    @property
    def reversible(self) -> bool:
        """Whether the wavelet is the reversible 5/3."""
        return self.coding.reversible

    @property
    def ht(self) -> bool:
        """Whether the code blocks are high-throughput ones."""
        return self.coding.ht


class MainHeader(NamedTuple):
    """What stands before the first tile-part.

    `tile_part_lengths` are those listed there, None without a list; `stop` is where it ends.
    """

    coding: Coding
    tile_part_lengths: tuple[int, ...] | None
    stop: int


def main_header(codestream: Codestream) -> MainHeader:
    """Read the main header of a codestream, of which nothing else need be there.

    Raises
    ------
    DecodeError
        Damaged, truncated, or using what this package does not decode.
    """
    # Most often all frames of a series begin with the same bytes.
    head = bytes(codestream[:_USUAL_HEAD])
    end = head.find(_USUAL_SOT) + len(_USUAL_SOT)
    if end >= len(_USUAL_SOT):
        try:
            return _main_header_alone(head[:end])
        except DecodeError:
            pass  # there are such bytes within a segment, or the whole says better what is wrong
    return _read_main_header(codestream)


@lru_cache(maxsize=16)
def _main_header_alone(head: bytes) -> MainHeader:
    """Read what ends with the marker and length of the first tile-part."""
    return _read_main_header(head)


def _read_main_header(codestream: Codestream) -> MainHeader:
    size = len(codestream)
    if bytes(codestream[:2]) != b"\xff\x4f":
        raise damage("SOC", 0, "FF4F", bytes(codestream[:2]).hex() or "nothing")
    positions, lengths, first_tile_part = _find_segments(codestream, size)
    segments, offsets = [], []
    for marker, name in _REQUIRED.items():
        start, end = positions.get(marker, (0, 0))
        if not end:
            raise damage(name, first_tile_part, f"{name} in the main header", "none")
        segments.append(bytes(codestream[start:end]))
        offsets.append(start)
    coding = read_coding(tuple(segments), tuple(offsets))
    return MainHeader(coding, None if lengths is None else tuple(lengths), first_tile_part)


def parse(codestream: Codestream, *, allow_padding: bool = False) -> CodestreamInfo:
    """Read the markers of a codestream with one tile; the packets are not touched.

    Parameters
    ----------
    codestream : bytes-like
        From the start marker to the end marker.
    allow_padding : bool, optional
        Accept one byte 0x00 after the end marker, as in a DICOM fragment (PS3.5 A.4).

    Raises
    ------
    DecodeError
        Damaged, truncated, or using what this package does not decode.
    """
    if isinstance(codestream, memoryview):
        codestream = codestream.cast("B")
    size = len(codestream)
    coding, lengths, first_tile_part = main_header(codestream)
    tile_parts, end = read_tile_parts(codestream, size, first_tile_part)
    if lengths is not None and lengths != (found := tuple(part.length for part in tile_parts)):
        expected = f"tile-parts of {list(lengths[:8])} bytes"
        raise damage("TLM", first_tile_part, expected, list(found[:8]))
    if end != size and not (
        allow_padding and size - end == 1 and bytes(codestream[end:size]) == b"\0"
    ):
        raise damage("EOC", end - 2, "the end of the data", f"{size - end} more bytes")
    return CodestreamInfo(coding, tile_parts, lengths is not None, end)


def _find_segments(
    data: Codestream, size: int
) -> tuple[dict[int, tuple[int, int]], list[int] | None, int]:
    """Return where the required segments lie, the lengths in TLM, and where SOT is."""
    positions: dict[int, tuple[int, int]] = {}
    lengths: list[int] | None = None
    n_tlm = 0
    position = 2
    while position + 4 <= size:
        marker, length = _unpack_marker(data, position)
        if marker == _SOT and position > 2:
            return positions, lengths, position
        start, end = position + 4, position + 2 + length
        if position == 2 and marker != _SIZ:
            raise damage("SIZ", position, "FF51 after the start marker", f"{marker:04X}")
        if marker in _REQUIRED:
            if marker in positions:
                raise damage(_REQUIRED[marker], position, "only one such segment", "another")
            positions[marker] = start, end
        elif marker != _TLM and marker not in _SKIPPED:
            raise unknown_marker(marker, position, "main header")
        if length < 2 or end > size:
            raise damage(
                f"{marker:04X}", position, f"a length of 2 to {size - position - 2}", length
            )
        if marker == _TLM:
            lengths = lengths or []
            lengths += read_tlm(bytes(data[start:end]), start, n_tlm)
            n_tlm += 1
        position = end
    raise damage("SOT", position, "a tile-part", "the end of the data")


def inspected(codestream: Codestream, pixel_format: PixelFormat) -> CodestreamInfo:
    """Return what a codestream says of itself, once that is what the file says of its frames.

    Raises
    ------
    DecodeError
        It is damaged, or as `check`.
    """
    info = parse(codestream)
    check(info, pixel_format)
    return info


def check(info: CodestreamInfo, pixel_format: PixelFormat) -> None:
    """Compare a codestream with what the file says of its frames.

    Raises
    ------
    DecodeError
        Another size, depth, sign or number of components, not lossless, not high-throughput,
        more packets than there can be, implausible exponents, or a frame above the limit.
    """
    _check_coding(info.coding, pixel_format)
    require_within_limit(pixel_format)
    most = most_packets(info)
    if info.coding.n_packets > most:
        found = info.coding.n_packets
        raise damage("COD", info.coding.cod_offset, f"at most {most} packets", found)


# What passes is remembered; an error is raised each time.
@lru_cache(maxsize=64)
def _check_coding(coding: Coding, pixel_format: PixelFormat) -> None:
    if pixel_format.real or pixel_format.bits_allocated > _MAX_BITS:
        raise damage("SIZ", 42, f"a frame of {pixel_format.dtype_name}", "HTJ2K, which holds none")
    if (coding.rows, coding.columns) != (pixel_format.rows, pixel_format.columns):
        found = f"{coding.rows}x{coding.columns}"
        raise damage("SIZ", 8, f"{pixel_format.rows}x{pixel_format.columns}", found)
    if coding.components != pixel_format.samples_per_pixel:
        raise damage("SIZ", 40, f"{pixel_format.samples_per_pixel} component(s)", coding.components)
    _check_transform(coding, pixel_format)
    depths = pixel_format.bits_stored, pixel_format.container_bits
    if coding.precision not in depths:
        raise damage("SIZ", 42, f"{depths[0]} or {depths[1]} bits", coding.precision)
    if coding.signed != bool(pixel_format.pixel_representation):
        expected = "signed" if pixel_format.pixel_representation else "unsigned"
        raise damage("SIZ", 42, f"{expected} samples", "signed" if coding.signed else "unsigned")
    if not coding.reversible or not coding.ht or coding.layers != 1:
        found = f"reversible {coding.reversible}, HT {coding.ht}, {coding.layers} layer(s)"
        raise damage("COD", coding.cod_offset, "reversible 5/3, HT blocks, 1 layer", found)
    problem = quantization_problem(
        coding.precision,
        coding.levels,
        coding.magnitude_code,
        coding.guard_bits,
        coding.exponents,
        colour_transform=coding.colour_transform,
    )
    if problem:
        raise damage("QCD", coding.qcd_offset, "exponents that fit the depth", problem)


def most_packets(info: CodestreamInfo) -> int:
    """Return how many packets are let through.

    Every packet takes a byte at least, so tiny precincts cannot be claimed for free. But decoders
    take some 200 bytes of memory for each, which is thirty times the frame where precincts are
    2x2. Encoders make them of 64x64 and more; an average of 8x8 leaves room for small images.
    """
    coding = info.coding
    available = sum(part.offset + part.length - part.data_offset for part in info.tile_parts)
    samples = coding.rows * coding.columns * coding.components
    return min(available, 4 * (coding.levels + 1) * coding.components + samples // _PER_PACKET)


def _check_transform(coding: Coding, pixel_format: PixelFormat) -> None:
    """Refuse RGB without the reversible colour transform, and others with it (PS3.5 8.2.4)."""
    expected = pixel_format.photometric_interpretation == "RGB"
    if pixel_format.is_colour and coding.colour_transform != expected:
        photometric = pixel_format.photometric_interpretation
        wanted = f"{'a' if expected else 'no'} colour transform for {photometric}"
        raise damage("COD", coding.cod_offset, wanted, coding.colour_transform)


def rpcl_obstacle(info: CodestreamInfo) -> str:
    """Say which of the demands of HTJ2K RPCL beyond those of HTJ2K is not met, if any.

    See PS3.5 10.18, for transfer syntax 1.2.840.10008.1.2.4.202.
    """
    if info.progression != "RPCL":
        return f"its progression is {info.progression}"
    if not info.has_tlm:
        return "it has no TLM marker (convert the source with progressive=True, --progressive)"
    base = -(-max(info.rows, info.columns) // (1 << info.levels))
    if base > _RPCL_BASE:
        return f"its lowest resolution is {base} wide, {_RPCL_BASE} is allowed"
    return ""
