"""Metadata of slices in ITK's words: keys ``gggg|eeee`` and texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import SimpleITK as sitk

from dicube_core.exceptions import MetaDataError
from dicube_core.lazy import lazy
from dicube_plugins.insight.slice_file import readable_file, reason_of

if TYPE_CHECKING:
    from dicube_plugins.insight.slice_file import SliceFile

__all__ = ["GDCM", "SliceWords"]

#: The ImageIO that reads slices; who asks for it is served.
GDCM = "GDCMImageIO"


class SliceWords:
    """What SimpleITK says of one slice, worked out by it when first asked for.

    Parameters
    ----------
    file : SliceFile or None
        The slice's header; None for a file without DICOM metadata.
    private : bool
        Whether private elements are wanted.
    """

    def __init__(self, file: SliceFile | None, *, private: bool) -> None:
        self._file, self._private = file, private

    @lazy
    def entries(self) -> dict[str, str]:
        """Key to text.

        Raises
        ------
        MetaDataError
            SimpleITK does not read the header.
        """
        if self._file is None:
            return {}
        try:
            return _read(self._file.data(), private=self._private)
        except RuntimeError:  # SimpleITK's word for anything
            data, entries = self._file.described_anew()
        try:
            return _read(data, private=self._private) | entries
        except RuntimeError as exc:
            raise MetaDataError(
                f"{self._file.place}: SimpleITK does not read the header of "
                f"{self._file.header.name!r}: {reason_of(exc)}",
                suggestion="dicube_core.open(path) gives frames and metadata without it",
            ) from exc

    def text(self, key: str) -> str:
        """Return the text of a key.

        Raises
        ------
        MetaDataError
            There is none.
        """
        try:
            return self.entries[key]
        except KeyError:
            raise MetaDataError(
                f"the metadata has no key {key!r}",
                suggestion="keys are written as 0020|000d, in lower case",
            ) from None


def _read(data: bytes, *, private: bool) -> dict[str, str]:
    with readable_file(data) as path:
        reader = sitk.ImageFileReader()
        reader.SetFileName(path)
        reader.SetImageIO(GDCM)
        reader.SetLoadPrivateTags(private)
        reader.ReadImageInformation()
        return {key: reader.GetMetaData(key) for key in reader.GetMetaDataKeys()}
