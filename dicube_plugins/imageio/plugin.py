"""imageio's view of a ``.dcbs`` file: the plugin class, for its interface of version 3."""

from __future__ import annotations

import io
import sys
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from imageio.core.request import InitializationError
from imageio.core.v3_plugin_api import PluginV3

from dicube_core.container.layout import MAGIC
from dicube_core.error_places import errors_name
from dicube_core.exceptions import FrameIndexError, ReaderClosedError
from dicube_core.forks import ForkSafeLock
from dicube_core.lazy import lazy
from dicube_plugins.imageio._arrays import as_frames
from dicube_plugins.imageio._series import SeriesOptions
from dicube_plugins.imageio._sink import SeriesSink

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import EllipsisType

    import numpy.typing as npt
    from imageio.core.v3_plugin_api import ImageProperties

    from dicube_core.geometry import Geometry
    from dicube_core.reader import Reader
    from dicube_plugins.shown_values import ShownValues

    Index = int | slice | EllipsisType | None

__all__ = ["DcbsPlugin"]


class DcbsPlugin(PluginV3):
    """Read and write ``.dcbs`` files with imageio.

    Images are the slices of the series, in the file's order. Values are modality values (Hounsfield
    units for CT) in an integer type that holds them all, or float64 where slope or intercept are
    not whole; see `dicube_core.modality.ModalityTransform.exact_dtype`. MONOCHROME1 is not
    inverted; PhotometricInterpretation stays in the metadata. Colour, palettes and YBR_FULL too,
    is red, green and blue.

    Parameters
    ----------
    request : imageio.core.Request
        What imageio was asked for.

    Raises
    ------
    InitializationError
        Reading: the file does not start like a ``.dcbs`` file. Writing: the extension is not
        ``.dcbs``. imageio then asks its other plugins.

    Notes
    -----
    Only the first bytes are looked at when it is made. What is wrong with the rest of a file is
    said by the first method that needs it, so that imageio cannot put words of its own in front.
    Reading is safe from several threads.
    """

    def __init__(self, request: Any) -> None:
        super().__init__(request)
        # An error that is being handled already says nothing about what happens to this object.
        self._error_before = sys.exc_info()[1]
        self._sink: SeriesSink | None = None
        self._lock, self._is_closed = ForkSafeLock(), False
        self._reads = request.mode.io_mode == "r"
        # With volread and mvolread of version 2, the one image is the volume.
        self._as_volume = request.mode.image_mode in ("v", "V")
        refusal = self._refusal_to_read() if self._reads else self._refusal_to_write()
        if refusal:
            raise InitializationError(refusal)
        if not self._reads:
            self._sink = SeriesSink(request)

    def _refusal_to_read(self) -> str:
        request: Any = self._request
        try:
            file = request.get_file()
            position = file.tell()
            file.seek(0)  # as Pillow does: a buffer just written to stands at its end
        except (io.UnsupportedOperation, AttributeError, TypeError):
            return "a .dcbs file is read from a seekable binary file"
        except IsADirectoryError:
            return "a folder is no .dcbs file"
        except OSError:
            if request.extension == ".dcbs":
                raise
            return "it cannot be opened"  # those it belongs to say why
        try:
            found = file.read(len(MAGIC)) == MAGIC
        finally:
            file.seek(position)
        return "" if found else "it does not start like a .dcbs file"

    def _refusal_to_write(self) -> str:
        extension = self._request.extension
        if isinstance(extension, str) and extension.lower() == ".dcbs":
            return ""
        return "the name must end in .dcbs; else say extension='.dcbs'"

    # -- reading --------------------------------------------------------------------------------

    @lazy
    def reader(self) -> Reader:
        """The open file, for what imageio has no words for."""
        from dicube_core.reader import Reader
        from dicube_core.source import FileObjectSource

        if not self._reads:
            raise io.UnsupportedOperation("the file was opened for writing")
        with self._lock:  # a file object is moved about while it is opened
            if self._is_closed:
                raise ReaderClosedError("the file was closed")
            if "reader" in vars(self):
                return self.reader
            request: Any = self._request
            file = request.get_file()
            source = FileObjectSource(file)
            if not isinstance(getattr(file, "name", None), str):
                source.name = str(request.filename)  # bytes, an archive, a URL
            opened = vars(self)["reader"] = Reader(source)
            return opened

    @lazy
    def _values(self) -> ShownValues:
        from dicube_plugins.shown_values import ShownValues

        return ShownValues(self.reader)

    def read(self, *, index: Index = None, rescale: bool = True) -> npt.NDArray[Any]:
        """Read the series, or slices of it.

        Parameters
        ----------
        index : int, slice, ... or None
            One slice, negative from the end; some slices; or all of them (default).
        rescale : bool
            Give modality values, and RGB for colour (default), instead of the stored values.

        Returns
        -------
        ndarray of shape (rows, columns) or (frames, rows, columns)
            Also a series of one slice is three-dimensional, unless its slice is asked for. Colour
            has a last axis of three.

        Raises
        ------
        FrameIndexError
            There is no such slice (an IndexError).
        UnsupportedKindError
            Colour of a kind that does not become RGB; ``rescale=False`` reads it.
        DecodeError, ChecksumError
            A frame is damaged; the message names it and its byte offset.
        """
        if self._as_volume:
            self._require_first(index)
            index = None
        if index is None or index is Ellipsis:
            index = slice(None)
        if isinstance(index, slice):
            return self._values.frames(index) if rescale else self.reader.frames(index)
        return self._values.frame(index) if rescale else self.reader.frame(index)

    def iter(self, *, rescale: bool = True) -> Iterator[npt.NDArray[Any]]:
        """Yield slice by slice, each decoded when it is asked for.

        Parameters
        ----------
        rescale : bool
            As in `read`.

        Yields
        ------
        ndarray of shape (rows, columns)
        """
        if self._as_volume:
            yield self.read(index=0, rescale=rescale)
            return
        for index in range(self.reader.frame_count):
            yield self.read(index=index, rescale=rescale)

    def properties(self, index: Index = None, *, rescale: bool = True) -> ImageProperties:
        """Return shape, type and spacing of what `read` returns; no frame is touched.

        Parameters
        ----------
        index, rescale
            As in `read`.

        Returns
        -------
        ImageProperties
            `spacing` in mm between frames, rows and columns (of a slice: rows and columns). None
            where the slices form no regular grid: `metadata` has the place of each then.
        """
        from dicube_plugins.imageio._properties import properties_of

        if self._as_volume:
            self._require_first(index)
            index = None
        if rescale:
            found = properties_of(self.reader, self._values.dtype, self._values.plane, index)
        else:
            size = self.reader.pixel_format.shape
            found = properties_of(self.reader, self.reader.dtype, size, index)
        if self._as_volume:
            found.n_images, found.is_batch = 1, False
        return found

    def metadata(
        self, index: Index = None, exclude_applied: bool = True, *, rescale: bool = True
    ) -> dict[str, Any]:
        """Return the DICOM elements of the series, or of one slice.

        Parameters
        ----------
        index : int, ... or None
            A slice; None or ``...`` for the series.
        exclude_applied : bool
            Leave out what was used up to make the values that `read` returns: slope and intercept
            or Modality LUT, and the bit fields of the stored values; where colour became RGB,
            also palette and PhotometricInterpretation.
        rescale : bool
            As in `read`: with False nothing is used up, and nothing left out.

        Returns
        -------
        dict
            Keyword (``GGGGEEEE`` where there is none) to value: number, text, bytes, a list of
            them, a list of dictionaries for a sequence. In the dictionary of the series, a tuple
            holds one value per slice, where these differ. Empty if the file has no metadata.

        Raises
        ------
        FrameIndexError
            There is no such slice.
        """
        from dicube_plugins.imageio._metadata import keyword_values

        reader, number = self.reader, None
        if self._as_volume:
            self._require_first(index)
        elif isinstance(index, slice):
            raise TypeError("metadata is of one slice or of the series, not of some slices")
        elif index is not None and index is not Ellipsis:
            number = reader.container.frame_number(index)
        if reader.dicom_meta is None:
            return {}
        leave_out = self._applied() if exclude_applied and rescale else frozenset()
        with errors_name(reader.name):
            return keyword_values(reader.dicom_meta, number, leave_out=leave_out)

    def _applied(self) -> frozenset[int]:
        """Return the tags of what was used up to make the values that are read."""
        from dicube_plugins.imageio._metadata import APPLIED, APPLIED_TO_COLOUR

        colours = self._values.colours
        changed = colours is not None and not colours.is_identity
        return APPLIED | APPLIED_TO_COLOUR if changed else APPLIED

    def _require_first(self, index: Index) -> None:
        if index not in (None, Ellipsis, 0, -1):
            raise FrameIndexError(f"volume {index!r}: the file holds one volume, of index 0")

    # -- writing --------------------------------------------------------------------------------

    def write(
        self,
        ndimage: Any,
        *,
        is_batch: bool | None = None,
        spacing: tuple[float, float, float] | None = None,
        geometry: Geometry | None = None,
        modality: str = "OT",
        patient_name: str = "ANONYMOUS^",
        patient_id: str = "0000000",
        rescale_slope: float | list[float] = 1.0,
        rescale_intercept: float | list[float] = 0.0,
        metadata: Mapping[str, Any] | None = None,
        verify: bool = True,
        progressive: bool = False,
    ) -> bytes | None:
        """Write a series, without any loss.

        Parameters
        ----------
        ndimage : array of shape (frames, rows, columns) or (rows, columns), or list of the latter
            Stored values: integers of 8, 16 or 32 bits, or real numbers of 32 or 64. RGB with a
            last axis of three, of 8, 16 or 32 unsigned bits. Single images may be given one after
            another: the file is then written when it is closed.
        is_batch : bool, optional
            Of a 3-D array whose last axis is shorter than five: True says that this axis is
            columns of a volume; else it is colour.
        spacing : (float, float, float), optional
            mm between frames, rows and columns. No position is made up for it.
        geometry : dicube_core.geometry.Geometry, optional
            The grid in the patient, where that is known.
        modality, patient_name, patient_id : str
            As in DICOM.
        rescale_slope, rescale_intercept : float, or list with one per frame
            From stored to modality values.
        metadata : mapping, optional
            More elements, the same in all slices: keyword to value.
        verify : bool
            Decode every frame again and compare it (default).
        progressive : bool
            As in `dicube_core.save`.

        Returns
        -------
        bytes or None
            The file, if imageio was asked for ``"<bytes>"``.

        Raises
        ------
        UnsupportedKindError
            Grey with alpha, RGBA, integers of 64 bits, complex or boolean values, by name.
        DataConsistencyError, MetaDataError
            The arguments do not fit each other.
        """
        if self._sink is None:
            what = "opened for reading" if self._reads else "closed already"
            raise io.UnsupportedOperation(f"the file was {what}")
        frames = as_frames(ndimage, is_batch)
        options = SeriesOptions(
            spacing=spacing,
            geometry=geometry,
            modality=modality,
            patient_name=patient_name,
            patient_id=patient_id,
            rescale_slope=rescale_slope,
            rescale_intercept=rescale_intercept,
            metadata=metadata,
            verify=verify,
            progressive=progressive,
        )
        is_part = not isinstance(ndimage, list | tuple) and np.ndim(ndimage) < frames.ndim
        return self._sink.add(frames, options, is_part=is_part)

    # -- the end --------------------------------------------------------------------------------

    def close(self) -> None:
        """Write what is to be written, and close the file; may be called again.

        Images that were given one by one are not written while an error passes: a series that ends
        in the middle would look like a whole one.
        """
        request: Any = self._request
        with self._lock:
            self._is_closed = True
            for name in ("_values", "reader"):
                vars(self).pop(name, None)
        sink, self._sink = self._sink, None
        try:
            if sink is not None and sys.exc_info()[1] in (None, self._error_before):
                sink.finish()
        finally:
            request.finish()

    def __exit__(self, kind: object, value: object, traceback: object) -> None:
        if kind is not None:
            self._sink = None
        self.close()

    def __del__(self) -> None:
        sink = getattr(self, "_sink", None)
        if sink is not None and sink.is_waiting:
            warnings.warn(
                "a .dcbs file was not closed, and so not written", ResourceWarning, stacklevel=2
            )
        self._sink = None
        self.close()
