"""Frames as their source compressed them, decoded by whatever pydicom has for their syntax.

Such frames are never made here, only kept: where a source was compressed with loss, its decoded
values take several times the room and are no better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicube_core.codec._arrays import check_out, require_full_resolution
from dicube_core.exceptions import CodecUnavailableError, DecodeError

if TYPE_CHECKING:
    from pydicom.pixels.decoders.base import Decoder

    from dicube_core.codec.base import Codestream, StoredValues
    from dicube_core.pixels import PixelFormat

__all__ = ["DECODED_BY", "EncapsulatedCodec", "EncapsulatedInfo"]

#: Transfer syntaxes of JPEG 2000 -> the decoder of pydicom that they are given to. It is always
#: installed; GDCM, which pydicom would ask first, ends the process over some damaged frames.
DECODED_BY = dict.fromkeys(
    (f"1.2.840.10008.1.2.4.{number}" for number in (90, 91, 201, 202, 203)), "pylibjpeg"
)


@dataclass(frozen=True, slots=True)
class EncapsulatedInfo:
    """What is known of a frame without decoding it: what the file says; see `FrameInfo`."""

    rows: int
    columns: int
    components: int
    precision: int
    signed: bool
    n_bytes: int


@dataclass(frozen=True, slots=True)
class EncapsulatedCodec:
    """Decodes frames in the transfer syntax that its name says. It encodes none.

    Parameters
    ----------
    name : str
        ``encapsulated:<Transfer Syntax UID>[:<photometric interpretation>]``; the latter is that
        of the compressed frame, where decoding changes it.

    Notes
    -----
    Safe to use from several threads. There are no lower resolutions.
    """

    name: str

    @property
    def transfer_syntax_uid(self) -> str:
        """Transfer syntax of the frames."""
        return self.name.split(":")[1]

    @property
    def photometric_interpretation(self) -> str:
        """Photometric interpretation of the compressed frames, '' if it is the decoded one's."""
        return [*self.name.split(":"), ""][2]

    def encode(self, frame: StoredValues, pixel_format: PixelFormat) -> bytes:
        """Raise `CodecUnavailableError`: frames are kept as they were, never made anew."""
        raise CodecUnavailableError(
            f"frames ({frame.shape}, {pixel_format.dtype_name}) cannot be encoded as "
            f"{self.transfer_syntax_uid}",
            suggestion="choose the codec 'htj2k'",
        )

    def inspect(self, codestream: Codestream, pixel_format: PixelFormat) -> EncapsulatedInfo:
        """Check that there is a frame; only its decoder knows its structure.

        Raises
        ------
        DecodeError
            It is empty.
        """
        size = memoryview(codestream).nbytes
        if not size:
            raise DecodeError("the compressed frame is empty", details={"offset": 0})
        return EncapsulatedInfo(
            pixel_format.rows,
            pixel_format.columns,
            pixel_format.samples_per_pixel,
            pixel_format.bits_stored,
            pixel_format.pixel_representation == 1,
            size,
        )

    def decode(
        self,
        codestream: Codestream,
        pixel_format: PixelFormat,
        out: StoredValues | None = None,
        level: int = 0,
    ) -> StoredValues:
        """Decode one frame; see `FrameCodec.decode`.

        Raises
        ------
        DecodeError
            The frame is damaged, or decodes to other pixels than the file describes.
        CodecUnavailableError
            pydicom has no decoder for the transfer syntax, or a lower resolution is asked for.
        """
        import numpy as np

        require_full_resolution(level, f"frames kept as {self.transfer_syntax_uid}")
        if out is not None:
            check_out(out, pixel_format.shape, pixel_format.dtype)
        self.inspect(codestream, pixel_format)
        array, photometric = self._decoded(bytes(codestream), pixel_format)
        if array.shape != pixel_format.shape or (
            pixel_format.is_colour and photometric != pixel_format.photometric_interpretation
        ):
            raise DecodeError(
                f"expected {pixel_format.shape} {pixel_format.photometric_interpretation}, "
                f"the frame decodes to {array.shape} {photometric}"
            )
        values = array.astype(pixel_format.dtype, order="C", copy=False)
        if not np.array_equal(values, array):
            raise DecodeError(f"decoded values do not fit {pixel_format.dtype}")
        if out is None:
            return values
        np.copyto(out, values)
        return out

    def _decoder(self) -> Decoder:
        from pydicom.pixels.decoders.base import get_decoder
        from pydicom.uid import UID

        syntax = UID(self.transfer_syntax_uid)
        try:
            decoder = get_decoder(syntax)
        except NotImplementedError as exc:
            raise CodecUnavailableError(f"pydicom does not know transfer syntax {syntax}") from exc
        if not decoder.is_encapsulated:
            raise DecodeError(f"transfer syntax {syntax} has no compressed frames")
        if not decoder.is_available:
            raise CodecUnavailableError(
                f"pydicom has no decoder for transfer syntax {syntax}",
                suggestion="pip install 'dicube-plugins[decoders]'",
            )
        return decoder

    def _decoded(self, frame: bytes, pixel_format: PixelFormat) -> tuple[StoredValues, str]:
        from pydicom.dataset import Dataset, FileMetaDataset
        from pydicom.encaps import encapsulate
        from pydicom.uid import UID

        decoder = self._decoder()
        dataset = Dataset()
        dataset.file_meta = FileMetaDataset()
        dataset.file_meta.TransferSyntaxUID = UID(self.transfer_syntax_uid)
        dataset.SamplesPerPixel = pixel_format.samples_per_pixel
        dataset.PhotometricInterpretation = (
            self.photometric_interpretation or pixel_format.photometric_interpretation
        )
        if pixel_format.is_colour:
            dataset.PlanarConfiguration = pixel_format.planar_configuration
        dataset.Rows, dataset.Columns = pixel_format.rows, pixel_format.columns
        dataset.BitsAllocated = pixel_format.bits_allocated
        dataset.BitsStored = pixel_format.bits_stored
        dataset.HighBit = pixel_format.high_bit
        dataset.PixelRepresentation = pixel_format.pixel_representation
        dataset.PixelData = encapsulate([frame])
        dataset["PixelData"].is_undefined_length = True
        try:
            array, properties = decoder.as_array(
                dataset,
                raw=True,
                decoding_plugin=DECODED_BY.get(self.transfer_syntax_uid, ""),
                correct_unused_bits=False,  # type: ignore[arg-type]
            )
        except Exception as exc:
            raise DecodeError(f"the frame cannot be decoded: {_said(exc)}") from exc
        photometric = str(properties["photometric_interpretation"])
        # The decoder has filled in the colour that pixels share.
        return array, "YBR_FULL" if photometric == "YBR_FULL_422" else photometric


def _said(error: Exception) -> str:
    """Return what decoders said, in one line, without those that broke down instead."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return "; ".join(line for line in lines if "object has no attribute" not in line)
