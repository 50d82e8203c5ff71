"""Frames as their source compressed them, decoded by a plugin of pydicom for their syntax.

Such frames are never made here, only kept: where a source was compressed with loss, its decoded
values take several times the room and are no better.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dicube_core.codec.arrays import check_out, require_full_resolution
from dicube_core.codec.frame_headers import RLE, check_frame, decoders_of
from dicube_core.codec.rle import decode_rle
from dicube_core.exceptions import CodecUnavailableError, DecodeError

if TYPE_CHECKING:
    from pydicom.pixels.decoders.base import Decoder

    from dicube_core.codec.base import Codestream, StoredValues
    from dicube_core.pixels import PixelFormat

__all__ = ["EncapsulatedCodec", "EncapsulatedInfo", "decoder_for", "trusted_plugin"]


def decoder_for(syntax: str) -> tuple[Decoder, str]:
    """Return the decoder of pydicom for a transfer syntax, and the plugin that it is to use.

    Raises
    ------
    CodecUnavailableError
        No plugin that may decode it is installed.
    DecodeError
        The transfer syntax has no compressed frames.
    """
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    uid = UID(syntax)
    try:
        decoder = get_decoder(uid)
    except NotImplementedError as exc:
        raise CodecUnavailableError(f"pydicom does not know transfer syntax {syntax}") from exc
    if not decoder.is_encapsulated:
        raise DecodeError(f"transfer syntax {syntax} has no compressed frames")
    known = decoders_of(syntax)
    installed = decoder.available_plugins
    plugin = next((name for name in known if name in installed), None)
    if plugin is None:
        wanted = f" ({' or '.join(known)})" if known else ""
        raise CodecUnavailableError(
            f"no decoder for transfer syntax {syntax} is installed{wanted}",
            suggestion="pip install 'dicube-plugins[decoders]'",
        )
    return decoder, plugin


def trusted_plugin(syntax: str) -> str:
    """Return what to give to pydicom as ``decoding_plugin``; '' for uncompressed pixels.

    Raises
    ------
    CodecUnavailableError
        As `decoder_for`.
    """
    return decoder_for(syntax)[1] if decoders_of(syntax) else ""


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
        """Check the frame's own header and structure; see `check_frame`.

        Raises
        ------
        DecodeError
            It is damaged, or of another size, depth or number of samples.
        """
        frame = bytes(codestream)
        check_frame(frame, self.transfer_syntax_uid, pixel_format)
        return EncapsulatedInfo(
            pixel_format.rows,
            pixel_format.columns,
            pixel_format.samples_per_pixel,
            pixel_format.bits_stored,
            pixel_format.pixel_representation == 1,
            len(frame),
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
        frame = bytes(codestream)
        self.inspect(frame, pixel_format)
        array, photometric = self._decoded(frame, pixel_format)
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

    def _decoded(self, frame: bytes, pixel_format: PixelFormat) -> tuple[StoredValues, str]:
        if self.transfer_syntax_uid == RLE:
            return decode_rle(frame, pixel_format), pixel_format.photometric_interpretation
        from pydicom.dataset import Dataset, FileMetaDataset
        from pydicom.encaps import encapsulate
        from pydicom.uid import UID

        decoder, plugin = decoder_for(self.transfer_syntax_uid)
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
                decoding_plugin=plugin,
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
