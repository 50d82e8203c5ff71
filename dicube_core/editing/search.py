"""Look for many values at once: in texts, and in bytes of any kind."""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING

from dicube_core.editing.removed_values import RemovedKind, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["OVERLAP", "ByteSearch", "TextSearch"]

_TOKEN = re.compile(r"[0-9]+(?:\.[0-9]+)+")
_TOKEN_BYTES = re.compile(rb"[0-9]+(?:\.[0-9]+)+")
#: A byte pattern is no longer than this; chunks must overlap by as much.
_LONGEST = 256
OVERLAP = _LONGEST + 2
#: Shorter patterns occur in compressed pixels by chance: one of 6 bytes once in 280 terabytes.
_SHORTEST_IN_BYTES = 6


class TextSearch:
    """Looks for texts and UIDs in texts.

    A value is found where it stands as a whole: no letter or digit touches it. UIDs and other
    values of digits are not found within longer numbers or UIDs. Capitals do not matter.
    """

    def __init__(self, wanted: Iterable[Wanted]) -> None:
        self._uids: dict[str, Wanted] = {}
        self._texts: dict[str, Wanted] = {}
        for value in wanted:
            if value.kind is RemovedKind.UID:
                self._uids[value.text] = value
            elif value.kind is not RemovedKind.BINARY:
                known = self._texts.get(value.text.lower())
                if known is None or value.standing > known.standing:
                    self._texts[value.text.lower()] = value

    def candidates(self, joined: str) -> list[Wanted]:
        """Return what may stand in a long text; most of it is excluded fast."""
        lower = joined.lower()
        found = [value for text, value in self._texts.items() if text in lower]
        tokens = set(_TOKEN.findall(joined)) if self._uids else set()
        return found + [self._uids[token] for token in sorted(tokens & self._uids.keys())]

    @staticmethod
    def is_in(value: Wanted, text: str) -> bool:
        """Whether a value stands in a text as a whole."""
        if value.kind is RemovedKind.UID:
            return value.text in _TOKEN.findall(text)
        lower, needle = text.lower(), value.text.lower()
        start = lower.find(needle)
        while start >= 0:
            stop = start + len(needle)
            if _stands_alone(needle, lower[start - 1 : start], lower[stop : stop + 1]):
                return True
            start = lower.find(needle, start + 1)
        return False


def _stands_alone(needle: str, before: str, after: str) -> bool:
    number = needle[0].isdigit() and needle[-1].isdigit()
    touching = "." if number else ""

    def touches(char: str, edge: str) -> bool:
        return bool(char) and ((char.isalnum() and edge.isalnum()) or char in touching)

    return not touches(before, needle[0]) and not touches(after, needle[-1])


class ByteSearch:
    """Looks for values in bytes, in every form a value may have there.

    Texts are looked for as they stood, in UTF-8 and in UTF-16, UIDs as whole tokens, binary
    values by their first 256 bytes. Patterns of fewer than 6 bytes are left out: they occur by
    chance.
    """

    def __init__(self, wanted: Iterable[Wanted]) -> None:
        import numpy as np

        self._patterns: dict[bytes, list[tuple[bytes, Wanted]]] = defaultdict(list)
        self._uids: dict[bytes, Wanted] = {}
        for value in wanted:
            if value.kind is RemovedKind.UID:
                self._uids[value.text.encode("ascii")] = value
                continue
            for form in _forms(value):
                if len(form) >= _SHORTEST_IN_BYTES:
                    self._patterns[form[:4]].append((form[:_LONGEST], value))
        anchors = {*self._patterns, *(uid[:4] for uid in self._uids)}
        # Two looks at 16 bits each leave one position in 2**32 per anchor in random bytes.
        self._first = np.zeros(1 << 16, bool)
        self._second = np.zeros(1 << 16, bool)
        for anchor in anchors:
            self._first[int.from_bytes(anchor[:2], "little")] = True
            self._second[int.from_bytes(anchor[2:], "little")] = True
        self._anchors = frozenset(anchors)

    @property
    def count(self) -> int:
        """How many patterns there are."""
        return len(self._uids) + sum(map(len, self._patterns.values()))

    def find(self, data: bytes) -> Iterator[tuple[int, Wanted]]:
        """Yield (position, value) of what stands in `data`."""
        for position in self._positions(data):
            anchor = data[position : position + 4]
            if anchor not in self._anchors:
                continue
            for form, value in self._patterns.get(anchor, ()):
                if data.startswith(form, position) and _alone(data, position, form, value):
                    yield position, value
            if self._uids and not _digit_before(data, position):
                token = _TOKEN_BYTES.match(data, position)
                if token is not None and token[0] in self._uids:
                    yield position, self._uids[token[0]]

    def _positions(self, data: bytes) -> list[int]:
        import numpy as np

        if len(data) < 4 or not self._anchors:
            return []
        whole = np.frombuffer(data, np.uint8)
        positions: list[int] = []
        for shift in (0, 1):
            words = whole[shift : shift + (len(data) - shift) // 2 * 2].view("<u2")
            hits = np.flatnonzero(self._first[words[:-1]] & self._second[words[1:]])
            positions += (2 * hits + shift).tolist()
        return sorted(positions)


def _forms(value: Wanted) -> list[bytes]:
    if value.kind is RemovedKind.BINARY:
        return [value.value]
    texts = dict.fromkeys((value.text, value.text.upper(), value.text.lower()))
    forms = [t.encode(c) for t in texts for c in ("utf-8", "utf-16-le", "utf-16-be")]
    if value.kind is RemovedKind.TEXT and value.value:
        forms.append(value.value)
    return list(dict.fromkeys(forms))


def _digit_before(data: bytes, position: int) -> bool:
    return position > 0 and data[position - 1] in b".0123456789"


def _alone(data: bytes, position: int, form: bytes, value: Wanted) -> bool:
    """Whether no letter or digit touches a text; bytes of other scripts touch nothing."""
    if value.kind is RemovedKind.BINARY or len(form) == _LONGEST:
        return True
    step = 2 if b"\0" in form else 1  # UTF-16
    before = data[max(0, position - step) : position].strip(b"\0").decode("latin-1")
    stop = position + len(form)
    after = data[stop : stop + step].strip(b"\0").decode("latin-1")
    before, after = (c if c.isascii() else "" for c in (before[-1:], after[:1]))
    return _stands_alone(value.text, before, after)
