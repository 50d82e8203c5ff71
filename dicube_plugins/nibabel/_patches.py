"""What ``dicube_plugins.install("nibabel")`` changes in nibabel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nibabel.imageclasses import all_image_classes

from dicube_plugins.nibabel._image import DcbsImage
from dicube_plugins.patching import AddToList

if TYPE_CHECKING:
    from dicube_plugins.patching import Patch

__all__ = ["patches"]


def patches() -> list[Patch]:
    """Return the changes: one entry of the list that `nibabel.load` and `nibabel.save` go through.

    It is put first: no other class knows the ending ``.dcbs``, and files are found sooner.
    """
    place = "nibabel.imageclasses.all_image_classes: DcbsImage added"
    return [AddToList(all_image_classes, DcbsImage, place, first=True)]
