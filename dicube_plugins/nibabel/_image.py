"""A ``.dcbs`` file as a nibabel image."""

from __future__ import annotations

import io
import os
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from nibabel.filebasedimages import SerializableImage
from nibabel.fileholders import FileHolderError
from nibabel.nifti1 import Nifti1Image, Nifti1Pair
from nibabel.nifti2 import Nifti2Image, Nifti2Pair
from nibabel.spatialimages import SpatialFirstSlicer, SpatialImage

from dicube_core.exceptions import UnsupportedKindError
from dicube_core.reader import Reader
from dicube_core.source import BytesSource
from dicube_plugins.nibabel._header import DcbsHeader
from dicube_plugins.nibabel._nifti import is_nifti_name, write_nifti
from dicube_plugins.nibabel._proxy import DcbsArrayProxy
from dicube_plugins.nibabel._saving import file_bytes, write_file
from dicube_plugins.nibabel._series import Series

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Self

    import numpy.typing as npt
    from nibabel.filebasedimages import FileBasedHeader, FileBasedImage
    from nibabel.fileholders import FileHolder, FileMap

    from dicube_core.metadata.meta import DicomMeta

__all__ = ["DcbsImage"]


class _Slicer(SpatialFirstSlicer["DcbsImage"]):
    """Slices an image whose first three axes are those of space, however many there are.

    nibabel asks a list of its own classes whether that is so.
    """

    def __init__(self, img: DcbsImage) -> None:
        self.img = img


class DcbsImage(SpatialImage, SerializableImage):
    """A series as a nibabel image: array axes (x, y, z) or more, affine to RAS mm.

    Loaded from a file, its ``dataobj`` is a `DcbsArrayProxy`. Its DICOM metadata belongs to the
    voxels and the affine of the file. An image with others (sliced, reoriented, computed) has
    none, so that nothing is said of data that it is not about.

    Parameters
    ----------
    dataobj : array or array proxy
        Voxels.
    affine : ndarray of shape (4, 4) or None
        (x, y, z, 1) to RAS mm.
    header : DcbsHeader, header of another format or mapping, optional
        Type, shape and spacing are taken over.
    extra, file_map : mapping, optional
        As in nibabel.

    Notes
    -----
    Reading is safe from several threads. An image from a path can be pickled.
    """

    ImageSlicer = _Slicer
    header_class = DcbsHeader
    header: DcbsHeader
    _header: DcbsHeader
    files_types = (("image", ".dcbs"),)
    valid_exts = (".dcbs",)
    rw = True
    makeable = True

    def __init__(
        self,
        dataobj: Any,
        affine: npt.NDArray[Any] | None,
        header: FileBasedHeader | Mapping[str, Any] | None = None,
        extra: Mapping[str, Any] | None = None,
        file_map: FileMap | None = None,
    ) -> None:
        super().__init__(dataobj, affine, header, extra, file_map)
        if header is None:
            self._header.dtype_chosen = False  # it is the array's
        #: NIfTI header that the image was made from, to be given back by a later conversion.
        self.nifti_header: Any = None

    @property
    def whole_series(self) -> Series | None:
        """The file, as long as voxels and affine are its own; else None."""
        data, series = self._dataobj, self._header.series
        if series is None or not isinstance(data, DcbsArrayProxy) or data.series is not series:
            return None
        unchanged = data.is_whole and np.array_equal(self._affine, series.affine)
        return series if unchanged else None

    @property
    def dicom_meta(self) -> DicomMeta | None:
        """Merged DICOM metadata of the slices; None where the image is not the series of a file.

        Edits reach the slices' headers when the image is saved as ``.dcbs``.
        """
        series = self.whole_series
        return None if series is None else series.reader.dicom_meta

    def update_header(self) -> None:
        """Give the header shape and affine of the image, and what it may still say of a file."""
        header = self._header
        if header.get_data_shape() != self._dataobj.shape:
            header.set_data_shape(self._dataobj.shape)
        if self.whole_series is None:
            header.detach()
        if self._affine is not None:
            header.set_affine(self._affine)

    def get_sform(self, coded: bool = False) -> Any:
        """Return the affine, with ``coded`` also NIfTI's code of scanner coordinates."""
        return self._header.get_sform(coded)

    get_qform = get_sform

    def uncache(self) -> None:
        """Forget arrays and frames that are kept."""
        super().uncache()
        if isinstance(self._dataobj, DcbsArrayProxy):
            self._dataobj.clear_cache()

    # -- reading --------------------------------------------------------------------------------

    @classmethod
    def from_file_map(
        cls,
        file_map: FileMap,
        *,
        mmap: bool | Literal["c", "r"] = True,
        keep_file_open: bool | None = None,
        sheared: bool = False,
    ) -> Self:
        """Open a file; no frame is decoded.

        Parameters
        ----------
        file_map : mapping
            Its holder ``image`` has a name, or a seekable binary file, which must stay open.
        mmap, keep_file_open
            Checked, and without effect: voxels are decoded, so there is nothing to map, and
            files share a bounded number of descriptors.
        sheared : bool, optional
            See `dicube_plugins.nibabel.load`.

        Raises
        ------
        GeometryError
            The slices form no regular grid.
        InvalidCubeFileError
            Not a valid ``.dcbs`` file.
        """
        if mmap not in (True, False, "c", "r"):
            raise ValueError("mmap should be one of {True, False, 'c', 'r'}")
        if keep_file_open not in (True, False, None):
            raise ValueError("keep_file_open should be one of {None, True, False}")
        reader = _open(file_map["image"])
        try:
            series = Series(reader, sheared=sheared)
        except BaseException:
            reader.close()
            raise
        header = DcbsHeader.of_series(series)
        return cls(DcbsArrayProxy(series), series.affine, header, file_map=file_map)

    @classmethod
    def from_image(cls, img: FileBasedImage) -> Self:
        """Make an image of this class from any other; the voxels are not read yet.

        Raises
        ------
        UnsupportedKindError
            It is no volume with an affine.
        """
        if not isinstance(img, SpatialImage):
            raise UnsupportedKindError(
                f"{type(img).__name__} is no volume of voxels; a .dcbs file holds nothing else"
            )
        result = super().from_image(img)
        if isinstance(img, cls):
            result.nifti_header = img.nifti_header
        elif isinstance(img, Nifti1Pair):
            single = Nifti2Image if isinstance(img, Nifti2Pair) else Nifti1Image
            result.nifti_header = single.from_image(img).header
        return result

    # -- writing --------------------------------------------------------------------------------

    def to_filename(self, filename: str | os.PathLike[str], **kwargs: Any) -> None:
        """Write the image to a file.

        Parameters
        ----------
        filename : path-like
            Ends in ``.dcbs``, or in ``.nii`` or ``.nii.gz``: those are written without the loss
            that nibabel's conversion of scaled integers has. `nibabel.save` writes other formats.
        **kwargs
            As for `to_file_map`; ``dtype`` only for NIfTI.
        """
        name = os.fspath(filename)
        if is_nifti_name(name):
            write_nifti(self, name, **kwargs)
            return
        file_map = self.filespec_to_file_map(filename)
        self.to_file_map(file_map, **kwargs)

    def to_file_map(
        self,
        file_map: FileMap | None = None,
        *,
        quantize: Literal["uint16"] | None = None,
        dtype: npt.DTypeLike | None = None,
        **kwargs: Any,
    ) -> None:
        """Write the image as ``.dcbs``, as a whole or not at all.

        The series of a file is written with its frames, headers and metadata. Any other image
        is written as a new series without metadata: whole numbers as the smallest integers that
        hold them, scale factors of a proxy kept; real values as such integers if they are exactly
        those by the factors that they came from, else as they are.

        Parameters
        ----------
        file_map : mapping, optional
            Where to; the image's own by default.
        quantize : {"uint16"}, optional
            Store other real values in 65,536 steps between their minimum and maximum.
        dtype : dtype, optional
            Type of the stored values, also by ``set_data_dtype``.

        Raises
        ------
        UnsupportedKindError
            Complex, of 128 bits, RGBA, or not three-dimensional.
        GeometryError
            There is no affine, or it is sheared.
        DataConsistencyError
            The chosen type does not hold the values.
        """
        if kwargs:
            raise TypeError(f"a .dcbs file is not saved with {', '.join(sorted(kwargs))}")
        target = self.file_map if file_map is None else file_map
        holder = target["image"]
        self.update_header()
        if holder.fileobj is not None:
            data = file_bytes(self, quantize=quantize, dtype=dtype)
            with holder.get_prepare_fileobj(mode="wb") as file:
                file.write(data)
        elif holder.filename is not None:
            write_file(self, holder.filename, quantize=quantize, dtype=dtype)
        else:
            raise FileHolderError("No filename or fileobj present")
        self.file_map = target


def _open(holder: FileHolder) -> Reader:
    file: Any = holder.fileobj
    if file is None:
        if holder.filename is None:
            raise FileHolderError("No filename or fileobj present")
        return Reader(holder.filename)
    if isinstance(file, io.BytesIO):
        return Reader(bytes(file.getbuffer()[holder.pos :]))  # can be pickled, needs no lock
    if holder.pos:  # the image starts somewhere within
        file.seek(holder.pos)
        return Reader(BytesSource(file.read(), str(getattr(file, "name", "<file object>"))))
    return Reader(file)
