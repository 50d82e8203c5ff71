"""DICOM out: the original files back, in a folder of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.atomic_folder import AtomicFolder
from dicube_core.dicom.instance import restored_file
from dicube_core.dicom.stored_values import stored_bytes
from dicube_core.error_places import errors_name
from dicube_core.exceptions import DataConsistencyError
from dicube_core.file_names import safe_names
from dicube_core.frames import run_frames
from dicube_core.instances import WholeInstances
from dicube_core.saving import headers_of_image
from dicube_core.slices import SliceProvider

if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from dicube_core.image import DicomCubeImage
    from dicube_core.reader import Reader

__all__ = ["export_file", "safe_names", "save_to_dicom_folder", "write_folder"]


def save_to_dicom_folder(image: DicomCubeImage, folder_path: str | os.PathLike[str]) -> list[Path]:
    """Write every slice of an image as a DICOM file; frames of one instance as that instance.

    Slices whose source was uncompressed little endian come back byte for byte (unless metadata
    was edited). Others come back in Explicit VR Little Endian, with the same elements and the
    same stored values. File names are the originals' where they are safe, else
    ``slice_0000.dcm`` and so on.

    Parameters
    ----------
    image : DicomCubeImage
        An image without metadata gets a minimal one, see `DicomCubeImage.init_meta`.
    folder_path : path-like
        Created, or empty. The folder appears with all its files, or not at all.

    Returns
    -------
    list of Path
        The files, in the order of the frames.

    Raises
    ------
    FileExistsError
        The folder is not empty; nothing in it is touched.
    DataConsistencyError
        Array and headers contradict each other.
    """
    image.check()
    if image.dicom_meta is None:
        image.init_meta()
    headers, _ = headers_of_image(image)
    pixel_format = image.pixel_format
    if headers is None:
        raise DataConsistencyError("the image has no metadata to make DICOM files of")
    frame_map = image.current_frame_map()
    if frame_map is not None:
        whole = WholeInstances(headers, frame_map, pixel_format, lambda n: image.raw_image[n])
        return write_folder([header.name for header in headers], whole.restored, folder_path)
    return write_folder(
        [header.name for header in headers],
        lambda index: restored_file(
            headers[index], stored_bytes(image.raw_image[index], pixel_format)
        ),
        folder_path,
    )


def export_file(
    reader: Reader,
    folder_path: str | os.PathLike[str],
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write every slice of an open file, one frame per thread in memory; see the function above.

    Parameters
    ----------
    progress : callable, optional
        Called with (files written, files in all).
    """
    with errors_name(reader.name), reader.reading_ahead():
        return _export(SliceProvider(reader), folder_path, progress)


def _export(
    provider: SliceProvider,
    folder_path: str | os.PathLike[str],
    progress: Callable[[int, int], None] | None,
) -> list[Path]:
    whole = provider.instances
    if whole is not None and provider.kept_syntax:
        names = [header.name for header in whole.headers]
        return write_folder(names, provider.original_instance, folder_path, progress)
    if whole is not None:
        names = [header.name for header in whole.headers]
        return write_folder(names, whole.restored, folder_path, progress)
    names = [header.name for header in provider.headers]
    return write_folder(names, provider.original, folder_path, progress)


def write_folder(
    wanted: Sequence[str],
    content: Callable[[int], bytes | Iterable[bytes | memoryview]],
    folder_path: str | os.PathLike[str],
    progress: Callable[[int, int], None] | None = None,
) -> list[Path]:
    """Write files on the configured number of threads; the folder appears with all, or not at all.

    Parameters
    ----------
    wanted : sequence of str
        Names of the files; see `safe_names`.
    content : callable
        ``content(position)`` returns a file's bytes, or yields them in parts.
    folder_path : path-like
        New or empty.
    progress : callable, optional
        Called with (files written, files in all).

    Returns
    -------
    list of Path
        The files, in the order of `wanted`.
    """
    with AtomicFolder(folder_path) as atomic:
        names = safe_names(wanted)
        done = iter(range(1, len(names) + 1))

        def write(_: int, index: int) -> None:
            data = content(index)
            atomic.write(names[index], (data,) if isinstance(data, bytes) else data)
            number = next(done)
            if progress is not None:
                progress(number, len(names))

        run_frames(write, range(len(names)))
        atomic.commit()
    return [atomic.path / name for name in names]
