"""What the adapter changes in the framework. Imported only when it is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

# The framework may be imported at the top here, and nowhere else.
import example_viewer

from dicube_plugins import is_dcbs
from dicube_plugins.patching import AddToList, Replace

if TYPE_CHECKING:
    from collections.abc import Callable

    from dicube_plugins.patching import Patch


def read_dcbs(path: str) -> example_viewer.Picture | None:
    """Read a ``.dcbs`` file as the framework reads its own: modality values, and spacing in mm."""
    if not is_dcbs(path):  # by its first bytes, not by its name
        return None
    import dicube_core
    from dicube_core.modality import ModalityValues

    with dicube_core.open(path) as reader:
        # Slices without a regular grid have no spacing; `reader.require_geometry()` would raise
        # an error that says why. A picture can do without, an affine could not.
        geometry = reader.geometry
        spacing = None if geometry is None else geometry.spacing
        return example_viewer.Picture(ModalityValues(reader).frames(), spacing)


def title(original: Callable[[str], str], path: str) -> str:
    """Stand in for ``example_viewer.title``; all that is none of ours goes to the original."""
    if not is_dcbs(path):
        return original(path)
    import dicube_core

    with dicube_core.open(path) as reader:
        meta: Any = reader.dicom_meta
        name = None if meta is None else meta.get("SeriesDescription")
        return str(name or original(path))


def patches() -> list[Patch]:
    """Return the changes. The installer makes them all or none, and takes exactly these back."""
    return [
        AddToList(
            example_viewer.readers, read_dcbs, "example_viewer.readers: read_dcbs first", first=True
        ),
        Replace(example_viewer, "title", title),
    ]
