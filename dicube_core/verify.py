"""Prove that a file is whole, and that it gives back what it was made from."""

from __future__ import annotations

import io
import json
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dicube_core.codec.encapsulated import trusted_plugin
from dicube_core.container.extension import RESOLUTIONS
from dicube_core.dataset import uids
from dicube_core.dicom.agreement import require_agreement
from dicube_core.dicom.colour import RELABELLED
from dicube_core.dicom.compare import dataset_differences
from dicube_core.dicom.description import merged_metadata
from dicube_core.dicom.gather import gather
from dicube_core.dicom.scan import PixelKind
from dicube_core.dicom.series import build_series
from dicube_core.exceptions import DicomCubeError
from dicube_core.frames import run_frames, same_values
from dicube_core.reader import Reader
from dicube_core.slices import SliceProvider
from dicube_core.urls import shown
from dicube_core.verify_instances import compare_instance

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    import numpy as np
    from pydicom import Dataset

    from dicube_core.dicom.gather import SeriesInput
    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.dicom.scan import SliceSource

__all__ = ["VerifyReport", "check_sections", "verify_against", "verify_file"]

_MAX_LISTED = 200


@dataclass
class VerifyReport:
    """Outcome of a verification.

    Parameters
    ----------
    path : str
        The file.
    frame_count : int
        Frames in it.
    frames_decoded : int
        Frames whose codestream was checked and decoded.
    checksums : bool
        Whether the file has checksums; they were all compared then.
    slices_compared : int
        Slices, or whole instances of several frames, compared with a source.
    byte_identical : int
        Those whose uncompressed form is the source file byte for byte.
    elements_compared, values_compared : int
        Data elements and stored values compared.
    repaired : str
        What was lost when the file was repaired; empty for a file that never was.
    failures : list of str
        What is not as it should be, one line each; empty means proven.
    """

    path: str
    frame_count: int = 0
    frames_decoded: int = 0
    checksums: bool = False
    slices_compared: int = 0
    byte_identical: int = 0
    elements_compared: int = 0
    values_compared: int = 0
    repaired: str = ""
    failures: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether nothing failed."""
        return not self.failures

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain values, for JSON."""
        return {**vars(self), "ok": self.ok}

    def fail(self, text: str) -> None:
        """Note a failure; beyond a few hundred they would only repeat each other."""
        if len(self.failures) < _MAX_LISTED:
            self.failures.append(text)


def verify_file(
    path: str | os.PathLike[str], progress: Callable[[int, int], None] | None = None
) -> VerifyReport:
    """Check every checksum, decode every frame, and compare the two forms of the metadata.

    Parameters
    ----------
    path : path-like
        The ``.dcbs`` file, or its address as for `open`.
    progress : callable, optional
        Called with (frames decoded, frames in all).

    Returns
    -------
    VerifyReport
        Damage is listed in it, not raised.

    Raises
    ------
    OSError
        The file cannot be opened.
    """
    report = VerifyReport(str(shown(path)))
    try:
        with Reader(path) as reader:
            report.frame_count = reader.frame_count
            report.checksums = reader.validated
            check_sections(reader, report)
            _decode_all(reader, report, progress)
    except DicomCubeError as exc:
        report.fail(str(exc))
    return report


def check_sections(reader: Reader, report: VerifyReport) -> None:
    """Read everything but the frames; reading compares checksums."""
    try:
        reader.container.check_parts()
        _ = reader.geometry, reader.dicom_status, reader.writer, reader.source_header
        _ = reader.kept_encodings
        table = reader.container.resolutions
        if table is not None:
            for index in range(reader.frame_count):
                table.row(index)
        report.repaired = "" if reader.repaired is None else reader.repaired.summary()
        meta, headers = reader.dicom_meta, reader.headers
        for index, header in enumerate(headers or ()):
            require_agreement(header, index, reader.pixel_format, reader.pixel_header)
        whole = SliceProvider(reader).instances
        if whole is not None:
            for index in range(len(whole)):
                whole.header(index)
        if meta is not None and headers is not None:
            derived = merged_metadata(list(headers))
            if _text(derived) != _text(dict(meta.items())):
                report.fail("the merged metadata is not what the slices' headers say")
    except DicomCubeError as exc:
        report.fail(str(exc))


def _text(merged: dict[str, Any]) -> str:
    """Return what tells 0.0 from -0.0 and 1 from 1.0, which are equal to Python."""
    return json.dumps(merged, sort_keys=True)


def _decode_all(
    reader: Reader, report: VerifyReport, progress: Callable[[int, int], None] | None
) -> None:
    _ = reader.codec, reader.pixel_format
    has_resolutions = reader.container.has_part(RESOLUTIONS)
    lock = threading.Lock()
    done = 0

    def decode(_: int, index: int) -> None:
        nonlocal done
        try:
            codestream = reader.codestream(index)
            reader.decode(index, codestream)
            if has_resolutions:
                reader.check_resolutions(index, codestream)
        except DicomCubeError as exc:
            with lock:
                report.fail(str(exc))
        else:
            with lock:
                report.frames_decoded += 1
        with lock:
            done += 1
            if progress is not None:
                progress(done, reader.frame_count)

    with reader.reading_ahead():
        run_frames(decode, range(reader.frame_count))


def verify_against(
    path: str | os.PathLike[str],
    source: SeriesInput,
    *,
    series_uid: str | None = None,
    second_decoder: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> VerifyReport:
    """Prove that a file gives back the DICOM files it was made from.

    Each slice is restored and compared with its source: byte for byte, and, read by pydicom,
    element by element (nested ones too) and value by value. The compressed form of the slice is
    read by pydicom as well, with the decoder that pydicom has.

    Parameters
    ----------
    path : path-like
        The ``.dcbs`` file.
    source : path, or iterable of paths, binary files, bytes or data sets
        What it was made from.
    series_uid : str, optional
        As it was given to `convert`.
    second_decoder : bool
        Also let pydicom decode the compressed form of each slice.
    progress : callable, optional
        Called with (slices compared, slices in all).
    """
    report = verify_file(path)
    if not report.ok:
        return report
    series = build_series(gather(source), series_uid=series_uid)
    with Reader(path) as reader:
        provider = SliceProvider(reader)
        whole = provider.instances
        headers = provider.headers if whole is None else whole.headers
        partners = _partners(headers, list(series.instances), report)
        for number, (index, item) in enumerate(partners, 1):
            try:
                if whole is None:
                    _compare_slice(provider, index, item, report, second_decoder=second_decoder)
                else:
                    compare_instance(
                        provider, whole, index, item, report, second_decoder=second_decoder
                    )
            except DicomCubeError as exc:
                report.fail(f"slice {index} ({item.header.name}): {exc}")
            except Exception as exc:  # noqa: BLE001 - what pydicom cannot read proves nothing
                report.fail(
                    f"slice {index} ({item.header.name}): pydicom cannot compare it: "
                    f"{type(exc).__name__}: {exc}"
                )
            if progress is not None:
                progress(number, len(partners))
    return report


def _partners(
    headers: Sequence[SliceHeader], sources: list[SliceSource], report: VerifyReport
) -> list[tuple[int, SliceSource]]:
    """Find the source of every header by name and SOP Instance UID; none may be left over."""
    from dicube_core.dataset.find import header_values

    def key(name: str, uid: bytes) -> tuple[str, bytes]:
        return name, uid.rstrip(b"\0 ")

    if len(sources) != len(headers):
        report.fail(f"the source has {len(sources)} slices, the file {len(headers)}")
    by_key = {key(s.header.name, s.values.get(0x00080018, b"")): s for s in sources}
    by_uid = {k[1]: s for k, s in by_key.items()}
    pairs, used = [], set()
    for index, header in enumerate(headers):
        uid = header_values(header).get(0x00080018, b"")
        item = by_key.get(key(header.name, uid)) or by_uid.get(uid.rstrip(b"\0 "))
        if item is None or id(item) in used:
            report.fail(f"slice {index} ({header.name}) has no source")
        else:
            used.add(id(item))
            pairs.append((index, item))
    for item in sources:
        if id(item) not in used:
            report.fail(f"source {item.header.name} is not in the file")
    return pairs


def _compare_slice(
    provider: SliceProvider,
    index: int,
    item: SliceSource,
    report: VerifyReport,
    *,
    second_decoder: bool,
) -> None:
    """Compare one slice in its forms; pydicom reads the source on its own."""
    from pydicom import dcmread
    from pydicom.pixels.utils import pixel_array

    where = f"slice {index} ({item.header.name})"
    original = item.origin if isinstance(item.origin, bytes) else item.origin.read_bytes()
    restored = provider.original(index)
    report.slices_compared += 1
    if restored == original:
        report.byte_identical += 1
    elif item.header.exact:
        report.fail(f"{where}: the restored file differs from the source")
    expected = _with_syntax(dcmread(io.BytesIO(original), force=True), item)
    values = _shown(expected)
    report.values_compared += int(values.size)
    words = pixel_array(expected, **_plugin(expected), raw=True, correct_unused_bits=False)
    if not same_values(provider.reader.frame(index), words):
        report.fail(f"{where}: stored values differ from the source")
    forms = [("uncompressed", restored)]
    if second_decoder:
        forms.append(("compressed", provider.instance(index)))
    for form, data in forms:
        # Anew each time: pydicom forgets how an element was encoded when its value is used.
        expected = _with_syntax(dcmread(io.BytesIO(original), force=True), item)
        found = _with_syntax(dcmread(io.BytesIO(data), force=True), item)
        relabelled = RELABELLED if _may_be_relabelled(provider, item, form) else frozenset()
        count, differences = dataset_differences(expected, found, relabelled)
        report.elements_compared += count
        for difference in differences:
            report.fail(f"{where}, {form}: {difference}")
        if not same_values(_shown(found), values):
            report.fail(f"{where}, {form}: pydicom reads other values than from the source")


def _shown(dataset: Dataset) -> np.ndarray[Any, Any]:
    """Return what pydicom reads; it converts colour to RGB where it can, which is 8 bits."""
    from pydicom.pixels.utils import pixel_array

    return pixel_array(dataset, **_plugin(dataset), raw=dataset.BitsAllocated > 8)


def _plugin(dataset: Dataset) -> dict[str, Any]:
    """Name the decoder, as conversion does: others may give other values, or end the process."""
    return {"decoding_plugin": trusted_plugin(dataset.file_meta.TransferSyntaxUID)}


def _may_be_relabelled(provider: SliceProvider, item: SliceSource, form: str) -> bool:
    """Whether a colour frame's description may say what decoding made of it."""
    colour = provider.reader.pixel_format.is_colour
    return colour and (form == "compressed" or item.kind is PixelKind.ENCAPSULATED)


def _with_syntax(dataset: Dataset, item: SliceSource) -> Dataset:
    """Say how a data set without file meta information is encoded; pydicom asks for it."""
    from pydicom.uid import UID

    if "TransferSyntaxUID" not in dataset.file_meta:
        # The scan has found out; it says so where the data set had to be normalised.
        said = uids.EXPLICIT_LE if item.header.explicit else uids.IMPLICIT_LE
        syntax = item.header.source_syntax or said
        dataset.file_meta.TransferSyntaxUID = UID(syntax)
    return dataset
