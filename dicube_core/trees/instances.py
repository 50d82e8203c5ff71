"""What planning needs to know of one file of a tree: little, and shared where it repeats."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dicube_core.dataset._text import character_set, decode
from dicube_core.dataset.elements import walk
from dicube_core.dicom.scan import NotDicomError, scan
from dicube_core.dicom.series import instance_format, slice_attributes
from dicube_core.exceptions import DicomCubeError, UnsupportedKindError
from dicube_core.trees._worker import tell

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dicube_core.dicom.scan import SliceSource
    from dicube_core.pixels import PixelFormat
    from dicube_core.spatial.planes import Orientation

__all__ = ["Facts", "Instance", "NoInstance", "read_chunk"]

_CHARACTER_SET, _IMAGE_TYPE, _DESCRIPTION, _NUMBER = 0x00080005, 0x00080008, 0x0008103E, 0x00200011
_TEXTS = (_CHARACTER_SET, _IMAGE_TYPE, _DESCRIPTION, _NUMBER)
#: Pixels that say something about another image, not an image: never converted.
_DERIVED = {
    "1.2.840.10008.5.1.4.1.1.66.4": "a segmentation (SEG)",
    "1.2.840.10008.5.1.4.1.1.66.7": "a label map segmentation (SEG)",
}


@dataclass(frozen=True, slots=True)
class Facts:
    """What the instances of a series mostly have in common.

    Parameters
    ----------
    study, series : str
        Study and Series Instance UID, empty where missing.
    modality, number, description : str
        Modality, Series Number and Series Description as text, unchecked.
    pixel_format : PixelFormat or None
        None where the kind is refused.
    localizer : bool
        Whether Image Type value 3 is LOCALIZER (PS3.3 C.7.6.1.1.2).
    orientation : tuple of float or None
        ImageOrientationPatient of the data set itself.
    refusal : str
        The kind that cannot be kept, by name; empty where it can.
    """

    study: str
    series: str
    modality: str
    number: str
    description: str
    pixel_format: PixelFormat | None
    localizer: bool
    orientation: Orientation | None
    refusal: str


@dataclass(frozen=True, slots=True)
class Instance:
    """One DICOM file.

    Parameters
    ----------
    path : str
        Below the root of the tree, with forward slashes.
    size, modified : int
        Bytes, and nanoseconds: as found, to notice a change before it is converted.
    uid : str
        SOP Instance UID, empty where missing.
    frames : int
        Number of Frames, 1 where not said.
    facts : Facts
        One object for all instances with the same.
    """

    path: str
    size: int
    modified: int
    uid: str
    frames: int
    facts: Facts


@dataclass(frozen=True, slots=True)
class NoInstance:
    """One file that gives no instance: another kind of file, or (`damaged`) an unreadable one."""

    path: str
    reason: str
    damaged: bool = False


def read_chunk(task: tuple[str, tuple[str, ...]]) -> list[Instance | NoInstance]:
    """Read the headers of some files; never raises for what they hold.

    Parameters
    ----------
    task : (root, paths)
        Paths below the root.
    """
    root, paths = task
    known: dict[Facts, Facts] = {}
    found = []
    for path in paths:
        found.append(_read(Path(root), path, known))
        tell(0)
    return found


def shared_facts(instances: Iterable[Instance], known: dict[Facts, Facts]) -> list[Instance]:
    """Return the instances with one object for equal facts: they come from several processes."""
    return [
        Instance(i.path, i.size, i.modified, i.uid, i.frames, known.setdefault(i.facts, i.facts))
        for i in instances
    ]


def _read(root: Path, path: str, known: dict[Facts, Facts]) -> Instance | NoInstance:
    try:
        source = scan(root / path, path)
        facts = _facts(source)
    except NotDicomError as exc:
        return NoInstance(path, _not_dicom(path, exc))
    except DicomCubeError as exc:
        return NoInstance(path, _without(path, exc.message), damaged=True)
    except (OSError, MemoryError) as exc:
        text = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
        return NoInstance(path, text, damaged=True)
    return Instance(
        path,
        source.size,
        source.modified,
        source.text(0x00080018),
        _frame_count(source),
        known.setdefault(facts, facts),
    )


def _not_dicom(path: str, exc: NotDicomError) -> str:
    return "a .dcbs file" if path.lower().endswith(".dcbs") else _without(path, exc.message)


def _without(path: str, message: str) -> str:
    return message.removeprefix(f"{path}: ")


def _frame_count(source: SliceSource) -> int:
    text = source.text(0x00280008).strip()
    return max(1, int(text)) if text.isdecimal() and len(text) < 10 else 1


def _facts(source: SliceSource) -> Facts:
    pixel_format, refusal = _kind(source)
    texts = _texts(source)
    image_type = texts.get(_IMAGE_TYPE, "").split("\\")
    return Facts(
        study=source.text(0x0020000D),
        series=source.text(0x0020000E),
        modality=source.text(0x00080060),
        number=texts.get(_NUMBER, "").strip(),
        description=texts.get(_DESCRIPTION, "").strip(),
        pixel_format=pixel_format,
        localizer=len(image_type) > 2 and image_type[2].strip() == "LOCALIZER",
        orientation=slice_attributes(source.values).orientation,
        refusal=refusal,
    )


def _texts(source: SliceSource) -> dict[int, str]:
    header = source.header
    found = {
        element.tag: header.head[element.value : element.value_stop]
        for element in walk(header.head, header.encoding, until=_NUMBER + 1)
        if element.tag in _TEXTS
    }
    charset = character_set(found.pop(_CHARACTER_SET, b""))
    return {tag: decode(value, charset).rstrip(" \0") for tag, value in found.items()}


def _kind(source: SliceSource) -> tuple[PixelFormat | None, str]:
    """Return the pixel format, or the name of a kind that is refused."""
    class_uid = source.text(0x00080016)
    if class_uid in _DERIVED:
        return None, _DERIVED[class_uid]
    try:
        return instance_format(source), ""
    except UnsupportedKindError as exc:
        kind = str(exc.details.get("kind") or _without(source.header.name, exc.message))
        return None, f"{kind} ({_class_name(class_uid)})" if class_uid else kind


def _class_name(class_uid: str) -> str:
    from pydicom.uid import UID

    return UID(class_uid).name
