"""Compare an instance of several frames with what a file gives back of it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from dicube_core.codec.encapsulated import trusted_plugin
from dicube_core.dataset import uids
from dicube_core.dicom.colour import RELABELLED
from dicube_core.dicom.compare import dataset_differences
from dicube_core.dicom.scan import PixelKind
from dicube_core.exceptions import TransferSyntaxError
from dicube_core.frames import same_values

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from pydicom import Dataset

    from dicube_core.dicom.scan import SliceSource
    from dicube_core.instances import WholeInstances
    from dicube_core.slices import SliceProvider
    from dicube_core.verify import VerifyReport

__all__ = ["compare_instance"]


def compare_instance(
    provider: SliceProvider,
    whole: WholeInstances,
    index: int,
    item: SliceSource,
    report: VerifyReport,
    *,
    second_decoder: bool,
) -> None:
    """Compare one instance as a whole, and each of its frames as an image of its own.

    pydicom reads the source, the restored instance, its compressed form, and every frame.
    """
    where = f"instance {index} ({item.header.name})"
    original = item.origin if isinstance(item.origin, bytes) else item.origin.read_bytes()
    restored = provider.original_instance(index)
    report.slices_compared += 1
    if restored == original:
        report.byte_identical += 1
    elif item.header.exact:
        report.fail(f"{where}: the restored file differs from the source")
    forms = [("uncompressed", restored)]
    if second_decoder:
        try:
            packed = provider.whole_instance(index, uids.HTJ2K_LOSSLESS)
        except TransferSyntaxError:
            pass  # it has no such form, which nobody then gets
        else:
            forms.append(("compressed", packed))
    for form, data in forms:
        expected, found = _read(original, item), _read(data, item)
        count, differences = dataset_differences(expected, found, _relabelled(provider, item, form))
        report.elements_compared += count
        for difference in differences:
            report.fail(f"{where}, {form}: {difference}")
        _compare_values(expected, found, f"{where}, {form}", report)
    _compare_frames(provider, whole, index, _read(original, item), report)


def _relabelled(provider: SliceProvider, item: SliceSource, form: str) -> frozenset[int]:
    colour = provider.reader.pixel_format.is_colour
    changed = form == "compressed" or item.kind is PixelKind.ENCAPSULATED
    return frozenset(RELABELLED) if colour and changed else frozenset()


def _compare_values(expected: Dataset, found: Dataset, where: str, report: VerifyReport) -> None:
    pairs = zip(_shown(expected), _shown(found), strict=True)
    for number, (one, other) in enumerate(pairs):
        if not same_values(one, other):
            report.fail(f"{where}, frame {number}: pydicom reads other values than from the source")


def _compare_frames(
    provider: SliceProvider,
    whole: WholeInstances,
    index: int,
    source: Dataset,
    report: VerifyReport,
) -> None:
    """Compare the stored values, and those that each frame shows as an image of its own."""
    from pydicom import dcmread

    reader = provider.reader
    frames = whole.frame_map.frames_of(index)
    seen: set[str] = set()
    words = _each(source, raw=True, correct_unused_bits=False)
    for number, (frame, stored) in enumerate(zip(frames, words, strict=True)):
        where = f"frame {frame} (frame {number} of {whole.headers[index].name})"
        report.values_compared += int(stored.size)
        if not same_values(reader.frame(frame), stored):
            report.fail(f"{where}: stored values differ from the source")
        single = dcmread(io.BytesIO(provider.instance(frame)))
        own = next(_shown(single))
        if not same_values(own, _shown_of(source, stored, number)):
            report.fail(f"{where}: as an image of its own it has other values than the source")
        uid, named = single.SOPInstanceUID, single.file_meta.MediaStorageSOPInstanceUID
        copied = len(frames) > 1 and uid == source.get("SOPInstanceUID")
        if uid != named or uid in seen or copied:
            report.fail(f"{where}: its SOP Instance UID {uid} is not its own")
        seen.add(uid)


def _shown_of(source: Dataset, stored: Any, number: int) -> Any:
    """Return what pydicom shows of one frame of the source."""
    if source.BitsAllocated > 8 and "PixelData" not in source:
        return stored
    from pydicom.pixels.utils import pixel_array

    plugin = trusted_plugin(source.file_meta.TransferSyntaxUID)
    high = source.BitsAllocated > 8
    return pixel_array(source, index=number, raw=high, decoding_plugin=plugin)


def _shown(dataset: Dataset) -> Iterator[np.ndarray[Any, Any]]:
    """Yield what pydicom reads; it converts colour to RGB where it can, which is 8 bits."""
    return _each(dataset, raw=dataset.BitsAllocated > 8)


def _each(dataset: Dataset, **options: Any) -> Iterator[np.ndarray[Any, Any]]:
    """Yield frame by frame what pydicom reads."""
    from pydicom.pixels.utils import iter_pixels, pixel_array

    # As conversion does: other decoders may give other values, or end the process.
    options["decoding_plugin"] = trusted_plugin(dataset.file_meta.TransferSyntaxUID)
    native = not dataset.file_meta.TransferSyntaxUID.is_encapsulated
    if native and dataset.get("PhotometricInterpretation") == "YBR_FULL_422":
        # pydicom 3.0 forgets behind the first frame that pixels share their colour.
        count = int(dataset.get("NumberOfFrames") or 1)
        return (pixel_array(dataset, index=number, **options) for number in range(count))
    return iter_pixels(dataset, **options)


def _read(data: bytes, item: SliceSource) -> Dataset:
    """Read anew each time: pydicom forgets how an element was encoded when its value is used."""
    from pydicom import dcmread
    from pydicom.uid import UID

    dataset = dcmread(io.BytesIO(data), force=True)
    if "TransferSyntaxUID" not in dataset.file_meta:
        # The scan has found out; it says so where the data set had to be normalised.
        said = uids.EXPLICIT_LE if item.header.explicit else uids.IMPLICIT_LE
        syntax = item.header.source_syntax or said
        dataset.file_meta.TransferSyntaxUID = UID(syntax)
    return dataset
