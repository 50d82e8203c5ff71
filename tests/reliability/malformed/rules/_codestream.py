"""A codestream in segments, put together again with whatever stands in it (ITU-T T.800 annex A)."""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["NAMES", "Segment", "Stream", "split"]

NAMES = {
    0xFF50: "CAP",
    0xFF51: "SIZ",
    0xFF52: "COD",
    0xFF53: "COC",
    0xFF55: "TLM",
    0xFF56: "PRF",
    0xFF57: "PLM",
    0xFF58: "PLT",
    0xFF59: "CPF",
    0xFF5C: "QCD",
    0xFF5D: "QCC",
    0xFF5E: "RGN",
    0xFF5F: "POC",
    0xFF60: "PPM",
    0xFF61: "PPT",
    0xFF63: "CRG",
    0xFF64: "COM",
    0xFF72: "DFS",
    0xFF76: "NLT",
    0xFF79: "ATK",
}


@dataclass(frozen=True, slots=True)
class Segment:
    """A marker and its body; `length` is what it says, if not what is right."""

    marker: int
    body: bytes
    length: int | None = None

    @property
    def name(self) -> str:
        """Name of the marker."""
        return NAMES.get(self.marker, f"{self.marker:04X}")

    def pack(self) -> bytes:
        """Return the segment as it stands in a codestream."""
        length = len(self.body) + 2 if self.length is None else self.length
        return self.marker.to_bytes(2, "big") + length.to_bytes(2, "big") + self.body


@dataclass(frozen=True, slots=True)
class Stream:
    """A codestream, whose first tile-part is in pieces, and the others are not.

    `sot` is the body of SOT; its Psot is made right when packed unless `lies` is set.
    """

    main: tuple[Segment, ...]
    sot: bytes
    tile: tuple[Segment, ...]
    packets: bytes
    soc: bytes = b"\xff\x4f"
    sod: bytes = b"\xff\x93"
    more: bytes = b""
    eoc: bytes = b"\xff\xd9"
    lies: bool = False

    def tile_part(self) -> bytes:
        """Return SOT to the last packet."""
        body = b"".join(s.pack() for s in self.tile) + self.sod + self.packets
        sot = self.sot
        if not self.lies:
            sot = sot[:2] + (12 + len(body)).to_bytes(4, "big") + sot[6:]
        return b"\xff\x90\x00\x0a" + sot + body

    def pack(self) -> bytes:
        """Return the codestream."""
        main = b"".join(segment.pack() for segment in self.main)
        return self.soc + main + self.tile_part() + self.more + self.eoc

    def with_main(self, *segments: Segment) -> Stream:
        """Return it with another main header."""
        return replace(self, main=segments)

    def index(self, name: str) -> int:
        """Return which segment of the main header has a name."""
        return next(i for i, segment in enumerate(self.main) if segment.name == name)

    def with_field(self, name: str, at: int, value: bytes) -> Stream:
        """Return it with other bytes in a segment of the main header."""
        number = self.index(name)
        body = self.main[number].body
        new = replace(self.main[number], body=body[:at] + value + body[at + len(value) :])
        return self.with_main(*self.main[:number], new, *self.main[number + 1 :])


def split(data: bytes) -> Stream:
    """Read a good codestream."""
    position = 2
    main = []
    while data[position : position + 2] != b"\xff\x90":
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        body = data[position + 4 : position + 2 + length]
        main.append(Segment(int.from_bytes(data[position : position + 2], "big"), body))
        position += 2 + length
    sot = data[position + 4 : position + 12]
    stop = position + int.from_bytes(sot[2:6], "big")
    position += 12
    tile = []
    while data[position : position + 2] != b"\xff\x93":
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        body = data[position + 4 : position + 2 + length]
        tile.append(Segment(int.from_bytes(data[position : position + 2], "big"), body))
        position += 2 + length
    end = data.rindex(b"\xff\xd9")  # a fragment has a zero behind it where its length is odd
    packets = data[position + 2 : stop]
    return Stream(tuple(main), sot, tuple(tile), packets, more=data[stop:end], eoc=data[end:])
