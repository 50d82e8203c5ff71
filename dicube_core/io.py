"""Load and save, by the names that scripts of the ``.dcbs`` ecosystem use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dicube_core.error_places import errors_name
from dicube_core.exceptions import InvalidCubeFileError
from dicube_core.export import save_to_dicom_folder
from dicube_core.image import DicomCubeImage
from dicube_core.ingest import load_from_dicom_folder
from dicube_core.nifti import load_from_nifti, save_to_nifti
from dicube_core.reader import Reader
from dicube_core.saving import save_image

if TYPE_CHECKING:
    import os
    from typing import BinaryIO

    from dicube_core.metadata.meta import DicomMeta
    from dicube_core.source import ByteSource

    Source = str | os.PathLike[str] | bytes | BinaryIO | ByteSource

__all__ = ["DicomCubeImageIO", "load", "load_meta", "save"]


def load(file_path: Source, skip_meta: bool = False) -> DicomCubeImage:
    """Read a ``.dcbs`` file into memory.

    Parameters
    ----------
    file_path : path, bytes, seekable binary file, address, or ByteSource
        The file; addresses as for `open`.
    skip_meta : bool
        Leave out the DICOM metadata and headers.

    Returns
    -------
    DicomCubeImage
        With the stored values of all frames. One frame is still (1, rows, columns).

    Raises
    ------
    InvalidCubeFileError, DecodeError
        The file is not valid, or damaged; the message names section or frame and byte offset.
    OSError
        It cannot be opened.
    """
    with Reader(file_path) as reader, errors_name(reader.name):
        if not reader.frame_count:
            raise InvalidCubeFileError(f"{reader.name}: the file has no frames")
        meta = None if skip_meta else reader.dicom_meta
        image = DicomCubeImage(
            reader.frames(), reader.pixel_header, meta, reader.geometry, reader.dicom_status
        )
        image.source_header = reader.source_header
        headers = None if skip_meta else reader.instance_headers
        frame_map = None if skip_meta else reader.frame_map
        image.attach_headers(headers, reader.pixel_format, frame_map)
    return image


def load_meta(file_path: Source) -> DicomMeta | None:
    """Read only the DICOM metadata of a file; None where it has none."""
    with Reader(file_path) as reader:
        return reader.dicom_meta


#: Save an image; see `dicube_core.saving.save_image`.
save = save_image


class DicomCubeImageIO:
    """The same functions as static methods, for scripts that use them so."""

    load = staticmethod(load)
    load_meta = staticmethod(load_meta)
    save = staticmethod(save_image)
    load_from_dicom_folder = staticmethod(load_from_dicom_folder)
    load_from_nifti = staticmethod(load_from_nifti)
    save_to_dicom_folder = staticmethod(save_to_dicom_folder)
    save_to_nifti = staticmethod(save_to_nifti)
