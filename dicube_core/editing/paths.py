"""Names of elements as users write them: keywords, tags, nested paths, private blocks."""

from __future__ import annotations

import re
from dataclasses import dataclass

from dicube_core.dataset._values import VRS
from dicube_core.dataset._vr import public_vr
from dicube_core.exceptions import MetaDataError
from dicube_core.metadata._edit_values import parse_tag, tag_name

__all__ = ["ElementPath", "Step", "readable"]

_INDEX = re.compile(r"(?P<name>.+)\[(?P<index>[0-9]{1,6}|\*)\]")
_PAIR = re.compile(r"\((?P<group>[0-9A-Fa-f]{4}),(?P<number>[0-9A-Fa-f]{4})\)")
_BLOCK = re.compile(r"\((?P<group>[0-9A-Fa-f]{4}),(?P<creator>[^,]+),(?P<number>[0-9A-Fa-f]{2})\)")
_VR = re.compile(r"(?P<name>.+):(?P<vr>[A-Z]{2})")
#: Stands for any number of sequences, none included.
_ANYWHERE = "**."


@dataclass(frozen=True, slots=True)
class Step:
    """One element of a path.

    Parameters
    ----------
    tag : int
        ``0xGGGGEEEE``; for a private element named by its creator, only group and last two
        digits count.
    creator : str
        Private creator whose block the element is in, empty where the tag is the whole name.
    index : int or None
        Which item of the sequence, counted from 0; None for every item.
    """

    tag: int
    creator: str = ""
    index: int | None = None

    def is_at(self, tag: int, creator: str) -> bool:
        """Whether an element, in the block of `creator` if it is private, is the one meant."""
        if not self.creator:
            return tag == self.tag
        return (
            tag >> 16 == self.tag >> 16
            and tag & 0xFF == self.tag & 0xFF
            and tag & 0xFFFF > 0xFF
            and creator == self.creator
        )


@dataclass(frozen=True, slots=True)
class ElementPath:
    """Where an element is: ``PatientName``, ``(0029,1010)``, ``ROISequence[0].Name`` and so on.

    Parameters
    ----------
    steps : tuple of Step
        The sequences down to the element, and the element.
    anywhere : bool
        Written as ``**.`` in front: the steps may begin at any depth.
    vr : str
        Written as ``:VR`` behind: needed to give private elements a value.
    text : str
        As the user wrote it, for messages.
    """

    steps: tuple[Step, ...]
    anywhere: bool
    vr: str
    text: str

    @classmethod
    def parse(cls, given: object) -> ElementPath:
        """Read a path.

        Parameters
        ----------
        given : str, int or pair
            Keyword, ``"GGGGEEEE"``, ``"(gggg,eeee)"``, ``"(gggg,CREATOR,ee)"``, or several of
            them with dots between and ``[n]`` or ``[*]`` behind sequences (every item by
            default). Numbers and pairs as `DicomMeta` takes them.

        Raises
        ------
        MetaDataError
            It names no element.
        """
        if not isinstance(given, str):
            return cls((_checked(Step(parse_tag(given)), str(given)),), False, "", str(given))
        text, vr = given.strip(), ""
        typed = _VR.fullmatch(text)
        if typed is not None and typed["vr"] in VRS:
            text, vr = typed["name"], typed["vr"]
        anywhere = text.startswith(_ANYWHERE)
        names = _split(text.removeprefix(_ANYWHERE))
        steps = [_checked(_step(name, given), given) for name in names]
        for step in steps[:-1]:
            if not step.tag & 0x10000 and public_vr(step.tag) not in ("SQ", None):
                raise MetaDataError(f"{given}: {readable(step.tag)} is no sequence")
        return cls(tuple(steps), anywhere, vr, given)

    @property
    def is_simple(self) -> bool:
        """Whether it names one element of the outermost level by its tag alone."""
        step = self.steps[0]
        return len(self.steps) == 1 and not self.anywhere and not step.creator and not self.vr

    @property
    def tag(self) -> int:
        """Tag of the element itself."""
        return self.steps[-1].tag

    def value_vr(self) -> str:
        """Return the VR to write a value with.

        Raises
        ------
        MetaDataError
            The dictionary knows none, and the path names none.
        """
        if self.vr:
            return self.vr
        vr = None if self.tag & 0x10000 else public_vr(self.tag)
        if vr is None:
            raise MetaDataError(
                f"{self.text}: the VR of this element is not known",
                suggestion=f"name it behind a colon, such as {self.text}:LO",
            )
        return vr.split(" ")[0]


def readable(tag: int) -> str:
    """Return keyword and tag of an element, as people look for it."""
    from pydicom.datadict import keyword_for_tag

    keyword = "" if tag & 0x10000 else keyword_for_tag(tag)
    return f"{keyword} {tag_name(tag)}" if keyword else tag_name(tag)


def _split(text: str) -> list[str]:
    """Split at the dots that are not in parentheses: a private creator may hold some."""
    return re.findall(r"(?:\([^)]*\)|[^.(])+", text) if text else []


def _step(name: str, given: str) -> Step:
    indexed = _INDEX.fullmatch(name)
    index = None
    if indexed is not None:
        name = indexed["name"]
        index = None if indexed["index"] == "*" else int(indexed["index"])
    block, pair = _BLOCK.fullmatch(name), _PAIR.fullmatch(name)
    if pair is not None:
        return Step(int(pair["group"] + pair["number"], 16), index=index)
    if block is not None:
        tag = int(block["group"], 16) << 16 | int(block["number"], 16)
        if not tag & 0x10000:
            raise MetaDataError(f"{given}: group {block['group']} is not private")
        return Step(tag, block["creator"].strip(), index)
    try:
        return Step(parse_tag(name), index=index)
    except MetaDataError as error:
        raise MetaDataError(f"{given!r} names no element: {error.message}") from error


def _checked(step: Step, given: str) -> Step:
    """Refuse what is no element of a data set: file meta, group lengths, delimiters, pixels."""
    if step.tag >> 16 in (0, 2, 0x7FE0, 0xFFFE) or not (step.creator or step.tag & 0xFFFF):
        raise MetaDataError(
            f"{given}: {tag_name(step.tag)} cannot be edited; it belongs to the file or its pixels"
        )
    return step
