"""Character sets: text of data elements to and from bytes (DICOM PS3.3 C.12.1.1.2, PS3.5 6.1).

Text never carries hidden state here: decoding does not warn and does not depend on settings of
other packages, and encoding either gives bytes that decode to the same text or raises.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

from dicube_core.exceptions import MetaDataError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from dicube_core.dataset.elements import Element

__all__ = [
    "CHARACTER_SET",
    "DEFAULT",
    "NAMING_VRS",
    "UTF8",
    "CharacterSet",
    "character_set",
    "character_set_of",
    "decode",
    "encode",
    "stated_character_set",
]

#: Specific Character Set.
CHARACTER_SET = 0x00080005
#: VRs whose values name a character set: CS, and what writers put there by mistake and readers
#: understand all the same.
NAMING_VRS = frozenset(("AE", "AS", "CS", "DA", "DT", "LO", "SH", "TM", "UC", "UI"))

#: pydicom's name for "no character set given"; decodes Latin-1 for lenience, encodes ASCII only.
_UNSPECIFIED = "iso8859"
_ESCAPE = b"\x1b"
_STAND_ALONE = ("ISO_IR 192", "GBK", "GB18030")
#: Of an element without VR, and of UN, the dictionary's counts, which is CS.
_NAMING_MARKS = frozenset((b"", b"UN", *(vr.encode() for vr in NAMING_VRS)))
# Known without loading pydicom; these cover nearly all files.
_COMMON = {
    "": _UNSPECIFIED,
    "ISO_IR 6": _UNSPECIFIED,
    "ISO_IR 100": "latin_1",
    "ISO_IR 192": "UTF8",
}
# Line ends and tabs return to the first character set (PS3.5 6.1.2.5.3).
_RESETS = re.compile(rb"[\t\n\f\r]")
_FRAGMENTS = re.compile(rb"^[^\x1b]+|\x1b[^\x1b]*")
# Decoded by Python together with their escape sequences.
_STATEFUL_CODECS = frozenset(("iso2022_jp", "iso2022_jp_2"))


@dataclass(frozen=True, slots=True)
class CharacterSet:
    """Python codecs of a Specific Character Set, the first one being the default."""

    codecs: tuple[str, ...] = (_UNSPECIFIED,)


DEFAULT = CharacterSet()
UTF8 = CharacterSet(("UTF8",))


@lru_cache(maxsize=256)
def character_set(value: bytes) -> CharacterSet:
    """Return the character set that a value of (0008,0005) names; unknown names mean none."""
    names = [name.strip() for name in value.decode("latin-1").rstrip(" \0").split("\\")]
    if len(names) > 1:
        # Sets without code extensions stand alone or do not count (PS3.3 C.12.1.1.2).
        first = names[0]
        names = [first] if first in _STAND_ALONE else [n for n in names if n not in _STAND_ALONE]
    return CharacterSet(tuple(_codec(name) for name in names))


def character_set_of(values: Iterable[object]) -> CharacterSet:
    """Return the character set that the values of (0008,0005) name in the JSON model."""
    return character_set("\\".join(str(v or "") for v in values).encode("latin-1", "replace"))


def stated_character_set(data: bytes, element: Element) -> CharacterSet:
    """Return the character set that a (0008,0005) in `data` states for its level.

    All that reads or changes text asks here, so that all take the same one.

    Raises
    ------
    MetaDataError
        It has a value of a VR that cannot name one; what readers make of it differs.
    """
    value = data[element.value : element.value_stop]
    if value and (element.undefined or element.vr not in _NAMING_MARKS):
        raise MetaDataError(
            f"(0008,0005) Specific Character Set at byte {element.start} has the value "
            f"representation {element.vr.decode('latin-1')!r}, which cannot name one",
            suggestion="what the texts say is not certain; have the source corrected (VR CS)",
        )
    return character_set(value)


def _codec(name: str) -> str:
    """Return the codec of one defined term, tolerating common misspellings."""
    if name in _COMMON:
        return _COMMON[name]
    from pydicom.charset import python_encoding

    if name in python_encoding:
        return python_encoding[name]
    if re.match(r"ISO[^_]IR", name):
        return python_encoding.get("ISO_IR" + name[6:], _UNSPECIFIED)
    if re.match(r"ISO.2022.IR.", name):
        return python_encoding.get("ISO 2022 IR " + name[12:], _UNSPECIFIED)
    return name if _is_known_codec(name, python_encoding) else _UNSPECIFIED


def _is_known_codec(name: str, table: dict[str, str]) -> bool:
    """Whether `name` is a Python spelling of a character set DICOM has."""
    try:
        found = codecs.lookup(name).name
    except (LookupError, ValueError):
        return False
    return found in {"ascii", "cp1252", *(codecs.lookup(codec).name for codec in table.values())}


def decode(value: bytes, charset: CharacterSet) -> str:
    """Decode text; bytes that are not text in `charset` become U+FFFD, as in pydicom."""
    first = charset.codecs[0]
    if _ESCAPE not in value:
        return value.decode(first, errors="replace")
    return "".join(_decode_fragment(part, charset) for part in _FRAGMENTS.findall(value))


def _decode_fragment(part: bytes, charset: CharacterSet) -> str:
    """Decode one stretch between escape sequences (PS3.5 6.1.2.5)."""
    from pydicom.charset import CODES_TO_ENCODINGS

    first = charset.codecs[0]
    if not part.startswith(_ESCAPE):
        return part.decode(first, errors="replace")
    size = 4 if part[1:3] in (b"$(", b"$)") else 3
    codec = CODES_TO_ENCODINGS.get(part[:size])
    if codec is None or codec not in (*charset.codecs, _UNSPECIFIED):
        return part.decode(first, errors="replace")
    try:
        if codec in _STATEFUL_CODECS:
            return part.decode(codec)
        text = part[size:]
        reset = _RESETS.search(text)
        if reset is None:
            return text.decode(codec)
        return text[: reset.start()].decode(codec) + text[reset.start() :].decode(first)
    except UnicodeError:
        return part.decode(first, errors="replace")


def encode(text: str, charset: CharacterSet) -> bytes:
    """Encode text exactly.

    Raises
    ------
    MetaDataError
        `charset` has no bytes for `text`.
    """
    if text.isascii() and "\x1b" not in text:
        return text.encode("ascii")
    try:
        value = _encode(text, charset)
    except (UnicodeError, LookupError):
        value = b""
    if decode(value, charset) != text:
        raise MetaDataError(
            f"text {text!r} cannot be written in the character set "
            f"{', '.join(charset.codecs)} of the data set",
            suggestion="set (0008,0005) SpecificCharacterSet to ISO_IR 192, or use plain text",
        )
    return value


def _encode(text: str, charset: CharacterSet) -> bytes:
    names = ["ascii" if name == _UNSPECIFIED else name for name in charset.codecs]
    if len(names) == 1:
        return _encode_run(text, names[0])
    # ISO 2022 (PS3.5 6.1.2.5): runs of characters, each in the first set that has it.
    result = bytearray()
    active = names[0]
    for codec, characters in groupby(text, lambda character: _codec_for(character, names)):
        encoded = _encode_run("".join(characters), codec)
        if codec in _STATEFUL_CODECS:  # these announce themselves, and end in ASCII
            active = "ascii"
        elif codec != active:
            result += _escape_for(codec, encoded)
            active = codec
        result += encoded
    # The first set is active again where a delimiter may follow.
    return bytes(result) + (_escape_for(names[0], b"") if active != names[0] else b"")


def _codec_for(character: str, names: Sequence[str]) -> str:
    for name in names:
        if _can_encode(character, name):
            return name
    raise UnicodeEncodeError(names[0], character, 0, 1, "no character set has it")


def _escape_for(codec: str, encoded: bytes) -> bytes:
    from pydicom.charset import ENCODINGS_TO_CODES

    if codec == "ascii":
        return b"\x1b(B"
    if codec == "shift_jis" and encoded < b"\x80":
        return b"\x1b(J"
    return bytes(ENCODINGS_TO_CODES.get(codec, b""))


def _encode_run(text: str, codec: str) -> bytes:
    value = text.encode(codec)
    if codec == "shift_jis" and len(value) != len(text):  # JIS X 0201 is its one-byte part
        raise UnicodeEncodeError(codec, text, 0, len(text), "not in JIS X 0201")
    return value


def _can_encode(character: str, codec: str) -> bool:
    try:
        _encode_run(character, codec)
    except UnicodeError:
        return False
    return True
