"""The backend that xarray asks for ``.dcbs`` files.

xarray imports it with all others, whatever is opened: what it needs comes with the first file.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from xarray.backends import BackendEntrypoint

from dicube_plugins.sniff import is_dcbs

if TYPE_CHECKING:
    from collections.abc import Iterable

    import xarray as xr

__all__ = ["DcbsBackend"]

_SUFFIX = ".dcbs"
_KINDS = ("modality", "stored")


class DcbsBackend(BackendEntrypoint):  # type: ignore[misc]
    """Opens ``.dcbs`` files lazily; the methods are those of xarray's backends."""

    description: ClassVar[str] = "Open .dcbs series (CT, MR, PET) lazily, frame by frame"

    def guess_can_open(self, filename_or_obj: Any) -> bool:
        """Tell whether this is a ``.dcbs`` file: by its name, or by its first bytes."""
        if isinstance(filename_or_obj, str | os.PathLike):
            text = os.fspath(filename_or_obj)
            if isinstance(text, str) and "://" in text:
                # Nothing is fetched only to guess.
                return urlsplit(text).path.lower().endswith(_SUFFIX)
            # A damaged file of this name is ours, too: nobody else could say what is wrong.
            if os.fsdecode(text).lower().endswith(_SUFFIX):
                return True
        return is_dcbs(filename_or_obj)

    def open_dataset(
        self,
        filename_or_obj: Any,
        *,
        drop_variables: str | Iterable[str] | None = None,
        values: str = "modality",
    ) -> xr.Dataset:
        """Open a file as a dataset whose values are decoded when they are asked for.

        Parameters
        ----------
        filename_or_obj : path, URL, bytes or seekable binary file
            As `dicube_core.open` takes it. Only what was opened by path or URL can be pickled,
            as other processes need it.
        drop_variables : str or iterable of str, optional
            Variables and coordinates to leave out.
        values : {'modality', 'stored'}, optional
            What the data variable holds: ``image``, modality values (Hounsfield units for CT) or
            RGB, in a type that holds each of them exactly; or ``stored``, stored values of any
            colour.

        Returns
        -------
        xarray.Dataset
            Closing it closes the file.

        Raises
        ------
        ValueError
            `values` is neither; or as `dicube_core.open` for a file that is not valid.
        UnsupportedKindError
            Colour that is not turned into RGB; ``values="stored"`` gives it as it is.
        """
        from dicube_core.reader import Reader
        from dicube_plugins.xarray._dataset import dataset_of

        if values not in _KINDS:
            raise ValueError(f"values must be one of {_KINDS}, not {values!r}")
        reader = Reader(filename_or_obj)
        try:
            dataset = dataset_of(reader, stored=values == "stored")
        except BaseException:
            reader.close()
            raise
        dropped = [drop_variables] if isinstance(drop_variables, str) else drop_variables or ()
        dataset = dataset.drop_vars([name for name in dropped if name in dataset.variables])
        dataset.set_close(reader.close)
        return dataset
