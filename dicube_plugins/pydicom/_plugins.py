"""Reversible changes to pydicom's tables of decoders and encoders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicube_core.codec import openjph, self_test
from dicube_core.exceptions import CodecUnavailableError

if TYPE_CHECKING:
    from pydicom.pixels.decoders.base import Decoder

__all__ = ["LABEL", "REQUIREMENTS", "FirstDecoder", "codec_works"]

#: What pydicom tells to install where our plugins do not work.
REQUIREMENTS = ("imagecodecs>=2026.1.14",)

#: Name of our plugins, for ``decoding_plugin=`` and ``encoding_plugin=``.
LABEL = "dicube"


def codec_works() -> bool:
    """Tell whether frames can be encoded and decoded here."""
    try:
        openjph.require()
    except CodecUnavailableError:
        return False
    return self_test.works(openjph.OpenJPHCodec())


class FirstDecoder:
    """Put a decoding plugin in front of those that a decoder of pydicom has.

    pydicom tries plugins in the order in which they were added. Taking the others out and adding
    them again would do, but a thread that decodes meanwhile would find no plugin, and where those
    of other packages come from is not known. So the plugin is added as everybody adds one, and
    the table is then replaced by one in the other order. Where a later pydicom keeps no such
    table, the plugin stays behind the others.

    Parameters
    ----------
    decoder : Decoder
        pydicom's decoder of one transfer syntax.
    function : tuple of str
        Module and function of the plugin.
    """

    def __init__(self, decoder: Decoder, function: tuple[str, str]) -> None:
        self._decoder: Any = decoder
        self._function = function
        self._own: dict[str, Any] | None = None
        self._ours: dict[str, Any] | None = None

    @property
    def what(self) -> str:
        """The decoder, and that it has one plugin more."""
        return f"decoder of {self._decoder.UID.name}: plugin {LABEL!r}, tried first"

    def apply(self) -> None:
        """Add the plugin."""
        decoder = self._decoder
        decoder.add_plugin(LABEL, self._function)
        own = getattr(decoder, "_available", None)
        if isinstance(own, dict) and LABEL in own:
            self._own, self._ours = own, {LABEL: own[LABEL], **own}
            decoder._available = self._ours  # noqa: SLF001 - see above

    def revert(self) -> str:
        """Remove the plugin; the table is the one that was there, unless others changed it."""
        decoder, own, ours = self._decoder, self._own, self._ours
        self._own = self._ours = None
        try:
            decoder.remove_plugin(LABEL)
        except ValueError:
            return f"{self.what}: was removed by others"
        if own is not None and ours is not None and decoder._available is ours:  # noqa: SLF001
            own.pop(LABEL, None)
            if list(own.items()) == list(ours.items()):
                decoder._available = own  # noqa: SLF001
        return ""
