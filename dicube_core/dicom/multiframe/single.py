"""One frame of a multi-frame instance as the header of an image of its own.

Bytes in, bytes out: elements that one frame shares with its instance keep their bytes.
``docs/multiframe_sources.md`` lists what differs.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dicube_core.dataset import uids
from dicube_core.dataset.elements import EXPLICIT_LITTLE, element_header, walk
from dicube_core.dicom.file_front import encoding_found
from dicube_core.dicom.file_meta import PREAMBLE, file_meta_for
from dicube_core.dicom.headers import SliceHeader
from dicube_core.dicom.multiframe.classic import classic_equivalents, empty_type_2
from dicube_core.dicom.multiframe.groups import FunctionalGroups
from dicube_core.dicom.multiframe.identity import derived_uid, frame_name
from dicube_core.dicom.multiframe.kinds import (
    PER_FRAME_GROUPS,
    SHARED_GROUPS,
    number_of_frames,
    single_frame_class,
)
from dicube_core.dicom.multiframe.overlays import Overlays
from dicube_core.dicom.multiframe.pieces import (
    element,
    items_of,
    level,
    sequence,
    text_element,
    value_of,
)
from dicube_core.dicom.multiframe.vectors import Vectors
from dicube_core.exceptions import MetaDataError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["SingleFrames"]

_CLASS, _UID, _INSTANCE_NUMBER = 0x00080016, 0x00080018, 0x00200013
_NUMBER_OF_FRAMES, _INCREMENT = 0x00280008, 0x00280009
_POSITION = 0x00200032
_SOURCE_IMAGES = 0x00082112
#: At the front of a data set, elements up to this one would be read as file meta information.
_LAST_OF_FILE_META = 0x0002FFFF
#: Header of the length of the file meta information, and bytes of the whole element.
_GROUP_LENGTH = element_header(0x00020000, b"UL", 4, EXPLICIT_LITTLE)
_META_LENGTH = len(_GROUP_LENGTH) + 4
#: What is said of all frames together, of the parts of an instance, or sealed for its bytes.
_OF_ALL = frozenset(
    (
        *(0x00280106, 0x00280107, 0x4FFE0001, 0xFFFAFFFA),
        *(0x00200242, 0x00209161, 0x00209162, 0x00209163, 0x00209228),
        *(0x7FE00001, 0x7FE00002),
    )
)
#: How dimensions are organised, which the class of a single frame has no place for.
_OF_FUNCTIONAL_GROUPS = frozenset(
    (SHARED_GROUPS, PER_FRAME_GROUPS, 0x00209221, 0x00209222, 0x00209311)
)
#: Of functional groups, what a class without single-frame form gets at its top level as well:
#: geometry, and what makes values of the stored ones.
_EVERYWHERE = frozenset(
    (
        *(0x00200032, 0x00200037, 0x00280030, 0x00180050, 0x00180088),
        *(0x00281050, 0x00281051, 0x00281052, 0x00281053, 0x00281054, 0x00281055),
    )
)


class SingleFrames:
    """The frames of one instance as single-frame headers. Safe for threads.

    Parameters
    ----------
    header : SliceHeader
        Of the instance.
    frame_count : int
        Its frames.
    native_bits : int
        Bits of one frame in uncompressed DICOM.
    first_number : int
        Instance Number of its first frame.

    Raises
    ------
    MetaDataError
        Its functional groups or its number of frames are not of so many frames.
    UnsupportedKindError
        Its functional groups cannot be resolved.
    """

    def __init__(
        self, header: SliceHeader, frame_count: int, native_bits: int, first_number: int = 1
    ) -> None:
        self._header, self._encoding = header, header.encoding
        self._first = first_number
        if number_of_frames(header) != frame_count:
            raise MetaDataError(
                f"{header.name}: NumberOfFrames is {number_of_frames(header)}, "
                f"{frame_count} frames belong to it"
            )
        try:
            top = level(header.head, self._encoding)
            self._groups = FunctionalGroups(top, self._encoding, frame_count)
            self._vectors = Vectors(top, self._encoding, frame_count)
        except MetaDataError as exc:
            exc.message = f"{header.name}: {exc.message}"
            raise
        self._class = value_of(top.get(_CLASS), self._encoding).decode("latin-1").strip(" \0")
        self.sop_class = single_frame_class(self._class)
        self._becomes_single = self.sop_class != self._class
        self._source_uid = value_of(top.get(_UID), self._encoding) or header.dataset
        self._sources = self._own_source_images(top)
        self._overlays = Overlays(top, self._encoding, frame_count)
        self._base = self._base_elements(top)
        tail = level(header.whole_tail, self._encoding)
        self._tail = b"".join(piece for tag, piece in tail.items() if tag not in _OF_ALL)
        self._length = -(-native_bits // 8)
        self._pixel_header = self._frame_pixel_header()
        self._syntax = uids.EXPLICIT_LE if header.explicit else uids.IMPLICIT_LE
        self._meta = self._file_meta()
        self._templates: dict[tuple[int, ...], list[tuple[bytes, int]]] = {}

    def _own_source_images(self, top: Mapping[int, bytes]) -> list[bytes]:
        piece = top.get(_SOURCE_IMAGES)
        if piece is None:
            return []
        try:
            return items_of(piece, next(walk(piece, self._encoding)), self._encoding)
        except MetaDataError:
            return []  # no sequence: it is replaced

    def _base_elements(self, top: Mapping[int, bytes]) -> dict[int, bytes]:
        """Return what the frames have in common."""
        encoding = self._encoding
        base = {tag: piece for tag, piece in top.items() if tag not in _OF_ALL}
        for tag in self._vectors.replaced:
            base.pop(tag, None)
            base.pop(_INCREMENT, None)
        if self._vectors.is_unplaced:
            base.pop(_POSITION, None)  # that of the first frame, at most
        if self._becomes_single:
            for tag in (*_OF_FUNCTIONAL_GROUPS, _NUMBER_OF_FRAMES, _INCREMENT):
                base.pop(tag, None)
            shared = self._groups.shared
            base.update(shared)
            said = classic_equivalents(base, encoding, self.sop_class)
            base.update({tag: said[tag] for tag in said.keys() - shared.keys()})
            for tag, piece in empty_type_2(self.sop_class, encoding).items():
                base.setdefault(tag, piece)
        else:
            if _NUMBER_OF_FRAMES in base:
                base[_NUMBER_OF_FRAMES] = text_element(_NUMBER_OF_FRAMES, b"IS", "1", encoding)
            shared = self._groups.shared
            base.update({tag: shared[tag] for tag in _EVERYWHERE & shared.keys()})
        if _CLASS in base:
            base[_CLASS] = text_element(_CLASS, b"UI", self.sop_class, encoding)
        return {tag: piece for tag, piece in base.items() if tag > _LAST_OF_FILE_META}

    def _frame_pixel_header(self) -> bytes:
        """Return the header of the pixel element for one frame alone."""
        data = self._header.pixel_header
        found = next(walk(data, self._encoding, until=0x7FE00008), None)
        if found is None:
            raise MetaDataError(f"{self._header.name}: it has no header of Pixel Data")
        padded = self._length + self._length % 2
        return element_header(found.tag, found.vr, padded, self._encoding)

    def _file_meta(self) -> tuple[bytes, bytes]:
        """Return the file meta information of the frames, around the SOP Instance UID."""
        parts = level(self._header.file_meta, EXPLICIT_LITTLE)
        parts[0x00020002] = text_element(0x00020002, b"UI", self.sop_class, EXPLICIT_LITTLE)
        instance = parts[0x00020003] = text_element(0x00020003, b"UI", "1", EXPLICIT_LITTLE)
        file_meta = b"".join(parts[tag] for tag in sorted(parts))
        made = file_meta_for(replace(self._header, file_meta=file_meta), self._syntax)
        before, _, after = made[_META_LENGTH:].partition(instance)
        return before, after

    def header(self, number: int) -> SliceHeader:
        """Return the header of one frame, 0-based, as an instance of its own."""
        encoding = self._encoding
        uid = derived_uid(self._source_uid, number + 1)
        own = {t: p for t, p in self._own_elements(number).items() if t > _LAST_OF_FILE_META}
        own[_UID] = text_element(_UID, b"UI", uid, encoding)
        own[_INSTANCE_NUMBER] = text_element(
            _INSTANCE_NUMBER, b"IS", str(self._first + number), encoding
        )
        own[_SOURCE_IMAGES] = self._source_images(number, own.get(_SOURCE_IMAGES))
        head = b"".join(
            static + own.get(tag, b"") for static, tag in self._template(tuple(sorted(own)))
        )
        if encoding_found(head, 0, self._syntax) != encoding:
            raise MetaDataError(
                f"{self._header.name}: the first element of its frames does not show how they are "
                "encoded",
                suggestion="it has no value representation; correct the file",
            )
        before, after = self._meta
        instance = text_element(0x00020003, b"UI", uid, EXPLICIT_LITTLE)
        length = (len(before) + len(instance) + len(after)).to_bytes(4, "little")
        return SliceHeader(
            preamble=self._header.preamble or PREAMBLE,
            file_meta=b"".join((_GROUP_LENGTH, length, before, instance, after)),
            head=head,
            pixel_header=self._pixel_header,
            padding=b"\0" * (self._length % 2),
            tail=self._tail,
            explicit=self._header.explicit,
            exact=True,
            source_syntax=self._syntax,
            name=frame_name(self._header.name, number + 1),
        )

    def _own_elements(self, number: int) -> dict[int, bytes]:
        """Return what this frame has that others may have otherwise."""
        own = self._vectors.of_frame(number)
        own.update(self._overlays.of_frame(number))
        found = self._groups.of_frame(number)
        if self._becomes_single:
            own.update(found)
            said = classic_equivalents(found, self._encoding, self.sop_class)
            of_groups = found.keys() | self._groups.shared.keys()
            own.update({tag: said[tag] for tag in said.keys() - of_groups})
            return own
        own.update({tag: found[tag] for tag in _EVERYWHERE & found.keys()})
        if self._groups.frames:
            item = self._groups.frames[number]
            own[PER_FRAME_GROUPS] = sequence(PER_FRAME_GROUPS, [item], self._encoding)
        return own

    def _source_images(self, number: int, of_frame: bytes | None) -> bytes:
        """Return Source Image Sequence with the frame of the instance (PS3.3 C.7.6.1.1.4)."""
        encoding = self._encoding
        items = self._sources
        if of_frame is not None:
            items = items_of(of_frame, next(walk(of_frame, encoding)), encoding)
        source = b"".join(
            (
                text_element(0x00081150, b"UI", self._class, encoding),
                element(0x00081155, b"UI", self._reference, encoding),
                text_element(0x00081160, b"IS", str(number + 1), encoding),
            )
        )
        return sequence(_SOURCE_IMAGES, [*items, source], encoding)

    @property
    def _reference(self) -> bytes:
        value = self._source_uid
        return value if len(value) <= 64 else b""

    def _template(self, own: tuple[int, ...]) -> list[tuple[bytes, int]]:
        """Return (what all frames have, the element that follows), for frames with these tags."""
        made = self._templates.get(own)
        if made is not None:
            return made
        replaced = frozenset(own)
        made, run = [], list[bytes]()
        for tag in sorted({*self._base, *own}):
            if tag in replaced:
                made.append((b"".join(run), tag))
                run = []
            else:
                run.append(self._base[tag])
        made.append((b"".join(run), 0))
        self._templates[own] = made
        return made
