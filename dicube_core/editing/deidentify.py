"""Apply the profile to headers, level by level (DICOM PS3.15 annex E.1.1)."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from dicube_core.dataset import uids
from dicube_core.dataset._encode import encode_element, value_of
from dicube_core.dataset._text import UTF8, decode
from dicube_core.dataset._values import BINARY_VRS, MULTIPLE_TEXT_VRS, NUMBER_VRS, plain_element
from dicube_core.dataset._vr import is_private_creator, public_vr
from dicube_core.dataset.elements import EXPLICIT_LITTLE, element_header, walk
from dicube_core.dicom.file_meta import PREAMBLE
from dicube_core.editing._profile_options import IDENTIFYING, SAFE_PRIVATE
from dicube_core.editing.deidentified_marks import MARKS, mark_element
from dicube_core.editing.leaves import Leaf, leaves
from dicube_core.editing.profile import Action, Deidentification, Option, action_of
from dicube_core.editing.rewrite import KEEP, REMOVE, Verdict, rewrite
from dicube_core.editing.uids import date_shift, new_uid, shifted
from dicube_core.exceptions import MetaDataError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from dicube_core.dataset.elements import Element
    from dicube_core.dataset.json_model import Level
    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.editing.rewrite import Context

__all__ = ["Deidentifier", "deidentified"]

_PATIENT_ID = 0x00100020
#: Dummies by VR (action D); text that every reader takes, and no value of a real patient.
_TEXT = "ANONYMIZED"
_DUMMIES = {
    "AS": "000Y",
    "DA": "19000101",
    "DS": "0",
    "DT": "19000101000000",
    "IS": "0",
    "TM": "000000",
    "UR": "http://anonymized.invalid",
}
_MIN_CLEANED = 3
#: Kept within sequences that get dummies: how text is read, and which kind an instance is of.
_NEVER_DUMMY = frozenset((0x00080005, 0x00080016, 0x00081150))
#: What a file has to have in its file meta information, beside what names the implementation.
_META_KEPT = frozenset((0x00020001, 0x00020002, 0x00020003, 0x00020010))


def deidentified(
    headers: Sequence[SliceHeader], settings: Deidentification, salt: bytes
) -> list[SliceHeader]:
    """Return the headers as the profile wants them; pixels are not looked at.

    Parameters
    ----------
    headers : sequence of SliceHeader
        Of one series.
    settings : Deidentification
        Profile options.
    salt : bytes
        What new UIDs and dates follow from.

    Raises
    ------
    MetaDataError
        A header is not a data set; the message names the slice.
    """
    decider = Deidentifier(settings, salt)
    for header in headers:
        decider.learn(header)
    decider.settle()
    result = []
    for index, header in enumerate(headers):
        try:
            result.append(decider.header(header, index))
        except MetaDataError as error:
            raise MetaDataError(f"slice {index}: {error.message}") from error
    return result


class Deidentifier:
    """Decides for every element what becomes of it."""

    def __init__(self, settings: Deidentification, salt: bytes) -> None:
        self._options = settings.options
        self._salt = salt
        self._known: set[str] = set()
        self._identity: set[str] = set()
        self._learnt: set[tuple[object, ...]] = set()
        self._days = 0
        self._in_tail = False
        self._cleaner: re.Pattern[str] | None = None

    def learn(self, header: SliceHeader) -> None:
        """Take note of the UIDs that get others, and of what identifies the patient."""
        for leaf in _header_leaves(header):
            if not leaf.value or (leaf.vr, leaf.value, leaf.place) in self._learnt:
                continue
            self._learnt.add((leaf.vr, leaf.value, leaf.place))
            tag = leaf.tag
            if leaf.vr == "UI" and action_of(tag, self._options) is Action.NEW_UID:
                self._known.update(leaf.texts())
            if leaf.is_text and (tag in IDENTIFYING or leaf.vr == "PN"):
                self._identity.update(leaf.texts())
                if tag == _PATIENT_ID and len(leaf.place) == 1 and not self._days:
                    self._days = date_shift(leaf.texts()[0], self._salt)
        self._cleaner = None

    def settle(self) -> None:
        """Make ready to decide: every header was learnt."""
        self._days = self._days or date_shift("", self._salt)

    def header(self, header: SliceHeader, index: int) -> SliceHeader:
        """Return one header, its file meta information, preamble and name included."""
        self._in_tail = False
        head = rewrite(header.head, header.encoding, self)
        self._in_tail = True
        tail = rewrite(header.tail, header.encoding, self)
        return replace(
            header,
            preamble=PREAMBLE if header.preamble else b"",
            file_meta=self._file_meta(header.file_meta),
            head=head,
            tail=tail,
            padding=bytes(len(header.padding)),
            rest=b"",
            name=f"slice_{index:04d}.dcm",
        )

    def _file_meta(self, data: bytes) -> bytes:
        """Keep what a file must have, as written by this package (PS3.15 E.1.1, PS3.10 7.1)."""
        if not data:
            return data
        parts = []
        for element in walk(data):
            value = data[element.value : element.value_stop]
            if element.tag == 0x00020003 and Option.RETAIN_UIDS not in self._options:
                value = self._mapped(value)
            if element.tag in _META_KEPT:
                vr = element.vr
                parts.append(element_header(element.tag, vr, len(value), EXPLICIT_LITTLE) + value)
        for tag, vr, text in (
            (0x00020012, b"UI", uids.IMPLEMENTATION_UID),
            (0x00020013, b"SH", uids.IMPLEMENTATION_VERSION),
        ):
            value = text.encode() + (b"\0" if vr == b"UI" else b" ") * (len(text) % 2)
            parts.append(element_header(tag, vr, len(value), EXPLICIT_LITTLE) + value)
        body = b"".join(parts)
        size = len(body).to_bytes(4, "little")
        return element_header(0x00020000, b"UL", 4, EXPLICIT_LITTLE) + size + body

    def decide(self, level: Level, element: Element, vr: str, context: Context) -> Verdict:
        """Return what becomes of one element."""
        tag = element.tag
        if tag & 0x10000:
            return KEEP if self._is_safe(level, tag) else REMOVE
        if not context and tag in MARKS:
            return Verdict(mark_element(tag, level, self._options, element))
        if tag >> 16 == 0xFFFE:
            return KEEP
        action = action_of(tag, self._options)
        if action is None and public_vr(tag) is None:
            return REMOVE  # nobody can say what it means
        if element.value == element.value_stop and action is not Action.REMOVE:
            return KEEP
        return self._verdict(action, level, element, vr, context)

    def _verdict(  # noqa: PLR0911 - one line per action
        self, action: Action | None, level: Level, element: Element, vr: str, context: Context
    ) -> Verdict:
        tag = element.tag
        value = level.data[element.value : element.value_stop]
        if action is Action.REMOVE:
            return REMOVE
        if action is Action.EMPTY or (action is None and vr == "PN"):
            return Verdict(encode_element(tag, vr, None, level.encoding))
        if action is Action.SHIFT:
            return self._date(level, element, vr, value)
        if action is Action.CLEAN and vr != "SQ":
            return self._clean(level, element, vr, value)
        if action is None and tag in _NEVER_DUMMY:
            return KEEP
        if vr == "UI":
            return self._uid(action, level, element, value)
        dummy = action is Action.DUMMY or (
            action is None and any(_is_dummy(outer, self._options) for outer, _, _ in context)
        )
        if dummy and vr != "SQ":
            return Verdict(_dummy(tag, vr, level))
        if action is Action.NEW_UID and vr != "SQ":
            return REMOVE  # a UID attribute that holds something else
        return KEEP

    def added(self, level: Level, context: Context) -> Mapping[int, bytes]:
        """Return the elements that say that the data set was de-identified."""
        if context or self._in_tail:
            return {}
        return {
            tag: mark_element(tag, level, self._options, None)
            for tag in MARKS
            if tag not in level.elements
        }

    def _is_safe(self, level: Level, tag: int) -> bool:
        """Whether a private element may be kept (PS3.15 E.3.10)."""
        if Option.SAFE_PRIVATE not in self._options:
            return False
        if is_private_creator(tag):
            block = tag & 0xFF
            return any(
                other >> 16 == tag >> 16
                and other >> 8 & 0xFF == block
                and other & 0xFFFF > 0xFF
                and self._is_safe(level, other)
                for other in level.elements
            )
        return (level.creator(tag), tag >> 16, tag & 0xFF) in SAFE_PRIVATE

    def _uid(self, action: Action | None, level: Level, element: Element, value: bytes) -> Verdict:
        """Replace a UID; one that was replaced elsewhere is replaced wherever it stands."""
        if action is Action.KEEP:
            return KEEP
        new = self._mapped(value, everything=action is Action.NEW_UID or action is Action.DUMMY)
        if new == value:
            return KEEP
        header = element_header(element.tag, element.vr or b"UI", len(new), level.encoding)
        return Verdict(header + new)

    def _mapped(self, value: bytes, *, everything: bool = True) -> bytes:
        texts = [t.strip() for t in value.decode("latin-1").rstrip("\0 ").split("\\")]
        new = [new_uid(t, self._salt) if everything or t in self._known else t for t in texts]
        if new == texts:
            return value
        data = "\\".join(new).encode("latin-1")
        return data + b"\0" * (len(data) % 2)

    def _date(self, level: Level, element: Element, vr: str, value: bytes) -> Verdict:
        """Move dates; times of day stay. What is no date is emptied."""
        if vr == "TM" or element.tag == 0x00080201:
            return KEEP
        texts = [t.strip() for t in value.decode("latin-1").rstrip("\0 ").split("\\")]
        moved = [shifted(text, self._days) if text else "" for text in texts]
        values = None if vr not in ("DA", "DT") or None in moved else [m or None for m in moved]
        return Verdict(encode_element(element.tag, vr, values, level.encoding))

    def _clean(self, level: Level, element: Element, vr: str, value: bytes) -> Verdict:
        """Cut what identifies the patient out of a text; what is no text is emptied."""
        if vr not in MULTIPLE_TEXT_VRS | {"LT", "ST", "UT"}:
            return Verdict(encode_element(element.tag, vr, None, level.encoding))
        text = decode(value, level.charset)
        if self._cleaner is None:
            self._cleaner = _cleaner(self._identity | self._known)
        clean = self._cleaner.sub("", text)
        if clean == text:
            return KEEP
        data = clean.strip(" \0")
        model = plain_element(element.tag, vr, data.encode("utf-8"), UTF8)
        values = value_of(element.tag, model)
        return Verdict(encode_element(element.tag, vr, values, level.encoding, level.charset))


def _is_dummy(tag: int, options: frozenset[Option]) -> bool:
    return not tag & 0x10000 and action_of(tag, options) is Action.DUMMY


def _dummy(tag: int, vr: str, level: Level) -> bytes:
    if vr in BINARY_VRS:
        return encode_element(tag, vr, b"\0\0", level.encoding)
    if vr in NUMBER_VRS:
        return encode_element(tag, vr, [0], level.encoding)
    if vr == "AT":
        return encode_element(tag, vr, ["00000000"], level.encoding)
    if vr == "PN":
        return encode_element(tag, vr, [{"Alphabetic": _TEXT}], level.encoding)
    value = _DUMMIES.get(vr, _TEXT)
    number = float(value) if vr == "DS" else int(value) if vr == "IS" else value
    return encode_element(tag, vr, [number], level.encoding)


def _cleaner(texts: set[str]) -> re.Pattern[str]:
    """Return what finds identifying texts, their parts included, whatever the capitals."""
    parts = {part for text in texts for part in (text, *re.split(r"[\^=\s,;]+", text))}
    longest = sorted((p for p in parts if len(p) >= _MIN_CLEANED), key=lambda p: (-len(p), p))
    if not longest:
        return re.compile(r"(?!)")
    return re.compile(
        rf"(?<![^\W_])(?:{'|'.join(map(re.escape, longest))})(?![^\W_])", re.IGNORECASE
    )


def _header_leaves(header: SliceHeader) -> list[Leaf]:
    return [*leaves(header.head, header.encoding), *leaves(header.tail, header.encoding)]
