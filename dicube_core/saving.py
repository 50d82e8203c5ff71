"""Write an image in memory, or a source folder, to a ``.dcbs`` file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicube_core.container.extension import SOURCE_HEADER
from dicube_core.container.writer import ContainerWriter
from dicube_core.dicom.agreement import require_agreement
from dicube_core.dicom.description import describe_series, merged_metadata
from dicube_core.exceptions import DataConsistencyError, InvalidCubeFileError
from dicube_core.frames import EncodedFrames

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Sequence

    from dicube_core.codec.base import FrameCodec
    from dicube_core.container.writer import SeriesSections
    from dicube_core.dicom.headers import SliceHeader
    from dicube_core.frames import LoadFrame
    from dicube_core.image import DicomCubeImage
    from dicube_core.pixels import PixelFormat

__all__ = ["encoder", "headers_of_image", "save_image", "write_frames"]

_DEFAULT_CODEC = "htj2k"


def encoder(*, progressive: bool, codec: str = _DEFAULT_CODEC) -> FrameCodec:
    """Return the codec that a new file is written with.

    Parameters
    ----------
    progressive : bool
        Codestreams that tell where each resolution ends; see `save_image`.
    codec : str
        Name in the registry, or of a codec that a plugin gives.
    """
    if progressive:
        if codec != _DEFAULT_CODEC:
            raise DataConsistencyError(f"progressive codestreams are {_DEFAULT_CODEC}, not {codec}")
        from dicube_core.codec.openjph import OpenJPHCodec

        return OpenJPHCodec(tlm=True)
    from dicube_core.codec.registry import get_codec

    return get_codec(codec)


def write_frames(
    path: str | os.PathLike[str],
    sections: SeriesSections,
    frame_count: int,
    load: LoadFrame,
    *,
    codec: FrameCodec,
    pixel_format: PixelFormat,
    verify: bool,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Encode and write frame by frame; the file appears when the last one is in it.

    Parameters
    ----------
    sections : SeriesSections
        Everything but the frames.
    load : callable
        As in `EncodedFrames`.
    progress : callable, optional
        Called with (frames written, frames in all).
    """
    with (
        ContainerWriter(path, sections, frame_count) as writer,
        EncodedFrames(load, frame_count, codec, pixel_format, verify=verify) as encoded,
    ):
        for number, codestream in enumerate(encoded, 1):
            writer.append(codestream)
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
    codec: str = _DEFAULT_CODEC,
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
        Write where each resolution ends into every codestream (112 bytes a frame), so that
        frames of up to 2048 rows and columns can be streamed as HTJ2K Lossless RPCL
        (1.2.840.10008.1.2.4.202).
    codec : str
        Encodes the frames. Files with another codec than ``htj2k`` are read by this package
        alone, where the plugin that gives the codec is installed; their slices are delivered
        uncompressed.
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
    frame_codec = encoder(progressive=progressive, codec=codec)
    write_frames(
        file_path,
        _describe(image, frame_codec.name),
        image.frame_count,
        lambda index, _: (image.raw_image[index], None),
        codec=frame_codec,
        pixel_format=image.pixel_format,
        verify=verify,
        progress=progress,
    )


def _describe(image: DicomCubeImage, codec_name: str) -> SeriesSections:
    """Return everything of the file but its frames."""
    headers, merged = headers_of_image(image)
    return describe_series(
        pixel_format=image.pixel_format,
        pixel_header=image.pixel_header,
        headers=headers,
        merged=merged,
        frame_count=image.frame_count,
        geometry=image.space,
        dicom_status=image.dicom_status.value,
        codec_name=codec_name,
        extra_parts={SOURCE_HEADER: image.source_header} if image.source_header else {},
    )


def headers_of_image(
    image: DicomCubeImage,
) -> tuple[Sequence[SliceHeader] | None, dict[str, Any] | None]:
    """Return the headers as they are to be saved, and the merged metadata that agrees with them.

    Raises
    ------
    DataConsistencyError
        They describe other pixels than the image has.
    """
    meta = image.dicom_meta
    if meta is None:
        return None, None
    image.require_common_order()
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
