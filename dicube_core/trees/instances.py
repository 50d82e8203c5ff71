"""What planning needs to know of one file of a tree: little, and shared where it repeats."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dicube_core.dataset._text import character_set, decode
from dicube_core.dataset.elements import walk
from dicube_core.dataset.find import header_values
from dicube_core.dicom.multiframe.headers import DerivedHeaders
from dicube_core.dicom.multiframe.kinds import is_multiframe
from dicube_core.dicom.scan import NotDicomError, PixelKind, scan
from dicube_core.dicom.series import instance_format, slice_attributes
from dicube_core.exceptions import DicomCubeError, MetaDataError, UnsupportedKindError
from dicube_core.frame_map import FrameMap
from dicube_core.trees._worker import tell

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dicube_core.dicom.scan import SliceSource
    from dicube_core.pixels import PixelFormat
    from dicube_core.spatial.planes import Orientation

__all__ = ["Facts", "Instance", "NoInstance", "read_chunk"]

_CHARACTER_SET, _IMAGE_TYPE, _DESCRIPTION, _NUMBER = 0x00080005, 0x00080008, 0x0008103E, 0x00200011
_TEXTS = (_CHARACTER_SET, _IMAGE_TYPE, _DESCRIPTION, _NUMBER)


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
        ImageOrientationPatient, of the first frame where there are several.
    syntax : str
        Transfer Syntax UID of compressed pixels, empty for others.
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
    syntax: str
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
    """One file that gives no instance.

    Parameters
    ----------
    path, reason : str
        Which file, and why.
    dicom : bool
        Whether it is DICOM nevertheless, or may be: damaged, or not to be read.
    refused : bool
        Whether it is of a kind that is refused by name, so early that its series is not known.
    """

    path: str
    reason: str
    dicom: bool = False
    refused: bool = False


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
        refused = isinstance(exc, UnsupportedKindError)
        return NoInstance(path, _without(path, exc.message), dicom=True, refused=refused)
    except (OSError, MemoryError) as exc:
        text = getattr(exc, "strerror", None) or str(exc) or type(exc).__name__
        return NoInstance(path, text, dicom=True)
    return Instance(
        path,
        source.size,
        source.modified,
        source.text(0x00080018),
        source.frame_count,
        known.setdefault(facts, facts),
    )


def _not_dicom(path: str, exc: NotDicomError) -> str:
    return "a .dcbs file" if path.lower().endswith(".dcbs") else _without(path, exc.message)


def _without(path: str, message: str) -> str:
    return message.removeprefix(f"{path}: ")


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
        orientation=_orientation(source, pixel_format),
        syntax=source.header.source_syntax if source.kind is PixelKind.ENCAPSULATED else "",
        refusal=refusal,
    )


def _texts(source: SliceSource) -> dict[int, str]:
    header = source.header
    found = {
        element.tag: header.head[element.value : element.value_stop]
        for element in walk(header.head, header.encoding, until=_NUMBER + 1)
        if element.tag in _TEXTS
    }
    # A value of another VR, which cannot name one, is refused when the file is converted.
    charset = character_set(found.pop(_CHARACTER_SET, b""))
    return {tag: decode(value, charset).rstrip(" \0") for tag, value in found.items()}


def _kind(source: SliceSource) -> tuple[PixelFormat | None, str]:
    """Return the pixel format, or the name of a kind that is refused."""
    try:
        return instance_format(source), ""
    except UnsupportedKindError as exc:
        kind = exc.details.get("kind") or _without(source.header.name, exc.message)
        return None, str(kind).rstrip(",")


def _orientation(source: SliceSource, pixel_format: PixelFormat | None) -> Orientation | None:
    """Return the orientation of an instance, or of its first frame."""
    values = source.values
    if pixel_format is not None and is_multiframe(source.header, source.frame_count):
        if source.frame_count > source.size:  # each takes a byte at least
            raise MetaDataError(
                f"{source.header.name}: NumberOfFrames {source.frame_count} for {source.size} bytes"
            )
        frames = FrameMap.of_counts([source.frame_count])
        first = DerivedHeaders([source.header], frames, pixel_format.native_bits)[0]
        values = header_values(first)
    return slice_attributes(values).orientation
