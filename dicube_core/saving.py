"""Write an image in memory, or a source folder, to a ``.dcbs`` file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicube_core.container.extension import FRAME_MAP, SOURCE_HEADER
from dicube_core.container.writer import ContainerWriter
from dicube_core.dicom.agreement import require_agreement
from dicube_core.dicom.description import describe_series, merged_metadata
from dicube_core.exceptions import DataConsistencyError, InvalidCubeFileError
from dicube_core.frames import EncodedFrames
from dicube_core.settings import get_limits, how_to_raise

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from dicube_core.codec.base import FrameCodec
    from dicube_core.container.writer import SeriesSections
    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.frames import LoadFrame
    from dicube_core.image import DicomCubeImage
    from dicube_core.metadata.meta import DicomMeta
    from dicube_core.pixels import PixelFormat

__all__ = ["PROGRESSIVE_LEVELS", "encoder", "headers_of_image", "save_image", "write_frames"]

_PROGRESSIVE_CODEC = "htj2k"
#: Resolutions below the full one whose ends are noted: those that our encoder makes.
PROGRESSIVE_LEVELS = 5


def encoder(
    pixel_format: PixelFormat, *, progressive: bool, codec: str | None = None
) -> FrameCodec:
    """Return the codec that a new file is written with.

    Parameters
    ----------
    pixel_format : PixelFormat
        Of the frames; chooses the codec where none is named.
    progressive : bool
        Codestreams that tell where each resolution ends; see `save_image`.
    codec : str, optional
        Name in the registry, or of a codec that a plugin gives.
    """
    from dicube_core.codec.registry import codec_for, get_codec

    name = codec or codec_for(pixel_format)
    if name == _PROGRESSIVE_CODEC:
        from dicube_core.codec.arrays import refuse_unfit

        refuse_unfit(pixel_format)
    if progressive:
        if name != _PROGRESSIVE_CODEC:
            raise DataConsistencyError(
                f"progressive codestreams are {_PROGRESSIVE_CODEC}, not {name}"
            )
        from dicube_core.codec.openjph import OpenJPHCodec
        from dicube_core.codec.self_test import require_working, works

        result = OpenJPHCodec(tlm=True)
        return result if works(result) else require_working(result)
    return get_codec(name)


def write_frames(
    path: str | os.PathLike[str],
    sections: SeriesSections,
    frame_count: int,
    load: LoadFrame,
    *,
    codec: FrameCodec,
    pixel_format: PixelFormat,
    verify: bool,
    progressive: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Encode and write frame by frame; the file appears when the last one is in it.

    Parameters
    ----------
    sections : SeriesSections
        Everything but the frames.
    load : callable
        As in `EncodedFrames`.
    progressive : bool
        Note where each resolution of the codestreams ends.
    progress : callable, optional
        Called with (frames written, frames in all).
    """
    limit = get_limits().frame_count
    if frame_count > limit:
        raise DataConsistencyError(
            f"{frame_count} frames, the limit frame_count is {limit}",
            suggestion=how_to_raise("frame_count"),
        )
    levels = PROGRESSIVE_LEVELS if progressive else 0
    with (
        ContainerWriter(path, sections, frame_count, levels=levels) as writer,
        EncodedFrames(
            load, frame_count, codec, pixel_format, verify=verify, resolutions=progressive
        ) as encoded,
    ):
        for number, frame in enumerate(encoded, 1):
            writer.append(frame.codestream, frame.ends)
            if progress is not None:
                progress(number, frame_count)
        writer.commit()


def save_image(
    image: DicomCubeImage,
    file_path: str | os.PathLike[str],
    file_type: str = "s",
    *,
    verify: bool = True,
    progressive: bool = False,
    codec: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Save an image to exactly `file_path`, replacing a file there as a whole or not at all.

    Parameters
    ----------
    image : DicomCubeImage
        What to save. Edits of its metadata go into the merged metadata and into the headers of
        the slices; headers without edits keep their bytes.
    file_path : path-like
        The target; its folder must exist.
    file_type : str
        Only ``"s"``; the other two of the format were never defined.
    verify : bool
        Decode every frame after encoding and compare it (default). About half of the encoding
        time.
    progressive : bool
        Write where each resolution ends into every codestream (112 bytes a frame) and into a
        table of the file (40), so that lower ones are read without the rest, and frames of up to
        2048 rows and columns can be streamed as HTJ2K Lossless RPCL
        (1.2.840.10008.1.2.4.202).
    codec : str, optional
        Encodes the frames. By default ``htj2k``, and ``pcodec`` for real values and integers of
        64 bits, which HTJ2K cannot hold. Files with another codec than ``htj2k`` are read by
        this package alone, where the plugin that gives the codec is installed; their slices are
        delivered uncompressed.
    progress : callable, optional
        Called with (frames written, frames in all).

    Raises
    ------
    CodecUnavailableError
        No codec of this name is known, or it cannot work here.
    DataConsistencyError
        Array, headers and metadata contradict each other.
    EncodeError
        A frame did not survive encoding; nothing was written.
    OSError
        The target cannot be written; an older file stays as it was.
    """
    if file_type != "s":
        raise InvalidCubeFileError(
            f"file type {file_type!r} is not defined by the format",
            suggestion="use 's' (.dcbs)",
        )
    image.check()
    frame_codec = encoder(image.pixel_format, progressive=progressive, codec=codec)
    write_frames(
        file_path,
        _describe(image, frame_codec.name),
        image.frame_count,
        lambda index, _: (image.raw_image[index], None),
        codec=frame_codec,
        pixel_format=image.pixel_format,
        verify=verify,
        progressive=progressive,
        progress=progress,
    )


def _describe(image: DicomCubeImage, codec_name: str) -> SeriesSections:
    """Return everything of the file but its frames."""
    headers, merged = headers_of_image(image)
    parts = {SOURCE_HEADER: image.source_header} if image.source_header else {}
    frame_map = image.current_frame_map()
    if frame_map is not None:
        parts[FRAME_MAP] = frame_map.pack()
    return describe_series(
        pixel_format=image.pixel_format,
        pixel_header=image.pixel_header,
        headers=headers,
        merged=merged,
        frame_count=image.frame_count,
        geometry=image.space,
        dicom_status=image.dicom_status.value,
        codec_name=codec_name,
        extra_parts=parts,
    )


def headers_of_image(
    image: DicomCubeImage,
) -> tuple[Sequence[SliceHeader] | None, dict[str, Any] | None]:
    """Return the headers as they are to be saved, and the merged metadata that agrees with them.

    Headers are those of the source instances (`DicomCubeImage.current_frame_map` tells which
    frame is where), the metadata is that of the frames.

    Raises
    ------
    DataConsistencyError
        They describe other pixels than the image has.
    """
    meta = image.dicom_meta
    if meta is None:
        return None, None
    image.require_common_order()
    if image.current_frame_map() is not None:
        return _headers_of_instances(image, meta)
    headers = image.current_headers()
    if headers is None:
        from dicube_core.dicom.legacy import headers_from_meta, repair_pixel_description
        from dicube_core.metadata.meta import DicomMeta

        repaired = repair_pixel_description(
            dict(meta.items()), image.pixel_format, image.pixel_header
        )
        whole = DicomMeta(repaired, meta.filenames, slice_count=meta.slice_count)
        headers = headers_from_meta(whole, image.pixel_format)
        merged = merged_metadata(headers)
    elif meta.edits:
        from dicube_core.dicom.edited import edited_headers

        headers = edited_headers(headers, meta.edits)
        merged = merged_metadata(headers)
    else:
        merged = dict(meta.items())
    for index, header in enumerate(headers):
        require_agreement(header, index, image.pixel_format, image.pixel_header)
    return headers, merged


def _headers_of_instances(
    image: DicomCubeImage, meta: DicomMeta
) -> tuple[Sequence[SliceHeader], dict[str, Any]]:
    """Do the same where instances have several frames."""
    from dicube_core.dicom.multiframe.agreement import require_instance_agreement
    from dicube_core.dicom.multiframe.edits import edited_instances, require_shown
    from dicube_core.dicom.multiframe.headers import DerivedHeaders

    headers, frame_map = image.instance_headers, image.frame_map
    assert headers is not None  # noqa: S101 - `current_frame_map` says so
    assert frame_map is not None  # noqa: S101
    merged = dict(meta.items())
    if meta.edits:
        headers = edited_instances(headers, frame_map, meta.edits)
    frames = DerivedHeaders(headers, frame_map, image.pixel_format.native_bits)
    if meta.edits:
        wanted, merged = merged, merged_metadata(list(frames))
        require_shown(meta.edits, wanted, merged)
    for index, header in enumerate(frames):
        require_agreement(header, index, image.pixel_format, image.pixel_header)
    for instance, header in enumerate(headers):
        count = len(frame_map.frames_of(instance))
        require_instance_agreement(header, count, image.pixel_format)
    return headers, merged
