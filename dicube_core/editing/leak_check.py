"""Prove that no removed value is left in a new file: every byte of it, before it appears.

What is looked for is said in `removed_values`, how in `search`. ``docs/editing.md`` has the rule.
"""

from __future__ import annotations

import re
from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from dicube_core.container.sections import decompress
from dicube_core.dataset.elements import EXPLICIT_LITTLE
from dicube_core.editing.comments import comments_of
from dicube_core.editing.leaves import FILE_NAME, leaves, place_text
from dicube_core.editing.paths import readable
from dicube_core.editing.profile import Action
from dicube_core.editing.removed_values import RemovedKind, Standing
from dicube_core.editing.search import OVERLAP, ByteSearch, TextSearch
from dicube_core.exceptions import MetaDataError, VerificationError
from dicube_core.reader import Reader
from dicube_core.source import FileObjectSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.editing.leaves import Leaf
    from dicube_core.editing.removed_values import Wanted

    _ActionOf = Callable[[int], Action | None]

__all__ = ["LeakCheck", "check_file"]

_CHUNK = 1 << 22
_TAG = re.compile(r"[0-9A-Fa-f]{8}")
#: Kept elements that say which device, technique or code of a code table: Manufacturer and its
#: model name, software versions, kernel, position reference; code value, scheme and meaning.
#: A removed value that tells no patient apart may stand there, too.
_EQUIPMENT = frozenset(
    (
        *(0x00080070, 0x00081090, 0x00181020, 0x00181210, 0x00201040),
        *(0x00080100, 0x00080102, 0x00080104),
    )
)
_MOST_NAMED = 5


@dataclass(frozen=True, slots=True)
class LeakCheck:
    """What was looked for, and where.

    Parameters
    ----------
    values : int
        Different values that were looked for.
    not_sought : dict
        VR -> removed values that are of a kind or length which is not looked for.
    bytes_searched : int
        Of the file, and of its sections after decompression.
    texts_searched : int
        Different texts in headers and metadata.
    coincidences : tuple of (str, str)
        Element a value was removed from, and an element that says the same of right: coded
        strings and names of equipment, or what the caller accepted.
    """

    values: int
    not_sought: dict[str, int]
    bytes_searched: int
    texts_searched: int
    coincidences: tuple[tuple[str, str], ...]


class _Text:
    """A text of the new file, where it stands, and whether it may say what was removed.

    `coded`: it is of a code or of equipment, or was cleaned. `retained`: an option kept it.
    """

    __slots__ = ("coded", "place", "retained", "text")

    def __init__(self, place: str, text: str, *, coded: bool, retained: bool) -> None:
        self.place, self.text, self.coded, self.retained = place, text, coded, retained

    def may_say(self, value: Wanted) -> bool:
        """Whether a removed value may stand here."""
        if value.standing is not Standing.IDENTIFYING:
            # What the profile does not list tells nobody apart, so a private copy of it did not.
            copied = value.standing is Standing.PRIVATE and self.text.lower() == value.text.lower()
            return self.coded or self.retained or copied
        # A UID, or the date of birth of a newborn, where UIDs or dates are retained.
        return self.retained and (value.kind is RemovedKind.UID or value.text.isdecimal())


def check_file(
    file: BinaryIO,
    name: str,
    wanted: Mapping[Wanted, str],
    *,
    not_sought: Mapping[str, int],
    accepted: Callable[[str], bool],
    action: _ActionOf,
    progress: Callable[[int, int], None] | None = None,
) -> LeakCheck:
    """Search a complete file.

    Parameters
    ----------
    file : binary file
        Open for reading.
    name : str
        Of the target, for messages.
    wanted : mapping
        Value -> element it was removed from.
    accepted : callable
        Whether the caller accepts removed values in the element of this place.
    action : callable
        What the profile did to the attribute of a tag, None where it does not list it.
    progress : callable, optional
        Called with (bytes searched, bytes in all).

    Raises
    ------
    VerificationError
        A removed value was found; the message says where, never what.
    """
    source = FileObjectSource(file)
    source.name = name
    with Reader(source) as reader:
        contents = _Contents(reader, action)
        texts = contents.texts
        allowed = _search_texts(texts, wanted, name, accepted)
        said = {value.text.lower() for value in allowed}
        rest = {v: where for v, where in wanted.items() if not v.text or v.text.lower() not in said}
        search = ByteSearch(rest)
        total = 0
        for what, data in contents.blobs:
            total += len(data)
            _require_clean(search, data, f"{name}: {what}", rest)
        size = source.size()
        for start in range(0, size, _CHUNK):
            data = source.read_at(start, min(_CHUNK + OVERLAP, size - start))
            _require_clean(search, data, f"{name}: bytes from {start}", rest)
            if progress is not None:
                progress(min(size, start + _CHUNK), size)
    pairs = sorted({(wanted[value], place) for value, place in allowed.items()})
    skipped = dict(sorted(not_sought.items()))
    return LeakCheck(len(wanted), skipped, total + size, len(texts), tuple(pairs))


def _require_clean(
    search: ByteSearch, data: bytes, where: str, wanted: Mapping[Wanted, str]
) -> None:
    for position, value in search.find(data):
        raise _found([(wanted[value], f"{where}, at {position}")])


def _found(hits: list[tuple[str, str]]) -> VerificationError:
    named = hits[:_MOST_NAMED]
    listing = "; ".join(f"the value of {origin} is in {place}" for origin, place in named)
    more = f"; and {len(hits) - _MOST_NAMED} more" if len(hits) > _MOST_NAMED else ""
    return VerificationError(
        f"removed values are still in the new file, which was not kept: {listing}{more}",
        suggestion="delete these elements too, or accept them by name if they say it of right",
        details={"found": [list(hit) for hit in hits]},
    )


def _search_texts(
    texts: list[_Text],
    wanted: Mapping[Wanted, str],
    name: str,
    accepted: Callable[[str], bool],
) -> dict[Wanted, str]:
    """Search all texts; return the values that stand somewhere of right, with the place."""
    search = TextSearch(wanted)
    allowed: dict[Wanted, str] = {}
    hits: list[tuple[str, str]] = []
    for value in search.candidates("\n".join(text.text for text in texts)):
        for text in texts:
            if not search.is_in(value, text.text):
                continue
            if text.may_say(value) or accepted(text.place):
                allowed[value] = text.place
            else:
                hits.append((wanted[value], f"{name}: {text.place}"))
    if hits:
        raise _found(sorted(set(hits)))
    return allowed


class _Contents:
    """Every text of a file, and every value and section that the file holds compressed."""

    def __init__(self, reader: Reader, action: _ActionOf) -> None:
        self._action = action
        self._found: dict[tuple[str, str], _Text] = {}
        self.blobs: list[tuple[str, bytes]] = []
        self._note_headers(reader)
        self._note_metadata(reader)
        self._note_others(reader)
        for frame in range(reader.frame_count):
            for comment in comments_of(reader.codestream(frame)):
                self._note(f"comment in the codestream of frame {frame}", comment)

    @property
    def texts(self) -> list[_Text]:
        """Different texts at different places."""
        return list(self._found.values())

    def _note(self, place: str, text: str, *, tag: int = 0, vr: str = "") -> None:
        if (place, text) not in self._found:
            action = self._action(tag) if tag else None
            coded = vr == "CS" or tag in _EQUIPMENT or action is Action.CLEAN
            retained = action is Action.KEEP
            self._found[place, text] = _Text(place, text, coded=coded, retained=retained)

    def _note_headers(self, reader: Reader) -> None:
        headers = stored_headers(reader)
        if headers is None:
            return
        seen: set[Leaf] = set()
        for header in headers:
            self._note(FILE_NAME, header.name)
            for leaf in _header_leaves(header):
                if leaf in seen:
                    continue
                seen.add(leaf)
                place = place_text(leaf.place)
                if leaf.is_text:
                    for text in leaf.texts():
                        self._note(place, text, tag=leaf.tag, vr=leaf.vr)
                elif leaf.value:
                    self.blobs.append((place, leaf.value))
        self.blobs.append(("slice headers", decompress(headers.packed, "slice headers")))

    def _note_metadata(self, reader: Reader) -> None:
        container = reader.container
        packed = container.section("dicom_meta")
        if not packed:
            return
        self.blobs.append(("dicom_meta", decompress(packed, "dicom_meta")))
        stored = container.metadata() or {}
        self._note_entries(stored.get("_merged_data", stored), "dicom_meta")

    def _note_entries(self, entries: Any, around: str) -> None:
        """Note the texts and binary values of merged metadata, level by level."""
        for key, entry in entries.items() if isinstance(entries, Mapping) else ():
            tag = int(key, 16) if _TAG.fullmatch(key) else 0
            if isinstance(entry, Mapping):
                self._note_entry(tag, entry, f"{around} > {readable(tag)}")

    def _note_entry(self, tag: int, entry: Mapping[str, Any], place: str) -> None:
        vr = str(entry.get("vr"))
        if vr != "SQ":
            for text in _strings(entry, keys=False):
                self._note(place, text, tag=tag, vr=vr)
            self.blobs += [(place, data) for data in _binaries(entry)]
            return
        for part in _mappings(list(entry.values())):
            # Where slices differ much, whole elements stand there instead of merged items.
            if isinstance(part.get("vr"), str):
                self._note_entry(tag, part, place)
            else:
                self._note_entries(part, place)

    def _note_others(self, reader: Reader) -> None:
        container = reader.container
        for what, data in (
            ("pixel header", reader.pixel_header.to_dict()),
            ("space", container.space()),
            ("description", container.description),
        ):
            for text in _strings(data):
                self._note(what, text)
        self._note("dicom_status", container.dicom_status())
        self._note("writer", reader.writer)
        if reader.source_header:
            self.blobs.append(("source header", reader.source_header))
            self._note("source header", reader.source_header.decode("latin-1"))


def stored_headers(reader: Reader) -> Any:
    """Return the headers as the file has them: one per source instance."""
    return getattr(reader, "instance_headers", reader.headers)


def _header_leaves(header: SliceHeader) -> Iterator[Leaf]:
    yield from leaves(header.file_meta, EXPLICIT_LITTLE)
    yield from leaves(header.head, header.encoding)
    yield from leaves(header.tail, header.encoding)


def _mappings(value: Any) -> Iterator[Mapping[str, Any]]:
    """Yield the outermost mappings in nested lists."""
    if isinstance(value, Mapping):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from _mappings(part)


def _strings(value: Any, *, keys: bool = True) -> Iterator[str]:
    """Yield every text within a JSON value; base64 is none."""
    if isinstance(value, str):
        yield from filter(None, value.split("\\"))
    elif isinstance(value, Mapping):
        for key, item in value.items():
            if keys:
                yield str(key)
            if key not in ("InlineBinary", "vr"):
                yield from _strings(item, keys=keys)
    elif isinstance(value, Iterable):
        for item in value:
            yield from _strings(item, keys=keys)


def _binaries(value: Any) -> Iterator[bytes]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            if key == "InlineBinary":
                yield from _decoded(item)
            else:
                yield from _binaries(item)
    elif isinstance(value, list):
        for item in value:
            yield from _binaries(item)


def _decoded(value: Any) -> Iterator[bytes]:
    for text in value if isinstance(value, list) else [value]:
        if isinstance(text, str):
            try:
                yield b64decode(text, validate=True)
            except ValueError as error:
                raise MetaDataError("merged metadata holds a binary value that is none") from error
